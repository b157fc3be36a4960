"""What differs between the inputs of two runs, and how much of a move goes with each difference.

Run B's inputs are fitted anew by the fast engine with one group of them put back to what run A
had, one group at a time; the change of a district's probability that this undoes is associated
with the change in that group. All fits have one seed. Groups may act together, so their changes
need not add up to the whole: the remainder is told. Nothing here shows a cause.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from threatkit.compare import Comparison, mean_error
from threatkit.config import Config
from threatkit.data.drafts import DISTRICTS
from threatkit.differences import differing_indicators, same_table
from threatkit.errors import Fault, InvalidInput
from threatkit.executor import Task, results
from threatkit.export.run import Run
from threatkit.finished import fingerprint
from threatkit.inputs import make_spec
from threatkit.keptinputs import (
    EDGES,
    VALUES,
    KeptInputs,
    Unavailable,
    config_of,
    inputs_of,
)
from threatkit.model.spec import ModelSpec
from threatkit.progress import Progress, SilentProgress

FloatArray = NDArray[np.float64]

#: Standard errors below which a change is not told from the sampler's noise.
NOISE = 2.0
#: Name of a group -> the tables that are put back together.
TABLES: Mapping[str, tuple[str, ...]] = {
    "events": ("events", "ucdp_episodes"),
    "events across the Afghan border": ("afghan_side",),
    "coverage": ("coverage",),
    "people": (DISTRICTS, "national_population"),
    "borders": (EDGES,),
}
#: Settings on which probabilities depend, the sampler's apart.
SETTINGS = ("start_year", "priors", "model", "judgements")
WHOLE, REMAINDER, AS_OF = "all that was put back", "remainder (interactions)", "date of assessment"
NOTHING = "nothing that the model reads"
_ALL = ""


@dataclass(frozen=True)
class State:
    """From what a specification is made: configuration, with its date, and inputs."""

    config: Config
    kept: KeptInputs

    def spec(self) -> ModelSpec:
        """Return the specification.

        Raises
        ------
        InvalidInput
            If date, coverage and settings do not go together.
        """
        return make_spec(self.config, self.kept.inputs())


@dataclass(frozen=True)
class Attribution:
    """With which differences of the inputs the moves of some districts are associated.

    Attributes
    ----------
    table
        Columns district, name, associated_with, change, mcse, verdict: how much of the change
        of event_prob goes with a group, its Monte Carlo standard error, and whether it exceeds
        the noise of the sampler; rows `WHOLE` and `REMAINDER` close a district.
    notes
        What could not be attributed and why, a sentence each.
    before, after
        Inputs of the runs, None where they cannot be had.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]
    before: KeptInputs | None
    after: KeptInputs


def attribute(
    before: Run,
    after: Run,
    found: Comparison,
    pool: AbstractContextManager[Executor],
    *,
    most: int = 5,
    progress: Progress | None = None,
) -> Attribution:
    """Attribute the moves of the districts that moved most.

    Parameters
    ----------
    before, after
        The runs.
    found
        What `threatkit.compare.compare_runs` says of them.
    pool
        Does the fits: `threatkit.executor.executor`.
    most
        Number of districts.
    progress
        Shows the fits.

    Raises
    ------
    InvalidInput
        If the inputs of ``after`` cannot be had.
    """
    progress = progress or SilentProgress()
    old, new = inputs_of(before), inputs_of(after)
    if isinstance(new, Unavailable):
        rule = "a move is attributed from the inputs of the later run"
        raise InvalidInput(Fault(str(after.folder), rule, new.reason, "Run 'assess' again"))
    notes = [] if isinstance(old, KeptInputs) else [f"Data are not attributed: {old.reason}."]
    notes += _held(found.settings)
    own = old if isinstance(old, KeptInputs) else None
    first, last = State(config_of(before), own or new), State(config_of(after), new)
    base = last.spec()
    specs, standing = {_ALL: base}, {}
    groups = dict(put_back(first, last))
    for name, state in ({**groups, WHOLE: first} if groups else {}).items():
        try:
            spec = state.spec()
        except InvalidInput as error:
            standing[name] = f"cannot be put back alone: {error.faults[0]}"
            continue
        if mark(spec) == mark(base):
            standing[name] = NOTHING
        specs[name] = spec
    codes = [str(code) for code in found.districts.index[:most]]
    made = _fits(specs, standing, codes, last.config.seed, pool, progress)
    notes += [f"The refit for '{n or 'run B'}' did not meet the gate." for n in made.failed]
    names = found.districts["name"].astype(str)
    rows = [
        {"district": code, "name": names[code], **row}
        for at, code in enumerate(codes)
        for row in _rows(made.probs, at, list(groups), standing)
    ]
    columns = ["district", "name", "associated_with", "change", "mcse", "verdict"]
    return Attribution(pd.DataFrame(rows, columns=columns), tuple(notes), own, new)


def put_back(first: State, last: State) -> Iterator[tuple[str, State]]:
    """Yield the name of each group that differs, and the later state with the earlier's group."""
    old, new = first.kept, last.kept
    for name in differing_indicators(old, new):
        yield f"indicator {name}", replace(last, kept=_with_indicator(old, new, name))
    for group, names in TABLES.items():
        outlined = group == "borders" and old.outlined != new.outlined
        if outlined or not all(same_table(old, new, name) for name in names):
            tables = {n: t for n, t in new.tables.items() if n not in names}
            tables |= {n: old.tables[n] for n in names if n in old.tables}
            kept = replace(new, tables=tables)
            if group == "borders":
                kept = replace(kept, outlined=old.outlined)
            yield group, replace(last, kept=kept)
    if first.config.as_of != last.config.as_of:
        yield AS_OF, replace(last, config=replace(last.config, as_of=first.config.as_of))
    for name in SETTINGS:
        value = getattr(first.config, name)
        if value != getattr(last.config, name):
            yield f"setting {name}", replace(last, config=replace(last.config, **{name: value}))


def _with_indicator(old: KeptInputs, new: KeptInputs, name: str) -> KeptInputs:
    theirs, ours = old.tables[VALUES], new.tables[VALUES]
    values = pd.concat([ours[ours["indicator"] != name], theirs[theirs["indicator"] == name]])
    values.index = pd.RangeIndex(2, len(values) + 2, name="row")
    definitions = {n: item for n, item in new.definitions.items() if n != name}
    if name in old.definitions:
        definitions[name] = old.definitions[name]
    return replace(new, tables={**new.tables, VALUES: values}, definitions=definitions)


def mark(spec: ModelSpec) -> str:
    """Return a fingerprint of what a fit depends on; where a value stands in its file is not."""
    measured = spec.panel.measurements
    kept = measured.table.drop(columns=["row", "file", "package", "note", "unit"], errors="ignore")
    panel = replace(
        spec.panel, unused=spec.panel.unused.head(0), measurements=replace(measured, table=kept)
    )
    return fingerprint(replace(spec, panel=panel))


def _held(settings: pd.DataFrame) -> list[str]:
    """Tell of the settings that differ and that refits hold as they are in the later run."""
    names = [str(name) for name in settings.index]
    sampler = [
        n for n in names if n.startswith(("config.engine", "config.s")) and n != "config.start_year"
    ]
    versions = [n.removeprefix("versions.") for n in names if n.startswith("versions.")]
    notes = []
    if sampler:
        notes.append(f"Not attributed, one seed and engine for all refits: {', '.join(sampler)}.")
    if versions:
        notes.append(f"Not attributed, all refits are by the versions here: {', '.join(versions)}.")
    return notes


def refit(spec: ModelSpec, codes: Sequence[str], seed: int) -> tuple[FloatArray, bool]:
    """Return draws of event_prob of some districts, (S, N), and whether the gate was met.

    A district that the specification does not have is missing throughout.
    """
    from threatkit.model.laplace import laplace_fit

    fitted = laplace_fit(spec, seed=seed)
    at = fitted.forecast.districts.index.get_indexer(pd.Index(list(codes)))
    prob = np.where(at >= 0, fitted.forecast.event_prob[:, at], np.nan)
    return prob, fitted.diagnostics.passed


@dataclass(frozen=True)
class _Made:
    probs: Mapping[str, FloatArray]
    failed: Sequence[str]


def _fits(
    specs: Mapping[str, ModelSpec],
    standing: Mapping[str, str],
    codes: Sequence[str],
    seed: int,
    pool: AbstractContextManager[Executor],
    progress: Progress,
) -> _Made:
    """Fit what differs from the later run; what does not takes its draws.

    When a single group differs, putting all back is the same fit, and is not done twice.
    """
    marks = {name: mark(spec) for name, spec in specs.items()}
    chosen = {key: name for name, key in reversed(marks.items())}
    labels = {name: f"refit-{number}" for number, name in enumerate(chosen.values())}
    if len(chosen) < 2:
        return _Made({}, [])
    tasks = [Task(labels[n], refit, (specs[n], tuple(codes), seed)) for n in chosen.values()]
    with pool as workers, progress.step(f"Refitting {len(tasks)} times") as update:
        done: dict[str, Any] = dict(results(workers, tasks, update=update))
    probs = {name: done[labels[chosen[key]]][0] for name, key in marks.items()}
    failed = [name for name in chosen.values() if not done[labels[name]][1]]
    return _Made({n: p for n, p in probs.items() if n not in standing}, failed)


def _rows(
    probs: Mapping[str, FloatArray], at: int, groups: Sequence[str], standing: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return the rows of one district, the largest change first."""
    if not groups:
        return []
    size = {name: _size(probs, name, at) for name in (*groups, WHOLE) if name in probs}
    rows = []
    for name in (*groups, WHOLE):
        if name in standing:
            change = 0.0 if standing[name] == NOTHING else np.nan
            rows.append(_row(name, change, change, standing[name]))
        else:
            rows.append(_row(name, *size[name]))
    ordered = sorted(rows[:-1], key=lambda row: -abs(np.nan_to_num(row["change"])))
    if WHOLE not in size:
        return [*ordered, rows[-1]]
    rest = size[WHOLE][0] - sum(size[n][0] for n in groups if n in size)
    # Every change has the fit of run B in it, so errors add up at worst: an upper bound.
    error = float(np.sum([size[n][1] for n in (*groups, WHOLE) if n in size]))
    single = len([n for n in groups if standing.get(n) != NOTHING]) < 2
    closing = [] if single else [_row(REMAINDER, rest, error)]
    return [*ordered, *closing, rows[-1]]


def _size(probs: Mapping[str, FloatArray], name: str, at: int) -> tuple[float, float]:
    """Return the change that goes with a group and its Monte Carlo standard error."""
    base, other = probs[_ALL][:, [at]], probs[name][:, [at]]
    if base.shape == other.shape:
        error = mean_error(base - other)
    else:
        error = np.hypot(mean_error(base), mean_error(other))
    return float(base.mean() - other.mean()), float(error[0])


def _row(name: str, change: float, error: float, verdict: str = "") -> dict[str, Any]:
    if not verdict:
        beyond = abs(change) > NOISE * error
        verdict = "beyond the noise of the sampler" if beyond else "within the noise of the sampler"
        if not np.isfinite(change):
            verdict = "the district is in one of the two only"
    return {"associated_with": name, "change": change, "mcse": error, "verdict": verdict}
