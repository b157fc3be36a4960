"""Outlines with scores: GeoJSON, GeoParquet, and a GeoPackage that carries its colours."""

import json
from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import shapely
from shapely.geometry import MultiPolygon

from threatkit.export.levels import OUTLINE, level_style
from threatkit.export.run import Run, needed
from threatkit.export.style import style_text

LAYER = "districts"


def write_geojson(run: Run, path: Path) -> None:
    """Write GeoJSON (RFC 7946), coloured after simplestyle, the facts as a foreign member.

    A district without an outline is a feature with a null geometry.
    """
    frame = run.layer(attributed=False)
    frame.geometry = shapely.orient_polygons(frame.geometry.to_numpy())
    collection = json.loads(frame.to_json(show_bbox=False, drop_id=False))
    collection.pop("crs", None)
    for feature in collection["features"]:
        style = level_style(feature["properties"].get("risk_level"))
        feature["properties"] |= {
            "district": feature["id"],
            "fill": style.colour,
            "fill-opacity": 0.85,
            "stroke": OUTLINE,
            "stroke-width": 0.5,
        }
    told = {**run.facts(), "caution": run.caution()}
    text = json.dumps({**collection, "threatkit": told}, ensure_ascii=False, allow_nan=False)
    path.write_bytes(f"{text}\n".encode())


def write_geoparquet(run: Run, path: Path) -> None:
    """Write GeoParquet."""
    needed("pyarrow")
    run.layer().reset_index().to_parquet(path, index=False, compression="zstd")


def write_gpkg(run: Run, path: Path) -> None:
    """Write a GeoPackage: districts with a default style, areas, and the facts of the run.

    QGIS takes the style from the table ``layer_styles`` and colours the levels at once.
    """
    told = {**run.facts(), "caution": run.caution()}
    frame = run.layer(attributed=False).reset_index()
    pyogrio.write_dataframe(
        frame.assign(geometry=_multiple(frame.geometry)),
        path,
        layer=LAYER,
        driver="GPKG",
        geometry_type="MultiPolygon",
        layer_metadata={key: str(value) for key, value in told.items()},
        layer_options={"GEOMETRY_NAME": "geom", "DESCRIPTION": run.caution()},
    )
    _add_table(path, "areas", run.areas.reset_index())
    _add_table(path, "run", pd.DataFrame([told]))
    _add_table(path, "layer_styles", _styles(), key="id")


def _multiple(outlines: gpd.GeoSeries) -> gpd.GeoSeries:
    """Return the outlines as multipolygons, for a layer has one kind of geometry."""
    return outlines.map(
        lambda shape: (
            MultiPolygon([shape]) if getattr(shape, "geom_type", "") == "Polygon" else shape
        )
    )


def _styles() -> pd.DataFrame:
    """Return the one row of the table in which QGIS keeps styles."""
    return pd.DataFrame(
        {
            "f_table_catalog": [""],
            "f_table_schema": [""],
            "f_table_name": [LAYER],
            "f_geometry_column": ["geom"],
            "styleName": ["risk level"],
            "styleQML": [style_text()],
            "styleSLD": [""],
            "useAsDefault": [True],
            "description": ["Risk level, 1 to 5; white: not assessed"],
            "owner": [""],
            "ui": [""],
            "update_time": [datetime.now(UTC).replace(tzinfo=None, microsecond=0)],
        }
    )


def _add_table(path: Path, name: str, frame: pd.DataFrame, *, key: str = "fid") -> None:
    pyogrio.write_dataframe(
        frame, path, layer=name, driver="GPKG", append=True, layer_options={"FID": key}
    )
