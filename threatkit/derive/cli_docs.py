"""Writes ``docs/cli.md`` from the help of every command.

Run it as ``python -m threatkit.derive.cli_docs``; a test holds the page current.
"""

from collections.abc import Iterator
from pathlib import Path

import click

from threatkit.cli import threatkit

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"

HEAD = """# Command line

Made from `--help` by `python -m threatkit.derive.cli_docs`; a test holds it current.

Data go to stdout, messages to stderr, so that output can be piped. Exit codes:

| code | meaning |
|---|---|
| 0 | done |
| 1 | the run failed (a full disk, a fault of the program); nothing was written |
| 2 | the command line itself is wrong |
| 3 | an input breaks a rule; every fault is named with file, row, rule and way out |
| 4 | the sampler's diagnostics gate was not met: the run is written and marked not to be used |
| 5 | `threatkit repeat`: the run was fitted again and its draws are others |
| 130 | interrupted; nothing was written |

`THREATKIT_DEBUG=1` shows the traceback of a failure. `THREATKIT_INDICATORS` names folders of
your own indicator packages.
"""


def commands(
    command: click.Command = threatkit, path: tuple[str, ...] = ("threatkit",)
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command with its words, groups first."""
    yield path, command
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from commands(command.commands[name], (*path, name))


def help_text(command: click.Command, path: tuple[str, ...]) -> str:
    """Return what ``--help`` shows, at a fixed width."""
    parent = None
    for word in path[:-1]:
        parent = click.Context(click.Command(word), info_name=word, parent=parent)
    context = click.Context(
        command,
        info_name=path[-1],
        parent=parent,
        terminal_width=88,
        max_content_width=88,
        help_option_names=["-h", "--help"],
    )
    return command.get_help(context)


def page() -> str:
    """Return the page."""
    parts = [
        f"## {' '.join(path)}\n\n```text\n{help_text(command, path)}\n```\n"
        for path, command in commands()
    ]
    return "\n".join([HEAD, *parts])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
