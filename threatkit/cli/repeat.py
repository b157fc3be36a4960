"""The command that fits a finished run again."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from threatkit.cli.options import Format, format_option, run_argument, typed
from threatkit.cli.output import print_frame
from threatkit.errors import NotRepeated
from threatkit.store import read_record

if TYPE_CHECKING:
    from threatkit.repeat import Repeat


@click.command()
@run_argument
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder that receives the draws of the repeat and what was found; none by default.",
)
@format_option
def repeat(run: Path, out: Path | None, form: Format) -> None:
    """Fit a finished run again and tell whether the draws are the same.

    RUN is the folder of an 'assess' or of a 'fit'. Inputs, configuration, seed, engine and
    sampler are those that the run keeps; the packages on the disk are not read. The table has
    a row for each quantity: whether its draws are the same, bit for bit, and how far they lie
    apart if not. Versions and processors that differ are told besides. The exit code is 0 if
    all draws are the same and 5 if not.

    \b
    Examples:
      threatkit repeat out/first
      threatkit repeat out/first --out out/again --format csv > apart.csv
    """
    read_record(run)
    from threatkit.progress import terminal_progress
    from threatkit.repeat import repeat as fit_again
    from threatkit.repeat import write_repeat

    with terminal_progress().step("Fitting the model again") as update:
        made = fit_again(run, update=update)
    if out is not None:
        write_repeat(out, made, command=typed())
        click.echo(f"Written to {out}", err=True)
    if form == "json":
        click.echo(json.dumps(_object(made), ensure_ascii=False, indent=1))
    else:
        print_frame(made.table, form)
    for what, row in made.surroundings.iterrows():
        click.echo(f"Differs: {what}: {row['then']} then, {row['now']} now.", err=True)
    if made.same:
        click.echo("All draws are the same, bit for bit.", err=True)
        return
    apart = int((~made.table["same"]).sum())
    why = (
        "Other versions or another processor round otherwise"
        if len(made.surroundings)
        else "Versions and processor are those of the run, so this is a fault: please report it"
    )
    raise NotRepeated(f"the draws of {apart} of {len(made.table)} quantities differ. {why}")


def _object(made: "Repeat") -> dict[str, object]:
    return {
        "same": made.same,
        "quantities": json.loads(made.table.reset_index().to_json(orient="records")),
        "surroundings": json.loads(made.surroundings.reset_index().to_json(orient="records")),
    }
