"""Districts as shared arcs on an integer grid: each border is kept once and drawn once.

A border drawn twice, once for each side, costs twice the bytes and shows slivers when it is
simplified. Here every ring is cut at the points where borders meet; the pieces (arcs) are stored
once, as steps on a grid, and a ring is a list of arcs (``~i`` for arc i backwards). Since an arc
knows which units it parts, the borders of oblasts and countries follow without a union of
polygons.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

Point = tuple[int, int]
Edge = tuple[Point, Point]
Ring = list[Point]


class Border(IntEnum):
    """What a stretch of border parts."""

    DISTRICT = 0
    OBLAST = 1
    COUNTRY = 2
    OUTER = 3
    HOLE = 4
    APPROXIMATE = 5


@dataclass(frozen=True)
class Topology:
    """Shared arcs and the rings made of them.

    Attributes
    ----------
    quantum
        Metres a grid step.
    arcs
        Points on the grid, first and last included.
    shapes
        Unit -> polygons -> rings (the first is the outline) -> arcs, ``~i`` for backwards.
    owners
        For each arc, the one or two units it bounds.
    holes
        Arcs along ground that belongs to no unit and is enclosed by units.
    """

    quantum: float
    arcs: tuple[tuple[Point, ...], ...]
    shapes: Mapping[str, list[list[list[int]]]]
    owners: tuple[tuple[str, ...], ...]
    holes: frozenset[int]

    def steps(self) -> list[list[int]]:
        """Return the arcs as a first point and steps from point to point, flat."""
        flat: list[list[int]] = []
        for arc in self.arcs:
            row = [*arc[0]]
            for (x0, y0), (x1, y1) in pairwise(arc):
                row += [x1 - x0, y1 - y0]
            flat.append(row)
        return flat


def build_topology(shapes: Mapping[str, BaseGeometry], *, quantum: float = 100.0) -> Topology:
    """Cut polygons of a clean coverage into shared arcs.

    Parameters
    ----------
    shapes
        Unit -> polygon or multipolygon in metres.
    quantum
        Size of a grid step in metres. A ring that shrinks to less than three points is left
        out, unless it is all that a unit has.
    """
    rings = {unit: _grid_rings(shape, quantum) for unit, shape in shapes.items()}
    owners = _edge_owners(rings)
    nodes = _nodes(owners)
    index: dict[tuple[Point, ...], int] = {}
    arcs: list[tuple[Point, ...]] = []
    parted: list[tuple[str, ...]] = []
    result: dict[str, list[list[list[int]]]] = {}
    loose: list[int] = []
    for unit, polygons in rings.items():
        result[unit] = []
        for polygon in polygons:
            coded: list[list[int]] = []
            for ring in polygon:
                row: list[int] = []
                for piece in _pieces(ring, nodes):
                    key, flipped = _direction(piece)
                    if key not in index:
                        index[key] = len(arcs)
                        arcs.append(key)
                        parted.append(tuple(sorted(owners[_edge(key[0], key[1])])))
                    number = ~index[key] if flipped else index[key]
                    if len(parted[index[key]]) == 1:
                        loose.append(number)
                    row.append(number)
                coded.append(row)
            result[unit].append(coded)
    return Topology(quantum, tuple(arcs), result, tuple(parted), _hole_arcs(arcs, loose))


def border_kinds(
    topology: Topology,
    oblast: Mapping[str, str],
    country: Mapping[str, str],
    approximate: frozenset[str] = frozenset(),
) -> list[Border]:
    """Return for each arc what it parts; an approximate outline goes before all others."""
    kinds = []
    for number, units in enumerate(topology.owners):
        if approximate & set(units):
            kinds.append(Border.APPROXIMATE)
        elif len(units) == 1:
            kinds.append(Border.HOLE if number in topology.holes else Border.OUTER)
        elif len({country[unit] for unit in units}) > 1:
            kinds.append(Border.COUNTRY)
        elif len({oblast[unit] for unit in units}) > 1:
            kinds.append(Border.OBLAST)
        else:
            kinds.append(Border.DISTRICT)
    return kinds


def _grid_rings(shape: BaseGeometry, quantum: float) -> list[list[Ring]]:
    parts = list(getattr(shape, "geoms", [shape]))
    polygons = []
    for part in sorted(parts, key=lambda polygon: -polygon.area):
        turned = orient(part)
        rings = [_grid_ring(ring.coords, quantum) for ring in (turned.exterior, *turned.interiors)]
        if len(rings[0]) >= 3:
            polygons.append([ring for ring in rings if len(ring) >= 3])
    return polygons


def _grid_ring(coords: Sequence[Sequence[float]], quantum: float) -> Ring:
    """Return a ring on the grid, open, without repeated points and without spikes."""
    ring: Ring = []
    for point in coords:
        rounded = (round(point[0] / quantum), round(point[1] / quantum))
        if not ring or ring[-1] != rounded:
            ring.append(rounded)
    while len(ring) > 1 and ring[0] == ring[-1]:
        ring.pop()
    return ring


def _edge(a: Point, b: Point) -> Edge:
    return (a, b) if a < b else (b, a)


def _around(ring: Ring) -> Iterator[tuple[Point, Point]]:
    yield from zip(ring, [*ring[1:], ring[0]], strict=True)


def _edge_owners(rings: Mapping[str, list[list[Ring]]]) -> dict[Edge, frozenset[str]]:
    owners: dict[Edge, set[str]] = defaultdict(set)
    for unit, polygons in rings.items():
        for polygon in polygons:
            for ring in polygon:
                for a, b in _around(ring):
                    owners[_edge(a, b)].add(unit)
    return {edge: frozenset(units) for edge, units in owners.items()}


def _nodes(owners: Mapping[Edge, frozenset[str]]) -> set[Point]:
    """Return the points where borders meet or change sides."""
    touching: dict[Point, list[Edge]] = defaultdict(list)
    for edge in owners:
        touching[edge[0]].append(edge)
        touching[edge[1]].append(edge)
    return {
        point
        for point, edges in touching.items()
        if len(edges) != 2 or owners[edges[0]] != owners[edges[1]]
    }


def _pieces(ring: Ring, nodes: set[Point]) -> list[tuple[Point, ...]]:
    start = next((i for i, point in enumerate(ring) if point in nodes), None)
    if start is None:
        start = ring.index(min(ring))
        turned = ring[start:] + ring[:start]
        return [(*turned, turned[0])]
    turned = ring[start:] + ring[: start + 1]
    pieces, current = [], [turned[0]]
    for point in turned[1:]:
        current.append(point)
        if point in nodes:
            pieces.append(tuple(current))
            current = [point]
    return pieces


def _direction(piece: tuple[Point, ...]) -> tuple[tuple[Point, ...], bool]:
    backwards = piece[::-1]
    return (piece, False) if piece <= backwards else (backwards, True)


def _hole_arcs(arcs: list[tuple[Point, ...]], loose: list[int]) -> frozenset[int]:
    """Return the loose arcs that run round a hole, by the sign of the area of their loop.

    Outlines run counter-clockwise round their unit, so a loop of loose arcs runs
    counter-clockwise round the outside of the coverage and clockwise round a hole in it.
    """
    starts: dict[Point, list[int]] = defaultdict(list)
    for number in loose:
        starts[_walk(arcs, number)[0]].append(number)
    left = set(loose)
    holes: set[int] = set()
    for first in loose:
        if first not in left:
            continue
        loop, points = [first], list(_walk(arcs, first))
        left.discard(first)
        while points[-1] != points[0]:
            onward = next((n for n in starts[points[-1]] if n in left), None)
            if onward is None:
                break
            left.discard(onward)
            loop.append(onward)
            points += _walk(arcs, onward)[1:]
        if _area(points) < 0:
            holes |= {number if number >= 0 else ~number for number in loop}
    return frozenset(holes)


def _walk(arcs: list[tuple[Point, ...]], number: int) -> tuple[Point, ...]:
    return arcs[number] if number >= 0 else arcs[~number][::-1]


def _area(points: list[Point]) -> float:
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in _around(points)) / 2
