"""Scores with outlines: GeoJSON, GeoPackage with a style, GeoParquet."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyogrio

from threatkit.export.levels import OUTLINE, level_style
from threatkit.export.libraries import optional_library
from threatkit.export.qgisxml import style_text
from threatkit.export.tables import with_facts
from threatkit.finished import FinishedRun

LAYER = "districts"


def write_geojson(run: FinishedRun, path: Path) -> None:
    """Write GeoJSON (RFC 7946) with colours after simplestyle, the facts as a foreign member.

    A district without an outline is a feature with a null geometry.
    """
    frame = run.located
    collection = json.loads(frame.to_json(show_bbox=False, drop_id=False))
    for feature in collection["features"]:
        properties = feature["properties"]
        style = level_style(properties.get("risk_level"))
        properties |= {
            "district": feature["id"],
            "horizon_start": run.facts["horizon_start"],
            "horizon_end": run.facts["horizon_end"],
            "ci_prob": run.facts["ci_prob"],
            "gate_passed": run.facts["gate_passed"],
            "fill": style.colour,
            "fill-opacity": 0.85,
            "stroke": OUTLINE,
            "stroke-width": 0.5,
        }
    told = {**run.facts, "caution": run.caution}
    text = json.dumps({**collection, "threatkit": told}, ensure_ascii=False, allow_nan=False)
    path.write_bytes(f"{text}\n".encode())


def write_gpkg(run: FinishedRun, path: Path) -> None:
    """Write a GeoPackage: districts with their style, areas, and the facts of the run.

    QGIS takes the style from the table ``layer_styles`` and colours the levels at once.
    """
    told = {key: str(value) for key, value in run.facts.items()} | {"caution": run.caution}
    frame = run.located.assign(**{k: v for k, v in run.facts.items() if k != "attribution"})
    frame = frame.reset_index()
    pyogrio.write_dataframe(
        frame,
        path,
        layer=LAYER,
        driver="GPKG",
        geometry_type="MultiPolygon",
        promote_to_multi=True,
        layer_metadata=told,
        layer_options={"GEOMETRY_NAME": "geom", "DESCRIPTION": run.caution},
    )
    _add_table(path, "areas", run.areas.reset_index())
    _add_table(path, "run", pd.DataFrame([{**run.facts, "caution": run.caution}]))
    style = pd.DataFrame(
        {
            "f_table_catalog": [""],
            "f_table_schema": [""],
            "f_table_name": [LAYER],
            "f_geometry_column": ["geom"],
            "styleName": ["risk level"],
            "styleQML": [style_text()],
            "styleSLD": [""],
            "useAsDefault": [True],
            "description": ["Risk level of the run, 1 to 5; white: not assessed"],
            "owner": [""],
            "ui": [""],
            "update_time": [datetime.now(UTC).replace(tzinfo=None)],
        }
    )
    _add_table(path, "layer_styles", style, key="id")


def _add_table(path: Path, name: str, frame: pd.DataFrame, *, key: str = "fid") -> None:
    pyogrio.write_dataframe(
        frame, path, layer=name, driver="GPKG", append=True, layer_options={"FID": key}
    )


def write_geoparquet(run: FinishedRun, path: Path) -> None:
    """Write GeoParquet 1.0 with the facts as columns."""
    optional_library("pyarrow", "GeoParquet")
    frame = run.located
    facts = {key: value for key, value in with_facts(run).items() if key in run.facts}
    frame.assign(**facts).reset_index().to_parquet(path, index=False, compression="zstd")
