"""The sparse field in coordinates in which data and prior together are nearly round.

The structured part x of a long field is held by its neighbours and by what counts say of each
district. With K the graph's Laplacian and D the counts' precision about x, the posterior's
precision is nearly K + D, which is as sparse as K. So x = L^-T u with L L' = K + D (a Cholesky
factor, made once) has u nearly standard normal; a plain part is then centred on what the counts
leave of it after x, see `threatkit.model.centring`. Both are changes of variables with their
Jacobian: whatever D is, the posterior is exact.

The likelihood sees x without its mean, so the mean's prior is free; it is given the precision
that the counts would have about it, which keeps the sum of both sparse.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

from threatkit.model.centring import Tilt
from threatkit.model.field import Structure
from threatkit.model.sparsefield import SparseField

FloatArray = NDArray[np.float64]
Solver = Callable[..., None]

#: Least precision of the counts about a district's structured part that is reckoned with.
LEAST_PRECISION = 1e-3


@dataclass(frozen=True)
class Tilted:
    """The field at given points, and what is needed on the way back."""

    space: FloatArray
    left: FloatArray
    structured: FloatArray
    plain: FloatArray
    x: FloatArray
    pull: FloatArray
    level: FloatArray


class TiltedField:
    """BYM2 of a long field: structured coordinates first, then plain ones."""

    def __init__(self, made: Structure, field: SparseField, tilt: Tilt) -> None:
        """Factor the precision.

        Parameters
        ----------
        made
            Laplacian and components.
        field
            The same field without a tilt: its scale and what makes it sum to zero.
        tilt
            What the counts say.
        """
        self._field, self._precision = field, made.precision
        self.districts = field.districts
        self.size = 2 * self.districts
        self.precision, self.target = tilt.precision[:, None], tilt.target[:, None]
        share = np.clip(tilt.mixing, 0.02, 0.98)
        plain = np.where(field.island, 1.0, 1 - share) * tilt.sd**2
        about = share * (field.scale * tilt.sd) ** 2 * tilt.precision
        held = np.maximum(about / (1 + tilt.precision * plain), LEAST_PRECISION)
        self._solver = _Triangle(sp.csc_array(made.precision + sp.diags_array(held)))
        whole = np.bincount(made.component, weights=held)
        weight = held / whole[made.component]
        shape = (len(whole), self.districts)
        self._mean = sp.csr_array((weight, (made.component, np.arange(self.districts))), shape)
        self._mean_precision = whole[:, None]

    def forward(self, u: FloatArray, sd: FloatArray, mixing: FloatArray) -> Tilted:
        """Return the field, shape (district, points), and what its prior leaves out.

        Parameters
        ----------
        u
            Shape (size, points), taken to be standard normal by the caller.
        sd, mixing
            Shape (points,).
        """
        n, (smooth, own) = self.districts, self._spread(sd, mixing)
        x = self._solver.back(u[:n])
        structured = self._field.constrained(x)
        w = sd * own
        c2 = 1 / (1 + self.precision * w**2)
        away = self.target - sd * smooth * structured
        plain = self.precision * w * c2 * away + u[n:] * np.sqrt(c2)
        pull = self._precision @ x
        level = self._mean @ x
        left = np.einsum("ij,ij->j", u, u) - np.einsum("ij,ij->j", plain, plain)
        left += np.log(c2).sum(axis=0) - np.einsum("ij,ij->j", x, pull)
        left -= np.einsum("ij,ij->j", level, self._mean_precision * level)
        pull += self._mean.T @ (self._mean_precision * level)
        space = sd * smooth * structured + w * plain
        return Tilted(space, 0.5 * left, structured, plain, x, pull, level)

    def backward(
        self, grad: FloatArray, at: Tilted, u: FloatArray, sd: FloatArray, mixing: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the derivatives by coordinates, sd and mixing of a function of the field."""
        n, (smooth, own) = self.districts, self._spread(sd, mixing)
        p, w = self.precision, sd * own
        c2 = 1 / (1 + p * w**2)
        c = np.sqrt(c2)
        away = self.target - sd * smooth * at.structured
        by_plain = w * grad - at.plain
        by_w = at.plain * grad - p * w * c2
        by_w += by_plain * (p * away * c2 * (1 - 2 * p * w**2 * c2) - u[n:] * p * w * c * c2)
        by_smooth = grad - by_plain * p * w * c2
        result = u.copy()
        result[n:] += by_plain * c
        by_x = self._field.constrained_back(sd * smooth * by_smooth) - at.pull
        result[:n] += self._solver.ahead(by_x)
        by_scale = np.einsum("ij,ij->j", by_smooth, at.structured)
        by_own = np.einsum("ij,ij->j", by_w, own)
        slope = np.where(self._field.island[:, None], 0.0, -0.5 / own)
        by_mixing = 0.5 * sd / smooth * by_scale + sd * np.einsum("ij,ij->j", by_w, slope)
        return result, smooth * by_scale + by_own, by_mixing

    def _spread(self, sd: FloatArray, mixing: FloatArray) -> tuple[FloatArray, FloatArray]:
        mixing = np.clip(mixing, 1e-12, 1 - 1e-12) * np.ones_like(sd)
        return np.sqrt(mixing), self._field.spread(mixing)[0]


class _Triangle:
    """Solves by the Cholesky factor of a sparse precision, for many points at once."""

    def __init__(self, precision: sp.csc_array) -> None:
        lu = splu(
            precision,
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )
        lower = sp.csc_array(lu.L @ sp.diags_array(np.sqrt(lu.U.diagonal())))
        lower.sort_indices()
        self._order = np.empty(precision.shape[0], dtype=np.intp)
        self._order[lu.perm_r] = np.arange(precision.shape[0])
        self._parts = (lower.indptr, lower.indices, lower.data)

    def back(self, u: FloatArray) -> FloatArray:
        """Return L^-T u, rows by district."""
        x = np.array(u, dtype=float, order="C")
        _solvers()[1](*self._parts, x)
        result = np.empty_like(x)
        result[self._order] = x
        return result

    def ahead(self, grad: FloatArray) -> FloatArray:
        """Return L^-1 of rows by district."""
        x = np.ascontiguousarray(grad[self._order])
        _solvers()[0](*self._parts, x)
        return x


_COMPILED: list[Any] = []


def _solvers() -> list[Any]:
    """Return the compiled substitutions with L and L'; compiled when first needed."""
    if not _COMPILED:
        from numba import njit

        made = [njit(nogil=True, fastmath=True)(one) for one in (_forward, _backward)]
        one = (np.array([0, 1], dtype=np.int32), np.zeros(1, dtype=np.int32), np.ones(1))
        for solver in made:
            solver(*one, np.ones((1, 1)))
        _COMPILED.extend(made)
    return _COMPILED


def _forward(
    start: NDArray[np.int32], row: NDArray[np.int32], value: FloatArray, x: FloatArray
) -> None:
    points = x.shape[1]
    for j in range(x.shape[0]):
        first = 1.0 / value[start[j]]
        for k in range(points):
            x[j, k] *= first
        for at in range(start[j] + 1, start[j + 1]):
            i, factor = row[at], value[at]
            for k in range(points):
                x[i, k] -= factor * x[j, k]


def _backward(
    start: NDArray[np.int32], row: NDArray[np.int32], value: FloatArray, x: FloatArray
) -> None:
    points = x.shape[1]
    for back in range(x.shape[0]):
        j = x.shape[0] - 1 - back
        for at in range(start[j] + 1, start[j + 1]):
            i, factor = row[at], value[at]
            for k in range(points):
                x[j, k] -= factor * x[i, k]
        first = 1.0 / value[start[j]]
        for k in range(points):
            x[j, k] *= first
