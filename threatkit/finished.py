"""Results of finished tasks on the disk, found again by what they were made from."""

import dataclasses
import hashlib
import json
import logging
import os
import zipfile
from collections.abc import Callable, Mapping, Set
from datetime import date
from enum import Enum
from functools import cache
from importlib.metadata import version
from pathlib import Path, PurePath
from typing import Any, Protocol

from threatkit.wholefile import output_errors

log = logging.getLogger(__name__)

_PACKAGE = Path(__file__).resolve().parent
#: Libraries on which figures depend, beside the toolkit's own code.
_LIBRARIES = ("numpy", "scipy", "pandas")


class Finished[R](Protocol):
    """Keeps results of tasks."""

    def load(self, name: str, key: str) -> R | None:
        """Return the result of a task, None if it is not there."""
        ...

    def save(self, name: str, key: str, result: R) -> None:
        """Keep the result of a task."""
        ...


@dataclasses.dataclass(frozen=True)
class Folder[R]:
    """A folder with one file a result, which is there whole or not at all.

    Attributes
    ----------
    path
        The folder; it is made with the first result.
    write
        Writes a result to the path that it is given.
    read
        Reads it back.
    suffix
        End of the files' names, as ``.npz``.
    """

    path: Path
    write: Callable[[Path, R], object]
    read: Callable[[Path], R]
    suffix: str

    def file(self, name: str, key: str) -> Path:
        """Return the file of a task: its name, and the first 16 digits of its key."""
        return self.path / f"{name}-{key[:16]}{self.suffix}"

    def load(self, name: str, key: str) -> R | None:
        """Return the result of a task, None if it is not there or cannot be read."""
        path = self.file(name, key)
        if not path.exists():
            return None
        try:
            return self.read(path)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            log.warning("%s cannot be read (%s): it is made again", path, error)
            return None

    def save(self, name: str, key: str, result: R) -> None:
        """Write a result under a temporary name, then give it its own.

        Raises
        ------
        OutputFailed
            If it cannot be written; what was there before stays.
        """
        path = self.file(name, key)
        part = path.with_name(f".{os.getpid()}.{path.name}")
        with output_errors(path):
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                self.write(part, result)
                with part.open("rb+") as stream:
                    os.fsync(stream.fileno())
                part.replace(path)
            except BaseException:
                part.unlink(missing_ok=True)
                raise


def json_folder(path: Path) -> Folder[Any]:
    """Return a folder of results that are plain values: dicts, lists, texts, finite numbers."""

    def write(file: Path, result: Any) -> None:
        file.write_text(json.dumps(result, allow_nan=False), encoding="utf-8")

    def read(file: Path) -> Any:
        return json.loads(file.read_text(encoding="utf-8"))

    return Folder(path, write, read, ".json")


@cache
def code_version(*parts: str) -> str:
    """Return a hash of the toolkit's own code and of the versions it computes with.

    Parameters
    ----------
    parts
        Modules and packages of it that count, as ``model`` or ``evaluate/baselines``; all of
        them if none is given.
    """
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        name = path.relative_to(_PACKAGE).with_suffix("").as_posix()
        if not parts or any(name == part or name.startswith(f"{part}/") for part in parts):
            digest.update(name.encode())
            digest.update(path.read_bytes())
    for library in _LIBRARIES:
        digest.update(f"{library} {version(library)}".encode())
    return digest.hexdigest()


def fingerprint(*parts: Any) -> str:
    """Return a hash of values: the same for equal values, in any process and on any machine.

    Parameters
    ----------
    parts
        Plain values, dates, paths, enumerations, arrays, frames, dataclasses, and mappings,
        sequences and sets of them.

    Raises
    ------
    TypeError
        If a value of another type is among them.
    """
    digest = hashlib.sha256()
    _feed(digest.update, parts)
    return digest.hexdigest()


def _feed(update: Callable[[bytes], object], value: Any) -> None:
    """Feed a value to a hash, each piece with its type and size so that no two look alike."""
    kind = type(value).__name__
    if isinstance(value, bytes | str):
        raw = value.encode() if isinstance(value, str) else value
        update(f"{kind} {len(raw)} ".encode() + raw)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        _feed(update, (kind, *((f.name, getattr(value, f.name)) for f in fields)))
    elif isinstance(value, Mapping):
        _feed(update, ("mapping", *sorted(value.items(), key=lambda item: str(item[0]))))
    elif isinstance(value, Set):
        _feed(update, ("set", *sorted(value, key=str)))
    elif isinstance(value, list | tuple | range):
        update(f"sequence {len(value)} ".encode())
        for part in value:
            _feed(update, part)
    elif hasattr(value, "tobytes") and hasattr(value, "dtype"):
        update(f"array {value.dtype} {value.shape} ".encode())
        _feed(update, value.tolist() if value.dtype.hasobject else value.tobytes())
    elif hasattr(value, "columns"):
        columns = [(str(name), column.array) for name, column in value.items()]
        _feed(update, ("frame", value.index, *columns))
    elif hasattr(value, "to_numpy"):
        _feed(update, ("column", [_plain(v) for v in value.to_numpy().tolist()]))
    elif isinstance(value, bool | int | float | date | PurePath | Enum | None):
        update(f"{kind} {value!r} ".encode())
    else:
        raise TypeError(f"a {kind} has no fingerprint")


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | tuple | None) else repr(value)
