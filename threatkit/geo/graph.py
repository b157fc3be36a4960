"""Who borders whom: an undirected graph of districts with the length of each border."""

import logging
from collections.abc import Collection
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from threatkit.errors import Fault, InvalidInput
from threatkit.geo.boundaries import EQUAL_AREA

log = logging.getLogger(__name__)

SNAP_M = 200.0
COLUMNS = ("a", "b", "border_km", "international")


@dataclass(frozen=True)
class Graph:
    """Districts and their shared borders.

    Attributes
    ----------
    districts
        The codes, in the order in which positions count.
    edges
        One row a pair of neighbours, sorted: ``a`` and ``b`` (codes, a < b), ``border_km``,
        ``international`` (the two lie in different countries).
    """

    districts: tuple[str, ...]
    edges: pd.DataFrame

    def pairs(self) -> NDArray[np.int64]:
        """Return the positions in ``districts`` of both ends of each edge, shape (E, 2)."""
        position = pd.Index(self.districts)
        ends = [position.get_indexer(self.edges[end]) for end in ("a", "b")]
        return np.asarray(np.stack(ends, axis=1), dtype=np.int64).reshape(-1, 2)

    def components(self) -> NDArray[np.int64]:
        """Return the connected component of each district, shape (N,); 0 is the largest."""
        n, pairs = len(self.districts), self.pairs()
        links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
        _, label = connected_components(links, directed=False)
        order = np.argsort(-np.bincount(label, minlength=1), kind="stable")
        return np.asarray(np.argsort(order)[label], dtype=np.int64)

    def subset(self, codes: Collection[str]) -> "Graph":
        """Return the graph of some districts, in the order of this one.

        Raises
        ------
        InvalidInput
            If a code is not in the graph.
        """
        kept = set(codes)
        unknown = sorted(kept - set(self.districts))
        if unknown:
            raise InvalidInput(
                Fault("graph", "a subset names districts of the graph", code) for code in unknown
            )
        inside = self.edges["a"].isin(kept) & self.edges["b"].isin(kept)
        districts = tuple(code for code in self.districts if code in kept)
        return Graph(districts, self.edges[inside].reset_index(drop=True))


def build_graph(
    boundaries: gpd.GeoDataFrame,
    *,
    min_border_km: float = 0.1,
    snap_m: float = SNAP_M,
    projection: str = EQUAL_AREA,
) -> Graph:
    """Find which districts share a border, and how long it is.

    Where the outlines of two neighbours match point for point the shared line is measured.
    Where they do not (outlines drawn separately, with narrow gaps or overlaps), the border is
    the part of either outline that lies within ``snap_m`` of the other district, the mean of
    the two. A district within another one, such as a city, borders it along its own outline.

    Parameters
    ----------
    boundaries
        As from :func:`threatkit.geo.boundaries.load_boundaries`.
    min_border_km
        Contacts that are shorter, such as corners, are no border.
    snap_m
        Widest gap or overlap, in metres, over which outlines still count as touching.
    projection
        Projected coordinates, in metres, in which borders are measured.
    """
    codes = [str(code) for code in boundaries.index]
    shapes = np.asarray(boundaries.geometry.to_crs(projection))
    left, right = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=snap_m)
    forward = left < right
    left, right = left[forward], right[forward]
    lengths = _exact_km(shapes, left, right)
    loose = _loose(shapes, left, right, lengths)
    for pair in np.flatnonzero(loose):
        lengths[pair] = _near_km(shapes[left[pair]], shapes[right[pair]], snap_m)
    kept = lengths >= min_border_km
    countries = boundaries["country"].to_numpy()
    edges = _edges(codes, left[kept], right[kept], lengths[kept], countries)
    graph = Graph(tuple(codes), edges)
    _log_islands(graph)
    return graph


def _exact_km(
    shapes: NDArray[np.object_], left: NDArray[np.int64], right: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the length of the segments that both outlines of a pair contain, in km."""
    lines = shapely.boundary(shapes)
    coordinates, owner = shapely.get_coordinates(shapely.get_parts(lines), return_index=True)
    part_of = shapely.get_parts(lines, return_index=True)[1]
    owner = part_of[owner]
    ring = np.repeat(np.arange(len(part_of)), shapely.get_num_coordinates(shapely.get_parts(lines)))
    same = ring[1:] == ring[:-1]
    start, end = coordinates[:-1][same], coordinates[1:][same]
    swap = (start[:, 0] > end[:, 0]) | ((start[:, 0] == end[:, 0]) & (start[:, 1] > end[:, 1]))
    ends = np.where(swap[:, None], np.hstack([end, start]), np.hstack([start, end]))
    segments = pd.DataFrame(np.round(ends, 3), columns=["x0", "y0", "x1", "y1"])
    segments["owner"] = owner[:-1][same]
    segments["km"] = np.hypot(*(ends[:, 2:] - ends[:, :2]).T) / 1000
    both = segments.merge(segments, on=["x0", "y0", "x1", "y1"], suffixes=("", "_b"))
    both = both[both["owner"] < both["owner_b"]]
    total = both.groupby(["owner", "owner_b"])["km"].sum()
    wanted = pd.MultiIndex.from_arrays([left, right])
    return np.array(total.reindex(wanted, fill_value=0.0), dtype=np.float64)


def _loose(
    shapes: NDArray[np.object_],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    exact_km: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Say for which pairs the exact length is not the whole border.

    Pairs of one valid coverage are exact. Others are loose if one of the two has an edge
    that does not match a neighbour's, or if they are apart and still within reach.
    """
    if shapely.coverage_is_valid(shapes, gap_width=SNAP_M):
        return np.zeros(len(left), dtype=bool)
    bad = shapely.coverage_invalid_edges(shapes, gap_width=SNAP_M)
    faulty = ~(shapely.is_missing(bad) | shapely.is_empty(bad))
    return np.asarray(
        (faulty[left] & faulty[right]) | ((exact_km == 0) & (faulty[left] | faulty[right])),
        dtype=bool,
    )


def _near_km(one: shapely.Geometry, two: shapely.Geometry, snap_m: float) -> float:
    """Return the mean length of the part of each outline near the other district, in km.

    Near a corner an outline runs within reach of a district that it does not border; the
    reach is taken off at both ends of each stretch.
    """
    lengths = []
    for shape, other in ((one, two), (two, one)):
        near = shapely.intersection(shapely.boundary(shape), shapely.buffer(other, snap_m))
        lines = shapely.get_parts(shapely.line_merge(near))
        lengths.append(np.maximum(shapely.length(lines) - 2 * snap_m, 0.0).sum())
    shared = np.mean(lengths) if min(lengths) > 0 else max(lengths)
    return float(shared) / 1000


def _edges(
    codes: list[str],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    lengths: NDArray[np.float64],
    countries: NDArray[np.object_],
) -> pd.DataFrame:
    names = np.asarray(codes, dtype=object)
    one, two = names[left], names[right]
    frame = pd.DataFrame(
        {
            "a": np.where(one < two, one, two),
            "b": np.where(one < two, two, one),
            "border_km": lengths,
            "international": countries[left] != countries[right],
        },
        columns=list(COLUMNS),
    )
    return frame.sort_values(["a", "b"]).reset_index(drop=True)


def _log_islands(graph: Graph) -> None:
    islands = [
        code for code, part in zip(graph.districts, graph.components(), strict=True) if part > 0
    ]
    if islands:
        log.info("districts not connected to the mainland: %s", ", ".join(islands))
