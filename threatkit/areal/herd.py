"""Two blocks of Hamiltonian chains from far apart, with jumps of the hyperparameters between.

Where counts are few, their spread may come from the field or from the counts' own
overdispersion: the posterior is a ridge, or has two modes, and gradients alone do not weigh
them. So one block starts where the field explains much, the other where it explains little;
they are mixed. Between Hamiltonian moves the level, the field's spread and mixing, and the
overdispersion of each chain are proposed anew, independently of where it stands, from a density
about the points of the other block (`threatkit.areal.kernels`). The coordinates carry the field
along. Where most areas have no event, a normal approximation carries the plain part badly: it is
drawn anew with the jump, from its conditional density (`threatkit.areal.conditional`), so that
the jump is taken as if the plain part were integrated out. Both proposals have known densities,
and neither block sees its own chains in them, so all moves leave the posterior as it is.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from threatkit.areal.density import ArealDensity
from threatkit.areal.kernels import Kernels
from threatkit.model.ensemble import Ensemble, Moves
from threatkit.model.hamiltonian import Block
from threatkit.model.mode import averaged

FloatArray = NDArray[np.float64]

#: Hamiltonian moves that fit the step size after the blocks are mixed.
TUNING = 10
#: Curvature is averaged over one in so many chains: copies of an ancestor are much alike.
MEASURED = 4


class Herd:
    """Chains that sample the posterior of own areas; they can be extended.

    Attributes
    ----------
    density
        The target.
    seconds
        Wall time of ``mode``, ``warm-up`` and ``sample``.
    copies
        Chains, one after the other, that parted from one ancestor.
    """

    def __init__(self, density: ArealDensity, *, seed: int, moves: Moves) -> None:
        self.density = density
        self._moves, self._rng = moves, np.random.default_rng([seed, 5])
        self._points: list[FloatArray] = []
        self._divergent: list[NDArray[np.bool_]] = []
        self._accepted: list[float] = []
        single = replace(moves, blocks=1)

        def warm(number: int) -> Ensemble[ArealDensity]:
            start = density.starts()[number]
            return Ensemble(lambda: density, seed=2 * seed + number, moves=single, start=start)

        with threadpool_limits(1), ThreadPoolExecutor(2) as pool:
            made = list(pool.map(warm, range(2)))
        self.seconds = {
            name: max(one.seconds[name] for one in made) for name in ("mode", "warm-up", "sample")
        }
        self.copies = made[0].copies
        begun = time.monotonic()
        self._blocks = [block for one in made for block in one.blocks]
        with threadpool_limits(1):
            self._mix()
        self.seconds["warm-up"] += time.monotonic() - begun

    def _mix(self) -> None:
        """Give each block half of each start's chains, and scale by where they all are."""
        one, two = (block.position() for block in self._blocks)
        half = one.shape[1] // 2
        dealt = [
            np.hstack([one[:, :half], two[:, :half]]),
            np.hstack([one[:, half:], two[:, half:]]),
        ]
        some = np.hstack(dealt)[:, ::MEASURED]
        scale = averaged(lambda x: self.density(x)[1], some, self.density.curved)
        for block, points in zip(self._blocks, dealt, strict=True):
            block.go_to(points, scale)
        for _ in range(TUNING // 2):
            self._each(lambda block: block.tune(2, target=self._moves.target_accept))
            self._jump()

    def _each[T](self, action: Callable[[Block], T]) -> list[T]:
        with ThreadPoolExecutor(len(self._blocks)) as pool:
            return list(pool.map(action, self._blocks))

    def _jump(self) -> None:
        rows = self.density.jumping
        if not len(rows):
            return
        for own, other in (self._blocks, self._blocks[::-1]):
            old = own.position()
            kernels, new = Kernels(other.position()[rows]), old.copy()
            new[rows] = kernels.draw(self._rng, old.shape[1])
            odds = kernels.log_density(old[rows]) - kernels.log_density(new[rows])
            if self.density.sparse:
                odds = odds + self._redraw(old, new)
            self._accepted.append(float(own.offer(new, odds).mean()))

    def _redraw(self, old: FloatArray, new: FloatArray) -> FloatArray:
        """Draw the plain part anew in the new points; return the log odds of the way back."""
        rows = self.density.layout.slots["own"]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            back = self.density.plain(old).log_density(old[rows])
            there = self.density.plain(new)
            new[rows] = there.draw(self._rng)
            odds: FloatArray = (back - there.log_density(new[rows])).sum(axis=0)
        return odds

    def run(self, kept: int, *, every: int = 1) -> None:
        """Move on and keep a number of points of each chain, those before are forgotten.

        Parameters
        ----------
        kept
            Points of each chain.
        every
            Moves from one kept point to the next.
        """
        begun = time.monotonic()
        self._points, self._divergent = [], []
        with threadpool_limits(1):
            for number in range(1, kept * every + 1):
                moved = self._each(lambda block: block.move())
                self._jump()
                flags = np.concatenate([divergent for _, divergent in moved])
                if (number - 1) % every:
                    self._divergent[-1] |= flags
                else:
                    self._divergent.append(flags)
                if number % every == 0:
                    points = [block.position() for block in self._blocks]
                    self._points.append(np.concatenate(points, axis=1))
        self.seconds["sample"] += time.monotonic() - begun

    @property
    def kept(self) -> int:
        """Return how many points each chain has."""
        return len(self._points)

    @property
    def accepted(self) -> float:
        """Return the share of jumps that were taken."""
        return float(np.mean(self._accepted)) if self._accepted else 0.0

    def points(self) -> FloatArray:
        """Return the points, shape (kept, size, chains)."""
        return np.stack(self._points)

    def divergent(self) -> NDArray[np.bool_]:
        """Return which moves diverged, shape (kept, chains)."""
        return np.stack(self._divergent)
