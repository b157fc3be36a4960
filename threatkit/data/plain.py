"""Plain CSV files read in whole columns, and their faults told by file, row and column.

A million rows are read in a second or two: nothing is done row by row but the telling of
faults, of which each rule tells the first few and counts the rest. Rows are numbered as an
editor numbers lines: the header is row 1.
"""

import csv
import re
import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from threatkit.data.wording import meant
from threatkit.errors import Fault

FloatArray = NDArray[np.float64]

#: Faults of one rule in one column that are told one by one.
SHOWN = 5
#: What an empty cell of a column of numbers may hold.
MISSING = ("", "NA", "NaN", "nan")
#: Numbers beyond this are no longer told apart from their neighbours.
LARGEST = 2.0**53

_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


@dataclass(frozen=True)
class PlainTable:
    """A CSV file as text.

    Attributes
    ----------
    where
        The file, for messages.
    text
        Cells, stripped; empty where nothing stands. The index is the row in the file.
    """

    where: str
    text: pd.DataFrame

    def at(self, row: int, column: str) -> str:
        """Name a cell, for messages; ``row`` counts the rows of ``text`` from 0."""
        return f"{self.where}, row {self.text.index[row]}, column '{column}'"


def read_plain(
    path: Path, columns: Sequence[str], faults: list[Fault], *, may_be_empty: bool = False
) -> PlainTable | None:
    """Read the named columns of a CSV; others are ignored.

    Parameters
    ----------
    path
        The file, UTF-8, separated by commas.
    columns
        Names of the columns that must be there.
    faults
        Grows with every fault.
    may_be_empty
        Whether a header without rows is a table.

    Returns
    -------
    The table, or None where a fault of the file itself prevents that.
    """
    where = path.name
    found = _header(path, faults)
    if found is None:
        return None
    before = len(faults)
    faults += _header_faults(where, found, columns)
    if len(faults) > before:
        return None
    frame = _frame(path, columns, faults)
    if frame is None:
        return None
    frame = frame.fillna("").apply(lambda cells: cells.str.strip())
    frame.index = pd.RangeIndex(2, 2 + len(frame), name="row")
    frame = frame[(frame != "").any(axis=1)]
    if frame.empty and not may_be_empty:
        faults.append(Fault(where, "a table has at least one row under its header", "none"))
        return None
    return PlainTable(where, frame)


def header(path: Path) -> list[str]:
    """Return the names of a file's columns; none where it cannot be read."""
    return _header(path, []) or []


def _header(path: Path, faults: list[Fault]) -> list[str] | None:
    """Return the names of a file's columns."""
    where = path.name
    try:
        with path.open("rb") as stream:
            raw = stream.readline(1_000_000)
    except OSError as error:
        faults.append(Fault(where, f"this file cannot be read ({error.strerror})"))
        return None
    if not raw.strip(b"\xef\xbb\xbf \t\r\n"):
        remedy = "Write the names of the columns into its first row"
        faults.append(Fault(where, "a table begins with a header", "an empty row", remedy))
        return None
    if b"\0" in raw:
        faults.append(Fault(where, "a CSV is text in UTF-8", "NUL bytes", "Save it as 'CSV UTF-8'"))
        return None
    try:
        line = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        faults.append(_not_utf8(where, error))
        return None
    return [name.strip() for name in next(csv.reader([line.strip("\r\n")]), [])]


def _not_utf8(where: str, error: UnicodeDecodeError) -> Fault:
    found = f"byte 0x{error.object[error.start]:02x}"
    return Fault(where, "a CSV is text in UTF-8", found, "Save it as 'CSV UTF-8'")


def _header_faults(where: str, found: list[str], columns: Sequence[str]) -> list[Fault]:
    at = f"{where}, row 1"
    faults = [
        Fault(at, "a column stands once in the header", f"'{name}' twice")
        for name in dict.fromkeys(columns)
        if found.count(name) > 1
    ]
    missing = [name for name in dict.fromkeys(columns) if name not in found]
    other = next((mark for mark in _SEPARATORS if mark in "".join(found)), None)
    if missing and len(found) == 1 and other is not None:
        fault = Fault(
            at, "cells are separated by commas", _SEPARATORS[other], "Save it with commas"
        )
        return [*faults, fault]
    return faults + [
        Fault(
            at,
            f"the table needs a column '{name}'",
            f"columns {', '.join(found)}",
            meant(name, found),
        )
        for name in missing
    ]


def _frame(path: Path, columns: Sequence[str], faults: list[Fault]) -> pd.DataFrame | None:
    where = path.name
    wanted = list(dict.fromkeys(columns))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                path,
                dtype="str",
                keep_default_na=False,
                encoding="utf-8-sig",
                index_col=False,
                skip_blank_lines=False,
                skipinitialspace=True,
            )
    except UnicodeDecodeError as error:
        faults.append(_not_utf8(where, error))
    except pd.errors.ParserWarning:
        faults.append(Fault(where, "a row has as many cells as the header", "more in every row"))
    except pd.errors.ParserError as error:
        faults.append(_form_fault(where, str(error)))
    else:
        frame.columns = pd.Index([str(name).strip() for name in frame.columns])
        return frame[wanted]
    return None


def _form_fault(where: str, message: str) -> Fault:
    match = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message)
    if match is None:
        words = " ".join(message.replace("Error tokenizing data. C error: ", "").split())
        return Fault(where, "a CSV has closed quotes and whole rows", words)
    return Fault(
        f"{where}, row {match[2]}",
        f"a row has {match[1]} cells like the header",
        match[3],
        "Quote a cell that holds a comma, and write decimals with a point",
    )


def numbers(
    table: PlainTable, column: str, faults: list[Fault], *, what: str = "a number"
) -> FloatArray:
    """Return a column as numbers, NaN where its cell is empty; text is a fault."""
    text = table.text[column]
    empty = text.isin(MISSING).to_numpy(dtype=bool)
    values = np.array(pd.to_numeric(text.mask(empty), errors="coerce"), dtype=np.float64)
    finite = np.isfinite(values) & (np.abs(values) <= LARGEST)
    flag(
        table,
        ~empty & ~finite,
        column,
        f"this is {what}",
        faults,
        "Write digits with a decimal point, or leave the cell empty where it is unknown",
    )
    return np.where(finite, values, np.nan)


def flag(
    table: PlainTable,
    bad: NDArray[np.bool_],
    column: str,
    rule: str,
    faults: list[Fault],
    remedy: str | Callable[[str], str] = "",
) -> None:
    """Add a fault for each of the first bad cells of a column, and one that counts the rest.

    Parameters
    ----------
    table
        The table.
    bad
        Shape (row,), true where the cell breaks the rule.
    column
        The column of the cell.
    rule
        The rule that is broken.
    faults
        Grows with the faults.
    remedy
        The way out, or a function of the value found that returns it.
    """
    rows = np.flatnonzero(bad)
    for row in rows[:SHOWN]:
        found = str(table.text[column].iloc[row])
        way_out = remedy(found) if callable(remedy) else remedy
        shown = repr(found[:60]) if found else "an empty cell"
        faults.append(Fault(table.at(int(row), column), rule, shown, way_out))
    if len(rows) > SHOWN:
        more = f"{len(rows) - SHOWN:,} more rows"
        faults.append(Fault(f"{table.where}, column '{column}'", rule, more))


def codes(table: PlainTable, column: str, faults: list[Fault], *, thing: str) -> pd.Index:
    """Return a column as the codes of things that stand in one row each."""
    found = pd.Index(table.text[column])
    flag(table, np.asarray(found == ""), column, f"{thing} has a code", faults)
    again = found.duplicated() & (found != "")
    flag(table, np.asarray(again), column, f"{thing} stands in one row", faults)
    return found


def positions(
    table: PlainTable,
    column: str,
    known: pd.Index,
    faults: list[Fault],
    *,
    rule: str,
) -> NDArray[np.intp]:
    """Return where the cells of a column stand among known codes, -1 for those unknown."""
    place = known.get_indexer(pd.Index(table.text[column]))
    words: Collection[str] = [str(code) for code in known] if (place < 0).any() else []
    flag(table, place < 0, column, rule, faults, lambda found: meant(found, words))
    return np.asarray(place, dtype=np.intp)
