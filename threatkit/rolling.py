"""A backtest from inputs to files: what each origin knew, the work, and what is kept of it.

Every origin is fitted anew on what was known at the end of its year: events by their date,
indicators by the day of their publication, judgements of analysts not at all. Each piece of work
(the baselines of an origin, one fit) is kept as soon as it ends, so that whatever stops a run,
the next one goes on from there.
"""

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from threatkit import __version__
from threatkit.config import Config
from threatkit.errors import Fault, InvalidInput
from threatkit.evaluate.backtest import LAST_CHOICE, check_origins
from threatkit.evaluate.forecasters import (
    ABLATIONS,
    ABOUT_PILLARS,
    MODEL,
    Change,
    Said,
    said_of_fit,
    say_baselines,
)
from threatkit.evaluate.knowledge import LAG_MONTHS, known_at, pillar_values
from threatkit.evaluate.outcome import Outcomes, first_year, outcomes
from threatkit.evaluate.pool import pools
from threatkit.evaluate.stored import FILE, Stored, pack, read_said, write_said, write_stored
from threatkit.executor import Task, results
from threatkit.finished import Folder, code_version, fingerprint
from threatkit.inputs import Inputs, load_inputs, make_spec
from threatkit.model.assemble import Outcome
from threatkit.model.spec import ModelSpec
from threatkit.pipeline import fit_spec
from threatkit.progress import Progress, SilentProgress
from threatkit.store import RECORD, RunFolder

FORECASTS = "forecasts"
#: Code on which what was said depends, and the scores do not.
_CODE = (
    *("data", "geo", "inputs", "model", "options", "pipeline", "evaluate/baselines"),
    *("evaluate/counts", "evaluate/forecasters", "evaluate/knowledge", "evaluate/outcome"),
    *("evaluate/regression",),
)
HINDSIGHT = (
    "The curated list of events was compiled with hindsight: these are backcasts, and a "
    "forecaster of the time did not have the list of today."
)


@dataclass(frozen=True)
class Plan:
    """What is to be tested.

    Attributes
    ----------
    config
        The assessment that is made at each origin; its ``as_of``, ``known_then``, horizon and
        judgements are not used.
    origins
        Years at whose end forecasts are made.
    horizons
        Years ahead that are scored, from 1.
    lag_months
        See `threatkit.evaluate.knowledge.known_at`.
    variants
        Name -> change of the specification: the model in other forms, fitted beside it.
    baselines
        Whether the forecasts that need no fit are made too.
    """

    config: Config
    origins: tuple[int, ...]
    horizons: tuple[int, ...] = (1, 2, 3)
    lag_months: int = LAG_MONTHS
    variants: Mapping[str, Change] = field(default_factory=lambda: ABLATIONS)
    baselines: bool = True


@dataclass(frozen=True)
class Known:
    """What one origin knew.

    Attributes
    ----------
    year
        The origin: what follows speaks of the end of this year.
    history
        What had happened.
    spec
        The configured model on what was known.
    """

    year: int
    history: Outcomes
    spec: ModelSpec

    @property
    def pillars(self) -> dict[str, int]:
        """Return how many indicator values of each pillar had been published."""
        return pillar_values(self.spec.panel)


def run(
    plan: Plan,
    out: Path,
    pool: AbstractContextManager[Executor],
    *,
    progress: Progress | None = None,
) -> Stored:
    """Test the model and all baselines at every origin, and keep what they said.

    Parameters
    ----------
    plan
        What is tested.
    out
        Folder of the backtest; what an earlier, stopped run finished there is taken up.
    pool
        Does the work: `threatkit.executor.executor`.
    progress
        Shows the steps.

    Raises
    ------
    InvalidInput
        Before any work, with every fault of the inputs and the origins.
    WorkStopped, OutputFailed
        See `threatkit.executor.results`.
    """
    progress = progress or SilentProgress()
    began = datetime.now(UTC)
    with RunFolder(out) as folder, pool as workers:
        with progress.step("Reading indicators, boundaries and events"):
            inputs = load_inputs(replace(plan.config, known_then=False))
            happened = _happened(plan, inputs)
            known = [_origin(plan, inputs, happened, year) for year in plan.origins]
        finished = Folder(Path(out) / FORECASTS, write_said, read_said, ".npz")
        tasks = _tasks(plan, inputs, known, happened.pmf.shape[-1] - 1)
        said: dict[int, dict[str, Said]] = {origin.year: {} for origin in known}
        with progress.step(f"Forecasting at {len(known)} origins") as update:
            for name, made in results(workers, tasks, finished=finished, update=update):
                said[int(name.partition("-")[0])] |= made
        for year, pooled in pools(said, happened).items():
            said[year] |= pooled
        with progress.step("Writing"):
            record = _record(plan, inputs, began)
            stored = pack(
                {year: _ordered(of, plan.variants) for year, of in said.items()},
                happened,
                first_years={o.year: int(o.history.years[0]) for o in known},
                pillars={o.year: o.pillars for o in known},
                record=record,
            )
            folder.write_netcdf(FILE, lambda path: write_stored(stored, path))
            folder.write_json(RECORD, {**record, "files": folder.hashes})
    return stored


def known_at_origins(plan: Plan) -> list[Known]:
    """Return what every origin of a plan knew, read anew from the inputs."""
    inputs = load_inputs(replace(plan.config, known_then=False))
    happened = _happened(plan, inputs)
    return [_origin(plan, inputs, happened, year) for year in plan.origins]


def _happened(plan: Plan, inputs: Inputs) -> Outcomes:
    """Return what happened from the first year that any origin knows to the end of the data."""
    coverage = inputs.catalogue.coverage
    begin = int(coverage.loc[coverage["coverage"] != "none", "period"].astype(int).min())
    if not plan.origins:
        raise InvalidInput(Fault("origins", "at least one origin is given", "none"))
    first = min(first_year(origin, plan.config.start_year) for origin in plan.origins)
    rules = Outcome(
        event_types=plan.config.event_types,
        require_death=plan.config.require_death,
        start_year=max(first, begin),
    )
    happened = outcomes(inputs.catalogue, inputs.graph, rules)
    check_origins(happened, plan.origins, covered=False)
    return happened


def _origin(plan: Plan, inputs: Inputs, happened: Outcomes, year: int) -> Known:
    """Return what was known at the end of a year."""
    history = happened.history(year, plan.config.start_year)
    day = date(year, 12, 31)
    config = replace(
        plan.config,
        as_of=day,
        start_year=int(history.years[0]),
        horizon_months=12 * max(plan.horizons),
        judgements=(),
    )
    catalogue = known_at(inputs.catalogue, day, lag_months=plan.lag_months)
    return Known(year, history, make_spec(config, replace(inputs, catalogue=catalogue)))


def _tasks(
    plan: Plan, inputs: Inputs, known: Sequence[Known], largest: int
) -> list[Task[dict[str, Said]]]:
    """Return the work: the fits first, as they take longest."""
    fits: list[Task[dict[str, Said]]] = []
    simple: list[Task[dict[str, Said]]] = []
    config = plan.config
    changes = {MODEL: lambda spec: spec, **plan.variants}
    for origin in known:
        about = (
            *(inputs.hashes, config.event_types, config.require_death, config.start_year),
            *(origin.year, max(plan.horizons), plan.lag_months, largest, code_version(*_CODE)),
        )
        fitted_by = (config.engine, config.sampling, config.seed)
        for name, change in changes.items():
            if name in ABOUT_PILLARS and not any(origin.pillars.values()):
                continue
            fits.append(
                Task(
                    f"{origin.year}-{_plain(name)}",
                    _say_model,
                    (name, change(origin.spec), config, largest),
                    key=fingerprint(name, about, fitted_by, _terms(change(origin.spec))),
                )
            )
        if plan.baselines:
            simple.append(
                Task(
                    f"{origin.year}-baselines",
                    say_baselines,
                    (origin.history, origin.spec.panel, max(plan.horizons)),
                    key=fingerprint("baselines", about),
                )
            )
    return [*fits, *simple]


def _plain(name: str) -> str:
    """Return the name of a variant as a task may have it."""
    return re.sub(r"[^A-Za-z0-9.+-]+", "_", name)


def _terms(spec: ModelSpec) -> dict[str, Any]:
    """Return all of a specification but its panel."""
    return {f.name: getattr(spec, f.name) for f in fields(spec) if f.name != "panel"}


def _say_model(name: str, spec: ModelSpec, config: Config, largest: int) -> dict[str, Said]:
    return {name: said_of_fit(spec, fit_spec(spec, config), largest)}


def _ordered(said: Mapping[str, Said], variants: Mapping[str, Change]) -> dict[str, Said]:
    """Return forecasters in the order of every table: baselines, pools, model, variants."""
    last = [name for name in (MODEL, *variants) if name in said]
    first = [name for name in said if name not in last]
    return {name: said[name] for name in (*first, *last)}


def _record(plan: Plan, inputs: Inputs, began: datetime) -> dict[str, Any]:
    """Return how a backtest was made, as JSON types."""
    return {
        "kind": "backtest",
        "threatkit": __version__,
        "began": began.isoformat(),
        "ended": datetime.now(UTC).isoformat(),
        "config": plan.config.as_dict(),
        "origins": list(plan.origins),
        "horizons": list(plan.horizons),
        "lag_months": plan.lag_months,
        "last_choice": LAST_CHOICE,
        "hindsight": HINDSIGHT,
        "inputs": dict(inputs.hashes),
        "code": code_version(*_CODE),
        "sampling": asdict(plan.config.sampling),
    }
