"""The command that writes a run in the formats of others."""

from dataclasses import replace
from pathlib import Path

import click

from threatkit.cli.options import run_argument, tlp_option
from threatkit.errors import GateNotMet

#: The keys of `threatkit.export.formats.FORMATS`, which is loaded only when it is needed.
FORMATS = (
    *("geojson", "gpkg", "geoparquet", "csv", "parquet", "hxl"),
    *("views", "stix", "kml", "qgis"),
)


@click.command()
@run_argument
@tlp_option
@click.option("--to", required=True, type=click.Choice(FORMATS), help="See docs/export.md.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="File to write, replaced if it exists; by default one here, named after the run.",
)
def export(run: Path, to: str, tlp: str, out: Path | None) -> None:
    """Write a finished run in another format, with its intervals and dates.

    The state of the diagnostics gate and the attribution go along. If the gate was not met,
    the file says so and the exit code is 4. geoparquet, parquet, views and stix need the extra
    'export': pip install 'threatkit[export]'.

    \b
    Examples:
      threatkit export out/first --to gpkg -o first.gpkg
      threatkit export out/first --to hxl
      threatkit export out/first --to stix --tlp AMBER+STRICT
    """
    from threatkit.export.formats import export as write
    from threatkit.export.run import read_run

    found = replace(read_run(run), tlp=tlp)
    for path in write(found, to, out):
        click.echo(f"Written to {path}", err=True)
    if not found.gate_passed:
        raise GateNotMet(
            "the sampler's diagnostics gate was not met: do not use this run; the file says so"
        )
