"""The Laplace approximation that the fast engine starts from and is scaled by.

Joint posterior mode in the coordinates of `threatkit.model.density`, and the curvature there:
all of it up to `LARGEST_WHOLE` coordinates, its outstanding directions beyond. Before the data
the curvature is the identity wherever a prior is normal, and events inform few directions,
so what differs from the identity is of low rank.
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
NEGLIGIBLE = 0.15
#: Step of the differences; coordinates have about unit scale.
STEP = 1e-4
#: Bounds of a curvature: a mode's flattest directions are no guide to the posterior's width.
FLATTEST, STEEPEST = 0.8, 1e8


@dataclass(frozen=True)
class Gaussian:
    """x = centre + M xi with xi standard normal, M the identity but for a few directions.

    Attributes
    ----------
    centre
        Shape (size,).
    vectors
        Shape (size, direction), orthonormal.
    scales
        Shape (direction,): standard deviation along each.
    """

    centre: FloatArray
    vectors: FloatArray
    scales: FloatArray

    def apply(self, xi: FloatArray) -> FloatArray:
        """Return M xi, shape (size, points); M is symmetric."""
        along = self.vectors.T @ xi
        along *= (self.scales - 1)[:, None]
        result: FloatArray = self.vectors @ along
        result += xi
        return result

    def solve(self, x: FloatArray) -> FloatArray:
        """Return M^-1 x, shape (size, points)."""
        result: FloatArray = x + self.vectors @ (
            (1 / self.scales - 1)[:, None] * (self.vectors.T @ x)
        )
        return result


def find_mode(logp: LogDensity, start: FloatArray, *, most: int = 2000) -> FloatArray:
    """Return the joint posterior mode, shape (size,)."""

    def negative(x: FloatArray) -> tuple[float, FloatArray]:
        value, grad = logp(x[:, None])
        return -float(value[0]), -grad[:, 0]

    options = {"maxiter": most, "maxcor": 30, "ftol": 1e-10, "gtol": 1e-3}
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
    if len(centre) <= LARGEST_WHOLE:
        whole = product(np.eye(len(centre)))
        values, vectors = eigh((whole + whole.T) / 2)
    else:
        values, vectors = _outstanding(product, len(centre), seed)
    scales = 1 / np.sqrt(np.clip(values, FLATTEST, STEEPEST))
    kept = np.abs(scales - 1) > NEGLIGIBLE
    return Gaussian(centre, np.ascontiguousarray(vectors[:, kept]), scales[kept])


def curve(logp: LogDensity, centre: FloatArray, directions: FloatArray) -> FloatArray:
    """Return minus the second derivatives times each direction, shape (size, direction)."""
    result = np.empty_like(directions)
    for start in range(0, directions.shape[1], BATCH):
        step = STEP * directions[:, start : start + BATCH]
        ahead, behind = logp(centre[:, None] + step)[1], logp(centre[:, None] - step)[1]
        result[:, start : start + BATCH] = (behind - ahead) / (2 * STEP)
    return result


def _outstanding(product: Product, size: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """Return the curvatures furthest from one and their directions, by subspace iteration."""
    rng = np.random.default_rng(seed)
    block = np.linalg.qr(rng.standard_normal((size, KEPT_DIRECTIONS)))[0]
    for _ in range(SUBSPACE_ROUNDS):
        block = np.linalg.qr(product(block) - block)[0]
    small = block.T @ product(block)
    values, turn = eigh((small + small.T) / 2)
    return values, block @ turn
