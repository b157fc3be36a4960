"""Known shocks: the districts that were hit are those of the events, and ranks are ranks."""

import numpy as np
import pytest
from stored_backtests import stored

from threatkit.data.catalogue import load_catalogue
from threatkit.evaluate.shocks import SHOCKS, Shock, struck, summary, told

MADE = stored()
BORDER = [s for s in SHOCKS if s.title == "Kyrgyz-Tajik border"]


def test_every_case_has_an_event_of_its_year_in_its_areas() -> None:
    catalogue = load_catalogue()
    events = catalogue.events[catalogue.events["area_level"] == "adm2"]
    year = events["date_start"].astype(str).str[:4].astype(int)
    districts = set(catalogue.districts.index)
    for shock in SHOCKS:
        hit = set(events.loc[year == shock.year, "area_code"])
        areas = [area for area in shock.areas if area != "KGZ-TJK"]
        for area in areas:
            assert area in districts or any(code.startswith(f"{area}-") for code in districts)
        inside = {c for c in hit if any(c == a or c.startswith(f"{a}-") for a in areas)}
        if areas == list(shock.areas):
            assert inside, shock
    june = next(s for s in SHOCKS if s.title.startswith("Osh"))
    named = events[(events["date_start"].astype(str).str[:7] == "2010-06")]
    assert set(june.areas) == {c for c in named["area_code"] if c.startswith("KG-")}


def test_the_districts_hit_are_those_with_an_episode_in_the_areas() -> None:
    codes = MADE.data["district"].to_numpy()
    one, other = (codes[struck(MADE, shock)].tolist() for shock in BORDER)
    assert one == ["KG-B-batken", "KG-B-leilek"]
    assert other == ["TJ-SU-isfara"], "Nukus was hit as well, and lies elsewhere"
    assert codes[struck(MADE, Shock("-", 2022, ("UZ-QR",)))].tolist() == ["UZ-QR-nukus-city"]
    assert codes[struck(MADE, Shock("-", 2021, ("UZB",)))].tolist() == []


def test_what_was_said_is_of_the_year_before_and_ranked_among_all() -> None:
    table = told(MADE)
    assert set(table["year"]) == {2021, 2022}, "no other case lies in the years and districts"
    row = table.query("year == 2021 and district == 'KG-B-batken' and forecaster == 'model'")
    before = 1.0 - MADE.pmf("model", 2020)[0][:, 0]
    assert row["prob"].item() == pytest.approx(before[0])
    assert row["rank"].item() == 1 + (before > before[0]).sum()
    assert row["prob_lo"].item() < row["prob_hi"].item()
    flat = table[table["forecaster"] == "climatology by country"]
    np.testing.assert_array_equal(flat["rank"], 4.5)
    assert not flat["seen"].any()
    assert flat["prob_lo"].isna().all(), "a forecast without draws has no interval"


def test_a_case_is_seen_if_any_district_hit_stood_in_the_top_part() -> None:
    table = told(MADE)
    short = summary(table).set_index(["year", "forecaster"])
    assert short.loc[(2021, "model"), "hit"] == 2
    for (year, name), row in short.iterrows():
        own = table[(table["year"] == year) & (table["forecaster"] == name)]
        best = own[own["shock"] == row["shock"]]
        assert row["rank"] == best["rank"].min() or row["shock"] != best["shock"].iloc[0]
        assert row["seen"] == (row["among_top"] > 0)
