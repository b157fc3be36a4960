"""The command that fits a researcher's own areas."""

from dataclasses import replace
from pathlib import Path

import click

from threatkit.cli.options import Format, format_option, sampler_option, seed_option, typed
from threatkit.cli.output import print_frame
from threatkit.errors import GateNotMet
from threatkit.options import Sampler


@click.command("fit")
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--engine",
    type=click.Choice(["nuts", "laplace"]),
    default="nuts",
    show_default=True,
    help="How the posterior is found: nuts is the reference, laplace takes seconds.",
)
@sampler_option
@seed_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("out"),
    show_default=True,
    metavar="DIR",
    help="Folder that receives the files.",
)
@format_option
def fit(
    config: Path, engine: str, sampler: Sampler | None, seed: int, out: Path, form: Format
) -> None:
    """Fit counts of your own areas, from plain files.

    CONFIG is a TOML file that names the counts, the neighbours, the model and its priors;
    docs/areal.md describes it. The folder receives posterior.nc, summary.csv (the log
    relative risk of each area), hyper.csv (the parameters, which are also printed), run.json
    and inputs.json.gz (which 'threatkit repeat' reads), and z.csv where a covariate is known
    with error. If the diagnostics gate is not met, the exit code is 4.

    \b
    Example:
      threatkit fit lip.toml --engine nuts --seed 1 --out out/lip
    """
    from threatkit.areal.data import load_areal
    from threatkit.progress import terminal_progress
    from threatkit.store import RunFolder

    settings, data = load_areal(config)
    if sampler is not None:
        settings = replace(settings, sampling=replace(settings.sampling, sampler=sampler))
    for note in data.notes:
        click.echo(f"Note: {note}.", err=True)
    with RunFolder(out) as folder:
        from threatkit.areal.results import summarise_parameters, write_results

        if engine == "laplace":
            from threatkit.areal.laplace import laplace_areal as fit_areal
        else:
            from threatkit.areal.fit import fit_areal
        with terminal_progress().step("sampling") as update:
            fitted = fit_areal(settings, data, seed=seed, update=update)
        write_results(folder, settings, data, fitted, engine=engine, command=typed())
    print_frame(summarise_parameters(fitted), form)
    click.echo(f"Written to {out}", err=True)
    if not fitted.diagnostics.passed:
        reasons = "\n".join(f"  {message}" for message in fitted.diagnostics.failures)
        raised = "'draws', 'tune', 'max_rounds'" if engine == "nuts" else "'max_rounds'"
        raise GateNotMet(
            f"the sampler's diagnostics gate was not met: do not use this fit.\n{reasons}\n"
            f"Raise {raised} or 'budget_minutes' under [sampling], or try another --seed"
        )
