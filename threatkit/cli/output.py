"""Frames on stdout, as a table for people, or as CSV or JSON for programs."""

import json
import sys
from typing import TYPE_CHECKING

import click

from threatkit.cli.options import Format

if TYPE_CHECKING:
    import pandas as pd


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

    from threatkit.csvtext import cell_text

    flat = _flat(frame)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name, dtype in zip(flat.columns, flat.dtypes, strict=True):
        right = dtype.kind in "iuf"
        table.add_column(Text(str(name)), justify="right" if right else "left", overflow="fold")
    for row in flat.itertuples(index=False):
        table.add_row(
            *(
                Text(_printable(f"{value:.3g}" if _is_small(value) else cell_text(value)))
                for value in row
            )
        )
    console = Console(file=sys.stdout, soft_wrap=False)
    width = console.width if sys.stdout.isatty() else 400
    console.print(table, width=width)


def _is_small(value: object) -> bool:
    return isinstance(value, float) and value == value and abs(value) < 1000


def _printable(text: str) -> str:
    """Replace characters that would steer the terminal."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
