"""What the model expects of a year before it has seen data, and after, in plain words.

Both are forecasts of the twelve months after the date of the assessment with the whole
predictive spread: parameters, the year's common factor and the clustering of episodes. The
one before data comes from the priors alone, and no episode is remembered in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from threatkit.model.check import prior_draws
from threatkit.model.forecast import forecast, simulate_counts
from threatkit.model.spec import ModelSpec

FloatArray = NDArray[np.float64]

#: The regions that have a name in sentences; others go by their code.
REGION_NAMES = {"central-asia": "Central Asia", "fergana": "the Fergana Valley"}
#: No year is simulated with a mean above this in one district: the prior's tail has no end.
HIGHEST_MEAN = 1e6
SHARE = "share"
EPISODES = "episodes a year"


@dataclass(frozen=True)
class Expectations:
    """What is expected of one year.

    Attributes
    ----------
    table
        Index quantity; unit (`EPISODES`, or `SHARE` from 0 to 1), before_lo, before_mid,
        before_hi and, where a model was fitted, after_lo, after_mid, after_hi: quantiles of
        what would be seen.
    ci_prob
        Probability between lo and hi.
    """

    table: pd.DataFrame
    ci_prob: float

    def sentences(self) -> tuple[str, ...]:
        """Return one sentence a quantity."""
        return tuple(_sentence(str(name), row, self.ci_prob) for name, row in self.table.iterrows())

    def record(self) -> dict[str, Any]:
        """Return the table and the sentences as JSON types."""
        return {
            "ci_prob": self.ci_prob,
            "quantities": self.table.to_dict("index"),
            "sentences": list(self.sentences()),
        }


def expectations(
    spec: ModelSpec,
    members: pd.Index,
    *,
    region: str,
    posterior: xr.Dataset | None = None,
    prior: xr.Dataset | None = None,
    ci_prob: float = 0.9,
    seed: int,
) -> Expectations:
    """Return what the model expects of one year before it has seen data, and after.

    Parameters
    ----------
    spec
        The specification; its judgements and its horizon are left aside.
    members
        Districts of the region.
    region
        Its code in the configuration, or what it is to be called.
    posterior
        Draws after the fit; None tells of the prior alone.
    prior
        Draws from the prior, where they are at hand.
    ci_prob
        Probability of the intervals, 0 to 1.
    seed
        Of the draws from the prior and of the simulated years.
    """
    before = prior_draws(spec, seed=seed) if prior is None else prior
    region = REGION_NAMES.get(region, region)
    tail = (1 - ci_prob) / 2
    points = {"lo": tail, "mid": 0.5, "hi": 1 - tail}
    stages = {"before": without_memory(spec)}
    drawn = {"before": before}
    if posterior is not None:
        stages["after"], drawn["after"] = spec, posterior
    rows: dict[str, dict[str, Any]] = {}
    for stage, model in stages.items():
        counts = year_counts(model, drawn[stage], seed=seed)
        for (name, unit), values in _quantities(spec, counts, members, region).items():
            row = rows.setdefault(name, {"unit": unit})
            for label, point in points.items():
                row[f"{stage}_{label}"] = float(np.quantile(values, point))
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index.name = "quantity"
    return Expectations(table, ci_prob)


def without_memory(spec: ModelSpec) -> ModelSpec:
    """Return a specification in which no episode is remembered."""
    panel = spec.panel
    forgotten = replace(
        panel,
        history=np.zeros_like(panel.history),
        spillover=np.zeros_like(panel.spillover),
        afghan=np.zeros_like(panel.afghan),
    )
    return replace(spec, panel=forgotten)


def year_counts(spec: ModelSpec, draws: xr.Dataset, *, seed: int) -> FloatArray:
    """Simulate the episodes of the twelve months after the assessment, shape (S, N)."""
    made = forecast(replace(spec, horizon_months=12, judgements=()), draws, seed=seed)
    mean = np.minimum(made.expected, HIGHEST_MEAN)
    rng = np.random.default_rng([seed, 3])
    return simulate_counts(mean, made.dispersion, spec.likelihood, rng)


def _quantities(
    spec: ModelSpec, counts: FloatArray, members: pd.Index, region: str
) -> Mapping[tuple[str, str], FloatArray]:
    districts = spec.panel.districts
    inside = districts.index.isin(members)
    found = {(region, EPISODES): counts[:, inside].sum(axis=1)}
    if "fergana" in districts:
        valley = districts["fergana"].astype(bool).to_numpy()
        if valley.any() and not np.array_equal(valley, inside):
            found["the Fergana Valley", EPISODES] = counts[:, valley].sum(axis=1)
    hit = (counts[:, inside] > 0).mean(axis=1)
    return {**found, (f"district-years of {region} with an episode", SHARE): hit}


def _sentence(name: str, row: pd.Series, ci_prob: float) -> str:
    odds = f"with a probability of {ci_prob:.0%}"
    if row["unit"] == SHARE:
        rest = name.removesuffix(" with an episode").removeprefix("district-years of ")
        before = f"an episode in {_share(row, 'before')} of the district-years of {rest}"
        after = _share(row, "after") if "after_lo" in row else ""
    else:
        before = f"{_span(row, 'before')} episodes a year in {name}"
        after = _span(row, "after") if "after_lo" in row else ""
    told = f"Before seeing data the model expects {before}, {odds}"
    return f"{told}; after, {after}." if after else f"{told}."


def _span(row: pd.Series, stage: str) -> str:
    lo, hi = (two_digits(row[f"{stage}_{end}"]) for end in ("lo", "hi"))
    return lo if lo == hi else f"{lo} to {hi}"


def _share(row: pd.Series, stage: str) -> str:
    lo, hi = (f"{100 * row[f'{stage}_{end}']:.2g}" for end in ("lo", "hi"))
    return f"{lo}%" if lo == hi else f"{lo} to {hi}%"


def two_digits(value: float) -> str:
    """Return a count rounded to two digits, in full: ``1200``."""
    if value < 10:
        return f"{value:.0f}"
    digits = int(np.floor(np.log10(value))) - 1
    return f"{round(value / 10**digits) * 10**digits:,.0f}".replace(",", " ")
