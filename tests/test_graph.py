"""The graph of borders: symmetric, whole, the same in any order, and tolerant of gaps."""

import time

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from threatkit.errors import InvalidInput
from threatkit.geo.boundaries import EQUAL_AREA, LON_LAT, load_boundaries
from threatkit.geo.graph import Graph, build_graph

KM = 1000.0


@pytest.fixture(scope="module")
def shipped() -> gpd.GeoDataFrame:
    return load_boundaries()


@pytest.fixture(scope="module")
def graph(shipped: gpd.GeoDataFrame) -> Graph:
    return build_graph(shipped)


def squares(boxes: dict[str, tuple[float, float, float, float]], **countries: str):
    """Boxes in km in the equal-area projection, as district outlines."""
    frame = gpd.GeoDataFrame(
        {"country": [countries.get(name, "KGZ") for name in boxes], "outline": "source"},
        geometry=[shapely.box(*(KM * side for side in box)) for box in boxes.values()],
        index=pd.Index(boxes, name="district"),
        crs=EQUAL_AREA,
    )
    return frame.to_crs(LON_LAT)


def test_mainland_is_one_component(graph):
    assert (graph.components() == 0).all()


def test_known_neighbours(graph):
    pairs = graph.edges.set_index(["a", "b"])
    assert pairs.loc[("KG-B-batken", "TJ-SU-isfara"), "international"]
    assert pairs.loc[("KG-B-batken", "UZ-FA-sokh"), "border_km"] > 30
    assert not pairs.loc[("KG-GB-bishkek", "KG-C-alamudun")[::-1], "international"]
    assert ("KZ-71-astana", "UZ-FA-sokh") not in pairs.index


def test_city_discs_touch_the_district_around_them(graph, shipped):
    degree = np.bincount(graph.pairs().ravel(), minlength=len(graph.districts))
    assert (degree[(shipped["outline"] == "approximate").to_numpy()] >= 1).all()
    pairs = graph.edges.set_index(["a", "b"])
    assert pairs.loc[("KG-B-batken", "KG-B-batken-city"), "border_km"] > 15


def test_edges_are_sorted_unique_and_in_km(graph, shipped):
    edges = graph.edges
    assert list(edges.columns) == ["a", "b", "border_km", "international"]
    assert (edges["a"] < edges["b"]).all()
    assert edges.equals(edges.sort_values(["a", "b"]).reset_index(drop=True))
    assert not edges.duplicated(["a", "b"]).any()
    assert (edges["border_km"] >= 0.1).all()
    around = shipped.geometry.to_crs(EQUAL_AREA).length / KM
    total = (
        edges.groupby("a")["border_km"]
        .sum()
        .add(edges.groupby("b")["border_km"].sum(), fill_value=0)
    )
    assert (total <= around.reindex(total.index) + 0.01).all()


def test_international_is_where_countries_differ(graph, shipped):
    country = shipped["country"]
    differ = country[graph.edges["a"]].to_numpy() != country[graph.edges["b"]].to_numpy()
    assert (graph.edges["international"].to_numpy() == differ).all()


def test_pairs_are_positions(graph):
    pairs = graph.pairs()
    assert pairs.shape == (len(graph.edges), 2)
    assert [graph.districts[i] for i in pairs[:, 0]] == list(graph.edges["a"])


def test_graph_is_built_in_two_seconds(shipped):
    start = time.perf_counter()
    build_graph(shipped)
    assert time.perf_counter() - start < 2.0


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000))
def test_order_of_districts_is_irrelevant(shipped, seed):
    order = np.random.default_rng(seed).permutation(len(shipped))[:120]
    chosen = shipped.iloc[order]
    shuffled = build_graph(chosen)
    straight = build_graph(shipped.iloc[np.sort(order)])
    pd.testing.assert_frame_equal(shuffled.edges, straight.edges, check_exact=False, atol=1e-6)


@settings(max_examples=40)
@given(
    cells=st.sets(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12),
)
def test_adjacency_of_a_grid_is_symmetric_and_exact(cells):
    names = {f"C{x}{y}": (x * 10, y * 10, x * 10 + 10, y * 10 + 10) for x, y in sorted(cells)}
    graph = build_graph(squares(names))
    found = {frozenset(pair) for pair in zip(graph.edges["a"], graph.edges["b"], strict=True)}
    expected = {
        frozenset((f"C{x}{y}", f"C{x + dx}{y + dy}"))
        for x, y in cells
        for dx, dy in ((1, 0), (0, 1))
        if (x + dx, y + dy) in cells
    }
    assert found == expected
    assert np.allclose(graph.edges["border_km"], 10.0, rtol=1e-3)


@pytest.mark.parametrize("offset", [-0.15, 0.0, 0.15])
def test_gaps_and_overlaps_up_to_200_m_still_touch(offset):
    graph = build_graph(squares({"A": (0, 0, 10, 10), "B": (10 + offset, 0, 20, 10)}, B="UZB"))
    assert len(graph.edges) == 1
    assert graph.edges["international"].all()
    assert graph.edges["border_km"][0] == pytest.approx(10, rel=0.05)


def test_a_wide_gap_and_a_corner_are_no_border():
    boxes = {"A": (0, 0, 10, 10), "B": (10.5, 0, 20, 10), "C": (-10, 10, 0, 20)}
    assert build_graph(squares(boxes)).edges.empty


def test_edges_whose_points_do_not_match_are_measured_whole():
    boxes = {"A": (0, 0, 10, 10), "B": (10, 0, 20, 5), "C": (10, 5, 20, 10)}
    edges = build_graph(squares(boxes)).edges.set_index(["a", "b"])["border_km"]
    assert edges["A", "B"] == pytest.approx(5, rel=0.1)
    assert edges["A", "C"] == pytest.approx(5, rel=0.1)


def test_a_city_drawn_over_its_district_borders_it_along_its_own_outline():
    graph = build_graph(squares({"A": (0, 0, 50, 50), "City": (20, 20, 30, 30)}))
    assert graph.edges["border_km"][0] == pytest.approx(40, rel=0.02)


def test_an_island_is_a_component_of_its_own_and_named(caplog):
    boxes = {"A": (0, 0, 10, 10), "B": (10, 0, 20, 10), "I": (100, 0, 101, 1)}
    with caplog.at_level("INFO", logger="threatkit.geo.graph"):
        graph = build_graph(squares(boxes))
    assert list(graph.components()) == [0, 0, 1]
    assert "I" in caplog.text


def test_subset_keeps_order_and_inner_edges(graph, shipped):
    fergana = [code for code in shipped.index if code.startswith("UZ-FA-")]
    part = graph.subset(fergana[::-1])
    assert list(part.districts) == fergana
    assert set(part.edges["a"]) | set(part.edges["b"]) <= set(fergana)
    assert graph.subset([]).pairs().shape == (0, 2)
    with pytest.raises(InvalidInput, match="XX-1"):
        graph.subset(["XX-1"])


def test_one_district_alone():
    graph = build_graph(squares({"A": (0, 0, 10, 10)}))
    assert graph.pairs().shape == (0, 2)
    assert list(graph.components()) == [0]
