"""The resources of a descriptor: files with their schema, keys, dialect and checksum."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from threatkit.data.wording import listed, meant
from threatkit.errors import Fault

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


def read_resource(
    item: Any, position: int, folder: Path, where: str, faults: list[Fault]
) -> Resource | None:
    """Read one entry of ``resources``, or return None where it cannot be used.

    Parameters
    ----------
    item
        The entry.
    position
        Its position in the list, from zero.
    folder
        The folder of the package, which no path may leave.
    where
        The descriptor, for messages.
    faults
        Takes the faults found.
    """
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
        primary_key=_names(schema.get("primaryKey"), f"{at}, key 'primaryKey'", faults),
        foreign_keys=_foreign_keys(schema.get("foreignKeys"), name, at, faults),
        delimiter=_delimiter(item.get("dialect"), at, faults),
        missing=_names(schema.get("missingValues", [""]), f"{at}, key 'missingValues'", faults),
        **_promise(item, at, faults),
    )


def _leaves(path: str, folder: Path) -> bool:
    pure = PurePosixPath(path)
    if "://" in path or "\\" in path or pure.is_absolute() or ".." in pure.parts:
        return True
    try:
        return not (folder / path).resolve().is_relative_to(folder.resolve())
    except OSError:
        return True


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
                MappingProxyType(
                    _constraints(item.get("constraints"), kind, f"{at}, field '{name}'", faults)
                ),
                str(item.get("decimalChar", ".")),
            )
        )
    if not columns:
        faults.append(Fault(at, "a schema declares at least one field", "none"))
    return tuple(columns)


def _constraints(given: Any, kind: str, where: str, faults: list[Fault]) -> dict[str, Any]:
    """Return the constraints of a field that are known and of the right kind."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        faults.append(Fault(where, "the constraints are an object", repr(given)))
        return {}
    kept = {}
    for key, value in given.items():
        if key not in CONSTRAINTS:
            rule = f"a constraint is one of {listed(CONSTRAINTS)}"
            faults.append(Fault(where, rule, repr(key), meant(key, CONSTRAINTS)))
        elif rule := _constraint_rule(key, value, kind):
            faults.append(Fault(f"{where}, constraint '{key}'", rule, repr(value)))
        else:
            kept[key] = value
    return kept


def _constraint_rule(key: str, value: Any, kind: str) -> str:
    """Return the rule that a constraint breaks, or an empty text."""
    numeric = kind in ("number", "integer", "year")
    match key:
        case "required" | "unique":
            return "" if isinstance(value, bool) else "the value is true or false"
        case "minLength" | "maxLength":
            return "" if kind == "string" and _is_count(value) else "text has a whole length"
        case "minimum" | "maximum" if numeric:
            return "" if _is_number(value) else "the limit of a number is a number"
        case "minimum" | "maximum" if kind == "date":
            return "" if _is_date(value) else "the limit of a date is a date"
        case "minimum" | "maximum":
            return "only numbers and dates have limits"
        case "enum":
            items = value if isinstance(value, list) else []
            sound = bool(items) and (not numeric or all(_is_number(item) for item in items))
            return "" if sound else "'enum' is a list of values of the field's type"
        case _:
            return "" if _is_pattern(value) else "the pattern is a regular expression"


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_date(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(date.fromisoformat(value))
    except ValueError:
        return False


def _is_pattern(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(re.compile(value))
    except re.error:
        return False


def _names(given: Any, where: str, faults: list[Fault]) -> tuple[str, ...]:
    if given is None:
        return ()
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        faults.append(Fault(where, "the value is a text or a list of texts", repr(given)))
        return ()
    return tuple(names)


def _foreign_keys(given: Any, name: str, at: str, faults: list[Fault]) -> tuple[ForeignKey, ...]:
    keys: list[ForeignKey] = []
    if given is not None and not isinstance(given, list):
        faults.append(Fault(at, "the foreign keys are a list", repr(given)))
        return ()
    for item in given or ():
        reference = item.get("reference") if isinstance(item, dict) else None
        if not isinstance(reference, dict) or "fields" not in item or "fields" not in reference:
            faults.append(Fault(at, "a foreign key has 'fields' and a 'reference'", repr(item)))
            continue
        columns = _names(item["fields"], f"{at}, foreign key", faults)
        target = _names(reference["fields"], f"{at}, foreign key", faults)
        if columns and len(columns) == len(target):
            keys.append(ForeignKey(columns, str(reference.get("resource") or name), target))
        else:
            rule = "a foreign key has as many fields as its reference, one or more"
            faults.append(Fault(at, rule, f"{len(columns)} and {len(target)}"))
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


def key_faults(resource: Resource, tables: Mapping[str, Resource], where: str) -> list[Fault]:
    """Check that the keys of a resource name fields and tables that are declared."""
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
        elif not set(key.target) <= set(target.names):
            faults.append(
                Fault(at, f"a foreign key points to fields of '{key.table}'", repr(key.target))
            )
    return faults
