"""The data of the page for its script: shapes, draws, districts, views and texts."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from threatkit.brief.districts import Shared
from threatkit.brief.dorling import circles
from threatkit.brief.findings import rules
from threatkit.brief.names import LONGEST, clean
from threatkit.brief.quantise import EDGES, encode, level_edges, thin
from threatkit.brief.strings import script_strings
from threatkit.brief.views import build_views
from threatkit.report.plots import Figure
from threatkit.report.profile import text_of
from threatkit.report.shapes import Plane, grid
from threatkit.report.words import COUNTRIES, Phrases


class Pool:
    """Texts that are kept once and named by their number."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """Return the number of a text."""
        if text not in self._numbers:
            self._numbers[text] = len(self.texts)
            self.texts.append(text)
        return self._numbers[text]


#: What is said of districts in sentences that many of them share.
_SHARED = ("confidence", "why", "oblast", "country")


def columns(rows: Sequence[Mapping[str, Any]], pool: Pool) -> dict[str, list[Any]]:
    """Return the rows of districts as columns, which takes a third less room."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    made = {name: [row.get(name) for row in rows] for name in names}
    for name in _SHARED:
        if name in made:
            made[name] = [None if text is None else pool.number(text) for text in made[name]]
    if "unknown" in made:
        made["unknown"] = [
            None if lines is None else [pool.number(line) for line in lines]
            for lines in made["unknown"]
        ]
    return made


def build_payload(
    shared: Shared,
    plane: Plane,
    rows: list[dict[str, Any]],
    figures: Sequence[Figure] = (),
    *,
    full: bool = False,
) -> dict[str, Any]:
    """Return the data of the page as JSON types.

    Parameters
    ----------
    shared
        What all districts share.
    plane
        Shapes of the districts.
    rows
        Of `threatkit.brief.districts.district_rows`.
    figures
        Plots of the report.
    full
        Whether each pillar is given with its drift, for analysts.
    """
    material, phrases = shared.material, shared.phrases
    facts = material.summary.facts
    pool = Pool()
    codes = {code: i for i, code in enumerate(material.codes)}
    kept = [codes[row["code"]] for row in rows if row["code"] in codes]
    return {
        "lang": shared.lang,
        "strings": script_strings(phrases.say),
        "facts": {"ci": round(100 * facts.ci_prob), "run": facts.run_id},
        "number": {
            "decimal": phrases.say.number(0.5, 1)[1:-1] or ".",
            "group": phrases.say.number(12345)[2:-3],
        },
        "grid": _grid(shared, plane),
        "districts": columns(rows, pool),
        "parts": [_part(part, shared, full=full) for part in shared.parts],
        "draws": {
            "edges": [round(100 * edge, 4) for edge in EDGES],
            "levels": level_edges(),
            "count": len(thin(material.prob)),
            "bins": encode(thin(material.prob)[:, kept]),
        },
        "views": build_views(material, rows, shared.names, shared.parts, phrases),
        "rules": rules(material, plane, phrases),
        "circles": _circles(rows),
        "values": value_rows(shared, pool),
        "events": event_rows(material.summary.events),
        "figures": [{"key": figure.id, "csv": figure.csv} for figure in figures],
        "texts": pool.texts,
    }


def _part(part: str, shared: Shared, *, full: bool) -> dict[str, Any]:
    """Return key and label of a part of the model; of a pillar also how it has drifted."""
    told = {"key": part, "label": shared.phrases.part(part)}
    drift = drift_text(part, shared) if full else ""
    return told | {"drift": drift} if drift else told


def drift_text(part: str, shared: Shared) -> str:
    """Return how far the record of episodes has moved a pillar; empty where it cannot."""
    phrases, record = shared.phrases, shared.material.record
    row = ((record.get("pillar_drift") or {}).get("drift") or {}).get(part)
    if not row:
        return ""
    number = phrases.say.number
    largest = float(row["largest_shift"])
    districts = shared.material.summary.districts
    named = dict(zip(districts["oblast"], districts["oblast_name"], strict=True))
    oblast = str(row["largest_oblast"])
    return phrases.say.t(
        "The record of episodes has moved this pillar away from what indicators alone say: by "
        "{mean} standard deviations on average over oblasts, most in {oblast} ({largest}; above "
        "zero is worse).",
        mean=number(float(row["mean_shift"]), 2),
        oblast=clean(named.get(oblast, oblast), LONGEST),
        largest=f"{'+' if largest >= 0 else '−'}{number(abs(largest), 2)}",
    )


def _grid(shared: Shared, plane: Plane) -> dict[str, Any]:
    """Return the shapes, with the labels in the reader's language."""
    made = grid(shared.material.summary, plane)
    phrases = shared.phrases
    english = {
        str(place["name"]): shared.names[str(code)]
        for code, place in shared.material.summary.districts.iterrows()
    }
    countries = {name: phrases.country(code) for code, name in COUNTRIES.items()}
    labels = []
    for label in made["labels"]:
        text = label["text"]
        if label["kind"] == "country":
            text = countries.get(text, text)
        elif text.endswith(" (part)"):
            text = phrases.say.t(
                "{name} (part)", name=english.get(text.removesuffix(" (part)"), text)
            )
        else:
            text = english.get(text, text)
        labels.append({**label, "text": clean(text, 40)})
    return {**made, "labels": labels}


def _circles(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return circles of both frames: the number of the district, x, y and radius."""
    made: dict[str, Any] = {}
    for frame in ("region", "valley"):
        own = [
            (i, row)
            for i, row in enumerate(rows)
            if row["at"] is not None and (frame == "region" or row["valley"])
        ]
        at = np.array([row["at"] for _, row in own], dtype=float).reshape(-1, 2)
        people = np.array([np.nan if row["pop"] is None else row["pop"] for _, row in own])
        made[frame] = [
            [i, *circle]
            for (i, _), circle in zip(own, circles(at, people.astype(float)), strict=True)
        ]
    return made


def level_words(phrases: Phrases) -> dict[str, str]:
    """Return at which level a value was observed, by the level of its area."""
    t = phrases.say.t
    return {
        "adm2": t("for this district"),
        "point": t("for this district"),
        "adm1": t("known only for the oblast"),
        "adm0": t("known only for the whole country"),
    }


def value_rows(shared: Shared, pool: Pool) -> list[list[Any]]:
    """Return title, pillar, value, period, age in years, grade, level, source and address."""
    phrases, as_of = shared.phrases, shared.material.summary.facts.as_of
    told = level_words(phrases)
    rows = []
    for row in shared.values:
        period = text_of(row["period"]).removesuffix(".0")
        year = period[:4]
        age = as_of.year - int(year) if year.isdigit() else None
        rows.append(
            [
                pool.number(clean(row["title"], LONGEST) or clean(row["indicator"], LONGEST)),
                text_of(row["pillar"]),
                value_text(row["value"], clean(row["unit"], 60), phrases),
                clean(period, 40),
                age,
                f"{text_of(row['reliability'])}{text_of(row['credibility']).removesuffix('.0')}",
                pool.number(told.get(text_of(row["area_level"]), text_of(row["area_level"]))),
                pool.number(clean(row["source_title"], 300)),
                pool.number(clean(row["source_path"], 500)),
            ]
        )
    return rows


def value_text(value: object, unit: str, phrases: Phrases) -> str:
    """Return a value with its unit, to four digits."""
    number = pd.to_numeric(pd.Series([value]), errors="coerce").iloc[0]
    if pd.isna(number):
        return phrases.say.t("not known")
    size = abs(float(number))
    whole = float(number) == int(number)
    digits = 0 if size >= 1000 or whole else 1 if size >= 100 else 2 if size >= 1 else 3
    return f"{phrases.say.number(float(number), digits)} {unit}".strip()


def event_rows(events: pd.DataFrame) -> list[list[str]]:
    """Return date, type, place, text and source of each event."""
    return [
        [
            text_of(row["date"])[:10],
            clean(text_of(row["type"]).replace("_", " "), 60),
            clean(row.get("place"), LONGEST),
            clean(row["summary"], 1200),
            clean(row["source"], 500),
        ]
        for row in events.to_dict("records")
    ]
