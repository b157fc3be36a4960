"""A small run for tests of the report: eight square districts with made-up values.

The values here are synthetic and stand in no other place than tests.
"""

from dataclasses import replace
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from threatkit.report.summary import (
    LEVEL_LIMITS,
    RunFacts,
    Summary,
    exceedance_counts,
    level_counts,
)

NASTY = "<script>window.pwned=1</script><img src=x onerror=window.pwned=1>"
QUOTES = "'\"`</script>&lt;b\u2028=cmd|' /C calc'!A0"
LONG = "Ab" * 120
RTL = "\u202eعربي\u202c מחוז"

#: Code, name, Russian name, local name, country, oblast, fergana, kind, mean chance.
ROWS = (
    ("UZ-FA-sokh", "Sokh", "Сох", "Сўх", "UZB", "UZ-FA", True, "district", 0.18),
    ("UZ-FA-oltiariq", "Oltiariq", "", "Олтиариқ", "UZB", "UZ-FA", True, "district", 0.02),
    ("KG-B-batken", "Batken", "Баткен", "", "KGZ", "KG-B", True, "district", 0.32),
    ("KG-B-leylek", NASTY, "", "", "KGZ", "KG-B", True, "district", 0.12),
    ("TJ-SU-isfara", QUOTES, "Исфара", "", "TJK", "TJ-SU", True, "district", 0.06),
    ("TJ-SU-ashtcity", "Tiny", "", "", "TJK", "TJ-SU", True, "city", 0.04),
    ("KZ-10-abay", LONG, "Абай", "", "KAZ", "KZ-10", False, "district", 0.004),
    ("KZ-10-ayagoz", RTL, "", "", "KAZ", "KZ-10", False, "district", 0.0),
)
PEOPLE = {"TJ-SU-ashtcity": 640.0}
DRAWS = 200


def _districts() -> pd.DataFrame:
    columns = ("district", "name", "name_ru", "name_local", "country", "oblast", "fergana", "kind")
    frame = pd.DataFrame([row[:8] for row in ROWS], columns=columns).set_index("district")
    frame["oblast_name"] = frame["oblast"].map(
        {"UZ-FA": "Fergana", "KG-B": "Batken", "TJ-SU": "Sughd", "KZ-10": "Abay"}
    )
    frame["population_year"] = 2024.0
    frame["population_status"] = "official"
    frame.loc["KG-B-leylek", "population_status"] = "estimated"
    frame["parent"] = None
    frame.loc["TJ-SU-ashtcity", "parent"] = "TJ-SU-isfara"
    return frame


def _geometry() -> gpd.GeoDataFrame:
    """Two rows of squares of half a degree; the last district has no outline."""
    boxes = {
        code: shapely.box(69 + 0.5 * (i % 4), 40 - 0.5 * (i // 4), 69.5 + 0.5 * (i % 4),
                          40.5 - 0.5 * (i // 4))
        for i, code in enumerate(row[0] for row in ROWS[:7])
    }  # fmt: skip
    frame = gpd.GeoDataFrame(
        {"geometry": list(boxes.values()), "outline": "source"},
        index=pd.Index(list(boxes), name="district"),
        crs="EPSG:4326",
    )
    frame.loc["TJ-SU-ashtcity", "outline"] = "approximate"
    return frame


def draws() -> np.ndarray:
    """Return draws of the chance, shape (draws, districts)."""
    rng = np.random.default_rng(7)
    mean = np.array([max(row[8], 1e-4) for row in ROWS])
    return np.clip(mean * np.exp(rng.normal(0, 0.4, (DRAWS, len(ROWS))) - 0.08), 1e-5, 0.95)


def _scores(districts: pd.DataFrame, prob: np.ndarray) -> pd.DataFrame:
    frame = districts[["name", "country", "oblast", "fergana"]].copy()
    frame["population"] = pd.array([round(PEOPLE.get(c, 90_000.0)) for c in frame.index], "Int64")
    limits = np.array(LEVEL_LIMITS)
    lo, hi = np.quantile(prob, [0.05, 0.95], axis=0)
    mean = prob.mean(axis=0)
    levels = np.searchsorted(limits, prob, side="right") + 1
    level = np.searchsorted(limits, mean, side="right") + 1
    for name, values in (("", mean), ("_lo", lo), ("_hi", hi)):
        frame[f"risk_index{name}"] = np.interp(
            np.log(np.clip(values, 0.001, 0.8)),
            np.log([0.001, *LEVEL_LIMITS, 0.8]),
            [0, 2, 4, 6, 8, 10],
        )
        frame[f"event_prob{name}"] = values
        frame[f"rate_per_100k{name}"] = values * 1.1
    frame["risk_level"] = pd.array(level, dtype="Int64")
    for number in range(1, 6):
        frame[f"level_{number}_prob"] = (levels == number).mean(axis=0)
    frame["level_prob"] = [
        frame[f"level_{number}_prob"].iloc[i] for i, number in enumerate(level.tolist())
    ]
    order = (-prob).argsort(axis=1).argsort(axis=1) + 1
    frame["rank"] = pd.Series(-mean, index=frame.index).rank().astype("Int64")
    low, high = np.quantile(order, [0.05, 0.95], axis=0)
    frame["rank_lo"] = pd.array(np.floor(low).astype(int), dtype="Int64")
    frame["rank_hi"] = pd.array(np.ceil(high).astype(int), dtype="Int64")
    frame["top_decile_prob"] = (order <= 1).mean(axis=0)
    frame["information"] = 0.3
    for i, part in enumerate(("border", "youth", "extremism", "people", "space", "country")):
        frame[f"contribution_{part}"] = 0.5 - 0.2 * i
        frame[f"contribution_{part}_lo"] = 0.2 - 0.2 * i
        frame[f"contribution_{part}_hi"] = 0.8 - 0.2 * i
        frame[f"contribution_{part}_prior"] = pd.array([part == "youth"] * 8, dtype="boolean")
    frame["event_prob_unjudged"] = frame["event_prob"]
    frame["event_prob_unjudged_lo"] = frame["event_prob_lo"]
    frame["event_prob_unjudged_hi"] = frame["event_prob_hi"]
    frame.loc["KG-B-batken", "event_prob_unjudged"] = 0.2
    return _without_last(frame)


def _without_last(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave the last district without a score: not assessed."""
    known = ["name", "country", "oblast", "fergana", "population"]
    values = frame.drop(columns=known).iloc[:-1].reindex(frame.index)
    return pd.concat([frame[known], values], axis=1)


def _areas() -> pd.DataFrame:
    rows = [
        ("all", "region", "All districts of the assessment", 7, 0.5),
        ("UZB", "adm0", "Uzbekistan", 2, 0.2),
        ("UZ-FA", "adm1", QUOTES, 2, 0.2),
    ]
    frame = pd.DataFrame(rows, columns=["area", "area_level", "name", "districts", "event_prob"])
    frame["population"] = 100_000
    frame["event_prob_lo"], frame["event_prob_hi"] = 0.1, 0.7
    for name, value in (("", 0.6), ("_lo", 0.1), ("_hi", 1.4)):
        frame[f"expected_episodes{name}"] = value
    return frame.set_index("area")


def _indicators() -> pd.DataFrame:
    columns = [
        *("area_level", "area_code", "indicator", "title", "pillar", "period", "value", "unit"),
        *("reliability", "credibility", "source_title", "source_path"),
    ]
    rows = [
        ("adm0", "KGZ", "neet", "Young people not in work", "youth", "2019", 21.5, "%"),
        ("adm1", "KG-B", "neet", "Young people not in work", "youth", "2022", 24.0, "%"),
        ("adm2", "KG-B-batken", "distance", "Distance to border", "border", "2024", 120.0, "km"),
        ("adm0", "KGZ", "cases", NASTY, "extremism", "2015", 12.0, "cases"),
    ]
    tail = ("B", "2", "National statistics", "https://example.org/a?b=1&c=2")
    return pd.DataFrame([(*row, *tail) for row in rows], columns=columns)


def _events() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "event_id": ["E1", "E2", "E3"],
            "district": ["KG-B-batken", None, "UZ-FA-sokh"],
            "date": [date(2021, 4, 28), date(2022, 9, 14), date(2010, 6, 10)],
            "type": ["border_clash", "border_clash", "violent_unrest"],
            "summary": ["Shooting at a water intake.", NASTY, "Unrest."],
            "source": ["https://example.org/1", "javascript:alert(1)", "https://example.org/3"],
            "latitude": [40.2, 40.1, np.nan],
            "longitude": [70.2, 70.3, np.nan],
            "place": ["Kok-Tash", "", "Sokh"],
        }
    )


def _crossings() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "name": [NASTY],
            "afghan_side": ["Hairatan"],
            "latitude": [39.6],
            "longitude": [69.2],
            "mode": ["road"],
            "status": ["open"],
            "status_date": ["2025"],
            "source": ["https://example.org/c"],
        }
    )


def facts() -> RunFacts:
    """Return facts of a made-up run."""
    return RunFacts(
        as_of=date(2026, 4, 30),
        start=date(2026, 5, 1),
        end=date(2027, 4, 30),
        ci_prob=0.9,
        horizon_months=12,
        gate_passed=True,
        gate_messages=(),
        data_start=date(2005, 1, 1),
        data_end=date(2026, 4, 30),
        coverage_notes=("The list is thin before 2009.",),
        outcome_definition="An episode is what the test says.",
        event_types=("armed_clash", "border_clash"),
        judgements=("Batken: times 1.5, treaty talks stalled (analyst), to 2027-01-01.",),
        versions={"threatkit": "0.0"},
        seed=1,
        run_id="test-run",
        attribution=("Boundaries: squares.",),
    )


def small_summary() -> Summary:
    """Return the small run: seven districts assessed, one not, one under 1,000 people."""
    districts = _districts()
    prob = draws()
    scores = _scores(districts, prob)
    afghan = gpd.GeoDataFrame(
        {"name": ["Shighnan"], "province": ["Badakhshan"]},
        geometry=[shapely.box(69, 39, 71, 39.4)],
        index=pd.Index(["AF-1"], name="code"),
        crs="EPSG:4326",
    )
    people = scores["population"].astype(float).to_numpy()[:-1]
    return Summary(
        scores=scores,
        areas=_areas(),
        districts=districts,
        geometry=_geometry(),
        afghan=afghan,
        indicators=_indicators(),
        events=_events(),
        crossings=_crossings(),
        facts=facts(),
        level_counts=level_counts(prob[:, :-1], people),
        exceedance_counts=exceedance_counts(prob[:, :-1]),
    )


def failed_summary() -> Summary:
    """Return the small run with its gate not met."""
    summary = small_summary()
    broken = replace(summary.facts, gate_passed=False, gate_messages=("R-hat 1.2 <of> eta.",))
    return replace(summary, facts=broken)
