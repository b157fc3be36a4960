"""The fast engine: from a Laplace approximation to the exact posterior in seconds.

A Laplace approximation alone is not usable where 99 in 100 cells are empty: its means are off
by half a posterior standard deviation. It is a good map, though: in its coordinates the
posterior is nearly round, and short Hamiltonian trajectories of a few dozen chains in step
(`threatkit.model.hamiltonian`) cross it in a dozen steps. So the approximation is corrected
by sampling, its error is Monte Carlo error, and the run is held to the same gate as nuts,
with one more condition: no drift between the first and the second half of the kept moves.
"""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from threatkit.errors import GateNotMet
from threatkit.model.chains import Update
from threatkit.model.density import Density
from threatkit.model.fit import Fit
from threatkit.model.forecast import Forecast, forecast
from threatkit.model.gate import Diagnostics, diagnose
from threatkit.model.hamiltonian import Block
from threatkit.model.mode import Gaussian, averaged, find_mode, laplace
from threatkit.model.spec import ModelSpec

logger = logging.getLogger(__name__)

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Moves:
    """How the chains move.

    Attributes
    ----------
    blocks
        Blocks of chains; each has a thread of its own.
    chains
        Chains of a block.
    settle, adapt
        Moves before the first and after each of two later scalings; they are not kept.
    length
        Mean length of a trajectory, in posterior standard deviations.
    target_accept
        Acceptance that the step size is fitted to.
    max_rounds
        The chains grow to at most ``max_rounds`` times the draws asked for.
    """

    blocks: int = 2
    chains: int = 64
    settle: int = 14
    adapt: int = 12
    length: float = 3.2
    target_accept: float = 0.8
    max_rounds: int = 3


#: Groups of chains, put one after the other, that the gate sees as one chain each: R-hat asks
#: for long chains, and these are short and many (nested R-hat, doi:10.1214/24-BA1453).
GROUPS = 4
#: Chains that share the way to the bulk of the posterior and part there.
COPIES = 8
#: Spread of the starting points around the mode, in the approximation's standard deviations.
START_SPREAD = 0.1
#: Largest drift between the halves of the kept moves, in standard errors; among a thousand
#: quantities 4.5 is passed by chance once in a hundred runs.
LARGEST_DRIFT = 4.5


def laplace_fit(
    spec: ModelSpec,
    *,
    seed: int,
    draws: int = 4000,
    strict: bool = False,
    update: Update | None = None,
    moves: Moves | None = None,
) -> Fit:
    """Fit a specification with the fast engine.

    The same seed, inputs and versions give the same draws, whatever the number of cores.

    Parameters
    ----------
    spec
        What to fit; see `threatkit.model.density` for the model.
    seed
        Of everything random.
    draws
        Draws of one round, over all chains.
    strict
        Refuse a fit that does not meet the gate.
    update
        Called after each round.
    moves
        How the chains move.

    Returns
    -------
    Fit
        As `threatkit.model.fit.fit` gives it. ``draws`` holds eta, its parts, pillars, year and
        country effects and all hyperparameters; not the standard normal coordinates behind
        them. A ``chain`` is one of `GROUPS` groups of short chains, one after the other.

    Raises
    ------
    GateNotMet
        With ``strict``, if the gate is not met.
    """
    moves = moves or Moves()
    begun = time.monotonic()
    kept = max(-(-draws // (moves.blocks * moves.chains)), 4)
    with threadpool_limits(1):
        densities = [Density(spec) for _ in range(moves.blocks)]
        scale = _approximation(densities[0])
        found = time.monotonic()
        with ThreadPoolExecutor(moves.blocks) as pool:
            runs = [_Run(density, moves, seed, i) for i, density in enumerate(densities)]
            list(pool.map(lambda run: run.warm(scale), runs))
            warmed = time.monotonic()
            for number in range(1, moves.max_rounds + 1):
                list(pool.map(lambda run: run.go(kept), runs))
                result = _collect(spec, densities[0], runs, seed)
                if update is not None:
                    update(number * draws, moves.max_rounds * draws, "draws")
                if result.diagnostics.passed:
                    break
    seconds = {
        "mode": found - begun,
        "warm-up": warmed - found,
        "sample": time.monotonic() - warmed,
    }
    if strict and not result.diagnostics.passed:
        raise GateNotMet("; ".join(result.diagnostics.failures))
    return replace(result, seconds=seconds)


def _approximation(density: Density) -> Gaussian:
    start = np.zeros(density.size)
    return laplace(density, find_mode(density, start, held=density.layout.curved))


class _Run:
    """One block from its start to its kept points."""

    def __init__(self, density: Density, moves: Moves, seed: int, number: int) -> None:
        self._density, self._moves = density, moves
        self._seed = [seed, 2, number]
        self.points: list[FloatArray] = []
        self.divergent: list[NDArray[np.bool_]] = []

    def warm(self, scale: Gaussian) -> None:
        """Leave the mode for the bulk of the posterior, and scale by what is found there."""
        moves, density = self._moves, self._density
        rng = np.random.default_rng([*self._seed, 1])
        first = max(moves.chains // COPIES, 2)
        xi = START_SPREAD * rng.standard_normal((density.size, first))
        block = Block(density, scale, xi, self._seed, length=min(moves.length, 1.5))
        block.tune(moves.settle, target=moves.target_accept)
        for copies in (1, -(-moves.chains // first)):
            scale = averaged(density, block.position(), density.layout.curved)
            block.rescale(scale, copies=copies)
            block.step = 0.2
            block.length = moves.length
            block.tune(
                max(moves.adapt, 4) if copies == 1 else max(2 * moves.adapt // 3, 4),
                target=moves.target_accept,
            )
        self.block = block
        logger.info("step %.3f after %d gradients", block.step, block.gradients)

    def go(self, kept: int) -> None:
        """Move and keep."""
        for _ in range(kept):
            _, divergent = self.block.move()
            self.points.append(self.block.position())
            self.divergent.append(divergent)


def _collect(spec: ModelSpec, density: Density, runs: list[_Run], seed: int) -> Fit:
    """Bring the points of all blocks into one container, and hold it to the gate."""
    points = np.concatenate([np.stack(run.points) for run in runs], axis=2)
    divergent = np.concatenate([np.stack(run.divergent) for run in runs], axis=1)
    data = _container(spec, density, points, np.random.default_rng([seed, 3]))
    flags = _together(divergent)
    made = forecast(spec, data, seed=seed)
    checked = _diagnose(density, data, made, flags, len(points))
    return Fit(spec, data, flags, made, checked, {}, seed)


def _together[T: np.generic](values: NDArray[T]) -> NDArray[T]:
    """Turn (move, chain, ...) into (group of chains, draw, ...)."""
    moved = np.moveaxis(values, 0, 1)
    count, kept = moved.shape[:2]
    return moved.reshape(GROUPS, count // GROUPS * kept, *moved.shape[2:])


def _container(
    spec: ModelSpec, density: Density, points: FloatArray, rng: np.random.Generator
) -> xr.Dataset:
    """Return the draws under the names and dims of `threatkit.model.build.build`."""
    kept, _, chains = points.shape
    held: dict[str, FloatArray] = {}
    for move in range(kept):
        for name, value in density.expand(points[move], rng).items():
            if name not in held:
                held[name] = np.empty((kept, chains, *value.shape[:-1]))
            held[name][move] = np.moveaxis(
                np.broadcast_to(value, (*value.shape[:-1], chains)), -1, 0
            )
    data = {}
    for name, value in held.items():
        own = _dims(name, value.ndim - 2)
        data[name] = (("chain", "draw", *own), _together(value))
    panel = spec.panel
    coords = {
        "district": list(panel.districts.index),
        "country": list(panel.countries),
        "oblast": list(panel.oblasts),
        "period": [int(year) for year in panel.periods],
        "pillar": list(spec.pillars),
        "indicator": density.indicators,
        "mode": list(range(held["modes"].shape[-1] if "modes" in held else 0)),
    }
    used = {dim for names, _ in data.values() for dim in names}
    coords = {name: values for name, values in coords.items() if name in used}
    return xr.Dataset(data, coords=coords)


#: Dims of the variables that have any; parts and pillars are over districts.
_DIMS = {
    "eta": "district",
    "structured": "district",
    "modes": "mode",
    "country_effect": "country",
    "year_effect": "period",
    "pillar_weight": "pillar",
    "loading": "indicator",
    "definition_level": "indicator",
    "indicator_sd": "indicator",
}


def _dims(name: str, count: int) -> tuple[str, ...]:
    if not count:
        return ()
    if name.startswith(("part_", "z_")):
        return ("district",)
    last = name.rsplit("_", 1)[-1]
    return (_DIMS.get(name, last if last in _LEVELS else f"{name}_dim_0"),)


_LEVELS = ("country", "oblast", "district")


def _diagnose(
    density: Density,
    data: xr.Dataset,
    made: Forecast,
    flags: NDArray[np.bool_],
    kept: int,
) -> Diagnostics:
    """Hold the draws to the gate of nuts, and to one condition more: that nothing drifts."""
    shape = (data.sizes["chain"], data.sizes["draw"], -1)
    prob = made.event_prob.reshape(shape)
    names = list(density.layout.hyperparameters)
    checked = diagnose(data, flags, names, event_prob=prob)
    drifts = {name: drift(data[name].to_numpy(), kept) for name in (*names, "eta")}
    table = checked.table.assign(drift=pd.Series(drifts).reindex(checked.table.index))
    failures = [
        f"{name} drifts by {value:.1f} standard errors between the halves of the run, "
        f"the limit is {LARGEST_DRIFT:g}"
        for name, value in drifts.items()
        if value > LARGEST_DRIFT
    ]
    return replace(checked, table=table, failures=(*checked.failures, *failures))


def drift(values: FloatArray, kept: int) -> float:
    """Return the largest drift of a variable, in standard errors.

    Every chain's mean over its second half of moves is set against that over its first; the
    chains are independent, so that the spread of these differences gives their error.

    Parameters
    ----------
    values
        Shape (group, draw, ...); a group is chains one after the other.
    kept
        Moves of each chain.
    """
    chains = values.reshape(-1, kept, *values.shape[2:])
    half = kept // 2
    gap = chains[:, -half:].mean(axis=1) - chains[:, :half].mean(axis=1)
    error = gap.std(axis=0, ddof=1) / np.sqrt(len(gap))
    return float(np.max(np.abs(gap.mean(axis=0)) / np.maximum(error, 1e-12)))
