"""Commands that make a run, or make its scores and map again."""

import webbrowser
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from threatkit.cli.options import (
    Format,
    boundaries_option,
    edges_option,
    format_option,
    indicator_options,
    run_argument,
    sampler_option,
    typed,
)
from threatkit.cli.output import print_frame
from threatkit.errors import GateNotMet
from threatkit.store import RECORD, read_record

if TYPE_CHECKING:
    from threatkit.config import Config
    from threatkit.pipeline import AssessResult

WORKSPACE_CONFIG = "threatkit.toml"
#: So many reasons why the gate was not met are told; all of them are in the record.
_SHOWN = 6


@click.command()
@click.argument("config", required=False, type=click.Path(path_type=Path))
@click.option(
    "--region", metavar="REGION", help="central-asia, fergana, a country (UZB) or an oblast (KG-B)."
)
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Last day that is known; later data are not used. By default the last day of data.",
)
@click.option(
    "--known-then",
    is_flag=True,
    help="With --as-of in the past: hold back indicator values not published by then.",
)
@click.option("--horizon", metavar="MONTHS", help="Length of the forecast: 1m to 36m, or 1y.")
@click.option("--seed", type=int, metavar="N", help="Seed of every random number.")
@click.option(
    "--engine",
    type=click.Choice(["nuts", "laplace"]),
    help="nuts: exact, about a minute (default). laplace: fast, seconds.",
)
@click.option(
    "--feedback",
    type=click.Choice(["full", "cut"]),
    help="full: episodes inform the pillars too (default). cut: indicators alone do.",
)
@sampler_option
@indicator_options
@boundaries_option
@edges_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("out"),
    show_default=True,
    metavar="DIR",
    help="Folder that receives the run.",
)
@click.option("--open", "show", is_flag=True, help="Open the map in the browser when done.")
@format_option
def assess(
    config: Path | None,
    out: Path,
    show: bool,
    form: Format,
    horizon: str | None,
    as_of: datetime | None,
    known_then: bool,
    folders: tuple[Path, ...],
    no_shipped: bool,
    feedback: str | None,
    sampler: str | None,
    **options: Any,
) -> None:
    """Assess districts: validate, fit, score, map.

    CONFIG is a configuration in TOML, or a workspace that holds one; without it the defaults
    serve. Options win over the configuration. The folder receives scores.csv,
    scores.geojson, areas.csv, posterior.nc, map.html and run.json, all at the end or none;
    the districts of highest rank are printed. If the diagnostics gate is not met, the
    files say so and the exit code is 4.

    \b
    Examples:
      threatkit assess --out out/first --open
      threatkit assess --region fergana --as-of 2025-12-31 --horizon 6m --out out/valley
      threatkit assess my/threatkit.toml --seed 7 --format json > top.json
    """
    from threatkit.config import load_config, parse_horizon
    from threatkit.progress import terminal_progress

    settings = load_config(
        config / WORKSPACE_CONFIG if config is not None and config.is_dir() else config,
        horizon_months=None if horizon is None else parse_horizon(horizon),
        as_of=None if as_of is None else as_of.date(),
        known_then=known_then or None,
        indicators=folders or None,
        shipped=False if no_shipped else None,
        model=None if feedback is None else {"feedback": feedback},
        sampling=None if sampler is None else {"sampler": sampler},
        **options,
    )
    from threatkit import pipeline

    made = pipeline.assess(settings, out, progress=terminal_progress(), command=typed())
    _conclude(made, form, show)


def _out_option(command: Any) -> Any:
    return click.option(
        "--out",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Write into this folder; by default into the run itself.",
    )(command)


@click.command("score")
@run_argument
@_out_option
@format_option
def rescore(run: Path, out: Path | None, form: Format) -> None:
    """Make scores and map of a finished run again.

    Nothing is fitted: the run's own draws serve.

    \b
    Example:
      threatkit score out/first --format csv
    """
    read_record(run)
    from threatkit import pipeline

    _conclude(pipeline.rescore(run, out), form, show=False)


@click.command("map")
@run_argument
@_out_option
@click.option("--open", "show", is_flag=True, help="Open the map in the browser when done.")
def remap(run: Path, out: Path | None, show: bool) -> None:
    """Make the map of a finished run again.

    Nothing is fitted: the run's own draws serve.

    \b
    Example:
      threatkit map out/first --open
    """
    read_record(run)
    from threatkit import pipeline

    _conclude(pipeline.remap(run, out), None, show)


def _conclude(result: "AssessResult", form: Format | None, show: bool) -> None:
    """Print what was found and where it is; raise if the gate was not met."""
    if form is not None:
        print_frame(result.top, form)
    page = result.folder / "map.html"
    click.echo(f"Written to {result.folder}; the map is {page}", err=True)
    if show:
        webbrowser.open(page.resolve().as_uri())
    if not result.gate_passed:
        shown = list(result.gate_messages[:_SHOWN])
        if len(result.gate_messages) > _SHOWN:
            more = len(result.gate_messages) - _SHOWN
            shown.append(f"and {more} more, all under 'diagnostics' in {result.folder / RECORD}")
        reasons = "\n".join(f"  {message}" for message in shown)
        raise GateNotMet(
            f"the sampler's diagnostics gate was not met: do not use this run.\n{reasons}\n"
            f"{_way_out(result.config)}"
        )


def _way_out(config: "Config") -> str:
    """Return what may be set after a failed gate; each engine reads settings of its own."""
    if config.engine == "laplace":
        return (
            "The fast engine has no lengths to set: try another --seed, or the reference with "
            "--engine nuts"
        )
    keys = "'draws', 'tune', 'max_rounds' or 'budget_minutes'"
    if config.model.feedback == "cut":
        keys = "'cut_budget_minutes' or 'target_accept'"
    return f"Raise {keys} under [sampling], or try another --seed"
