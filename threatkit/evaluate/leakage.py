"""Leakage: indicators that know at an origin what only became known, or happened, after it.

Three looks, each of which can find what the others cannot: does anything in the panel of an
origin change when all that is later is taken away; had every value that the panel holds been
published by then; and does an indicator go with the *next* year's episodes more closely than
with those of a shuffled calendar.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from threatkit.data.catalogue import Catalogue, Package
from threatkit.data.periods import period_bounds
from threatkit.errors import Fault, InvalidInput
from threatkit.evaluate.knowledge import known_at, published_dates
from threatkit.geo.graph import Graph
from threatkit.model.assemble import Outcome, assemble
from threatkit.model.panel import Panel, area_weights

FloatArray = NDArray[np.float64]

COLUMNS = ("check", "origin", "indicator", "areas", "found", "verdict")
LEAK, CLEAN, UNTESTED = "leak", "clean", "cannot be tested"
#: Shuffles of the calendar, and the family-wise level at which a correlation counts.
SHUFFLES = 1999
LEVEL = 0.05
#: An indicator is tested against the calendar with at least this many years and values.
FEWEST_YEARS, FEWEST_VALUES = 5, 20
#: Two numbers count as the same up to this relative difference.
SAME = 1e-9


def find(
    catalogue: Catalogue,
    graph: Graph,
    rules: Outcome,
    origins: Sequence[int],
    *,
    as_published: bool = True,
    seed: int = 1,
) -> pd.DataFrame:
    """Return what was looked at and what was found.

    Parameters
    ----------
    catalogue
        What is checked.
    graph
        Borders of the districts.
    rules
        What counts as an episode; its ``as_of`` is not used.
    origins
        Years at whose end the panels are made.
    as_published
        Whether panels are made as a backtest makes them, of what had been published
        (`threatkit.evaluate.knowledge.known_at`), or by the periods of values alone, as an
        assessment with an earlier ``as_of`` does.
    seed
        Of the shuffled calendars.

    Returns
    -------
    DataFrame
        check (removal, publication, calendar), origin, indicator, areas (how many), found (in
        words), verdict (leak, clean, cannot be tested).

    Raises
    ------
    InvalidInput
        If there is no origin, or one at which no source covers anything.
    """
    if not origins:
        raise InvalidInput(Fault("origins", "at least one origin is given", "none"))
    rows: list[tuple[object, ...]] = []
    for origin in origins:
        given = known_at(catalogue, date(origin, 12, 31)) if as_published else catalogue
        panel = _panel(given, graph, rules, origin)
        rows += _removal(panel, _panel(_before(given, origin), graph, rules, origin), origin)
        rows += _publication(given, panel, origin)
    whole = assemble(catalogue, graph, rules)
    rows += _calendar(catalogue, whole, np.random.default_rng(seed))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _panel(catalogue: Catalogue, graph: Graph, rules: Outcome, origin: int) -> Panel:
    return assemble(catalogue, graph, replace(rules, as_of=date(origin, 12, 31)))


# ------------------------------------------------------------------ what is later, taken away


def _before(catalogue: Catalogue, origin: int) -> Catalogue:
    """Return a catalogue without any row that speaks of a later time."""
    declared = catalogue.indicators
    timeless = frozenset(declared.index[declared["definition"] == "geometry"])
    return replace(
        catalogue, packages=tuple(_cut(package, origin, timeless) for package in catalogue.packages)
    )


def _cut(package: Package, origin: int, timeless: frozenset[str]) -> Package:
    last = date(origin, 12, 31)
    tables = {}
    for name, frame in package.tables.items():
        keep = pd.Series(True, index=frame.index)
        if name == "dropped":  # a list of what is not used, in the words of its sources
            tables[name] = frame
            continue
        if "period" in frame.columns:
            keep &= frame["period"].map(lambda text: period_bounds(str(text))[0] <= last)
        if "indicator" in frame.columns:
            keep |= frame["indicator"].isin(timeless)
        if "date_start" in frame.columns:
            keep &= frame["date_start"].map(lambda text: period_bounds(str(text))[0] <= last)
        if "year" in frame.columns:
            keep &= pd.to_numeric(frame["year"], errors="coerce") <= origin
        tables[name] = frame[keep]
    return replace(package, tables=tables)


def _removal(full: Panel, cut: Panel, origin: int) -> Iterator[tuple[object, ...]]:
    """Yield what changes in the panel of an origin when all that is later is taken away."""
    keys = ["indicator", "area_level", "area_code", "period"]
    one = full.measurements.table.set_index(keys)["x"]
    other = cut.measurements.table.set_index(keys)["x"]
    moved = ~_same(one, other.reindex(one.index))
    gone = one.index.symmetric_difference(other.index)
    for name in sorted({*one.index.get_level_values(0), *other.index.get_level_values(0)}):
        here = int(moved[one.index.get_level_values(0) == name].sum())
        extra = int((gone.get_level_values(0) == name).sum()) if len(gone) else 0
        yield _row("removal", origin, name, max(here, extra), "values change")
    for pillar in sorted({*full.fixed, *cut.fixed}):
        changed = ~_same(full.fixed.get(pillar, np.array([])), cut.fixed.get(pillar, np.array([])))
        yield _row("removal", origin, f"{pillar} (geometry)", int(changed.sum()), "values change")
    for name in ("history", "spillover"):
        changed = ~_same(getattr(full, name), getattr(cut, name))
        yield _row("removal", origin, name, int(changed.any(axis=1).sum()), "districts change")
    ratio = full.exposure_years / np.where(cut.exposure_years > 0, cut.exposure_years, np.nan)
    most = float(np.nanmax(np.abs(ratio - 1)))
    where = int((~_same(full.exposure_years, cut.exposure_years)).any(axis=1).sum())
    found = f"countries change by up to {100 * most:.1f}%"
    yield _row("removal", origin, "people by year", where, found)
    same = full.cells.reset_index(drop=True).equals(cut.cells.reset_index(drop=True))
    yield _row("removal", origin, "episodes", 0 if same else 1, "the cells change")


def _same(one: object, other: object) -> NDArray[np.bool_]:
    first, second = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    if first.shape != second.shape:
        return np.zeros(max(first.shape, second.shape), dtype=bool)
    return np.asarray(np.isclose(first, second, rtol=SAME, atol=SAME, equal_nan=True), dtype=bool)


def _row(check: str, origin: int, name: str, count: int, found: str) -> tuple[object, ...]:
    text = f"{count} {found}" if count else "nothing changes"
    return (check, origin, name, count, text, LEAK if count else CLEAN)


# ------------------------------------------------------------------ the day of publication


def _publication(catalogue: Catalogue, panel: Panel, origin: int) -> Iterator[tuple[object, ...]]:
    """Yield how many values of a panel had not been published at its date."""
    table = panel.measurements.table
    dates = {
        package.name: published_dates(package)
        for package in catalogue.packages
        if "sources" in package.tables
    }
    owner = catalogue.indicators["package"]
    for name, group in table.groupby("indicator", sort=True):
        known = dates.get(str(owner.loc[name]), {})
        said = [known.get(str(source)) for source in group["source_id"]]
        late = sum(text is not None and period_bounds(text)[1] > panel.as_of for text in said)
        undated = sum(text is None for text in said)
        found = f"{late} of {len(said)} values were published later"
        if undated:
            found += f"; {undated} have no date of publication"
        verdict = LEAK if late else UNTESTED if undated == len(said) else CLEAN
        yield ("publication", origin, str(name), late, found, verdict)


# ------------------------------------------------------------------ a shuffled calendar


def _calendar(
    catalogue: Catalogue, panel: Panel, rng: np.random.Generator
) -> Iterator[tuple[object, ...]]:
    """Yield how each indicator goes with the next year's episodes, against shuffled years.

    The years of the outcome change places, its districts do not: an indicator that marks out
    violent places passes, one that marks out the violent *years* of its places does not. Holm's
    correction over the indicators holds the level.
    """
    values = catalogue.values
    values = values[values["area_level"].isin(["adm0", "adm1", "adm2"])]
    tested: list[tuple[str, int, float, float]] = []
    for name, group in values.groupby("indicator", sort=True):
        made = _against_years(group.reset_index(drop=True), panel, rng)
        if made is None:
            few = f"it needs values of {FEWEST_YEARS} years and {FEWEST_VALUES} values"
            yield ("calendar", None, str(name), 0, few, UNTESTED)
        else:
            tested.append((str(name), *made))
    still = True
    for place, (name, count, correlation, chance) in enumerate(sorted(tested, key=lambda t: t[3])):
        still = still and chance * (len(tested) - place) <= LEVEL
        found = (
            f"correlation {correlation:+.2f} with next year's episodes; a shuffled calendar "
            f"reaches that in {100 * chance:.1f} of 100"
        )
        yield ("calendar", None, name, count, found, LEAK if still else CLEAN)


def _against_years(
    group: pd.DataFrame, panel: Panel, rng: np.random.Generator
) -> tuple[int, float, float] | None:
    """Return number of areas, correlation and how often shuffled calendars reach it."""
    year = group["period"].map(lambda text: period_bounds(str(text))[1].year).to_numpy(dtype=int)
    column = year + 1 - int(panel.periods[0])
    inside = (column >= 0) & (column < len(panel.periods))
    group, column = group[inside].reset_index(drop=True), column[inside]
    if len(np.unique(column)) < FEWEST_YEARS or len(group) < FEWEST_VALUES:
        return None
    inside_area = area_weights(group, panel.districts) > 0
    count = np.zeros((len(panel.districts), len(panel.periods)))
    cells = panel.cells
    np.add.at(
        count,
        (cells["district"].to_numpy(dtype=int), cells["period"].to_numpy(dtype=int)),
        (cells["count"] * cells["weight"]).to_numpy(dtype=float),
    )
    by_area = np.log1p(inside_area @ count)
    by_area -= by_area.mean(axis=1, keepdims=True)
    area = group["area_code"]
    value = group["value"] - group["value"].groupby(area).transform("mean")
    x = value.to_numpy(dtype=float)
    rows = np.arange(len(group))

    def correlation(order: NDArray[np.int_]) -> float:
        other = by_area[rows, order[column]]
        size = float(np.sqrt((x**2).sum() * (other**2).sum()))
        return float(x @ other) / size if size > 0 else 0.0

    years = np.arange(len(panel.periods))
    seen = correlation(years)
    shuffled = np.array([correlation(rng.permutation(years)) for _ in range(SHUFFLES)])
    reached = (1 + (np.abs(shuffled) >= abs(seen) - SAME).sum()) / (1 + SHUFFLES)
    return int(area.nunique()), seen, float(reached)
