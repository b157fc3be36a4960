"""The published columns of every output, as Frictionless table schemas (version 1).

A column that is not defined here cannot be written: `schema` refuses it, so that the
published schema and the files cannot drift apart.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

#: The parts whose sum is the logarithm of the expected number of episodes.
PARTS: Mapping[str, str] = MappingProxyType(
    {
        "border": "exposure to the border with Afghanistan",
        "youth": "youth unemployment and what stands for it",
        "extremism": "proxies of extremism",
        "people": "number of people, against the median district",
        "space": "place: what the district shares with its neighbours, and its own",
        "change": "how the level of the oblast, or of its region, has moved in recent years",
        "history": "recent episodes in the district and around it",
        "country": "country",
        "judgement": "analysts' judgements",
    }
)

TITLES: Mapping[str, str] = MappingProxyType(
    {
        "scores": "Risk of each district",
        "areas": "Risk of oblasts, countries, the Fergana Valley and the whole region",
        "graph": "Borders between districts",
    }
)

_KEYS = {"scores": ["district"], "areas": ["area"], "graph": ["a", "b"]}
_PROB = {"minimum": 0, "maximum": 1}
_COUNT = {"minimum": 0}
_DISTRICT = {"pattern": "(KZ|KG|TJ|TM|UZ)-[A-Z0-9]{1,3}-[a-z0-9-]+"}
_TRIPLE = re.compile(r"(.+)_(lo|hi)")
_CONTRIBUTION = re.compile(r"contribution_([a-z_]+?)(_prior)?")


@dataclass(frozen=True)
class Column:
    """Definition of a column: Frictionless type, what it is, its unit and constraints."""

    type: str
    text: str
    unit: str = ""
    constraints: Mapping[str, Any] = field(default_factory=dict)


_COMMON = {
    "name": Column("string", "Name in English."),
    "population": Column(
        "integer", "People, of the year that the district table gives.", "people", _COUNT
    ),
    "risk_index": Column(
        "number",
        "Index of risk: piecewise linear in the logarithm of event_prob; higher is worse; "
        "comparable between runs.",
        "0 to 10",
        {"minimum": 0, "maximum": 10},
    ),
    "risk_level": Column(
        "integer",
        "Level by fixed limits of event_prob at 1, 3, 10 and 25 in 100 in twelve months; "
        "5 is highest; empty: not assessed.",
        "1 to 5",
        {"minimum": 1, "maximum": 5},
    ),
    "level_prob": Column("number", "Probability that risk_level is right.", "0 to 1", _PROB),
    "event_prob": Column(
        "number", "Probability of at least one episode within the forecast.", "0 to 1", _PROB
    ),
}

_COLUMNS: Mapping[str, Mapping[str, Column]] = {
    "scores": {
        **_COMMON,
        "district": Column("string", "Code of the district.", "", {"required": True, **_DISTRICT}),
        "country": Column("string", "Country, ISO 3166-1 alpha-3.", "", {"pattern": "[A-Z]{3}"}),
        "oblast": Column("string", "Oblast, ISO 3166-2."),
        "fergana": Column("boolean", "Whether it belongs to the Fergana Valley's provinces."),
        **{
            f"level_{level}_prob": Column(
                "number", f"Probability of level {level}.", "0 to 1", _PROB
            )
            for level in range(1, 6)
        },
        "rate_per_100k": Column(
            "number", "Expected episodes a year per 100,000 people.", "1/100,000/year", _COUNT
        ),
        "rank": Column(
            "integer", "Place by event_prob in the region; 1 is the highest.", "", _COUNT
        ),
        "top_decile_prob": Column(
            "number", "Probability of being in the highest tenth of the region.", "0 to 1", _PROB
        ),
        "information": Column(
            "number",
            "How far the district's own record has moved and narrowed its log rate, "
            "1 - exp(-2 KL); near 0, the score is an inference from elsewhere.",
            "0 to 1",
        ),
        "event_prob_unjudged": Column(
            "number", "event_prob without the analysts' judgements.", "0 to 1", _PROB
        ),
    },
    "areas": {
        **_COMMON,
        "area": Column(
            "string",
            "all, fergana, ISO3 of a country or ISO 3166-2 of an oblast.",
            "",
            {"required": True},
        ),
        "area_level": Column("string", "", "", {"enum": ["region", "adm0", "adm1"]}),
        "districts": Column("integer", "Number of districts assessed.", "", _COUNT),
        "expected_episodes": Column(
            "number", "Expected number of episodes within the forecast.", "episodes", _COUNT
        ),
    },
    "graph": {
        "a": Column("string", "One district; its code sorts before b.", "", _DISTRICT),
        "b": Column("string", "The other district.", "", _DISTRICT),
        "border_km": Column("number", "Length of the shared border.", "km", _COUNT),
        "international": Column("boolean", "Whether the two lie in different countries."),
    },
}


def schema(
    name: str, frame: "pd.DataFrame", *, facts: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the table schema of an output.

    Parameters
    ----------
    name
        ``scores``, ``areas`` or ``graph``.
    frame
        The output; its named index and columns are described, in this order.
    facts
        What holds for the whole file, such as ``ci_prob``; kept under ``threatkit``.

    Raises
    ------
    ValueError
        If a column is not published.
    """
    columns = [*(str(n) for n in frame.index.names if n is not None), *map(str, frame.columns)]
    return table_schema(name, columns, facts=facts)


def table_schema(
    name: str, columns: Sequence[str], *, facts: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the table schema of an output with these columns; see `schema`."""
    own = {
        "title": TITLES[name],
        "text": "A text that begins with = + - @ has one apostrophe in front.",
        **(facts or {}),
    }
    return {
        "fields": [_field(name, column, own.get("ci_prob")) for column in columns],
        "missingValues": [""],
        "primaryKey": _KEYS[name],
        "threatkit": own,
    }


def score_columns(parts: Sequence[str] = tuple(PARTS), *, judged: bool = True) -> list[str]:
    """Return the columns of ``scores.csv`` for a model with these parts, in order."""

    def triple(column: str) -> list[str]:
        return [column, f"{column}_lo", f"{column}_hi"]

    return [
        *("district", "name", "country", "oblast", "fergana", "population"),
        *triple("risk_index"),
        *("risk_level", "level_prob"),
        *(f"level_{level}_prob" for level in range(1, 6)),
        *triple("event_prob"),
        *triple("rate_per_100k"),
        *triple("rank"),
        *("top_decile_prob", "information"),
        *(
            column
            for part in parts
            for column in (*triple(f"contribution_{part}"), f"contribution_{part}_prior")
        ),
        *(triple("event_prob_unjudged") if judged else ()),
    ]


def _field(name: str, column: str, ci_prob: float | None) -> dict[str, Any]:
    found = _definition(name, column)
    bound = ""
    if found is None and (match := _TRIPLE.fullmatch(column)):
        found = _definition(name, match[1])
        end = "Lower" if match[2] == "lo" else "Upper"
        width = "" if ci_prob is None else f"{100 * ci_prob:g}% "
        bound = f"{end} end of the {width}interval of {match[1]}."
    if found is None:
        raise ValueError(f"column '{column}' is not in the published schema of '{name}'")
    text = bound or found.text
    described: dict[str, Any] = {"name": column, "type": found.type}
    if text:
        described["description"] = text
    if found.unit:
        described["unit"] = found.unit
    if found.constraints:
        described["constraints"] = dict(found.constraints)
    return described


def _definition(name: str, column: str) -> Column | None:
    if column in _COLUMNS[name]:
        return _COLUMNS[name][column]
    match = _CONTRIBUTION.fullmatch(column)
    if name != "scores" or match is None or column.endswith(("_lo", "_hi")):
        return None
    what = PARTS.get(match[1], f"pillar '{match[1]}'")
    if match[2]:
        text = "True where the prior, not the data, sets this contribution."
        return Column("boolean", text)
    text = f"Contribution to the log of the expected episodes: {what}; +0.69 doubles it."
    return Column("number", text, "log")
