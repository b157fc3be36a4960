"""The formats by name, and one function that writes any of them whole or not at all."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from threatkit.export import hxl, kml, qgis, stix, table, vector, views
from threatkit.export.run import Run
from threatkit.wholefile import output_errors

FORMATS: Mapping[str, tuple[str, Callable[[Run, Path], None]]] = {
    "geojson": ("geojson", vector.write_geojson),
    "gpkg": ("gpkg", vector.write_gpkg),
    "geoparquet": ("geo.parquet", vector.write_geoparquet),
    "csv": ("csv", table.write_csv),
    "parquet": ("parquet", table.write_parquet),
    "hxl": ("hxl.csv", hxl.write_hxl),
    "views": ("views.parquet", views.write_views),
    "stix": ("stix.json", stix.write_stix),
    "kml": ("kml", kml.write_kml),
    "qgis": ("qgz", qgis.write_qgis),
}


def export(run: Run, to: str, path: Path | None = None) -> tuple[Path, ...]:
    """Write a run in a format and return the files, the named one first.

    Parameters
    ----------
    run
        A finished run.
    to
        A key of `FORMATS`.
    path
        The file, replaced if it exists; by default one in the current folder that is named
        after the run.

    Raises
    ------
    InvalidInput
        If the library for the format is not installed.
    OutputFailed
        If the file cannot be written; nothing partial stays behind.
    """
    ending, write = FORMATS[to]
    target = Path(f"{run.record['run_id']}.{ending}") if path is None else Path(path)
    with output_errors(target, elsewhere="another file with --out"):
        folder = Path(tempfile.mkdtemp(prefix=".threatkit-", dir=target.parent))
        try:
            write(run, folder / target.name)
            made = sorted(folder.iterdir(), key=lambda item: item.name == target.name)
            for item in made:
                item.replace(target.parent / item.name)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return tuple(target.parent / item.name for item in reversed(made))
