"""Cut feedback: the pillars stay as their indicators have them, the episodes do not move them.

Draws of the pillars come from the indicators alone; the outcome is fitted once for each, with
the pillars held there, and the fits are pooled (Plummer 2015, doi:10.1007/s11222-014-9503-z;
Jacob et al. 2017, arXiv:1708.08719). The fast engine moves the chains of all of them in step,
since they share mode and scaling; nuts compiles once and takes each draw as data.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from threatkit.errors import GateNotMet, ThreatkitError
from threatkit.model.build import build
from threatkit.model.chains import Sampling, Update
from threatkit.model.container import Container
from threatkit.model.density import Density
from threatkit.model.ensemble import Ensemble, Moves
from threatkit.model.error import LARGEST_DRIFT, drift
from threatkit.model.fit import Fit, hyperparameters, stored, told_apart
from threatkit.model.forecast import Forecast, forecast
from threatkit.model.gate import LARGEST_DIVERGENT, LARGEST_ERROR, Diagnostics
from threatkit.model.laplace import DRAWS
from threatkit.model.samplers import Starter, prepare_with_data, require_data
from threatkit.model.spec import ModelSpec
from threatkit.model.states import Alone, states_alone

FloatArray = NDArray[np.float64]

#: Draws of the pillars, at least, that the outcome is fitted to.
FEWEST_STATES = 20
#: Draws of the pillars that nuts holds; the fast engine has as many as a block has chains.
NUTS_STATES = 40
#: Chains of nuts for each draw of the pillars, with their warm-up and kept draws.
NUTS_CHAINS, NUTS_TUNE, NUTS_DRAWS = 2, 300, 150
#: Steps in which chains of the fast engine part from the mean of the pillars' draws to one of
#: their own, the moves after each, and their acceptance: the step serves the worst of many
#: posteriors, not one.
STEPS, STEP_MOVES, ACCEPT = 4, 4, 0.92
#: Limits of the gate of a cut.
LARGEST_RHAT = 1.1
FEWEST_EFFECTIVE = 100


class HeldPillars:
    """The density of a specification with each chain's pillars held at a draw of their own.

    While ``share`` is 0 all are held at the mean of the draws; it is raised to 1 in steps, so
    that no chain is thrown far from where it may be.
    """

    def __init__(self, spec: ModelSpec, alone: Alone, chosen: NDArray[np.intp]) -> None:
        self.density = Density(spec)
        self.share = 0.0
        slots = self.density.layout.slots
        every = np.arange(self.density.size)
        self._rows = np.concatenate([every[slots[name]] for name in alone.blocks])
        self._free = np.setdiff1d(every, self._rows)
        self.held = np.concatenate([values[chosen].T for values in alone.blocks.values()])
        position = np.full(self.density.size, -1)
        position[self._free] = np.arange(len(self._free))
        self.curved = position[np.setdiff1d(self.density.curved, self._rows)]

    @property
    def size(self) -> int:
        """Return the number of coordinates that are free."""
        return len(self._free)

    def __call__(self, point: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return log density up to a constant for each chain, and gradient."""
        held = self.held.mean(axis=1, keepdims=True)
        if self.share > 0:
            held = held + self.share * (self.held - held)
        logp, grad = self.density(self.whole(point, held))
        return logp, grad[self._free]

    def whole(self, point: FloatArray, held: FloatArray) -> FloatArray:
        """Return points with the pillars' coordinates put in."""
        whole = np.empty((self.density.size, point.shape[1]))
        whole[self._free], whole[self._rows] = point, held
        return whole


def laplace_cut(
    spec: ModelSpec,
    *,
    seed: int,
    draws: int = DRAWS,
    strict: bool = False,
    update: Update | None = None,
    moves: Moves | None = None,
) -> Fit:
    """Fit a specification with cut feedback by the fast engine.

    Parameters are those of `threatkit.model.laplace.laplace_fit`. Every chain of a block holds
    another draw of the pillars, and each draw is held by one chain in every block.

    Raises
    ------
    GateNotMet
        With ``strict``, if the gate of a cut is not met.
    """
    moves = moves or Moves()
    begun = time.monotonic()
    alone, chosen = _states(spec, seed, moves.chains)
    found = time.monotonic() - begun
    ensemble = Ensemble(lambda: HeldPillars(spec, alone, chosen), seed=seed, moves=moves)
    for step in range(1, STEPS + 1):
        for target in ensemble.targets:
            target.share = step / STEPS
        ensemble.follow(STEP_MOVES, target_accept=ACCEPT)
    target = ensemble.targets[0]
    held = np.tile(target.held, moves.blocks)
    gathered = Container(spec, target.density, np.random.default_rng([seed, 3]))
    for number in range(1, moves.max_rounds + 1):
        added = ensemble.extend(draws)
        whole = ((target.whole(point, held), flags) for point, flags in ensemble.drain())
        gathered.add(whole, added)
        shape = Pooled(moves.blocks, moves.chains, ensemble.kept)
        result = _judged(spec, gathered, shape, alone, seed)
        if update is not None:
            update(number * draws, moves.max_rounds * draws, "draws")
        if result.diagnostics.passed:
            break
    if strict and not result.diagnostics.passed:
        raise GateNotMet("; ".join(result.diagnostics.failures))
    seconds = {"pillars": found, **ensemble.seconds}
    return replace(result, seconds=seconds)


def _states(spec: ModelSpec, seed: int, count: int) -> tuple[Alone, NDArray[np.intp]]:
    """Return the pillars given their indicators alone, and which draws of it are held."""
    if count < FEWEST_STATES:
        raise ThreatkitError(f"a cut holds at least {FEWEST_STATES} draws of the pillars")
    alone = states_alone(spec, seed=seed)
    if alone is None:
        raise ThreatkitError("no pillar of this specification has an uncertain state to hold")
    size = len(next(iter(alone.states.values())))
    step = size // count
    return alone, np.arange(count) * step + step - 1


def _judged(spec: ModelSpec, held: Container, shape: "Pooled", alone: Alone, seed: int) -> Fit:
    """Make the forecast of the draws so far, and hold both to the gate."""
    data, flags = held.draws(), held.divergent()
    made = forecast(spec, data, seed=seed)
    own = [name for name in held.hyperparameters if name not in alone.blocks]
    return Fit(spec, data, flags, made, cut_gate(data, flags, own, made, shape, alone), {}, seed)


def nuts_cut(
    spec: ModelSpec,
    *,
    seed: int,
    sampling: Sampling | None = None,
    update: Update | None = None,
    states: int = NUTS_STATES,
) -> Fit:
    """Fit a specification with cut feedback by nuts.

    The model is compiled once with the pillars as data, or found compiled. The cut has a time
    budget of its own: once it is spent no further draw of the pillars is begun, and a run that
    has fewer than it should does not meet its gate.

    Parameters
    ----------
    spec
        What to fit.
    seed
        Of everything random.
    sampling
        Its sampler, target acceptance and ``cut_budget_minutes`` count; chains are short and
        their lengths fixed.
    update
        Called after each draw of the pillars.
    states
        Draws of the pillars to hold, at least `FEWEST_STATES`.

    Raises
    ------
    InvalidInput
        Before anything is sampled, if the sampler cannot change data without compiling anew.
    ThreatkitError
        If the budget ends before the first draw of the pillars.
    """
    sampling = sampling or Sampling()
    require_data(sampling.sampler)
    begun = time.monotonic()
    alone, chosen = _states(spec, seed, states)
    deadline = begun + 60 * sampling.cut_budget_minutes
    if time.monotonic() > deadline:
        raise ThreatkitError("the time budget was spent before the first draw of the pillars")
    with threadpool_limits(limits=1):
        # Data of any run would do: those of none serve all runs of this specification alike.
        nothing = {name: np.zeros_like(z[0]) for name, z in alone.states.items()}
        model = build(spec, held=nothing)
        fitted = replace(spec, horizon_months=12, judgements=())
        start = prepare_with_data(model, stored(model), sampling.sampler, [fitted, "held"])
        compile_seconds = time.monotonic() - begun
        parts: list[xr.Dataset] = []
        flags: list[NDArray[np.bool_]] = []
        for number, at in enumerate(chosen):
            if parts and time.monotonic() > deadline:
                break
            held = start({f"held_{name}": z[at] for name, z in alone.states.items()})
            part, flag = _short(held, sampling, seed + number)
            parts.append(_with_states(part, alone, int(at)))
            flags.append(flag)
            if update is not None:
                update(number + 1, states, "draws of the pillars")
    data = xr.concat(parts, dim="draw")
    data = data.assign_coords(draw=np.arange(data.sizes["draw"]))
    divergent = np.concatenate(flags, axis=1)
    made = forecast(spec, data, seed=seed)
    shape = Pooled(NUTS_CHAINS, len(parts), NUTS_DRAWS)
    checked = cut_gate(data, divergent, hyperparameters(model), made, shape, alone)
    if len(parts) < states:
        short = f"the time budget was spent after {len(parts)} of {states} draws of the pillars"
        checked = replace(checked, failures=(*checked.failures, short))
    seconds = {"compile": compile_seconds, "sample": time.monotonic() - begun - compile_seconds}
    return Fit(spec, told_apart(spec, data, seed), divergent, made, checked, seconds, seed)


def _short(start: Starter, sampling: Sampling, seed: int) -> tuple[xr.Dataset, NDArray[np.bool_]]:
    short = replace(sampling, chains=NUTS_CHAINS, tune=NUTS_TUNE, draws=NUTS_DRAWS, max_rounds=1)
    chains = start(short, seed, None)
    try:
        return chains.until(NUTS_DRAWS)
    finally:
        chains.close()


def _with_states(part: xr.Dataset, alone: Alone, at: int) -> xr.Dataset:
    """Add the held pillars and what the indicators say, under the names of a joint fit."""
    shape = (part.sizes["chain"], part.sizes["draw"])
    extra = {}
    for name, values in alone.named.items():
        own = np.broadcast_to(values[at], (*shape, *values.shape[1:]))
        dims = (alone.dims[name],) if values.ndim > 1 else ()
        extra[name] = (("chain", "draw", *dims), own)
    return part.assign(extra)


@dataclass(frozen=True)
class Pooled:
    """How the draws of a cut lie: chains for each draw of the pillars, such draws, length."""

    chains: int
    states: int
    length: int


def cut_gate(
    draws: xr.Dataset,
    divergent: NDArray[np.bool_],
    names: Iterable[str],
    made: Forecast,
    shape: Pooled,
    alone: Alone,
) -> Diagnostics:
    """Hold the pooled draws of a cut to its gate.

    Fits to different draws of the pillars are meant to differ, so R-hat is taken between the
    chains of the same draw and pooled over draws; below 1.1 each chain is worth at least five
    independent draws. The effective size sets the variance of all draws against that of the
    means by draw of the pillars over their number, which counts both the error of the chains
    and that of so few draws of the pillars: above 100 the error of a mean is under a tenth of
    its standard deviation. Nothing may drift from the first half of the chains to the second.
    """
    rows: dict[str, dict[str, float | str | int]] = {}
    failures: list[str] = list(alone.diagnostics.failures)
    if shape.states < FEWEST_STATES:
        failures.append(f"{shape.states} draws of the pillars, at least {FEWEST_STATES} are asked")
    vectors = {name: draws[name].to_numpy() for name in (*names, "eta")}
    vectors["event_prob"] = made.event_prob
    for name, values in vectors.items():
        flat = np.asarray(values, dtype=float).reshape(shape.chains, shape.states, shape.length, -1)
        rows[name] = row = _measured(flat)
        row["drift"] = drift(flat.reshape(-1, shape.length, flat.shape[-1]))
        failures += _failures(name, row)
    share = float(divergent.mean())
    if share > LARGEST_DIVERGENT:
        failures.append(f"{share:.2%} of the draws diverged, the limit is {LARGEST_DIVERGENT:.1%}")
    error = _top_decile_error(made.event_prob, shape)
    if error > LARGEST_ERROR:
        failures.append(
            f"the Monte Carlo error of P(in the top decile) is {error:.3f}, "
            f"the limit is {LARGEST_ERROR}"
        )
    return Diagnostics(pd.DataFrame(rows).T, share, error, tuple(failures))


def _measured(values: FloatArray) -> dict[str, float | str | int]:
    """Measure draws of shape (chain, state, length, element)."""
    length = values.shape[2]
    within = np.maximum(values.var(axis=2, ddof=1).mean(axis=(0, 1)), 1e-300)
    between = values.mean(axis=2).var(axis=0, ddof=1).mean(axis=0)
    scale = np.sqrt((length - 1) / length + between / within)
    bulk = _effective(values)
    lo, hi = np.quantile(values, [0.05, 0.95], axis=(0, 1, 2))
    tail = np.minimum(_effective(values <= lo), _effective(values >= hi))
    worst = int(np.argmin(np.minimum(bulk, tail)))
    return {
        "rhat": float(scale.max()),
        "ess_bulk": float(bulk.min()),
        "ess_tail": float(tail.min()),
        "worst": f"({worst},)" if values.shape[-1] > 1 else "",
        "size": values.shape[-1],
    }


def _effective(values: NDArray[np.floating] | NDArray[np.bool_]) -> FloatArray:
    states = values.shape[1]
    by_state = values.mean(axis=(0, 2)).var(axis=0, ddof=1) / states
    effective: FloatArray = values.var(axis=(0, 1, 2)) / np.maximum(by_state, 1e-300)
    return np.minimum(effective, values[..., 0].size)


def _failures(name: str, row: dict[str, float | str | int]) -> list[str]:
    where = f"{name} {row['worst']}".strip()
    failures = []
    if not float(row["rhat"]) < LARGEST_RHAT:
        failures.append(
            f"R-hat of {name} within draws of the pillars is {row['rhat']:.3f}, "
            f"the limit is {LARGEST_RHAT}"
        )
    for kind in ("bulk", "tail"):
        size = float(row[f"ess_{kind}"])
        if not size > FEWEST_EFFECTIVE:
            failures.append(
                f"{kind} effective size of {where} is {size:.0f}, it must exceed {FEWEST_EFFECTIVE}"
            )
    if float(row["drift"]) > LARGEST_DRIFT:
        failures.append(
            f"{name} drifts by {row['drift']:.1f} standard errors between the halves of the "
            f"chains, the limit is {LARGEST_DRIFT:g}"
        )
    return failures


def _top_decile_error(prob: FloatArray, shape: Pooled) -> float:
    """Return the largest error of P(in the top decile), over draws of the pillars."""
    count = prob.shape[-1]
    held = max(round(count / 10), 1)
    threshold = np.partition(prob, count - held, axis=-1)[:, count - held, None]
    inside = (prob >= threshold).reshape(shape.chains, shape.states, shape.length, count)
    by_state = inside.mean(axis=(0, 2))
    return float(np.sqrt(by_state.var(axis=0, ddof=1) / shape.states).max())
