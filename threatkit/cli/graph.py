"""The command that prints who borders whom."""

from pathlib import Path

import click

from threatkit.cli.options import Format, boundaries_option, format_option
from threatkit.cli.output import print_frame


@click.command()
@boundaries_option
@format_option
def graph(boundaries: Path | None, form: Format) -> None:
    """Print the borders between districts.

    Each with its length in km and whether it is international.

    \b
    Example:
      threatkit graph --format csv > borders.csv
    """
    from threatkit.config import load_config
    from threatkit.geo.boundaries import load_boundaries
    from threatkit.geo.graph import build_graph

    settings = load_config(boundaries=boundaries)
    print_frame(build_graph(load_boundaries(settings.boundaries)).edges, form)
