"""The record of a run: what it was made from, what came out, and what repeats it."""

import hashlib
import json
import math
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from threatkit.config import Config
from threatkit.evaluate.knowledge import hindsight
from threatkit.inputs import Inputs
from threatkit.machine import machine, versions
from threatkit.model.assemble import last_covered_day
from threatkit.model.check import PredictiveCheck
from threatkit.model.expectation import Expectations
from threatkit.model.fit import Fit
from threatkit.model.panel import Panel
from threatkit.model.samplers import devices
from threatkit.model.sensitivity import sensitivity_record
from threatkit.scores import Scores


@dataclass(frozen=True)
class Assessment:
    """A fit with its scores and checks, before anything is written."""

    fitted: Fit
    scores: Scores
    information: np.ndarray
    learned: Mapping[str, np.ndarray]
    check: PredictiveCheck
    narrowed: pd.Series
    expected: Expectations
    sensitivity: pd.DataFrame
    pillars: Mapping[str, Any]


def run_record(
    config: Config,
    inputs: Inputs,
    assessment: Assessment,
    began: datetime,
    command: str | None = None,
) -> dict[str, Any]:
    """Return what is needed to repeat and to defend the run.

    Parameters
    ----------
    config, inputs, assessment
        What was asked, read and found.
    began
        When.
    command
        The command line as it was typed; None where a program called the library.
    """
    fitted = assessment.fitted
    spec, panel, diagnostics = fitted.spec, fitted.spec.panel, fitted.diagnostics
    inputs_hash = hashlib.sha256(json.dumps(sorted(inputs.hashes.items())).encode())
    record = {
        "run_id": f"{panel.as_of:%Y%m%d}-{inputs_hash.hexdigest()[:8]}-{config.seed}",
        "threatkit": version("threatkit"),
        "made": began.isoformat(timespec="seconds"),
        "config": config.as_dict(),
        "as_of": panel.as_of.isoformat(),
        "forecast": {
            "start": fitted.forecast.start.isoformat(),
            "end": fitted.forecast.end.isoformat(),
            "months": spec.horizon_months,
        },
        "ci_prob": config.ci_prob,
        "seed": config.seed,
        "command": command,
        "versions": versions(config.sampling.sampler if config.engine == "nuts" else ""),
        "python": platform.python_version(),
        "machine": machine(),
        "devices": devices(config.sampling.sampler if config.engine == "nuts" else ""),
        "inputs": dict(sorted(inputs.hashes.items())),
        "model": {
            "likelihood": spec.likelihood,
            "pillars": list(spec.pillars),
            "priors": {name: str(prior) for name, prior in vars(spec.priors).items()},
            "regimes": list(panel.regimes),
            "periods": [int(year) for year in panel.periods],
            "districts": len(panel.districts),
            "districts_without_population": [
                str(code) for code in panel.districts.index[panel.people == 0]
            ],
            "districts_without_outline": sorted(
                set(inputs.catalogue.districts.index) - set(panel.districts.index)
            ),
            "indicators_not_used": panel.unused.to_dict("records"),
        },
        "diagnostics": {
            "passed": diagnostics.passed,
            "failures": list(diagnostics.failures),
            "divergent_share": diagnostics.divergent_share,
            "top_decile_error": diagnostics.top_decile_error,
            "draws": int(fitted.draws.sizes["draw"]),
            "chains": int(fitted.draws.sizes["chain"]),
            "quantities": diagnostics.table.to_dict("index"),
            "seconds": fitted.seconds,
        },
        "hyperparameters": _hyperparameters(fitted, assessment.narrowed, config.ci_prob),
        "place_variance": place_variance(fitted, config.ci_prob),
        "notes": [*spec.notes, *past_notes(inputs, panel)],
        "feedback": spec.feedback,
        "pillar_drift": assessment.pillars,
        "expectations": assessment.expected.record(),
        "prior_sensitivity": sensitivity_record(assessment.sensitivity),
        "predictive_check": assessment.check.table.to_dict("index"),
        "level_counts": {
            str(level): row
            for level, row in assessment.scores.level_counts.to_dict("index").items()
        },
    }
    return {name: finite(value) for name, value in record.items()}


def past_notes(inputs: Inputs, panel: Panel) -> tuple[str, ...]:
    """Return what must be said of an assessment of the past that uses what was published later."""
    catalogue = inputs.catalogue
    return hindsight(catalogue, panel, last_covered_day(catalogue.coverage))


def finite(value: Any) -> Any:
    """Return a value with null for every number that JSON cannot hold."""
    if isinstance(value, Mapping):
        return {key: finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def place_variance(fitted: Fit, ci_prob: float) -> dict[str, Any]:
    """Return how far eta's place parts, country effect and field, differ within countries.

    Draw by draw the variance over districts of the sum of both is parted into that between
    the means of countries and that within them; with the mean and the interval of each.
    """
    parts = [fitted.draws[f"part_{name}"].to_numpy() for name in ("country", "space")]
    country_of = fitted.spec.panel.country_of
    place = sum(part.reshape(-1, len(country_of)) for part in parts)
    member = np.eye(country_of.max() + 1)[country_of]
    level = (place @ member / member.sum(axis=0))[:, country_of]
    found = {
        "between_countries": level.var(axis=1),
        "within_countries": (place - level).var(axis=1),
    }
    tail = (1 - ci_prob) / 2
    return {
        "international_weight": fitted.spec.international_weight,
        **{
            name: {
                "mean": float(values.mean()),
                "lo": float(np.quantile(values, tail)),
                "hi": float(np.quantile(values, 1 - tail)),
            }
            for name, values in found.items()
        },
    }


def _hyperparameters(fitted: Fit, narrowed: pd.Series, ci_prob: float) -> dict[str, Any]:
    """Return mean, interval and narrowing of each scalar that the gate watches."""
    tail = (1 - ci_prob) / 2
    rows: dict[str, Any] = {}
    for name in fitted.diagnostics.table.index.difference(["eta", "event_prob"]):
        values = fitted.draws[name]
        others = [dim for dim in values.dims if dim not in ("chain", "draw")]
        flat = values.stack(element=others) if others else values.expand_dims(element=[""], axis=-1)
        for i in range(flat.sizes["element"]):
            own = flat.isel(element=i).to_numpy().ravel()
            label = flat["element"].to_numpy()[i]
            key = f"{name}[{', '.join(map(str, label))}]" if others else str(name)
            where = f"{name}[{i}]" if others else str(name)
            lo, hi = np.quantile(own, [tail, 1 - tail])
            rows[key] = {
                "mean": float(own.mean()),
                "lo": float(lo),
                "hi": float(hi),
                "narrowing": float(narrowed.get(where, np.nan)),
            }
    return rows
