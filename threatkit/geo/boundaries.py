"""Outlines of districts: read them, and say everything that is wrong with them at once."""

import logging
from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyogrio.errors import DataLayerError, DataSourceError

from threatkit.errors import Fault, InvalidInput
from threatkit.paths import data_dir

log = logging.getLogger(__name__)

EQUAL_AREA = "+proj=aea +lat_1=37 +lat_2=52 +lat_0=44 +lon_0=66.5 +datum=WGS84 +units=m"
"""Albers equal-area projection of the region, metres; areas and lengths are taken in it."""

LON_LAT = "EPSG:4326"
HARMLESS = 1e-3
SHOWN = 5
POLYGONAL = (int(shapely.GeometryType.POLYGON), int(shapely.GeometryType.MULTIPOLYGON))
ISO3 = {"KZ": "KAZ", "KG": "KGZ", "TJ": "TJK", "TM": "TKM", "UZ": "UZB", "AF": "AFG"}


def load_boundaries(
    path: Path | None = None, *, codes: Collection[str] | None = None, key: str = "district"
) -> gpd.GeoDataFrame:
    """Read district outlines, checked.

    Parameters
    ----------
    path
        A vector file (GeoJSON, GeoPackage, Shapefile, ...) with one feature a district; the
        shipped file if None. Another coordinate system is reprojected.
    codes
        The codes that are allowed; any if None. Codes without a feature are no fault.
    key
        The column that holds the district code.

    Returns
    -------
    gpd.GeoDataFrame
        Index ``district`` in the order of the file; ``geometry`` (Polygon or MultiPolygon,
        EPSG:4326), ``country`` (ISO3; from the code where the file has no such column),
        ``outline`` (``source``, or ``approximate`` where the file says so).

    Raises
    ------
    InvalidInput
        With all faults of the file: it cannot be read, has no features, no coordinate system,
        no code column; codes that are missing, repeated or unknown; geometries that are
        empty, not polygons, or invalid in a way that cannot be mended without a guess.
    """
    path = path or data_dir("maps") / "boundaries" / "districts.geojson"
    frame = _read(path)
    faults = _frame_faults(frame, path, key)
    if key in frame.columns:
        faults += _code_faults(frame[key], path, key, codes)
    flat, geometry_faults = _mended(frame, path, key)
    faults += geometry_faults
    if faults:
        raise InvalidInput(faults)
    districts = pd.Index(flat[key].astype(str).str.strip(), name="district")
    result = gpd.GeoDataFrame(
        {
            "geometry": flat.geometry.to_numpy(),
            "country": _countries(flat, districts),
            "outline": _column(flat, "outline", "source"),
        },
        index=districts,
        geometry="geometry",
        crs=flat.crs,
    )
    return result.to_crs(LON_LAT)


def load_afghan_districts() -> gpd.GeoDataFrame:
    """Read the Afghan districts along the border: context only, they are not scored.

    Returns
    -------
    gpd.GeoDataFrame
        Index ``code``; ``geometry`` (EPSG:4326), ``name``, ``province``.
    """
    path = data_dir("maps") / "boundaries" / "afghan_districts.geojson"
    return _read(path).set_index("code")[["geometry", "name", "province"]]


def _read(path: Path) -> gpd.GeoDataFrame:
    if not path.exists():
        raise InvalidInput(Fault(str(path), "the boundaries file must exist", "", "Check the path"))
    try:
        with np.errstate(invalid="ignore"):
            frame = gpd.read_file(path)
    except (DataSourceError, DataLayerError, UnicodeDecodeError, ValueError) as error:
        raise InvalidInput(
            Fault(
                str(path),
                "must be a vector file that GDAL can read",
                str(error).splitlines()[0].split(";")[0],
                "Save it as GeoJSON or GeoPackage in UTF-8",
            )
        ) from error
    if not isinstance(frame, gpd.GeoDataFrame) or frame.empty:
        raise InvalidInput(
            Fault(str(path), "needs at least one feature with a geometry", "none", "Add districts")
        )
    return frame


def _frame_faults(frame: gpd.GeoDataFrame, path: Path, key: str) -> list[Fault]:
    faults = []
    bounds = frame.total_bounds
    if frame.crs is None:
        faults.append(
            Fault(
                str(path),
                "needs a coordinate reference system",
                "none",
                "Store it in the file (a .prj beside a Shapefile, or save as GeoJSON in EPSG:4326)",
            )
        )
    elif frame.crs.is_geographic and np.isfinite(bounds).all() and np.abs(bounds).max() > 360:
        faults.append(
            Fault(
                str(path),
                "longitude and latitude are degrees",
                f"coordinates up to {np.abs(bounds).max():.0f}",
                "The file is projected but does not say so: name its real coordinate system",
            )
        )
    if key not in frame.columns:
        found = ", ".join(sorted(str(column) for column in frame.columns if column != "geometry"))
        faults.append(
            Fault(
                str(path),
                f"needs a column '{key}' with the district codes",
                found or "no columns",
                f"Rename your code column to '{key}'",
            )
        )
    return faults


def _code_faults(
    column: pd.Series, path: Path, key: str, codes: Collection[str] | None
) -> list[Fault]:
    text = column.where(column.notna(), "").astype(str).str.strip()
    faults = [
        Fault(f"{path}, row {row + 1}, column '{key}'", "a feature needs a district code")
        for row in np.flatnonzero((text == "").to_numpy())
    ]
    filled = text[text != ""]
    for code in filled[filled.duplicated()].unique():
        rows = ", ".join(str(row + 1) for row in np.flatnonzero((text == code).to_numpy()))
        faults.append(
            Fault(
                f"{path}, rows {rows}, column '{key}'",
                "a district has one feature",
                code,
                "Join its parts into one MultiPolygon",
            )
        )
    if codes is not None:
        known = sorted(codes)
        unknown = sorted(set(filled) - set(known))
        faults += [_unknown(code, text, path, key, known) for code in unknown[:SHOWN]]
        if len(unknown) > SHOWN:
            rest = f"{len(unknown) - SHOWN} further codes"
            faults.append(Fault(f"{path}, column '{key}'", "codes are in the district table", rest))
    return faults


def _unknown(code: str, text: pd.Series, path: Path, key: str, known: list[str]) -> Fault:
    row = int(np.flatnonzero((text == code).to_numpy())[0]) + 1
    near = get_close_matches(code, known, 1)
    hint = f"Did you mean '{near[0]}'? " if near else ""
    return Fault(
        f"{path}, row {row}, column '{key}'",
        "the code is in the district table",
        code,
        f"{hint}`threatkit indicators show districts` lists the codes",
    )


def _mended(frame: gpd.GeoDataFrame, path: Path, key: str) -> tuple[gpd.GeoDataFrame, list[Fault]]:
    """Flatten and mend geometries; faults for those that cannot be mended safely."""
    shapes = shapely.force_2d(frame.geometry.to_numpy())
    names = frame[key].astype(str) if key in frame.columns else pd.Series("", index=frame.index)
    absent = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    polygonal = np.isin(shapely.get_type_id(shapes), POLYGONAL)
    broken = ~absent & polygonal & ~shapely.is_valid(shapes)
    faults = []
    mended = []
    for row in np.flatnonzero(absent | ~polygonal | broken):
        where = f"{path}, row {row + 1}" + (f" ({names.iloc[row]})" if names.iloc[row] else "")
        if absent[row]:
            faults.append(Fault(where, "a district needs a geometry", "an empty one"))
        elif not polygonal[row]:
            found = str(shapes[row].geom_type)
            faults.append(Fault(where, "an outline is a Polygon or MultiPolygon", found))
        else:
            repaired = _repair(shapes[row])
            if repaired is None:
                faults.append(
                    Fault(
                        where,
                        "an outline is a valid polygon",
                        str(shapely.is_valid_reason(shapes[row])),
                        "Mend it in a GIS (a repair here would change its area)",
                    )
                )
            else:
                shapes[row] = repaired
                mended.append(names.iloc[row] or f"row {row + 1}")
    if mended:
        log.warning("%s: outlines mended without change of area: %s", path, ", ".join(mended))
    return frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs)), faults


def _repair(shape: shapely.Geometry) -> shapely.Geometry | None:
    """Make a polygon valid; None if that would change its area."""
    fixed = shapely.make_valid(shape, method="structure", keep_collapsed=False)
    polygonal = shapely.get_type_id(fixed) in POLYGONAL and not shapely.is_empty(fixed)
    same = bool(abs(fixed.area - shape.area) <= HARMLESS * fixed.area)
    return fixed if polygonal and same else None


def _column(frame: gpd.GeoDataFrame, name: str, default: str) -> list[str]:
    if name not in frame.columns:
        return [default] * len(frame)
    return [str(value) for value in frame[name].where(frame[name].notna(), default)]


def _countries(frame: gpd.GeoDataFrame, districts: pd.Index) -> list[str]:
    if "country" in frame.columns:
        return _column(frame, "country", "")
    return [ISO3.get(code.split("-")[0], "") for code in districts]
