"""The panel: everything the model needs to know, in arrays over one list of districts.

Indicators are oriented (higher is worse), transformed and standardised here, so that the
unit in which a table gives them changes nothing; events arrive as episodes and leave as
cells with their own history and that of their neighbours.
"""

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from threatkit.data.grades import error_sd
from threatkit.data.periods import period_bounds
from threatkit.geo.graph import Graph

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

#: People in one unit of exposure: rates are per 100,000 people and year.
PEOPLE_PER_UNIT = 100_000.0
#: Years after which the memory of an episode has faded to 1/e.
HISTORY_YEARS = 2.0
#: The regime of sources against which detection is measured.
REFERENCE_REGIME = "curated"
#: An indicator seen at fewer areas than this cannot be standardised and is not used.
FEWEST_AREAS = 3


@dataclass(frozen=True)
class Measurements:
    """Indicator values of the latent pillars, one row a value.

    Attributes
    ----------
    table
        Columns pillar, indicator, area_level, area_code, period, value, x (standardised,
        higher is worse; missing for counts), error_sd, count, people, expected (for
        counts: at the mean rate over the areas), row,
        file, source_id.
    weights
        Shape (value, district): population weights of the districts of the value's area.
    """

    table: pd.DataFrame
    weights: FloatArray


@dataclass(frozen=True)
class Panel:
    """Districts, exposure, outcome and indicators at one date of assessment.

    Attributes
    ----------
    districts
        Index ``district``; country, oblast, population, population_log_sd and names.
    graph
        Borders between the districts, in the same order.
    periods
        Calendar years of the outcome, shape (period,).
    exposure_years
        Years of exposure in each country and period, shape (country, period): part of a
        year at the end, scaled to the country's population of that year, 0 where no source
        covers it.
    regime
        Shape (country, period): position in ``regimes``, -1 where no source covers it.
    cells
        Columns district, period (positions), count, weight: cells that are not surely zero.
    history, spillover, afghan
        Shape (district, period + 1): memory of own and of neighbours' episodes at the start
        of each period and, in the last column, at the assessment; deviation of violence on
        the Afghan side from the district's own mean (0 where not known).
    fixed
        Pillar -> shape (district,): the part of a pillar that is geometry.
    measurements
        Values of the indicators of the other pillars.
    unused
        Indicators that are shipped and not in the model: indicator, reason.
    """

    districts: pd.DataFrame
    graph: Graph
    as_of: date
    periods: NDArray[np.int_]
    exposure_years: FloatArray
    regime: IntArray
    regimes: tuple[str, ...]
    cells: pd.DataFrame
    history: FloatArray
    spillover: FloatArray
    afghan: FloatArray
    fixed: Mapping[str, FloatArray]
    measurements: Measurements
    unused: pd.DataFrame

    @property
    def countries(self) -> tuple[str, ...]:
        """Return the ISO3 codes, sorted; the order of every country axis."""
        return tuple(sorted(self.districts["country"].unique()))

    @property
    def oblasts(self) -> tuple[str, ...]:
        """Return the ISO 3166-2 codes, sorted; the order of every oblast axis."""
        return tuple(sorted(self.districts["oblast"].unique()))

    @property
    def country_of(self) -> IntArray:
        """Return each district's position in ``countries``."""
        return _positions(self.districts["country"], self.countries)

    @property
    def oblast_of(self) -> IntArray:
        """Return each district's position in ``oblasts``."""
        return _positions(self.districts["oblast"], self.oblasts)

    @property
    def people(self) -> FloatArray:
        """Return the exposure in units of 100,000 people, 0 where unknown."""
        known = self.districts["population"].fillna(0.0)
        people: FloatArray = known.to_numpy(dtype=float) / PEOPLE_PER_UNIT
        return people


def _positions(values: pd.Series, order: Sequence[str]) -> IntArray:
    positions: IntArray = pd.Index(order).get_indexer(pd.Index(values)).astype(np.intp)
    return positions


def covered_part(year: int, as_of: date) -> float:
    """Return the part of a calendar year that lies at or before the assessment."""
    days = 366 if calendar.isleap(year) else 365
    covered = (min(as_of, date(year, 12, 31)) - date(year, 1, 1)).days + 1
    return max(covered, 0) / days


def memory(
    episodes: pd.DataFrame, codes: Sequence[str], periods: NDArray[np.int_], as_of: date
) -> FloatArray:
    """Return the decayed number of past episodes at the start of each period.

    Parameters
    ----------
    episodes
        Columns district, start, weight.
    codes
        District codes, in order.
    periods
        Calendar years.
    as_of
        Date of the last column.

    Returns
    -------
    ndarray
        Shape (district, period + 1): the sum over earlier episodes of
        weight * exp(-years since / `HISTORY_YEARS`).
    """
    starts = [date(int(year), 1, 1) for year in periods]
    moments = np.array([*starts, as_of + timedelta(days=1)], dtype="datetime64[D]")
    position = pd.Index(codes).get_indexer(pd.Index(episodes["district"]))
    when = pd.to_datetime(episodes["start"]).to_numpy().astype("datetime64[D]")
    years = (moments[None, :] - when[:, None]).astype(float) / 365.25
    fading = np.where(years > 0, np.exp(-np.clip(years, 0, None) / HISTORY_YEARS), 0.0)
    result = np.zeros((len(codes), len(moments)))
    inside = position >= 0
    weights = episodes["weight"].to_numpy(dtype=float)[inside, None]
    np.add.at(result, position[inside], weights * fading[inside])
    return result


def neighbour_mean(graph: Graph, values: FloatArray) -> FloatArray:
    """Return the mean over each district's neighbours, weighted by length of border.

    Where the graph has no lengths (NaN) all neighbours weigh the same.
    """
    pairs = graph.pairs()
    length = graph.edges["border_km"].fillna(1.0).to_numpy(dtype=float)
    total = np.zeros(len(graph.districts))
    summed = np.zeros_like(values)
    for one, other in ((0, 1), (1, 0)):
        np.add.at(total, pairs[:, one], length)
        np.add.at(summed, pairs[:, one], length[:, None] * values[pairs[:, other]])
    return summed / np.where(total > 0, total, 1.0)[:, None]


def afghan_deviation(
    side: pd.DataFrame,
    codes: Sequence[str],
    periods: NDArray[np.int_],
    *,
    last_year: int,
    band_km: int = 150,
) -> FloatArray:
    """Return last year's violence across the Afghan border against the district's mean.

    Parameters
    ----------
    side
        Columns district, period, band_km, events; only years with events are listed.
    last_year
        Last year that the source covers on the Afghan side: later ones are not known and
        stand at the district's mean, which is a deviation of 0.

    Returns
    -------
    ndarray
        Shape (district, period + 1): log(1 + events in the year before) minus its mean over
        the covered years. Higher is worse.
    """
    near = side[side["band_km"].astype(int) == band_km]
    years = np.append(periods, periods[-1] + 1) - 1
    position = pd.Index(codes).get_indexer(pd.Index(near["district"]))
    column = pd.Index(years).get_indexer(pd.Index(near["period"].astype(int)))
    inside = (position >= 0) & (column >= 0)
    events = np.zeros((len(codes), len(years)))
    np.add.at(
        events,
        (position[inside], column[inside]),
        near["events"].to_numpy(dtype=float)[inside],
    )
    logged = np.log1p(events)
    covered = years <= last_year
    if not covered.any():
        return np.zeros_like(logged)
    mean = logged[:, covered].mean(axis=1, keepdims=True)
    return np.where(covered, logged - mean, 0.0)


def standardise(value: FloatArray, transform: str, *, higher_is_worse: bool) -> FloatArray:
    """Return an indicator with mean 0 and sd 1 over its areas, higher is worse.

    ``log1p`` adds a hundredth of the median of the positive values before the logarithm, and
    ``logit`` takes shares in percent; so no result depends on the unit of a measured amount.
    """
    match transform:
        case "log":
            moved = np.log(value)
        case "log1p":
            positive = value[value > 0]
            offset = np.median(positive) / 100 if len(positive) else 1.0
            moved = np.log(value + offset)
        case "logit":
            share = np.clip(value / 100, 1e-4, 1 - 1e-4)
            moved = np.log(share / (1 - share))
        case _:
            moved = value
    spread = moved.std()
    scaled = (moved - moved.mean()) / (spread if spread > 0 else 1.0)
    return scaled if higher_is_worse else -scaled


def latest_values(values: pd.DataFrame, definitions: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Return the newest value of each indicator and area known at the assessment.

    Values whose period ends after ``as_of`` are left out, but for geometry, which has no
    date; ties go to the better grade.
    """
    used = values[values["indicator"].isin(definitions.index)].copy()
    used["end"] = [period_bounds(str(period))[1] for period in used["period"]]
    timeless = definitions["definition"].reindex(used["indicator"]).eq("geometry").to_numpy()
    used = used[timeless | np.array([end <= as_of for end in used["end"]], dtype=bool)]
    order = ["indicator", "area_level", "area_code", "end"]
    used = used.sort_values(
        [*order, "reliability", "credibility"], ascending=[True] * 4 + [False] * 2, kind="stable"
    )
    newest = used.drop_duplicates(order[:3], keep="last").copy()
    newest["age_years"] = [(as_of - end).days / 365.25 for end in newest["end"]]
    return newest.reset_index(drop=True)


def area_weights(newest: pd.DataFrame, districts: pd.DataFrame) -> FloatArray:
    """Return population weights of the districts of each value's area, (value, district)."""
    people = districts["population"].to_numpy(dtype=float)
    people = np.where(np.isfinite(people), people, np.nanmedian(people))
    members = {
        "adm0": districts["country"].to_numpy(dtype=str),
        "adm1": districts["oblast"].to_numpy(dtype=str),
        "adm2": districts.index.to_numpy(dtype=str),
    }
    rows = np.zeros((len(newest), len(districts)))
    for i, (level, code) in enumerate(zip(newest["area_level"], newest["area_code"], strict=True)):
        inside = members[str(level)] == str(code)
        rows[i, inside] = people[inside] / people[inside].sum()
    return rows


def measurements(
    values: pd.DataFrame, definitions: pd.DataFrame, districts: pd.DataFrame, as_of: date
) -> tuple[Measurements, dict[str, FloatArray], pd.DataFrame]:
    """Return the pillars' values, their geometric parts, and what is not used and why.

    Parameters
    ----------
    values
        All indicator values (tidy).
    definitions
        Index indicator; pillar, direction, definition, measure, transform, per, use.
    districts
        The district table of the panel.
    as_of
        Date of the assessment.
    """
    offered = definitions[definitions["use"].astype(bool)]
    newest = latest_values(values, offered, as_of)
    newest = newest[newest["area_level"].isin(["adm0", "adm1", "adm2"])]
    weights = area_weights(newest, districts)
    held = weights.sum(axis=1) > 0
    newest, weights = newest[held].reset_index(drop=True), weights[held]
    unused: list[tuple[str, str]] = [
        (str(name), "information only") for name in definitions.index.difference(offered.index)
    ]
    fixed: dict[str, list[FloatArray]] = {}
    parts: list[pd.DataFrame] = []
    for name, group in newest.groupby("indicator", sort=True):
        definition = offered.loc[name]
        if len(group) < FEWEST_AREAS:
            unused.append((str(name), f"known at fewer than {FEWEST_AREAS} areas"))
        elif definition["definition"] == "geometry":
            part = _geometry(group, definition, weights[group.index], len(districts))
            fixed.setdefault(str(definition["pillar"]), []).append(part)
        else:
            parts.append(_oriented(group, definition, weights, districts))
    empty = newest.head(0).assign(
        pillar="", x=0.0, error_sd=0.0, count=0.0, people=0.0, expected=0.0
    )
    table = pd.concat(parts) if parts else empty
    missing = offered.index.difference(newest["indicator"])
    unused += [(str(name), "no value at or before the assessment") for name in missing]
    kept = Measurements(table.reset_index(drop=True), weights[table.index.to_numpy(dtype=int)])
    return (
        kept,
        {pillar: np.mean(columns, axis=0) for pillar, columns in fixed.items()},
        pd.DataFrame(unused, columns=["indicator", "reason"]),
    )


def _geometry(
    group: pd.DataFrame, definition: pd.Series, weights: FloatArray, n: int
) -> FloatArray:
    worse = definition["direction"] == "higher_is_worse"
    x = standardise(
        group["value"].to_numpy(dtype=float), str(definition["transform"]), higher_is_worse=worse
    )
    result = np.zeros(n)
    result[weights.argmax(axis=1)] = x
    return result


def _oriented(
    group: pd.DataFrame, definition: pd.Series, weights: FloatArray, districts: pd.DataFrame
) -> pd.DataFrame:
    group = group.assign(pillar=str(definition["pillar"]))
    group["error_sd"] = error_sd(group["reliability"], group["credibility"], group["age_years"])
    value = group["value"].to_numpy(dtype=float)
    counted = definition["measure"] == "count" and definition["per"] == "population"
    if counted:
        inside = weights[group.index] > 0
        total = inside @ districts["population"].fillna(0.0).to_numpy(dtype=float)
        count = np.rint(value)
        people = total / PEOPLE_PER_UNIT
        pooled = np.exp(np.log((count + 0.5) / people).mean())
        return group.assign(x=np.nan, count=count, people=people, expected=people * pooled)
    worse = definition["direction"] == "higher_is_worse"
    x = standardise(value, str(definition["transform"]), higher_is_worse=worse)
    return group.assign(x=x, count=np.nan, people=np.nan, expected=np.nan)


def regime_grid(
    regimes: pd.DataFrame, countries: Sequence[str], periods: NDArray[np.int_]
) -> tuple[IntArray, tuple[str, ...]]:
    """Return positions of the source regimes, shape (country, period), and their names."""
    covered = regimes[regimes["regime"] != "none"]
    names = tuple(sorted(covered["regime"].unique()))
    grid = np.full((len(countries), len(periods)), -1, dtype=np.intp)
    row = pd.Index(countries).get_indexer(pd.Index(covered["country"]))
    column = pd.Index(periods).get_indexer(pd.Index(covered["period"].astype(int)))
    inside = (row >= 0) & (column >= 0)
    grid[row[inside], column[inside]] = pd.Index(names).get_indexer(pd.Index(covered["regime"]))[
        inside
    ]
    return grid, names
