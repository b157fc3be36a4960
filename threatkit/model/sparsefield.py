"""The spatial field as a linear map that can be applied to many points at once.

Up to `LARGEST_DENSE` districts the map is the eigenbasis of the graph Laplacian
(`threatkit.model.densefield`). Beyond, it is the sparse Cholesky factor of the grounded
Laplacian, with a coordinate for each part.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from threatkit.geo.graph import Graph
from threatkit.model.densefield import in_eigenvectors
from threatkit.model.field import Structure, structure
from threatkit.model.triangular import NOTHING, Factor, cholesky

FloatArray = NDArray[np.float64]

#: Districts up to which the dense eigenbasis is quicker.
LARGEST_DENSE = 1200
#: Districts up to which every marginal variance is computed, not estimated.
LARGEST_EXACT = 8000
#: Fields drawn to estimate the marginal variances beyond.
PROBES = 1000


class Field(Protocol):
    """BYM2 without its standard deviation, as a function of coordinates and mixing."""

    size: int
    mixed: bool
    #: Coordinates along which the prior is independent in what data see, see `spread`.
    own: slice

    def spread(self, mixing: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the standard deviation along each of the own coordinates, and its slope."""

    def information(self, known: FloatArray) -> FloatArray:
        """Return the precision along the own coordinates of precisions by district."""

    def forward(self, e: FloatArray, mixing: FloatArray) -> FloatArray:
        """Return the field, shape (district, points)."""

    def backward(
        self, grad: FloatArray, e: FloatArray, mixing: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the derivatives by the coordinates and by the mixing."""

    def split(
        self, e: FloatArray, mixing: FloatArray, rng: np.random.Generator
    ) -> dict[str, FloatArray]:
        """Return what tells the structured part from the plain one."""


def make_field(
    graph: Graph,
    *,
    international_weight: float = 1.0,
    country: NDArray[np.intp] | None = None,
) -> Field:
    """Return the field of a graph, dense or sparse by its size; see `field.structure`."""
    made = structure(graph, international_weight=international_weight, country=country)
    return in_eigenvectors(made) if made.precision.shape[0] <= LARGEST_DENSE else _sparse(made)


@dataclass
class SparseField:
    """The field by sparse Cholesky factors: structured coordinates first, then plain ones.

    Attributes
    ----------
    factor
        The lower triangular factor of the grounded Laplacian.
    order
        Districts of the factor's rows (all but islands and one district a component).
    grounded
        Their Laplacian, which the factor is of.
    member
        Shape (component, district): averages over each component.
    scale
        Shape (district,): makes the geometric mean of a component's variances one.
    island
        Shape (district,).
    within
        What holds the sum over each country of a component at zero, or None: the averages
        over the countries, shape (country, district), and what a unit of each moves, shape
        (district, country), before scaling.
    """

    factor: Factor
    order: NDArray[np.intp]
    grounded: sp.csr_array
    member: sp.csr_array
    scale: FloatArray
    island: NDArray[np.bool_]
    within: tuple[sp.csr_array, FloatArray] | None = None

    def __post_init__(self) -> None:
        self.districts = len(self.scale)
        self.size = len(self.order) + self.districts
        self.own = slice(len(self.order), self.size)
        self.mixed = bool(len(self.order))
        self._back = sp.csr_array((self.member > 0).T.astype(float))

    def _structured(self, e: FloatArray) -> FloatArray:
        return self.shaped(self.factor.solve(e, transposed=True))

    def _structured_back(self, grad: FloatArray) -> FloatArray:
        """Return the derivatives by the structured coordinates."""
        along: FloatArray = self.factor.solve(self.pulled(grad))
        return along

    def shaped(self, grounded: FloatArray) -> FloatArray:
        """Return the structured part, shape (district, points), of the grounded field.

        Parameters
        ----------
        grounded
            Shape (row of the factor, points): a field whose precision is ``grounded``.
        """
        field = np.zeros((self.districts, grounded.shape[1]))
        field[self.order] = grounded
        field -= self._back @ (self.member @ field)
        if self.within is not None:
            average, move = self.within
            field -= move @ (average @ field)
        field *= self.scale[:, None]
        return field

    def pulled(self, grad: FloatArray) -> FloatArray:
        """Return the derivatives by the grounded field of what has ``grad`` by `shaped`."""
        field = self.scale[:, None] * grad
        if self.within is not None:
            average, move = self.within
            field -= average.T @ (move.T @ field)
        field -= self.member.T @ (self._back.T @ field)
        return np.ascontiguousarray(field[self.order])

    def constraint(self) -> tuple[FloatArray, FloatArray]:
        """Return what `shaped` takes off: R, shape (district, sum), and A, of which R A x."""
        average, move = self.member.toarray(), self._back.toarray()
        if self.within is not None:
            countries, moved = self.within
            average = np.vstack([average, countries - countries @ move @ average])
            move = np.hstack([move, moved])
        used = average[:, self.order].any(axis=1)
        return move[:, used], average[used]

    def split(
        self, e: FloatArray, _mixing: FloatArray, _rng: np.random.Generator
    ) -> dict[str, FloatArray]:
        """Return the structured part, shape (district, points); it has no modes here."""
        return {"structured": self._structured(e[: len(self.order)])} if self.mixed else {}

    def spread(self, mixing: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the standard deviation of each district's own part, and its slope."""
        own = self._own(np.clip(mixing, 1e-12, 1 - 1e-12))
        return own, np.where(self.island[:, None], 0.0, -0.5 / own)

    def information(self, known: FloatArray) -> FloatArray:
        """Return the precision about each district's own part."""
        return known

    def _own(self, mixing: FloatArray) -> FloatArray:
        own: FloatArray = np.where(self.island[:, None], 1.0, np.sqrt(1 - mixing))
        return own

    def forward(self, e: FloatArray, mixing: FloatArray) -> FloatArray:
        """Return the field, shape (district, points)."""
        mixing = np.clip(mixing, 1e-12, 1 - 1e-12)
        k = len(self.order)
        result: FloatArray = self._own(mixing) * e[k:]
        if k:
            result = result + np.sqrt(mixing) * self._structured(e[:k])
        return result

    def backward(
        self, grad: FloatArray, e: FloatArray, mixing: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the derivatives by the coordinates and by the mixing."""
        mixing = np.clip(mixing, 1e-12, 1 - 1e-12)
        k = len(self.order)
        result = np.empty_like(e)
        result[k:] = self._own(mixing) * grad
        plain = np.where(self.island[:, None], 0.0, grad * e[k:])
        slope = -0.5 / np.sqrt(1 - mixing) * plain.sum(axis=0)
        if k:
            along = self._structured_back(grad)
            result[:k] = np.sqrt(mixing) * along
            slope = slope + 0.5 / np.sqrt(mixing) * np.einsum("ij,ij->j", along, e[:k])
        return result, slope


def _sparse(made: Structure) -> SparseField:
    precision, component = made.precision, made.component
    n = precision.shape[0]
    size = np.bincount(component)
    island = size[component] == 1
    first = np.zeros(n, dtype=bool)
    first[np.unique(component, return_index=True)[1]] = True
    kept = np.flatnonzero(~first)
    member = sp.csr_array((1 / size[component], (component, np.arange(n))), shape=(len(size), n))
    if not len(kept):
        nothing = sp.csr_array((0, 0))
        return SparseField(NOTHING, kept, nothing, member, np.ones(n), island)
    factor, place = cholesky(precision[kept][:, kept])
    order = kept[place]
    grounded = sp.csr_array(precision[order][:, order])
    unscaled = SparseField(factor, order, grounded, member, np.ones(n), island)
    within = _within(unscaled, made)
    unscaled = replace(unscaled, within=within)
    variance = np.where(island, 1.0, _variances(unscaled))
    log_scale = -0.5 * (member @ np.log(variance))
    return replace(unscaled, scale=np.exp(log_scale)[component])


def _within(unscaled: SparseField, made: Structure) -> tuple[sp.csr_array, FloatArray] | None:
    """Return what conditions the field on a mean of zero in each country of a component."""
    size = np.bincount(made.group)
    if len(size) == len(np.unique(made.component)):
        return None
    n = len(made.group)
    average = sp.csr_array((1 / size[made.group], (made.group, np.arange(n))), shape=(len(size), n))
    covariance = unscaled._structured(unscaled._structured_back(average.T.toarray()))
    # Singular: in each component the averages, weighted by their districts, sum to zero.
    return average, covariance @ np.linalg.pinv(average @ covariance, hermitian=True)


def _variances(unscaled: SparseField) -> FloatArray:
    """Return the marginal variances of the unscaled structured field."""
    n = unscaled.districts
    total = np.zeros(n)
    if n > LARGEST_EXACT:
        drawn = np.random.default_rng(0).standard_normal((len(unscaled.order), PROBES))
        total = (unscaled._structured(drawn) ** 2).mean(axis=1)
        # The mean logarithm of a chi-squared mean falls short by about 1 / PROBES.
        total *= np.exp(1 / PROBES)
        return total
    step = 500
    for start in range(0, len(unscaled.order), step):
        width = min(step, len(unscaled.order) - start)
        unit = np.zeros((len(unscaled.order), width))
        unit[start + np.arange(width), np.arange(width)] = 1.0
        total += (unscaled._structured(unit) ** 2).sum(axis=1)
    return total
