"""A finished run as it lies on the disk, read and checked for export and comparison."""

import csv
import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from threatkit import __version__
from threatkit.csvtext import read_frame
from threatkit.errors import Fault, InvalidInput
from threatkit.export.marking import DEFAULT, label
from threatkit.paths import data_dir
from threatkit.store import RECORD, read_record

SENSITIVITY = "high"
CRS = "EPSG:4326"
_FILES = ("scores.csv", "areas.csv", "scores.geojson", "posterior.nc")
_INTEGERS = ("population", "risk_level", "rank", "rank_lo", "rank_hi", "districts")
_KEYS = (
    *("run_id", "threatkit", "made", "as_of", "forecast", "ci_prob", "seed", "diagnostics"),
    *("config", "inputs", "model"),
)


@dataclass(frozen=True)
class Run:
    """A run: its scores, outlines where known, and the record of how it was made.

    Attributes
    ----------
    folder
        Where it lies.
    record
        What ``run.json`` holds.
    scores
        Index district; the columns of the published schema ``scores``.
    areas
        Index area; the columns of the published schema ``areas``.
    outlines
        Index district, EPSG:4326; a district without an outline is absent.
    tlp
        Level of the Traffic Light Protocol that copies of the run carry.
    """

    folder: Path
    record: Mapping[str, Any]
    scores: pd.DataFrame
    areas: pd.DataFrame
    outlines: gpd.GeoSeries
    tlp: str = DEFAULT

    @property
    def gate_passed(self) -> bool:
        """Return whether the run may be used."""
        return bool(self.record["diagnostics"]["passed"])

    def facts(self) -> dict[str, Any]:
        """Return what must stand beside every figure, in plain types."""
        forecast = self.record["forecast"]
        return {
            "run_id": str(self.record["run_id"]),
            "threatkit": str(self.record["threatkit"]),
            "as_of": str(self.record["as_of"]),
            "horizon_start": str(forecast["start"]),
            "horizon_end": str(forecast["end"]),
            "ci_prob": float(self.record["ci_prob"]),
            "gate_passed": self.gate_passed,
            "tlp": label(self.tlp),
            "ocha_sensitivity": SENSITIVITY,
            "attribution": attribution(self.record),
        }

    def caution(self) -> str:
        """Return the sentences that a copy of the run carries."""
        facts = self.facts()
        return (
            f"{'' if self.gate_passed else 'DO NOT USE: the diagnostics gate was not met. '}"
            "Modelled probability of at least one episode of organised violence in a district "
            f"from {facts['horizon_start']} to {facts['horizon_end']}, with "
            f"{100 * facts['ci_prob']:g}% intervals (_lo, _hi). It describes areas, never "
            f"people. {label(self.tlp)}; OCHA sensitivity: {SENSITIVITY}."
        )

    def table(self) -> pd.DataFrame:
        """Return the scores with the facts in every row."""
        return self.scores.assign(**self.facts())

    def layer(self, *, attributed: bool = True) -> gpd.GeoDataFrame:
        """Return the table with outlines in EPSG:4326; a district without one has none.

        Parameters
        ----------
        attributed
            Whether every row has the attribution, or the format holds it once elsewhere.
        """
        table = self.table() if attributed else self.table().drop(columns="attribution")
        return gpd.GeoDataFrame(table, geometry=self.outlines.reindex(table.index), crs=CRS)


def read_run(folder: Path) -> Run:
    """Read a finished run.

    Raises
    ------
    InvalidInput
        If files are missing or broken, or an incompatible version of the toolkit made the run.
    """
    record = read_record(folder)
    _check_record(record, Path(folder) / RECORD)
    faults = [
        Fault(str(Path(folder) / name), "a finished run holds this file", "none", "Assess again")
        for name in _FILES
        if not (Path(folder) / name).is_file()
    ]
    if faults:
        raise InvalidInput(faults)
    return Run(
        Path(folder),
        record,
        _table(Path(folder) / "scores.csv", "district"),
        _table(Path(folder) / "areas.csv", "area"),
        _outlines(Path(folder) / "scores.geojson"),
    )


def needed(name: str) -> Any:
    """Import an optional library, or say in a sentence how to get it.

    Raises
    ------
    InvalidInput
        If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise InvalidInput(
            Fault(
                f"library {name.split('.')[0]}",
                "this format needs it, and it is not installed",
                remedy="Install it with: pip install 'threatkit[export]'",
            )
        ) from error


def attribution(record: Mapping[str, Any]) -> str:
    """Return whose boundaries and data a run has, with their licences.

    A package that is not shipped here is named, and nothing is claimed of it.
    """
    inputs = record["inputs"]
    lines = ["Boundaries: given by the user of the run."]
    if "boundaries" not in inputs:
        text = (data_dir("maps") / "boundaries" / "boundaries.json").read_text(encoding="utf-8")
        lines = [str(json.loads(text)["attribution"])]
    packages = sorted({name.split("/")[0] for name in inputs if name.endswith("datapackage.json")})
    return " ".join([*lines, *map(_package_line, packages)])


def _package_line(name: str) -> str:
    path = data_dir("indicators") / name / "datapackage.json"
    if not path.is_file():
        return f"Data package '{name}' of the user of the run."
    found = json.loads(path.read_text(encoding="utf-8"))
    names = ", ".join(str(item["name"]) for item in found.get("licenses", []) if "name" in item)
    return f"{found['title']}{f' ({names})' if names else ''}."


def _check_record(record: Mapping[str, Any], path: Path) -> None:
    """Refuse a record that lacks what is needed, or that another series of versions made."""
    made = str(record.get("threatkit", "an unknown version"))
    if _series(made) != _series(__version__):
        raise InvalidInput(
            Fault(
                str(path),
                f"runs are read by the series of versions that made them, this is {__version__}: "
                "columns and draws of another may mean something else",
                f"a run of {made}",
                f"Run 'assess' again, or install threatkit {made}",
            )
        )
    lacking = [key for key in _KEYS if key not in record]
    if lacking:
        raise InvalidInput(
            Fault(
                str(path),
                f"the record names {', '.join(_KEYS)}",
                f"no {', '.join(lacking)}",
                "Run 'assess' again",
            )
        )


def _series(version: str) -> str:
    """Return what versions of compatible files share: below 1.0 the first two numbers."""
    numbers = version.split(".")
    return ".".join(numbers[:2]) if numbers[0] == "0" else numbers[0]


def _table(path: Path, key: str) -> pd.DataFrame:
    with path.open(encoding="utf-8", newline="") as stream:
        columns = next(csv.reader(stream), [])
    if key not in columns:
        raise InvalidInput(Fault(str(path), f"it has a column '{key}'", "none", "Assess again"))
    dtypes = {
        **dict.fromkeys((key, "name", "country", "oblast"), "string"),
        **dict.fromkeys(_INTEGERS, "Int64"),
        **{name: "boolean" for name in columns if name.endswith("_prior")},
    }
    try:
        frame = read_frame(path, dtypes={n: dtypes[n] for n in columns if n in dtypes})
    except ValueError as error:
        fault = Fault(str(path), "it is a table as a run writes it", str(error), "Assess again")
        raise InvalidInput(fault) from error
    frame[key] = frame[key].astype(str)
    return frame.set_index(key)


def _outlines(path: Path) -> gpd.GeoSeries:
    try:
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
        frame = gpd.GeoDataFrame.from_features(features, crs=CRS) if features else None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        fault = Fault(str(path), "it is GeoJSON as a run writes it", repr(error), "Assess again")
        raise InvalidInput(fault) from error
    if frame is None:
        return gpd.GeoSeries([], index=pd.Index([], name="district"), crs=CRS)
    return frame.set_index("district").geometry
