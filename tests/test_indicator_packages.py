"""The three indicator packages: every row has a source, a grade and a meaning of its own."""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
from frictionless import validate

from threatkit.data.periods import period_bounds
from threatkit.paths import data_dir

PACKAGES = ("afghan_border", "youth_unemployment", "extremism_proxies")
KEY = ["area_level", "area_code", "indicator", "period", "source_id"]
DECLARED = {
    "name",
    "title",
    "pillar",
    "direction",
    "unit",
    "definition",
    "measure",
    "transform",
    "minimum",
    "maximum",
    "per",
    "use",
    "description",
}
FORBIDDEN = re.compile(
    r"hotspot|hot_spot|attack|casualt|ethnic|relig|muslim|islam|mosque|follower|language|nationality"
)
MIRRORS = ("goodnames.eth", "wikimili", "perceptioes", "hcw9969", "nandigramtimes", "belgoroddiame")


def table(package: str, name: str) -> pd.DataFrame:
    path = data_dir("indicators") / package / f"{name}.csv"
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def values(package: str) -> pd.DataFrame:
    frame = table(package, "values")
    if (data_dir("indicators") / package / "geometry.csv").exists():
        frame = pd.concat([frame, table(package, "geometry")], ignore_index=True)
    return frame.assign(number=frame["value"].astype(float))


def descriptor(package: str) -> dict[str, Any]:
    path = data_dir("indicators") / package / "datapackage.json"
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return content


def indicators(package: str) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for item in descriptor(package)["threatkit"]["indicators"]}


def district_codes() -> set[str]:
    path = data_dir("indicators") / "districts" / "districts.csv"
    return set(pd.read_csv(path, dtype=str)["district"])


def oblast_codes() -> set[str]:
    path = data_dir("indicators") / "districts" / "districts.csv"
    return set(pd.read_csv(path, dtype=str)["oblast"])


@pytest.mark.parametrize("package", PACKAGES)
def test_every_row_has_a_source_that_can_be_followed(package: str) -> None:
    sources = table(package, "sources").set_index("source_id")
    assert sources.index.is_unique
    assert set(values(package)["source_id"]) <= set(sources.index)
    for path in sources["path"]:
        assert re.fullmatch(r"https?://[^/\s]+\.[a-z]+/\S+", path), f"not a page: {path}"
        assert not any(mirror in path for mirror in MIRRORS), f"a bare mirror: {path}"
        assert path.isascii(), path
    assert (sources["title"].str.len() > 5).all()
    assert (sources["publisher"].str.len() > 3).all()


@pytest.mark.parametrize("package", PACKAGES)
def test_no_source_is_listed_that_nothing_rests_on(package: str) -> None:
    used = set(values(package)["source_id"])
    if package == "afghan_border":
        crossings = table(package, "crossings")
        for column in ("source_id", "position_source_id", "opened_source_id"):
            used |= set(crossings[column])
        used.add("threatkit-boundaries")
    assert set(table(package, "sources")["source_id"]) <= used


@pytest.mark.parametrize("package", PACKAGES)
def test_keys_are_unique(package: str) -> None:
    frame = values(package)
    assert not frame.duplicated(KEY).any(), frame[frame.duplicated(KEY, keep=False)]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_indicator_is_declared_in_full(package: str) -> None:
    declared = indicators(package)
    assert set(values(package)["indicator"]) == set(declared)
    for name, item in declared.items():
        assert set(item) == DECLARED, name
        assert item["direction"] in {"higher_is_worse", "higher_is_better"}, name
        assert isinstance(item["use"], bool), name
        assert len(item["description"]) > 20, name
        assert item["use"] or "Not used" in item["description"], f"{name}: no reason given"
        if item["per"] == "population":
            assert item["measure"] == "count", name


@pytest.mark.parametrize("package", PACKAGES)
def test_values_lie_in_their_declared_range_and_unit(package: str) -> None:
    frame = values(package)
    for name, item in indicators(package).items():
        rows = frame[frame["indicator"] == name]
        assert (rows["unit"] == item["unit"]).all(), name
        assert (rows["number"] >= item["minimum"]).all(), name
        if item["maximum"] is not None:
            assert (rows["number"] <= item["maximum"]).all(), name
        if item["transform"] == "log":
            assert (rows["number"] > 0).all(), name
        if item["measure"] == "count":
            assert (rows["number"] == rows["number"].round()).all(), name


@pytest.mark.parametrize("package", PACKAGES)
def test_periods_and_grades_are_of_their_kind(package: str) -> None:
    frame = values(package)
    for period in frame["period"].unique():
        start, end = period_bounds(period)
        assert date(1990, 1, 1) <= start <= end <= date(2026, 12, 31), period
    assert set(frame["reliability"]) <= set("ABCDEF")
    assert set(frame["credibility"]) <= set("123456")


@pytest.mark.parametrize("package", PACKAGES)
def test_areas_are_of_the_region(package: str) -> None:
    frame = values(package)
    countries = {"KAZ", "KGZ", "TJK", "TKM", "UZB"} | (
        {"AFG"} if package == "afghan_border" else set()
    )
    levels = frame.groupby("area_level")["area_code"].agg(set)
    assert levels.get("adm0", set()) <= countries
    assert levels.get("adm1", set()) <= oblast_codes() | {"AF-BDS"}
    assert levels.get("adm2", set()) <= district_codes()


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_forbidden_ships(package: str) -> None:
    for name, item in indicators(package).items():
        assert not FORBIDDEN.search(name), name
        assert not FORBIDDEN.search(item["title"].lower()), item["title"]
    assert not any(FORBIDDEN.search(name) for name in values(package)["indicator"].unique())


def test_hot_spots_attacks_and_registers_of_belief_are_listed_as_dropped() -> None:
    dropped = set(table("extremism_proxies", "dropped")["indicator"])
    assert {
        "moi_named_recruitment_hotspot",
        "terrorist_attacks",
        "terrorist_attack_casualties",
        "persons_registered_as_followers_of_banned_groups",
    } <= dropped


def test_extremism_is_area_totals_with_a_low_grade_and_a_caveat() -> None:
    content = descriptor("extremism_proxies")
    assert "peaceful dissent" in content["description"]
    assert "measure policing" in content["description"]
    frame = values("extremism_proxies")
    assert set(frame["area_level"]) <= {"adm0", "adm1"}
    assert frame["credibility"].astype(int).min() >= 3
    fighters = {n: i for n, i in indicators("extremism_proxies").items() if "fighters" in n}
    for name, item in fighters.items():
        assert (item["measure"], item["per"]) == ("count", "population"), name


def test_registered_survey_and_modelled_rates_are_different_indicators() -> None:
    declared = indicators("youth_unemployment")
    rates = {
        name: item
        for name, item in declared.items()
        if "unemploy" in name and item["measure"] == "share"
    }
    kinds = {"registered": "registered", "survey": "survey", "modelled": "modelled"}
    for name, item in rates.items():
        named = [kind for word, kind in kinds.items() if word in name]
        if named:
            assert item["definition"] == named[0], name
    assert {item["definition"] for item in rates.values()} >= set(kinds.values())


def test_a_low_series_is_not_called_a_survey() -> None:
    frame = values("youth_unemployment")
    survey = frame[frame["indicator"] == "unemployment_rate_survey_ilostat"]
    assert survey["number"].min() > 2
    registered = frame[frame["indicator"] == "unemployment_rate_registered_series"]
    assert registered["number"].max() < 4


def test_relative_poverty_is_the_ratio_of_rates_that_ship() -> None:
    frame = values("youth_unemployment")
    level = frame[frame["indicator"] == "poverty_rate_national_line_oblast"]
    country = frame[frame["indicator"] == "poverty_rate_national_line"]
    national = country.set_index(["area_code", "period"])["number"]
    iso = {"KZ": "KAZ", "KG": "KGZ", "TJ": "TJK", "UZ": "UZB"}
    relative = frame[frame["indicator"].str.startswith("poverty_relative_")]
    ratio = relative.set_index(["area_code", "period", "source_id"])["number"]
    assert len(relative) == len(level)
    for row in level.itertuples():
        expected = 100 * row.number / national[(iso[row.area_code[:2]], row.period)]
        assert ratio[(row.area_code, row.period, row.source_id)] == pytest.approx(
            expected, abs=0.06
        )


def test_uzbek_table_of_2021_adds_up() -> None:
    frame = values("youth_unemployment")
    quarter = frame[(frame["period"] == "2021-Q1") & frame["area_code"].str.startswith("UZ")]
    wide = quarter.pivot_table(index="area_code", columns="indicator", values="number")
    rate = 100 * wide["unemployed_in_need_of_work"] / wide["economically_active_population"]
    assert (rate - wide["unemployment_rate_need_of_work"]).abs().max() < 0.06
    share = 100 * wide["labour_migrants_working_abroad"] / wide["economically_active_population"]
    assert (share - wide["labour_migrants_share"]).abs().max() < 0.01
    oblasts = wide.drop(index="UZB").sum()
    for name in ("unemployed_in_need_of_work", "labour_migrants_working_abroad"):
        assert oblasts[name] == pytest.approx(wide.loc["UZB", name], rel=1e-3), name


def test_old_oblasts_of_kazakhstan_are_named_as_such() -> None:
    frame = values("youth_unemployment")
    split = frame["area_code"].isin(["KZ-35", "KZ-63", "KZ-19"]) & (frame["period"] < "2022-06")
    assert split.any()
    assert frame.loc[split, "note"].str.contains("old oblast").all()
    assert set(frame.loc[split, "area_code"]) == {"KZ-35"}
    new = frame["area_code"].isin(["KZ-10", "KZ-33", "KZ-62"])
    ends = [period_bounds(period)[1] for period in frame.loc[new, "period"]]
    assert min(ends) >= date(2022, 6, 8)


def test_crossings_have_a_status_with_its_date_and_a_cited_position() -> None:
    crossings = table("afghan_border", "crossings")
    codes = district_codes()
    assert len(crossings) >= 10
    assert crossings["name"].is_unique
    assert set(crossings["district"]) <= codes
    assert (crossings["status_date"] != "").all()
    placed = crossings["latitude"] != ""
    assert (crossings.loc[placed, "position_source_id"] != "").all()
    assert (crossings.loc[placed, "position"] != "none").all()
    assert (crossings.loc[~placed, "position"] == "none").all()
    sources = set(table("afghan_border", "sources")["source_id"])
    for column in ("source_id", "position_source_id", "opened_source_id"):
        assert set(crossings[column]) - {""} <= sources, column


def test_crossings_lie_at_the_border_and_in_or_near_their_district() -> None:
    crossings = table("afghan_border", "crossings")
    placed = crossings[crossings["latitude"] != ""]
    folder = data_dir("maps") / "boundaries"
    districts = gpd.read_file(folder / "districts.geojson").set_index("district")
    afghan = gpd.read_file(folder / "afghan_districts.geojson")
    points = gpd.GeoSeries(
        gpd.points_from_xy(placed["longitude"].astype(float), placed["latitude"].astype(float)),
        index=placed["district"],
        crs="EPSG:4326",
    ).to_crs("EPSG:32642")
    land = afghan.to_crs("EPSG:32642").union_all()
    own = districts.to_crs("EPSG:32642").geometry
    for district, point in points.items():
        assert own[district].distance(point) < 5_000, district
        assert land.distance(point) < 6_000, district


def test_border_distance_and_length_are_declared_for_the_model() -> None:
    declared = indicators("afghan_border")
    distance = declared["distance_to_afghan_border"]
    assert (distance["direction"], distance["transform"]) == ("higher_is_better", "log1p")
    assert (distance["definition"], distance["use"]) == ("geometry", True)
    length = declared["afghan_border_length"]
    assert (length["direction"], length["transform"]) == ("higher_is_worse", "log1p")
    used = {name for name, item in declared.items() if item["use"]}
    assert used == {"distance_to_afghan_border", "afghan_border_length"}


def test_border_lengths_add_up_to_the_official_ones_where_the_outlines_are_whole() -> None:
    frame = values("afghan_border")
    drawn = frame[frame["indicator"] == "afghan_border_length"].copy()
    drawn["country"] = drawn["area_code"].str[:2]
    total = drawn.groupby("country")["number"].sum()
    official = frame[frame["indicator"] == "afghan_border_length_official"]
    length = official.set_index("area_code")["number"]
    for short, country in (("TJ", "TJK"), ("UZ", "UZB")):
        assert 0.85 < total[short] / length[country] < 1.05, country
    assert 0.6 < total["TM"] / length["TKM"] < 1.05
    assert total["KZ"] == total["KG"] == 0


def test_a_district_that_touches_afghanistan_has_no_distance_to_it() -> None:
    frame = values("afghan_border")
    wide = frame[frame["area_level"] == "adm2"].pivot_table(
        index="area_code", columns="indicator", values="number"
    )
    touching = wide["afghan_border_length"] > 0
    assert 15 < touching.sum() < 40
    assert (wide.loc[touching, "distance_to_afghan_border"] == 0).all()
    assert (wide.loc[~touching, "distance_to_afghan_border"] >= 0).all()
    assert wide["distance_to_afghan_border"].max() < 2_500


def test_soldiers_who_crossed_in_july_2021_add_up_to_the_official_total() -> None:
    frame = values("afghan_border")
    assert frame.loc[frame["indicator"] == "afghan_troops_arrivals", "number"].sum() == 1037


@pytest.mark.parametrize("package", PACKAGES)
def test_dropped_rows_have_a_reason(package: str) -> None:
    dropped = table(package, "dropped")
    assert len(dropped) > 20
    assert (dropped["reason"].str.len() > 8).all()


@pytest.mark.parametrize("package", PACKAGES)
def test_frictionless_finds_no_fault(package: str) -> None:
    report = validate(str(data_dir("indicators") / package / "datapackage.json"))
    assert report.valid, report.flatten(["title", "rowNumber", "fieldName", "message"])


def test_the_documentation_lists_every_indicator_with_its_rows(repository: Path) -> None:
    text = (repository / "docs" / "indicators.md").read_text("utf-8")
    for package in PACKAGES:
        counts = values(package)["indicator"].value_counts()
        for name in indicators(package):
            line = re.search(rf"^\| `{name}` \|(.*)$", text, flags=re.MULTILINE)
            assert line, f"{name} is not in docs/indicators.md"
            assert f"| {counts.get(name, 0)} |" in line[0], f"{name}: {line[0]}"
