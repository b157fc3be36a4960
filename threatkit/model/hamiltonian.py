"""Hamiltonian Monte Carlo with many chains in step, in coordinates scaled by a Gaussian.

The chains of a block share the step size and, in each move, the number of leapfrog steps, so
that one matrix product serves them all. Lengths are drawn anew for each move, or a chain
could come back to where it began (doi:10.1214/16-AAP1255).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threatkit.model.mode import Gaussian, LogDensity

FloatArray = NDArray[np.float64]

#: An error of the energy beyond this is a divergence.
DIVERGENT = 1000.0
#: Bounds of the step size.
SMALLEST_STEP, LARGEST_STEP = 1e-3, 1.5


@dataclass(frozen=True)
class State:
    """Chains at one moment: coordinates, log density and gradient, all in xi."""

    xi: FloatArray
    logp: FloatArray
    grad: FloatArray


class Block:
    """A block of chains that move in step.

    Attributes
    ----------
    scale
        The Gaussian in whose coordinates the chains move.
    step, length
        Leapfrog step and mean length of a trajectory, in those coordinates.
    gradients
        Gradients evaluated so far, each for all chains.
    """

    def __init__(
        self, logp: LogDensity, scale: Gaussian, xi: FloatArray, seed: list[int], *, length: float
    ) -> None:
        self._logp = logp
        self._rng = np.random.default_rng(seed)
        self.scale = scale
        self.step = 0.2
        self.length = length
        self.gradients = 0
        self._state = self._at(xi)

    def _at(self, xi: FloatArray) -> State:
        self.gradients += 1
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            value, grad = self._logp(self.scale.centre[:, None] + self.scale.apply(xi))
            return State(xi, value, self.scale.pull(grad))

    def rescale(self, scale: Gaussian, *, copies: int = 1) -> None:
        """Go on from the same points in other coordinates, each chain as several."""
        position = np.repeat(self.position(), copies, axis=1)
        self.scale = scale
        self._state = self._at(scale.solve(position - scale.centre[:, None]))

    def go_to(self, point: FloatArray, scale: Gaussian) -> None:
        """Go on from other points, shape (size, chain), in other coordinates."""
        self.scale = scale
        self._state = self._at(scale.solve(point - scale.centre[:, None]))

    def offer(self, point: FloatArray, odds: FloatArray | float = 0.0) -> NDArray[np.bool_]:
        """Offer each chain another point; return which are taken.

        ``odds`` is the log density of proposing the way back, less that of this way; 0 where
        the proposal is symmetric.
        """
        old = self._state
        new = self._at(self.scale.solve(point - self.scale.centre[:, None]))
        with np.errstate(invalid="ignore"):
            gain = new.logp - old.logp + odds
        gain = np.where(np.isfinite(gain), gain, -np.inf)
        taken = np.log(self._rng.uniform(size=len(gain))) < gain
        self._state = State(
            np.where(taken, new.xi, old.xi),
            np.where(taken, new.logp, old.logp),
            np.where(taken, new.grad, old.grad),
        )
        return taken

    def position(self) -> FloatArray:
        """Return the chains' points, shape (size, chain)."""
        return self.scale.centre[:, None] + self.scale.apply(self._state.xi)

    def move(self) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Move every chain once; return acceptance probabilities and divergences."""
        rng, old = self._rng, self._state
        length = self.length * rng.uniform(0.5, 1.5)
        steps = max(int(np.ceil(length / self.step)), 1)
        step = length / steps
        cosine, sine = np.cos(step), np.sin(step)
        momentum = rng.standard_normal(old.xi.shape)
        before = old.logp - 0.5 * np.einsum("ij,ij->j", momentum, momentum)
        new = old
        with np.errstate(over="ignore", invalid="ignore"):
            kick = 0.5 * step * (old.grad + old.xi)
            for _ in range(steps):
                momentum += kick
                xi = cosine * new.xi + sine * momentum
                momentum = cosine * momentum - sine * new.xi
                new = self._at(xi)
                kick = 0.5 * step * (new.grad + new.xi)
                momentum += kick
            gain = new.logp - 0.5 * np.einsum("ij,ij->j", momentum, momentum) - before
        gain = np.where(np.isfinite(gain), gain, -np.inf)
        chance = np.exp(np.minimum(gain, 0.0))
        taken = rng.uniform(size=len(chance)) < chance
        self._state = State(
            np.where(taken, new.xi, old.xi),
            np.where(taken, new.logp, old.logp),
            np.where(taken, new.grad, old.grad),
        )
        return chance, gain < -DIVERGENT

    def tune(self, moves: int, *, target: float) -> None:
        """Move, and fit the step size to a target acceptance."""
        for number in range(moves):
            chance, _ = self.move()
            factor = np.exp((chance.mean() - target) * 1.5 / (1 + 0.15 * number))
            self.step = float(np.clip(self.step * factor, SMALLEST_STEP, LARGEST_STEP))
