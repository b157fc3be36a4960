"""The command that writes a run in the formats of others."""

from pathlib import Path

import click

_FORMATS = (
    "geojson",
    "gpkg",
    "geoparquet",
    "csv",
    "parquet",
    "hxl",
    "views",
    "stix",
    "kml",
    "qgis",
)


@click.command()
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@click.option("--to", required=True, type=click.Choice(_FORMATS), help="Format.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write."
)
def export(run: Path, to: str, output: Path | None) -> None:
    """Write a finished run RUN in another format, with its intervals and dates.

    \b
    Example:
      threatkit export out/first --to gpkg -o first.gpkg
    """
    from threatkit.export.formats import export as write
    from threatkit.export.run import read_run

    click.echo(str(write(read_run(run), to, output)))
