"""The Laplace approximation that the fast engine starts from and is scaled by.

The posterior mode given the hyperparameters, in the coordinates of `threatkit.model.density`,
and the curvature there: all of it up to `LARGEST_WHOLE` coordinates; beyond, the scale of each
coordinate and the directions that stand out. Before the data the curvature is the identity
wherever a prior is normal, and events inform few directions, so little differs from it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.optimize import minimize

FloatArray = NDArray[np.float64]
LogDensity = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
Product = Callable[[FloatArray], FloatArray]

#: Coordinates up to which the whole curvature is computed.
LARGEST_WHOLE = 1800
#: Directions kept of a larger one.
KEPT_DIRECTIONS = 128
#: Rounds of the search for them.
SUBSPACE_ROUNDS = 3
#: Points evaluated at once.
BATCH = 64
#: A scale this near one is left at one.
NEGLIGIBLE = 0.25
#: Step of the differences; coordinates have about unit scale.
STEP = 1e-4
#: Bounds of a curvature: a mode's flattest directions are no guide to the posterior's width.
FLATTEST, STEEPEST = 0.8, 1e8


@dataclass(frozen=True)
class Gaussian:
    """x = centre + M xi with xi standard normal; M = B (I + V (S - 1) V').

    Attributes
    ----------
    centre
        Shape (size,).
    base
        Shape (size,): B, the scale of each coordinate; ones where the whole curvature is known.
    vectors
        Shape (size, direction): V, orthonormal.
    scales
        Shape (direction,): S, the standard deviation along each.
    """

    centre: FloatArray
    base: FloatArray
    vectors: FloatArray
    scales: FloatArray

    def apply(self, xi: FloatArray) -> FloatArray:
        """Return M xi, shape (size, points)."""
        result = self._along(xi, self.scales)
        result *= self.base[:, None]
        return result

    def pull(self, grad: FloatArray) -> FloatArray:
        """Return M' grad, the derivative by xi."""
        return self._along(self.base[:, None] * grad, self.scales)

    def solve(self, x: FloatArray) -> FloatArray:
        """Return M^-1 x, shape (size, points)."""
        return self._along(x / self.base[:, None], 1 / self.scales)

    def _along(self, xi: FloatArray, scales: FloatArray) -> FloatArray:
        along = self.vectors.T @ xi
        along *= (scales - 1)[:, None]
        result: FloatArray = self.vectors @ along
        result += xi
        return result


def find_mode(
    logp: LogDensity, start: FloatArray, *, held: NDArray[np.intp], most: int = 500
) -> FloatArray:
    """Return the posterior mode given some coordinates, shape (size,).

    Parameters
    ----------
    logp
        Log density and gradient.
    start
        Shape (size,).
    held
        Coordinates left where they are. The joint mode of a field and its scale lies far from
        the posterior's bulk, the further the longer the field.
    most
        Iterations.
    """

    def negative(x: FloatArray) -> tuple[float, FloatArray]:
        value, grad = logp(x[:, None])
        grad[held] = 0.0
        return -float(value[0]), -grad[:, 0]

    options = {"maxiter": most, "maxcor": 30, "ftol": 1e-9, "gtol": 1e-2}
    found = minimize(negative, start, jac=True, method="L-BFGS-B", options=options)
    return np.asarray(found.x, dtype=float)


def laplace(logp: LogDensity, centre: FloatArray, *, seed: int = 0) -> Gaussian:
    """Return the Gaussian of the curvature at a point, such as the mode."""
    return _gaussian(centre, lambda v: curve(logp, centre, v), seed)


def averaged(
    logp: LogDensity, points: FloatArray, rows: NDArray[np.intp], *, seed: int = 0
) -> Gaussian:
    """Return the Gaussian of a curvature that is averaged over points.

    Parameters
    ----------
    logp
        Log density and gradient.
    points
        Shape (size, points): of the posterior, roughly. The centre is their mean, and most of
        the curvature is taken there.
    rows
        Coordinates whose curvature varies and is averaged over the points: a log standard
        deviation is held more tightly at any one field than at the mean field, which is flat.
    seed
        Of the search for directions where there are many coordinates.
    """
    centre = points.mean(axis=1)
    units = np.zeros((len(centre), len(rows)))
    units[rows, np.arange(len(rows))] = 1.0
    more = -curve(logp, centre, units)
    for number, row in enumerate(rows):
        step = np.zeros((len(centre), 1))
        step[row] = STEP
        apart = logp(points - step)[1] - logp(points + step)[1]
        more[:, number] += apart.mean(axis=1) / (2 * STEP)
    corner = (more[rows] + more[rows].T) / 2
    more[rows] = 0.0

    def product(v: FloatArray) -> FloatArray:
        result = curve(logp, centre, v) + more @ v[rows]
        result[rows] += more.T @ v + corner @ v[rows]
        return result

    return _gaussian(centre, product, seed)


def _gaussian(centre: FloatArray, product: Product, seed: int) -> Gaussian:
    """Return the Gaussian of a curvature given as products with directions."""
    base = np.ones(len(centre))
    if len(centre) <= LARGEST_WHOLE:
        whole = product(np.eye(len(centre)))
        values, vectors = eigh((whole + whole.T) / 2)
    else:
        base, values, vectors = _outstanding(product, len(centre), seed)
    scales = 1 / np.sqrt(np.clip(values, FLATTEST, STEEPEST))
    kept = np.abs(scales - 1) > NEGLIGIBLE
    return Gaussian(centre, base, np.ascontiguousarray(vectors[:, kept]), scales[kept])


def curve(logp: LogDensity, centre: FloatArray, directions: FloatArray) -> FloatArray:
    """Return minus the second derivatives times each direction, shape (size, direction)."""
    result = np.empty_like(directions)
    for start in range(0, directions.shape[1], BATCH):
        step = STEP * directions[:, start : start + BATCH]
        ahead, behind = logp(centre[:, None] + step)[1], logp(centre[:, None] - step)[1]
        result[:, start : start + BATCH] = (behind - ahead) / (2 * STEP)
    return result


def _outstanding(
    product: Product, size: int, seed: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return each coordinate's scale, and what else stands out, by subspace iteration.

    The diagonal of the curvature is estimated from products with random signs.
    """
    rng = np.random.default_rng(seed)
    signs = np.where(rng.random((size, BATCH)) < 0.5, -1.0, 1.0)
    diagonal = (signs * product(signs)).mean(axis=1)
    base = 1 / np.sqrt(np.clip(diagonal, 1.0, STEEPEST))

    def scaled(v: FloatArray) -> FloatArray:
        return base[:, None] * product(base[:, None] * v)

    block = np.linalg.qr(rng.standard_normal((size, KEPT_DIRECTIONS)))[0]
    for _ in range(SUBSPACE_ROUNDS):
        block = np.linalg.qr(scaled(block) - block)[0]
    small = block.T @ scaled(block)
    values, turn = eigh((small + small.T) / 2)
    return base, values, block @ turn
