"""The formats by name, and one function that writes any of them whole or not at all."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from threatkit.errors import OutputFailed
from threatkit.export import hxl, kml, qgis, stix, table, vector, views
from threatkit.export.run import Run

FORMATS: Mapping[str, tuple[str, Callable[[Run, Path], None]]] = {
    "geojson": ("geojson", vector.write_geojson),
    "gpkg": ("gpkg", vector.write_gpkg),
    "geoparquet": ("geo.parquet", vector.write_geoparquet),
    "csv": ("export.csv", table.write_csv),
    "parquet": ("parquet", table.write_parquet),
    "hxl": ("hxl.csv", hxl.write_hxl),
    "views": ("views.parquet", views.write_views),
    "stix": ("stix.json", stix.write_stix),
    "kml": ("kml", kml.write_kml),
    "qgis": ("qgz", qgis.write_qgis),
}


def export(run: Run, to: str, path: Path | None = None) -> Path:
    """Write a run in a format and return the file.

    Raises
    ------
    OutputFailed
        If the file cannot be written; nothing partial stays behind.
    """
    ending, write = FORMATS[to]
    target = path or run.folder / f"scores.{ending}"
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as folder:
            write(run, Path(folder) / target.name)
            for made in sorted(Path(folder).iterdir()):
                made.replace(target.parent / made.name)
    except OSError as error:
        raise OutputFailed(f"{target}: cannot be written: {error}") from error
    return target
