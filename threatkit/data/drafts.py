"""Packages on their way into the catalogue: found, read, and held against each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from threatkit.data.areas import Areas, known_areas
from threatkit.data.descriptor import DESCRIPTOR, Descriptor, read_descriptor, shown
from threatkit.data.indicator import KEYS
from threatkit.data.reading import read_bytes, read_table
from threatkit.data.rules import Context, table_faults
from threatkit.data.tables import Table, typed_table
from threatkit.errors import Fault
from threatkit.paths import data_dir

DISTRICTS = "districts"


@dataclass(frozen=True, eq=False)
class Draft:
    """A package on its way: read, not yet held against the rest."""

    descriptor: Descriptor
    tables: dict[str, Table]
    hashes: dict[str, str]


def shipped_packages(*, only_districts: bool, faults: list[Fault]) -> dict[str, Descriptor]:
    """Return the descriptors of the shipped packages by name."""
    root = data_dir("indicators")
    folders = [root / DISTRICTS] if only_districts else sorted(root.iterdir())
    return descriptors([folder for folder in folders if (folder / DESCRIPTOR).is_file()], faults)


def package_folders(folder: Path, faults: list[Fault]) -> list[Path]:
    """Return the folders of packages at a place that a user named."""
    where = shown(folder)
    if not folder.is_dir():
        kind = "a file" if folder.exists() else "no such folder"
        faults.append(Fault(where, "the folder of indicators exists", kind, "Check the path."))
        return []
    if (folder / DESCRIPTOR).exists():
        return [folder]
    try:
        return _inner_folders(folder, where, faults)
    except OSError as error:
        faults.append(Fault(where, "the folder can be read", error.strerror or str(error)))
        return []


def _inner_folders(folder: Path, where: str, faults: list[Fault]) -> list[Path]:
    inner = [item for item in sorted(folder.iterdir()) if item.is_dir()]
    packages = [item for item in inner if (item / DESCRIPTOR).exists()]
    bare = [item for item in inner if item not in packages and any(item.glob("*.csv"))]
    faults += [
        Fault(
            shown(item),
            f"a folder with CSV files has a {DESCRIPTOR}",
            "none",
            "Write one, or move the folder away.",
        )
        for item in bare
    ]
    if not packages and not bare:
        faults.append(
            Fault(
                where,
                "the folder is a data package or holds some",
                f"no {DESCRIPTOR} in it or in its subfolders",
                "Name the folder that holds the packages; 'threatkit init' writes an example.",
            )
        )
    return packages


def descriptors(folders: Sequence[Path], faults: list[Fault]) -> dict[str, Descriptor]:
    """Read the descriptors in these folders; a name may stand in one of them only."""
    found: dict[str, Descriptor] = {}
    for folder in folders:
        descriptor, wrong = read_descriptor(folder)
        faults += wrong
        if descriptor is None:
            continue
        if descriptor.name in found:
            faults.append(
                Fault(
                    shown(folder / DESCRIPTOR),
                    "the name of a package is used once in a folder",
                    f"'{descriptor.name}', also in {shown(found[descriptor.name].folder)}",
                    "Rename one of the two.",
                )
            )
            continue
        found[descriptor.name] = descriptor
    return found


def once(faults: Sequence[Fault]) -> list[Fault]:
    """Keep the first fault of a cell where two rules say the same of one value."""
    told: dict[tuple[str, str], Fault] = {}
    for fault in faults:
        told.setdefault((fault.where, fault.found or fault.rule), fault)
    return list(told.values())


def read_draft(descriptor: Descriptor, *, shipped: bool) -> tuple[Draft, list[Fault]]:
    """Read every file of a package."""
    faults: list[Fault] = []
    tables: dict[str, Table] = {}
    hashes = {DESCRIPTOR: descriptor.sha256}
    for resource in descriptor.resources:
        if not resource.is_table:
            _, digest, wrong = read_bytes(descriptor.folder, resource, hash_required=shipped)
            hashes[resource.path] = digest
            faults += wrong
            continue
        raw, wrong = read_table(descriptor.folder, resource, hash_required=shipped)
        faults += wrong
        if raw is not None:
            hashes[resource.path] = raw.sha256
            tables[resource.name], wrong = typed_table(raw, resource)
            faults += wrong
    named = _named_files(descriptor)
    faults += [
        Fault(
            shown(path),
            f"every CSV of a package is named in its {DESCRIPTOR}",
            "not named",
            "Add it under 'resources', or move it away.",
        )
        for path in sorted(descriptor.folder.glob("*.csv"))
        if named and path.name not in named
    ]
    return Draft(descriptor, tables, hashes), faults


def _named_files(descriptor: Descriptor) -> set[str]:
    """Return the paths that a descriptor names, also of resources that have faults."""
    resources = descriptor.content.get("resources")
    items = resources if isinstance(resources, list) else []
    return {str(item.get("path")) for item in items if isinstance(item, dict)}


def joint_faults(drafts: Sequence[Draft]) -> list[Fault]:
    """Hold every table against its schema, our rules, and the rest of the catalogue."""
    declared, faults = _declared(drafts)
    areas, wrong = _areas(drafts)
    faults += wrong
    if areas is None:
        return faults
    for draft in drafts:
        context = Context(areas, declared, MappingProxyType(draft.tables))
        for table in draft.tables.values():
            faults += table_faults(table, context)
    return faults


def _areas(drafts: Sequence[Draft]) -> tuple[Areas | None, list[Fault]]:
    needed = ("district", "country", "oblast")
    for draft in drafts:
        if draft.descriptor.name != DISTRICTS:
            continue
        table = draft.tables.get(DISTRICTS)
        if table is not None and table.has(*needed):
            return known_areas(table.frame), []
        fault = Fault(
            shown(draft.descriptor.folder),
            f"package '{DISTRICTS}' has a table '{DISTRICTS}' with columns {', '.join(needed)}",
            "none that can be read",
        )
        return None, [fault]
    fault = Fault(
        "the catalogue",
        f"a package '{DISTRICTS}' has the table of districts",
        "none",
        "The shipped one is missing: reinstall threatkit, or bring your own.",
    )
    return None, [fault]


def _declared(
    drafts: Sequence[Draft],
) -> tuple[dict[str, Mapping[str, Any]], list[Fault]]:
    """Return all declared indicators; a name stands for one definition everywhere."""
    declared: dict[str, Mapping[str, Any]] = {}
    owner: dict[str, str] = {}
    faults = []
    for draft in drafts:
        package = draft.descriptor.name
        for item in draft.descriptor.indicators:
            name = item["name"]
            if owner.setdefault(name, package) == package:
                declared[name] = item
                continue
            different = [
                key for key in KEYS if dict(item).get(key) != dict(declared[name]).get(key)
            ]
            if different:
                faults.append(
                    Fault(
                        f"{shown(draft.descriptor.folder / DESCRIPTOR)}, indicator '{name}'",
                        f"an indicator declared in two packages is the same in both "
                        f"(also in package '{owner[name]}')",
                        f"other {', '.join(different)}",
                        "Give yours another name, or leave its declaration to the other package.",
                    )
                )
    return declared, faults
