"""One table of a configuration, read key by key; every fault is gathered on the way.

Asking for a key makes it known, so `Table.close` can name the keys that nobody asked for.
"""

import math
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from threatkit.errors import Fault, InvalidInput


@dataclass(frozen=True)
class Origin:
    """Where a table comes from, for the text of its faults.

    Attributes
    ----------
    name
        File name, or what stands for it where the values come from code.
    folder
        Folder against which relative paths are read.
    text
        The file's text; empty where there is none.
    overridden
        Keys at the top whose values come from options and not from here.
    """

    name: str
    folder: Path
    text: str = ""
    overridden: frozenset[str] = frozenset()

    def line(self, header: str, occurrence: int, key: str) -> int | None:
        """Return the line of a key under a header (empty for the top), or None."""
        lines = self.text.splitlines()
        first = 0
        if header:
            found = [i for i, text in enumerate(lines) if text.split("#")[0].strip() == header]
            if len(found) <= occurrence:
                return None
            first = found[occurrence] + 1
        pattern = re.compile(rf"^\s*[\"']?{re.escape(key)}[\"']?\s*[=.]")
        for number, text in enumerate(lines[first:], start=first + 1):
            if text.lstrip().startswith("[") and "=" not in text:
                if re.match(rf"^\s*\[+\s*{re.escape(key)}\s*\]+", text) and not header:
                    return number
                if header:
                    return None
            elif pattern.match(text):
                return number
        return None


@dataclass
class Table:
    """A table being read.

    Attributes
    ----------
    values
        What the file or the caller gives.
    origin
        Where it comes from.
    faults
        Grows with every fault; tables of one file share it.
    header
        As in the file: ``[model]``, ``[[judgements]]``, empty at the top.
    occurrence
        Number of the table among those with this header, from 0.
    """

    values: Mapping[str, Any]
    origin: Origin
    faults: list[Fault]
    header: str = ""
    occurrence: int = 0
    _known: set[str] = field(default_factory=set)

    def fault(self, key: str, rule: str, found: object = None, remedy: str = "") -> None:
        """Add a fault of one key."""
        option = not self.header and key in self.origin.overridden
        line = None if option else self.origin.line(self.header, self.occurrence, key)
        parts = ["options" if option else self.origin.name]
        if line is not None:
            parts.append(f"line {line}")
        if self.header:
            number = f" {self.occurrence + 1}" if self.header.startswith("[[") else ""
            parts.append(f"{self.header}{number}")
        where = f"{', '.join(parts)}, key '{key}'"
        self.faults.append(Fault(where, rule, "" if found is None else repr(found), remedy))

    def get(self, key: str) -> Any:
        """Return a raw value and make its key known; None where it is not given."""
        self._known.add(key)
        return self.values.get(key)

    def close(self) -> None:
        """Add a fault for every key that was never asked for."""
        for key in self.values:
            if key not in self._known:
                remedy = meant(key, self._known)
                listing = f"The keys are: {', '.join(sorted(self._known))}"
                self.fault(key, "this key is not known", remedy=remedy or listing)

    def flag(self, key: str, default: bool) -> bool:
        """Read true or false."""
        value = self.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.fault(key, "this is true or false", value, "Write true or false, without quotes")
            return default
        return value

    def integer(self, key: str, default: int, low: int, high: int) -> int:
        """Read a whole number between two bounds, both included."""
        value = self.get(key)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.fault(key, f"this is a whole number from {low} to {high}", value)
            return default
        return value

    def number(self, key: str, default: float, low: float, high: float) -> float:
        """Read a number between two bounds, both included."""
        value = self.get(key)
        if value is None:
            return default
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or not low <= value <= high:
            self.fault(key, f"this is a number from {low:g} to {high:g}", value)
            return default
        return float(value)

    def choice(self, key: str, default: str, options: Collection[str]) -> str:
        """Read one of a few words."""
        value = self.get(key)
        if value is None:
            return default
        if value not in options:
            self.fault(key, f"this is one of {', '.join(options)}", value, meant(value, options))
            return default
        return str(value)

    def choices(
        self, key: str, default: tuple[str, ...], options: Collection[str]
    ) -> tuple[str, ...]:
        """Read a list of words from a closed vocabulary; at least one, none twice."""
        value = self.get(key)
        if value is None:
            return default
        if not isinstance(value, list | tuple) or not value:
            self.fault(key, "this is a list of at least one word", value)
            return default
        for word in value:
            if word not in options:
                rule = f"each is one of {', '.join(options)}"
                self.fault(key, rule, word, meant(word, options))
        if len({str(word) for word in value}) < len(value):
            self.fault(key, "no word stands twice", list(value))
        return tuple(str(word) for word in value)

    def text(self, key: str, default: str | None = None) -> str:
        """Read a text that is not empty; without a default it must be given."""
        value = self.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or not value.strip():
            self.fault(key, "this is a text and must be given", value)
            return default or ""
        return value.strip()

    def day(self, key: str, *, required: bool = False) -> date | None:
        """Read a date: a TOML date, or an ISO date as text."""
        value = self.get(key)
        if value is None and not required:
            return None
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        if isinstance(value, str):
            try:
                return date.fromisoformat(value)
            except ValueError:
                pass
        self.fault(key, "this is a date like 2026-04-30", value)
        return None

    def paths(self, key: str, *, kind: str) -> tuple[Path, ...]:
        """Read paths that must exist; relative ones count from the configuration's folder.

        Parameters
        ----------
        key
            Its value is a text or a list of texts.
        kind
            ``folder`` or ``file``.
        """
        value = self.get(key)
        if value is None:
            return ()
        entries = [value] if isinstance(value, str | Path) else value
        if not isinstance(entries, list | tuple):
            self.fault(key, f"this is the path of a {kind}, or a list of such", value)
            return ()
        found = []
        for entry in entries:
            if not isinstance(entry, str | Path) or not str(entry):
                self.fault(key, f"this is the path of a {kind}", entry)
                continue
            path = self.origin.folder / Path(entry).expanduser()
            if path.is_dir() if kind == "folder" else path.is_file():
                found.append(path.resolve())
            elif path.exists():
                self.fault(key, f"this must be a {kind}", str(entry))
            else:
                seen = f"It was looked for at {path}"
                self.fault(key, f"this {kind} does not exist", str(entry), seen)
        return tuple(found)


def meant(word: object, known: Collection[str]) -> str:
    """Return ``Did you mean 'x'?``, or an empty text where no known word is close."""
    close = get_close_matches(str(word).casefold(), known, n=1, cutoff=0.6)
    return f"Did you mean '{close[0]}'?" if close else ""


def read_toml(path: Path) -> tuple[dict[str, Any], Origin]:
    """Read a TOML file, and say where its values come from.

    Raises
    ------
    InvalidInput
        If the file does not exist, cannot be read or is not TOML.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        remedy = "Give the path of a TOML file, or make a workspace with 'threatkit init DIR'"
        raise InvalidInput(Fault(str(path), "this file does not exist", remedy=remedy)) from None
    except UnicodeDecodeError as error:
        rule = f"a configuration is text in UTF-8, and byte {error.start + 1} is not"
        raise InvalidInput(Fault(str(path), rule, remedy="Save it as UTF-8")) from None
    except OSError as error:
        rule = f"this file cannot be read ({error.strerror})"
        raise InvalidInput(Fault(str(path), rule)) from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        remedy = "Texts stand in quotes, dates and numbers do not"
        raise InvalidInput(Fault(str(path), f"this is not TOML: {error}", remedy=remedy)) from None
    return values, Origin(str(path), path.resolve().parent, text)
