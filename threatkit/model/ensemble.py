"""Many short Hamiltonian chains in step, for any target that knows its gradient.

The way of the fast engine, apart from any one model: find the mode, take the curvature there,
let a few chains leave it, average the curvature over where they are, and move many chains in
coordinates in which the posterior is nearly round. Each block of chains has a thread; its
random numbers are its own, so that draws do not depend on the number of cores.
"""

import logging
import queue
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from threatkit.model.hamiltonian import Block
from threatkit.model.mode import Gaussian, averaged, find_mode, laplace

logger = logging.getLogger(__name__)

FloatArray = NDArray[np.float64]

#: Groups of chains, put one after the other, that the gate sees as one chain each: R-hat asks
#: for long chains, and these are short and many (nested R-hat, doi:10.1214/24-BA1453).
GROUPS = 4
#: Points of a batch where curvature is measured.
BATCH = 64
#: Coordinates beyond which points are kept in single precision.
LARGEST_DOUBLE = 20_000
#: Spread of the starting points around the mode, in the approximation's standard deviations.
START_SPREAD = 0.1


class Target(Protocol):
    """A log density that an `Ensemble` can sample.

    A point is a column of ``size`` real, unbounded coordinates; a call takes many at once. Three
    things decide how quickly a target is sampled.

    - Coordinates should have about unit scale, best be standard normal before the data: the
      curvature is not trusted below `threatkit.model.mode.FLATTEST`.
    - Where data hold a coordinate little, it should be the ratio to its standard deviation
      (non-centred), where they hold it tightly, the quantity itself (centred), so that the
      curvature along it hardly depends on the hyperparameters.
    - ``curved`` names the coordinates along which the curvature varies most.

    Each block calls a target of its own, in its own thread: a target may keep working arrays.
    The density may be -inf or nan far out; such a move is refused.
    """

    @property
    def size(self) -> int:
        """Return the number of coordinates."""

    @property
    def curved(self) -> NDArray[np.intp]:
        """Return the hyperparameters' coordinates, such as standard deviations.

        They are held at the start while the mode is found, as the joint mode of a field and
        its scale lies far from the posterior's bulk; their curvature is averaged over points.
        """

    def __call__(self, point: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return log density and gradient.

        Parameters
        ----------
        point
            Shape (size, points); not to be changed.

        Returns
        -------
        tuple
            Log density up to a constant, shape (points,), and its derivatives, shape (size,
            points): a new array, or one that may be overwritten.
        """


@dataclass(frozen=True)
class Moves:
    """How the chains move.

    Attributes
    ----------
    blocks
        Blocks of chains; each has a thread of its own.
    chains
        Chains of a block.
    copies
        Chains that share the way to the bulk of the posterior and part there.
    settle, adapt
        Moves before the first and after each later scaling, of which there are two, or one where
        chains share nothing; they are not kept.
    length
        Mean length of a trajectory, in posterior standard deviations.
    target_accept
        Acceptance that the step size is fitted to.
    max_rounds
        The chains grow to at most ``max_rounds`` times the draws asked for.
    directions
        Directions kept of a curvature too large to be known whole.
    every
        Moves from one kept point to the next.
    """

    blocks: int = 2
    chains: int = 64
    copies: int = 8
    settle: int = 14
    adapt: int = 12
    length: float = 3.2
    target_accept: float = 0.8
    max_rounds: int = 3
    directions: int = 128
    every: int = 1


#: Moves in a field that is whitened: it needs few directions, and chains that share nothing, as
#: the gate looks at thousands of districts and the least sure decides.
LONG = Moves(chains=24, copies=1, adapt=24, length=4.0, directions=32)
#: The same where hyperparameters have a longer way to go and a draw takes more memory.
LONGEST = replace(LONG, adapt=32, every=2)


class Ensemble[T: Target]:
    """Chains that sample a target; they can be extended.

    Attributes
    ----------
    targets
        The target of each block.
    seconds
        Wall time of ``mode``, ``warm-up`` and ``sample``.
    kept
        Points that each chain has been asked for so far.
    """

    def __init__(
        self,
        make: Callable[[], T],
        *,
        seed: int,
        moves: Moves | None = None,
        start: FloatArray | None = None,
    ) -> None:
        """Find the mode and bring the chains to the bulk of the posterior.

        Parameters
        ----------
        make
            Makes a target; called once a block.
        seed
            Of everything random.
        moves
            How the chains move.
        start
            Where the search for the mode starts, shape (size,); zeros if None. The ``curved``
            coordinates stay there until the chains leave the mode.
        """
        self._moves = moves = moves or Moves()
        self.kept = 0
        self.seconds = {"mode": 0.0, "warm-up": 0.0, "sample": 0.0}
        self.targets = [make() for _ in range(moves.blocks)]
        self._free: queue.SimpleQueue[T] = queue.SimpleQueue()
        for target in self.targets:
            self._free.put(target)
        with self._timed("mode"):
            scale = self._start(start)
        with self._timed("warm-up"):
            self._warm(scale, seed)

    def _start(self, start: FloatArray | None) -> Gaussian:
        first = self.targets[0]
        origin = np.zeros(first.size) if start is None else start
        mode = find_mode(first, origin, held=first.curved)
        return laplace(self._gradient, mode, directions=self._moves.directions)

    def _warm(self, scale: Gaussian, seed: int) -> None:
        """Leave the mode for the bulk of the posterior, and scale by what is found there."""
        moves, size, curved = self._moves, self.targets[0].size, self.targets[0].curved
        self._runs = []
        for number, target in enumerate(self.targets):
            rng = np.random.default_rng([seed, 2, number, 1])
            xi = START_SPREAD * rng.standard_normal((size, self._ancestors))
            block = Block(target, scale, xi, [seed, 2, number], length=min(moves.length, 1.5))
            self._runs.append(_Run(block))
        self._each(lambda run: run.block.tune(moves.settle, target=moves.target_accept))
        for copies in dict.fromkeys((1, self.copies)):
            points = np.hstack([run.block.position() for run in self._runs])
            scale = averaged(self._gradient, points, curved, directions=moves.directions)
            count = moves.adapt if copies == 1 else 2 * moves.adapt // 3

            def go(
                run: _Run, scale: Gaussian = scale, copies: int = copies, count: int = count
            ) -> None:
                block = run.block
                block.rescale(scale, copies=copies)
                block.step, block.length = 0.3, moves.length
                block.tune(max(count, 4), target=moves.target_accept)

            self._each(go)
        for block in (run.block for run in self._runs):
            logger.info("step %.3f after %d gradients", block.step, block.gradients)

    def _gradient(self, points: FloatArray) -> FloatArray:
        """Return the gradient at any number of points, a thread each batch."""

        def part(start: int) -> FloatArray:
            target = self._free.get()
            try:
                return target(np.ascontiguousarray(points[:, start : start + BATCH]))[1]
            finally:
                self._free.put(target)

        starts = range(0, points.shape[1], BATCH)
        with ThreadPoolExecutor(len(self.targets)) as pool:
            return np.hstack(list(pool.map(part, starts)))

    def _each(self, action: Callable[["_Run"], None]) -> None:
        with ThreadPoolExecutor(len(self._runs)) as pool:
            list(pool.map(action, self._runs))

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        begun = time.monotonic()
        # A matrix product sums in another order on another number of threads.
        with threadpool_limits(1):
            yield
        self.seconds[name] += time.monotonic() - begun

    def extend(self, draws: int) -> int:
        """Add at least so many draws over all chains; return how many each has more, at least 4."""
        chains = self._moves.blocks * self._moves.chains
        more = max(-(-draws // chains), 4)
        with self._timed("sample"):
            self._each(lambda run: run.go(more, every=self._moves.every))
        self.kept += more
        return more

    def follow(self, moves: int, *, target_accept: float) -> None:
        """Move after the targets have changed, and fit the step size anew; nothing is kept."""

        def go(run: _Run) -> None:
            run.block.rescale(run.block.scale)
            run.block.tune(moves, target=target_accept)

        with self._timed("warm-up"):
            self._each(go)

    @property
    def copies(self) -> int:
        """Return how many chains, one after the other, parted from one ancestor."""
        return -(-self._moves.chains // self._ancestors)

    @property
    def _ancestors(self) -> int:
        return max(self._moves.chains // self._moves.copies, 2)

    @property
    def blocks(self) -> list[Block]:
        """Return the blocks of chains, for moves of another kind between those of this one."""
        return [run.block for run in self._runs]

    def drain(self) -> Iterator[tuple[FloatArray, NDArray[np.bool_]]]:
        """Hand out what is kept and forget it: each move's points, and which chains diverged.

        Shapes (size, chains) and (chains,).
        """
        while self._runs[0].points:
            points = np.hstack([run.points.pop(0) for run in self._runs])
            yield (
                points.astype(float, copy=False),
                np.hstack([run.divergent.pop(0) for run in self._runs]),
            )

    def points(self) -> FloatArray:
        """Return the points, shape (kept, size, chains)."""
        return np.concatenate([np.stack(run.points) for run in self._runs], axis=2)

    def divergent(self) -> NDArray[np.bool_]:
        """Return which moves diverged, shape (kept, chains)."""
        return np.concatenate([np.stack(run.divergent) for run in self._runs], axis=1)


class _Run:
    """One block and its kept points."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self.points: list[FloatArray] = []
        self.divergent: list[NDArray[np.bool_]] = []

    def go(self, kept: int, *, every: int) -> None:
        """Move and keep one point in so many."""
        for _ in range(kept):
            divergent = np.any([self.block.move()[1] for _ in range(every)], axis=0)
            point = self.block.position()
            long = len(point) > LARGEST_DOUBLE
            self.points.append(point.astype(np.float32) if long else point)
            self.divergent.append(divergent)


def grouped[T: np.generic](values: NDArray[T]) -> NDArray[T]:
    """Turn (kept, chain, ...) into (group, draw, ...): `GROUPS` chains put one after another."""
    moved = np.moveaxis(values, 0, 1)
    count, kept = moved.shape[:2]
    return moved.reshape(GROUPS, count // GROUPS * kept, *moved.shape[2:])
