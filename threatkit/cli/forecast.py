"""Commands for the record of forecasts: freeze, verify, score."""

from pathlib import Path

import click

from threatkit.cli.options import Format, format_option, indicator_options, run_argument
from threatkit.cli.output import print_frame

_ledger = click.option(
    "--ledger",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="FILE",
    help="The ledger, a file of JSON lines; FILE.head lies beside it.",
)


@click.group()
def forecast() -> None:
    """Keep a record of forecasts and score it.

    \b
    Example:
      threatkit forecast freeze out/first --ledger record.jsonl
    """


@forecast.command()
@run_argument
@_ledger
def freeze(run: Path, ledger: Path) -> None:
    """Add the forecast of a finished run to a ledger.

    The line holds the probability of each district and the hashes of the run's inputs and
    draws, and is chained to the line before. Its hash is printed: publish it, and nobody
    can change the forecast afterwards without being found out.

    \b
    Example:
      threatkit forecast freeze out/first --ledger forecasts.jsonl
    """
    from threatkit.evaluate.ledger import freeze as add

    line = add(run, ledger)
    click.echo(line["hash"])
    click.echo(f"Frozen as line {line['line']} of {ledger}", err=True)


@forecast.command()
@_ledger
@click.option("--head", metavar="HASH", help="A hash that was published: it must stand there.")
def verify(ledger: Path, head: str | None) -> None:
    """Check that no line was edited, removed or moved.

    Every line that was is named, and the exit code is 3.

    \b
    Example:
      threatkit forecast verify --ledger forecasts.jsonl
    """
    from threatkit.evaluate.ledger import verify as check

    lines = check(ledger, head=head)
    click.echo(lines[-1]["hash"])
    click.echo(f"{ledger}: none of {len(lines)} lines was changed", err=True)


@forecast.command()
@_ledger
@indicator_options
@format_option
def score(ledger: Path, folders: tuple[Path, ...], no_shipped: bool, form: Format) -> None:
    """Score the frozen forecasts with the events known by now.

    The ledger is verified first. A window that no source covers yet has no scores.

    \b
    Example:
      threatkit forecast score --ledger forecasts.jsonl --format json
    """
    from threatkit.config import load_config
    from threatkit.data.catalogue import load_catalogue
    from threatkit.evaluate.ledger import score as scored

    settings = load_config(indicators=folders or None, shipped=False if no_shipped else None)
    catalogue = load_catalogue(settings.indicators, shipped=settings.shipped)
    print_frame(scored(ledger, catalogue), form)
