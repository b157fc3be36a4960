"""The command that tests the model on the past, beside the baselines that it has to beat."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from threatkit.cli.baselines import Origins
from threatkit.cli.options import (
    Format,
    boundaries_option,
    executor_options,
    format_option,
    indicator_options,
)
from threatkit.cli.output import print_frame
from threatkit.errors import GateNotMet

if TYPE_CHECKING:
    from threatkit.evaluate.stored import Stored

#: So many origins whose gate was not met are named.
_SHOWN = 6


class Horizons(click.ParamType[range]):
    """Years ahead: ``1..3``, both ends included, or one year."""

    name = "horizons"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> range:
        """Return the years ahead."""
        if isinstance(value, range):
            return value
        first, _, last = str(value).partition("..")
        try:
            years = range(int(first), int(last or first) + 1)
        except ValueError:
            years = range(0)
        if not years or years[0] < 1 or years[-1] > 3:
            self.fail(f"'{value}' is no range of years ahead; write 1..3 or 1", param, ctx)
        return years


@click.command()
@click.argument("config", required=False, type=click.Path(path_type=Path))
@click.option(
    "--origins",
    type=Origins(),
    default="2004:2024",
    show_default=True,
    metavar="YEARS",
    help="Years at whose end forecasts are made, as 2004:2024.",
)
@click.option(
    "--horizon",
    "horizons",
    type=Horizons(),
    default="1..3",
    show_default=True,
    metavar="YEARS",
    help="Years ahead, as 1..3 or 1.",
)
@click.option(
    "--engine",
    type=click.Choice(["nuts", "laplace"]),
    default="laplace",
    show_default=True,
    help="laplace: fast. nuts: exact, minutes for each fit.",
)
@click.option(
    "--lag",
    "lag_months",
    type=click.IntRange(0, 120),
    default=12,
    show_default=True,
    metavar="MONTHS",
    help="Months after the end of its period at which an indicator value counts as known, where "
    "its source has no date of publication.",
)
@click.option(
    "--ablations/--no-ablations",
    default=True,
    show_default=True,
    help="Fit the model without each of its parts, too.",
)
@click.option("--seed", type=int, metavar="N", help="Seed of every random number.")
@indicator_options
@boundaries_option
@executor_options
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("out/backtest"),
    show_default=True,
    metavar="DIR",
    help="Folder that receives the backtest; a run that was stopped is taken up there.",
)
@format_option
def backtest(
    config: Path | None,
    origins: range,
    horizons: range,
    lag_months: int,
    ablations: bool,
    out: Path,
    workers: int | None,
    scheduler: str | None,
    form: Format,
    folders: tuple[Path, ...],
    no_shipped: bool,
    **options: Any,
) -> None:
    """Test the model on past years, beside the baselines.

    At the end of every origin all forecasts are made anew from what was known then: events by
    date, indicators by the day on which they were published. They are scored on the years that
    followed, wherever a source covers them; a year that none covers is missing, never zero.

    Choices may rest on origins up to 2017. Later ones are reported apart. Each figure stands
    with its interval of 95% over years; diff is the score less that of the shrunken frequency,
    the one to beat, and the last word on it is "better" or "worse" only where the intervals
    over years and over country-years leave zero out, the heaviest year left out too. The table
    has scores in thousandths; csv and json have all columns, as they are.

    The curated list of events was compiled with hindsight, so these are backcasts. If the gate
    was not met at an origin the exit code is 4.

    \b
    Examples:
      threatkit backtest --origins 2004:2024 --workers 2
      threatkit backtest my/threatkit.toml --horizon 1 --scheduler tcp://127.0.0.1:8786
    """
    from threatkit.cli.assessment import WORKSPACE_CONFIG
    from threatkit.config import load_config
    from threatkit.executor import executor
    from threatkit.progress import terminal_progress

    settings = load_config(
        config / WORKSPACE_CONFIG if config is not None and config.is_dir() else config,
        indicators=folders or None,
        shipped=False if no_shipped else None,
        **options,
    )
    from threatkit.evaluate.forecasters import ABLATIONS
    from threatkit.evaluate.readout import backtest_table
    from threatkit.rolling import Plan, run

    chosen = ABLATIONS if ablations else {}
    plan = Plan(settings, tuple(origins), tuple(horizons), lag_months, chosen)
    pool = executor(workers=workers, scheduler=scheduler)
    stored = run(plan, out, pool, progress=terminal_progress())
    table = backtest_table(
        stored.scores(), with_pillars=stored.with_pillars(), short=form == "table"
    )
    print_frame(table, form)
    _conclude(stored, out)


def _conclude(stored: "Stored", out: Path) -> None:
    """Say on stderr what the figures cannot say, and raise if a gate was not met."""
    click.echo(stored.record["hindsight"], err=True)
    without = [str(o) for o in stored.record["origins"] if o not in stored.with_pillars()]
    if without:
        click.echo(
            f"No indicator of a pillar but geometry had been published at {', '.join(without)}: "
            "pillars do not count there.",
            err=True,
        )
    missing = stored.missing()
    for step, rows in missing.groupby("horizon"):
        click.echo(
            f"{step} years ahead: no source covers {', '.join(map(str, rows['year']))}; "
            "missing, not zero.",
            err=True,
        )
    click.echo(f"Written to {out}", err=True)
    failed = stored.gates_not_met()
    if failed:
        more = f", and {len(failed) - _SHOWN} more" if len(failed) > _SHOWN else ""
        shown = ", ".join(f"{name} at {origin}" for name, origin in failed[:_SHOWN])
        raise GateNotMet(f"the diagnostics gate was not met: {shown}{more}. 'note' has the reasons")
