"""The tables of the report: areas, districts, and for the analyst all figures of the run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from threatkit.brief.districts import Shared, band
from threatkit.brief.names import LONGEST, clean
from threatkit.report.confidence import SETTLED
from threatkit.report.profile import text_of
from threatkit.report.summary import LEVELS
from threatkit.report.words import Phrases


@dataclass(frozen=True)
class Table:
    """A table as the page shows it.

    Attributes
    ----------
    head
        Headings.
    rows
        Texts; the first column names the row.
    right
        Columns that are aligned to the right.
    marks
        For each row its class and the number of its district, or nothing.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: frozenset[int] = frozenset()
    marks: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


def area_table(shared: Shared) -> Table:
    """Return regions, countries and oblasts with the chance anywhere in them."""
    phrases = shared.phrases
    t, number = phrases.say.t, phrases.say.number
    summary = shared.material.summary
    areas = summary.areas[summary.areas["event_prob"].notna()]
    rows, marks = [], []
    for code in _area_order(areas, summary.districts):
        row = areas.loc[code]
        mid, lo, hi = band(row, "expected_episodes")
        rows.append(
            [
                _area_name(code, row, phrases),
                number(int(row["districts"])),
                phrases.chance(*band(row, "event_prob")),
                t("{n} ({low} to {high})", n=number(mid, 1), low=number(lo, 1),
                  high=number(hi, 1)),
                "" if pd.isna(row["population"]) else number(float(row["population"])),
            ]
        )  # fmt: skip
        marks.append({"style": text_of(row["area_level"])})
    head = [t("Area"), t("Districts"), t("Chance"), t("Episodes expected"), t("People")]
    return Table(head, rows, frozenset({1, 2, 3, 4}), marks)


def _area_order(areas: pd.DataFrame, districts: pd.DataFrame) -> list[str]:
    """Return the codes: regions, then each country with its oblasts, the likeliest first."""
    ordered = areas.sort_values("event_prob", ascending=False, kind="stable")
    kind = ordered["area_level"].astype(str)
    country_of = dict(zip(districts["oblast"], districts["country"], strict=True))
    codes = [str(code) for code in ordered.index[~kind.isin(["adm0", "adm1"])]]
    for country in ordered.index[kind == "adm0"]:
        inside = [c for c in ordered.index[kind == "adm1"] if country_of.get(c) == country]
        codes += [str(country), *map(str, inside)]
    return codes + [str(code) for code in ordered.index if str(code) not in set(codes)]


def _area_name(code: str, row: "pd.Series[Any]", phrases: Phrases) -> str:
    t = phrases.say.t
    if code == "all":
        return t("All districts of the assessment")
    if code == "fergana":
        return t("Fergana Valley")
    named = phrases.country(code)
    return named if named != code else clean(row["name"], LONGEST)


def district_table(shared: Shared, rows: Sequence[Mapping[str, Any]], *, full: bool) -> Table:
    """Return the districts, the highest chance first.

    Parameters
    ----------
    shared
        What all districts share.
    rows
        Of `threatkit.brief.districts.district_rows`.
    full
        Whether every figure is given, or only what a policymaker asks for.
    """
    phrases = shared.phrases
    t, number = phrases.say.t, phrases.say.number
    head = [t("Place"), t("District"), t("Oblast"), t("Country"), t("Chance"), t("Level"),
            t("People")]  # fmt: skip
    right = {0, 4, 6}
    if full:
        head += [t("Score"), t("Draws in this level, of 100"), t("In the highest tenth, of 100"),
                 t("Rate"), t("Own record tells")]  # fmt: skip
        head += [phrases.part(part) for part in shared.parts]
        right |= set(range(7, len(head)))
    order = sorted(
        range(len(rows)),
        key=lambda i: (rows[i]["level"] is None, rows[i].get("rank", [0])[0], rows[i]["name"]),
    )
    made, marks = [], []
    for i in order:
        row = rows[i]
        known = row["level"] is not None
        people = t("not known") if row["pop"] is None else number(row["pop"])
        texts = [
            f"{number(row['rank'][1])}–{number(row['rank'][2])}" if known else "–",
            row["name"],
            row["oblast"],
            row["country"],
            row["chance"] if known else t("not assessed"),
            _level(row, phrases) if known else "–",
            people,
        ]
        if full:
            texts += _figures(row, shared) if known else ["–"] * (len(head) - len(texts))
        made.append(texts)
        marks.append({"style": f"l{row['level']}" if known else "l0", "number": i})
    return Table(head, made, frozenset(right), marks)


def _level(row: Mapping[str, Any], phrases: Phrases) -> str:
    t = phrases.say.t
    if row["sure"] < SETTLED:
        return t("{n} of 5, not settled", n=row["level"])
    return t("{n} of 5", n=row["level"])


def _figures(row: Mapping[str, Any], shared: Shared) -> list[str]:
    number = shared.phrases.say.number
    score = shared.material.summary.scores.loc[row["code"]]
    known = score.get("information")
    return [
        row["index"],
        number(100 * row["sure"]),
        number(100 * row["top"]),
        row["rate"],
        "–" if known is None or pd.isna(known) else number(100 * float(known)),
        *(part[4] for part in row["parts"]),
    ]


def level_table(phrases: Phrases) -> Table:
    """Return the levels with their ranges."""
    t = phrases.say.t
    rows = [[t("{n} of 5", n=level), phrases.level_range(level)] for level in LEVELS]
    return Table([t("Level"), t("Chance")], rows)


def word_table(phrases: Phrases) -> Table:
    """Return the yardstick."""
    t = phrases.say.t
    return Table([t("Word"), t("Chance")], phrases.scale.table(phrases.say))


def record_table(record: Any, name: str) -> Table | None:
    """Return a mapping of mappings of a run's record as it stands there; None where it is not.

    Headings and names are those of ``run.json``, so that an analyst can find them again.
    """
    if not isinstance(record, Mapping) or not record:
        return None
    entries = {
        str(key): value if isinstance(value, Mapping) else {"value": value}
        for key, value in record.items()
    }
    columns = list(dict.fromkeys(column for row in entries.values() for column in row))
    rows = [
        [clean(key, LONGEST), *(_cell(row.get(column)) for column in columns)]
        for key, row in entries.items()
    ]
    return Table([name, *columns], rows, frozenset(range(1, len(columns) + 1)))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return clean(value, 300)
