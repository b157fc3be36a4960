"""Turn the text of a table into typed columns, and point at the cells that cannot be.

Types after reading: text ``str`` (missing stays missing), whole numbers ``Int64``, numbers
``float64`` (missing is NaN), true or false ``boolean``, dates ``datetime64``, years
``Int64``. The index is the row in the file.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from threatkit.data.reading import RawTable
from threatkit.data.schema import Column, Resource
from threatkit.data.wording import numbered_rows
from threatkit.errors import Fault

TRUE = ("true", "True", "TRUE", "1")
FALSE = ("false", "False", "FALSE", "0")

_INTEGER = r"[+-]?[0-9]{1,18}"
_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_YEAR = r"[0-9]{4}"
_NOT_FINITE = r"(?i)[+-]?(?:nan|na|n/a|null|none|inf|infinity|\.|-|\.\.)"
_COMMA = r"[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?"
_GROUPED = "[+-]?[0-9]{1,3}(?:[  \u202f',][0-9]{3})+(?:[.,][0-9]+)?"
_CONTROL = r"[\x00-\x08\x0b-\x1f\x7f-\x9f]"


@dataclass(frozen=True)
class Table:
    """A table with its cells both as text and typed.

    Attributes
    ----------
    where
        The file, for messages.
    resource
        What the descriptor says of it.
    text
        Cells as they stand in the file, indexed by row.
    frame
        The same cells typed; a cell that could not be read is missing.
    """

    where: str
    resource: Resource
    text: pd.DataFrame
    frame: pd.DataFrame

    def has(self, *columns: str) -> bool:
        """Return whether all these columns are there."""
        return set(columns) <= set(self.frame.columns)


Remedy = str | Callable[[str], str]


def flag(
    table: Table | RawTable,
    bad: "pd.Series[bool]",
    column: str,
    rule: str,
    remedy: Remedy = "",
) -> list[Fault]:
    """Make a fault for each different value among the bad cells, naming all its rows.

    Parameters
    ----------
    table
        The table.
    bad
        True where the cell breaks the rule; missing counts as false.
    column
        The column of the cell.
    rule
        The rule that is broken.
    remedy
        The way out, or a function of the value found that returns it.
    """
    mask = bad.fillna(False).to_numpy(dtype=bool)
    if not mask.any():
        return []
    cells = table.text[column].fillna("")[mask]
    faults = []
    for found, rows in cells.groupby(cells, sort=False).groups.items():
        numbers = [int(row) for row in rows]
        faults.append(
            Fault(
                f"{table.where}, {numbered_rows(numbers)}, column '{column}'",
                rule,
                _quoted(str(found)),
                remedy(str(found)) if callable(remedy) else remedy,
            )
        )
    return faults


def typed_table(raw: RawTable, resource: Resource) -> tuple[Table, list[Fault]]:
    """Type every column of a table by its schema.

    Returns
    -------
    The table, and a fault for each cell that is not of its type or holds a control
    character.
    """
    faults: list[Fault] = []
    typed: dict[str, pd.Series] = {}
    text = raw.text.mask(raw.text.isin(resource.missing))
    raw = RawTable(raw.where, text, raw.sha256)
    for column in resource.columns:
        if column.name not in text.columns:
            continue
        cells = text[column.name]
        control = cells.str.contains(_CONTROL, regex=True)
        faults += flag(
            raw,
            control,
            column.name,
            "text holds no control characters but tab and line feed",
            "Delete them.",
        )
        typed[column.name], found = _typed(raw, cells.mask(_true(control)), column)
        faults += found
    return Table(raw.where, resource, text, pd.DataFrame(typed, index=text.index)), faults


def _typed(raw: RawTable, cells: pd.Series, column: Column) -> tuple[pd.Series, list[Fault]]:
    match column.type:
        case "number":
            return _numbers(raw, cells, column)
        case "integer":
            good = cells.str.fullmatch(_INTEGER)
            return _kept(cells, good).astype("Int64"), _number_faults(
                raw, cells, good, column, "a whole number"
            )
        case "year":
            good = cells.str.fullmatch(_YEAR)
            return _kept(cells, good).astype("Int64"), flag(
                raw,
                _unread(cells, good),
                column.name,
                "a year has four digits",
                "Write it as 2024.",
            )
        case "boolean":
            good = cells.isin([*TRUE, *FALSE])
            return (
                cells.map({**dict.fromkeys(TRUE, True), **dict.fromkeys(FALSE, False)}).astype(
                    "boolean"
                ),
                flag(
                    raw,
                    ~good & cells.notna(),
                    column.name,
                    "the value is true or false",
                    "Write true or false, or 1 or 0.",
                ),
            )
        case "date":
            shaped = cells.str.fullmatch(_DATE)
            dates = pd.to_datetime(_kept(cells, shaped), format="%Y-%m-%d", errors="coerce")
            return dates, flag(
                raw,
                dates.isna() & cells.notna(),
                column.name,
                "a date exists and is written as year-month-day",
                "Write it as 2024-05-17.",
            )
        case _:
            return cells, []


def _numbers(raw: RawTable, cells: pd.Series, column: Column) -> tuple[pd.Series, list[Fault]]:
    read = cells
    if column.decimal != ".":
        read = cells.str.replace(column.decimal, ".", regex=False)
    good = read.str.fullmatch(_NUMBER)
    numbers = _kept(read, good).astype("float64")
    finite = _true(good) & ~numbers.isin([float("inf"), float("-inf")])
    return numbers.where(finite), _number_faults(raw, cells, finite, column, "a number")


def _number_faults(
    raw: RawTable, cells: pd.Series, good: pd.Series, column: Column, what: str
) -> list[Fault]:
    bad = _unread(cells, good)
    if not bad.any():
        return []
    empty = bad & _true(cells.str.fullmatch(_NOT_FINITE))
    if column.type == "number":
        empty |= bad & _true(cells.str.fullmatch(_NUMBER))  # too large: 1e999
    comma = bad & ~empty & _true(cells.str.fullmatch(_COMMA))
    grouped = bad & ~empty & ~comma & _true(cells.str.fullmatch(_GROUPED))
    other = bad & ~empty & ~comma & ~grouped
    name = column.name
    return [
        *flag(
            raw,
            empty,
            name,
            "a number is finite",
            "Leave the cell empty, or the row out, where the value is unknown.",
        ),
        *flag(
            raw,
            comma,
            name,
            "decimals are written with a point, thousands without a separator",
            lambda found: f"Write {found.replace(',', '.')} or {found.replace(',', '')}.",
        ),
        *flag(
            raw,
            grouped,
            name,
            "thousands are written without a separator",
            "Delete the separators.",
        ),
        *flag(
            raw,
            other,
            name,
            f"the value is {what}",
            lambda found: (
                f"Write {found.partition('.')[0]}."
                if re.fullmatch(r"[+-]?[0-9]+\.0*", found)
                else "Write nothing but digits; units and remarks belong into 'note'."
            ),
        ),
    ]


def _kept(cells: pd.Series, good: pd.Series) -> pd.Series:
    return cells.where(_true(good))


def _true(mask: pd.Series) -> pd.Series:
    return mask.fillna(False).astype(bool)


def _unread(cells: pd.Series, good: pd.Series) -> pd.Series:
    """Return True where a cell is filled and was not read."""
    return cells.notna() & ~_true(good)


def _quoted(text: str) -> str:
    shortened = text if len(text) <= 80 else f"{text[:77]}..."
    return repr(shortened) if text else "an empty cell"
