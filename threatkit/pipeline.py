"""The whole path: inputs to panel, to fit, to scores, to files. The one module that joins them.

Each step is a function that takes and returns frames or frozen dataclasses, so that a
researcher can stop after any of them::

    inputs = load_inputs(config)
    spec = make_spec(config, inputs)
    fitted = fit(spec, seed=1)
    scores = score_fit(fitted, config)
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from threatkit.archive import read_forecast, write_draws
from threatkit.config import Config, parse_config
from threatkit.inputs import Inputs, load_inputs, make_spec, region_members
from threatkit.model.chains import Update
from threatkit.model.check import narrowing, predictive_check, prior_draws
from threatkit.model.expectation import Expectations, expectations
from threatkit.model.fit import Fit, Sampling, fit
from threatkit.model.forecast import Forecast, change, contributions
from threatkit.model.information import information, learned
from threatkit.model.sensitivity import prior_sensitivity, quantities
from threatkit.model.spec import ModelSpec
from threatkit.model.states import states_alone, states_record
from threatkit.progress import Progress, SilentProgress
from threatkit.record import Assessment, past_notes, run_record
from threatkit.report.gather import summarise
from threatkit.report.map import render_map
from threatkit.schemas import schema
from threatkit.scores import Scores, score
from threatkit.store import KEPT, RunFolder, packed, read_record

logger = logging.getLogger(__name__)

_DRAWS = "posterior.nc"


@dataclass(frozen=True)
class AssessResult:
    """What an assessment gives back to its caller.

    Attributes
    ----------
    folder
        Where the files are.
    config
        What was assessed.
    gate_passed, gate_messages
        Whether the run may be used, and why not.
    top
        The districts of highest rank, index district.
    """

    folder: Path
    config: Config
    gate_passed: bool
    gate_messages: tuple[str, ...]
    top: pd.DataFrame


def fit_spec(spec: ModelSpec, config: Config, *, update: Update | None = None) -> Fit:
    """Fit a specification with the engine and the sampling of a configuration."""
    if config.engine == "laplace":
        from threatkit.model.laplace import laplace_fit

        return laplace_fit(spec, seed=config.seed, update=update)
    sampling = Sampling(**asdict(config.sampling))
    return fit(spec, seed=config.seed, sampling=sampling, update=update)


def score_fit(fitted: Fit, config: Config, *, progress: Progress | None = None) -> Assessment:
    """Score a fit, with its information, its prior and its predictive checks."""
    progress = progress or SilentProgress()
    spec = fitted.spec
    members = pd.Index(region_members(config.region, spec.panel.districts))
    with progress.step("Checking the model against the data"):
        prior = prior_draws(spec, seed=config.seed)
        expected = expectations(
            spec,
            members,
            region=config.region,
            posterior=fitted.draws,
            prior=prior,
            ci_prob=config.ci_prob,
            seed=config.seed,
        )
        leaning = prior_sensitivity(
            spec, fitted.draws, quantities(fitted.forecast, members, config.region)
        )
        check = predictive_check(spec, prior, fitted.draws, seed=config.seed)
        prior_parts = contributions(spec, prior, moved=change(spec, prior, seed=config.seed))
        moved = {
            name: learned(after.mean(axis=0), after.var(axis=0), *_moments(prior_parts[name]))
            for name, after in fitted.forecast.parts.items()
            if name in prior_parts and prior_parts[name].std() > 0
        }
        names = tuple(fitted.diagnostics.table.index.difference(["eta", "event_prob"]))
        narrowed = narrowing(prior, fitted.draws, names)
        alone = states_alone(spec, seed=config.seed)
        pillars = states_record(spec, fitted.draws, alone, ci_prob=config.ci_prob)
    with progress.step("Scoring"):
        known = information(spec, fitted.draws)
        scores = score(
            fitted.forecast,
            information=known,
            learned=moved,
            members=list(members),
            ci_prob=config.ci_prob,
        )
    return Assessment(fitted, scores, known, moved, check, narrowed, expected, leaning, pillars)


def expect(config: Config) -> Expectations:
    """Return what the model expects before it has seen data; nothing is fitted."""
    inputs = load_inputs(config)
    spec = make_spec(config, inputs)
    members = pd.Index(region_members(config.region, spec.panel.districts))
    return expectations(
        spec, members, region=config.region, ci_prob=config.ci_prob, seed=config.seed
    )


def _moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return values.mean(axis=0), values.var(axis=0)


def assess(
    config: Config, out: Path, *, progress: Progress | None = None, command: str | None = None
) -> AssessResult:
    """Validate, fit, score, map.

    Draws, scores and the record are put in place together, then the map: should that fail,
    no fit is lost and `remap` makes the map again.

    Parameters
    ----------
    config
        What to assess.
    out
        Folder of the run.
    progress
        Shows the steps.
    command
        The command line as it was typed, for the record.

    Raises
    ------
    InvalidInput
        Before any sampling, with every fault of the inputs.
    OutputFailed
        If the folder cannot be written.
    """
    progress = progress or SilentProgress()
    began = datetime.now(UTC)
    with RunFolder(out) as folder:
        with progress.step("Reading indicators and boundaries"):
            inputs = load_inputs(config)
            spec = make_spec(config, inputs)
            for note in past_notes(inputs, spec.panel):
                logger.warning("%s", note)
        with progress.step("Fitting the model") as update:
            fitted = fit_spec(spec, config, update=update)
        assessment = score_fit(fitted, config, progress=progress)
        with progress.step("Writing"):
            record = run_record(config, inputs, assessment, began, command)
            folder.write_netcdf(
                _DRAWS,
                lambda path: write_draws(
                    path,
                    fitted,
                    information=assessment.information,
                    learned=assessment.learned,
                ),
            )
            folder.write_bytes(KEPT, packed(inputs.kept()))
            record = _write_scores(folder, inputs, assessment.scores, record)
    _write_map(Path(out), config, inputs, fitted.forecast, assessment.scores, record, progress)
    diagnostics = fitted.diagnostics
    top = _top(assessment.scores.districts)
    return AssessResult(Path(out), config, diagnostics.passed, diagnostics.failures, top)


def rescore(run: Path, out: Path | None = None, **changes: Any) -> AssessResult:
    """Make the scores and the map of a finished run again, without a new fit.

    Parameters
    ----------
    run
        Folder of a finished run.
    out
        Folder to write into; the run's own by default.
    changes
        ``region`` or ``ci_prob``, where they are to differ from the run's.
    """
    record = read_record(run)
    given = {key: value for key, value in changes.items() if value is not None}
    config = replace(parse_config(record["config"], name=f"{run}/run.json"), **given)
    made, known, moved = read_forecast(Path(run) / _DRAWS)
    scores = score(
        made,
        information=known,
        learned=moved,
        members=region_members(config.region, made.districts),
        ci_prob=config.ci_prob,
    )
    return _remake(run, out, config, made, scores, record)


def remap(run: Path, out: Path | None = None) -> AssessResult:
    """Make the map of a finished run again, from its draws."""
    return rescore(run, out)


def _remake(
    run: Path,
    out: Path | None,
    config: Config,
    made: Forecast,
    scores: Scores,
    record: dict[str, Any],
) -> AssessResult:
    inputs = load_inputs(config)
    target = Path(out or run)
    record = {**record, "config": config.as_dict(), "rescored": datetime.now(UTC).isoformat()}
    same = target.resolve() == Path(run).resolve()
    kept = [_DRAWS, *([KEPT] if KEPT in record["files"] else [])]
    with RunFolder(target, mode="update" if same else "replace") as folder:
        if not same:
            for name in kept:
                folder.write_bytes(name, (Path(run) / name).read_bytes())
        else:
            folder.hashes |= {name: record["files"][name] for name in kept}
        record = _write_scores(folder, inputs, scores, record)
    _write_map(target, config, inputs, made, scores, record, SilentProgress())
    gate = record["diagnostics"]
    top = _top(scores.districts)
    return AssessResult(target, config, gate["passed"], tuple(gate["failures"]), top)


def _write_scores(
    folder: RunFolder, inputs: Inputs, scores: Scores, record: dict[str, Any]
) -> dict[str, Any]:
    """Stage scores, areas and, last, the record with the hashes of all files."""
    facts = {
        "ci_prob": scores.ci_prob,
        "horizon_start": record["forecast"]["start"],
        "horizon_end": record["forecast"]["end"],
        "gate_passed": record["diagnostics"]["passed"],
    }
    for name, frame in (("scores", scores.districts), ("areas", scores.areas)):
        folder.write_frame(f"{name}.csv", frame, schema=schema(name, frame, facts=facts))
    folder.write_text("scores.geojson", scores_geojson(scores.districts, inputs.boundaries, facts))
    record = {**record, "files": dict(folder.hashes)}
    folder.write_json("run.json", record)
    return record


def _write_map(
    target: Path,
    config: Config,
    inputs: Inputs,
    made: Forecast,
    scores: Scores,
    record: dict[str, Any],
    progress: Progress,
) -> None:
    """Add the map to a finished run."""
    with progress.step("Drawing the map"), RunFolder(target, mode="update") as folder:
        summary = summarise(config, inputs.catalogue, inputs.boundaries, made, scores, record)
        folder.write_text("map.html", render_map(summary))
        files = {**record["files"], **folder.hashes}
        folder.write_json("run.json", {**record, "files": files})


def scores_geojson(
    scores: pd.DataFrame, boundaries: gpd.GeoDataFrame, facts: Mapping[str, Any]
) -> str:
    """Return the scores with outlines as GeoJSON, the run's facts as a foreign member."""
    frame = boundaries[["geometry", "outline"]].join(scores, how="inner")
    collection = json.loads(frame.to_json(show_bbox=False, drop_id=False))
    for feature in collection["features"]:
        feature["properties"]["district"] = feature["id"]
    return json.dumps({**collection, "threatkit": dict(facts)}, ensure_ascii=False) + "\n"


def _top(scores: pd.DataFrame, count: int = 10) -> pd.DataFrame:
    columns = [
        *("rank", "rank_lo", "rank_hi", "name", "country", "oblast", "risk_level"),
        *("event_prob", "event_prob_lo", "event_prob_hi"),
    ]
    return scores.sort_values("rank").head(count)[columns]
