"""What was known on a day: indicator values that had been published by then.

Events enter by their date and coverage by its years (`threatkit.model.assemble`). An indicator
value enters by the day on which its source was published (column ``published`` of the sources);
where that is not known, a stated time after the end of its period. Geometry has no date. The
people of districts are those of the table of districts, scaled by country and year: no earlier
edition is shipped.
"""

from dataclasses import replace
from datetime import date

import pandas as pd

from threatkit.data.catalogue import Catalogue, Package
from threatkit.data.periods import period_bounds
from threatkit.data.schema import VALUES_COLUMNS
from threatkit.model.panel import Panel

#: Months after the end of its period at which a value without a date of publication is known.
LAG_MONTHS = 12


def known_at(catalogue: Catalogue, day: date, *, lag_months: int = LAG_MONTHS) -> Catalogue:
    """Return a catalogue with the indicator values that were known on a day.

    Parameters
    ----------
    catalogue
        Checked data packages.
    day
        The last day that is known.
    lag_months
        Months after the end of its period at which a value is known whose source has no date
        of publication. A source dated to a month or year counts as published at its end.
    """
    declared = catalogue.indicators
    timeless = frozenset(declared.index[declared["definition"] == "geometry"])
    return replace(
        catalogue,
        packages=tuple(
            _known(package, day, lag_months, timeless) for package in catalogue.packages
        ),
    )


def published_later(
    catalogue: Catalogue, panel: Panel, *, lag_months: int = LAG_MONTHS
) -> tuple[int, int]:
    """Return how many values of a panel were not yet known at its date, and how many it has.

    Parameters
    ----------
    catalogue
        What the panel was made from, with the sources of its values.
    panel
        Its ``as_of`` is the day; geometry has no date and does not count.
    lag_months
        As for `known_at`.
    """
    table = panel.measurements.table
    dates = {package.name: published_dates(package) for package in catalogue.packages}
    late = [
        _since(dates[str(package)].get(str(source)), str(period), lag_months) > panel.as_of
        for package, source, period in zip(
            table["package"], table["source_id"], table["period"], strict=True
        )
    ]
    return sum(late), len(late)


def hindsight(catalogue: Catalogue, panel: Panel, last: date) -> tuple[str, ...]:
    """Return what to say of a panel that lies in the past: a sentence, or nothing.

    Parameters
    ----------
    catalogue, panel
        As for `published_later`.
    last
        The last day that the data cover.
    """
    if panel.as_of >= last:
        return ()
    late, total = published_later(catalogue, panel)
    if not late:
        return ()
    return (
        f"hindsight: {late} of the {total} indicator values in use had not been published by "
        f"{panel.as_of} (a value without a date of publication counts as published {LAG_MONTHS} "
        "months after the end of its period); '--known-then' holds them back",
    )


def pillar_values(panel: Panel) -> dict[str, int]:
    """Return how many indicator values each pillar has in a panel; 0 for geometry alone."""
    measured = panel.measurements.table["pillar"].value_counts()
    names = sorted({*panel.fixed, *measured.index})
    return {str(name): int(measured.get(name, 0)) for name in names}


def _known(package: Package, day: date, lag_months: int, timeless: frozenset[str]) -> Package:
    published = published_dates(package)
    tables = dict(package.tables)
    for name, frame in tables.items():
        if not set(VALUES_COLUMNS) <= set(frame.columns):
            continue
        known = [
            indicator in timeless
            or _since(published.get(str(source)), str(period), lag_months) <= day
            for indicator, source, period in zip(
                frame["indicator"], frame["source_id"], frame["period"], strict=True
            )
        ]
        tables[name] = frame[known]
    return replace(package, tables=tables)


def published_dates(package: Package) -> dict[str, str]:
    """Return the dates of publication that a package states, by source."""
    sources = package.tables.get("sources")
    if sources is None or "published" not in sources:
        return {}
    dated = sources[sources["published"].notna()]
    return {
        str(source): str(text).strip()
        for source, text in zip(dated["source_id"], dated["published"], strict=True)
        if str(text).strip()
    }


def _since(published: str | None, period: str, lag_months: int) -> date:
    """Return the first day on which a value was known."""
    if published is not None:
        return period_bounds(published)[1]
    end = pd.Timestamp(period_bounds(period)[1]) + pd.DateOffset(months=lag_months)
    day: date = end.date()
    return day
