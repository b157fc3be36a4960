"""Options that several commands share, as decorators."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import click

Format = Literal["table", "csv", "json"]
#: Where the arguments of the command line are kept while it runs.
TYPED = "threatkit.typed"


def typed() -> str | None:
    """Return the command line as it was typed, quoted for a shell, for the record of a run."""
    arguments = click.get_current_context().meta.get(TYPED)
    return None if arguments is None else shlex.join(["threatkit", *arguments])


def format_option[Command: Callable[..., Any]](command: Command) -> Command:
    """Add ``--format``."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(["table", "csv", "json"]),
        default="table",
        show_default=True,
        help="How the data on stdout are written.",
    )(command)


def indicator_options[Command: Callable[..., Any]](command: Command) -> Command:
    """Add ``--indicators`` and ``--no-shipped``."""
    command = click.option(
        "--no-shipped",
        is_flag=True,
        help="Leave the shipped indicator packages out.",
    )(command)
    return click.option(
        "--indicators",
        "folders",
        multiple=True,
        envvar="THREATKIT_INDICATORS",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Folder of your own indicator packages, laid over the shipped ones; may be "
        "repeated. Also read from THREATKIT_INDICATORS.",
    )(command)


def boundaries_option[Command: Callable[..., Any]](command: Command) -> Command:
    """Add ``--boundaries``."""
    return click.option(
        "--boundaries",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Your own outlines of the districts (GeoJSON, EPSG:4326) in place of the shipped.",
    )(command)


def edges_option[Command: Callable[..., Any]](command: Command) -> Command:
    """Add ``--edges``."""
    return click.option(
        "--edges",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Your own neighbours, a CSV with columns from, to and, if known, border_km; each "
        "pair once, in place of the borders that the outlines share.",
    )(command)


def sampler_option[Command: Callable[..., Any]](command: Command) -> Command:
    """Add ``--sampler``."""
    return click.option(
        "--sampler",
        type=click.Choice(["nutpie", "numpyro", "pymc"]),
        help="Sampler of the exact engine: nutpie (default), numpyro (on a GPU where JAX sees "
        "one; needs the extra 'numpyro') or pymc.",
    )(command)


def seed_option[Command: Callable[..., Any]](command: Command) -> Command:
    """Add ``--seed`` for commands whose configuration holds none."""
    return click.option(
        "--seed",
        type=click.IntRange(0, 2**32 - 1),
        default=20261124,
        show_default=True,
        metavar="N",
        help="Seed of every random number.",
    )(command)


def tlp_option[Command: Callable[..., Any]](command: Command) -> Command:
    """Add ``--tlp``."""
    return click.option(
        "--tlp",
        type=click.Choice(["CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"]),
        default="AMBER",
        show_default=True,
        help="Marking by the Traffic Light Protocol 2.0.",
    )(command)


def run_argument[Command: Callable[..., Any]](command: Command) -> Command:
    """Add the argument RUN, the folder of a finished run."""
    return click.argument("run", type=click.Path(path_type=Path))(command)


def executor_options[Command: Callable[..., Any]](command: Command) -> Command:
    """Add ``--workers`` and ``--scheduler``."""
    command = click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="Hand the work to a running scheduler of dask.distributed, as tcp://host:8786.",
    )(command)
    return click.option(
        "--workers",
        type=int,
        metavar="N",
        help="Number of local processes; as many as there are cores if not given.",
    )(command)
