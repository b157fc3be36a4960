"""Exports of a finished run, each read back by the library of its format."""

import json
import os
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import pytest

from threatkit.errors import InvalidInput
from threatkit.export.formats import export
from threatkit.export.run import Run, read_run

FOLDER = os.environ.get("THREATKIT_TEST_RUN")
pytestmark = pytest.mark.skipif(
    FOLDER is None, reason="THREATKIT_TEST_RUN names no finished run (folder of 'assess')"
)


@pytest.fixture(scope="module")
def run() -> Run:
    return read_run(Path(str(FOLDER)))


@pytest.mark.parametrize("to", ["geojson", "gpkg", "geoparquet"])
def test_outlines(run: Run, tmp_path: Path, to: str) -> None:
    path = export(run, to, tmp_path / f"x.{to}")
    read = (
        gpd.read_parquet(path)
        if to == "geoparquet"
        else gpd.read_file(path, **({"layer": "scores"} if to == "gpkg" else {}))
    )
    assert len(read) == len(run.scores)
    assert {"event_prob_lo", "event_prob_hi", "horizon_end", "gate_passed", "tlp"} <= set(read)


def test_project_and_styles(run: Run, tmp_path: Path) -> None:
    path = export(run, "qgis", tmp_path / "x.qgz")
    assert zipfile.ZipFile(path).namelist() == ["x.qgs"]
    with closing(sqlite3.connect(tmp_path / "x.gpkg")) as base:
        assert "198,113,2,255" in base.execute("SELECT styleQML FROM layer_styles").fetchone()[0]


def test_stix(run: Run, tmp_path: Path) -> None:
    stix2 = pytest.importorskip("stix2")
    bundle = stix2.parse(export(run, "stix", tmp_path / "x.json").read_text(encoding="utf-8"))
    notes = [o for o in bundle.objects if o.type == "note"]
    assert len(notes) == len(run.scores)
    assert all("interval" in n.content for n in notes)


def test_other_version(run: Run, tmp_path: Path) -> None:
    for name in ("scores.csv", "scores.geojson"):
        (tmp_path / name).write_bytes((run.folder / name).read_bytes())
    (tmp_path / "run.json").write_text(json.dumps({**run.record, "threatkit": "9.0.0"}))
    with pytest.raises(InvalidInput, match=r"9\.0\.0"):
        read_run(tmp_path)
