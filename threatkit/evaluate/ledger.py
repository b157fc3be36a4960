"""The record of what was forecast: lines that are only ever added, chained by their hashes.

Each line of a ledger is JSON with its number, the hash of the line before, a forecast and its
own hash. Beside the ledger lies ``<ledger>.head`` with the number of lines and the last hash,
so that a line missing from the end is found too. Who can rewrite both files can still rewrite
history: publish the head, or keep it elsewhere, and give it to `verify`.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from threatkit.config import parse_config
from threatkit.data.catalogue import Catalogue
from threatkit.errors import Fault, GateNotMet, InvalidInput
from threatkit.evaluate import proper
from threatkit.evaluate.window import window
from threatkit.store import RunFolder, read_record

GENESIS = "0" * 64
_KEYS = {"line", "previous", "frozen", "forecast", "hash"}
_DRAWS = "posterior.nc"
_FLOOR = 1e-4
_REMEDY = "Take the ledger as it was from your backup or version control"


def freeze(run: Path, ledger: Path, *, now: datetime | None = None) -> dict[str, Any]:
    """Add the forecast of a finished run to a ledger and return its line.

    Parameters
    ----------
    run
        Folder of a finished run that met its gate.
    ledger
        File of JSON lines; made if it does not exist.
    now
        The moment of freezing; the present by default.

    Raises
    ------
    InvalidInput
        If the run is not whole or is in the ledger already, or the ledger was changed.
    GateNotMet
        If the run must not be used.
    OutputFailed
        If the ledger cannot be written.
    """
    if ledger.name.startswith("."):
        raise InvalidInput(
            Fault(
                str(ledger), "a ledger's name does not begin with a dot", ledger.name, "Rename it"
            )
        )
    forecast = forecast_of(run)
    stamp = (now or datetime.now(UTC)).isoformat(timespec="seconds")
    place = ledger.absolute().parent
    with RunFolder(place, mode="update", elsewhere="another file with --ledger") as folder:
        lines = verify(ledger) if ledger.exists() or _head_path(ledger).exists() else []
        for line in lines:
            if line["forecast"]["draws"] == forecast["draws"]:
                raise InvalidInput(
                    Fault(
                        str(run),
                        "a run is frozen once",
                        f"its draws in line {line['line']} of {ledger}",
                        "Nothing needs to be done",
                    )
                )
        line = {
            "line": len(lines) + 1,
            "previous": lines[-1]["hash"] if lines else GENESIS,
            "frozen": stamp,
            "forecast": forecast,
        }
        line["hash"] = line_hash(line)
        folder.write_text(ledger.name, "".join(_text(each) + "\n" for each in [*lines, line]))
        head = {"lines": line["line"], "hash": line["hash"]}
        folder.write_text(_head_path(ledger).name, _text(head) + "\n")
    return line


def forecast_of(run: Path) -> dict[str, Any]:
    """Return what a ledger keeps of a finished run.

    Raises
    ------
    InvalidInput
        If the run is not whole, or its draws are not those that it recorded.
    GateNotMet
        If the run must not be used.
    """
    # The file of draws needs the sampler's libraries, which verifying and scoring do without.
    from threatkit.archive import read_forecast

    record = read_record(run)
    missing = [name for name in ("run_id", "files", "inputs", "config", "diagnostics", "as_of")
               if name not in record]  # fmt: skip
    if missing:
        raise InvalidInput(
            Fault(
                f"{run}/run.json", "a record is whole", f"no {', '.join(missing)}", "Run it again"
            )
        )
    if not record["diagnostics"].get("passed"):
        raise GateNotMet(f"{run}: the run did not meet its gate; it is not frozen. Run it again")
    made, _, _ = read_forecast(Path(run) / _DRAWS)
    with (Path(run) / _DRAWS).open("rb") as stream:
        draws = hashlib.file_digest(stream, "sha256").hexdigest()
    if draws != record["files"].get(_DRAWS):
        raise InvalidInput(
            Fault(
                f"{run}/{_DRAWS}",
                "the draws are those that the run recorded",
                f"hash {draws}",
                "Run it again",
            )
        )
    config = parse_config(record["config"], name=f"{run}/run.json")
    known = made.people > 0
    seen = {} if config.model.detection else {"partial_coverage": config.model.partial_coverage}
    prob, expected = made.event_prob.mean(axis=0), made.expected.mean(axis=0)
    return {
        "run_id": record["run_id"],
        "threatkit": record.get("threatkit", ""),
        "as_of": record["as_of"],
        "start": made.start.isoformat(),
        "end": made.end.isoformat(),
        "event_types": list(config.event_types),
        "require_death": config.require_death,
        **seen,
        "inputs": hashlib.sha256(_text(record["inputs"]).encode()).hexdigest(),
        "draws": draws,
        "event_prob": {
            str(code): float(f"{value:.6g}")
            for code, value in zip(made.districts.index[known], prob[known], strict=True)
        },
        "expected_episodes": {
            str(code): float(f"{value:.6g}")
            for code, value in zip(made.districts.index[known], expected[known], strict=True)
        },
    }


def line_hash(line: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a line in canonical JSON, without its own hash."""
    body = {key: value for key, value in line.items() if key != "hash"}
    return hashlib.sha256(_text(body).encode()).hexdigest()


def verify(ledger: Path, *, head: str | None = None) -> list[dict[str, Any]]:
    """Return the lines of a ledger whose chain is whole.

    Parameters
    ----------
    ledger
        File of JSON lines.
    head
        A hash that was published as the last one: it has to stand in the chain still.

    Raises
    ------
    InvalidInput
        With every line that was edited, removed, added or moved.
    """
    faults: list[Fault] = []
    lines: list[dict[str, Any]] = []
    previous = GENESIS
    for number, text in enumerate(_read(ledger).split("\n")[:-1], start=1):
        line, fault = _checked(f"{ledger}, line {number}", text, number, previous)
        if fault is not None:
            faults.append(fault)
        previous = str(line.get("hash", ""))
        lines.append(line)
    faults += _head_faults(ledger, lines, head)
    if faults:
        raise InvalidInput(faults)
    return lines


def _read(ledger: Path) -> str:
    try:
        with ledger.open(encoding="utf-8", newline="") as stream:
            text = stream.read()
    except FileNotFoundError:
        raise InvalidInput(
            Fault(str(ledger), "a ledger exists", "no such file", "Freeze a run into it first")
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(Fault(str(ledger), "a ledger can be read", str(error))) from None
    if not text.endswith("\n"):
        raise InvalidInput(
            Fault(str(ledger), "the last line of a ledger is whole", "a cut or empty one", _REMEDY)
        )
    return text


def _checked(
    where: str, text: str, number: int, previous: str
) -> tuple[dict[str, Any], Fault | None]:
    """Return a line and what is wrong with it."""
    try:
        line = json.loads(text)
        if not isinstance(line, dict) or not set(line) >= _KEYS:
            return {}, Fault(where, "a line is a frozen forecast", "something else", _REMEDY)
        whole = line["hash"] == line_hash(line) and _text(line) == text
    except (ValueError, RecursionError) as error:
        return {}, Fault(where, "a line is JSON as it was written", str(error), _REMEDY)
    if not whole:
        return line, Fault(where, "a line's hash is that of its content", "an edited line", _REMEDY)
    if line["previous"] != previous or line["line"] != number:
        return line, Fault(
            where,
            "a line follows the one before it",
            f"line {line['line']}, whose chain is broken: lines were removed, added or moved",
            _REMEDY,
        )
    return line, None


def _head_faults(ledger: Path, lines: list[dict[str, Any]], head: str | None) -> list[Fault]:
    """Return what the head file, and a head that was published, say against the lines."""
    path = _head_path(ledger)
    hashes = [line.get("hash") for line in lines]
    faults = []
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        kept = None
    if not isinstance(kept, dict) or kept.get("lines") != len(lines) or kept.get("hash") != (
        hashes[-1] if hashes else None
    ):  # fmt: skip
        said = f"{kept['lines']} lines" if isinstance(kept, dict) and "lines" in kept else "none"
        faults.append(
            Fault(
                str(path),
                f"the head names the last of {len(lines)} lines",
                f"{said}: lines were removed from the end, or added by other means",
                _REMEDY,
            )
        )
    if head is not None and head not in hashes:
        faults.append(
            Fault(str(ledger), f"the published head {head} stands in the chain", "no such line",
                  _REMEDY)
        )  # fmt: skip
    return faults


def score(ledger: Path, catalogue: Catalogue) -> pd.DataFrame:
    """Score every frozen forecast against what is known by now.

    A window that sources cover in part is scored on that part, with each probability p
    lowered to 1 - (1 - p)^part. Where sources list a part only of what happens, the part that a
    forecast states as ``partial_coverage`` lowers p in the same way: what is scored is what goes
    on record. What no source covers yet is missing, never zero.

    Parameters
    ----------
    ledger
        File of JSON lines; verified first.
    catalogue
        Checked data packages, with the events of today.

    Returns
    -------
    DataFrame
        Index line; run_id, frozen, start, end, frozen_ahead (whether before its start),
        status (covered | partly covered | not covered yet), part (mean covered part of the
        window), districts (scored), expected, observed (districts with an episode), brier,
        log_score, average_precision.
    """
    rows = [_scored(line, catalogue) for line in verify(ledger)]
    return pd.DataFrame(rows).set_index("line")


def _scored(line: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    said = line["forecast"]
    start, end = (datetime.fromisoformat(said[name]).date() for name in ("start", "end"))
    codes = list(said["event_prob"])
    happened = window(
        catalogue,
        codes,
        start=start,
        end=end,
        event_types=said["event_types"],
        require_death=said["require_death"],
    )
    known = happened.part > 0
    row = {
        "line": line["line"],
        "run_id": said["run_id"],
        "frozen": line["frozen"],
        "start": said["start"],
        "end": said["end"],
        "frozen_ahead": datetime.fromisoformat(line["frozen"]).date() < start,
        "status": "not covered yet",
        "part": float(happened.part.mean()),
        "districts": int(known.sum()),
        **dict.fromkeys(
            ("expected", "observed", "brier", "log_score", "average_precision"), np.nan
        ),
    }
    if not known.any():
        return row
    part, event = happened.part[known], happened.event[known]
    seen = np.where(happened.partly[known], said.get("partial_coverage", 1.0), 1.0)
    full = np.array([said["event_prob"][code] for code in codes])[known]
    prob = 1.0 - (1.0 - full) ** (part * seen)
    return row | {
        "status": "covered" if (happened.part >= 1.0).all() else "partly covered",
        "expected": float(prob.sum()),
        "observed": float(event.sum()),
        "brier": float(proper.brier(prob, event).mean()),
        "log_score": float(proper.log_score(prob, event, floor=_FLOOR).mean()),
        "average_precision": proper.average_precision(prob, event),
    }


def _head_path(ledger: Path) -> Path:
    return ledger.with_name(f"{ledger.name}.head")


def _text(value: object) -> str:
    """Return canonical JSON: one text for one value."""
    return json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )
