"""A Gaussian of many nearly independent coordinates and a few that touch all of them.

The coordinates of a long field are nearly standard normal and nearly independent once data and
neighbours are reckoned with (`threatkit.model.tiltedfield`); intercept, standard deviations
and the effects of years and countries each touch every district. The precision is then an
arrow: a diagonal and a few dense rows, and its factor costs no more than those rows.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from threatkit.model.mode import FLATTEST, PROBES, STEEPEST, Gradient, Product, curve

FloatArray = NDArray[np.float64]

#: Steps towards what the few move: the others' own curvature is nearly the identity.
STEPS = 6
#: Points at which the dense rows are measured, at most.
POINTS = 12


@dataclass(frozen=True)
class Arrow:
    """x = centre + M xi with xi standard normal: first the few, the others given the few.

    Attributes
    ----------
    centre
        Shape (size,).
    few
        Rows of the few coordinates.
    base
        Shape (size,): the scale of each other coordinate given the few; ones at the few.
    touch
        Shape (size, few): what a unit of each of the few moves of the others, in their scales,
        by minus; zeros at the few.
    root, inverse
        Shape (few, few): scale of the few, and its inverse.
    """

    centre: FloatArray
    few: NDArray[np.intp]
    base: FloatArray
    touch: FloatArray
    root: FloatArray
    inverse: FloatArray

    def apply(self, xi: FloatArray) -> FloatArray:
        """Return M xi, shape (size, points)."""
        own = self.root @ xi[self.few]
        result: FloatArray = xi - self.touch @ own
        result *= self.base[:, None]
        result[self.few] = own
        return result

    def pull(self, grad: FloatArray) -> FloatArray:
        """Return M' grad, the derivative by xi."""
        result = self.base[:, None] * grad
        result[self.few] = self.root.T @ (grad[self.few] - self.touch.T @ result)
        return result

    def solve(self, x: FloatArray) -> FloatArray:
        """Return M^-1 x, shape (size, points)."""
        own = x[self.few]
        result: FloatArray = x / self.base[:, None] + self.touch @ own
        result[self.few] = self.inverse @ own
        return result


def arrow(gradient: Gradient, points: FloatArray, few: NDArray[np.intp], *, seed: int = 0) -> Arrow:
    """Return the Gaussian of a curvature that is averaged over points, shape (size, points).

    The few coordinates' rows are averaged over the points; the diagonal of the others is
    estimated at their mean from products with random signs.
    """
    rng = np.random.default_rng(seed)
    centre = points.mean(axis=1)
    size = len(centre)
    units = np.zeros((size, len(few)))
    units[few, np.arange(len(few))] = 1.0
    used = points[:, :: -(-points.shape[1] // POINTS)]
    rows = np.zeros_like(units)
    for point in used.T:
        rows += curve(gradient, point, units)
    rows /= used.shape[1]
    signs = np.where(rng.random((size, PROBES)) < 0.5, -1.0, 1.0)
    signs[few] = 0.0
    diagonal = (signs * curve(gradient, centre, signs)).mean(axis=1)
    base = 1 / np.sqrt(np.clip(diagonal, FLATTEST, STEEPEST))
    base[few] = 1.0
    corner = (rows[few] + rows[few].T) / 2
    along = base[:, None] * rows
    along[few] = 0.0

    def product(v: FloatArray) -> FloatArray:
        result = base[:, None] * curve(gradient, centre, base[:, None] * v)
        result[few] = 0.0
        return result

    touch = _solved(product, along)
    own = along.T @ touch
    values, vectors = eigh(corner - (own + own.T) / 2)
    scales = 1 / np.sqrt(np.clip(values, FLATTEST, STEEPEST))
    root = vectors * scales
    return Arrow(centre, few, base, touch, root, (vectors / scales).T)


def _solved(product: Product, wanted: FloatArray) -> FloatArray:
    """Return the solution of product(x) = wanted by conjugate gradients, column by column."""
    x = wanted.copy()
    rest = wanted - product(x)
    ahead = rest.copy()
    size = np.einsum("ij,ij->j", rest, rest)
    for _ in range(STEPS):
        moved = product(ahead)
        bend = np.einsum("ij,ij->j", ahead, moved)
        step = np.divide(size, bend, out=np.zeros_like(size), where=bend > 0)
        x += step * ahead
        rest -= step * moved
        fresh = np.einsum("ij,ij->j", rest, rest)
        ahead = rest + np.divide(fresh, size, out=np.zeros_like(size), where=size > 0) * ahead
        size = fresh
    return x
