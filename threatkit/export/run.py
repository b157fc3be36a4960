"""A finished run as it lies on the disk, read and checked for export and comparison."""

import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import geopandas as gpd
import pandas as pd

from threatkit import __version__
from threatkit.csvtext import read_frame
from threatkit.errors import Fault, InvalidInput

TLP = "TLP:AMBER"
SENSITIVITY = "high"
#: What each level means, in 100 a year; the colours are those of the map.
LEVELS: Mapping[int, tuple[str, str]] = {
    1: ("level 1 of 5 (under 1 in 100)", "#eee6d6"),
    2: ("level 2 of 5 (1 to 3 in 100)", "#e7b26b"),
    3: ("level 3 of 5 (3 to 10 in 100)", "#c67102"),
    4: ("level 4 of 5 (10 to 25 in 100)", "#963800"),
    5: ("level 5 of 5 (25 in 100 or more)", "#562224"),
}
NO_DATA = "not assessed"
ATTRIBUTION = (
    "Boundaries: geoBoundaries ADM2 (CC BY 4.0 or CC BY 3.0 IGO by country), changed; they imply "
    "no opinion on the status of any territory. Scores: threatkit."
)


@dataclass(frozen=True)
class Run:
    """A run: scores by district, outlines where known, and the record of how it was made."""

    folder: Path
    record: Mapping[str, Any]
    scores: pd.DataFrame
    geometry: gpd.GeoDataFrame

    def facts(self) -> dict[str, Any]:
        """Return what must stand beside every figure, in plain types."""
        forecast = self.record["forecast"]
        return {
            "run_id": str(self.record["run_id"]),
            "horizon_start": str(forecast["start"]),
            "horizon_end": str(forecast["end"]),
            "ci_prob": float(self.record["ci_prob"]),
            "gate_passed": bool(self.record["diagnostics"]["passed"]),
            "tlp": TLP,
            "ocha_sensitivity": SENSITIVITY,
            "attribution": ATTRIBUTION,
            "threatkit": str(self.record["threatkit"]),
        }

    def table(self) -> pd.DataFrame:
        """Return the scores with those facts in every row."""
        return self.scores.assign(**self.facts())

    def layer(self) -> gpd.GeoDataFrame:
        """Return the table with outlines in EPSG:4326; a district without one has none."""
        table = self.table()
        shapes = self.geometry.geometry.reindex(table.index)
        return gpd.GeoDataFrame(table, geometry=shapes, crs="EPSG:4326")


def read_run(folder: Path) -> Run:
    """Read a finished run.

    Raises
    ------
    InvalidInput
        If files are missing or broken, or another version of the toolkit made the run.
    """
    missing = [
        n for n in ("run.json", "scores.csv", "scores.geojson") if not (folder / n).is_file()
    ]
    if missing:
        raise InvalidInput(
            Fault(
                str(folder / name), "a finished run holds this file", "none", "Run 'assess' again"
            )
            for name in missing
        )
    record = _record(folder / "run.json")
    scores = read_frame(folder / "scores.csv", dtypes={"district": "string"}).set_index("district")
    scores["risk_level"] = scores["risk_level"].astype("Int64")
    shapes = gpd.read_file(folder / "scores.geojson").set_index("district")
    return Run(folder, record, scores, shapes)


def needed(name: str) -> ModuleType:
    """Import an optional library, or say in a sentence how to get it.

    Raises
    ------
    InvalidInput
        If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InvalidInput(
            Fault(
                f"library {name}",
                "this format needs it",
                "not installed",
                "Install it with: pip install 'threatkit[export]'",
            )
        ) from error


def _record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidInput(Fault(str(path), "the record is JSON", str(error))) from error
    keys = ("run_id", "threatkit", "forecast", "ci_prob", "diagnostics", "config", "inputs")
    lacking = [key for key in keys if not isinstance(record, dict) or key not in record]
    if lacking:
        raise InvalidInput(Fault(str(path), "the record names " + ", ".join(lacking), "nothing"))
    made = str(record["threatkit"])
    if made.split(".")[:2] != __version__.split(".")[:2]:
        raise InvalidInput(
            Fault(
                str(path),
                f"runs are read by the version that made them; this is {__version__}",
                f"a run of version {made}",
                f"Run 'assess' again, or install threatkit {made}",
            )
        )
    return dict(record)
