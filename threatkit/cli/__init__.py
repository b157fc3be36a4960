"""The command line: parse, call the library, print.

Data go to stdout, messages to stderr. Exit codes: 0 done, 1 the run failed, 2 usage,
3 invalid input, 4 diagnostics gate not met, 5 a run repeated with other draws, 130 interrupted.
"""

import logging
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn

import click

from threatkit import __version__
from threatkit.cli.assessment import assess, remap, rescore
from threatkit.cli.backtest import backtest
from threatkit.cli.baselines import baselines
from threatkit.cli.calibrate import calibrate
from threatkit.cli.check import check
from threatkit.cli.compare import compare
from threatkit.cli.doctor import doctor
from threatkit.cli.export import export
from threatkit.cli.fit import fit
from threatkit.cli.forecast import forecast
from threatkit.cli.graph import graph
from threatkit.cli.indicators import indicators
from threatkit.cli.leaderboard import leaderboard
from threatkit.cli.leakage import leakage
from threatkit.cli.options import TYPED
from threatkit.cli.priors import priors
from threatkit.cli.repeat import repeat
from threatkit.cli.report import report
from threatkit.cli.workspace import init
from threatkit.errors import ThreatkitError

DEBUG = "THREATKIT_DEBUG"


class Failure(click.ClickException):
    """An error of the toolkit as click shows it."""

    def __init__(self, error: ThreatkitError) -> None:
        super().__init__(str(error))
        self.exit_code: int = error.exit_code  # type: ignore[misc]


class Commands(click.Group):
    """A group whose commands turn the toolkit's errors into click's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the arguments as they were typed, for the record of a run."""
        ctx.meta[TYPED] = tuple(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except ThreatkitError as error:
            if os.environ.get(DEBUG):
                raise
            raise Failure(error) from error


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="threatkit")
@click.option("-v", "--verbose", is_flag=True, help="Tell more of what is done.")
def threatkit(verbose: bool) -> None:
    """Assess the risk of organised violence in the districts of Central Asia.

    Scores carry their uncertainty and their reasons. They describe areas, never people.

    \b
    Example:
      threatkit assess --out out/first --open
    """
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(levelname)s: %(message)s",
        stream=sys.stderr,
    )
    if not os.environ.get(DEBUG):
        warnings.simplefilter("ignore")


for command in (
    assess,
    rescore,
    remap,
    repeat,
    fit,
    baselines,
    backtest,
    calibrate,
    check,
    forecast,
    indicators,
    leaderboard,
    leakage,
    priors,
    graph,
    report,
    export,
    compare,
    init,
    doctor,
):
    threatkit.add_command(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave the process with its exit code."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        code = threatkit.main(arguments, prog_name="threatkit", standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("Interrupted: nothing was written.", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of our output has gone: nobody is left to be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        # The last line of defence: a user sees one line, never a traceback.
        if os.environ.get(DEBUG):
            raise
        _tell_unexpected(error)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    """Leave by an exception, so that nothing partial stays behind."""
    raise SystemExit(128 + number)


def _tell_unexpected(error: Exception) -> None:
    text = " ".join(str(error).split()) or "no message"
    click.echo(f"Error: {type(error).__name__}: {text}", err=True)
    click.echo(f"This is a fault of threatkit; {DEBUG}=1 shows where it happened.", err=True)
