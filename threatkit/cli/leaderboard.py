"""The command that writes what a backtest says: scores, differences, shocks, pictures."""

from pathlib import Path

import click

from threatkit.errors import Fault, InvalidInput


@click.command()
@click.argument("folder", metavar="BACKTEST", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="File to write, .html or .md; pictures of the latter lie beside it.",
)
@click.option(
    "--again",
    multiple=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="BACKTEST",
    help="The same with another seed or engine, to be set beside it; may be repeated.",
)
@click.option(
    "--views",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write draws and outcomes in the layout of the VIEWS prediction competition.",
)
def leaderboard(
    folder: Path, out: Path | None, again: tuple[Path, ...], views: Path | None
) -> None:
    """Write the leaderboard of a finished backtest as one HTML file, or as Markdown.

    All forecasters with their scores, differences from the one to beat and what may be said of
    them, origins to 2017 and from 2018 apart; active cells and countries apart; known shocks,
    seen or missed; reliability, PIT and skill by origin; data, editions and date.

    \b
    Examples:
      threatkit leaderboard out/backtest -o leaderboard.html
      threatkit leaderboard out/backtest --views out/views
    """
    if out is None and views is None:
        raise click.UsageError("Nothing to write: give --out or --views.")
    if out is not None and out.suffix not in (".html", ".md"):
        remedy = "Name a file that ends in .html or .md"
        raise InvalidInput(Fault("--out", "a leaderboard is HTML or Markdown", str(out), remedy))
    from threatkit.evaluate.stored import read_stored
    from threatkit.wholefile import output_errors, write_whole

    stored = read_stored(folder)
    if views is not None:
        from threatkit.export.competition import write_competition

        with output_errors(views, elsewhere="another folder with --views"):
            write_competition(stored, views)
        click.echo(f"Written to {views}", err=True)
    if out is None:
        return
    from threatkit.evaluate.leaderboard import leaderboard as content
    from threatkit.evaluate.leaderpage import html_page, markdown_page

    sections = content(stored, [read_stored(other) for other in again])
    texts = {out: html_page(sections)}
    if out.suffix == ".md":
        texts = {
            out.with_name(f"{out.stem}-{one.key}.svg"): one.svg
            for section in sections
            for one in section.pictures
        }
        texts[out] = markdown_page(sections, pictures=f"{out.stem}-")
    for target, text in texts.items():
        write_whole(target, text, elsewhere="another file with --out")
    click.echo(f"Written to {out}", err=True)
