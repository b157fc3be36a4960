"""The command that prints who borders whom, or what the choice of graph does to the ranks."""

from pathlib import Path

import click

from threatkit.cli.options import (
    Format,
    boundaries_option,
    edges_option,
    executor_options,
    format_option,
)
from threatkit.cli.output import print_frame


@click.command()
@click.argument("config", required=False, type=click.Path(path_type=Path))
@boundaries_option
@edges_option
@click.option(
    "--compare",
    type=click.Choice(["graphs", "districts"]),
    help="Fit with the fast engine on each graph, and compare the ranks: one row a graph, or "
    "one row a graph and district of high rank.",
)
@click.option(
    "--top",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    metavar="N",
    help="With --compare districts: so many of highest rank under any graph.",
)
@executor_options
@format_option
def graph(
    config: Path | None,
    boundaries: Path | None,
    edges: Path | None,
    compare: str | None,
    top: int,
    workers: int | None,
    scheduler: str | None,
    form: Format,
) -> None:
    """Print the borders between districts, or compare graphs.

    Each border with its length in km and whether it is international. CONFIG is a configuration
    in TOML. With --compare the graphs are: shared borders, those inside countries only, borders
    between countries at half and a tenth of the weight, the six nearest districts, and your own
    list of neighbours if there is one. A district has moved where its rank differs from that
    under shared borders by more than both posteriors' own uncertainty.

    \b
    Examples:
      threatkit graph --format csv > borders.csv
      threatkit graph --compare graphs
      threatkit graph --compare districts --edges my/edges.csv --format csv
    """
    from threatkit.config import load_config

    settings = load_config(config, boundaries=boundaries, edges=edges)
    if compare is None:
        from threatkit.geo.boundaries import load_boundaries
        from threatkit.geo.graph import build_graph

        outlines = load_boundaries(settings.boundaries)
        if settings.edges is None:
            print_frame(build_graph(outlines).edges, form)
            return
        from threatkit.inputs import own_graph

        print_frame(own_graph(settings.edges, outlines).edges, form)
        return
    from threatkit.graphs import compare_graphs
    from threatkit.progress import terminal_progress

    found = compare_graphs(
        settings, top=top, workers=workers, scheduler=scheduler, progress=terminal_progress()
    )
    print_frame(found.graphs if compare == "graphs" else found.districts, form)
