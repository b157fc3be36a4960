"""The Laplace approximation that the fast engine starts from and is scaled by.

The posterior mode given the hyperparameters, in the coordinates of `threatkit.model.density`,
and the curvature there: all of it up to `LARGEST_WHOLE` coordinates; beyond, the directions that
stand out and the scale of each coordinate. Before the data the curvature is the identity
wherever a prior is normal, and events inform few directions, so little differs from it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.optimize import minimize

FloatArray = NDArray[np.float64]
LogDensity = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
Product = Callable[[FloatArray], FloatArray]
#: The gradient at any number of points, shape (size, points).
Gradient = Callable[[FloatArray], FloatArray]

#: Coordinates up to which the whole curvature is computed.
LARGEST_WHOLE = 1800
#: Directions kept of a larger one, unless told.
KEPT_DIRECTIONS = 128
#: Rounds of the search for them.
SUBSPACE_ROUNDS = 3
#: Random directions that estimate each coordinate's scale.
PROBES = 64
#: Coordinates whose curvature is averaged over points.
AVERAGED_ROWS = 256
#: A scale this near one is left at one.
NEGLIGIBLE = 0.1
#: Coordinates steeper than this beside the directions that stand out have a scale of their own.
STEEP = 2.0
#: Step of the differences; coordinates have about unit scale.
STEP = 1e-5
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


def laplace(
    gradient: Gradient, centre: FloatArray, *, directions: int = KEPT_DIRECTIONS, seed: int = 0
) -> Gaussian:
    """Return the Gaussian of the curvature at a point, such as the mode."""
    size = len(centre)
    if size > LARGEST_WHOLE:
        return _outstanding(centre, lambda v: curve(gradient, centre, v), directions, seed)
    return _whole(centre, curve(gradient, centre, np.eye(size)))


def averaged(
    gradient: Gradient,
    points: FloatArray,
    curved: NDArray[np.intp],
    *,
    directions: int = KEPT_DIRECTIONS,
    seed: int = 0,
) -> Gaussian:
    """Return the Gaussian of a curvature that is averaged over points.

    Parameters
    ----------
    gradient
        Of the log density, at any number of points.
    points
        Shape (size, points): of the posterior, roughly. The centre is their mean, and most of
        the curvature is taken there.
    curved
        Coordinates whose curvature varies and is averaged over the points: a log standard
        deviation is held more tightly at any one field than at the mean field, which is flat.
        Where the whole curvature is known, those that differ most from their prior join them.
    directions
        How many are kept where there are many coordinates.
    seed
        Of the search for them.
    """
    centre = points.mean(axis=1)
    size = len(centre)
    if size <= LARGEST_WHOLE:
        whole = curve(gradient, centre, np.eye(size))
        apart = np.linalg.norm(whole - np.eye(size), axis=1)
        apart[curved] = np.inf
        rows = np.sort(np.argsort(-apart, kind="stable")[: max(AVERAGED_ROWS, len(curved))])
        units = np.zeros((size, len(rows)))
        units[rows, np.arange(len(rows))] = 1.0
        mean = _mean_curve(gradient, points, units)
        whole[:, rows] = mean
        whole[rows] = mean.T
        whole[np.ix_(rows, rows)] = (mean[rows] + mean[rows].T) / 2
        return _whole(centre, whole)
    units = np.zeros((size, len(curved)))
    units[curved, np.arange(len(curved))] = 1.0
    more = _mean_curve(gradient, points, units)
    more -= curve(gradient, centre, units)
    corner = (more[curved] + more[curved].T) / 2
    more[curved] = 0.0

    def product(v: FloatArray) -> FloatArray:
        result = curve(gradient, centre, v) + more @ v[curved]
        result[curved] += more.T @ v + corner @ v[curved]
        return result

    made = _outstanding(centre, product, directions, seed)
    # The mean of few points errs along every one of many coordinates; for a normal density
    # each point's Newton step ends at the centre itself.
    steps = made.apply(made.pull(gradient(points)))
    return replace(made, centre=(points + steps).mean(axis=1))


def curve(gradient: Gradient, centre: FloatArray, directions: FloatArray) -> FloatArray:
    """Return minus the second derivatives times each direction, shape (size, direction)."""
    at = np.hstack([centre[:, None], centre[:, None] + STEP * directions])
    value = gradient(at)
    result: FloatArray = (value[:, :1] - value[:, 1:]) / STEP
    return result


def _mean_curve(gradient: Gradient, points: FloatArray, directions: FloatArray) -> FloatArray:
    total = np.zeros_like(directions)
    for point in points.T:
        total += curve(gradient, point, directions)
    total /= points.shape[1]
    return total


def _whole(centre: FloatArray, curvature: FloatArray) -> Gaussian:
    values, vectors = eigh((curvature + curvature.T) / 2)
    return _kept(centre, np.ones(len(centre)), values, vectors)


def _kept(
    centre: FloatArray, base: FloatArray, values: FloatArray, vectors: FloatArray
) -> Gaussian:
    scales = 1 / np.sqrt(np.clip(values, FLATTEST, STEEPEST))
    kept = np.abs(scales - 1) > NEGLIGIBLE
    return Gaussian(centre, base, np.ascontiguousarray(vectors[:, kept]), scales[kept])


def _outstanding(centre: FloatArray, product: Product, directions: int, seed: int) -> Gaussian:
    """Return the directions that stand out, and the scale of each coordinate in what they leave.

    Scaled first, a ridge between two steep coordinates would look flat where they are, and no
    steeper than its prior is what a direction has to be. Scales are of the diagonal of the
    curvature without the directions, from products with random signs.
    """
    rng = np.random.default_rng(seed)
    size = len(centre)
    values, vectors = _steepest(product, size, directions, rng)

    def rest(v: FloatArray) -> FloatArray:
        return product(v) - vectors @ ((values - 1)[:, None] * (vectors.T @ v))

    signs = np.where(rng.random((size, PROBES)) < 0.5, -1.0, 1.0)
    diagonal = (signs * rest(signs)).mean(axis=1)
    steep = diagonal > STEEP
    base = np.where(steep, 1 / np.sqrt(np.clip(diagonal, 1.0, STEEPEST)), 1.0)
    if steep.any():

        def scaled(v: FloatArray) -> FloatArray:
            return base[:, None] * product(base[:, None] * v)

        values, vectors = _steepest(scaled, size, directions, rng)
    return _kept(centre, base, values, vectors)


def _steepest(
    product: Product, size: int, directions: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Return the curvatures furthest from one, and their directions, by subspace iteration."""
    block = np.linalg.qr(rng.standard_normal((size, directions)))[0]
    for _ in range(SUBSPACE_ROUNDS):
        block = np.linalg.qr(product(block) - block)[0]
    small = block.T @ product(block)
    values, turn = eigh((small + small.T) / 2)
    return values, block @ turn
