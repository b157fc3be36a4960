"""The data of the page: everything a reader may see, with its words already chosen.

Words are made in Python, once, so that page, table and tests agree; the scripts of the page only
place them. Numbers are rounded for the page after levels and intervals were taken.
"""

import math
from typing import Any

import pandas as pd

from threatkit.report.evidence import LEVEL_WORDS, latest_values, values_by_district
from threatkit.report.profile import Background, profile, text_of
from threatkit.report.shapes import build_plane, events_near, grid, project
from threatkit.report.summary import LEVEL_LIMITS, LEVELS, PARTS, Summary
from threatkit.report.words import ENGLISH


def build_payload(summary: Summary) -> dict[str, Any]:
    """Return the data of the page as JSON types."""
    plane = build_plane(summary)
    values = latest_values(summary.indicators)
    parts = tuple(part for part in PARTS if f"contribution_{part}" in summary.scores)
    background = Background(
        facts=summary.facts,
        places=_records(summary.districts),
        scores=_records(summary.scores),
        outlines={str(code): text_of(x) for code, x in summary.geometry["outline"].items()},
        centres=plane.centres,
        hosts=plane.hosts,
        values=values.to_dict("records"),
        chosen=values_by_district(values, summary.districts),
        near=events_near(plane, summary.events),
        parts=parts,
        assessed=int(summary.scores["risk_level"].notna().sum()),
    )
    shown = [str(code) for code in summary.districts.index if code not in plane.hosts]
    return {
        "facts": _facts(summary, parts),
        "grid": grid(summary, plane),
        "districts": [profile(code, background) for code in shown],
        "values": _value_rows(values),
        "events": _event_rows(summary.events),
        "crossings": _crossing_rows(summary.crossings),
        "levels": _level_rows(summary),
        "areas": _area_rows(summary),
    }


def _records(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    return {str(code): row for code, row in zip(frame.index, frame.to_dict("records"), strict=True)}


def _facts(summary: Summary, parts: tuple[str, ...]) -> dict[str, Any]:
    facts = summary.facts
    return {
        "limits": list(LEVEL_LIMITS),
        "ranges": [ENGLISH.level_range(level) for level in LEVELS],
        "parts": [{"key": part, "label": ENGLISH.part(part)} for part in parts],
        "ci": round(facts.ci_prob * 100),
        "end": ENGLISH.say.date(facts.end),
        "assessed": int(summary.scores["risk_level"].notna().sum()),
    }


def _value_rows(values: pd.DataFrame) -> list[list[str]]:
    """Return title, pillar, value with unit, period, grade, level in words, source, address."""
    return [
        [
            text_of(row["title"]) or text_of(row["indicator"]),
            text_of(row["pillar"]),
            _value_text(row["value"], text_of(row["unit"])),
            text_of(row["period"]).removesuffix(".0"),
            f"{text_of(row['reliability'])}{text_of(row['credibility']).removesuffix('.0')}",
            LEVEL_WORDS.get(text_of(row["area_level"]), text_of(row["area_level"])),
            text_of(row["source_title"]),
            text_of(row["source_path"]),
        ]
        for row in values.to_dict("records")
    ]


def _value_text(value: object, unit: str) -> str:
    try:
        number = float(str(value))
    except ValueError:
        return f"{text_of(value)} {unit}".strip()
    if math.isnan(number):
        return "not known"
    shown = f"{number:,.0f}" if abs(number) >= 1000 or number == int(number) else f"{number:,.4g}"
    return f"{shown} {unit}".strip()


def _event_rows(events: pd.DataFrame) -> list[dict[str, Any]]:
    points: list[list[int] | None] = [None] * len(events)
    if {"longitude", "latitude"} <= set(events.columns):
        points = project(events["longitude"].tolist(), events["latitude"].tolist())
    rows = []
    for row, point in zip(events.to_dict("records"), points, strict=True):
        rows.append(
            {
                "date": text_of(row["date"])[:10],
                "type": text_of(row["type"]).replace("_", " "),
                "text": text_of(row["summary"]),
                "source": text_of(row["source"]),
                "place": text_of(row.get("place")),
                "at": point,
            }
        )
    return rows


def _crossing_rows(crossings: pd.DataFrame) -> list[dict[str, Any]]:
    if crossings.empty:
        return []
    points = project(crossings["longitude"].tolist(), crossings["latitude"].tolist())
    return [
        {
            "name": text_of(row["name"]),
            "across": text_of(row.get("afghan_side")),
            "status": text_of(row.get("status")),
            "date": text_of(row.get("status_date")).removesuffix(".0"),
            "mode": text_of(row.get("mode")),
            "source": text_of(row.get("source", row.get("source_id"))),
            "at": point,
        }
        for row, point in zip(crossings.to_dict("records"), points, strict=True)
        if point is not None
    ]


def _level_rows(summary: Summary) -> list[dict[str, Any]]:
    """Return for each level the districts and people in it, with intervals where known."""
    level = summary.scores["risk_level"]
    people = pd.to_numeric(summary.scores["population"], errors="coerce").astype(float).fillna(0)
    counts = summary.level_counts
    rows = []
    for number in LEVELS:
        inside = (level == number).fillna(False).to_numpy(dtype=bool)
        row: dict[str, Any] = {
            "level": number,
            "range": ENGLISH.level_range(number),
            "districts": int(inside.sum()),
            "people": float(people[inside].sum()),
            "districtsText": "",
            "peopleText": "",
        }
        if counts is not None:
            lo, hi = counts.loc[number, "lo"], counts.loc[number, "hi"]
            row["districts"] = float(counts.loc[number, "mean"])
            row["districtsText"] = f"{lo:,.0f}–{hi:,.0f}"
            if "people_lo" in counts:
                low, high = counts.loc[number, "people_lo"], counts.loc[number, "people_hi"]
                row["people"] = float(counts.loc[number, "people_mean"])
                row["peopleText"] = f"{low / 1e6:.1f}–{high / 1e6:.1f}"
        rows.append(row)
    return rows


def _area_rows(summary: Summary) -> list[dict[str, Any]]:
    """Return the areas in the order of the table: regions, then each country with its oblasts."""
    areas = summary.areas[summary.areas["event_prob"].notna()]
    ordered = areas.sort_values("event_prob", ascending=False, kind="stable")
    kind = ordered["area_level"].astype(str)
    country_of = dict(zip(summary.districts["oblast"], summary.districts["country"], strict=True))
    codes = [str(code) for code in ordered.index[~kind.isin(["adm0", "adm1"])]]
    for country in ordered.index[kind == "adm0"]:
        oblasts = ordered.index[kind == "adm1"]
        codes += [str(country)]
        codes += [str(code) for code in oblasts if country_of.get(code) == country]
    codes += [str(code) for code in ordered.index if str(code) not in codes]
    return [_area_row(code, ordered.loc[code]) for code in codes]


def _area_row(code: str, row: pd.Series) -> dict[str, Any]:
    expected, lo, hi = (
        float(row[name])
        for name in ("expected_episodes", "expected_episodes_lo", "expected_episodes_hi")
    )
    return {
        "code": code,
        "kind": text_of(row["area_level"]),
        "name": text_of(row["name"]),
        "districts": int(row["districts"]),
        "people": "" if pd.isna(row["population"]) else f"{float(row['population']):,.0f}",
        "chance": ENGLISH.frequency(
            *(float(row[name]) for name in ("event_prob", "event_prob_lo", "event_prob_hi"))
        ),
        "expected": f"{expected:.1f} ({lo:.1f} to {hi:.1f})",
    }
