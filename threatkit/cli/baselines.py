"""The command that scores the baselines that a model has to beat."""

from pathlib import Path

import click

from threatkit.cli.options import Format, boundaries_option, format_option, indicator_options
from threatkit.cli.output import print_frame


class Origins(click.ParamType[range]):
    """A range of years ``2011:2024``, both ends included, or one year."""

    name = "origins"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> range:
        """Return the years."""
        if isinstance(value, range):
            return value
        first, _, last = str(value).partition(":")
        try:
            years = range(int(first), int(last or first) + 1)
        except ValueError:
            years = range(0)
        if not years:
            self.fail(f"'{value}' is no range of years; write 2011:2024 or 2024", param, ctx)
        return years


@click.command()
@click.option(
    "--origins",
    type=Origins(),
    default="2011:2024",
    show_default=True,
    metavar="YEARS",
    help="Years at whose end a forecast of the next is made, as 2011:2024.",
)
@indicator_options
@boundaries_option
@format_option
def baselines(
    origins: range,
    folders: tuple[Path, ...],
    no_shipped: bool,
    boundaries: Path | None,
    form: Format,
) -> None:
    """Score simple forecasts one year ahead.

    Each is made at the end of every origin from the years up to it alone, and scored on the
    next year wherever a source covers it. Intervals of 95% are Student's over years. diff is
    the score less that of the shrunken frequency, the one to beat. The table has scores in
    thousandths; csv and json have them as they are, one row a baseline.

    The curated list of events was compiled with hindsight, so these are backcasts.

    \b
    Example:
      threatkit baselines --origins 2015:2024 --format csv > baselines.csv
    """
    from threatkit.config import load_config
    from threatkit.data.catalogue import load_catalogue
    from threatkit.evaluate.backtest import backtest
    from threatkit.evaluate.baselines import standard_baselines
    from threatkit.evaluate.outcome import outcomes
    from threatkit.evaluate.readout import by_score
    from threatkit.evaluate.regression import Origins as Indicators
    from threatkit.evaluate.regression import indicator_baselines
    from threatkit.geo.boundaries import load_boundaries
    from threatkit.geo.graph import build_graph
    from threatkit.model.assemble import Outcome

    settings = load_config(
        indicators=folders or None, shipped=False if no_shipped else None, boundaries=boundaries
    )
    catalogue = load_catalogue(settings.indicators, shipped=settings.shipped)
    outlines = load_boundaries(settings.boundaries, codes=catalogue.districts.index)
    rules = Outcome(
        event_types=settings.event_types,
        require_death=settings.require_death,
        start_year=settings.start_year,
    )
    graph = build_graph(outlines)
    happened = outcomes(catalogue, graph, rules)
    named = {
        **standard_baselines(),
        **indicator_baselines(Indicators(catalogue, graph, rules).panel),
    }
    table = backtest(happened, origins, named).table()
    print_frame(by_score(table)[_COLUMNS] if form == "table" else table, form)


_COLUMNS = ["forecaster", "mean", "lo", "hi", "diff", "diff_lo", "diff_hi", "verdict"]
