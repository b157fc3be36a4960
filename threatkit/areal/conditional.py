"""Draws of many single coordinates from their conditional densities, nearly exactly.

Between nodes the logarithm of each density is taken as linear, so that it can be drawn from and
evaluated without error: a proposal for a step that is accepted or refused by the true density.
"""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

#: Coordinates at which densities are evaluated; beyond them nothing is proposed.
NODES = np.linspace(-5.0, 5.0, 21)
_STEP = float(NODES[1] - NODES[0])
#: Slopes below this are taken as none.
_FLAT = 1e-6


class Pieces:
    """Densities on the range of the nodes, of log-linear pieces."""

    def __init__(self, log_density: FloatArray) -> None:
        """Take log densities at the nodes, up to constants, shape (node, ...)."""
        self._log = log_density - log_density.max(axis=0)
        height = np.exp(self._log)
        self._rise = np.diff(self._log, axis=0)
        flat = np.abs(self._rise) < _FLAT
        mass = np.diff(height, axis=0)
        mass /= np.where(flat, 1.0, self._rise)
        self._mass = np.where(flat, height[:-1], mass)
        self._total = self._mass.sum(axis=0)

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Return a draw from each density."""
        left = rng.uniform(size=self._total.shape) * self._total
        below = np.cumsum(self._mass, axis=0)
        cell = np.minimum((below < left).sum(axis=0), len(self._mass) - 1)
        rise = _at(self._rise, cell)
        share = rng.uniform(size=cell.shape)
        flat = np.abs(rise) < _FLAT
        safe = np.where(flat, 1.0, rise)
        place = np.where(flat, share, np.log1p(share * np.expm1(safe)) / safe)
        return np.asarray(NODES[cell] + _STEP * np.minimum(place, 1.0))

    def log_density(self, value: FloatArray) -> FloatArray:
        """Return the log density of each at a value; -inf beyond the nodes."""
        reach = (value - NODES[0]) / _STEP
        inside = (reach >= 0) & (reach <= len(self._mass))
        cell = np.clip(np.floor(np.where(inside, reach, 0.0)), 0, len(self._mass) - 1).astype(int)
        rise = _at(self._rise, cell)
        rise = np.where(np.abs(rise) < _FLAT, 0.0, rise)
        found = _at(self._log, cell) + rise * (reach - cell) - np.log(self._total * _STEP)
        return np.where(inside, found, -np.inf)


def _at(values: FloatArray, cell: NDArray[np.intp]) -> FloatArray:
    return np.asarray(np.take_along_axis(values, cell[None], axis=0)[0])
