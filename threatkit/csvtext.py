"""Frames as CSV text that spreadsheets cannot mistake for formulas, and back.

Numbers have six significant digits, and one decimal from 100,000 on; a missing value is an
empty cell; dates are ISO; truth is ``true`` or ``false``. A text that a spreadsheet would
run (it begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return) gets one
apostrophe in front, which `read_frame` takes away again, so that nothing is lost.
"""

import csv
import io
import logging
import math
import re
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

log = logging.getLogger(__name__)

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")


def guard(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would run; see `unguard`."""
    return "'" + text if _FORMULA.match(text) else text


def unguard(text: str) -> str:
    """Undo `guard`."""
    return text[1:] if _GUARDED.match(text) else text


def number_text(value: float) -> str:
    """Write a number with six significant digits, one decimal from 100,000 on.

    Raises
    ------
    ValueError
        If the number is infinite.
    """
    if math.isnan(value):
        return ""
    if math.isinf(value):
        raise ValueError("an infinite number is no result")
    text = f"{value:.1f}" if abs(value) >= 1e5 else f"{value:.6g}"
    if "." in text and "e" not in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def named_columns(frame: pd.DataFrame) -> list[str]:
    """Return the names of a frame's named index levels, then of its columns."""
    return [*(str(n) for n in frame.index.names if n is not None), *map(str, frame.columns)]


def frame_text(frame: pd.DataFrame, *, name: str = "table") -> str:
    """Return a frame as CSV with LF line ends; index levels with a name come first.

    Raises
    ------
    ValueError
        If a number is infinite; it names the column.
    """
    named = [level for level in frame.index.names if level is not None]
    table = frame.reset_index(level=named) if named else frame
    columns = [_cells(table[column], f"{name}, column '{column}'") for column in table.columns]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(map(str, table.columns))
    writer.writerows(zip(*columns, strict=True))
    return stream.getvalue()


def read_frame(path: Path, *, dtypes: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """Read a CSV that `frame_text` wrote; only an empty cell is missing.

    Parameters
    ----------
    path
        The file.
    dtypes
        Type by column, where it must not be guessed (``{"district": "string"}``).
    """
    frame = pd.read_csv(path, dtype=dtypes, keep_default_na=False, na_values=[""])
    for column in frame.columns:
        if pd.api.types.is_string_dtype(frame[column].dtype):
            frame[column] = frame[column].map(_unguarded, na_action="ignore")
    return frame


def _unguarded(value: object) -> object:
    return unguard(value) if isinstance(value, str) else value


def cell_text(value: object) -> str:
    """Return the text of one value; empty where it is missing."""
    if isinstance(value, str):
        return value
    if value is None or value is pd.NA or value is pd.NaT:
        return ""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating):
        return number_text(float(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else str(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def _cells(column: "pd.Series[Any]", where: str) -> list[str]:
    guarded = 0
    cells = []
    for value in column.astype(object):
        try:
            text = cell_text(value)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        if isinstance(value, str):
            safe = guard(text)
            guarded += safe != text
            text = safe
        cells.append(text)
    if guarded:
        log.warning("%s: %d texts look like formulas and get an apostrophe", where, guarded)
    return cells
