"""What the toolkit asks of its tables beyond their schema: areas, periods, grades, units.

The rules go by the name of a column, so that they hold for every table in which such a
column stands. Tables named ``dropped`` list rows as they were given and are not held to
them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from threatkit.data.areas import LEVELS, Areas
from threatkit.data.checks import duplicate_faults, schema_faults
from threatkit.data.indicator import bounds
from threatkit.data.periods import date_problem, period_bounds, period_problem
from threatkit.data.tables import Table, flag
from threatkit.data.wording import listed, meant
from threatkit.errors import Fault

RELIABILITY = ("A", "B", "C", "D", "E", "F")
CREDIBILITY = ("1", "2", "3", "4", "5", "6")
VALUES_KEY = ("area_level", "area_code", "indicator", "period", "source_id")
_ORDERED = (
    ("date_start", "date_end"),
    ("from", "until"),
    ("fatalities_low", "fatalities_best"),
    ("fatalities_best", "fatalities_high"),
    ("deaths_low", "deaths_best"),
    ("deaths_best", "deaths_high"),
)
_DATES = ("date_start", "date_end", "status_date", "opened", "from", "until", "published")
_RANGES: Mapping[str, tuple[float, float]] = {"latitude": (-90, 90), "longitude": (-180, 180)}
_ADDRESS = re.compile(r"https?://[^\s/]+\.[^\s]+")


@dataclass(frozen=True)
class Context:
    """What the rules know of the rest of the catalogue.

    Attributes
    ----------
    areas
        The codes that exist.
    indicators
        The declared indicators by name.
    tables
        The tables of the same package by the name of their resource.
    """

    areas: Areas
    indicators: Mapping[str, Mapping[str, Any]]
    tables: Mapping[str, Table]


def table_faults(table: Table, context: Context) -> list[Fault]:
    """Hold one table against our rules, and then its schema."""
    faults: list[Fault] = []
    if table.resource.name != "dropped":
        faults += _area_faults(table, context.areas)
        faults += _period_faults(table)
        faults += _grade_faults(table)
        faults += _source_faults(table, context.tables)
        faults += _order_faults(table)
        faults += _range_faults(table)
        if table.resource.has_values_layout:
            faults += _value_faults(table, context.indicators)
    if table.resource.name == "sources":
        faults += _address_faults(table)
    faults += schema_faults(table, context.tables)
    return faults


def _area_faults(table: Table, areas: Areas) -> list[Fault]:
    faults: list[Fault] = []
    if table.has("area_level", "area_code"):
        level, code = table.text["area_level"], table.text["area_code"]
        faults += flag(
            table,
            ~level.isin(LEVELS),
            "area_level",
            f"the level of an area is {listed(LEVELS)}",
            lambda found: meant(found, LEVELS),
        )
        faults += flag(
            table,
            code.isna() & level.isin(LEVELS) & (level != "point"),
            "area_code",
            "the code of the area is given",
            "Fill it in; an ISO 3166-1 or 3166-2 code or a district code.",
        )
        for name in LEVELS:
            unknown = (level == name) & code.notna() & ~code.isin(areas.codes(name))
            faults += flag(
                table,
                unknown,
                "area_code",
                f"an area of level {name} is {areas.described(name)}",
                partial(areas.suggestion, level=name),
            )
    for column, name, what in (("district", "adm2", "district"), ("country", "adm0", "country")):
        if table.has(column):
            cells = table.text[column]
            faults += flag(
                table,
                cells.notna() & ~cells.isin(areas.codes(name)),
                column,
                f"a {what} is {areas.described(name)}",
                partial(areas.suggestion, level=name),
            )
    return faults


def _period_faults(table: Table) -> list[Fault]:
    faults: list[Fault] = []
    for column, problem_of in (("period", period_problem), *((d, date_problem) for d in _DATES)):
        if not table.has(column) or not pd.api.types.is_string_dtype(table.frame[column]):
            continue
        cells = table.text[column]
        for found in cells.dropna().unique():
            problem = problem_of(found)
            if problem is not None:
                faults += flag(table, cells == found, column, problem[0], problem[1])
    return faults


def _grade_faults(table: Table) -> list[Fault]:
    faults: list[Fault] = []
    grades = (
        ("reliability", RELIABILITY, "the reliability of a source is a letter A to F"),
        ("credibility", CREDIBILITY, "the credibility of an item is a digit 1 to 6"),
    )
    for column, allowed, rule in grades:
        if table.has(column):
            cells = table.text[column]
            unknown = f"Write {allowed[-1]} where it cannot be judged."
            faults += flag(table, ~cells.isin(allowed), column, rule, unknown)
    return faults


def _source_faults(table: Table, tables: Mapping[str, Table]) -> list[Fault]:
    if not table.has("source_id") or table.resource.name == "sources":
        return []
    cells = table.text["source_id"]
    faults = flag(
        table, cells.isna(), "source_id", "every row names its source", "Add it to sources.csv."
    )
    sources = tables.get("sources")
    if sources is None or not sources.has("source_id"):
        if len(cells):
            faults.append(
                Fault(
                    table.where,
                    "a package whose rows name sources has a table 'sources'",
                    "none",
                    "Add sources.csv with columns source_id, title, publisher, path, "
                    "published, licence, note.",
                )
            )
        return faults
    known = list(sources.text["source_id"].dropna())
    return faults + flag(
        table,
        cells.notna() & ~cells.isin(known),
        "source_id",
        "the source stands in sources.csv",
        lambda found: meant(found, known) or "Add it there with its address.",
    )


def _address_faults(table: Table) -> list[Fault]:
    if not table.has("path"):
        return []
    cells = table.text["path"]
    faults = flag(
        table,
        cells.isna(),
        "path",
        "a source has an address or a full reference that can be followed",
        "Give one, or leave out the rows that rest on this source.",
    )
    address = cells.str.match(r"(?i)(http|www)").fillna(False).astype(bool)
    broken = address & ~cells.str.fullmatch(_ADDRESS.pattern).fillna(False).astype(bool)
    return faults + flag(
        table,
        broken,
        "path",
        "an address starts with http:// or https:// and holds no spaces",
        "Give one address in full.",
    )


def _order_faults(table: Table) -> list[Fault]:
    faults: list[Fault] = []
    for first, last in _ORDERED:
        if not table.has(first, last):
            continue
        low, high = _comparable(table, first, 0), _comparable(table, last, 1)
        if low is None or high is None or (low.dtype.kind == "M") != (high.dtype.kind == "M"):
            continue
        wrong = (low > high).fillna(False).astype(bool)
        faults += [
            Fault(
                f"{table.where}, row {row}, columns '{first}' and '{last}'",
                f"'{first}' is not above '{last}'",
                f"{table.text.at[row, first]} and {table.text.at[row, last]}",
                "Check both; they may be swapped.",
            )
            for row in table.frame.index[wrong]
        ]
    return faults


def _comparable(table: Table, column: str, end: int) -> pd.Series | None:
    """Return numbers or dates; of a date that is a month or year its first or last day."""
    cells = table.frame[column]
    if cells.dtype.kind in "iufM":
        return cells
    if column not in _DATES or not pd.api.types.is_string_dtype(cells):
        return None
    bounds_of = {
        text: pd.Timestamp(period_bounds(text)[end])
        for text in cells.dropna().unique()
        if date_problem(text) is None
    }
    return pd.to_datetime(cells.map(bounds_of))


def _range_faults(table: Table) -> list[Fault]:
    faults: list[Fault] = []
    for column, (low, high) in _RANGES.items():
        if table.has(column) and table.frame[column].dtype.kind in "iuf":
            cells = table.frame[column]
            faults += flag(
                table,
                (cells < low) | (cells > high),
                column,
                f"a {column} lies between {low:g} and {high:g} degrees",
            )
    return faults


def _value_faults(table: Table, declared: Mapping[str, Mapping[str, Any]]) -> list[Fault]:
    if not table.has("indicator", "value", "unit"):
        return []
    names, values = table.text["indicator"], table.frame["value"]
    faults = flag(
        table,
        ~names.isin(declared),
        "indicator",
        "an indicator is declared in a descriptor",
        lambda found: (
            meant(found, declared) or "Declare it under threatkit.indicators in datapackage.json."
        ),
    )
    if values.dtype.kind not in "iuf":
        return [
            *faults,
            Fault(
                f"{table.where}, column 'value'",
                "the schema declares 'value' as a number",
                table.resource.columns[table.resource.names.index("value")].type,
                'Write "type": "number" in datapackage.json.',
            ),
        ]
    faults += flag(
        table,
        table.text["value"].isna(),
        "value",
        "a row holds a value",
        "Leave the row out where the value is unknown.",
    )
    for name in names.dropna().unique():
        if name in declared:
            faults += _indicator_faults(table, names == name, declared[name])
    return faults + duplicate_faults(table, VALUES_KEY, "one fact of one source")


def _indicator_faults(
    table: Table, rows: "pd.Series[bool]", item: Mapping[str, Any]
) -> list[Fault]:
    name, unit = item["name"], item.get("unit")
    values = table.frame["value"]
    faults = []
    if isinstance(unit, str) and unit:
        faults += flag(
            table,
            rows & (table.text["unit"] != unit),
            "unit",
            f"indicator '{name}' is given in '{unit}'",
            f"Convert the value and write '{unit}'.",
        )
    low, high = bounds(item)
    if low is not None and high is not None and low >= high:
        return faults
    what = "a share" if item.get("measure") == "share" else f"indicator '{name}'"
    if low is not None and high is not None:
        outside = (values < low) | (values > high)
        rule = f"{what} lies between {low:g} and {high:g}"
    elif low is not None:
        outside, rule = values < low, f"{what} is at least {low:g}"
    elif high is not None:
        outside, rule = values > high, f"{what} is at most {high:g}"
    else:
        outside, rule = values.isna() & False, ""
    faults += flag(
        table,
        rows & outside,
        "value",
        f"{rule} ({name}, {unit})" if what == "a share" else f"{rule} ({unit})",
        "Check the value and its unit.",
    )
    floor = {"log": 0.0, "log1p": -1.0}.get(str(item.get("transform")))
    if floor is not None:
        faults += flag(
            table,
            rows & (values <= floor) & ~outside,
            "value",
            f"indicator '{name}' has the transform {item['transform']}, "
            f"which needs values above {floor:g}",
            "Declare the transform log1p or identity." if floor == 0 else "",
        )
    return faults
