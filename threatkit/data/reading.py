"""Read a CSV file of a package as text, with every fault of its form.

What is a fault of form: bytes that are not UTF-8, NUL bytes, no header, another delimiter
than the declared one, columns that the schema does not know, rows with too many or too few
cells, broken quotes. A byte order mark and the line ends of Windows are accepted.

Rows are numbered as an editor numbers lines: the header is row 1, and a cell that spans
lines counts them all.
"""

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pandas as pd

from threatkit.data.descriptor import shown
from threatkit.data.schema import Resource
from threatkit.data.wording import meant
from threatkit.errors import Fault

RENEW = "python -m threatkit.derive.descriptors"

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
_CYRILLIC_WORD = re.compile(rb"[\xc0-\xff\xa8\xb8]{4}")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class RawTable:
    """A table as text.

    Attributes
    ----------
    where
        The file, for messages.
    text
        The cells as they stand in the file, indexed by ``row``; only columns that the
        schema knows.
    sha256
        Checksum of the file's bytes.
    """

    where: str
    text: pd.DataFrame
    sha256: str


def read_table(
    folder: Path, resource: Resource, *, hash_required: bool = False
) -> tuple[RawTable | None, list[Fault]]:
    """Read one table of a package as text.

    Parameters
    ----------
    folder
        The folder of the package.
    resource
        The table as the descriptor declares it.
    hash_required
        Whether a missing checksum is a fault.

    Returns
    -------
    The table, or None where nothing of it can be read, and all faults of form.
    """
    where = shown(folder / resource.path)
    raw, digest, faults = read_bytes(folder, resource, hash_required=hash_required)
    if raw is None:
        return None, faults
    text, fault = _decode(raw, where)
    if text is None:
        return None, [*faults, *fault]
    header, rows, numbers, form = _cells(text, resource, where)
    faults += form
    if not header:
        return None, faults
    known = [name for name in header if name in resource.names]
    positions = [header.index(name) for name in known]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(header)
    frame = pd.DataFrame(
        {name: list(columns[place]) for name, place in zip(known, positions, strict=True)},
        index=pd.Index(numbers, name="row", dtype="int64"),
        dtype="str",
    )
    return RawTable(where, frame, digest), faults


def read_bytes(
    folder: Path, resource: Resource, *, hash_required: bool
) -> tuple[bytes | None, str, list[Fault]]:
    """Read a file whole and hold it against the checksum of the descriptor.

    Returns
    -------
    The bytes or None, their SHA-256, and the faults.
    """
    path = folder / resource.path
    where = shown(path)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        fault = Fault(
            where,
            "the file that the descriptor names exists",
            "no such file",
            f"Add the file, or take resource '{resource.name}' out of datapackage.json.",
        )
        return None, "", [fault]
    except OSError as error:
        return None, "", [Fault(where, "the file can be read", error.strerror or str(error))]
    digest = sha256(raw).hexdigest()
    faults = []
    if resource.sha256 is None and hash_required:
        faults.append(
            Fault(where, "the descriptor has the file's hash", "nothing", f"Run: {RENEW}")
        )
    changed = resource.sha256 is not None and resource.sha256 != digest
    if changed or (resource.size is not None and resource.size != len(raw)):
        faults.append(
            Fault(
                where,
                "the file has the hash and bytes that its descriptor says",
                f"sha256:{digest[:12]}... and {len(raw)} bytes",
                f"If the change is meant, run: {RENEW} {shown(folder)}",
            )
        )
    return raw, digest, faults


def _decode(raw: bytes, where: str) -> tuple[str | None, list[Fault]]:
    if not raw.strip(b"\xef\xbb\xbf \t\r\n"):
        fault = Fault(
            where,
            "a table has a header row",
            "an empty file",
            "Write the header, or take the file out of datapackage.json.",
        )
        return None, [fault]
    if raw.startswith(_UTF16):
        fault = Fault(where, "the file is UTF-8 text", "UTF-16", "Save it as 'CSV UTF-8'.")
        return None, [fault]
    if b"\0" in raw:
        place = raw.index(b"\0")
        fault = Fault(
            f"{where}, row {_line(raw, place)}, byte {place}",
            "text holds no NUL bytes",
            f"{raw.count(0)} of them",
            "The file is damaged or is no CSV; export it again as 'CSV UTF-8'.",
        )
        return None, [fault]
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n"), []
    except UnicodeDecodeError as error:
        place = error.start + (3 if raw.startswith(b"\xef\xbb\xbf") else 0)
        guess = " It looks like Windows-1251." if _is_cyrillic(raw) else ""
        fault = Fault(
            f"{where}, row {_line(raw, place)}, byte {place}",
            "the file is UTF-8 text",
            f"byte 0x{raw[place]:02x}",
            f"Save it as 'CSV UTF-8'.{guess}",
        )
        return None, [fault]


def _line(raw: bytes, place: int) -> int:
    before = raw[:place]
    return 1 + before.count(b"\n") + before.replace(b"\r\n", b"").count(b"\r")


def _is_cyrillic(raw: bytes) -> bool:
    return _CYRILLIC_WORD.search(raw) is not None


def _cells(
    text: str, resource: Resource, where: str
) -> tuple[list[str], list[list[str]], list[int], list[Fault]]:
    """Split the text into its header, its whole rows and their numbers."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=resource.delimiter, strict=True)
    header: list[str] = []
    rows: list[list[str]] = []
    numbers: list[int] = []
    faults: list[Fault] = []
    start = 1
    try:
        for cells in reader:
            if not cells:
                pass
            elif not header:
                header = cells
                faults += _header_faults(header, resource, where)
                if not set(header) & set(resource.names):
                    return [], [], [], faults
            elif not any(cells):
                faults.append(
                    Fault(
                        f"{where}, row {start}",
                        "a row holds something",
                        "empty cells only",
                        "Delete the row.",
                    )
                )
            elif len(cells) == len(header):
                rows.append(cells)
                numbers.append(start)
            else:
                faults.append(_width_fault(cells, len(header), f"{where}, row {start}"))
            start = reader.line_num + 1
    except csv.Error as error:
        faults.append(
            Fault(
                f"{where}, row {start}",
                "quotes are closed, doubled inside quoted text, and cells are of sane length",
                str(error),
                'Write a quote inside a quoted cell as "".',
            )
        )
    return header, rows, numbers, faults


def _header_faults(header: list[str], resource: Resource, where: str) -> list[Fault]:
    at = f"{where}, row 1"
    if len(header) == 1 and len(resource.names) > 1:
        other = _other_delimiter(header[0], resource)
        if other:
            declared = _DELIMITERS.get(resource.delimiter, repr(resource.delimiter))
            fault = Fault(
                at,
                f"cells are separated by a {declared}",
                f"a {_DELIMITERS[other]}",
                "Save the file with that separator, or declare the one it has in "
                f'datapackage.json: "dialect": {{"delimiter": "{_escaped(other)}"}}.',
            )
            return [fault]
    expected = f"expected columns {', '.join(resource.names)}"
    unknown = [name for name in header if name not in resource.names]
    missing = [name for name in resource.names if name not in header]
    if len(missing) == len(resource.names):
        one = len(header) == 1
        names = ", ".join(repr(name) for name in header)
        subject = f"column {names} is" if one else f"columns {names} are"
        return [Fault(at, f"{subject} not in the schema; {expected}")]
    faults = [
        Fault(at, f"column {name!r} is not in the schema; {expected}", "", meant(name, missing))
        for name in unknown
    ]
    faults += [
        Fault(at, f"column {name!r} of the schema is missing", f"columns {', '.join(header)}")
        for name in missing
    ]
    faults += [
        Fault(at, "a column stands once in the header", f"{name!r} {count} times")
        for name, count in Counter(header).items()
        if count > 1
    ]
    return faults


def _other_delimiter(line: str, resource: Resource) -> str:
    """Return the delimiter that splits a header into names the schema knows, if any."""
    for delimiter in _DELIMITERS:
        names = {name.strip().strip('"') for name in line.split(delimiter)}
        if delimiter != resource.delimiter and len(names) > 1 and names & set(resource.names):
            return delimiter
    for delimiter in _DELIMITERS:
        if delimiter != resource.delimiter and line.count(delimiter) == len(resource.names) - 1:
            return delimiter
    return ""


def _escaped(delimiter: str) -> str:
    return "\\t" if delimiter == "\t" else delimiter


def _width_fault(cells: list[str], width: int, at: str) -> Fault:
    remedy = (
        "Quote a cell that holds the separator, and write decimals with a point."
        if len(cells) > width
        else ""
    )
    return Fault(at, f"a row has {width} cells like the header", str(len(cells)), remedy)
