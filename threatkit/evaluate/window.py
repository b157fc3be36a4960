"""What happened between two days, for forecasts that do not follow calendar years."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from threatkit.data.catalogue import Catalogue
from threatkit.data.episodes import episodes

FloatArray = NDArray[np.float64]

#: Counts by year only, so it cannot say what happened in a window.
_BY_YEAR = "ucdp"


@dataclass(frozen=True)
class Window:
    """Outcome of N districts between two days.

    Attributes
    ----------
    event
        Shape (N,): probability that an episode began in the window; NaN where no source
        covers any of it.
    part
        Shape (N,): part of the window's days that a source covers.
    partly
        Shape (N,): whether the sources list a part only of what happens there.
    """

    event: FloatArray
    part: FloatArray
    partly: NDArray[np.bool_]


def window(
    catalogue: Catalogue,
    codes: Collection[str],
    *,
    start: date,
    end: date,
    event_types: Collection[str],
    require_death: bool,
) -> Window:
    """Return what began between two days in each district.

    Parameters
    ----------
    catalogue
        Checked data packages.
    codes
        Districts, in the order of the result; one that the catalogue lacks is missing.
    start, end
        First and last day.
    event_types, require_death
        What counts as an episode.
    """
    order = pd.Index(list(codes))
    country = catalogue.districts["country"].reindex(order)
    used = catalogue.coverage
    used = used[(used["coverage"] != "none") & (used["source"] != _BY_YEAR)]
    part = _covered(used, start, end).reindex(country.to_numpy())
    years = used["period"].astype(int).between(start.year, end.year)
    full = used.loc[years & (used["coverage"] == "covered"), "country"]
    known = episodes(
        catalogue.events,
        districts=catalogue.districts,
        types=event_types,
        require_death=require_death,
        as_of=end,
    )
    begun = known[known["start"] >= pd.Timestamp(start)]
    none = (1.0 - begun["weight"]).groupby(begun["district"]).prod()
    event = 1.0 - none.reindex(order).fillna(1.0).to_numpy(dtype=float)
    share = part.fillna(0.0).to_numpy(dtype=float)
    partly = (share > 0) & ~country.isin(full).to_numpy()
    return Window(np.where(share > 0, event, np.nan), share, partly)


def _covered(used: pd.DataFrame, start: date, end: date) -> pd.Series:
    """Return the part of the window's days that a source of dated events covers, by country."""
    first = pd.to_datetime(used["from"]).clip(lower=pd.Timestamp(start))
    last = pd.to_datetime(used["until"]).clip(upper=pd.Timestamp(end))
    days = ((last - first).dt.days + 1).clip(lower=0)
    by_year = days.groupby([used["country"], used["period"]]).max()
    total = by_year.groupby(level=0).sum()
    return total / ((end - start).days + 1)
