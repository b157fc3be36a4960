"""The command that makes the report of a finished run."""

from pathlib import Path

import click

from threatkit.cli.options import run_argument, tlp_option
from threatkit.errors import GateNotMet

LANGUAGES = ("en", "ru", "kk", "ky", "tg", "tk", "uz", "uz-Cyrl")


@click.command()
@run_argument
@click.option("--lang", type=click.Choice(LANGUAGES), default="en", show_default=True)
@click.option(
    "--audience",
    type=click.Choice(["policy", "analyst"]),
    default="policy",
    show_default=True,
    help="policy: words and ranges; analyst: all figures, diagnostics and parameters besides.",
)
@tlp_option
@click.option(
    "--yardstick",
    type=click.Choice(["icd203", "phia"]),
    default="icd203",
    show_default=True,
    help="Whose words of likelihood are used.",
)
@click.option(
    "--previous",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="RUN",
    help="An earlier run; the report then says what changed since.",
)
@click.option(
    "--skill",
    type=click.Path(path_type=Path, exists=True),
    metavar="BACKTEST",
    help="A backtest: its folder, or its table (csv or json). Without it the report says that "
    "skill is not measured.",
)
@click.option(
    "--record",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="LEDGER",
    help="The ledger of frozen forecasts; the report then says how those did.",
)
@click.option("--pdf", is_flag=True, help="Also print it to a PDF of the same name.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="File to write, replaced if it exists; by default report.html in the run.",
)
def report(
    run: Path,
    lang: str,
    audience: str,
    tlp: str,
    yardstick: str,
    previous: Path | None,
    skill: Path | None,
    record: Path | None,
    pdf: bool,
    out: Path | None,
) -> None:
    """Write the report of a finished run: one HTML file that opens without a network.

    If the diagnostics gate was not met, the report says so and the exit code is 4.

    \b
    Examples:
      threatkit report out/first -o report.html
      threatkit report out/new --previous out/old --audience analyst --lang ru --pdf
      threatkit report out/first --skill out/backtest --record forecasts.jsonl
    """
    from threatkit.brief.figures import draw_figures
    from threatkit.brief.material import gather_material
    from threatkit.brief.page import Options, render_report
    from threatkit.brief.pdf import find_browser, print_page
    from threatkit.wholefile import write_whole

    browser = find_browser() if pdf else None
    material = gather_material(run, previous=previous, skill=skill, ledger=record)
    options = Options(lang, audience, tlp, yardstick)  # type: ignore[arg-type]
    text = render_report(material, options, draw_figures(material, lang))
    target = out or run / "report.html"
    write_whole(target, text, elsewhere="another file with --out")
    click.echo(f"Written to {target}", err=True)
    for name in material.drifted:
        click.echo(f"Changed since the run was made: {name}", err=True)
    if browser is not None:
        printed = target.with_suffix(".pdf")
        print_page(target, printed, browser=browser)
        click.echo(f"Printed to {printed}", err=True)
    if not material.summary.facts.gate_passed:
        raise GateNotMet(
            "the sampler's diagnostics gate was not met: do not use this run; the report says so"
        )
