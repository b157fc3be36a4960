"""A density about given points, that follows their shape where they lie."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

#: Share of the points that tell the shape about each of them.
NEAR = 0.25
#: Width of a kernel, in standard deviations of the points near it.
WIDTH = 0.7
#: Variance added in every direction, as a share of that of all points.
ROUND = 0.01


class Kernels:
    """A mixture of normal kernels, one at each point, each as wide as the points near it are.

    Modes that are narrow, wide or bent keep their shapes, as a single covariance would not let
    them.
    """

    def __init__(self, points: FloatArray) -> None:
        """Take points of shape (size, points)."""
        size, count = points.shape
        near = min(count, max(round(NEAR * count), 2 * size + 2))
        variance = points.var(axis=1) + 1e-12
        unit = points / np.sqrt(variance)[:, None]
        apart = ((unit[:, :, None] - unit[:, None, :]) ** 2).sum(axis=0)
        chosen = points[:, np.argsort(apart, axis=1, kind="stable")[:, :near]]
        chosen = chosen - chosen.mean(axis=2, keepdims=True)
        covariance = np.einsum("ijk,ljk->jil", chosen, chosen) / (near - 1)
        covariance += ROUND * np.diag(variance)
        self._points = points
        self._factor = WIDTH * np.linalg.cholesky(covariance)
        self._inverse = np.linalg.inv(self._factor)
        self._log_width = np.log(np.diagonal(self._factor, axis1=1, axis2=2)).sum(axis=1)

    def draw(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Return draws, shape (size, count)."""
        size, points = self._points.shape
        chosen = rng.integers(points, size=count)
        noise = rng.standard_normal((count, size))
        away = np.einsum("jil,jl->ij", self._factor[chosen], noise)
        return np.asarray(self._points[:, chosen] + away)

    def log_density(self, point: FloatArray) -> FloatArray:
        """Return the log density, up to a constant, at points of shape (size, count)."""
        gap = point[:, None, :] - self._points[:, :, None]
        distance = (np.einsum("nij,jnc->inc", self._inverse, gap) ** 2).sum(axis=0)
        each = -0.5 * distance - self._log_width[:, None]
        return np.asarray(np.logaddexp.reduce(each, axis=0))
