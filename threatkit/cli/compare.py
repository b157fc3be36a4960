"""The command that compares two runs."""

from pathlib import Path

import click

from threatkit.cli.options import Format

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.argument("before", metavar="RUN_A", type=_FOLDER)
@click.argument("after", metavar="RUN_B", type=_FOLDER)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="Form of the output.",
)
def compare(before: Path, after: Path, form: Format) -> None:
    """Tell what moved from RUN_A to RUN_B, and whether it is more than noise.

    The draws of the runs are treated as independent.

    \b
    Example:
      threatkit compare out/spring out/autumn --format csv
    """
    from threatkit.cli.output import print_frame
    from threatkit.compare import as_json, changes, settings
    from threatkit.export.run import read_run

    runs = read_run(before), read_run(after)
    if form == "json":
        click.echo(as_json(*runs))
        return
    frame = changes(*runs)
    differ = settings(*runs)
    for name, pair in differ["settings"].items():
        click.echo(f"Setting {name}: {pair[0]} before, {pair[1]} after.", err=True)
    for name in differ["inputs"]:
        click.echo(f"Input changed: {name}", err=True)
    click.echo("Draws of the two runs are treated as independent.", err=True)
    print_frame(frame, form)
