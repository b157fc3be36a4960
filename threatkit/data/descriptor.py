"""The descriptor of a data package (datapackage.json), read into frozen dataclasses.

The format is the Frictionless data package, profile version 1, with one key of our own,
``threatkit``, that names the pillar and declares the indicators of the package. Every
fault of a descriptor is gathered; what can be read is returned beside the faults, so that
the tables are checked in the same go.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, Literal

from threatkit.data.indicator import CHOICES, indicator_faults
from threatkit.data.wording import listed, meant
from threatkit.errors import Fault

DESCRIPTOR = "datapackage.json"

FieldType = Literal["string", "integer", "number", "boolean", "date", "year", "any"]
FIELD_TYPES = ("string", "integer", "number", "boolean", "date", "year", "any")
CONSTRAINTS = (
    "required",
    "unique",
    "enum",
    "minimum",
    "maximum",
    "pattern",
    "minLength",
    "maxLength",
)
VALUES_COLUMNS = (
    "area_level",
    "area_code",
    "indicator",
    "period",
    "value",
    "unit",
    "reliability",
    "credibility",
    "source_id",
)

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


@dataclass(frozen=True)
class Column:
    """A column as the schema declares it.

    Attributes
    ----------
    name
        The header.
    type
        The Frictionless type.
    constraints
        What the schema asks of each value.
    decimal
        The decimal sign, a point unless the schema says otherwise.
    """

    name: str
    type: str
    constraints: Mapping[str, Any] = field(default_factory=dict)
    decimal: str = "."


@dataclass(frozen=True)
class ForeignKey:
    """Columns whose values must exist in another table of the package."""

    columns: tuple[str, ...]
    table: str
    target: tuple[str, ...]


@dataclass(frozen=True)
class Resource:
    """A file of a package.

    Attributes
    ----------
    name, path
        Its name and its path inside the package's folder.
    columns
        The columns of a table; none for a file that is not a table.
    sha256, size
        The checksum and number of bytes that the descriptor promises, or None.
    """

    name: str
    path: str
    columns: tuple[Column, ...] = ()
    primary_key: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    delimiter: str = ","
    missing: tuple[str, ...] = ("",)
    sha256: str | None = None
    size: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def is_table(self) -> bool:
        """Return whether the file is a table with a schema."""
        return bool(self.columns)

    @property
    def has_values_layout(self) -> bool:
        """Return whether the table holds indicator values, one row a fact."""
        return set(VALUES_COLUMNS) <= set(self.names)


@dataclass(frozen=True)
class Descriptor:
    """A descriptor that was read, with the faults found in it left out."""

    name: str
    title: str
    version: str
    pillar: str
    folder: Path
    content: Mapping[str, Any]
    sha256: str
    resources: tuple[Resource, ...]
    indicators: tuple[Mapping[str, Any], ...]


def shown(path: Path) -> str:
    """Return a path as messages show it: relative to the current folder where inside it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def read_descriptor(folder: Path) -> tuple[Descriptor | None, list[Fault]]:
    """Read the descriptor of the package in a folder.

    Returns
    -------
    The descriptor, or None where it cannot be read at all, and its faults.
    """
    path = folder / DESCRIPTOR
    where = shown(path)
    content, sha256, fault = _load_json(path, where)
    if fault is not None:
        return None, [fault]
    faults: list[Fault] = []
    texts = {key: _text(content, key, where, faults) for key in ("name", "title", "version")}
    if texts["name"] and not _NAME.fullmatch(texts["name"]):
        faults.append(
            Fault(
                f"{where}, key 'name'",
                "a package name holds small letters, digits, '.', '_' and '-' only",
                repr(texts["name"]),
            )
        )
    own = content.get("threatkit")
    if not isinstance(own, dict):
        faults.append(
            Fault(
                f"{where}, key 'threatkit'",
                "the descriptor has an object 'threatkit' with 'pillar' and 'indicators'",
                "" if own is None else repr(own),
                'Add "threatkit": {"pillar": "context", "indicators": []} and fill it in.',
            )
        )
        own = {}
    else:
        faults += _own_faults(own, where)
    resources = _resources(content, folder, where, faults)
    declared = own.get("indicators")
    descriptor = Descriptor(
        name=texts["name"] or folder.name,
        title=texts["title"],
        version=texts["version"],
        pillar=str(own.get("pillar") or ""),
        folder=folder,
        content=MappingProxyType(content),
        sha256=sha256,
        resources=resources,
        indicators=tuple(
            MappingProxyType(item)
            for item in (declared if isinstance(declared, list) else [])
            if isinstance(item, dict) and isinstance(item.get("name"), str)
        ),
    )
    return descriptor, faults


def _load_json(path: Path, where: str) -> tuple[dict[str, Any], str, Fault | None]:
    from hashlib import sha256

    try:
        raw = path.read_bytes()
    except OSError as error:
        return {}, "", Fault(where, "the descriptor can be read", error.strerror or str(error))
    digest = sha256(raw).hexdigest()
    try:
        content = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return (
            {},
            digest,
            Fault(
                f"{where}, byte {error.start}",
                "the descriptor is UTF-8 text",
                f"byte 0x{raw[error.start]:02x}",
                "Save the file as UTF-8.",
            ),
        )
    except json.JSONDecodeError as error:
        return (
            {},
            digest,
            Fault(
                f"{where}, row {error.lineno}, character {error.colno}",
                "the descriptor is valid JSON",
                error.msg,
                "Mend the JSON there; a comma too many or too few is the usual cause.",
            ),
        )
    except RecursionError:
        return {}, digest, Fault(where, "the descriptor is valid JSON", "too deep a nesting")
    if not isinstance(content, dict):
        return {}, digest, Fault(where, "the descriptor is a JSON object", type(content).__name__)
    return content, digest, None


def _text(content: Mapping[str, Any], key: str, where: str, faults: list[Fault]) -> str:
    value = content.get(key)
    if isinstance(value, str) and value.strip():
        return value
    faults.append(
        Fault(
            f"{where}, key '{key}'",
            f"the descriptor has a text '{key}'",
            "" if value is None else repr(value),
            f'Add "{key}": "...".',
        )
    )
    return ""


def _own_faults(own: Mapping[str, Any], where: str) -> list[Fault]:
    faults = []
    pillar = own.get("pillar")
    if pillar not in CHOICES["pillar"]:
        faults.append(
            Fault(
                f"{where}, key 'threatkit.pillar'",
                f"a pillar is one of {listed(CHOICES['pillar'])}",
                repr(pillar) if pillar is not None else "nothing",
                meant(pillar, CHOICES["pillar"]),
            )
        )
    declared = own.get("indicators")
    if not isinstance(declared, list):
        faults.append(
            Fault(
                f"{where}, key 'threatkit.indicators'",
                "the indicators are a list of objects",
                "nothing" if declared is None else repr(declared),
                "Write [] for a package without indicators.",
            )
        )
        return faults
    names: set[str] = set()
    for position, item in enumerate(declared):
        faults += indicator_faults(item, where, position)
        name = item.get("name") if isinstance(item, dict) else None
        if isinstance(name, str) and name in names:
            faults.append(
                Fault(
                    f"{where}, indicator '{name}'",
                    "an indicator is declared once",
                    "declared twice",
                    "Delete one of the two.",
                )
            )
        if isinstance(name, str):
            names.add(name)
    return faults


def _resources(
    content: Mapping[str, Any], folder: Path, where: str, faults: list[Fault]
) -> tuple[Resource, ...]:
    listed_resources = content.get("resources")
    if not isinstance(listed_resources, list) or not listed_resources:
        faults.append(
            Fault(
                f"{where}, key 'resources'",
                "the descriptor lists at least one file",
                "nothing" if not listed_resources else repr(listed_resources),
                "Name every CSV of the folder under 'resources', each with its schema.",
            )
        )
        return ()
    found: list[Resource] = []
    for position, item in enumerate(listed_resources):
        resource = _resource(item, position, folder, where, faults)
        if resource is None:
            continue
        if resource.name in {other.name for other in found}:
            faults.append(
                Fault(
                    f"{where}, resource '{resource.name}'",
                    "the name of a resource is used once",
                    "used twice",
                    "Rename one of the two.",
                )
            )
            continue
        found.append(resource)
    tables = {resource.name: resource for resource in found}
    for resource in found:
        faults += _key_faults(resource, tables, where)
    return tuple(found)


def _resource(
    item: Any, position: int, folder: Path, where: str, faults: list[Fault]
) -> Resource | None:
    at = f"{where}, resource {position + 1}"
    if not isinstance(item, dict):
        faults.append(Fault(at, "a resource is an object", repr(item)))
        return None
    name, path = item.get("name"), item.get("path")
    if not isinstance(name, str) or not name or not isinstance(path, str) or not path:
        faults.append(
            Fault(at, "a resource has a text 'name' and one text 'path'", f"{name!r}, {path!r}")
        )
        return None
    at = f"{where}, resource '{name}'"
    if _leaves(path, folder):
        faults.append(
            Fault(
                at,
                "the path of a file stays inside the folder of its package",
                repr(path),
                "Copy the file into the folder and name it by its relative path.",
            )
        )
        return None
    encoding = str(item.get("encoding", "utf-8")).lower().replace("_", "-")
    if encoding not in ("utf-8", "utf8", "utf-8-sig"):
        faults.append(
            Fault(at, "the encoding is utf-8", repr(item["encoding"]), "Save the file as UTF-8.")
        )
    schema = item.get("schema")
    if schema is None and not path.lower().endswith(".csv"):
        return Resource(name, path, **_promise(item, at, faults))
    if not isinstance(schema, dict) or not isinstance(schema.get("fields"), list):
        faults.append(
            Fault(
                at,
                "a table has a schema with a list of 'fields'",
                "nothing" if schema is None else repr(schema),
                "Write the schema into the descriptor itself.",
            )
        )
        return None
    return Resource(
        name,
        path,
        columns=_columns(schema["fields"], at, faults),
        primary_key=_names(schema.get("primaryKey")),
        foreign_keys=_foreign_keys(schema.get("foreignKeys"), name, at, faults),
        delimiter=_delimiter(item.get("dialect"), at, faults),
        missing=tuple(str(text) for text in schema.get("missingValues", [""])),
        **_promise(item, at, faults),
    )


def _leaves(path: str, folder: Path) -> bool:
    pure = PurePosixPath(path)
    if "://" in path or "\\" in path or pure.is_absolute() or ".." in pure.parts:
        return True
    return not (folder / path).resolve().is_relative_to(folder.resolve())


def _promise(item: Mapping[str, Any], at: str, faults: list[Fault]) -> dict[str, Any]:
    """Return what the descriptor says of the bytes of a file."""
    checksum, size = item.get("hash"), item.get("bytes")
    if checksum is not None:
        digest = str(checksum).removeprefix("sha256:").lower()
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            faults.append(
                Fault(
                    at,
                    "a hash is 'sha256:' and 64 hexadecimal digits",
                    repr(checksum),
                    "Run: python -m threatkit.derive.descriptors",
                )
            )
            checksum = None
        else:
            checksum = digest
    if size is not None and (not isinstance(size, int) or isinstance(size, bool)):
        faults.append(Fault(at, "'bytes' is a whole number", repr(size)))
        size = None
    return {"sha256": checksum, "size": size}


def _columns(fields: list[Any], at: str, faults: list[Fault]) -> tuple[Column, ...]:
    columns: list[Column] = []
    for item in fields:
        name = item.get("name") if isinstance(item, dict) else None
        if not isinstance(name, str) or not name:
            faults.append(Fault(at, "a field has a text 'name'", repr(item)))
            continue
        if name in {column.name for column in columns}:
            faults.append(Fault(f"{at}, field '{name}'", "a field is declared once", "twice"))
            continue
        kind = item.get("type", "string")
        if kind not in FIELD_TYPES:
            faults.append(
                Fault(
                    f"{at}, field '{name}'",
                    f"the type is one of {listed(FIELD_TYPES)}",
                    repr(kind),
                    meant(kind, FIELD_TYPES),
                )
            )
            kind = "any"
        columns.append(
            Column(
                name,
                kind,
                MappingProxyType(_constraints(item.get("constraints"), name, at, faults)),
                str(item.get("decimalChar", ".")),
            )
        )
    if not columns:
        faults.append(Fault(at, "a schema declares at least one field", "none"))
    return tuple(columns)


def _constraints(given: Any, name: str, at: str, faults: list[Fault]) -> dict[str, Any]:
    if given is None:
        return {}
    where = f"{at}, field '{name}'"
    if not isinstance(given, dict):
        faults.append(Fault(where, "the constraints are an object", repr(given)))
        return {}
    kept = dict(given)
    for key in given:
        if key not in CONSTRAINTS:
            faults.append(
                Fault(
                    where,
                    f"a constraint is one of {listed(CONSTRAINTS)}",
                    repr(key),
                    meant(key, CONSTRAINTS),
                )
            )
            del kept[key]
    if "pattern" in kept:
        try:
            re.compile(kept["pattern"])
        except (re.error, TypeError):
            faults.append(
                Fault(where, "the pattern is a regular expression", repr(kept.pop("pattern")))
            )
    if "enum" in kept and not isinstance(kept["enum"], list):
        faults.append(Fault(where, "'enum' is a list", repr(kept.pop("enum"))))
    return kept


def _names(given: Any) -> tuple[str, ...]:
    if given is None:
        return ()
    return (given,) if isinstance(given, str) else tuple(str(name) for name in given)


def _foreign_keys(given: Any, name: str, at: str, faults: list[Fault]) -> tuple[ForeignKey, ...]:
    keys = []
    for item in given or ():
        reference = item.get("reference") if isinstance(item, dict) else None
        if not isinstance(reference, dict) or "fields" not in item or "fields" not in reference:
            faults.append(Fault(at, "a foreign key has 'fields' and a 'reference'", repr(item)))
            continue
        keys.append(
            ForeignKey(
                _names(item["fields"]),
                str(reference.get("resource") or name),
                _names(reference["fields"]),
            )
        )
    return tuple(keys)


def _delimiter(dialect: Any, at: str, faults: list[Fault]) -> str:
    if not isinstance(dialect, dict):
        return ","
    inner = dialect.get("csv")
    delimiter = (inner if isinstance(inner, dict) else dialect).get("delimiter", ",")
    if not isinstance(delimiter, str) or len(delimiter) != 1:
        faults.append(Fault(at, "the delimiter is one character", repr(delimiter)))
        return ","
    return delimiter


def _key_faults(resource: Resource, tables: Mapping[str, Resource], where: str) -> list[Fault]:
    at = f"{where}, resource '{resource.name}'"
    faults = [
        Fault(
            at,
            "the primary key names fields of the schema",
            repr(name),
            meant(name, resource.names),
        )
        for name in resource.primary_key
        if name not in resource.names
    ]
    for key in resource.foreign_keys:
        target = tables.get(key.table)
        faults += [
            Fault(
                at,
                "a foreign key names fields of the schema",
                repr(name),
                meant(name, resource.names),
            )
            for name in key.columns
            if name not in resource.names
        ]
        if target is None:
            faults.append(
                Fault(
                    at,
                    "a foreign key points to a table of the package",
                    repr(key.table),
                    meant(key.table, tuple(tables)),
                )
            )
        elif not set(key.target) <= set(target.names) or len(key.target) != len(key.columns):
            faults.append(
                Fault(at, f"a foreign key points to fields of '{key.table}'", repr(key.target))
            )
    return faults
