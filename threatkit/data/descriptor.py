"""The descriptor of a data package (datapackage.json), read into frozen dataclasses.

The format is the Frictionless data package, profile version 1, with one key of our own,
``threatkit``, that names the pillar and declares the indicators of the package. Every
fault of a descriptor is gathered; what can be read is returned beside the faults, so that
the tables are checked in the same go.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

from threatkit.data.indicator import CHOICES, indicator_faults
from threatkit.data.schema import Resource, key_faults, read_resource
from threatkit.data.wording import listed, meant
from threatkit.errors import Fault

DESCRIPTOR = "datapackage.json"

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


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
    try:
        raw = path.read_bytes()
    except OSError as error:
        return {}, "", Fault(where, "the descriptor can be read", error.strerror or str(error))
    digest = sha256(raw).hexdigest()
    try:
        content = json.loads(raw.decode("utf-8-sig"))
        found = _unprintable(content)
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
    if found:
        rule = "texts are valid and hold no control characters but tab and line feed"
        return {}, digest, Fault(where, rule, found, "Delete them.")
    return content, digest, None


def _unprintable(node: Any) -> str:
    """Return the first text that holds control characters or lone surrogates, escaped."""
    if isinstance(node, str):
        return ascii(node[:60]) if _UNPRINTABLE.search(node) else ""
    inner = [*node, *node.values()] if isinstance(node, dict) else node
    if isinstance(inner, list):
        return next((found for item in inner if (found := _unprintable(item))), "")
    return ""


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
        resource = read_resource(item, position, folder, where, faults)
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
        faults += key_faults(resource, tables, where)
    return tuple(found)
