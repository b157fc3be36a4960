"""What the page holds of each district: figures, sentences, reasons, and what is not known."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from threatkit.brief.material import Material
from threatkit.brief.names import LONGEST, clean, other_names, shown_name
from threatkit.brief.quantise import dot_quantiles, scale_point
from threatkit.report.evidence import evidence_of, latest_values, values_by_district
from threatkit.report.profile import significant, text_of
from threatkit.report.shapes import Plane, events_near
from threatkit.report.summary import LEVELS, PARTS
from threatkit.report.words import Phrases, capital

MOST_EVENTS = 12
_MOST_NAMED = 3
_MOST_NEIGHBOURS = 8


@dataclass(frozen=True)
class Shared:
    """What the profiles of all districts share."""

    material: Material
    phrases: Phrases
    lang: str
    names: Mapping[str, str]
    values: Sequence[Mapping[str, Any]]
    chosen: Mapping[str, list[int]]
    near: Mapping[str, list[int]]
    centres: Mapping[str, list[int]]
    hosts: Mapping[str, str]
    parts: tuple[str, ...]


def shared_background(material: Material, plane: Plane, phrases: Phrases, lang: str) -> Shared:
    """Gather what the profiles share."""
    summary = material.summary
    values = latest_values(summary.indicators)
    places = summary.districts.to_dict("index")
    return Shared(
        material,
        phrases,
        lang,
        {str(code): shown_name(str(code), place, lang) for code, place in places.items()},
        values.to_dict("records"),
        values_by_district(values, summary.districts),
        events_near(plane, summary.events),
        plane.centres,
        plane.hosts,
        tuple(part for part in PARTS if f"contribution_{part}" in summary.scores),
    )


def district_rows(shared: Shared) -> list[dict[str, Any]]:
    """Return the districts that are shown, the assessed first in the order of the draws."""
    summary, codes = shared.material.summary, shared.material.codes
    shown = [code for code in codes if code not in shared.hosts]
    rest = [str(c) for c in summary.districts.index if str(c) not in set(codes)]
    order = [*shown, *(code for code in rest if code not in shared.hosts)]
    number = {code: i for i, code in enumerate(order)}
    scores = summary.scores.to_dict("index")
    places = summary.districts.to_dict("index")
    column = {code: i for i, code in enumerate(codes)}
    rows = []
    for code in order:
        row = _place(code, places[code], shared, number)
        if code in column:
            score = scores[code]
            row |= _figures(score, shared) | {"change": _change(code, shared)}
            row |= _sentences(code, score, places[code], shared)
            row["dots"] = [
                scale_point(p) for p in dot_quantiles(shared.material.prob[:, column[code]])
            ]
        rows.append(row)
    return rows


def _place(
    code: str, place: Mapping[str, Any], shared: Shared, number: Mapping[str, int]
) -> dict[str, Any]:
    summary = shared.material.summary
    people = significant(summary.scores["population"].get(code), 12)
    near = shared.near.get(code, [])
    outline = summary.geometry["outline"].get(code, "")
    ends = [
        (number[end], None if math.isnan(km) else round(km))
        for end, km in shared.material.neighbours.get(code, ())
        if end in number
    ]
    return {
        "code": code,
        "name": shared.names[code],
        "other": other_names(place, shared.names[code]),
        "seat": clean(place.get("seat"), LONGEST),
        "oblast": clean(place.get("oblast_name"), LONGEST) or text_of(place.get("oblast")),
        "country": shared.phrases.country(text_of(place["country"])),
        "valley": text_of(place.get("fergana")).lower() in ("true", "1", "1.0"),
        "rough": text_of(outline) == "approximate",
        "drawn": code in shared.centres,
        "at": shared.centres.get(code),
        "pop": people,
        "people": capital(
            shared.phrases.people(
                people,
                status=text_of(place.get("population_status")),
                year=text_of(place.get("population_year")).removesuffix(".0"),
            )
        ),
        "with": [shared.names[small] for small, host in shared.hosts.items() if host == code],
        "values": shared.chosen.get(code, []),
        "events": near[:MOST_EVENTS],
        "more": max(0, len(near) - MOST_EVENTS),
        "near": ends[:_MOST_NEIGHBOURS],
        "level": None,
    }


def band(score: Mapping[str, Any], name: str) -> tuple[float, float, float]:
    """Return a figure with the ends of its interval."""
    mean, lo, hi = (float(score[column]) for column in (name, f"{name}_lo", f"{name}_hi"))
    return mean, lo, hi


def _figures(score: Mapping[str, Any], shared: Shared) -> dict[str, Any]:
    say, phrases = shared.phrases.say, shared.phrases
    chance, level = band(score, "event_prob"), int(score["risk_level"])
    index = [say.number(number, 1) for number in band(score, "risk_index")]
    total = len(shared.material.codes)
    return {
        "level": level,
        "sure": significant(score["level_prob"], 3),
        "levels": [significant(score[f"level_{number}_prob"], 3) for number in LEVELS],
        "p": [significant(number) for number in chance],
        "s": [scale_point(number) for number in chance],
        "chance": phrases.chance(*chance),
        "index": say.t("{n} ({low} to {high})", n=index[0], low=index[1], high=index[2]),
        "rank": [int(score[name]) for name in ("rank", "rank_lo", "rank_hi")],
        "rankText": phrases.place(int(score["rank_lo"]), int(score["rank_hi"]), total),
        "top": significant(score["top_decile_prob"], 3),
        "rate": _rate(score, shared),
    }


def _rate(score: Mapping[str, Any], shared: Shared) -> str:
    if pd.isna(score["rate_per_100k"]):
        return ""
    rate, lo, hi = (float(f"{number:.2g}") for number in band(score, "rate_per_100k"))
    number = [shared.phrases.say.number(x, 0 if x >= 10 else 2) for x in (rate, lo, hi)]
    return shared.phrases.say.t(
        "{n} episodes a year for each 100,000 people ({low} to {high})",
        n=number[0],
        low=number[1],
        high=number[2],
    )


def _change(code: str, shared: Shared) -> list[Any] | None:
    """Return text, size, P(rise) and whether it is more than noise; None without both runs."""
    changes = shared.material.changes
    if changes is None or code not in changes.index:
        return None
    row = changes.loc[code]
    return [
        change_text(row, shared.phrases),
        round(float(row["change"]), 4),
        round(float(row["rise_prob"]), 3),
        int(bool(row["more_than_noise"])),
    ]


def change_text(row: "pd.Series[Any]", phrases: Phrases) -> str:
    """Return the change of a chance as a phrase, with the interval of the present one."""
    names = ("before", "after", "after_lo", "after_hi")
    before, after, lo, hi = (float(row[f"event_prob_{name}"]) for name in names)
    return phrases.change(before, after, lo, hi)


def _sentences(
    code: str, score: Mapping[str, Any], place: Mapping[str, Any], shared: Shared
) -> dict[str, Any]:
    phrases, facts = shared.phrases, shared.material.summary.facts
    say = phrases.say
    own = [shared.values[position] for position in shared.chosen.get(code, [])]
    means = [(part, float(score[f"contribution_{part}"])) for part in shared.parts]
    level = int(score["risk_level"])
    word, rest = phrases.sentence(*band(score, "event_prob"), end=facts.end)
    sure = say.number(100 * float(score["level_prob"]))
    return {
        "word": word,
        "say": rest,
        "levelText": capital(phrases.level(level)),
        "levelSay": say.t(
            "{level}; it holds this level in {n} of 100 draws.",
            level=capital(phrases.level(level)),
            n=sure,
        ),
        "confidence": phrases.confidence(evidence_of(score, own, facts)),
        "why": phrases.reasons(means),
        "parts": [_part(score, part, phrases) for part in shared.parts],
        "unknown": _unknown(score, own, place, shared),
        "unjudged": _unjudged(score, phrases),
    }


def _part(score: Mapping[str, Any], part: str, phrases: Phrases) -> list[Any]:
    name = f"contribution_{part}"
    numbers = band(score, name)
    return [
        *(round(number, 3) for number in numbers),
        int(set_by_prior(score, part)),
        phrases.factor_band(*numbers),
    ]


def set_by_prior(score: Mapping[str, Any], part: str) -> bool:
    """Return whether the prior rather than the data sets a part's contribution."""
    mark = score.get(f"contribution_{part}_prior")
    return mark is not None and not pd.isna(mark) and bool(mark)


def _unjudged(score: Mapping[str, Any], phrases: Phrases) -> str:
    """Return the chance without analysts' judgements, where they touch the district."""
    if "event_prob_unjudged" not in score or pd.isna(score["event_prob_unjudged"]):
        return ""
    without = band(score, "event_prob_unjudged")
    if np.isclose(without[0], float(score["event_prob"]), rtol=1e-6):
        return ""
    return phrases.say.t("Without analysts’ judgements: {chance}.", chance=phrases.chance(*without))


def _unknown(
    score: Mapping[str, Any],
    own: Sequence[Mapping[str, Any]],
    place: Mapping[str, Any],
    shared: Shared,
) -> list[str]:
    """Return what is not known about a district, and what would change the view."""
    phrases, t = shared.phrases, shared.phrases.say.t
    sentences = []
    if not pd.isna(score.get("information", np.nan)):
        sentences.append(_record(float(score["information"]), phrases))
    assumed = [phrases.part(part) for part in shared.parts if set_by_prior(score, part)]
    if assumed:
        sentences.append(t("Set by assumption, not by data: {names}.", names="; ".join(assumed)))
    country = sorted({clean(row["title"], LONGEST) for row in own if row["area_level"] == "adm0"})
    if country:
        named = "; ".join(country[:_MOST_NAMED])
        left = len(country) - _MOST_NAMED
        sentences.append(
            t("Known only for the whole country: {names}; and {n} more.", names=named, n=left)
            if left > 0
            else t("Known only for the whole country: {names}.", names=named)
        )
    if text_of(place.get("population_status")) == "estimated":
        sentences.append(t("The number of people is an estimate from the oblast’s total."))
    widest = max(shared.parts, key=lambda part: _width(score, part), default=None)
    if widest is not None:
        label = phrases.part(widest)
        sentences.append(
            t("Least certain of the reasons: {part}. Data on it would say most.", part=label)
        )
    return sentences


def _record(information: float, phrases: Phrases) -> str:
    t = phrases.say.t
    if information < 0.05:
        return t(
            "The district’s own record says almost nothing: the chance is inferred from its "
            "neighbours, its people and its country."
        )
    if information < 0.25:
        return t("The district’s own record tells little of what is known here.")
    if information < 0.7:
        return t("The district’s own record tells something of what is known here.")
    return t("The district’s own record tells most of what is known here.")


def _width(score: Mapping[str, Any], part: str) -> float:
    _, lo, hi = band(score, f"contribution_{part}")
    return hi - lo
