"""The command that tells what of the data a finished run fails to reproduce."""

from pathlib import Path

import click

from threatkit.cli.options import Format, format_option
from threatkit.cli.output import print_frame
from threatkit.errors import GateNotMet


@click.command()
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--size",
    type=click.IntRange(50, 10_000),
    default=400,
    show_default=True,
    metavar="N",
    help="Number of replicated data sets of each kind.",
)
@click.option(
    "--seed", type=int, metavar="N", help="Seed of the replications; by default the run's."
)
@format_option
def check(folder: Path, size: int, seed: int | None, form: Format) -> None:
    """Tell what of the data the fitted model of RUN reproduces, and what it does not.

    Posterior predictive checks: data are replicated from the draws of the run, once with the
    years that were fitted (same) and once with other years in the same places (other). For
    each feature of the data: what was seen, the interval of the replications, and p, the
    probability that they have more of it. A feature counts as missed where p lies below 0.05
    or above 0.95. What the model fails to reproduce is told in words on stderr; that is no
    failure of the command. If the diagnostics gate of the run was not met, the exit code is 4.

    \b
    Examples:
      threatkit check out/first
      threatkit check out/first --size 2000 --format csv > checks.csv
    """
    from threatkit.checks import check_run
    from threatkit.export.run import read_run

    run = read_run(folder)
    found = check_run(run, size=size, seed=seed)
    for sentence in found.sentences():
        click.echo(sentence, err=True)
    print_frame(found.table(), form)
    if not run.gate_passed:
        raise GateNotMet(
            f"the sampler's diagnostics gate was not met by {folder}: do not use the checks"
        )
