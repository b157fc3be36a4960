"""Figures from a copy of UCDP GED: made from toy outlines, and re-created byte for byte."""

import logging
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import box

from threatkit.derive.ucdp import (
    afghan_side,
    derive,
    district_years,
    place,
    read_copy,
    ucdp_episodes,
)
from threatkit.errors import InvalidInput
from threatkit.geo.boundaries import EQUAL_AREA

NAMES = ["ucdp_district_year.csv", "ucdp_episodes.csv", "afghan_side.csv"]
COLUMNS = [
    "id", "date_start", "type_of_violence", "longitude", "latitude", "best", "low", "high",
    "adm0_iso3",
]  # fmt: skip


@pytest.fixture
def outlines() -> gpd.GeoDataFrame:
    city = box(70.4, 39.4, 70.6, 39.6)
    around = box(70.0, 39.0, 71.0, 40.0).difference(city)
    beside = box(71.0, 39.0, 72.0, 40.0)
    return gpd.GeoDataFrame(
        {"country": ["KGZ", "KGZ", "TJK"]},
        geometry=[city, around, beside],
        index=pd.Index(["KG-X-city", "KG-X-around", "TJ-X-beside"], name="district"),
        crs="EPSG:4326",
    ).to_crs(EQUAL_AREA)


def copy_of(path: Path, rows: list[tuple]) -> Path:
    file = path / "copy.csv"
    pd.DataFrame(rows, columns=COLUMNS).to_csv(file, index=False)
    return file


def test_points_go_to_the_city_first_and_stay_in_their_country(tmp_path, outlines, caplog):
    rows = [
        ("1", "2000-01-01", 1, 70.5, 39.5, 5, 4, 6, "KGZ"),
        ("2", "2000-01-10", 1, 70.5, 39.5, 1, 1, 1, "KGZ"),
        ("3", "2000-01-25", 2, 70.5, 39.5, 0, 0, 2, "KGZ"),
        ("4", "2000-01-01", 3, 70.9, 39.5, 2, 2, 2, "KGZ"),
        ("5", "2000-01-01", 1, 71.05, 39.5, 3, 3, 3, "KGZ"),
        ("6", "2000-01-01", 1, 75.0, 39.5, 3, 3, 3, "KGZ"),
        ("7", "2000-01-01", 1, 71.5, 39.5, 3, 3, 3, "TJK"),
    ]
    with caplog.at_level(logging.WARNING):
        placed = place(read_copy(copy_of(tmp_path, rows)), outlines)
    assert "1 events lie more than 20 km" in caplog.text
    got = placed.set_index("id")["district"].to_dict()
    assert got == {
        "1": "KG-X-city",
        "2": "KG-X-city",
        "3": "KG-X-city",
        "4": "KG-X-around",
        "5": "KG-X-around",
        "7": "TJ-X-beside",
    }
    years = district_years(placed).set_index(["district", "type"])
    assert years.loc[("KG-X-city", "state")].tolist() == [2000, 2, 6, 5, 7]
    assert years.loc[("KG-X-city", "nonstate"), "deaths_high"] == 2


def test_episodes_known_to_the_curated_list_are_marked(tmp_path, outlines):
    rows = [
        ("1", "2000-01-01", 1, 70.5, 39.5, 5, 4, 6, "KGZ"),
        ("2", "2000-01-10", 1, 70.5, 39.5, 1, 1, 1, "KGZ"),
        ("3", "2000-01-25", 2, 70.5, 39.5, 0, 0, 2, "KGZ"),
        ("4", "2000-05-01", 3, 70.9, 39.5, 0, 0, 2, "KGZ"),
        ("5", "2000-01-01", 1, 71.5, 39.5, 3, 3, 3, "TJK"),
    ]
    placed = place(read_copy(copy_of(tmp_path, rows)), outlines)
    curated = pd.DataFrame(
        {
            "event_id": ["a", "b"],
            "area_code": ["KG-X-around", "TJ-X-beside"],
            "date_start": ["2000-05-15", "2000-01-16"],
            "date_end": ["", ""],
        }
    )
    pairs = pd.DataFrame({"event_id": ["c"], "ucdp_id": ["2"]})
    got = ucdp_episodes(placed, curated, pairs).set_index("district")
    assert got.loc["KG-X-city"].tolist() == [2000, 2, 1, 1, 1]
    assert got.loc["KG-X-around"].tolist() == [2000, 1, 1, 0, 0]
    assert got.loc["TJ-X-beside"].tolist() == [2000, 1, 0, 1, 0]


def test_the_wide_band_of_the_afghan_side_holds_the_narrow_one(tmp_path, outlines):
    rows = [
        ("1", "2000-01-01", 1, 71.5, 38.8, 5, 4, 6, "AFG"),
        ("2", "2000-01-01", 1, 71.5, 38.0, 2, 2, 2, "AFG"),
        ("3", "2001-01-01", 1, 71.5, 37.0, 9, 9, 9, "AFG"),
        ("4", "2000-01-01", 1, 71.5, 38.8, 7, 7, 7, "TJK"),
    ]
    table = afghan_side(read_copy(copy_of(tmp_path, rows)), outlines)
    beside = table[table["district"] == "TJ-X-beside"]
    assert beside[["period", "band_km", "events", "deaths_best"]].to_numpy().tolist() == [
        [2000, 50, 1, 5],
        [2000, 150, 2, 7],
    ]
    assert 2001 not in set(table["period"])


def test_a_table_that_is_not_a_copy_is_refused(tmp_path):
    file = tmp_path / "totals.csv"
    pd.DataFrame({"id": ["1"], "year": [2000], "best": [3]}).to_csv(file, index=False)
    with pytest.raises(InvalidInput, match="without date_start, type_of_violence"):
        read_copy(file)
    bad = copy_of(tmp_path, [("77", "soon", 1, 70.5, 39.5, 0, 0, 0, "KGZ")])
    with pytest.raises(InvalidInput, match="1 events, first 77"):
        read_copy(bad)


def test_the_shipped_figures_are_re_created_byte_for_byte(test_data, repository, tmp_path):
    package = repository / "indicators" / "security_events"
    copy = test_data / "events" / "ucdp_ged_central_asia.csv"
    written = derive(copy, package, tmp_path)
    assert [path.name for path in written] == NAMES
    for name in NAMES:
        assert (tmp_path / name).read_bytes() == (package / name).read_bytes(), name


def test_the_figures_hold_what_the_copy_holds(test_data, repository):
    """No event of the republics is lost, and no row of UCDP is shipped."""
    copy = pd.read_csv(test_data / "events" / "ucdp_ged_central_asia.csv")
    here = copy[copy["adm0_iso3"] != "AFG"]
    package = repository / "indicators" / "security_events"
    figures = pd.read_csv(package / "ucdp_district_year.csv")
    assert figures["events"].sum() == len(here)
    assert figures["deaths_best"].sum() == here["best"].sum()
    assert figures["period"].max() == 2010
    by_country = figures.groupby([figures["district"].str[:2], "period"])["deaths_best"].sum()
    assert by_country["TJ", 1992] == 3790
    assert by_country["KG", 2010] == 44
    assert by_country["UZ", 2004] == 37
