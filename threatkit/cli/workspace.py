"""The command that makes a workspace."""

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
def init(folder: Path) -> None:
    """Make a workspace to start from.

    It holds a commented configuration and an example of an own indicator package.
    Nothing that exists is overwritten.

    \b
    Example:
      threatkit init my && threatkit assess my/threatkit.toml --out my/out
    """
    from threatkit.workspace import make_workspace

    for path in make_workspace(folder):
        click.echo(path)
    click.echo(f"Next: edit {folder / 'threatkit.toml'}, then", err=True)
    click.echo(f"  threatkit assess {folder} --out {folder / 'out'}", err=True)
