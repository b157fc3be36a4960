"""The record of frozen forecasts as plain data, for whoever shows it."""

from pathlib import Path
from typing import Any

import numpy as np

from threatkit.data.catalogue import Catalogue
from threatkit.evaluate.ledger import score, verify

#: Columns of `ledger.score` that a reader sees.
_SHOWN = (
    *("run_id", "frozen", "start", "end", "frozen_ahead", "status", "part", "districts"),
    *("expected", "observed", "brier", "log_score", "average_precision"),
)


def summary(ledger: Path, catalogue: Catalogue | None = None) -> dict[str, Any]:
    """Return the record of a ledger as JSON types.

    Parameters
    ----------
    ledger
        File of JSON lines; verified first. One that does not exist is a record without lines.
    catalogue
        Data packages with the events of today; without it no forecast is scored.

    Returns
    -------
    dict
        ``head``: hash of the last line, None without lines; ``frozen``, ``ahead``, ``scored``:
        numbers of forecasts, of those frozen before their start, and of those ahead with an
        outcome that a source covers at least in part; ``forecasts``: a list, oldest first, with
        the columns of `threatkit.evaluate.ledger.score`, None where there is no score.

    Raises
    ------
    InvalidInput
        If the ledger was changed.
    """
    if not ledger.exists() and not ledger.with_name(f"{ledger.name}.head").exists():
        return {"head": None, "frozen": 0, "ahead": 0, "scored": 0, "forecasts": []}
    lines = verify(ledger)
    if catalogue is None:
        rows = [_unscored(line) for line in lines]
    else:
        frame = score(ledger, catalogue).reset_index()
        rows = [_plain(dict(row)) for row in frame.to_dict("records")]
    ahead = [row for row in rows if row["frozen_ahead"]]
    return {
        "head": lines[-1]["hash"] if lines else None,
        "frozen": len(rows),
        "ahead": len(ahead),
        "scored": sum(row["brier"] is not None for row in ahead),
        "forecasts": rows,
    }


def _unscored(line: dict[str, Any]) -> dict[str, Any]:
    said = line["forecast"]
    row = dict.fromkeys(("line", *_SHOWN))
    own = {name: said[name] for name in ("run_id", "start", "end")}
    ahead = line["frozen"][:10] < said["start"]
    return (
        row
        | own
        | {
            "line": line["line"],
            "frozen": line["frozen"],
            "frozen_ahead": ahead,
            "status": "not scored",
        }
    )


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    """Return a row with Python's own types, and None for what is not a number."""
    plain: dict[str, Any] = {}
    for name in ("line", *_SHOWN):
        value = row[name].item() if isinstance(row[name], np.generic) else row[name]
        plain[name] = None if value != value else value
    return plain
