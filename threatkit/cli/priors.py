"""Commands that show, report and elicit priors."""

from datetime import UTC, datetime
from pathlib import Path

import click

from threatkit.cli.options import Format, format_option
from threatkit.cli.output import print_frame

_ROLE_HELP = "In which role the expert spoke, such as 'border analyst'; never a person's name."


@click.group()
def priors() -> None:
    """Show, report and elicit the model's priors.

    \b
    Example:
      threatkit priors show
    """


_config = click.argument("config", required=False, type=click.Path(path_type=Path))


@priors.command()
@_config
@format_option
def show(config: Path | None, form: Format) -> None:
    """List every prior with its default, family and reason.

    With CONFIG, a configuration in TOML, the priors that it sets are shown beside the
    defaults, with 5, 50 and 95 in 100 of their distributions.

    \b
    Example:
      threatkit priors show my/threatkit.toml --format csv
    """
    from threatkit.config import load_config
    from threatkit.elicitation import prior_table
    from threatkit.model.spec import make_priors

    print_frame(prior_table(make_priors(load_config(config).priors)), form)


@priors.command()
@_config
@click.option(
    "--region", metavar="REGION", help="central-asia, fergana, a country (UZB) or an oblast (KG-B)."
)
@click.option("--seed", type=int, metavar="N", help="Seed of every random number.")
@format_option
def report(config: Path | None, region: str | None, seed: int | None, form: Format) -> None:
    """Say in words what the model expects before it has seen data.

    Nothing is fitted: the priors alone are simulated over twelve months. The figures are
    printed on stdout, the sentences on stderr; an assessment keeps both, and what is
    expected after the data, under 'expectations' in run.json.

    \b
    Example:
      threatkit priors report --region fergana
    """
    from threatkit.config import load_config

    settings = load_config(config, region=region, seed=seed)
    from threatkit.pipeline import expect

    told = expect(settings)
    for sentence in told.sentences():
        click.echo(sentence, err=True)
    print_frame(told.table, form)


@priors.command()
@click.argument("name")
@click.option("--lower", type=float, metavar="X", help="Lower bound; 0 if the quantity has one.")
@click.option("--upper", type=float, required=True, metavar="Y", help="Upper bound.")
@click.option(
    "--mass",
    type=float,
    default=0.9,
    show_default=True,
    metavar="P",
    help="Probability that the quantity lies between the bounds.",
)
@click.option("--mode", type=float, metavar="Z", help="The most likely value.")
@click.option("--median", type=float, metavar="Z", help="The middle value.")
@click.option(
    "--family",
    metavar="FAMILY",
    help="normal, lognormal, gamma, beta, half_normal, exponential or pc; by default one that "
    "fits the quantity.",
)
@click.option("--role", required=True, metavar="ROLE", help=_ROLE_HELP)
@click.option("--note", default="", metavar="TEXT", help="What else was said.")
@click.option(
    "--date",
    "made",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="When it was said; today by default.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Append to this file of priors, which a configuration takes with priors_from.",
)
@format_option
def elicit(
    name: str,
    lower: float | None,
    upper: float,
    mass: float,
    mode: float | None,
    median: float | None,
    family: str | None,
    role: str,
    note: str,
    made: datetime | None,
    out: Path | None,
    form: Format,
) -> None:
    """Turn an expert's answer into a prior.

    NAME is a prior that 'threatkit priors show' lists. The expert says between which bounds
    the quantity lies with which probability; of the family, the distribution of maximum
    entropy is taken. It is kept with the expert's role and the date.

    \b
    Examples:
      threatkit priors elicit year_sd --upper 0.8 --role "conflict analyst" --out priors.toml
      threatkit priors elicit dispersion --lower 0.2 --upper 3 --mass 0.8 --median 0.9 \\
        --family gamma --role "data officer" --out priors.toml
    """
    import pandas as pd

    from threatkit.elicitation import elicit as ask
    from threatkit.priorfile import append_elicitation, entry_of

    said = ask(
        name,
        lower=lower,
        upper=upper,
        mass=mass,
        mode=mode,
        median=median,
        family=family,
        role=role,
        made=(made or datetime.now(UTC)).date(),
        note=note,
    )
    if out is not None:
        append_elicitation(out, said)
        click.echo(f'Written to {out}; a configuration takes it with priors_from = "{out.name}"',
                   err=True)  # fmt: skip
    print_frame(pd.DataFrame([entry_of(said)]), form)
