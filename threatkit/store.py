"""The folder of a run: locked while it is written, and changed as a whole or not at all.

Files are written into a hidden folder inside the target and moved into place at the end,
``run.json`` last. Whatever stops a run before that leaves the target as it was; whatever
stops the moving itself is undone, at once or when the folder is next opened.
"""

import errno
import gzip
import hashlib
import json
import logging
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Literal, Self

from threatkit.errors import Fault, InvalidInput
from threatkit.wholefile import ELSEWHERE, output_errors

if TYPE_CHECKING:
    import pandas as pd

if sys.platform == "win32":  # pragma: no cover
    import msvcrt
else:
    import fcntl

log = logging.getLogger(__name__)

RECORD = "run.json"
#: Name of the copy of its inputs in the folder of a run; see `packed`.
KEPT = "inputs.json.gz"
_RUN_FILES = (*("areas.csv", KEPT, "map.html", "posterior.nc", "scores.csv", "scores.geojson"),)
_STAGING = ".threatkit-staging"
_LOCK = ".threatkit-lock"
_MOVES = ".moves.json"
_BEFORE = ".before"


class RunFolder:
    """A folder that receives the files of one run; use it in a ``with`` block.

    Leaving the block without an error puts all files in place; leaving it by an error,
    Ctrl-C included, puts none.

    Parameters
    ----------
    path
        The folder; it is made if it does not exist. It may hold an earlier run, which stays
        until the new one is complete, and files of the user, which stay.
    mode
        ``replace`` also takes away those files of the earlier run that the new one does not
        write; ``update`` replaces single files of a finished run.
    elsewhere
        What the user may give instead if it cannot be written; see `output_errors`.

    Attributes
    ----------
    hashes
        SHA-256 by name of the files written so far.

    Raises
    ------
    InvalidInput
        If another run is being written into the folder.
    OutputFailed
        If the folder cannot be written.
    """

    def __init__(
        self,
        path: Path,
        *,
        mode: Literal["replace", "update"] = "replace",
        elsewhere: str = ELSEWHERE,
    ) -> None:
        self.path = Path(path).absolute()
        self.mode = mode
        self._errors = partial(output_errors, elsewhere=elsewhere)
        self.hashes: dict[str, str] = {}
        self._staging = self.path / _STAGING
        self._lock: IO[str] | None = None
        self._made: list[Path] = []

    def __enter__(self) -> Self:
        with self._errors(self.path):
            self._make_folder()
            try:
                self._acquire()
                self._recover()
                self._refuse_strangers()
                self._staging.mkdir()
            except BaseException:
                self._leave()
                raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                with self._errors(self.path):
                    self._commit()
        finally:
            self._leave()

    def write_bytes(self, name: str, content: bytes) -> None:
        """Stage a file of bytes."""
        target = self._target(name)
        with self._errors(self.path / name), target.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        self.hashes[name] = hashlib.sha256(content).hexdigest()

    def write_text(self, name: str, text: str) -> None:
        """Stage a text in UTF-8, its line ends as they are."""
        self.write_bytes(name, text.encode("utf-8"))

    def write_json(self, name: str, value: object) -> None:
        """Stage a JSON file; NaN and infinity are errors."""
        text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False, default=str)
        self.write_text(name, text + "\n")

    def write_frame(
        self, name: str, frame: "pd.DataFrame", *, schema: Mapping[str, Any] | None = None
    ) -> None:
        """Stage a frame as CSV, its named index first; see `threatkit.csvtext`.

        Parameters
        ----------
        name
            ``scores.csv``; a schema is written beside it as ``scores.schema.json``.
        frame
            What is written.
        schema
            A Frictionless table schema of exactly these columns in this order.

        Raises
        ------
        ValueError
            If the columns are not those of the schema, or a number is infinite.
        """
        from threatkit.csvtext import frame_text, named_columns

        if schema is not None:
            fields = [field["name"] for field in schema["fields"]]
            columns = named_columns(frame)
            if fields != columns:
                odd = sorted(set(fields) ^ set(columns)) or "their order"
                raise ValueError(f"{name}: columns and schema differ in {odd}")
            self.write_json(f"{Path(name).stem}.schema.json", schema)
        self.write_text(name, frame_text(frame, name=name))

    def write_netcdf(self, name: str, write: Callable[[Path], object]) -> None:
        """Stage a file that a function writes to the path which it is given."""
        target = self._target(name)
        with self._errors(self.path / name):
            write(target)
            with target.open("rb") as stream:
                self.hashes[name] = hashlib.file_digest(stream, "sha256").hexdigest()

    def _target(self, name: str) -> Path:
        if self._lock is None:
            raise ValueError("a run folder is written inside its 'with' block")
        if not name or Path(name).name != name or name.startswith("."):
            raise ValueError(f"a run's file has a plain name, found {name!r}")
        return self._staging / name

    def _make_folder(self) -> None:
        missing = []
        folder = self.path
        while not folder.exists():
            missing.append(folder)
            folder = folder.parent
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            self._made.insert(0, folder)
        if not self.path.is_dir():
            raise NotADirectoryError(errno.EEXIST, "it is a file", str(self.path))

    def _acquire(self) -> None:
        path = self.path / _LOCK
        while True:
            lock = path.open("a+", encoding="utf-8")
            if not _try_lock(lock):
                lock.seek(0)
                holder = lock.read().strip()
                lock.close()
                raise InvalidInput(
                    Fault(
                        str(self.path),
                        "one run at a time writes into a folder",
                        f"process {holder} writing" if holder else "another one writing",
                        "Wait for it to end, or give another folder with --out",
                    )
                )
            # The holder before us may have removed the name while we waited for the file.
            if path.exists() and os.path.samestat(path.stat(), os.fstat(lock.fileno())):
                break
            lock.close()
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock

    def _leave(self) -> None:
        if self._lock is not None:
            shutil.rmtree(self._staging, ignore_errors=True)
            (self.path / _LOCK).unlink(missing_ok=True)
            self._lock.close()
            self._lock = None
        for folder in self._made:
            try:
                folder.rmdir()
            except OSError:
                break
        self._made = []

    def _refuse_strangers(self) -> None:
        """Refuse a folder whose files would be overwritten though no run wrote them."""
        if self.mode == "update" or (self.path / RECORD).exists():
            return
        strangers = [name for name in _RUN_FILES if (self.path / name).exists()]
        if strangers:
            raise InvalidInput(
                Fault(
                    str(self.path),
                    f"a run overwrites an earlier run only, and here is no {RECORD}",
                    ", ".join(strangers),
                    "Move these files away, or give another folder with --out",
                )
            )

    def _earlier_files(self) -> set[str]:
        """Return the names of the files that the earlier run in the folder wrote."""
        if self.mode == "update":
            return set()
        try:
            record = json.loads((self.path / RECORD).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return set()
        files = record.get("files") if isinstance(record, dict) else None
        if not isinstance(files, dict):
            return {RECORD}
        return {RECORD, *(n for n in files if Path(n).name == n and not n.startswith("."))}

    def _commit(self) -> None:
        placed = sorted(path.name for path in self._staging.iterdir())
        placed.sort(key=lambda name: name == RECORD)
        retired = sorted(
            (name for name in {*placed, *self._earlier_files()} if (self.path / name).exists()),
            key=lambda name: name != RECORD,
        )
        (self._staging / _MOVES).write_text(json.dumps(placed), encoding="utf-8")
        before = self._staging / _BEFORE
        before.mkdir()
        try:
            for name in retired:
                (self.path / name).rename(before / name)
            for name in placed:
                (self._staging / name).rename(self.path / name)
            (self._staging / _MOVES).unlink()
        except BaseException:
            self._undo()
            raise

    def _undo(self) -> None:
        """Put the folder back to what it was before the files were moved."""
        moves = self._staging / _MOVES
        if not moves.exists():
            return
        for name in json.loads(moves.read_text(encoding="utf-8")):
            if not (self._staging / name).exists():
                (self.path / name).unlink(missing_ok=True)
        for path in sorted((self._staging / _BEFORE).glob("*")):
            path.replace(self.path / path.name)

    def _recover(self) -> None:
        """Clear away what a run that was killed has left."""
        if self._staging.exists():
            log.warning("%s: an earlier run was killed here; its parts are removed", self.path)
            self._undo()
            shutil.rmtree(self._staging)


def packed(plain: Mapping[str, Any]) -> bytes:
    """Return plain values as compressed JSON: the same bytes for the same values."""
    text = json.dumps(plain, ensure_ascii=False, allow_nan=False)
    return gzip.compress(text.encode(), mtime=0)


def unpacked(content: bytes) -> Any:
    """Return what `packed` has packed.

    Raises
    ------
    OSError, EOFError, ValueError
        If the bytes are something else.
    """
    return json.loads(gzip.decompress(content))


def read_record(run: Path) -> dict[str, Any]:
    """Return the record ``run.json`` of a finished run.

    Raises
    ------
    InvalidInput
        If the folder does not exist or holds no finished run.
    """
    path = Path(run) / RECORD
    remedy = "Give the folder that 'threatkit assess --out' wrote"
    if not Path(run).is_dir():
        raise InvalidInput(Fault(str(run), "this folder does not exist", remedy=remedy))
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        fault = Fault(str(run), f"a finished run holds {RECORD}", "none", remedy)
        raise InvalidInput(fault) from None
    except OSError as error:
        raise InvalidInput(Fault(str(path), f"it cannot be read ({error.strerror})")) from None
    except ValueError as error:
        raise InvalidInput(Fault(str(path), f"this is not JSON: {error}")) from None
    if not isinstance(record, dict):
        raise InvalidInput(Fault(str(path), "a run's record is an object", remedy=remedy))
    return record


def _try_lock(lock: IO[str]) -> bool:
    """Lock an open file for this process until it is closed; the system frees it at death."""
    try:
        if sys.platform == "win32":  # pragma: no cover
            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
