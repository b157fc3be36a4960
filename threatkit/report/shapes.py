"""Outlines, borders, labels and points of the map, in an equal-area plane of 100 m steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from threatkit.geo.boundaries import EQUAL_AREA
from threatkit.paths import data_dir
from threatkit.report.summary import Summary
from threatkit.report.topology import border_kinds, build_topology
from threatkit.report.words import ENGLISH

QUANTUM_M = 100.0
#: A unit with fewer people is shown with the district around it.
LEAST_PEOPLE = 1_000
#: Events this near a district's outline are listed with it.
NEAR_KM = 50.0
_EXCLAVE_KM2 = 5.0
_BORDERING_M = 1_000.0
_MOST_OVERLAP = 0.05


@dataclass(frozen=True)
class Plane:
    """Geometry of one page.

    Attributes
    ----------
    units
        Geometry in metres by district, after small units were joined to their host.
    hosts
        Small unit -> the district it is shown with.
    """

    units: gpd.GeoSeries
    hosts: Mapping[str, str]

    @property
    def centres(self) -> dict[str, list[int]]:
        """Return a point inside each unit, on the grid."""
        return {
            str(code): _grid_point(shape.representative_point())
            for code, shape in self.units.items()
        }


def build_plane(summary: Summary) -> Plane:
    """Project the outlines and join units under `LEAST_PEOPLE` people to the one around them."""
    geometry = summary.geometry
    units = geometry.loc[geometry.index.isin(summary.districts.index)].geometry.to_crs(EQUAL_AREA)
    people = summary.scores.get("population", pd.Series(dtype=float))
    small = people[pd.to_numeric(people) < LEAST_PEOPLE].index
    hosts: dict[str, str] = {}
    for code in sorted(small.intersection(units.index)):
        host = _host(code, units.drop(index=list(hosts)), summary.districts)
        if host is not None:
            hosts[code] = host
    for code, host in hosts.items():
        units.loc[host] = shapely.union(units.loc[host], units.loc[code])
    return Plane(units.drop(index=list(hosts)), hosts)


def _host(code: str, units: gpd.GeoSeries, districts: pd.DataFrame) -> str | None:
    """Return the parent of a unit, or the neighbour in its country with the longest border."""
    parent = districts.loc[code].get("parent")
    if isinstance(parent, str) and parent in units.index:
        return parent
    own = units.loc[code]
    others = units.drop(index=code)
    same = others[districts.loc[others.index, "country"] == districts.loc[code, "country"]]
    touching = same[same.intersects(own)]
    if touching.empty:
        return None
    return str(touching.intersection(own).length.idxmax())


def grid(summary: Summary, plane: Plane) -> dict[str, Any]:
    """Return arcs, shapes and kinds of borders for the page; shapes by district code."""
    topology = build_topology(plane.units.to_dict(), quantum=QUANTUM_M)
    places = summary.districts
    outline = summary.geometry["outline"]
    approximate = frozenset(outline[outline == "approximate"].index) & set(plane.units.index)
    kinds = border_kinds(
        topology, places["oblast"].to_dict(), places["country"].to_dict(), approximate
    )
    return {
        "quantum": QUANTUM_M,
        "arcs": topology.steps(),
        "kinds": [int(kind) for kind in kinds],
        "shapes": dict(topology.shapes),
        "afghan": _afghan(summary.afghan),
        "ground": _ground(plane),
        "labels": _labels(summary, plane),
    }


def _afghan(frame: gpd.GeoDataFrame) -> dict[str, Any]:
    if frame.empty:
        return {"arcs": [], "shapes": {}, "names": {}}
    metres = frame.geometry.to_crs(EQUAL_AREA)
    topology = build_topology(metres.to_dict(), quantum=QUANTUM_M)
    names = {
        str(code): _joined(row.get("name"), row.get("province")) for code, row in frame.iterrows()
    }
    return {"arcs": topology.steps(), "shapes": dict(topology.shapes), "names": names}


def _ground(plane: Plane) -> dict[str, Any]:
    """Return ground that belongs to no unit: water is drawn plain, all else as no data.

    The shipped list is of the shipped boundaries; with others, only what borders on a unit and
    lies outside all of them is drawn.
    """
    frame = gpd.read_file(data_dir("maps") / "boundaries" / "no_data.geojson").to_crs(EQUAL_AREA)
    tree = shapely.STRtree(plane.units.to_numpy())
    kept = []
    for shape in frame.geometry:
        around = plane.units.iloc[tree.query(shape, predicate="dwithin", distance=_BORDERING_M)]
        inside = around.intersection(shape).area.sum()
        kept.append(len(around) > 0 and inside < _MOST_OVERLAP * shape.area)
    frame = frame[kept]
    shapes = {str(i): shape for i, shape in enumerate(frame.geometry)}
    topology = build_topology(shapes, quantum=QUANTUM_M)
    kinds = {str(i): "water" if kind == "water" else "none" for i, kind in enumerate(frame["kind"])}
    return {"arcs": topology.steps(), "shapes": dict(topology.shapes), "kinds": kinds}


def _joined(*parts: object) -> str:
    return ", ".join(part for part in parts if isinstance(part, str) and part)


def _grid_point(point: shapely.Point) -> list[int]:
    return [round(point.x / QUANTUM_M), round(point.y / QUANTUM_M)]


def project(longitude: Sequence[float], latitude: Sequence[float]) -> list[list[int] | None]:
    """Return points on the grid; None where a coordinate is missing."""
    points = gpd.GeoSeries(gpd.points_from_xy(longitude, latitude), crs="EPSG:4326")
    return [
        None if point.is_empty or pd.isna(point.x) or pd.isna(point.y) else _grid_point(point)
        for point in points.to_crs(EQUAL_AREA)
    ]


def _labels(summary: Summary, plane: Plane) -> list[dict[str, Any]]:
    """Return names to be written on the map: countries, cities, exclaves."""
    labels: list[dict[str, Any]] = []
    places = summary.districts.loc[plane.units.index]
    for country, members in plane.units.groupby(places["country"]):
        whole = shapely.union_all(members.to_numpy(), grid_size=1.0)
        parts = sorted(getattr(whole, "geoms", [whole]), key=lambda part: -part.area)
        point = shapely.maximum_inscribed_circle(parts[0], tolerance=5_000).coords[0]
        labels.append(
            {
                "kind": "country",
                "text": ENGLISH.country(str(country)),
                "at": _grid_point(shapely.Point(point)),
            }
        )
        labels += _exclave_labels(parts[1:], members, places)
    if len(summary.afghan):
        south = summary.afghan.geometry.to_crs(EQUAL_AREA)
        middle, bottom = south.total_bounds[[0, 2]].mean(), south.total_bounds[1]
        labels.append(
            {
                "kind": "country",
                "text": "Afghanistan",
                "at": _grid_point(shapely.Point(middle, bottom)),
            }
        )
    return labels + _city_labels(summary, plane)


def _exclave_labels(
    parts: list[shapely.Polygon], members: gpd.GeoSeries, places: pd.DataFrame
) -> list[dict[str, Any]]:
    labels: list[dict[str, Any]] = []
    named: set[str] = set()
    for part in parts:
        if part.area < _EXCLAVE_KM2 * 1e6:
            continue
        holds = members.intersection(part.buffer(-200)).area
        code = str(holds.idxmax())
        if code in named:
            continue
        named.add(code)
        whole = holds.loc[code] > 0.5 * members.loc[code].area
        name = str(places.loc[code, "name"])
        labels.append(
            {
                "kind": "exclave",
                "text": name if whole else f"{name} (part)",
                "at": _grid_point(part.representative_point()),
            }
        )
    return labels


def _city_labels(summary: Summary, plane: Plane) -> list[dict[str, Any]]:
    """Label the cities that are units of their own; the most populous first."""
    places = summary.districts.loc[plane.units.index]
    if "kind" not in places:
        return []
    cities = places.index[places["kind"] == "city"]
    people = pd.to_numeric(summary.scores["population"].reindex(cities), errors="coerce")
    rows = []
    for code in people.fillna(0).sort_values(ascending=False, kind="stable").index:
        number = people.loc[code]
        rows.append(
            {
                "kind": "city",
                "text": str(places.loc[code, "name"]),
                "at": _grid_point(plane.units.loc[code].representative_point()),
                "people": 0 if pd.isna(number) else int(number),
                "valley": bool(places.loc[code].get("fergana", False)),
            }
        )
    return rows


def events_near(plane: Plane, events: pd.DataFrame) -> dict[str, list[int]]:
    """Return for each district the positions of the events within `NEAR_KM`, newest first."""
    order = events["date"].astype(str).argsort(kind="stable").to_numpy()[::-1]
    near: dict[str, list[int]] = {code: [] for code in plane.units.index}
    points: Mapping[int, shapely.Point] = _event_points(events)
    tree = shapely.STRtree(list(points.values()))
    keys = list(points)
    for code, shape in plane.units.items():
        hits = tree.query(shape, predicate="dwithin", distance=NEAR_KM * 1000)
        named = events["district"].astype(str) == str(code)
        found = {keys[hit] for hit in hits} | set(named.to_numpy().nonzero()[0])
        near[str(code)] = [int(position) for position in order if position in found]
    return near


def _event_points(events: pd.DataFrame) -> dict[int, shapely.Point]:
    if not {"longitude", "latitude"} <= set(events.columns) or events.empty:
        return {}
    series = gpd.GeoSeries(
        gpd.points_from_xy(events["longitude"], events["latitude"]), crs="EPSG:4326"
    ).to_crs(EQUAL_AREA)
    return {i: point for i, point in enumerate(series) if not (point.is_empty or pd.isna(point.x))}
