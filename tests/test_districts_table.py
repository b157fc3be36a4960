"""The shipped district table: keys, names, the Fergana flag, people and their rules."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from threatkit.derive import population
from threatkit.errors import InvalidInput
from threatkit.paths import data_dir

FOLDER = data_dir("indicators") / "districts"

FERGANA = {"UZ-AN", "UZ-NG", "UZ-FA", "KG-O", "KG-GO", "KG-J", "KG-B", "TJ-SU"}
OBLASTS = {"KAZ": 20, "KGZ": 9, "TJK": 5, "TKM": 6, "UZB": 14}
NATIONAL = {
    "KAZ": 20_283_399,  # 1 January 2025
    "KGZ": 6_936_156,  # census of March 2022
    "TJK": 9_886_800,  # 1 January 2022
    "TKM": 7_057_841,  # census of December 2022
    "UZB": 38_236_700,  # 1 January 2026, oblasts summed
}
CITIES = {
    "KZ-71-astana": 1_528_703,
    "KZ-75-almaty": 2_292_055,
    "KG-GB-bishkek": 1_137_882,
    "KG-GO-osh": 364_052,
    "TJ-DU-dushanbe": 1_267_500,
    "TM-S-ashgabat": 1_030_063,
}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "districts.csv", index_col="district", keep_default_na=False)


@pytest.fixture(scope="module")
def people(table: pd.DataFrame) -> pd.Series:
    return table["population"].astype(float)


@pytest.fixture(scope="module")
def sources() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "sources.csv", index_col="source_id", keep_default_na=False)


def test_codes_are_unique_and_carry_their_oblast(table: pd.DataFrame) -> None:
    assert table.index.is_unique
    assert (table.index.str.rsplit("-").str[:2].str.join("-") == table["oblast"]).all()


def test_every_oblast_of_the_five_countries_is_there(table: pd.DataFrame) -> None:
    assert table.groupby("country")["oblast"].nunique().to_dict() == OBLASTS
    assert (table.groupby("oblast")["oblast_name"].nunique() == 1).all()
    assert (table["oblast_name"] != "").all()


def test_the_fergana_flag_is_that_of_the_named_oblasts(table: pd.DataFrame) -> None:
    assert set(table.loc[table["fergana"].astype(int) == 1, "oblast"]) == FERGANA
    assert set(table.loc[table["fergana"].astype(int) == 0, "oblast"]).isdisjoint(FERGANA)


def test_a_name_is_found_once_in_its_oblast(table: pd.DataFrame) -> None:
    assert not table.duplicated(["oblast", "name"]).any()
    assert table["name"].str.fullmatch(r"[A-Z][A-Za-z'., -]+").all()


@pytest.mark.parametrize("oddity", ["Velvet", "Book", "Target", "Conimex", "Boston", "Moscow"])
def test_machine_translated_names_are_left_to_the_search(table: pd.DataFrame, oddity: str) -> None:
    assert oddity not in set(table["name"])
    assert table["names_other"].str.split("|").map(lambda names: oddity in names).sum() == 1


@pytest.mark.parametrize(
    ("old", "code"),
    [
        ("Shuro-obod", "TJ-KT-shamsiddin-shohin"),
        ("Jirgatol", "TJ-RA-lakhsh"),
        ("Sarband", "TJ-KT-levakant"),
        ("Kara-Buura", "KG-T-kara-buura"),
        ("Zelenov", "KZ-27-zelenov"),
        ("Krasnovodsk", "TM-B-avaza"),
        ("Qayroqqum", "TJ-SU-bobojon-ghafurov"),
    ],
)
def test_a_former_name_leads_to_its_district(table: pd.DataFrame, old: str, code: str) -> None:
    names = table["names_other"].str.split("|")
    assert names[names.map(lambda found: old in found)].index.tolist() == [code]


def test_names_in_cyrillic_hold_no_latin_look_alikes(table: pd.DataFrame) -> None:
    russian = table["name_ru"]
    assert not russian.str.contains("[A-Za-z]").any()
    given = (russian != "").groupby(table["country"]).mean()
    assert given["UZB"] == 1
    assert given["KGZ"] > 0.9
    assert given["TJK"] > 0.9


def test_an_outline_belongs_to_one_district(table: pd.DataFrame) -> None:
    shapes = table["shape_ids"].str.split("|").explode()
    shapes = shapes[shapes != ""]
    assert shapes.is_unique
    assert len(shapes) == 519
    drawn = (table["shape_ids"] != "") | (table["disc_area_km2"] != "")
    assert drawn.all()


def test_discs_are_complete_and_cut_from_known_districts(table: pd.DataFrame) -> None:
    discs = table[table["disc_area_km2"] != ""]
    assert (discs[["disc_lat", "disc_lon", "parent"]] != "").all(axis=None)
    facts = json.loads((data_dir("maps") / "boundaries" / "boundaries.json").read_text("utf-8"))
    held_out = discs.index.isin(facts["from_hole"])  # a hole of the source is their outline
    assert (discs.loc[~held_out, "outline"] == "approximate").all()
    assert (discs.loc[held_out, "outline"] == "source").all()
    assert (discs["kind"] == "city").all()
    parents = discs["parent"].str.split("|").explode()
    assert parents.isin(table.index).all()
    country = table["country"]
    assert (country[parents].to_numpy() == country[parents.index].to_numpy()).all()


def test_capitals_are_units_with_their_people(people: pd.Series) -> None:
    assert people[list(CITIES)].astype(int).to_dict() == CITIES


@pytest.mark.parametrize("country", NATIONAL)
def test_districts_add_up_to_the_nation(
    table: pd.DataFrame, people: pd.Series, country: str
) -> None:
    total = people[table["country"] == country].sum()
    assert total == pytest.approx(NATIONAL[country], rel=0.02)


def test_splitting_a_city_from_its_parent_loses_nobody(people: pd.Series) -> None:
    assert people[["KG-O-kara-suu", "KG-GO-osh"]].sum() == 821_403
    assert people[["KG-J-suzak", "KG-J-jalal-abad"]].sum() == 446_463
    assert people[["KZ-63-ulan", "KZ-63-oskemen"]].sum() == 411_359
    assert people[["KZ-35-bukhar-zhyrau", "KZ-35-karaganda"]].sum() == 798_840


def test_every_population_has_a_year_an_error_and_a_source(
    table: pd.DataFrame, people: pd.Series, sources: pd.DataFrame
) -> None:
    assert (people > 0).all()
    assert table["population_year"].astype(int).between(2015, 2026).all()
    assert (table["population_log_sd"].astype(float) > 0).all()
    assert table["population_source_id"].isin(sources.index).all()
    given = table.loc[table["area_km2_official"] != "", "area_source_id"]
    assert given.isin(sources.index).all()


def test_a_source_can_be_followed(sources: pd.DataFrame) -> None:
    ours = sources.index == "tkm_outlines"
    assert sources.loc[~ours, "path"].str.match("https?://").all()
    mirrors = "kiwix|osmarks|fastly|cloudfront|wikizero|azureedge|ipfs|infolist"
    assert not sources["path"].str.contains(mirrors).any()


def test_estimates_say_so_and_are_less_certain(table: pd.DataFrame) -> None:
    sd = table["population_log_sd"].astype(float).groupby(table["population_status"]).median()
    assert set(sd.index) == {"official", "subtracted", "estimated"}
    assert sd["estimated"] > 3 * sd["official"]


def test_the_table_is_what_the_rules_make_of_the_parts(tmp_path: Path) -> None:
    folder = tmp_path / "districts"
    shutil.copytree(FOLDER, folder)
    population.main(["--folder", str(folder)])
    assert (folder / "districts.csv").read_bytes() == (FOLDER / "districts.csv").read_bytes()


def test_the_descriptor_names_every_column(table: pd.DataFrame) -> None:
    descriptor = json.loads((FOLDER / "datapackage.json").read_text(encoding="utf-8"))
    for resource in descriptor["resources"]:
        header = (FOLDER / resource["path"]).read_text(encoding="utf-8").splitlines()[0]
        assert header.split(",") == [field["name"] for field in resource["schema"]["fields"]]


def test_shares_of_a_total_are_surer_the_larger_they_are() -> None:
    sd = population.share_log_sd(np.array([98.0, 1.0, 1.0]), np.array([0.4, 0.4, 0.4]))
    assert sd[0] < 0.01 < 0.3 < sd[1] == pytest.approx(sd[2])


def test_share_errors_agree_with_simulation() -> None:
    weights, log_sd = np.array([5.0, 3.0, 2.0]), np.array([0.1, 0.2, 0.15])
    noise = np.random.default_rng(20261124).normal(size=(200_000, 3)) * log_sd
    draws = weights * np.exp(noise)
    simulated = np.log(draws / draws.sum(axis=1, keepdims=True)).std(axis=0)
    assert population.share_log_sd(weights, log_sd) == pytest.approx(simulated, rel=0.03)


def test_a_rule_is_not_blamed_for_a_common_factor() -> None:
    pairs = pd.DataFrame(
        {"rule": ["a", "a", "b", "b"], "expected": [1, 2, 1, 1], "observed": [3, 6, 1, np.e]}
    )
    errors = population.rule_errors(pairs)
    assert errors["a"] == pytest.approx(0)
    assert errors["b"] == pytest.approx(np.sqrt(0.5))
    assert population.rule_factors(pairs)["a"] == pytest.approx(3)


def test_groups_are_shared_out_to_the_last_person() -> None:
    parts, groups, calibration = population.read_folder(FOLDER)
    done = population.estimate_parts(parts, groups, calibration)
    shared = done[done["method"] == "share"].groupby("group")["people"].sum()
    assert shared.to_dict() == pytest.approx(groups.loc[shared.index, "people"].to_dict())


def test_all_faults_of_the_parts_are_told_at_once() -> None:
    parts, groups, calibration = population.read_folder(FOLDER)
    broken = parts.copy()
    broken.loc[0, "people"] = 0
    broken.loc[1, "method"] = "guess"
    with pytest.raises(InvalidInput) as caught:
        population.estimate_parts(broken, groups, calibration)
    assert len(caught.value.faults) == 2


def test_a_district_without_a_part_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "districts"
    shutil.copytree(FOLDER, folder)
    parts = pd.read_csv(folder / "population_parts.csv")
    parts[parts["district"] != "KG-GO-osh"].to_csv(folder / "population_parts.csv", index=False)
    before = (folder / "districts.csv").read_bytes()
    with pytest.raises(InvalidInput, match="KG-GO-osh"):
        population.rewrite(folder)
    assert (folder / "districts.csv").read_bytes() == before
