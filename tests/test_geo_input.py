"""A user's own boundary file: what is handled, and what each fault says."""

import json
import logging
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from threatkit.errors import InvalidInput
from threatkit.geo.boundaries import EQUAL_AREA, load_boundaries
from threatkit.geo.graph import build_graph

SQUARE = shapely.box(70, 40, 71, 41)
NEXT = shapely.box(71, 40, 72, 41)
BOWTIE = shapely.Polygon([(70, 40), (71, 41), (71, 40), (70, 41)])


def write(path: Path, shapes: dict[str, object], crs: object = 4326, **columns: object) -> Path:
    frame = gpd.GeoDataFrame(
        {"district": list(shapes), **columns}, geometry=list(shapes.values()), crs=crs
    )
    frame.to_file(path)
    return path


def faults(path: Path, **options: object) -> str:
    with pytest.raises(InvalidInput) as caught:
        load_boundaries(path, **options)
    return str(caught.value)


def test_a_plain_file_loads_with_country_from_the_code(tmp_path):
    path = write(tmp_path / "own.geojson", {"KG-X-one": SQUARE, "UZ-X-two": NEXT})
    frame = load_boundaries(path)
    assert list(frame.index) == ["KG-X-one", "UZ-X-two"]
    assert list(frame["country"]) == ["KGZ", "UZB"]
    assert set(frame["outline"]) == {"source"}
    assert build_graph(frame).edges["international"].all()


def test_missing_file_is_named(tmp_path):
    assert "nowhere.geojson" in faults(tmp_path / "nowhere.geojson")


@pytest.mark.parametrize("text", ["", "{}", "not json", '{"type":"FeatureCollection"}'])
def test_unreadable_files(tmp_path, text):
    path = tmp_path / "own.geojson"
    path.write_text(text)
    assert "own.geojson" in faults(path)


def test_no_features(tmp_path):
    path = tmp_path / "own.geojson"
    path.write_text('{"type":"FeatureCollection","features":[]}')
    assert "at least one feature" in faults(path)


def test_another_crs_is_reprojected(tmp_path):
    frame = gpd.GeoDataFrame({"district": ["KG-X"]}, geometry=[SQUARE], crs=4326)
    path = tmp_path / "own.gpkg"
    frame.to_crs(EQUAL_AREA).to_file(path)
    loaded = load_boundaries(path)
    assert loaded.crs.to_epsg() == 4326
    assert loaded.geometry["KG-X"].centroid.distance(SQUARE.centroid) < 1e-3


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_no_crs_names_the_way_out(tmp_path):
    path = write(tmp_path / "own.gpkg", {"KG-X": SQUARE}, crs=None)
    text = faults(path)
    assert "coordinate reference system" in text
    assert "EPSG:4326" in text


def test_metres_that_pose_as_degrees(tmp_path):
    path = write(tmp_path / "own.geojson", {"KG-X": shapely.box(5e5, 4e6, 6e5, 5e6)})
    assert "degrees" in faults(path)


def test_no_code_column_lists_the_columns(tmp_path):
    path = tmp_path / "own.geojson"
    gpd.GeoDataFrame({"ADM2_EN": ["x"]}, geometry=[SQUARE], crs=4326).to_file(path)
    assert "ADM2_EN" in faults(path)
    assert list(load_boundaries(path, key="ADM2_EN").index) == ["x"]


def test_all_faults_at_once_with_their_rows(tmp_path):
    shapes = {"KG-A": SQUARE, "KG-B": BOWTIE, "KG-C": None, "KG-D": shapely.Point(70, 40)}
    path = tmp_path / "own.gpkg"
    frame = gpd.GeoDataFrame(
        {"district": [*shapes, "KG-A", "", "TJ-SU-isfora"]},
        geometry=[*shapes.values(), NEXT, NEXT, NEXT],
        crs=4326,
    )
    frame.to_file(path)
    with pytest.raises(InvalidInput) as caught:
        load_boundaries(path, codes=["KG-A", "KG-B", "KG-C", "KG-D", "TJ-SU-isfara"])
    text = str(caught.value)
    assert len(caught.value.faults) == 6
    assert "rows 1, 5" in text
    assert "row 6" in text
    assert "Did you mean 'TJ-SU-isfara'" in text
    assert "row 2 (KG-B)" in text
    assert "row 3 (KG-C)" in text
    assert "Point" in text


def test_a_harmless_fault_is_mended_with_a_warning(tmp_path, caplog):
    spike = shapely.Polygon([(70, 40), (71, 40), (71, 41), (71, 42), (71, 41), (70, 41)])
    assert not spike.is_valid
    path = write(tmp_path / "own.gpkg", {"KG-A": spike})
    with caplog.at_level(logging.WARNING):
        frame = load_boundaries(path)
    assert frame.geometry["KG-A"].is_valid
    assert "KG-A" in caplog.text


def test_heights_are_dropped(tmp_path):
    path = write(tmp_path / "own.gpkg", {"KG-A": shapely.force_3d(SQUARE, 500.0)})
    assert not load_boundaries(path).has_z.any()


def test_many_unknown_codes_are_summed_up(tmp_path):
    shapes = {f"ZZ-{i}": shapely.box(i, 0, i + 1, 1) for i in range(20)}
    text = faults(write(tmp_path / "own.geojson", shapes), codes=["KG-A"])
    assert "15 further codes" in text


def test_a_name_stays_text(tmp_path):
    name = '=cmd|"<script>'
    path = write(tmp_path / "own.geojson", {name: SQUARE})
    assert list(load_boundaries(path).index) == [name]


def test_nan_coordinates_are_a_fault(tmp_path):
    path = tmp_path / "own.geojson"
    ring = [[70, 40], [71, 40], [71, 41], [70, 41], [70, 40]]
    feature = {"type": "Feature", "properties": {"district": "KG-A"}}
    feature["geometry"] = {"type": "Polygon", "coordinates": [ring]}
    text = json.dumps({"type": "FeatureCollection", "features": [feature]})
    path.write_text(text.replace("[71, 41]", "[NaN, 41]"))
    assert "own.geojson" in faults(path)


@pytest.mark.parametrize(("name", "districts"), [("UZB", 199), ("KAZ", 174), ("KGZ", 53)])
def test_national_files_serve_as_a_users_own(test_data, name, districts):
    """Files drawn by others come out as one connected country, but for a few exclaves."""
    path = test_data / "boundaries" / f"{name}_adm2.geojson"
    frame = load_boundaries(path, key="source_id")
    graph = build_graph(frame)
    assert len(frame) == districts
    assert (graph.components() == 0).sum() >= districts - 3
    degree = np.bincount(graph.pairs().ravel(), minlength=districts)
    assert 3 < degree.mean() < 7


def test_a_file_with_districts_in_several_features_says_how_to_join_them(test_data):
    text = faults(test_data / "boundaries" / "TJK_adm2.geojson", key="source_id")
    assert "4 faults" in text
    assert "rows 20, 59" in text
    assert "Join its parts" in text
