"""Outlines with scores: GeoJSON, GeoParquet, and a GeoPackage that carries its colours."""

import sqlite3
from contextlib import closing
from pathlib import Path
from xml.sax.saxutils import quoteattr

from threatkit.export.run import LEVELS, NO_DATA, Run, needed

LAYER = "scores"
_TABLE = """CREATE TABLE layer_styles (
id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT, f_table_schema TEXT,
f_table_name TEXT, f_geometry_column TEXT, styleName TEXT, styleQML TEXT, styleSLD TEXT,
useAsDefault BOOLEAN, description TEXT, owner TEXT, ui TEXT,
update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')))"""


def write_geojson(run: Run, path: Path) -> None:
    """Write GeoJSON (RFC 7946)."""
    run.layer().reset_index().to_file(path, driver="GeoJSON", RFC7946="YES")


def write_geoparquet(run: Run, path: Path) -> None:
    """Write GeoParquet."""
    needed("pyarrow")
    run.layer().to_parquet(path)


def write_gpkg(run: Run, path: Path) -> None:
    """Write a GeoPackage with a default style, so that QGIS shows the levels at once."""
    run.layer().reset_index().to_file(path, layer=LAYER, driver="GPKG")
    with closing(sqlite3.connect(path)) as base, base:
        base.execute(_TABLE)
        base.execute(
            "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, "
            "f_geometry_column, styleName, styleQML, useAsDefault, description) "
            "VALUES ('', '', ?, 'geom', 'risk level', ?, 1, 'Level of risk, 1 to 5')",
            (LAYER, style()),
        )
        base.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier) "
            "VALUES ('layer_styles', 'attributes', 'layer_styles')"
        )


def style() -> str:
    """Return the QML: a colour for each level, hatching for no data."""
    classes = [(str(level), text, colour) for level, (text, colour) in LEVELS.items()]
    categories = "".join(
        f'<category value="{value}" symbol="{n}" label={quoteattr(text)} render="true"/>'
        for n, (value, text, _) in enumerate([*classes, ("", NO_DATA, "")])
    )
    symbols = "".join(
        _symbol(n, "SimpleFill", {"color": _rgba(colour), "outline_color": "90,90,90,255"})
        for n, (_, _, colour) in enumerate(classes)
    ) + _symbol(len(classes), "LinePatternFill", {"angle": "45", "distance": "2"})
    return (
        '<!DOCTYPE qgis PUBLIC "http://mrcc.com/qgis.dtd" "SYSTEM">'
        f'<qgis styleCategories="Symbology" version="3.34">{renderer(categories, symbols)}</qgis>'
    )


def renderer(categories: str, symbols: str) -> str:
    """Return the element that colours by level."""
    return (
        '<renderer-v2 type="categorizedSymbol" attr="risk_level" enableorderby="0" forceraster="0">'
        f"<categories>{categories}</categories><symbols>{symbols}</symbols></renderer-v2>"
    )


def _symbol(number: int, kind: str, options: dict[str, str]) -> str:
    inner = "".join(
        f'<Option type="QString" name="{name}" value="{value}"/>' for name, value in options.items()
    )
    return (
        f'<symbol type="fill" name="{number}" alpha="1"><layer class="{kind}" enabled="1">'
        f'<Option type="Map">{inner}</Option></layer></symbol>'
    )


def _rgba(colour: str) -> str:
    return ",".join(str(int(colour[k : k + 2], 16)) for k in (1, 3, 5)) + ",255"
