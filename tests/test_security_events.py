"""The shipped package of events: keys, words, sources, coverage, known episodes."""

import hashlib
import json
import re
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from threatkit.data.episodes import cells, day_bounds, episodes, regimes
from threatkit.options import DEFAULT_EVENT_TYPES

COUNTRIES = ["KAZ", "KGZ", "TJK", "TKM", "UZB"]
LABELS = (
    r"\b(?:ethnic\w*|communal|shi['’]?a|shi['’]?ite\w*|sunni\w*|ismaili\w*|muslim\w*|christian\w*|"
    r"islamist\w*|jihad\w*|uzbeks|tajiks|kazakhs|turkmens|pamiri\w*|dungan\w*|uy?ghurs?|"
    r"pashtuns?|south asian\w*|slav\w*)\b"
)
MIRROR = r"blogspot\.|^https?://[\d.]+/|^https?://[^/]+:\d+|cloudfront\.net|://(?:staging|manage)\."


@pytest.fixture(scope="module")
def package(repository: Path) -> Path:
    return repository / "indicators" / "security_events"


@pytest.fixture(scope="module")
def read(package: Path):
    def table(name: str) -> pd.DataFrame:
        return pd.read_csv(package / f"{name}.csv", dtype="str", keep_default_na=False)

    return table


@pytest.fixture(scope="module")
def districts(repository: Path) -> pd.DataFrame:
    path = repository / "indicators" / "districts" / "districts.csv"
    table = pd.read_csv(path, dtype="str", keep_default_na=False).set_index("district")
    return table.assign(population=pd.to_numeric(table["population"]))


@pytest.fixture(scope="module")
def merged(read, districts) -> pd.DataFrame:
    return episodes(read("events"), districts=districts, as_of=date(2026, 4, 30))


def test_the_descriptor_promises_the_files_that_are_there(package):
    descriptor = json.loads((package / "datapackage.json").read_text(encoding="utf-8"))
    for resource in descriptor["resources"]:
        raw = (package / resource["path"]).read_bytes()
        assert resource["bytes"] == len(raw), resource["path"]
        assert resource["hash"] == f"sha256:{hashlib.sha256(raw).hexdigest()}", resource["path"]
        header = raw.decode("utf-8").splitlines()[0].split(",")
        assert [field["name"] for field in resource["schema"]["fields"]] == header


def test_every_event_is_in_a_district_or_oblast_that_exists(read, districts):
    events = read("events")
    level = events.groupby("area_level")["area_code"].agg(set)
    assert level["adm2"] <= set(districts.index)
    assert level["adm1"] <= set(districts["oblast"])
    assert level["point"] == {"AFG"}
    country = events["event_id"].str.split("-").str[2]
    placed = events[events["area_level"] == "adm2"]
    assert (
        districts.loc[placed["area_code"], "country"].to_numpy() == country.loc[placed.index]
    ).all()
    methods = events.groupby("area_level")["district_method"].agg(set).to_dict()
    assert methods == {"adm1": {"oblast"}, "adm2": {"named", "point"}, "point": {"afghan_side"}}


@pytest.mark.parametrize("name", ["ucdp_district_year", "ucdp_episodes", "afghan_side"])
def test_figures_are_keyed_to_districts(read, districts, name):
    assert set(read(name)["district"]) <= set(districts.index)


def test_towns_that_are_units_hold_their_events(read):
    events = read("events").set_index("event_id")["area_code"]
    assert events["CA-2010-KGZ-04"] == "KG-GB-bishkek"
    assert events["CA-2010-KGZ-08"] == "KG-GO-osh"
    assert events["CA-2015-TJK-01"] == "TJ-DU-dushanbe"
    assert events["CA-2012-TJK-01"] == "TJ-GB-khorog"
    assert events["CA-2011-KAZ-05"] == "KZ-31-taraz"
    assert events["CA-2011-KAZ-07"] == "KZ-47-zhanaozen"
    assert events["CA-2022-KGZ-05"] == "KG-B-batken-city"
    assert events["CA-2022-KGZ-04"] == "KG-B-batken"


def test_dates_and_deaths_are_in_order(read):
    events = read("events")
    first, sure = day_bounds(events["date_start"])
    _, last = day_bounds(events["date_end"])
    assert first.notna().all()
    assert (last.isna() | (last >= first)).all()
    assert sure.max() <= pd.Timestamp(2026, 4, 30)
    month = events["date_start"].str.len() == 7
    assert (events.loc[month, "date_prec"] == "3").all()
    assert (events.loc[~month, "date_prec"] != "3").all()
    low, best, high = (
        pd.to_numeric(events[f"fatalities_{name}"]) for name in ("low", "best", "high")
    )
    assert (low.isna() | best.isna() | (low <= best)).all()
    assert (best.isna() | high.isna() | (best <= high)).all()


def test_no_group_of_people_is_named_as_a_side(read):
    events = read("events")
    for column in ("side_a", "side_b", "summary", "note"):
        found = events[events[column].str.contains(LABELS, flags=re.IGNORECASE)]
        assert found.empty, found[["event_id", column]].to_string()
    sides = pd.concat([events["side_a"], events["side_b"]])
    nations = r"\b(?:Uzbek|Tajik|Kyrgyz|Kazakh|Turkmen|Afghan|Chinese|Russian)\b"
    assert not sides.str.contains(nations).any()


def test_every_source_is_used_and_can_be_followed(read):
    events, sources = read("events"), read("sources")
    assert sources["source_id"].is_unique
    assert sources["path"].is_unique
    assert set(sources["source_id"]) == {*events["source_id"], "ucdp-ged"}
    assert sources["path"].str.match(r"https?://[^\s]+$").all()
    assert not sources["path"].str.contains(MIRROR).any()
    assert (sources["publisher"] != "").all()


def test_groups_join_rows_of_neighbouring_days(read):
    events = read("events")
    grouped = events[events["episode_group"] != ""]
    first, _ = day_bounds(grouped["date_start"])
    span = first.groupby(grouped["episode_group"]).agg(lambda days: (days.max() - days.min()).days)
    assert span.max() <= 16
    assert grouped["episode_group"].value_counts().min() >= 2
    assert len(span) == 19


def test_pairs_name_events_of_the_list(read):
    pairs = read("ucdp_pairs")
    assert set(pairs["event_id"]) <= set(read("events")["event_id"])
    assert not pairs.duplicated(["event_id", "ucdp_id"]).any()
    assert pairs["ucdp_id"].nunique() == 45


def test_the_grades_follow_the_rule(read):
    events, pairs = read("events").set_index("event_id"), read("ucdp_pairs")
    assert set(events["reliability"]) <= set("BCD")
    both = set(pairs.loc[pairs["match"] == "same", "event_id"])
    assert set(events.index[events["credibility"] == "1"]) <= both
    doubtful = ["CA-2015-TJK-03", "CA-2006-KGZ-02", "CA-2022-UZB-01"]
    assert (events.loc[doubtful, "credibility"] == "4").all()


def test_coverage_is_stated_for_every_source_country_and_year(read):
    coverage = read("coverage")
    curated = coverage[coverage["source"] == "curated"]
    ucdp = coverage[coverage["source"] == "ucdp"]
    for table, countries in ((curated, COUNTRIES), (ucdp, [*COUNTRIES, "AFG"])):
        keys = pd.MultiIndex.from_frame(table[["country", "period"]])
        years = [str(year) for year in range(1989, 2027)]
        assert keys.is_unique
        assert set(keys) == {(country, year) for country in countries for year in years}
    none = coverage["coverage"] == "none"
    assert (coverage.loc[none, ["from", "until"]] == "").to_numpy().all()
    assert (coverage.loc[~none, "from"] == coverage.loc[~none, "period"] + "-01-01").all()
    assert coverage["reason"].str.len().min() > 15


def test_no_event_lies_outside_what_its_source_covers(read):
    coverage = read("coverage").set_index(["source", "country", "period"])["coverage"]
    events = read("events")
    here = events[events["area_level"] != "point"]
    keys = {
        ("curated", event.split("-")[2], start[:4])
        for event, start in zip(here["event_id"], here["date_start"], strict=True)
    }
    assert all(coverage[key] != "none" for key in keys)


def test_the_regimes_of_the_years_to_which_the_model_is_fitted(read):
    table = regimes(read("coverage"), COUNTRIES, range(2005, 2028))
    seen = table.pivot_table(index="period", columns="country", values="regime", aggfunc="first")
    assert (seen.loc[2005:2010] == "both").to_numpy().all()
    assert (seen.loc[2011:2026, ["KAZ", "KGZ", "TJK", "UZB"]] == "curated").to_numpy().all()
    assert (seen.loc[2011:2026, "TKM"] == "curated_partial").all()
    assert (seen.loc[2027] == "none").all()
    last = table[table["period"] == 2026]["exposure"]
    assert last.to_numpy() == pytest.approx(120 / 365)


def test_episodes_told_in_several_rows_are_one_in_each_district(merged):
    def of(start: str, end: str) -> dict[str, int]:
        part = merged[merged["start"].between(start, end) & (merged["weight"] == 1)]
        return part["district"].value_counts().to_dict()

    january = of("2022-01-01", "2022-01-31")
    assert set(january.values()) == {1}
    assert {code[:2] for code in january} >= {"KZ"}
    assert sum(code.startswith("KZ") for code in january) == 7
    june = of("2010-06-01", "2010-06-30")
    assert june == {
        "KG-GO-osh": 1,
        "KG-J-jalal-abad": 1,
        "KG-J-bazar-korgon": 1,
        "KG-O-kara-suu": 1,
    }
    september = of("2022-09-01", "2022-09-30")
    assert september["KG-B-batken"] == september["KG-B-batken-city"] == 1
    assert of("2015-09-01", "2015-09-30") == {"TJ-DU-dushanbe": 1, "TJ-RA-vahdat": 1}


def test_cells_of_both_sources(merged, read, districts):
    ucdp = read("ucdp_episodes").astype({"period": "int64"})
    numbers = ["episodes", "episodes_also_curated", "deadly", "deadly_also_curated"]
    ucdp[numbers] = ucdp[numbers].astype("int64")
    assert (ucdp["episodes_also_curated"] <= ucdp["episodes"]).all()
    assert (ucdp["deadly_also_curated"] <= ucdp["deadly"]).all()
    table = cells(merged, ucdp, districts=districts, years=range(2005, 2027))
    weights = table.groupby(["district", "period"])["weight"].sum()
    assert weights.to_numpy() == pytest.approx(1.0)
    alone = cells(merged, ucdp.iloc[:0], districts=districts, years=range(2005, 2027))

    def expected(frame: pd.DataFrame) -> float:
        return float((frame["count"] * frame["weight"]).sum())

    more = ucdp[ucdp["period"] >= 2005]
    added = (more["episodes"] - more["episodes_also_curated"]).sum()
    assert expected(table) - expected(alone) == pytest.approx(added)
    assert set(DEFAULT_EVENT_TYPES) < set(read("events")["event_type"])
