"""Frames on stdout, as a table for people, or as CSV or JSON for programs."""

import json
import sys
from typing import TYPE_CHECKING

import click

from threatkit.cli.options import Format

if TYPE_CHECKING:
    import pandas as pd

#: Cells up to this length are never broken; a table for no terminal is at most this wide.
_SHORT, _WIDE = 24, 2000


def print_frame(frame: "pd.DataFrame", form: Format) -> None:
    """Print a frame, its named index first.

    Parameters
    ----------
    frame
        The data.
    form
        ``table`` rounds to three digits; ``csv`` is as in files; ``json`` is a list of objects.
    """
    if form == "csv":
        from threatkit.csvtext import frame_text

        click.echo(frame_text(frame), nl=False)
    elif form == "json":
        click.echo(_json_text(frame))
    else:
        _print_table(frame)


def _flat(frame: "pd.DataFrame") -> "pd.DataFrame":
    named = [level for level in frame.index.names if level is not None]
    return frame.reset_index(level=named) if named else frame


def _json_text(frame: "pd.DataFrame") -> str:
    text = _flat(frame).to_json(orient="records", force_ascii=False, date_format="iso")
    return json.dumps(json.loads(text), ensure_ascii=False, indent=1)


def _print_table(frame: "pd.DataFrame") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    flat = _flat(frame)
    rows = [[_shown(value) for value in row] for row in flat.itertuples(index=False)]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for place, (name, dtype) in enumerate(zip(flat.columns, flat.dtypes, strict=True)):
        longest = max((len(row[place]) for row in rows), default=0)
        table.add_column(
            Text(str(name)),
            justify="right" if dtype.kind in "iuf" else "left",
            no_wrap=longest <= _SHORT,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*map(Text, row))
    width = None if sys.stdout.isatty() else _WIDE
    Console(file=sys.stdout, width=width).print(table)


def _shown(value: object) -> str:
    small = isinstance(value, float) and value == value and abs(value) < 1000
    from threatkit.csvtext import cell_text

    return _printable(f"{value:.3g}" if small else cell_text(value))


def _printable(text: str) -> str:
    """Replace characters that would steer the terminal."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
