"""Properties of the outcome: reports to episodes, cells and regimes."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from threatkit.data.episodes import cells, day_bounds, episodes, regimes
from threatkit.errors import InvalidInput
from threatkit.options import DEFAULT_EVENT_TYPES

DISTRICTS = pd.DataFrame(
    {
        "country": ["KGZ", "KGZ", "KGZ", "KGZ", "TJK"],
        "oblast": ["KG-B", "KG-B", "KG-B", "KG-O", "TJ-SU"],
        "population": [100.0, 300.0, np.nan, 50.0, 80.0],
    },
    index=pd.Index(["KG-B-a", "KG-B-b", "KG-B-c", "KG-O-d", "TJ-SU-e"], name="district"),
)
END = date(2012, 12, 31)
NO_UCDP = pd.DataFrame(
    {"district": [], "period": [], "episodes": [], "episodes_also_curated": []}
).astype({"district": "str"})


def report(event_id, start, area="KG-B-a", **more):
    level = "adm2" if area.count("-") > 1 else "adm1"
    row = {
        "event_id": event_id,
        "date_start": start,
        "date_end": "",
        "area_level": level,
        "area_code": area,
        "event_type": "armed_clash",
        "fatalities_low": None,
        "fatalities_best": None,
        "episode_group": "",
    }
    return row | more


def merge(*rows, types=DEFAULT_EVENT_TYPES, require_death=False, as_of=END):
    return episodes(
        pd.DataFrame(rows),
        districts=DISTRICTS,
        types=types,
        require_death=require_death,
        as_of=as_of,
    )


def counts(table, **more):
    years = range(2005, 2013)
    return cells(table, more.pop("ucdp", NO_UCDP), districts=DISTRICTS, years=years, **more)


def test_reports_chain_within_fourteen_days_in_one_district():
    table = merge(
        report("1", "2010-06-01"),
        report("2", "2010-06-15"),
        report("3", "2010-06-29"),
        report("4", "2010-07-14"),
        report("5", "2010-06-15", "KG-B-b"),
    )
    assert list(table["event_ids"]) == [("1", "2", "3"), ("5",), ("4",)]
    assert table["episode_id"].tolist() == [
        "KG-B-a:2010-06-01",
        "KG-B-b:2010-06-15",
        "KG-B-a:2010-07-14",
    ]
    assert table["end"].iloc[0] == pd.Timestamp("2010-06-29")


def test_the_end_of_a_report_carries_the_chain():
    long = report("1", "2010-06-01", date_end="2010-06-20")
    inner = report("2", "2010-06-02")
    assert len(merge(long, inner, report("3", "2010-07-04"))) == 1
    assert len(merge(long, inner, report("3", "2010-07-05"))) == 2


def test_a_group_joins_reports_of_one_district_only():
    table = merge(
        report("1", "2010-01-01", episode_group="g"),
        report("2", "2010-03-01", episode_group="g"),
        report("3", "2010-03-01", "KG-B-b", episode_group="g"),
    )
    assert [set(ids) for ids in table["event_ids"]] == [{"1", "2"}, {"3"}]


def test_a_report_of_the_oblast_is_spread_by_people():
    table = merge(report("1", "2010-01-01", "KG-B")).set_index("district")
    assert table["weight"].to_dict() == pytest.approx(
        {"KG-B-a": 1 / 6, "KG-B-b": 3 / 6, "KG-B-c": 2 / 6}
    )
    assert table["episode_id"].nunique() == 1


def test_an_oblast_whose_people_are_unknown_is_spread_evenly():
    unknown = DISTRICTS.assign(population=np.nan)
    rows = pd.DataFrame([report("1", "2010-01-01", "KG-B")])
    table = episodes(rows, districts=unknown, as_of=END)
    assert table["weight"].tolist() == pytest.approx([1 / 3] * 3)


def test_an_oblast_report_that_is_part_of_a_known_episode_is_not_counted_again():
    wide = report("1", "2010-01-01", "KG-B", episode_group="g")
    near = report("2", "2010-01-15", "KG-B-b", episode_group="g")
    far = report("2", "2010-01-16", "KG-B-b", episode_group="g")
    assert merge(wide, near)["weight"].tolist() == [1.0]
    assert len(merge(wide, far)) == 4


def test_an_oblast_report_adds_nothing_where_the_district_has_its_own_within_days():
    table = merge(report("1", "2010-01-01", "KG-B"), report("2", "2010-01-10", "KG-B-b"))
    assert table.groupby("district")["weight"].sum().to_dict() == pytest.approx(
        {"KG-B-a": 1 / 6, "KG-B-b": 1.0, "KG-B-c": 2 / 6}
    )


def test_only_the_types_that_count_are_chained():
    riot = report("2", "2010-01-10", event_type="prison_riot")
    rows = (report("1", "2010-01-01"), riot, report("3", "2010-01-20"))
    assert len(merge(*rows)) == 2
    assert len(merge(*rows, types=(*DEFAULT_EVENT_TYPES, "prison_riot"))) == 1


def test_unknown_deaths_are_no_deaths_known():
    rows = (
        report("1", "2010-01-01"),
        report("2", "2010-03-01", fatalities_best="0", fatalities_low="0"),
        report("3", "2010-05-01", fatalities_low="6"),
        report("4", "2010-07-01", fatalities_best="2"),
        report("5", "2010-07-02"),
    )
    kept = merge(*rows, require_death=True)
    assert list(kept["event_ids"]) == [("3",), ("4", "5")]
    assert kept["fatalities_best"].tolist() == [6.0, 2.0]
    assert merge(*rows)["fatalities_best"].isna().tolist() == [True, False, False, False]


def test_nothing_after_the_day_of_the_assessment_is_known():
    rows = (
        report("1", "2010-05"),
        report("2", "2010-05-31", "KG-B-b", date_end="2010-06-10"),
        report("3", "2010-06-02", "TJ-SU-e"),
    )
    early = merge(*rows, as_of=date(2010, 5, 30))
    table = merge(*rows, as_of=date(2010, 6, 1))
    assert early.empty
    assert table["district"].tolist() == ["KG-B-a", "KG-B-b"]
    assert table["end"].max() == pd.Timestamp("2010-06-01")


def test_the_afghan_side_and_other_regions_are_left_out():
    table = merge(
        report("1", "2010-01-01", "AFG", area_level="point"), report("2", "2010-01-01", "UZ-FA-x")
    )
    assert table.empty
    assert counts(table).empty


def test_every_date_that_cannot_be_read_is_named():
    rows = (report("CA-1", "01.02.2010"), report("CA-2", "2010-13-01"), report("3", "2010"))
    with pytest.raises(InvalidInput, match=r"2 faults(.|\n)*CA-1(.|\n)*CA-2"):
        merge(*rows)


def test_missing_columns_are_named():
    with pytest.raises(InvalidInput, match="without date_start, area_code"):
        episodes(
            pd.DataFrame({"event_id": [], "area_level": [], "event_type": []}),
            districts=DISTRICTS,
            as_of=END,
        )


def test_day_bounds_of_days_months_and_years():
    first, last = day_bounds(pd.Series(["2012-02-03", "2012-02", "2012", "soon", None]))
    assert first.dropna().dt.strftime("%Y-%m-%d").tolist() == [
        "2012-02-03",
        "2012-02-01",
        "2012-01-01",
    ]
    assert last.dropna().dt.strftime("%Y-%m-%d").tolist() == [
        "2012-02-03",
        "2012-02-29",
        "2012-12-31",
    ]
    assert first.isna().tolist() == [False, False, False, True, True]


def test_timestamps_are_read_as_days():
    rows = pd.DataFrame([report("1", "2010-01-01"), report("2", "2010-01-20")])
    stamped = rows.assign(
        date_start=pd.to_datetime(rows["date_start"]), date_end=pd.to_datetime(["2010-01-10", None])
    )
    table = episodes(stamped, districts=DISTRICTS, as_of=END)
    assert list(table["event_ids"]) == [("1", "2")]


def test_cells_hold_certain_and_uncertain_counts():
    table = merge(
        report("1", "2010-01-01"),
        report("2", "2010-06-01"),
        report("3", "2010-09-01", "KG-B"),
        report("4", "2010-09-20", "KG-B"),
    )
    got = counts(table)
    a = got[got["district"] == "KG-B-a"].set_index("count")["weight"]
    assert a.to_dict() == pytest.approx({2: 25 / 36, 3: 10 / 36, 4: 1 / 36})
    assert sorted(got["district"].unique()) == ["KG-B-a", "KG-B-b", "KG-B-c"]


def test_an_episode_known_to_both_sources_counts_once():
    ucdp = pd.DataFrame(
        {
            "district": ["KG-B-a", "TJ-SU-e", "KG-B-b"],
            "period": [2010, 2009, 2010],
            "episodes": [3, 2, 1],
            "episodes_also_curated": [1, 0, 1],
            "deadly": [2, 0, 1],
            "deadly_also_curated": [1, 0, 1],
        }
    )
    table = merge(report("1", "2010-01-01", fatalities_best="1"))
    got = counts(table, ucdp=ucdp).set_index(["district", "period"])["count"]
    assert got.to_dict() == {("KG-B-a", 2010): 3, ("TJ-SU-e", 2009): 2}
    deadly = counts(table, ucdp=ucdp, require_death=True).set_index("district")["count"]
    assert deadly.to_dict() == {"KG-B-a": 2}
    known = counts(table, ucdp=ucdp, as_of=date(2010, 12, 30)).set_index("district")["count"]
    assert known.to_dict() == {"KG-B-a": 1, "TJ-SU-e": 2}


def test_the_regime_says_which_sources_cover_a_year():
    rows = [
        ("curated", 2008, "partial", "2008-01-01", "2008-12-31"),
        ("curated", 2010, "covered", "2010-01-01", "2010-12-31"),
        ("curated", 2011, "covered", "2011-01-01", "2011-12-31"),
        ("curated", 2012, "partial", "2012-01-01", "2012-04-30"),
        ("curated", 2013, "none", None, None),
        ("ucdp", 2008, "covered", "2008-01-01", "2008-12-31"),
        ("ucdp", 2009, "partial", "2009-01-01", "2009-12-31"),
        ("ucdp", 2011, "none", None, None),
    ]
    names = ["source", "period", "coverage", "from", "until"]
    table = pd.DataFrame(rows, columns=names).assign(country="KGZ")
    got = regimes(table, ["KGZ"], range(2007, 2014)).set_index("period")
    assert got["regime"].tolist() == [
        "none",
        "both",
        "ucdp",
        "curated",
        "curated",
        "curated_partial",
        "none",
    ]
    assert got.loc[2012, "exposure"] == pytest.approx(121 / 366)
    assert got.loc[2007, "exposure"] == 0.0
    cut = regimes(table, ["KGZ"], [2011, 2012], as_of=date(2011, 7, 2)).set_index("period")
    assert cut["exposure"].tolist() == pytest.approx([183 / 365, 0.0])
    assert cut.loc[2012, "regime"] == "none"


DAYS = st.dates(min_value=date(2009, 1, 1), max_value=date(2011, 12, 31)).map(date.isoformat)
AREAS = st.sampled_from(["KG-B-a", "KG-B-b", "KG-B-c", "KG-O-d", "TJ-SU-e", "KG-B", "KG-O"])
REPORTS = st.lists(
    st.tuples(DAYS, AREAS, st.sampled_from(["", "", "", "g", "h"]), st.sampled_from([None, 0, 3])),
    min_size=1,
    max_size=25,
).map(
    lambda rows: [
        report(f"E{k:03d}", day, area, episode_group=group, fatalities_best=dead)
        for k, (day, area, group, dead) in enumerate(rows)
    ]
)


@settings(max_examples=40)
@given(REPORTS, st.randoms(use_true_random=False))
def test_the_order_of_reports_does_not_matter(rows, random):
    shuffled = rows.copy()
    random.shuffle(shuffled)
    pd.testing.assert_frame_equal(merge(*rows), merge(*shuffled))


@settings(max_examples=40)
@given(REPORTS, st.data())
def test_a_second_report_of_the_same_event_changes_no_count(rows, data):
    again = data.draw(st.sampled_from(rows)) | {"event_id": "again"}
    before, after = counts(merge(*rows)), counts(merge(*rows, again))
    pd.testing.assert_frame_equal(before, after)


@settings(max_examples=40)
@given(REPORTS)
def test_the_weights_of_a_cell_sum_to_one(rows):
    got = counts(merge(*rows))
    total = got.groupby(["district", "period"])["weight"].sum()
    assert np.allclose(total, 1.0)
    assert (got["weight"] > 0).all()
    sure = got.groupby(["district", "period"])["count"].transform("max")
    assert (sure > 0).all()


@settings(max_examples=40)
@given(REPORTS)
def test_episodes_of_a_district_are_apart_and_keep_every_report(rows):
    table = merge(*rows)
    own = table[table["episode_id"].str.count("-") > 3].sort_values(["district", "start"])
    plain = [row["event_id"] for row in rows if row["area_code"].count("-") > 1]
    assert sorted(sum(own["event_ids"], ())) == sorted(plain)
    assert own["episode_id"].is_unique
    assert (own["weight"] == 1.0).all()
    spread = table.drop(own.index).groupby("episode_id")["weight"].sum()
    assert (spread <= 1 + 1e-9).all()
