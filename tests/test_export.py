"""Exports of a finished run, each read back by the library of its format."""

import csv
import json
import sqlite3
import zipfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
from click.testing import CliRunner
from tiny_runs import CODES, NAMES, UNDRAWN, UNKNOWN, change_record, tiny_forecast, write_run

from threatkit.archive import read_forecast
from threatkit.cli import threatkit
from threatkit.cli.export import FORMATS as NAMED
from threatkit.csvtext import read_frame
from threatkit.errors import InvalidInput, OutputFailed
from threatkit.export.formats import FORMATS, export
from threatkit.export.levels import LEVEL_STYLES
from threatkit.export.run import Run, needed, read_run
from threatkit.export.stix import SCALE, dni_value
from threatkit.export.views import draws, views_month

#: Truth that is missing for a district not assessed: its type must not be guessed.
TRUTHS = dict.fromkeys(("contribution_border_prior", "contribution_people_prior"), "boolean")
CARRIED = {"event_prob_lo", "event_prob_hi", "horizon_start", "horizon_end", "gate_passed", "tlp"}
NO_BELL = NAMES[3].replace("\x07", "\ufffd")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "first")


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    return read_run(folder)


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    diagnostics = {"passed": False, "failures": ["too few draws"]}
    return read_run(write_run(tmp_path_factory.mktemp("runs") / "bad", diagnostics=diagnostics))


def test_the_command_offers_every_format() -> None:
    assert set(NAMED) == set(FORMATS)


def test_attribution_claims_nothing_of_packages_of_others(run: Run) -> None:
    text = run.facts()["attribution"]
    assert "geoBoundaries" in text
    assert "ODbL" in text
    assert "Data package 'mine' of the user" in text


def test_csv(run: Run, tmp_path: Path) -> None:
    (path,) = export(run, "csv", tmp_path / "x.csv")
    frame = read_frame(path, dtypes=TRUTHS).set_index("district")
    assert set(frame) >= CARRIED | {"attribution", "ci_prob"}
    assert frame["name"].tolist() == list(NAMES)
    assert pd.isna(frame.loc[UNKNOWN, "event_prob"])


def test_geojson(run: Run, tmp_path: Path) -> None:
    (path,) = export(run, "geojson", tmp_path / "x.geojson")
    frame = gpd.read_file(path).set_index("district")
    assert frame.index.tolist() == list(CODES)
    assert set(frame) >= CARRIED
    assert frame["name"].tolist() == list(NAMES)
    assert frame.geometry[UNDRAWN] is None
    assert frame.loc[UNKNOWN, "fill"] == "#ffffff"
    assert frame.geometry[CODES[0]].interiors
    assert frame.geometry.dropna().map(lambda shape: shape.exterior.is_ccw).all()
    told = json.loads(path.read_text(encoding="utf-8"))["threatkit"]
    assert "geoBoundaries" in told["attribution"]
    assert "never people" in told["caution"]


def test_geopackage_opens_with_its_colours(run: Run, tmp_path: Path) -> None:
    (path,) = export(run, "gpkg", tmp_path / "x.gpkg")
    frame = gpd.read_file(path, layer="districts").set_index("district")
    assert frame.index.tolist() == list(CODES)
    assert set(frame) >= CARRIED
    assert frame["name"].tolist() == list(NAMES)
    assert set(frame.geom_type.dropna()) == {"MultiPolygon"}
    layers = dict(pyogrio.list_layers(path))
    assert set(layers) == {"districts", "areas", "run", "layer_styles"}
    told = gpd.read_file(path, layer="run").iloc[0]
    assert "geoBoundaries" in told["attribution"]
    assert gpd.read_file(path, layer="areas")["event_prob_lo"].notna().all()
    with closing(sqlite3.connect(path)) as base:
        row = base.execute(
            "SELECT f_table_schema, f_table_name, f_geometry_column, useAsDefault, styleQML "
            "FROM layer_styles"
        ).fetchone()
        columns = base.execute("SELECT column_name FROM gpkg_geometry_columns").fetchone()
    assert row[:4] == ("", "districts", columns[0], 1)
    check_style(ET.fromstring(row[4]))


def check_style(root: ET.Element) -> None:
    """Hold a style to one rule, label and colour a level."""
    rules = {
        rule.get("symbol"): rule.get("filter") for rule in root.iter("rule") if rule.get("label")
    }
    colours = {
        symbol.get("name"): next(
            option.get("value") for option in symbol.iter("Option") if option.get("name") == "color"
        )
        for symbol in root.iter("symbol")
    }
    found = {rules[name]: colours[name] for name in rules}
    assert found == {
        (f'"risk_level" = {style.number}' if style.number else '"risk_level" IS NULL'): ",".join(
            str(int(style.colour[i : i + 2], 16)) for i in (1, 3, 5)
        )
        + ",255"
        for style in LEVEL_STYLES
    }


def test_hxl(run: Run, tmp_path: Path) -> None:
    hxl = pytest.importorskip("hxl")
    (path,) = export(run, "hxl", tmp_path / "x.hxl.csv")
    with hxl.data(str(path), hxl.InputOptions(allow_local=True)) as source:
        rows = list(source)
        tags = source.display_tags
    assert len(rows) == len(CODES)
    assert "#indicator+event_prob+lo+num" in tags
    assert {"#date+start", "#date+end", "#meta+gate_passed", "#meta+attribution"} <= set(tags)
    assert rows[0].get("#adm2+code+v_pcode").startswith("KG")
    assert rows[0].get("#adm2+code+v_threatkit") == CODES[0]
    assert float(rows[0].get("#indicator+event_prob+hi")) > 0
    with path.open(encoding="utf-8", newline="") as stream:
        assert len({len(row) for row in csv.reader(stream)}) == 1


def test_parquet_and_geoparquet(run: Run, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    (path,) = export(run, "parquet", tmp_path / "x.parquet")
    frame = pd.read_parquet(path).set_index("district")
    assert set(frame) >= CARRIED | {"attribution"}
    assert frame["name"].tolist() == list(NAMES)
    told = json.loads(parquet.read_schema(path).metadata[b"threatkit"])
    assert told["horizon_end"] == "2027-04-30"
    (path,) = export(run, "geoparquet", tmp_path / "x.geo.parquet")
    outlined = gpd.read_parquet(path).set_index("district")
    assert outlined.crs == "EPSG:4326"
    assert set(outlined) >= CARRIED | {"attribution"}
    assert outlined.geometry[UNDRAWN] is None


def test_views(run: Run, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    (path,) = export(run, "views", tmp_path / "x.parquet")
    frame = pd.read_parquet(path)
    assert list(frame) == ["month_id", "district", "draw", "outcome"]
    assert set(frame["district"]) == set(CODES) - {UNKNOWN}
    assert frame["month_id"].unique().tolist() == [views_month(tiny_forecast().start)] == [557]
    share = (frame["outcome"] > 0).groupby(frame["district"]).mean()
    shown = run.scores.loc[share.index, "event_prob"]
    assert ((share - shown).abs() < 4 * (shown / 300) ** 0.5 + 0.01).all()
    told = json.loads(parquet.read_schema(path).metadata[b"threatkit"])
    assert told["months"] == 12
    made, _, _ = read_forecast(run.folder / "posterior.nc")
    pd.testing.assert_frame_equal(draws(run, made), draws(run, made))


def test_months_are_those_of_views() -> None:
    assert views_month(pd.Timestamp("1980-01-01").date()) == 1
    assert views_month(pd.Timestamp("2018-01-31").date()) == 457


def test_stix(run: Run, failed: Run, tmp_path: Path) -> None:
    stix2 = pytest.importorskip("stix2")
    (path,) = export(run, "stix", tmp_path / "x.json")
    bundle = stix2.parse(path.read_text(encoding="utf-8"), version="2.1")
    notes = [item for item in bundle.objects if item.type == "note"]
    places = {item.id: item for item in bundle.objects if item.type == "location"}
    assert len(notes) == len(places) == len(CODES)
    assert {note.object_refs[0] for note in notes} == set(places)
    assert [place.name for place in places.values()] == list(NAMES)
    first = notes[0]
    assert SCALE in first.content
    assert "90% interval" in first.content
    assert "2026-05-01 to 2027-04-30" in first.content
    assert 1 <= first.confidence <= 99
    held = next(iter(first.extensions.values()))
    assert held["event_prob_lo"] <= held["event_prob"] <= held["event_prob_hi"]
    assert held["confidence_scale"] == SCALE
    assert "confidence" not in notes[CODES.index(UNKNOWN)]
    statements = [item for item in bundle.objects if item.type == "marking-definition"]
    told = [item for item in statements if "definition" in item]
    assert any("geoBoundaries" in str(item.definition) for item in told)
    assert [item.name for item in statements if item not in told] == ["TLP:AMBER"]
    strict = export(replace(run, tlp="AMBER+STRICT"), "stix", tmp_path / "strict.json")[0]
    assert "TLP:AMBER+STRICT; OCHA" in strict.read_text(encoding="utf-8")
    assert "939a9414-2ddd-4d32-a0cd-375ea402b003" in str(
        next(i for i in stix2.parse(strict.read_text(encoding="utf-8"), version="2.1").objects
             if i.type == "note").object_marking_refs
    )  # fmt: skip
    (again,) = export(run, "stix", tmp_path / "y.json")
    assert again.read_bytes() == path.read_bytes()
    (path,) = export(failed, "stix", tmp_path / "z.json")
    bundle = stix2.parse(path.read_text(encoding="utf-8"), version="2.1")
    assert {item.id for item in bundle.objects if item.type == "location"} == set(places)
    note = next(item for item in bundle.objects if item.type == "note")
    assert "confidence" not in note
    assert "do-not-use" in note.labels


def test_values_of_the_dni_scale() -> None:
    assert dni_value(0).startswith("Almost No Chance")
    assert dni_value(50).startswith("Roughly Even")
    assert dni_value(100).startswith("Almost Certain")


def test_kml(run: Run, tmp_path: Path) -> None:
    fastkml = pytest.importorskip("fastkml")
    (path,) = export(run, "kml", tmp_path / "x.kml")
    document = fastkml.KML.parse(path).features[0]
    marks = document.features
    assert [mark.name for mark in marks] == [*NAMES[:3], NO_BELL, *NAMES[4:]]
    assert "geoBoundaries" in document.description
    assert "90% interval" in marks[0].description
    assert marks[CODES.index(UNKNOWN)].description.startswith("Not assessed")
    assert marks[CODES.index(UNDRAWN)].geometry is None
    (shape,) = marks[0].geometry.geoms
    assert len(list(shape.interiors)) == 1
    assert b"<script>" not in path.read_bytes()


def test_qgis(run: Run, tmp_path: Path) -> None:
    made = export(run, "qgis", tmp_path / "x.qgz")
    assert [path.name for path in made] == ["x.qgz", "x.gpkg"]
    with zipfile.ZipFile(made[0]) as archive:
        assert archive.namelist() == ["x.qgs"]
        root = ET.fromstring(archive.read("x.qgs"))
    check_style(root)
    source = root.findtext("projectlayers/maplayer/datasource")
    assert source is not None
    name, _, layer = source.partition("|layername=")
    assert len(gpd.read_file(tmp_path / name, layer=layer)) == len(CODES)
    assert "geoBoundaries" in str(root.findtext("projectMetadata/rights"))
    assert root.findtext("projectlayers/maplayer/srs/spatialrefsys/authid") == "EPSG:4326"
    (plain, _) = export(run, "qgis", tmp_path / "y.qgs")
    assert ET.parse(plain).getroot().tag == "qgis"


@pytest.mark.parametrize("to", ["csv", "geojson", "kml", "gpkg"])
def test_a_gate_not_met_is_told(failed: Run, tmp_path: Path, to: str) -> None:
    (path,) = export(failed, to, tmp_path / f"x.{to}")
    if to == "gpkg":
        assert "DO NOT USE" in gpd.read_file(path, layer="run")["caution"][0]
    elif to == "csv":
        assert not read_frame(path, dtypes=TRUTHS)["gate_passed"].any()
    else:
        assert "DO NOT USE" in path.read_text(encoding="utf-8")


def test_another_version_is_refused(tmp_path: Path) -> None:
    folder = change_record(write_run(tmp_path / "run"), threatkit="9.0.0")
    with pytest.raises(InvalidInput, match=r"series of versions.*9\.0\.0.*assess"):
        read_run(folder)
    change_record(folder, threatkit="0.1.99")
    assert read_run(folder).gate_passed


def test_missing_files_are_told_together(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    for name in ("areas.csv", "posterior.nc"):
        (folder / name).unlink()
    with pytest.raises(InvalidInput) as caught:
        read_run(folder)
    assert len(caught.value.faults) == 2
    (folder / "run.json").write_text('{"threatkit": "0.1.0"}', encoding="utf-8")
    with pytest.raises(InvalidInput, match="no run_id, made"):
        read_run(folder)


def test_a_missing_library_is_one_sentence() -> None:
    with pytest.raises(InvalidInput, match=r"no_such_library.*pip install 'threatkit\[export\]'"):
        needed("no_such_library")


def test_nothing_partial_stays_behind(run: Run, tmp_path: Path) -> None:
    with pytest.raises(OutputFailed, match="missing"):
        export(run, "csv", tmp_path / "missing" / "x.csv")
    (tmp_path / "x.csv").mkdir()
    with pytest.raises(OutputFailed, match=r"x\.csv"):
        export(run, "csv", tmp_path / "x.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]


def test_the_command(folder: Path, failed: Run, tmp_path: Path) -> None:
    out = tmp_path / "x.csv"
    result = CliRunner().invoke(threatkit, ["export", str(folder), "--to", "csv", "-o", str(out)])
    assert (result.exit_code, result.stdout) == (0, "")
    assert out.is_file()
    words = ["export", str(failed.folder), "--to", "csv", "-o", str(out)]
    result = CliRunner().invoke(threatkit, words)
    assert result.exit_code == 4
    result = CliRunner().invoke(threatkit, ["export", str(tmp_path), "--to", "csv"])
    assert result.exit_code == 3
