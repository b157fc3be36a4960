"""What the page says of one district: figures, sentences, reasons and what is not known."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from threatkit.report.evidence import evidence_of
from threatkit.report.summary import LEVELS, RunFacts
from threatkit.report.words import ENGLISH, capital

_NAME_COLUMNS = ("name_ru", "name_local", "names_other")
_MOST_EVENTS = 12
_MOST_NAMED = 3


@dataclass(frozen=True)
class Background:
    """What the profiles of all districts share.

    Attributes
    ----------
    facts
        Facts of the run.
    places, scores
        Rows by district.
    outlines
        District -> how its outline is known.
    centres
        District -> a point inside it, on the grid; only of districts that are drawn.
    hosts
        Small unit -> the district it is shown with.
    values
        Indicator rows.
    chosen
        District -> positions of the values that speak for it.
    near
        District -> positions of the events near it, newest first.
    parts
        Parts of the model that the scores carry.
    assessed
        Number of districts assessed.
    """

    facts: RunFacts
    places: Mapping[str, Mapping[str, Any]]
    scores: Mapping[str, Mapping[str, Any]]
    outlines: Mapping[str, str]
    centres: Mapping[str, list[int]]
    hosts: Mapping[str, str]
    values: Sequence[Mapping[str, Any]]
    chosen: Mapping[str, list[int]]
    near: Mapping[str, list[int]]
    parts: tuple[str, ...]
    assessed: int


def text_of(value: object) -> str:
    """Return a value as text; what is missing is empty."""
    if value is None or (isinstance(value, float) and math.isnan(value)) or value is pd.NA:
        return ""
    return str(value)


def significant(value: object, digits: int = 4) -> float | None:
    """Return a number rounded to significant digits, None where it is missing."""
    if value is None or pd.isna(value):
        return None
    return float(f"{float(str(value)):.{digits}g}")


def profile(code: str, background: Background) -> dict[str, Any]:
    """Return what the page holds of a district."""
    row = _place(code, background)
    score = background.scores.get(code)
    if score is None or pd.isna(score["risk_level"]):
        return row
    return row | _figures(score, background.assessed) | _sentences(code, score, background)


def _place(code: str, background: Background) -> dict[str, Any]:
    place = background.places[code]
    people = significant(background.scores.get(code, {}).get("population"), 12)
    near = background.near.get(code, [])
    country = text_of(place["country"])
    return {
        "code": code,
        "name": text_of(place.get("name")) or code,
        "other": _other_names(place),
        "seat": text_of(place.get("seat")),
        "oblast": text_of(place.get("oblast_name")) or text_of(place.get("oblast")),
        "country": ENGLISH.country(country),
        "valley": text_of(place.get("fergana")).lower() in ("true", "1", "1.0"),
        "outline": background.outlines.get(code, ""),
        "drawn": code in background.centres,
        "at": background.centres.get(code),
        "pop": people,
        "people": capital(
            ENGLISH.people(
                people,
                status=text_of(place.get("population_status")),
                year=text_of(place.get("population_year")).removesuffix(".0"),
            )
        ),
        "with": [
            text_of(background.places[small].get("name"))
            for small, host in background.hosts.items()
            if host == code
        ],
        "values": background.chosen.get(code, []),
        "events": near[:_MOST_EVENTS],
        "more": max(0, len(near) - _MOST_EVENTS),
        "level": None,
    }


def _other_names(place: Mapping[str, Any]) -> list[str]:
    names: list[str] = []
    for column in _NAME_COLUMNS:
        for text in text_of(place.get(column)).split("|"):
            name = text.strip()
            if name and name != text_of(place.get("name")) and name not in names:
                names.append(name)
    return names


def _band(score: Mapping[str, Any], name: str) -> tuple[float, float, float]:
    mean, lo, hi = (float(score[column]) for column in (name, f"{name}_lo", f"{name}_hi"))
    return mean, lo, hi


def _figures(score: Mapping[str, Any], assessed: int) -> dict[str, Any]:
    chance = _band(score, "event_prob")
    level = int(score["risk_level"])
    return {
        "level": level,
        "levelText": ENGLISH.level(level),
        "sure": significant(score["level_prob"], 3),
        "levels": [significant(score[f"level_{number}_prob"], 3) for number in LEVELS],
        "p": [significant(number) for number in chance],
        "chance": ENGLISH.frequency(*chance),
        "index": [round(number, 1) for number in _band(score, "risk_index")],
        "rank": [int(score[name]) for name in ("rank", "rank_lo", "rank_hi")],
        "rankText": ENGLISH.place(int(score["rank_lo"]), int(score["rank_hi"]), assessed),
        "top": ENGLISH.share(float(score["top_decile_prob"])),
        "rate": _rate(score),
        "unjudged": _unjudged(score),
    }


def _sentences(code: str, score: Mapping[str, Any], background: Background) -> dict[str, Any]:
    own = [background.values[position] for position in background.chosen.get(code, [])]
    means = [(part, float(score[f"contribution_{part}"])) for part in background.parts]
    facts = background.facts
    return {
        "say": ENGLISH.likelihood_sentence(*_band(score, "event_prob"), end=facts.end),
        "parts": [_part(score, part) for part in background.parts],
        "why": ENGLISH.reasons_sentence(means),
        "whyShort": ENGLISH.reasons(means),
        "confidence": ENGLISH.confidence(evidence_of(score, own, facts)),
        "unknown": _unknown(score, own, background.parts, background.places[code]),
    }


def _part(score: Mapping[str, Any], part: str) -> list[Any]:
    name = f"contribution_{part}"
    mark = score.get(f"{name}_prior")
    set_by_prior = mark is not None and not pd.isna(mark) and bool(mark)
    numbers = [round(number, 3) for number in _band(score, name)]
    return [*numbers, int(set_by_prior), ENGLISH.factor_band(*numbers)]


def _rate(score: Mapping[str, Any]) -> str:
    if pd.isna(score["rate_per_100k"]):
        return ""
    rate, lo, hi = (f"{number:.2g}" for number in _band(score, "rate_per_100k"))
    return f"{rate} episodes a year for each 100,000 people ({lo} to {hi})"


def _unjudged(score: Mapping[str, Any]) -> str:
    """Return the chance without analysts' judgements, where they touch the district."""
    if "event_prob_unjudged" not in score or pd.isna(score["event_prob_unjudged"]):
        return ""
    without = _band(score, "event_prob_unjudged")
    if math.isclose(without[0], float(score["event_prob"]), rel_tol=1e-6):
        return ""
    return ENGLISH.frequency(*without)


def _unknown(
    score: Mapping[str, Any],
    own: Sequence[Mapping[str, Any]],
    parts: tuple[str, ...],
    place: Mapping[str, Any],
) -> list[str]:
    """Return what is not known about a district, one sentence each."""
    sentences = []
    information = score.get("information")
    if information is not None and not pd.isna(information):
        sentences.append(_record(float(information)))
    prior = [ENGLISH.part(part) for part in parts if _part(score, part)[3]]
    if prior:
        sentences.append(f"Set by assumption, not by data: {ENGLISH.joined(prior)}.")
    country = sorted({text_of(row["title"]) for row in own if row["area_level"] == "adm0"})
    if country:
        rest = f" and {len(country) - _MOST_NAMED} more" if len(country) > _MOST_NAMED else ""
        named = "; ".join(country[:_MOST_NAMED])
        sentences.append(f"Known only for the whole country: {named}{rest}.")
    if text_of(place.get("population_status")) == "estimated":
        sentences.append("The number of people is an estimate from the oblast's total.")
    widest = max(parts, key=lambda part: _width(score, part), default=None)
    if widest is not None:
        label = ENGLISH.part(widest)
        sentences.append(f"Least certain of the reasons: {label}. Data on it would say most.")
    return sentences


def _record(information: float) -> str:
    if information < 0.05:
        return (
            "The district's own record says almost nothing: the chance is inferred from "
            "its neighbours, its people and its country."
        )
    amount = "little" if information < 0.25 else "something" if information < 0.7 else "most"
    return f"The district's own record tells {amount} of what is known here."


def _width(score: Mapping[str, Any], part: str) -> float:
    _, lo, hi = _band(score, f"contribution_{part}")
    return hi - lo
