"""Polygons as one coverage: no gap, no overlap, shared edges shared point for point."""

import logging
from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from threatkit.geo.boundaries import EQUAL_AREA

Geometries = NDArray[np.object_]

log = logging.getLogger(__name__)

KM2 = 1e6
GAP_M = 1500.0
SPACING_M = 150.0


def to_metres(geometries: Sequence[object] | Geometries) -> Geometries:
    """Project geometries from longitude and latitude to the equal-area projection (m)."""
    return _transform(geometries, Transformer.from_crs(4326, EQUAL_AREA, always_xy=True))


def to_degrees(geometries: Sequence[object] | Geometries) -> Geometries:
    """Project geometries from the equal-area projection (m) to longitude and latitude."""
    return _transform(geometries, Transformer.from_crs(EQUAL_AREA, 4326, always_xy=True))


def _transform(geometries: Sequence[object] | Geometries, transformer: Transformer) -> Geometries:
    def change(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(transformer.transform(xy[:, 0], xy[:, 1]))

    return np.asarray(shapely.transform(np.asarray(geometries, dtype=object), change))


def clean(geometries: Geometries, *, gap_m: float = GAP_M) -> Geometries:
    """Make one coverage of polygons that overlap and leave gaps.

    An overlap goes to the smaller polygon, so that an exclave drawn over its surroundings
    survives; a gap narrower than ``gap_m`` goes to a neighbour.
    """
    with np.errstate(invalid="ignore"):
        cleaned = shapely.coverage_clean(geometries, gap_width=gap_m, merge_strategy="min_area")
    return np.asarray(cleaned)


def holes(geometries: Geometries) -> list[shapely.Geometry]:
    """Return the ground that lies within the union of polygons but in none, largest first."""
    union = shapely.union_all(geometries)
    rings = [ring for part in shapely.get_parts(union) for ring in part.interiors]
    filled = shapely.difference(shapely.polygons(rings), union) if rings else []
    return sorted(filled, key=lambda hole: -hole.area)


def mean_width(geometry: shapely.Geometry) -> float:
    """Return twice the area over the perimeter, in metres: the width of a long strip."""
    return float(2.0 * geometry.area / geometry.length)


def arms(hole: shapely.Geometry, width: float) -> list[shapely.Geometry]:
    """Return the arms of a hole that are narrower than ``width`` metres and longer than wide."""
    body = shapely.buffer(shapely.buffer(hole, -width / 2), width / 2 * 1.02)
    return [
        arm
        for arm in shapely.get_parts(shapely.difference(hole, body))
        if arm.area > width * width / 4
    ]


def inlets(geometries: Geometries, width: float) -> list[shapely.Geometry]:
    """Return the ground outside a union that lies in an inlet narrower than ``width`` metres."""
    union = shapely.union_all(geometries)
    closed = shapely.buffer(shapely.buffer(union, width / 2), -width / 2 * 1.01)
    parts = shapely.get_parts(shapely.difference(closed, union))
    return [part for part in parts if part.area > width * width / 40]


def crumbs(geometry: shapely.Geometry, area_m2: float) -> list[shapely.Geometry]:
    """Return the parts of a geometry below an area, but never its largest part."""
    parts = shapely.get_parts(geometry)
    areas = shapely.area(parts)
    return list(parts[(areas < area_m2) & (areas < areas.max(initial=0.0))])


def shared_out(hole: shapely.Geometry, geometries: Geometries) -> dict[int, shapely.Geometry]:
    """Share out a gap: each point of it goes to the polygon that is nearest.

    Returns the pieces by position in ``geometries``. Nearest is found from points every
    ``SPACING_M`` along the edge of the gap.
    """
    edge = shapely.segmentize(shapely.boundary(hole), SPACING_M)
    points = np.unique(np.round(shapely.get_coordinates(edge), 3), axis=0)
    marks = shapely.points(points)
    near = shapely.STRtree(geometries).query(hole, predicate="dwithin", distance=1.0)
    apart = np.stack([shapely.distance(marks, geometries[index]) for index in near])
    owner = near[apart.argmin(axis=0)]
    cells = shapely.get_parts(
        shapely.voronoi_polygons(shapely.multipoints(points), extend_to=hole, ordered=True)
    )
    return {
        int(index): shapely.intersection(shapely.union_all(cells[owner == index]), hole)
        for index in np.unique(owner)
    }


def disc(x: float, y: float, ground: shapely.Geometry, area_m2: float) -> shapely.Geometry:
    """Return the part of ``ground`` within a circle round a point, of a given area.

    The circle is widened until its part inside ``ground`` has the area, so that a city at
    a border keeps its size without reaching over the border.

    Raises
    ------
    ValueError
        If the ground within twice the plain radius is too small.
    """
    centre = shapely.Point(x, y)
    low = np.sqrt(area_m2 / np.pi)
    high = 2.0 * low
    if _circle(centre, high, ground).area < area_m2:
        raise ValueError(f"no room for a disc of {area_m2 / KM2:.1f} km2")
    for _ in range(40):
        radius = (low + high) / 2
        low, high = (
            (low, radius) if _circle(centre, radius, ground).area >= area_m2 else (radius, high)
        )
    return _circle(centre, high, ground)


def _circle(centre: shapely.Point, radius: float, ground: shapely.Geometry) -> shapely.Geometry:
    """Return the connected part of the ground within the circle that is nearest its centre."""
    inside = shapely.get_parts(shapely.buffer(centre, radius, quad_segs=12).intersection(ground))
    return inside[shapely.distance(inside, centre).argmin()]


def simplify(geometries: Geometries, tolerance_m: float) -> Geometries:
    """Simplify a coverage and keep its topology (Visvalingam-Whyatt on shared edges)."""
    return np.asarray(shapely.coverage_simplify(geometries, tolerance_m))


def rounded(geometries: Geometries, digits: int) -> Geometries:
    """Round the coordinates of a coverage in degrees; shared points stay shared.

    Points that fall together are merged, rings that shrink to nothing are left out.
    The result is in canonical order, shells counter-clockwise (RFC 7946).
    """
    out = [_rounded_one(geometry, digits) for geometry in geometries]
    canonical = shapely.orient_polygons(shapely.normalize(np.asarray(out, dtype=object)))
    return np.asarray(canonical)


def settled(geometries: Geometries, digits: int, *, rounds: int = 10) -> Geometries:
    """Round a coverage in degrees until it is a valid coverage on the grid of its digits.

    Rounding can make a narrow place touch itself; cleaning mends it and adds points off the
    grid, so the two take turns until nothing changes.

    Raises
    ------
    ValueError
        If the coverage is still invalid after ``rounds`` turns.
    """
    current = rounded(geometries, digits)
    for _ in range(rounds):
        if shapely.is_valid(current).all() and shapely.coverage_is_valid(current):
            return current
        valid = shapely.make_valid(current, method="structure", keep_collapsed=False)
        current = rounded(shapely.coverage_clean(valid), digits)
    raise ValueError(f"the coverage is not valid after {rounds} rounds of rounding")


def _rounded_one(geometry: shapely.Geometry, digits: int) -> shapely.Geometry:
    polygons = []
    for part in shapely.get_parts(geometry):
        shell = _rounded_ring(part.exterior, digits)
        if shell is None:
            continue
        inner = [_rounded_ring(ring, digits) for ring in part.interiors]
        polygons.append(shapely.Polygon(shell, [ring for ring in inner if ring is not None]))
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)


def _rounded_ring(ring: shapely.LinearRing, digits: int) -> NDArray[np.float64] | None:
    points = np.round(shapely.get_coordinates(ring), digits) + 0.0
    moved = np.r_[True, (np.diff(points, axis=0) != 0).any(axis=1)]
    kept: NDArray[np.float64] = points[moved]
    return kept if len(kept) >= 4 else None
