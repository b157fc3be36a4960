"""The command that looks for indicators that know the future."""

from pathlib import Path

import click

from threatkit.cli.baselines import Origins
from threatkit.cli.options import Format, boundaries_option, format_option, indicator_options
from threatkit.cli.output import print_frame


@click.command()
@click.option(
    "--origins",
    type=Origins(),
    default="2012:2024",
    show_default=True,
    metavar="YEARS",
    help="Years at whose end the panels are looked at, as 2012:2024.",
)
@click.option(
    "--as-published/--by-period",
    default=True,
    help="Hold back what had not been published, as a backtest does, or go by periods alone.",
)
@click.option("--all", "everything", is_flag=True, help="Show what is clean, too.")
@indicator_options
@boundaries_option
@format_option
def leakage(
    origins: range,
    as_published: bool,
    everything: bool,
    folders: tuple[Path, ...],
    no_shipped: bool,
    boundaries: Path | None,
    form: Format,
) -> int:
    """Find indicators that look into the future.

    At each origin: does the panel change when everything later is taken away, and had each
    value in it been published? Over all years: does an indicator go with the next year's
    episodes more closely than with those of a shuffled calendar (Holm's level 5 in 100)?

    The exit code is 1 where something leaks.

    \b
    Example:
      threatkit leakage --origins 2012:2024 --by-period
    """
    from threatkit.config import load_config
    from threatkit.evaluate.leakage import CLEAN, LEAK, find
    from threatkit.inputs import load_inputs
    from threatkit.model.assemble import Outcome

    settings = load_config(
        indicators=folders or None, shipped=False if no_shipped else None, boundaries=boundaries
    )
    inputs = load_inputs(settings)
    rules = Outcome(
        settings.event_types,
        require_death=settings.require_death,
        start_year=settings.start_year,
    )
    table = find(inputs.catalogue, inputs.graph, rules, list(origins), as_published=as_published)
    leaks = int((table["verdict"] == LEAK).sum())
    print_frame(table if everything else table[table["verdict"] != CLEAN], form)
    click.echo(f"{leaks} of {len(table)} looks found a leak.", err=True)
    return 1 if leaks else 0
