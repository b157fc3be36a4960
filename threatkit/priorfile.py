"""A file of priors that experts were asked for: what is new is added, all else in it stays."""

import json
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from threatkit.errors import Fault, InvalidInput
from threatkit.options import Elicitation
from threatkit.wholefile import output_errors, write_whole

ELSEWHERE = "another file with --out"
#: How a new file begins.
HEAD = """# Priors that experts were asked for. A configuration takes them with
#   priors_from = "priors.toml"
# Roles and dates, never names of people.

[priors]
"""


def append_elicitation(path: Path, elicitation: Elicitation) -> None:
    """Write a prior and where it comes from into a file of priors, and keep all else in it.

    The prior takes the place of an earlier one of its name under ``[priors]``; what was said
    before stays under ``[[elicited]]``.

    Parameters
    ----------
    path
        A TOML file; it is made where there is none.
    elicitation
        What was said.

    Raises
    ------
    InvalidInput
        If the file is not TOML, or gives the prior in a way that cannot be replaced.
    OutputFailed
        If it cannot be written.
    """
    with output_errors(path, elsewhere=ELSEWHERE):
        old = path.read_text(encoding="utf-8") if path.exists() else HEAD
    try:
        values = tomllib.loads(old)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(Fault(str(path), f"this is not TOML: {error}")) from None
    entry = entry_of(elicitation)
    new = _with_prior(old, elicitation) + "\n[[elicited]]\n" + _lines(entry)
    expected = {
        **values,
        "priors": {**values.get("priors", {}), elicitation.prior: elicitation.value},
        "elicited": [*values.get("elicited", []), entry],
    }
    try:
        same = tomllib.loads(new) == expected
    except tomllib.TOMLDecodeError:
        same = False
    if not same:
        remedy = f'Write the line {elicitation.prior} = "{elicitation.value}" under [priors]'
        rule = "the table [priors] stands under its own header, one prior a line"
        raise InvalidInput(Fault(str(path), rule, remedy=remedy))
    with output_errors(path, elsewhere=ELSEWHERE):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, new, elsewhere=ELSEWHERE)


def entry_of(elicitation: Elicitation) -> dict[str, Any]:
    """Return what stands under ``[[elicited]]``: no key without a value."""
    return {
        key: value for key, value in vars(elicitation).items() if value is not None and value != ""
    }


def _lines(entry: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {_toml(value)}\n" for key, value in entry.items())


def _toml(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return repr(float(value))


def _with_prior(text: str, elicitation: Elicitation) -> str:
    """Return the file's text with one line of ``[priors]`` added or replaced."""
    line = f"{elicitation.prior} = {_toml(elicitation.value)}"
    lines = text.splitlines()
    headers = [i for i, row in enumerate(lines) if row.lstrip().startswith("[")]
    start = next((i for i in headers if lines[i].split("#")[0].strip() == "[priors]"), None)
    if start is None:
        return "\n".join([*lines, "", "[priors]", line, ""])
    end = next((i for i in headers if i > start), len(lines))
    for i in range(start + 1, end):
        if lines[i].partition("=")[0].strip().strip("\"'") == elicitation.prior:
            return "\n".join([*lines[:i], line, *lines[i + 1 :], ""])
    while end > start + 1 and not lines[end - 1].strip():
        end -= 1
    return "\n".join([*lines[:end], line, *lines[end:], ""])
