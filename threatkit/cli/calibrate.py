"""The command that checks whether an engine returns what went in."""

from pathlib import Path

import click

from threatkit.cli.options import Format, executor_options, format_option, seed_option
from threatkit.cli.output import print_frame
from threatkit.errors import GateNotMet


@click.command("calibrate")
@click.argument("config", required=False, type=click.Path(path_type=Path))
@click.option(
    "--engine",
    type=click.Choice(["laplace", "nuts"]),
    default="laplace",
    show_default=True,
    help="Which engine is checked.",
)
@click.option(
    "--simulations",
    type=click.IntRange(10),
    default=100,
    show_default=True,
    metavar="N",
    help="How many data sets are drawn and fitted; the more, the smaller a fault that shows.",
)
@click.option(
    "--size",
    default="central-asia",
    show_default=True,
    metavar="REGION",
    help="Whose districts lend the shape: central-asia, fergana, a country or an oblast.",
)
@click.option(
    "--draws",
    type=click.IntRange(400),
    default=1000,
    show_default=True,
    metavar="N",
    help="Posterior draws of a fit, over all chains; 99 of them are ranked.",
)
@seed_option
@executor_options
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("out/calibration"),
    show_default=True,
    metavar="DIR",
    help="Folder that receives the files, and keeps each simulation: the same again goes on.",
)
@format_option
def calibrate(
    config: Path | None,
    engine: str,
    simulations: int,
    size: str,
    draws: int,
    seed: int,
    workers: int | None,
    scheduler: str | None,
    out: Path,
    form: Format,
) -> None:
    """Check by simulation whether an engine returns what went in.

    Parameters are drawn from priors, a data set of the shape of CONFIG (or of the defaults) from
    them, and the data set is fitted; among the draws of its posterior the truth has any rank
    equally often (simulation-based calibration). Narrow priors stand in for some defaults, since
    a data set that runs away cannot be fitted; they are told, and [priors] in CONFIG wins. The
    folder receives ranks.csv, uniformity.csv (also printed), ecdf.svg and calibration.json. If
    ranks are not uniform, the exit code is 4.

    \b
    Examples:
      threatkit calibrate --size fergana --simulations 200 --out out/valley
      threatkit calibrate --engine nuts --size KG-B --simulations 50 --workers 2
    """
    from typing import cast

    from threatkit.config import load_config
    from threatkit.options import Engine
    from threatkit.progress import terminal_progress

    settings = load_config(config)
    from threatkit.calibrate import calibrate as run

    made = run(
        settings,
        out,
        engine=cast(Engine, engine),
        simulations=simulations,
        size=size,
        draws=draws,
        seed=seed,
        workers=workers,
        scheduler=scheduler,
        progress=terminal_progress(),
    )
    print_frame(made.uniformity, form)
    click.echo(f"Written to {out}", err=True)
    failed = made.uniformity.index[~made.uniformity["uniform"]]
    if len(failed):
        raise GateNotMet(
            f"the ranks of {len(failed)} of {len(made.uniformity)} quantities are not uniform: "
            f"{', '.join(failed[:6])}{', ...' if len(failed) > 6 else ''}.\n"
            f"The engine {engine} does not return what went in, for data of this shape"
        )
