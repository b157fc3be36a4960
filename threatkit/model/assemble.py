"""From the catalogue and the borders to one panel at one date of assessment."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from threatkit.data.catalogue import Catalogue
from threatkit.data.episodes import cells, episodes, regimes
from threatkit.errors import Fault, InvalidInput
from threatkit.geo.graph import Graph
from threatkit.model.panel import (
    FloatArray,
    Panel,
    afghan_deviation,
    measurements,
    memory,
    neighbour_mean,
    regime_grid,
)

#: Last year in which the source on the Afghan side covers it.
AFGHAN_SIDE_UNTIL = 2020
#: An assessment that lies longer than this after the last covered day is refused.
LONGEST_GAP_DAYS = 366

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What counts as an episode, and when.

    Attributes
    ----------
    event_types
        Types of event that count.
    require_death
        Whether only events with a known death count.
    start_year
        First year of the outcome.
    as_of
        Date of the assessment; the end of the coverage by default.
    """

    event_types: Collection[str]
    require_death: bool = False
    start_year: int = 2005
    as_of: date | None = None


def last_covered_day(coverage: pd.DataFrame) -> date:
    """Return the last day that any source covers, the default date of an assessment."""
    covered = coverage[coverage["coverage"] != "none"]
    last: date = pd.to_datetime(covered["until"]).max().date()
    return last


def assemble(catalogue: Catalogue, graph: Graph, outcome: Outcome) -> Panel:
    """Return the panel of a catalogue over the districts of a graph.

    Parameters
    ----------
    catalogue
        Checked data packages.
    graph
        Borders of the districts that have an outline.
    outcome
        What counts, and when.

    Raises
    ------
    InvalidInput
        If no source covers any part of the years asked for.
    """
    as_of = _assessed(outcome.as_of, last_covered_day(catalogue.coverage))
    districts = catalogue.districts.loc[list(graph.districts)].copy()
    countries = tuple(sorted(districts["country"].unique()))
    periods = np.arange(outcome.start_year, as_of.year + 1)
    coverage = catalogue.coverage
    exposure = covered_years(coverage, countries, periods, as_of)
    if not (exposure > 0).any():
        raise InvalidInput(
            Fault(
                f"the outcome from {outcome.start_year} to {as_of}",
                "a source covers some country in the years of the outcome",
                "none",
                f"The coverage ends on {last_covered_day(coverage)}; choose earlier years",
            )
        )
    grid, names = regime_grid(regimes(coverage, countries, list(periods)), countries, periods)
    exposure = np.where(grid >= 0, exposure, 0.0)
    known = episodes(
        catalogue.events,
        districts=catalogue.districts,
        types=outcome.event_types,
        require_death=outcome.require_death,
        as_of=as_of,
    )
    counted = catalogue.table("ucdp_episodes")
    memories = _memories(known, counted, graph, periods, outcome, as_of)
    values, fixed, unused = measurements(catalogue.values, catalogue.indicators, districts, as_of)
    return Panel(
        districts=districts,
        graph=graph,
        as_of=as_of,
        periods=periods,
        exposure_years=exposure * population_scale(catalogue, countries, periods, as_of),
        regime=grid,
        regimes=names,
        cells=_cells(known, counted, districts, periods, exposure, outcome, as_of),
        history=memories,
        spillover=neighbour_mean(graph, memories),
        afghan=afghan_deviation(
            catalogue.table("afghan_side"),
            graph.districts,
            periods,
            last_year=AFGHAN_SIDE_UNTIL,
        ),
        fixed=fixed,
        measurements=values,
        unused=unused,
    )


def _assessed(as_of: date | None, last: date) -> date:
    """Return the date of the assessment: not long after the sources end."""
    if as_of is None:
        return last
    if (as_of - last).days > LONGEST_GAP_DAYS:
        raise InvalidInput(
            Fault(
                f"the assessment of {as_of}",
                f"an assessment lies at most {LONGEST_GAP_DAYS} days after the last day that a "
                f"source covers, {last}",
                f"{(as_of - last).days} days",
                "Choose an earlier --as-of, or bring newer events and their coverage",
            )
        )
    if as_of > last:
        logger.warning(
            "no source covers the %d days from %s to the assessment", (as_of - last).days, last
        )
    return as_of


def covered_years(
    coverage: pd.DataFrame, countries: Sequence[str], periods: NDArray[np.int_], as_of: date
) -> FloatArray:
    """Return the part of each year up to ``as_of`` that some source covers, (country, period)."""
    result = np.zeros((len(countries), len(periods)))
    covered = coverage[coverage["coverage"] != "none"]
    for (country, period), rows in covered.groupby(["country", "period"]):
        if country not in countries or int(period) not in periods:
            continue
        year = int(period)
        first = pd.to_datetime(rows["from"]).min().date()
        last = min(pd.to_datetime(rows["until"]).max().date(), as_of)
        days = (date(year + 1, 1, 1) - date(year, 1, 1)).days
        part = max((last - max(first, date(year, 1, 1))).days + 1, 0) / days
        result[list(countries).index(country), year - int(periods[0])] = min(part, 1.0)
    return result


def population_scale(
    catalogue: Catalogue, countries: Sequence[str], periods: NDArray[np.int_], as_of: date
) -> FloatArray:
    """Return each country's population of a year over that at the assessment.

    Between the years of the table of national populations the logarithm is interpolated;
    outside them its nearest growth goes on. A country without figures is held constant.
    """
    scale = np.ones((len(countries), len(periods)))
    if not catalogue.has_table("national_population"):
        return scale
    table = catalogue.table("national_population")
    for row, country in enumerate(countries):
        own = table[table["country"] == country].sort_values("year")
        if len(own) < 2:
            continue
        year = own["year"].to_numpy(dtype=float)
        log = np.log(own["population"].to_numpy(dtype=float))
        at = np.append(periods + 0.5, as_of.year + as_of.timetuple().tm_yday / 365.25)
        values = np.interp(at, year, log)
        ends = np.polyfit(year[-2:], log[-2:], 1), np.polyfit(year[:2], log[:2], 1)
        values = np.where(at > year[-1], np.polyval(ends[0], at), values)
        values = np.where(at < year[0], np.polyval(ends[1], at), values)
        scale[row] = np.exp(values[:-1] - values[-1])
    return scale


def _memories(
    known: pd.DataFrame,
    counted: pd.DataFrame,
    graph: Graph,
    periods: NDArray[np.int_],
    outcome: Outcome,
    as_of: date,
) -> FloatArray:
    """Return the memory of all episodes; those known by year only stand at its middle."""
    kind = "deadly" if outcome.require_death else "episodes"
    alone = counted.assign(
        start=[date(int(period), 7, 1) for period in counted["period"]],
        weight=counted[kind].astype(float) - counted[f"{kind}_also_curated"].astype(float),
    )
    both = pd.concat(
        [
            known[["district", "start", "weight"]].assign(start=pd.to_datetime(known["start"])),
            alone[["district", "start", "weight"]].assign(start=pd.to_datetime(alone["start"])),
        ]
    )
    return memory(both, graph.districts, periods, as_of)


def _cells(
    known: pd.DataFrame,
    counted: pd.DataFrame,
    districts: pd.DataFrame,
    periods: NDArray[np.int_],
    exposure: FloatArray,
    outcome: Outcome,
    as_of: date,
) -> pd.DataFrame:
    """Return the cells by position, without those that no source covers or nobody lives in."""
    frame = cells(
        known,
        counted,
        districts=districts,
        years=[int(year) for year in periods],
        require_death=outcome.require_death,
        as_of=as_of,
    )
    countries = sorted(districts["country"].unique())
    district = districts.index.get_indexer(pd.Index(frame["district"]))
    period = frame["period"].to_numpy(dtype=int) - int(periods[0])
    country = pd.Index(countries).get_indexer(pd.Index(districts["country"]))[district]
    people = districts["population"].fillna(0.0).to_numpy(dtype=float)[district]
    covered = (district >= 0) & (exposure[country, period] > 0) & (people > 0)
    table = pd.DataFrame(
        {
            "district": district,
            "period": period,
            "count": frame["count"].to_numpy(dtype=int),
            "weight": frame["weight"].to_numpy(dtype=float),
        }
    )
    return table[covered].reset_index(drop=True)
