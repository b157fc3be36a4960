"""Unconstrained coordinates of every prior, for many points at once.

A point is a column: arrays have shape (..., points). Each prior is written so that its
coordinate has about unit scale. Normal, half-normal and exponential families become standard
normal exactly; near zero and far out that is gentler to a sampler than the logarithm.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, betaln, log_ndtr, ndtr, ndtri

from threatkit.model.priors import Prior

FloatArray = NDArray[np.float64]

#: Coordinates beyond this would overflow an exponential; the density there is nil anyway.
FARTHEST = 300.0
#: Further out a normal's tail probability underflows.
FARTHEST_NORMAL = 30.0
#: Further out a parameter between 0 and 1 does not differ from either.
FARTHEST_UNIT = 8.0


@dataclass(frozen=True)
class Moved:
    """A prior's parameter at given coordinates.

    Attributes
    ----------
    value
        The parameter.
    slope
        Its derivative by the coordinate.
    logp
        Log prior density of the coordinate, up to a constant.
    grad
        Its derivative.
    """

    value: FloatArray
    slope: FloatArray
    logp: FloatArray
    grad: FloatArray


def move(prior: Prior, u: FloatArray) -> Moved:
    """Return a prior's parameter, with its density, at unconstrained coordinates."""
    u = np.clip(u, -FARTHEST, FARTHEST)
    match prior.family:
        case "normal":
            mu, sd = prior.values
            return Moved(mu + sd * u, np.full_like(u, sd), -0.5 * u**2, -u)
        case "lognormal":
            mu, sd = prior.values
            value = np.exp(mu + sd * u)
            return Moved(value, sd * value, -0.5 * u**2, -u)
        case "half_normal":
            sd = prior.values[0]
            w = -ndtri(0.5 * ndtr(-np.minimum(u, FARTHEST_NORMAL)))
            return Moved(sd * w, 0.5 * sd * np.exp(0.5 * (w**2 - u**2)), -0.5 * u**2, -u)
        case "exponential" | "pc":
            rate = _rate(prior)
            below = log_ndtr(-u)
            slope = np.exp(-0.5 * u**2 - below) / (rate * math.sqrt(2 * math.pi))
            return Moved(-below / rate, slope, -0.5 * u**2, -u)
        case "gamma":
            shape, rate = prior.values
            e = np.exp(u)
            return Moved(e / rate, e / rate, shape * u - e, shape - e)
        case _:
            alpha, beta = prior.values
            return _move_beta(alpha, beta, u)


def _move_beta(alpha: float, beta: float, u: FloatArray) -> Moved:
    """Return a beta prior's parameter by quantiles; a logit would have long, heavy tails."""
    near = np.clip(u, -FARTHEST_UNIT, FARTHEST_UNIT)
    value = betaincinv(alpha, beta, ndtr(near))
    rest = betaincinv(beta, alpha, ndtr(-near))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        log_density = (alpha - 1) * np.log(value) + (beta - 1) * np.log(rest)
        slope = np.exp(betaln(alpha, beta) - log_density - 0.5 * near**2) / math.sqrt(2 * math.pi)
    return Moved(value, np.where(np.isfinite(slope), slope, 0.0), -0.5 * u**2, -u)


def _rate(prior: Prior) -> float:
    if prior.family == "pc":
        return -math.log(prior.values[1]) / prior.values[0]
    return prior.values[0]


@dataclass
class Layout:
    """Where each block of coordinates stands in a point.

    Attributes
    ----------
    slots
        Block -> its rows.
    priors
        Block -> its prior; blocks without one are standard normal.
    fixed
        Block -> its value, for priors that fix it.
    size
        Number of coordinates.
    """

    slots: dict[str, slice] = field(default_factory=dict)
    priors: dict[str, Prior] = field(default_factory=dict)
    fixed: dict[str, float] = field(default_factory=dict)
    size: int = 0

    def add(self, name: str, length: int = 1, prior: Prior | None = None) -> None:
        """Append a block; one whose prior fixes it takes no coordinate."""
        if prior is not None and prior.family == "fixed":
            self.fixed[name] = prior.values[0]
            return
        self.slots[name] = slice(self.size, self.size + length)
        self.size += length
        if prior is not None:
            self.priors[name] = prior

    def __contains__(self, name: str) -> bool:
        return name in self.slots or name in self.fixed

    @property
    def curved(self) -> NDArray[np.intp]:
        """Return the coordinates that scale others, so that curvature varies along them."""
        rows = [np.arange(self.size)[self.slots[name]] for name in self.priors]
        return np.concatenate(rows) if rows else np.zeros(0, dtype=np.intp)

    @property
    def hyperparameters(self) -> Sequence[str]:
        """Return the blocks with a prior of their own."""
        return list(self.priors)


class Values:
    """The parameters at given points, which gather the gradient on the way back.

    ``point`` has shape (size, points). `scalar` and `vector` read a block; `push` adds the
    derivative of the log density by its values; `finish` returns density and gradient.
    """

    def __init__(self, layout: Layout, point: FloatArray) -> None:
        self.layout = layout
        self.point = point
        self.count = point.shape[1]
        self._moved = {
            name: move(prior, point[layout.slots[name]]) for name, prior in layout.priors.items()
        }
        #: What a term has worked out at these points and needs again on the way back.
        self.memo: dict[str, Any] = {}
        self._grad = np.zeros_like(point)
        self._normal = np.ones(layout.size, dtype=bool)
        for name in layout.priors:
            self._normal[layout.slots[name]] = False

    def vector(self, name: str) -> FloatArray:
        """Return a block's values, shape (length, points)."""
        if name in self.layout.fixed:
            return np.full((1, self.count), self.layout.fixed[name])
        moved = self._moved.get(name)
        return self.point[self.layout.slots[name]] if moved is None else moved.value

    def scalar(self, name: str) -> FloatArray:
        """Return the only value of a block, shape (points,)."""
        value: FloatArray = self.vector(name)[0]
        return value

    def push(self, name: str, grad: FloatArray) -> None:
        """Add the derivative by a block's values, shape (length, points) or (points,)."""
        if name in self.layout.fixed:
            return
        moved = self._moved.get(name)
        self._grad[self.layout.slots[name]] += grad if moved is None else grad * moved.slope

    def finish(self, logp: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return log density, shape (points,), and gradient with the priors added."""
        total = logp.copy()
        standard = self.point[self._normal]
        total -= 0.5 * np.einsum("ij,ij->j", standard, standard)
        self._grad[self._normal] -= standard
        for name, moved in self._moved.items():
            total += moved.logp.sum(axis=0)
            self._grad[self.layout.slots[name]] += moved.grad
        return total, self._grad
