"""The pillars as their indicators alone tell them, and how far the episodes pull them from it.

In a joint fit the episodes inform the pillars too: "youth" can drift towards whatever predicts
episodes. The posterior without the episodes is small and takes a second or two, so that every
run can tell the drift, and a cut (`threatkit.model.cut`) can start from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from threatkit.model.coordinates import Layout, Values
from threatkit.model.ensemble import Ensemble, Moves, grouped
from threatkit.model.error import Shape, measure
from threatkit.model.gate import Diagnostics
from threatkit.model.pillars import Measured, Pillar
from threatkit.model.spec import ModelSpec

FloatArray = NDArray[np.float64]

#: Draws of one round, over all chains.
DRAWS = 4000
#: Rounds until the gate is met, or not.
ROUNDS = 3
#: A state that varies less than this has no drift to tell.
STILL = 1e-9


class Indicators:
    """Log density of the pillars' coordinates given their indicators alone."""

    def __init__(self, spec: ModelSpec) -> None:
        self.layout = Layout()
        self.pillars = [Pillar(spec, name, self.layout) for name in spec.pillars]
        self._measured = Measured(spec, self.pillars, self.layout)

    @property
    def size(self) -> int:
        """Return the number of coordinates."""
        return self.layout.size

    @property
    def curved(self) -> NDArray[np.intp]:
        """Return the coordinates of the hyperparameters."""
        return self.layout.curved

    def __call__(self, point: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return log density, shape (points,), and gradient, shape (size, points)."""
        values = Values(self.layout, point)
        states = [pillar.state(values) for pillar in self.pillars]
        by_state, logp = self._measured.push(values, states)
        for pillar, own in zip(self.pillars, by_state, strict=True):
            if own is not None:
                pillar.push(values, own)
        return values.finish(logp)

    def states(self, point: FloatArray) -> dict[str, FloatArray]:
        """Return each pillar's state, centred on its mean over people, (district, points)."""
        values = Values(self.layout, point)
        found = {}
        for pillar in self.pillars:
            state = pillar.state(values)
            found[pillar.name] = state - pillar.share @ state
        return found

    def named(self, point: FloatArray) -> tuple[dict[str, FloatArray], dict[str, str]]:
        """Return what a joint fit keeps of the pillars, points first, and the dim of each."""
        values = Values(self.layout, point)
        found: dict[str, FloatArray] = {}
        dims: dict[str, str] = {}
        for pillar in self.pillars:
            for name, effect in pillar.effects(values).items():
                found[name], dims[name] = effect.T, name.rsplit("_", 1)[-1]
        for name in self.layout.hyperparameters:
            value = values.vector(name)
            if name in Measured.blocks:
                found[name], dims[name] = value.T, "indicator"
            else:
                found[name] = value[0]
        return found, dims


@dataclass(frozen=True)
class Alone:
    """The pillars' posterior given the indicators alone.

    Attributes
    ----------
    blocks
        Block of coordinates, as `threatkit.model.density` names it -> shape (S, length).
    states
        Pillar -> shape (S, district), centred on the mean over people.
    named, dims
        Effects and hyperparameters under the names of a joint fit -> shape (S, ...), and the
        dim of those that have one besides.
    diagnostics
        Of the pillars' states over oblasts, which is all that is used of them.
    """

    blocks: Mapping[str, FloatArray]
    states: Mapping[str, FloatArray]
    named: Mapping[str, FloatArray]
    dims: Mapping[str, str]
    diagnostics: Diagnostics


def latent_pillars(spec: ModelSpec) -> tuple[str, ...]:
    """Return the pillars of a specification that have an uncertain state."""
    table = spec.panel.measurements.table
    return tuple(name for name in spec.pillars if (table["pillar"] == name).any())


def states_alone(spec: ModelSpec, *, seed: int, moves: Moves | None = None) -> Alone | None:
    """Sample the pillars given their indicators alone; None if no pillar is uncertain.

    Parameters
    ----------
    spec
        Its pillars and indicators count, its outcome does not.
    seed
        Of the chains.
    moves
        How the chains move.
    """
    if not latent_pillars(spec):
        return None
    ensemble = Ensemble(lambda: Indicators(spec), seed=seed, moves=moves)
    target = ensemble.targets[0]
    for _ in range(ROUNDS):
        ensemble.extend(DRAWS)
        points = ensemble.points()
        shape = Shape(ensemble.kept, ensemble.copies)
        checked = _diagnosed(spec, target, points, grouped(ensemble.divergent()), shape)
        if checked.passed:
            break
    flat = _flat(points)
    blocks = {name: flat[rows].T for name, rows in target.layout.slots.items()}
    states = {name: state.T for name, state in target.states(flat).items()}
    named, dims = target.named(flat)
    return Alone(blocks, states, named, dims, checked)


def _flat(points: FloatArray) -> FloatArray:
    """Return points of shape (kept, size, chains) as columns, in the order of `grouped`."""
    return np.moveaxis(grouped(np.moveaxis(points, 1, 2)), 2, 0).reshape(points.shape[1], -1)


def _diagnosed(
    spec: ModelSpec,
    target: Indicators,
    points: FloatArray,
    divergent: NDArray[np.bool_],
    chains: Shape,
) -> Diagnostics:
    """Hold the states of oblasts to the gate."""
    flat = _flat(points)
    wanted = latent_pillars(spec)
    area = oblast_means(spec)
    named = {
        f"z_{name}": area @ state for name, state in target.states(flat).items() if name in wanted
    }
    shape = divergent.shape
    data = xr.Dataset(
        {
            name: (("chain", "draw", f"{name}_at"), value.T.reshape(*shape, -1))
            for name, value in named.items()
        }
    )
    return measure(data, divergent, (), chains, fields=list(named))


def oblast_means(spec: ModelSpec) -> FloatArray:
    """Return the matrix of means over the people of each oblast, shape (oblast, district)."""
    panel = spec.panel
    people = np.where(panel.people > 0, panel.people, 1e-9)
    member = panel.oblast_of[None, :] == np.arange(len(panel.oblasts))[:, None]
    weights: FloatArray = member * people
    return weights / weights.sum(axis=1, keepdims=True)


def joint_states(spec: ModelSpec, draws: xr.Dataset) -> dict[str, FloatArray]:
    """Return the pillars' states in the draws of a fit, shape (S, district).

    A state is its part of the rate over its weight.
    """
    weights = draws["pillar_weight"].to_numpy() if "pillar_weight" in draws else None
    found = {}
    for position, name in enumerate(spec.pillars):
        part = draws[f"part_{name}"].to_numpy()
        if weights is None:
            weight = np.full(part.shape[:2], spec.priors.pillar_weight.values[0])
        else:
            weight = weights[..., position]
        state = part / np.maximum(weight, 1e-300)[..., None]
        found[name] = state.reshape(-1, part.shape[-1])
    return found


def pillar_drift(spec: ModelSpec, draws: xr.Dataset, alone: Alone) -> pd.DataFrame:
    """Return how far the states of a fit are from what the indicators alone say.

    Returns
    -------
    DataFrame
        Index pillar, those with an uncertain state only; mean_shift and largest_shift of the
        oblasts' states (posterior means, in posterior standard deviations of the indicators
        alone; the mean of the absolute values, and the one furthest from 0 with its sign),
        largest_oblast, correlation of the oblasts' means, and state_alone and state_joint of
        that oblast, in standard deviations of the pillar, higher is worse.
    """
    area = oblast_means(spec)
    joint = joint_states(spec, draws)
    rows = {}
    for name in latent_pillars(spec):
        before, after = alone.states[name] @ area.T, joint[name] @ area.T
        sd = np.maximum(before.std(axis=0), STILL)
        shift = (after.mean(axis=0) - before.mean(axis=0)) / sd
        at = int(np.abs(shift).argmax())
        means = before.mean(axis=0), after.mean(axis=0)
        spread = min(values.std() for values in means)
        rows[name] = {
            "mean_shift": float(np.abs(shift).mean()),
            "correlation": float(np.corrcoef(*means)[0, 1]) if spread > STILL else np.nan,
            "largest_oblast": spec.panel.oblasts[at],
            "largest_shift": float(shift[at]),
            "state_alone": float(means[0][at]),
            "state_joint": float(means[1][at]),
        }
    frame = pd.DataFrame.from_dict(rows, orient="index")
    frame.index.name = "pillar"
    return frame


def states_record(
    spec: ModelSpec, draws: xr.Dataset, alone: Alone | None, *, ci_prob: float
) -> dict[str, Any]:
    """Return drift and states as JSON types.

    ``drift`` is that of `pillar_drift` by pillar; ``states`` is the state of each oblast by
    pillar as the indicators alone have it: mean, lo and hi. A pillar's own value that is shown
    anywhere is this one.
    """
    if alone is None:
        return {"drift": {}, "states": {}, "passed": True, "failures": []}
    area = oblast_means(spec)
    tail = (1 - ci_prob) / 2
    states: dict[str, Any] = {}
    for name in latent_pillars(spec):
        own = alone.states[name] @ area.T
        lo, hi = np.quantile(own, [tail, 1 - tail], axis=0)
        states[name] = {
            code: {"mean": float(mean), "lo": float(low), "hi": float(high)}
            for code, mean, low, high in zip(
                spec.panel.oblasts, own.mean(axis=0), lo, hi, strict=True
            )
        }
    drift = pillar_drift(spec, draws, alone).to_dict("index")
    return {
        "drift": {str(name): row for name, row in drift.items()},
        "states": states,
        "passed": alone.diagnostics.passed,
        "failures": list(alone.diagnostics.failures),
    }
