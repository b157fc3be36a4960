"""What a report is made of: frames and facts of one run, and counts that a headline may use.

Nothing here computes a score. Every number a reader sees comes with its interval, so the
counts of districts are taken draw by draw (`level_counts`, `exceedance_counts`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

#: Limits between the five levels: chance of at least one episode within twelve months.
LEVEL_LIMITS = (0.01, 0.03, 0.10, 0.25)
LEVELS = (1, 2, 3, 4, 5)
#: Parts a contribution may belong to, in the order of the columns.
PARTS = (
    *("border", "youth", "extremism", "people", "space", "change", "history", "country"),
    "judgement",
)


@dataclass(frozen=True)
class RunFacts:
    """What is true of the whole run and must be said on every page.

    Attributes
    ----------
    as_of
        Date at which the run's knowledge stops.
    start, end
        First and last day of the forecast.
    ci_prob
        Mass of every interval, 0 to 1.
    horizon_months
        Length of the forecast.
    gate_passed
        Whether the sampler's diagnostics gate was met; if not, the page says that the run must
        not be used.
    gate_messages
        What failed, one sentence each.
    data_start, data_end
        First and last day covered by the event data.
    coverage_notes
        What the sources cover and what they miss, one sentence each.
    outcome_definition
        What counts as an episode.
    event_types
        Types of event that count.
    skill_statement
        How good forecasts have been, or that this is not yet measured.
    skill_measured
        Whether forecasts were scored out of sample; until then no confidence is "high".
    covered
        Country -> share of the years from ``data_start`` on in which the list of events covers
        it in full, 0 to 1.
    judgements
        Analysts' judgements in the run, one sentence each.
    versions
        Software and versions.
    seed, run_id
        To make the run again.
    attribution
        Of boundaries and data, one line each.
    """

    as_of: date
    start: date
    end: date
    ci_prob: float
    horizon_months: int
    gate_passed: bool
    gate_messages: tuple[str, ...]
    data_start: date
    data_end: date
    coverage_notes: tuple[str, ...]
    outcome_definition: str
    event_types: tuple[str, ...]
    skill_statement: str = "Skill: not yet measured."
    judgements: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    run_id: str = ""
    attribution: tuple[str, ...] = ()
    skill_measured: bool = False
    covered: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """All that a report shows.

    Attributes
    ----------
    scores
        Index district; the published schema ``scores``.
    areas
        Index area; the published schema ``areas``.
    districts
        Index district; name, name_ru, name_local, country, oblast, oblast_name, and where known
        fergana, kind, outline, parent, population, population_year, population_status.
    geometry
        Index district, EPSG:4326; columns geometry and outline. May lack districts.
    afghan
        Districts of Afghanistan along the border; context only.
    indicators
        Rows used: area_level, area_code, indicator, title, pillar, period, value, unit,
        reliability, credibility, source_title, source_path.
    events
        event_id, district, date, type, summary, source, latitude, longitude, place.
    crossings
        name, afghan_side, latitude, longitude, mode, status, status_date, source.
    facts
        Facts of the run.
    region
        Name of the region, for the head of the page.
    level_counts
        Index level 1 to 5; mean, lo, hi of the number of districts and, where known,
        people_mean, people_lo, people_hi. See `level_counts`.
    exceedance_counts
        Index limit (a probability); mean, lo, hi of the number of districts at or above it.
        See `exceedance_counts`. Without it the headline names districts and counts none.
    """

    scores: pd.DataFrame
    areas: pd.DataFrame
    districts: pd.DataFrame
    geometry: gpd.GeoDataFrame
    afghan: gpd.GeoDataFrame
    indicators: pd.DataFrame
    events: pd.DataFrame
    crossings: pd.DataFrame
    facts: RunFacts
    region: str = "Central Asia and the Fergana Valley"
    level_counts: pd.DataFrame | None = None
    exceedance_counts: pd.DataFrame | None = None


def _interval_rows(counts: FloatArray, ci_prob: float, prefix: str = "") -> dict[str, FloatArray]:
    tail = (1 - ci_prob) / 2
    lo, hi = np.quantile(counts, [tail, 1 - tail], axis=0)
    return {
        f"{prefix}mean": counts.mean(axis=0),
        f"{prefix}lo": np.floor(lo),
        f"{prefix}hi": np.ceil(hi),
    }


def level_counts(
    event_prob: FloatArray, population: FloatArray, *, ci_prob: float = 0.9
) -> pd.DataFrame:
    """Count districts and people in each level, draw by draw.

    Parameters
    ----------
    event_prob
        Draws of the probability, shape (draws, districts).
    population
        People, shape (districts,); not a number where unknown, which counts nobody.
    ci_prob
        Mass of the intervals.
    """
    level = np.searchsorted(LEVEL_LIMITS, event_prob, side="right") + 1
    people = np.nan_to_num(np.asarray(population, dtype=float))
    inside = np.stack([level == number for number in LEVELS], axis=2)
    districts = inside.sum(axis=1).astype(float)
    persons = np.einsum("sdl,d->sl", inside.astype(float), people)
    columns = {
        **_interval_rows(districts, ci_prob),
        **_interval_rows(persons, ci_prob, "people_"),
    }
    return pd.DataFrame(columns, index=pd.Index(LEVELS, name="level"))


def exceedance_counts(event_prob: FloatArray, *, ci_prob: float = 0.9) -> pd.DataFrame:
    """Count the districts at or above each limit of the levels, draw by draw.

    Parameters
    ----------
    event_prob
        Draws of the probability, shape (draws, districts).
    ci_prob
        Mass of the intervals.
    """
    counts = np.stack([(event_prob >= limit).sum(axis=1) for limit in LEVEL_LIMITS], axis=1)
    return pd.DataFrame(
        _interval_rows(counts.astype(float), ci_prob), index=pd.Index(LEVEL_LIMITS, name="limit")
    )
