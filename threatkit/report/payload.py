"""The data of the page: everything a reader may see, with its words already chosen.

Words are made in Python, once, so that page, table and tests agree; the scripts of the page only
place them. Numbers are rounded for the page after levels and intervals were taken.
"""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from threatkit.report import words
from threatkit.report.evidence import (
    LEVEL_WORDS,
    evidence_of,
    latest_values,
    values_by_district,
)
from threatkit.report.shapes import Plane, build_plane, events_near, grid, project
from threatkit.report.summary import LEVEL_LIMITS, LEVELS, PARTS, Summary

_NAME_COLUMNS = ("name_ru", "name_local", "names_other", "seat")
_MOST_EVENTS = 12


def build_payload(summary: Summary) -> dict[str, Any]:
    """Return the data of the page as JSON types."""
    plane = build_plane(summary)
    values = latest_values(summary.indicators)
    chosen = values_by_district(values, summary.districts)
    centres = plane.centres
    near = events_near(plane, summary.events)
    parts = [part for part in PARTS if f"contribution_{part}" in summary.scores]
    shown = [code for code in summary.districts.index if code not in plane.hosts]
    return {
        "facts": _facts(summary, parts),
        "grid": grid(summary, plane),
        "districts": [
            _district(str(code), summary, plane, values, chosen, near, parts)
            | {"at": centres.get(str(code))}
            for code in shown
        ],
        "values": _value_rows(values),
        "events": _event_rows(summary.events),
        "crossings": _crossing_rows(summary.crossings),
        "levels": _level_rows(summary),
        "areas": _area_rows(summary),
    }


def _facts(summary: Summary, parts: list[str]) -> dict[str, Any]:
    facts = summary.facts
    return {
        "limits": list(LEVEL_LIMITS),
        "ranges": [words.level_range(level) for level in LEVELS],
        "parts": [{"key": part, "label": words.PART_LABELS[part]} for part in parts],
        "ci": round(facts.ci_prob * 100),
        "end": words.long_date(facts.end),
        "assessed": int(summary.scores["risk_level"].notna().sum()),
    }


def _text(value: object) -> str:
    """Return a value as text; what is missing is empty."""
    if value is None or (isinstance(value, float) and math.isnan(value)) or value is pd.NA:
        return ""
    return str(value)


def _significant(value: object, digits: int = 4) -> float | None:
    if value is None or pd.isna(value):
        return None
    return float(f"{float(value):.{digits}g}")  # type: ignore[arg-type]


def _triple(row: Mapping[str, Any], name: str) -> list[float | None]:
    return [_significant(row[column]) for column in (name, f"{name}_lo", f"{name}_hi")]


def _other_names(place: Mapping[str, Any]) -> list[str]:
    names: list[str] = []
    for column in _NAME_COLUMNS:
        for text in _text(place.get(column)).split("|"):
            name = text.strip()
            if name and name != _text(place.get("name")) and name not in names:
                names.append(name)
    return names


def _year(value: object) -> str:
    text = _text(value)
    return text.removesuffix(".0")


def _district(
    code: str,
    summary: Summary,
    plane: Plane,
    values: pd.DataFrame,
    chosen: Mapping[str, list[int]],
    near: Mapping[str, list[int]],
    parts: list[str],
) -> dict[str, Any]:
    place = summary.districts.loc[code]
    score = summary.scores.loc[code] if code in summary.scores.index else None
    people = None if score is None else _significant(score.get("population"), 12)
    outline = ""
    if code in summary.geometry.index:
        outline = _text(summary.geometry.loc[code, "outline"])
    row: dict[str, Any] = {
        "code": code,
        "name": _text(place.get("name")) or code,
        "other": _other_names(place.to_dict()),
        "oblast": _text(place.get("oblast_name")) or _text(place.get("oblast")),
        "country": words.COUNTRIES.get(_text(place["country"]), _text(place["country"])),
        "valley": _text(place.get("fergana")).lower() in ("true", "1", "1.0"),
        "outline": outline,
        "drawn": code in plane.units.index,
        "pop": people,
        "people": words.people_phrase(
            people,
            status=_text(place.get("population_status")),
            year=_year(place.get("population_year")),
        ),
        "with": [_text(summary.districts.loc[small, "name"]) for small, host in
                 plane.hosts.items() if host == code],
        "values": chosen.get(code, []),
        "events": near.get(code, [])[:_MOST_EVENTS],
        "more": max(0, len(near.get(code, [])) - _MOST_EVENTS),
        "level": None,
    }  # fmt: skip
    if score is None or pd.isna(score["risk_level"]):
        return row
    return row | _scored(score.to_dict(), summary, values, chosen.get(code, []), parts, place)


def _scored(
    score: dict[str, Any],
    summary: Summary,
    values: pd.DataFrame,
    rows: list[int],
    parts: list[str],
    place: pd.Series,
) -> dict[str, Any]:
    facts = summary.facts
    prob, lo, hi = (float(score[name]) for name in ("event_prob", "event_prob_lo", "event_prob_hi"))
    level = int(score["risk_level"])
    evidence = evidence_of(score, values, rows, facts)
    assessed = int(summary.scores["risk_level"].notna().sum())
    up = [(part, float(score[f"contribution_{part}"])) for part in parts]
    return {
        "level": level,
        "levelText": words.level_phrase(level),
        "sure": _significant(score["level_prob"], 3),
        "levels": [_significant(score[f"level_{number}_prob"], 3) for number in LEVELS],
        "p": [_significant(prob), _significant(lo), _significant(hi)],
        "chance": words.frequency_with_interval(prob, lo, hi),
        "say": words.likelihood_sentence(prob, lo, hi, end=facts.end),
        "index": [round(float(score[name]), 1) for name in
                  ("risk_index", "risk_index_lo", "risk_index_hi")],
        "rank": [int(score[name]) for name in ("rank", "rank_lo", "rank_hi")],
        "rankText": words.rank_phrase(int(score["rank_lo"]), int(score["rank_hi"]), assessed),
        "top": words.frequency(float(score["top_decile_prob"])),
        "parts": [_part(score, part) for part in parts],
        "why": words.reasons_sentence(up),
        "confidence": words.confidence_sentence(evidence),
        "unknown": _unknown(score, values.iloc[rows], parts, place),
        "rate": _rate(score),
        "unjudged": _unjudged(score),
    }  # fmt: skip


def _part(score: Mapping[str, Any], part: str) -> list[Any]:
    name = f"contribution_{part}"
    mark = score.get(f"{name}_prior")
    set_by_prior = mark is not None and not pd.isna(mark) and bool(mark)
    numbers = [round(float(score[column]), 3) for column in (name, f"{name}_lo", f"{name}_hi")]
    return [*numbers, int(set_by_prior), words.factor_phrase(*numbers)]


def _rate(score: Mapping[str, Any]) -> str:
    if pd.isna(score["rate_per_100k"]):
        return ""
    rate, lo, hi = (
        f"{float(score[name]):.2g}"
        for name in ("rate_per_100k", "rate_per_100k_lo", "rate_per_100k_hi")
    )
    return f"{rate} episodes a year for each 100,000 people ({lo} to {hi})"


def _unjudged(score: Mapping[str, Any]) -> str:
    if "event_prob_unjudged" not in score or pd.isna(score["event_prob_unjudged"]):
        return ""
    names = ("event_prob_unjudged", "event_prob_unjudged_lo", "event_prob_unjudged_hi")
    return words.frequency_with_interval(*(float(score[name]) for name in names))


def _unknown(
    score: Mapping[str, Any], own: pd.DataFrame, parts: list[str], place: pd.Series
) -> list[str]:
    """Return what is not known about a district, one sentence each."""
    sentences = []
    information = score.get("information")
    if information is not None and not pd.isna(information):
        share = max(0, round(100 * float(information)))
        sentences.append(f"The district's own record settles {share}% of the uncertainty.")
    prior = [part for part in parts if _part(score, part)[3]]
    if prior:
        names = words.join_clauses([words.PART_LABELS[part] for part in prior])
        sentences.append(f"Set by assumption, not by data: {names}.")
    country = own.loc[own["area_level"] == "adm0", "title"].astype(str).unique().tolist()
    if country:
        rest = f" and {len(country) - 3} more" if len(country) > 3 else ""
        sentences.append(f"Known only for the whole country: {'; '.join(country[:3])}{rest}.")
    if _text(place.get("population_status")) == "estimated":
        sentences.append("The number of people is an estimate from the oblast's total.")
    widest = max(parts, key=lambda part: _width(score, part), default=None)
    if widest is not None:
        label = words.PART_LABELS[widest]
        sentences.append(
            f"Least certain of the reasons: {label}. Better data there would say most."
        )
    return sentences


def _width(score: Mapping[str, Any], part: str) -> float:
    return float(score[f"contribution_{part}_hi"]) - float(score[f"contribution_{part}_lo"])


def _value_rows(values: pd.DataFrame) -> list[list[str]]:
    """Return title, pillar, value with unit, period, grade, level in words, source, address."""
    return [
        [
            _text(row["title"]) or _text(row["indicator"]),
            _text(row["pillar"]),
            _value_text(row["value"], _text(row["unit"])),
            _text(row["period"]).removesuffix(".0"),
            f"{_text(row['reliability'])}{_text(row['credibility']).removesuffix('.0')}",
            LEVEL_WORDS.get(_text(row["area_level"]), _text(row["area_level"])),
            _text(row["source_title"]),
            _text(row["source_path"]),
        ]
        for row in values.to_dict("records")
    ]


def _value_text(value: object, unit: str) -> str:
    try:
        number = float(str(value))
    except ValueError:
        return f"{_text(value)} {unit}".strip()
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
                "date": _text(row["date"])[:10],
                "type": _text(row["type"]).replace("_", " "),
                "text": _text(row["summary"]),
                "source": _text(row["source"]),
                "place": _text(row.get("place")),
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
            "name": _text(row["name"]),
            "across": _text(row.get("afghan_side")),
            "status": _text(row.get("status")),
            "date": _text(row.get("status_date")).removesuffix(".0"),
            "mode": _text(row.get("mode")),
            "source": _text(row.get("source", row.get("source_id"))),
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
            "range": words.level_range(number),
            "districts": int(inside.sum()),
            "people": float(people[inside].sum()),
            "districtsText": "",
            "peopleText": "",
        }
        if counts is not None:
            lo, hi = counts.loc[number, "lo"], counts.loc[number, "hi"]
            row["districtsText"] = f"{lo:,.0f} to {hi:,.0f}"
            if "people_lo" in counts:
                low, high = counts.loc[number, "people_lo"], counts.loc[number, "people_hi"]
                row["peopleText"] = f"{low / 1e6:.1f} to {high / 1e6:.1f}"
        rows.append(row)
    return rows


def _area_rows(summary: Summary) -> list[dict[str, Any]]:
    rows = []
    for code, row in summary.areas.iterrows():
        if pd.isna(row["event_prob"]):
            continue
        numbers = [float(row[name]) for name in ("event_prob", "event_prob_lo", "event_prob_hi")]
        expected = [
            float(row[name])
            for name in ("expected_episodes", "expected_episodes_lo", "expected_episodes_hi")
        ]
        rows.append(
            {
                "code": str(code),
                "kind": _text(row["area_level"]),
                "name": _text(row["name"]),
                "districts": int(row["districts"]),
                "people": words.people_phrase(_significant(row["population"], 12)),
                "p": numbers[0],
                "chance": words.frequency_with_interval(*numbers),
                "expected": f"{expected[0]:.1f} ({expected[1]:.1f} to {expected[2]:.1f})",
            }
        )
    return rows
