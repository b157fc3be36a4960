"""From the field's coordinates to the field, in coordinates as round as its size allows.

`Direct` takes the field's own coefficients, centred where data hold them. `Whitened`, for the
fields of `threatkit.model.sparsefield`, whitens all of them at once. With v the structured part,
t the plain one and eta = r + A v + w t, where the data have precision K about eta and point
to tau,

    t = K w (tau - r - A v) / q + u_t / sqrt(q),  q = 1 + K w^2,

and v = L'^-1 (L^-1 A K (tau - r) / q + u_v) with L the sparse Cholesky factor of v's precision
once t is integrated out, Q + A^2 K / q, at the mode's A and w. Whatever else moves the log rate,
an oblast's effect or a coefficient, has the field follow it. If the data were normal, u would
be standard normal; they are not, and the change of variables with its Jacobian leaves the
posterior exact whatever K and tau are (doi:10.1214/088342307000000014).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from threatkit.model.centring import Centring
from threatkit.model.plainpart import PlainPart
from threatkit.model.sparsefield import Field, SparseField
from threatkit.model.triangular import cholesky

FloatArray = NDArray[np.float64]

#: Information below this share of a district's own prior is left out.
LEAST_INFORMATION = 0.01
#: Bound of the precision of a direction that a sum of zero takes away.
LEAST_PRECISION = 1e-6


@dataclass(frozen=True)
class Reference:
    """What the mode given the hyperparameters says of a field.

    Attributes
    ----------
    precision
        Shape (district,): K, of the data about the log rate, at least 0.
    target
        Shape (district,): tau, the log rate that they point to.
    sd, mixing
        Of the field, there.
    """

    precision: FloatArray
    target: FloatArray
    sd: float
    mixing: float


@dataclass(frozen=True)
class Chosen:
    """Which coordinates of a specification are centred.

    Attributes
    ----------
    field
        The field's: where it is `Whitened`, its coordinates, which all densities of a
        specification share; else the centring of its own coefficients, or None.
    pillars
        Pillars whose oblast effects are, see `threatkit.model.oblasts`.
    years
        The centring of the year effects, or None.
    """

    field: "Centring | Whitened | None" = None
    pillars: tuple[str, ...] = ()
    years: Centring | None = None


@dataclass(frozen=True)
class Placed:
    """A field at some coordinates.

    Attributes
    ----------
    unit
        Shape (district, points): the field, without its standard deviation.
    left
        Shape (points,): what standard normal coordinates leave out of the log prior.
    coordinates
        Those that it was made from.
    parts
        The coefficients of a `Direct` field; of a `Whitened` one v, t, the rest of the log rate,
        the grounded field and L' of it.
    """

    unit: FloatArray
    left: FloatArray
    coordinates: FloatArray
    parts: tuple[FloatArray, ...]


class Space(Protocol):
    """Coordinates of a field."""

    #: Whether the field follows the rest of the log rate.
    follows: bool

    def forward(
        self, u: FloatArray, sd: FloatArray, mixing: FloatArray, rest: FloatArray
    ) -> Placed:
        """Return the field at coordinates of shape (size, points).

        ``rest``, shape (district, points), is read where the field `follows` it.
        """

    def backward(
        self, grad: FloatArray, placed: Placed, sd: FloatArray, mixing: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray | None]:
        """Return the derivatives by the coordinates, standard deviation, mixing and the rest.

        ``grad`` is the one by sd times the field; that by the rest is None where the field does
        not follow it.
        """

    def split(
        self, placed: Placed, mixing: FloatArray, rng: np.random.Generator
    ) -> dict[str, FloatArray]:
        """Return what tells the structured part from the plain one."""


class Direct:
    """The field's own coefficients, with the ``own`` of them centred or not."""

    follows = False

    def __init__(self, field: Field, centring: Centring | None) -> None:
        self._field, self._centring = field, centring

    def forward(
        self, u: FloatArray, sd: FloatArray, mixing: FloatArray, _rest: FloatArray
    ) -> Placed:
        """Return the field; see `Space`."""
        e, left = u, np.zeros(u.shape[1])
        if self._centring is not None:
            own, e = self._field.own, u.copy()
            w = sd * self._field.spread(mixing)[0]
            e[own], left = self._centring.forward(u[own], w)
        return Placed(self._field.forward(e, mixing), left, u, (e,))

    def backward(
        self, grad: FloatArray, placed: Placed, sd: FloatArray, mixing: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, None]:
        """Return the derivatives; see `Space`."""
        (e,) = placed.parts
        by_sd = np.einsum("ij,ij->j", grad, placed.unit)
        by_e, by_mixing = self._field.backward(sd * grad, e, mixing)
        if self._centring is not None:
            own = self._field.own
            spread, slope = self._field.spread(mixing)
            by_e[own], by_w = self._centring.backward(
                by_e[own], e[own], placed.coordinates[own], sd * spread
            )
            by_sd = by_sd + np.einsum("ij,ij->j", by_w, spread)
            by_mixing = by_mixing + sd * np.einsum("ij,ij->j", by_w, slope)
        return by_e, by_sd, by_mixing, None

    def split(
        self, placed: Placed, mixing: FloatArray, rng: np.random.Generator
    ) -> dict[str, FloatArray]:
        """Return what the field itself tells."""
        return self._field.split(placed.parts[0], mixing, rng)


class Whitened:
    """A sparse field, whitened by what the data say of it; see the module.

    Attributes
    ----------
    field
        The field; as all else here, calls do not change it.
    """

    follows = True

    def __init__(self, field: SparseField, reference: Reference) -> None:
        self.field = field
        share = np.array([np.clip(reference.mixing, 1e-3, 1 - 1e-3)])
        spread = reference.sd * field.spread(share)[0][:, 0]
        known = reference.precision * spread**2
        held = known > LEAST_INFORMATION
        precision = np.where(held, reference.precision, 0.0)
        aim = precision * np.where(held, reference.target, 0.0)
        self._plain = PlainPart(precision, aim, field.island)
        scale = reference.sd * np.sqrt(share[0])
        weight = scale / (1 + np.where(held, known, 0.0))
        self._known, self._weight = precision[:, None], weight[:, None]
        pull = scale * weight * precision * field.scale**2
        self._pull = pull[field.order, None]
        self._whiten(pull)

    def _whiten(self, pull: FloatArray) -> None:
        """Factor the precision of the grounded field, with data of precision ``pull`` about it."""
        field = self.field
        matrix = field.grounded + sp.diags_array(pull[field.order])
        self._factor, self._order = cholesky(matrix)
        # The data see the field less its averages, R A of it: M = I - R A, and M' D M is D and
        # what follows, F B F' with F = [A', D R].
        move, average = field.constraint()
        weighed = pull[:, None] * move
        count = average.shape[0]
        block = np.block(
            [[move.T @ weighed, -np.eye(count)], [-np.eye(count), np.zeros((count, count))]]
        )
        sides = np.hstack([average.T, weighed])[field.order][self._order]
        vectors, right = np.linalg.qr(self._factor.solve(sides))
        values, turn = np.linalg.eigh(right @ block @ right.T)
        self._vectors = vectors @ turn
        self._scales = 1 / np.sqrt(np.maximum(1 + values, LEAST_PRECISION))[:, None]

    def _round(self, u: FloatArray) -> FloatArray:
        """Return u, stretched along the directions that the sums of zero change."""
        along = self._vectors.T @ u
        along *= self._scales - 1
        stretched: FloatArray = self._vectors @ along
        stretched += u
        return stretched

    def forward(
        self, u: FloatArray, sd: FloatArray, mixing: FloatArray, rest: FloatArray
    ) -> Placed:
        """Return the field; see `Space`."""
        field, k = self.field, len(self._order)
        mixing = np.clip(mixing, 1e-12, 1 - 1e-12)
        pulled = field.pulled(self._weight * (self._plain.aim[:, None] - self._known * rest))
        along = self._round(self._factor.solve(pulled[self._order]))
        along += u[:k]
        rounded = self._round(along)
        grounded = np.empty_like(rounded)
        grounded[self._order] = self._factor.solve(rounded, transposed=True)
        v = field.shaped(grounded)
        t, unit, left = self._plain.forward(u[k:], v, rest, sd, mixing)
        # The precision of the grounded field is L L' less the data's, so that the log prior of
        # it follows from L' of it, which is ``rounded``.
        left += 0.5 * (
            np.einsum("ij,ij->j", u[:k], u[:k])
            - np.einsum("ij,ij->j", rounded, rounded)
            + np.einsum("ij,ij,ij->j", self._pull, grounded, grounded)
        )
        return Placed(unit, left, u, (v, t, rest, grounded, rounded))

    def backward(
        self, grad: FloatArray, placed: Placed, sd: FloatArray, mixing: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return the derivatives; see `Space`."""
        field, k = self.field, len(self._order)
        mixing = np.clip(mixing, 1e-12, 1 - 1e-12)
        v, t, rest, grounded, rounded = placed.parts
        place = placed.coordinates[k:], v, rest, t
        by_plain, by_v, by_rest, by_sd, by_mixing = self._plain.backward(grad, place, sd, mixing)
        by_grounded = field.pulled(by_v)
        by_grounded += self._pull * grounded
        by_rounded = self._factor.solve(by_grounded[self._order])
        by_rounded -= rounded
        by_structured = self._round(by_rounded)
        by_pulled = np.empty_like(grounded)
        by_pulled[self._order] = self._factor.solve(self._round(by_structured), transposed=True)
        by_rest -= self._weight * self._known * field.shaped(by_pulled)
        by_structured += placed.coordinates[:k]
        return np.concatenate([by_structured, by_plain]), by_sd, by_mixing, by_rest

    def split(
        self, placed: Placed, _mixing: FloatArray, _rng: np.random.Generator
    ) -> dict[str, FloatArray]:
        """Return the structured part, shape (district, points)."""
        return {"structured": placed.parts[0]}
