"""What moved between two runs, by how much, whether it is more than noise, and why.

The draws of the two runs are taken as independent. Runs share data, so their errors are partly
the same: the noise of a change is overstated rather than understated, and P(rise) lies nearer
to one half than it would with the errors in common.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from threatkit.archive import read_forecast
from threatkit.errors import Fault, InvalidInput
from threatkit.export.run import Run
from threatkit.model.forecast import Forecast
from threatkit.scores import interval

FloatArray = NDArray[np.float64]

#: Pairs of draws from which the interval of a change is taken.
PAIRS = 8000
#: Runs of consecutive draws from whose means the Monte Carlo error is taken.
BATCHES = 40
#: What the parts, centred within each run, leave of a change: that of the whole region.
REGION = "region"


@dataclass(frozen=True)
class Comparison:
    """The change from one run to another.

    Attributes
    ----------
    districts
        Index district, the largest change first; see `compare_runs`.
    inputs
        Index input (a file), column change: added, removed or changed.
    settings
        Index setting, columns before and after: configuration, model and versions.
    ci_prob
        Mass of every interval.
    """

    districts: pd.DataFrame
    inputs: pd.DataFrame
    settings: pd.DataFrame
    ci_prob: float


def compare_runs(before: Run, after: Run) -> Comparison:
    """Compare two runs.

    For each district that both assess: ``event_prob`` of both runs with its interval; the
    change with that of the differences of randomly paired draws, and ``change_mcse``, the Monte
    Carlo error that another seed alone would bring; ``rise_prob``, P(after >
    before) over all pairs; ``more_than_noise``, whether ``rise_prob`` lies outside the
    interval's tails; and the part whose contribution (log scale, +0.69 doubles) changed most,
    with its change and interval; missing where no part changed. Part ``region`` is what the
    parts, centred within each run, leave: a change that all districts share.

    Raises
    ------
    InvalidInput
        If the two do not forecast the same thing, or have no district in common.
    """
    check_comparable(before, after)
    old, new = (read_forecast(run.folder / "posterior.nc")[0] for run in (before, after))
    shared = _assessed(before).intersection(_assessed(after), sort=False)
    if shared.empty:
        raise InvalidInput(
            Fault(f"{before.folder} and {after.folder}", "two runs share a district", "none")
        )
    ci_prob = float(after.record["ci_prob"])
    table = _changes(_chosen(old, shared), _chosen(new, shared), ci_prob)
    table.index = pd.Index(shared, name="district")
    told = after.scores.loc[shared, ["name", "country", "oblast"]]
    told["risk_level_before"] = before.scores.loc[shared, "risk_level"]
    told["risk_level_after"] = after.scores.loc[shared, "risk_level"]
    frame = told.join(table)
    order = np.argsort(-frame["change"].abs().to_numpy(), kind="stable")
    return Comparison(
        frame.iloc[order],
        changed_inputs(before.record, after.record),
        changed_settings(before.record, after.record),
        ci_prob,
    )


def check_comparable(before: Run, after: Run) -> None:
    """Refuse runs whose probabilities mean different things.

    Raises
    ------
    InvalidInput
        If the length of the horizon or the definition of an episode differs.
    """
    rules: Mapping[str, Callable[[Run], Any]] = {
        "length of the forecast, in months": lambda run: run.record["forecast"]["months"],
        "list of event types": lambda run: sorted(run.record["config"]["event_types"]),
        "rule on deaths (require_death)": lambda run: run.record["config"]["require_death"],
    }
    faults = [
        Fault(
            f"{before.folder} and {after.folder}",
            f"runs are compared that have the same {name}",
            f"{of(before)} and {of(after)}",
            "Run 'assess' again with the same settings",
        )
        for name, of in rules.items()
        if of(before) != of(after)
    ]
    if faults:
        raise InvalidInput(faults)


def _assessed(run: Run) -> pd.Index:
    return run.scores.index[run.scores["event_prob"].notna()]


@dataclass(frozen=True)
class _Draws:
    """Draws of one run for the shared districts, all of shape (S, N)."""

    prob: FloatArray
    parts: Mapping[str, FloatArray]


def _chosen(made: Forecast, shared: pd.Index) -> _Draws:
    at = made.districts.index.get_indexer(shared)
    parts = {name: values[:, at] for name, values in made.parts.items()}
    rest = np.log(made.expected[:, at]) - sum(parts.values(), start=np.zeros(1))
    return _Draws(made.event_prob[:, at], {**parts, REGION: rest})


def _changes(old: _Draws, new: _Draws, ci_prob: float) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    first, second = (rng.integers(len(draws.prob), size=PAIRS) for draws in (old, new))
    moved = new.prob[second] - old.prob[first]
    rise = rise_prob(old.prob, new.prob)
    tail = (1 - ci_prob) / 2
    columns: dict[str, Any] = {
        **_banded("event_prob_before", old.prob, ci_prob),
        **_banded("event_prob_after", new.prob, ci_prob),
        **_banded("change", moved, ci_prob),
        "change_mcse": np.hypot(mean_error(old.prob), mean_error(new.prob)),
        "rise_prob": rise,
        "more_than_noise": (rise < tail) | (rise > 1 - tail),
    }
    columns["change"] = columns["event_prob_after"] - columns["event_prob_before"]
    return pd.DataFrame({**columns, **_reasons(old, new, first, second, ci_prob)})


def _banded(name: str, values: FloatArray, ci_prob: float) -> dict[str, FloatArray]:
    lo, hi = interval(values, ci_prob)
    return {name: values.mean(axis=0), f"{name}_lo": lo, f"{name}_hi": hi}


def mean_error(values: FloatArray) -> FloatArray:
    """Return the Monte Carlo standard error of the mean over draws, by batch means, shape (N,).

    Parameters
    ----------
    values
        Shape (S, N), draws in the order in which the chains made them.
    """
    batches = np.array_split(values, min(BATCHES, len(values)))
    means = np.stack([batch.mean(axis=0) for batch in batches])
    spread = means.std(axis=0, ddof=1) if len(means) > 1 else means[0] * np.nan
    return np.asarray(spread / np.sqrt(len(means)))


def rise_prob(old: FloatArray, new: FloatArray) -> FloatArray:
    """Return P(new > old) of independent draws over all pairs, ties by half, shape (N,).

    Parameters
    ----------
    old, new
        Shape (S, N); S may differ.
    """
    ordered = np.sort(old, axis=0)
    below = [
        (np.searchsorted(a, b, side="left") + np.searchsorted(a, b, side="right")).mean() / 2
        for a, b in zip(ordered.T, new.T, strict=True)
    ]
    return np.asarray(below) / len(old)


def _reasons(
    old: _Draws, new: _Draws, first: NDArray[Any], second: NDArray[Any], ci_prob: float
) -> dict[str, Any]:
    """Return the part that changed most, its change and interval; a missing part counts 0."""
    names = list(dict.fromkeys([*old.parts, *new.parts]))
    zero = np.zeros_like(old.prob[:1])
    means = {
        name: new.parts.get(name, zero).mean(axis=0) - old.parts.get(name, zero).mean(axis=0)
        for name in names
    }
    table = np.stack([means[name] for name in names])
    largest, moved = np.abs(table).argmax(axis=0), np.abs(table).max(axis=0)
    lo, hi = np.empty(table.shape[1]), np.empty(table.shape[1])
    for number in np.unique(largest):
        own = largest == number
        after, before = (
            draws.parts[names[number]][rows][:, own]
            if names[number] in draws.parts
            else zero[:, own]
            for draws, rows in ((new, second), (old, first))
        )
        lo[own], hi[own] = interval(np.broadcast_to(after - before, (PAIRS, own.sum())), ci_prob)
    return {
        "part": [names[n] if size > 0 else None for n, size in zip(largest, moved, strict=True)],
        "part_change": table[largest, np.arange(table.shape[1])],
        "part_change_lo": lo,
        "part_change_hi": hi,
    }


def changed_inputs(before: Mapping[str, Any], after: Mapping[str, Any]) -> pd.DataFrame:
    """Return the input files of two records whose hashes differ."""
    old, new = before["inputs"], after["inputs"]
    rows = {
        name: "added" if name not in old else "removed" if name not in new else "changed"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    }
    return pd.DataFrame(
        {"change": list(rows.values())}, index=pd.Index(list(rows), name="input"), dtype="str"
    )


def changed_settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> pd.DataFrame:
    """Return the settings of two records that differ: dates, configuration, priors, versions."""
    old, new = _settings(before), _settings(after)
    names = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    rows = {"before": [old.get(n, "") for n in names], "after": [new.get(n, "") for n in names]}
    return pd.DataFrame(rows, index=pd.Index(names, name="setting"), dtype="str")


def _settings(record: Mapping[str, Any]) -> dict[str, str]:
    model = record["model"]
    kept = {
        "as_of": record["as_of"],
        "config": record["config"],
        "model": {"pillars": model.get("pillars"), "priors": model.get("priors")},
        "versions": record.get("versions", {}),
    }
    return dict(_leaves(kept, ""))


def _leaves(value: Mapping[str, Any], path: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, item in value.items():
        name = f"{path}{key}"
        found += _leaves(item, f"{name}.") if isinstance(item, Mapping) else [(name, str(item))]
    return found
