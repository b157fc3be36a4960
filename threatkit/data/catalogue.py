"""The catalogue of data packages: find them, lay a user's over the shipped ones, check all.

A package is a folder with a ``datapackage.json`` and the CSV files that it names. Nothing is
returned unless every file of every package passes; otherwise one error carries all faults.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from threatkit.data.descriptor import Descriptor
from threatkit.data.drafts import (
    DISTRICTS,
    Draft,
    descriptors,
    joint_faults,
    once,
    package_folders,
    read_draft,
    shipped_packages,
)
from threatkit.data.indicator import KEYS
from threatkit.data.schema import VALUES_COLUMNS
from threatkit.errors import Fault, InvalidInput


@dataclass(frozen=True, eq=False)
class Package:
    """A data package whose files were read and passed.

    Attributes
    ----------
    name, title, version, pillar
        As in the descriptor.
    path
        Its folder.
    descriptor
        The whole descriptor.
    tables
        A frame for each table by the name of its resource, indexed by ``row``, the row
        in the file (the header is row 1).
    files
        The path of each table inside the folder by the name of its resource.
    hashes
        SHA-256 of each file by its path inside the folder.
    """

    name: str
    title: str
    version: str
    pillar: str
    path: Path
    descriptor: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]
    files: Mapping[str, str]
    hashes: Mapping[str, str]

    @property
    def indicators(self) -> tuple[Mapping[str, Any], ...]:
        """Return the indicators that the package declares."""
        return tuple(self.descriptor["threatkit"]["indicators"])


@dataclass(frozen=True, eq=False)
class Catalogue:
    """All packages of an assessment; every frame is made anew and may be changed."""

    packages: tuple[Package, ...]

    def package(self, name: str) -> Package:
        """Return a package by its name.

        Raises
        ------
        InvalidInput
            If the catalogue has no such package.
        """
        for package in self.packages:
            if package.name == name:
                return package
        names = ", ".join(package.name for package in self.packages)
        raise InvalidInput(
            Fault(f"package '{name}'", "the package is in the catalogue", f"only {names}")
        )

    def has_table(self, name: str) -> bool:
        """Return whether some package has a table of this name."""
        return any(name in package.tables for package in self.packages)

    def table(self, name: str) -> pd.DataFrame:
        """Return a table by its name, over all packages that have it.

        Returns
        -------
        The columns of the table, then ``package``, ``file`` and ``row`` to trace a row
        back to its file.

        Raises
        ------
        InvalidInput
            If no package has a table of this name.
        """
        frames = [_traced(package, name) for package in self.packages if name in package.tables]
        if not frames:
            raise InvalidInput(
                Fault(
                    f"table '{name}'",
                    "a package of the catalogue has the table",
                    f"packages {', '.join(p.name for p in self.packages) or 'none'}",
                    "Add a package that has it, or keep the shipped ones.",
                )
            )
        return pd.concat(frames, ignore_index=True)

    @property
    def indicators(self) -> pd.DataFrame:
        """Return the declared indicators, one row each, indexed by ``indicator``.

        Columns are the keys of a declaration (``minimum`` and ``maximum`` as numbers, NaN
        where there is no limit; ``use`` boolean) and ``package``.
        """
        rows = {
            item["name"]: {**{key: item.get(key) for key in KEYS}, "package": package.name}
            for package in reversed(self.packages)
            for item in package.indicators
        }
        names = [item["name"] for package in self.packages for item in package.indicators]
        columns = [*KEYS[1:], "package"]
        frame = pd.DataFrame(
            [rows[name] for name in dict.fromkeys(names)],
            index=pd.Index(dict.fromkeys(names), name="indicator", dtype="str"),
            columns=columns,
        )
        limits = {key: frame[key].astype("float64") for key in ("minimum", "maximum")}
        texts = {key: frame[key].astype("str") for key in columns if key not in (*limits, "use")}
        use = frame["use"].map(lambda flag: flag is not False).astype(bool)
        return frame.assign(**texts, **limits, use=use)

    @property
    def values(self) -> pd.DataFrame:
        """Return every indicator value of every package, one row a fact.

        Columns ``area_level, area_code, indicator, period, value, unit, reliability,
        credibility, source_id, note, package, file, row``; ``value`` is float,
        ``credibility`` a whole number, the rest text. ``package``, ``file`` and ``row``
        say where the number stands.
        """
        columns = [*VALUES_COLUMNS, "note", "package", "file", "row"]
        frames = [
            _traced(package, name).reindex(columns=columns)
            for package in self.packages
            for name, frame in package.tables.items()
            if set(VALUES_COLUMNS) <= set(frame.columns)
        ]
        if not frames:
            return pd.DataFrame(columns=columns)
        numbers = {"value": "float64", "credibility": "int64", "row": "int64"}
        types = {name: numbers.get(name, "str") for name in columns}
        return pd.concat([frame.astype(types) for frame in frames], ignore_index=True)

    @property
    def sources(self) -> pd.DataFrame:
        """Return the sources of all packages; ``package`` and ``source_id`` make the key."""
        return self.table("sources")

    @property
    def districts(self) -> pd.DataFrame:
        """Return the table of districts, indexed by ``district``.

        ``population`` (people) is float and missing where unknown, ``fergana`` boolean.
        """
        frame = self.package(DISTRICTS).tables[DISTRICTS].set_index("district")
        types: dict[str, Any] = {}
        if "population" in frame:
            types["population"] = "float64"
        if "fergana" in frame:
            frame = frame.assign(fergana=frame["fergana"].astype("Int64").fillna(0) == 1)
            types["fergana"] = bool
        return frame.astype(types)

    @property
    def events(self) -> pd.DataFrame:
        """Return the curated events, one row an event."""
        return self.table("events")

    @property
    def coverage(self) -> pd.DataFrame:
        """Return which source covers which country and year."""
        return self.table("coverage")

    @property
    def hashes(self) -> dict[str, str]:
        """Return the SHA-256 of every file, by ``package/path``."""
        return {
            f"{package.name}/{path}": digest
            for package in self.packages
            for path, digest in package.hashes.items()
        }


def load_catalogue(folders: Sequence[Path] = (), *, shipped: bool = True) -> Catalogue:
    """Find, read and check data packages.

    Parameters
    ----------
    folders
        Folders of a user: each is a package, or holds packages as subfolders. They are laid
        over the shipped ones by the name of the package; a later folder over an earlier.
    shipped
        Whether to take the shipped packages. The shipped table of districts, to which the
        boundaries are keyed, is taken in any case unless a folder brings its own.

    Raises
    ------
    InvalidInput
        With every fault of every file.
    """
    faults: list[Fault] = []
    found = shipped_packages(only_districts=not shipped, faults=faults)
    own: dict[str, Descriptor] = {}
    for folder in folders:
        own |= descriptors(package_folders(Path(folder), faults), faults)
    if own:
        found = {name: pair for name, pair in found.items() if name not in own}
    chosen = {**found, **own}
    drafts = []
    for name, descriptor in chosen.items():
        draft, form = read_draft(descriptor, shipped=name in found)
        drafts.append(draft)
        faults += form
    faults += joint_faults(drafts)
    if faults:
        raise InvalidInput(once(faults))
    return Catalogue(tuple(_package(draft) for draft in drafts))


def _package(draft: Draft) -> Package:
    descriptor = draft.descriptor
    return Package(
        name=descriptor.name,
        title=descriptor.title,
        version=descriptor.version,
        pillar=descriptor.pillar,
        path=descriptor.folder,
        descriptor=descriptor.content,
        tables=MappingProxyType({name: table.frame for name, table in draft.tables.items()}),
        files=MappingProxyType({name: table.resource.path for name, table in draft.tables.items()}),
        hashes=MappingProxyType(draft.hashes),
    )


def _traced(package: Package, name: str) -> pd.DataFrame:
    """Return a table with the columns that trace each row back to its file."""
    frame = package.tables[name]
    return frame.reset_index(drop=True).assign(
        package=pd.Series(package.name, index=range(len(frame)), dtype="str"),
        file=pd.Series(package.files[name], index=range(len(frame)), dtype="str"),
        row=frame.index.to_numpy(),
    )
