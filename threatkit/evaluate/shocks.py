"""Known shocks: what forecasters said the year before, of the districts that were then hit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from threatkit.evaluate.stored import Stored

#: A shock counts as seen where a district that was hit stood in this top part of all districts.
TOP_PART = 0.05


@dataclass(frozen=True)
class Shock:
    """A case of violence that a reader will ask about.

    Attributes
    ----------
    title
        Its name.
    year
        In which it happened; what was said at the end of the year before is looked at.
    areas
        Codes of districts, oblasts, countries, or of a border of two (``KGZ-TJK``): the
        districts in them with an episode in that year are those that were hit.
    """

    title: str
    year: int
    areas: tuple[str, ...]


#: Chosen by name, not by what was said of them; districts are those of the events of each case,
#: so that other episodes of the same oblast and year do not count.
SHOCKS = (
    Shock("Andijan", 2005, ("UZ-AN",)),
    Shock(
        "Osh and Jalal-Abad",
        2010,
        ("KG-GO-osh", "KG-O-kara-suu", "KG-J-jalal-abad", "KG-J-bazar-korgon"),
    ),
    Shock(
        "Rasht valley",
        2010,
        ("TJ-RA-rasht", "TJ-RA-nurobod", "TJ-RA-tojikobod", "TJ-RA-lakhsh", "TJ-RA-sangvor"),
    ),
    Shock("Zhanaozen", 2011, ("KZ-47",)),
    Shock("Khorog", 2012, ("TJ-GB-khorog",)),
    Shock("Kyrgyz-Tajik border", 2021, ("KGZ-TJK",)),
    Shock("Almaty", 2022, ("KZ-75",)),
    Shock("Karakalpakstan", 2022, ("UZ-QR",)),
    Shock("Rushan", 2022, ("TJ-GB-rushon",)),
    Shock("Kyrgyz-Tajik border", 2022, ("KGZ-TJK", "KG-B-batken-city")),
)


def told(stored: Stored, shocks: Sequence[Shock] = SHOCKS) -> pd.DataFrame:
    """Return what each forecaster said of each district that was hit.

    Parameters
    ----------
    stored
        A backtest; shocks without an origin in it are left out.
    shocks
        The cases.

    Returns
    -------
    DataFrame
        shock, year, district, forecaster, prob (chance of at least one episode in the year)
        with the interval of 90% of the draws that a fit has, ``prob_lo``, ``prob_hi`` (empty
        for a forecast without draws), rank (1 is the highest chance; ties share the middle of
        their places), districts (number ranked), seen (whether the rank lies in the top part).
    """
    data = stored.data
    origins = set(data["origin"].to_numpy().tolist())
    rows = []
    for shock in shocks:
        if shock.year - 1 not in origins:
            continue
        at = data.sel(origin=shock.year - 1).isel(horizon=0)
        hit = struck(stored, shock)
        for name in data["forecaster"].to_numpy().astype(str):
            said = at.sel(forecaster=name)
            prob = 1.0 - said["pmf"].isel(count=0).to_numpy()
            if not np.isfinite(prob).all():
                continue
            rank = pd.Series(-prob).rank().to_numpy()
            span = said["event_prob_interval"].to_numpy()
            rows += [
                {
                    "shock": shock.title,
                    "year": shock.year,
                    "district": str(data["district"].to_numpy()[place]),
                    "forecaster": name,
                    "prob": prob[place],
                    "prob_lo": span[place, 0],
                    "prob_hi": span[place, 1],
                    "rank": rank[place],
                    "districts": len(prob),
                    "seen": bool(rank[place] <= TOP_PART * len(prob)),
                }
                for place in hit
            ]
    return pd.DataFrame(rows, columns=_COLUMNS)


_COLUMNS = [
    *("shock", "year", "district", "forecaster", "prob", "prob_lo", "prob_hi"),
    *("rank", "districts", "seen"),
]


def struck(stored: Stored, shock: Shock) -> NDArray[np.intp]:
    """Return the positions of the districts of a shock's areas that had an episode.

    An episode that is known to its oblast only counts where its weight is above one half.
    """
    data = stored.data
    district = data["district"].to_numpy().astype(str)
    oblast = data["oblast"].to_numpy().astype(str)
    country = data["country"].to_numpy().astype(str)
    inside = np.zeros(len(district), dtype=bool)
    for area in shock.areas:
        inside |= (district == area) | (oblast == area) | (country == area)
        sides = sorted(area.split("-"))
        if len(sides) == 2 and set(sides) <= set(country):
            pairs = data["pairs"].to_numpy()
            touching = (np.sort(country[pairs], axis=1) == sides).all(axis=1)
            inside[pairs[touching].ravel()] = True
    happened = 1.0 - data["outcome"].sel(year=shock.year).isel(count=0).to_numpy()
    return np.flatnonzero(inside & (happened > 0.5))


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row a shock and forecaster: the district hit that was ranked highest.

    Parameters
    ----------
    table
        Of `told`.

    Returns
    -------
    DataFrame
        As `told`, with hit (districts that were hit) and among_top (how many of them stood in
        the top part); seen says whether any did.
    """
    grouped = table.groupby(["shock", "year", "forecaster"], sort=False)
    best = table.loc[grouped["rank"].idxmin()].reset_index(drop=True)
    counts = grouped["seen"].agg(hit="size", among_top="sum").reset_index()
    return (
        best.drop(columns="seen")
        .merge(counts, on=["shock", "year", "forecaster"])
        .assign(seen=lambda frame: frame["among_top"] > 0)
    )
