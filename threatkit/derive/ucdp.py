"""Figures by district and year from a copy of the UCDP Georeferenced Event Dataset.

The rows of UCDP are not shipped, the figures made here are::

    python -m threatkit.derive.ucdp COPY.csv

The copy has one row an event and at least the columns id, date_start, type_of_violence,
latitude, longitude, best, low, high and adm0_iso3. Written into the package
``security_events``: ``ucdp_district_year.csv`` (events and deaths by type),
``ucdp_episodes.csv`` (episodes, and how many of them the curated list has too) and
``afghan_side.csv`` (events and deaths in Afghanistan within 50 and 150 km of a district).

Dataset: Sundberg and Melander 2013, doi:10.1177/0022343313484347.
"""

import argparse
import logging
from pathlib import Path

import geopandas as gpd
import pandas as pd

from threatkit.data.episodes import GAP_DAYS, chain, day_bounds
from threatkit.errors import Fault, InvalidInput
from threatkit.geo.boundaries import EQUAL_AREA, load_boundaries
from threatkit.paths import data_dir

AFGHANISTAN = "AFG"
BANDS_KM = (50, 150)
NEAREST_KM = 20.0
TYPES = {1: "state", 2: "nonstate", 3: "onesided"}

_COLUMNS = (
    "id",
    "date_start",
    "type_of_violence",
    "latitude",
    "longitude",
    "best",
    "low",
    "high",
    "adm0_iso3",
)
_LOG = logging.getLogger(__name__)


def read_copy(path: Path) -> gpd.GeoDataFrame:
    """Read a copy of UCDP GED as points in metres (the equal-area projection).

    Returns
    -------
    Columns id, country, date, period (year), type, best, low, high (deaths), geometry.

    Raises
    ------
    InvalidInput
        If columns are missing or a date or type cannot be read.
    """
    table = pd.read_csv(path, dtype={"id": "str"})
    missing = [name for name in _COLUMNS if name not in table.columns]
    if missing:
        raise InvalidInput(
            Fault(
                str(path),
                f"a copy of UCDP GED has the columns {', '.join(_COLUMNS)}",
                f"without {', '.join(missing)}",
                "Take the events table of UCDP GED, not a table of totals.",
            )
        )
    date = pd.to_datetime(table["date_start"].str.slice(0, 10), format="ISO8601", errors="coerce")
    kind = table["type_of_violence"].map(TYPES)
    bad = table.loc[date.isna() | kind.isna(), "id"]
    if len(bad):
        raise InvalidInput(
            Fault(
                f"{path}, {len(bad)} events, first {bad.iloc[0]}",
                "an event has an ISO date and a type of violence 1, 2 or 3",
            )
        )
    return gpd.GeoDataFrame(
        {
            "id": table["id"],
            "country": table["adm0_iso3"],
            "date": date,
            "period": date.dt.year,
            "type": kind,
            "best": table["best"].astype("int64"),
            "low": table["low"].astype("int64"),
            "high": table["high"].astype("int64"),
        },
        geometry=gpd.points_from_xy(table["longitude"], table["latitude"]),
        crs="EPSG:4326",
    ).to_crs(EQUAL_AREA)


def place(events: gpd.GeoDataFrame, districts: gpd.GeoDataFrame) -> pd.DataFrame:
    """Give each event of the republics the district, of its own country, that holds it.

    A point in none of them (on a border, in a gap) goes to the nearest district of its
    country within 20 km; one that is farther away is left out with a warning. Cities that
    are units of their own hold their points before the district around them does.

    Parameters
    ----------
    events
        What :func:`read_copy` returned.
    districts
        Outlines in the same projection, index ``district``, column country.

    Returns
    -------
    The events that have a district, with the column district.
    """
    parts = []
    for country, group in events.groupby("country"):
        units = districts.loc[districts["country"] == country, ["geometry"]]
        if units.empty:
            continue
        found = gpd.sjoin_nearest(
            group, units, max_distance=NEAREST_KM * 1000.0, distance_col="metres"
        ).rename(columns={"index_right": "district"})
        found = found.sort_values(["id", "metres", "district"]).drop_duplicates("id")
        if len(found) < len(group):
            _LOG.warning(
                "%s: %d events lie more than %g km from any district and are left out",
                country,
                len(group) - len(found),
                NEAREST_KM,
            )
        parts.append(pd.DataFrame(found.drop(columns="geometry")))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def district_years(placed: pd.DataFrame) -> pd.DataFrame:
    """Sum events and deaths by district, year and type of violence."""
    table = placed.groupby(["district", "period", "type"], as_index=False).agg(
        events=("id", "size"),
        deaths_best=("best", "sum"),
        deaths_low=("low", "sum"),
        deaths_high=("high", "sum"),
    )
    return table.sort_values(["district", "period", "type"], ignore_index=True)


def ucdp_episodes(placed: pd.DataFrame, curated: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Count episodes by district and year, and those that the curated list has too.

    Parameters
    ----------
    placed
        Events with their district.
    curated
        The curated events; a report of any type in the same district within 14 days of the
        episode is the same episode.
    pairs
        Columns event_id and ucdp_id: the same event in both, found by hand.

    Returns
    -------
    Columns district, period (the year in which it starts), episodes, episodes_also_curated,
    deadly and deadly_also_curated (those with a death by the best figure).
    """
    label = chain(placed["district"], placed["date"], placed["date"])
    paired = placed["id"].isin(set(pairs["ucdp_id"]))
    table = (
        placed.assign(label=label, paired=paired)
        .groupby("label")
        .agg(
            district=("district", "first"),
            start=("date", "min"),
            end=("date", "max"),
            deaths=("best", "sum"),
            also=("paired", "any"),
        )
    )
    table["also"] |= table.index.isin(_near_curated(table, curated))
    table["period"] = table["start"].dt.year
    table["deadly"] = table["deaths"] > 0
    table["deadly_also"] = table["deadly"] & table["also"]
    counts = table.groupby(["district", "period"], as_index=False).agg(
        episodes=("also", "size"),
        episodes_also_curated=("also", "sum"),
        deadly=("deadly", "sum"),
        deadly_also_curated=("deadly_also", "sum"),
    )
    return counts.sort_values(["district", "period"], ignore_index=True)


def _near_curated(table: pd.DataFrame, curated: pd.DataFrame) -> pd.Index:
    first, sure = day_bounds(curated["date_start"])
    _, last = day_bounds(curated["date_end"])
    reports = pd.DataFrame(
        {"district": curated["area_code"], "first": first, "last": last.where(last.notna(), sure)}
    )
    both = table.reset_index().merge(reports, on="district")
    gap = pd.Timedelta(days=GAP_DAYS)
    near = (both["first"] - both["end"] <= gap) & (both["start"] - both["last"] <= gap)
    return pd.Index(both.loc[near, "label"].unique())


def afghan_side(events: gpd.GeoDataFrame, districts: gpd.GeoDataFrame) -> pd.DataFrame:
    """Sum events and deaths in Afghanistan near each district, by year.

    Returns
    -------
    Columns district, period, band_km (within so many km of the district's outline; the wide
    band holds the narrow one), events and deaths_best; only rows with an event.
    """
    afghan = events[events["country"] == AFGHANISTAN]
    pairs = gpd.sjoin(
        afghan, districts[["geometry"]], predicate="dwithin", distance=max(BANDS_KM) * 1000.0
    ).rename(columns={"index_right": "district"})
    outlines = districts.geometry.loc[pairs["district"]]
    pairs["metres"] = pairs.geometry.distance(outlines.set_axis(pairs.index), align=False)
    parts = [
        pairs[pairs["metres"] <= band * 1000.0]
        .groupby(["district", "period"], as_index=False)
        .agg(events=("id", "size"), deaths_best=("best", "sum"))
        .assign(band_km=band)
        for band in BANDS_KM
    ]
    table = pd.concat(parts, ignore_index=True)
    table = table.sort_values(["district", "period", "band_km"], ignore_index=True)
    return pd.DataFrame(table[["district", "period", "band_km", "events", "deaths_best"]])


def derive(copy: Path, package: Path, out: Path) -> tuple[Path, ...]:
    """Write the three tables of figures.

    Parameters
    ----------
    copy
        A copy of UCDP GED.
    package
        The folder of the package ``security_events``: its events and pairs are read.
    out
        Where to write, usually the same folder.

    Returns
    -------
    The paths written.
    """
    events = read_copy(copy)
    districts = load_boundaries().to_crs(EQUAL_AREA)
    placed = place(events, districts)
    curated = pd.read_csv(package / "events.csv", dtype="str", keep_default_na=False)
    pairs = pd.read_csv(package / "ucdp_pairs.csv", dtype="str", keep_default_na=False)
    tables = {
        "ucdp_district_year.csv": district_years(placed),
        "ucdp_episodes.csv": ucdp_episodes(placed, curated, pairs),
        "afghan_side.csv": afghan_side(events, districts),
    }
    for name, table in tables.items():
        table.to_csv(out / name, index=False, lineterminator="\n", encoding="utf-8")
        _LOG.info("%s: %d rows", name, len(table))
    return tuple(out / name for name in tables)


def main() -> None:
    """Derive the figures from the copy named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("copy", type=Path, help="a copy of UCDP GED (CSV)")
    parser.add_argument("--out", type=Path, help="another folder to write into")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    package = data_dir("indicators") / "security_events"
    derive(options.copy, package, options.out or package)


if __name__ == "__main__":
    main()
