"""The copy of its inputs that a run keeps: what the model reads of them, and no more.

``inputs.json.gz`` in the folder of a run holds the values and definitions of the indicators, the
events, the coverage, the people and the borders, column by column in plain JSON. From it the
specification of the run is made again when the packages on the disk have long changed. Free
texts, such as the summary of an event, are left out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from threatkit.columns import frame as from_columns
from threatkit.config import Config, parse_config
from threatkit.data.catalogue import Catalogue, Package
from threatkit.data.drafts import DISTRICTS
from threatkit.data.schema import VALUES_COLUMNS
from threatkit.errors import Fault, InvalidInput
from threatkit.export.run import Run
from threatkit.geo.graph import Graph
from threatkit.inputs import Inputs, load_inputs
from threatkit.store import KEPT, unpacked

VALUES, EDGES = "values", "edges"
_FORMAT = 1


@dataclass(frozen=True)
class KeptInputs:
    """What the model reads of the inputs of a run.

    Attributes
    ----------
    tables
        ``values`` (with the column package), ``events``, ``ucdp_episodes``, ``afghan_side``,
        ``coverage``, ``districts``, ``national_population`` and ``edges``, where there are such.
    definitions
        Declaration of each indicator by its name, with the key package.
    outlined
        Codes of the districts that have an outline, in the order of the graph.
    """

    tables: Mapping[str, pd.DataFrame]
    definitions: Mapping[str, Mapping[str, Any]]
    outlined: tuple[str, ...]

    def inputs(self) -> Inputs:
        """Return them as `threatkit.inputs.make_spec` takes them; without outlines."""
        people = {n: t for n, t in self.tables.items() if n in (DISTRICTS, "national_population")}
        rest = {n: t for n, t in self.tables.items() if n not in (*people, EDGES)}
        declared = [
            {key: value for key, value in item.items() if key != "package"}
            for item in self.definitions.values()
        ]
        packages = (_package(DISTRICTS, people, []), _package("kept", rest, declared))
        return Inputs(
            Catalogue(packages),
            gpd.GeoDataFrame(geometry=[]),
            Graph(self.outlined, self.tables[EDGES].reset_index(drop=True)),
            {},
        )


def _package(
    name: str, tables: Mapping[str, pd.DataFrame], declared: list[dict[str, Any]]
) -> Package:
    return Package(
        name=name,
        title=name,
        version="",
        pillar="",
        path=Path(),
        descriptor={"threatkit": {"indicators": declared}},
        tables=tables,
        files=dict.fromkeys(tables, KEPT),
        hashes={},
    )


@dataclass(frozen=True)
class Unavailable:
    """Why the inputs of a run cannot be had any more."""

    reason: str


def config_of(run: Run) -> Config:
    """Return the configuration of a run, its date given; its folders are not looked for."""
    files = ("indicators", "boundaries", "edges")
    values = {k: v for k, v in run.record["config"].items() if k not in files}
    config = parse_config(values, name=f"{run.folder}/run.json")
    return replace(config, as_of=date.fromisoformat(run.record["as_of"]))


def inputs_of(run: Run) -> KeptInputs | Unavailable:
    """Return the inputs of a run: its own copy, or the files on the disk if they are the same.

    Raises
    ------
    InvalidInput
        If the run's copy is broken.
    """
    path = run.folder / KEPT
    if path.is_file():
        return read_kept(path)
    lead = f"{run.folder} keeps no copy of its inputs (an earlier version made it), and "
    try:
        found = load_inputs(parse_config(run.record["config"], name=f"{run.folder}/run.json"))
    except InvalidInput as error:
        return Unavailable(f"{lead}its files cannot be read: {error.faults[0]}")
    made = run.record["inputs"]
    other = sorted(n for n in {*made, *found.hashes} if made.get(n) != found.hashes.get(n))
    if other:
        return Unavailable(f"{lead}these files are no longer as the run read them: {listed(other)}")
    return parse_kept(json.loads(json.dumps(found.kept())))


def read_kept(path: Path) -> KeptInputs:
    """Read the copy of the inputs that a run wrote.

    Raises
    ------
    InvalidInput
        If it is not such a file.
    """
    try:
        return parse_kept(unpacked(path.read_bytes()))
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        rule = "this is the copy of its inputs that a run wrote"
        raise InvalidInput(Fault(str(path), rule, repr(error), "Run 'assess' again")) from error


def parse_kept(plain: Mapping[str, Any]) -> KeptInputs:
    """Return kept inputs from plain values.

    Raises
    ------
    ValueError, KeyError, TypeError
        If they are of another format.
    """
    if plain["format"] != _FORMAT:
        raise ValueError(f"format {plain['format']!r}, known is {_FORMAT}")
    tables = {str(name): _frame(columns) for name, columns in plain["tables"].items()}
    lacking = {VALUES, EDGES, DISTRICTS} - set(tables)
    if lacking or not set(VALUES_COLUMNS) <= set(tables[VALUES]):
        raise ValueError(f"no whole table {', '.join(sorted(lacking)) or VALUES}")
    return KeptInputs(tables, dict(plain["definitions"]), tuple(plain["outlined"]))


def _frame(columns: Mapping[str, Any]) -> pd.DataFrame:
    frame = from_columns(columns)
    frame.index = pd.RangeIndex(2, len(frame) + 2, name="row")
    return frame


def listed(names: list[str], most: int = 5) -> str:
    """Return the first few names and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
