"""Commands that list, show and check indicator packages."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from threatkit.cli.options import Format, format_option, indicator_options
from threatkit.cli.output import print_frame
from threatkit.errors import Fault, InvalidInput
from threatkit.keys import meant

if TYPE_CHECKING:
    import pandas as pd

    from threatkit.data.catalogue import Catalogue


@click.group()
def indicators() -> None:
    """List, show and check indicator packages.

    \b
    Example:
      threatkit indicators list
    """


@indicators.command("list")
@indicator_options
@format_option
def list_indicators(folders: tuple[Path, ...], no_shipped: bool, form: Format) -> None:
    """List the indicators, their packages and how much of them is known.

    \b
    Example:
      threatkit indicators list --format csv
    """
    catalogue = _catalogue(folders, no_shipped)
    values = catalogue.values.groupby("indicator")
    frame = catalogue.indicators[["package", "pillar", "title", "unit", "definition", "use"]]
    known = values["period"].agg(values="size", first="min", last="max")
    frame = frame.join(known).fillna({"values": 0}).astype({"values": "int64"})
    print_frame(frame, form)


@indicators.command()
@click.argument("name")
@indicator_options
@format_option
def show(name: str, folders: tuple[Path, ...], no_shipped: bool, form: Format) -> None:
    """Show the values of an indicator with their sources, or a table of a package.

    NAME is an indicator, a table such as districts, events or coverage, or a package.

    \b
    Examples:
      threatkit indicators show youth_unemployment --format csv
      threatkit indicators show districts
    """
    catalogue = _catalogue(folders, no_shipped)
    tables = sorted({table for package in catalogue.packages for table in package.tables})
    packages = {package.name: package for package in catalogue.packages}
    if name in catalogue.indicators.index:
        _tell_definition(catalogue, name)
        print_frame(_values(catalogue, name), form)
    elif name in tables:
        print_frame(catalogue.table(name).drop(columns=["file", "row"]), form)
    elif name in packages:
        click.echo(str(packages[name].descriptor.get("description", "")), err=True)
        frame = catalogue.indicators
        print_frame(frame[frame["package"] == name].drop(columns="package"), form)
    else:
        known = [*catalogue.indicators.index, *tables, *packages]
        remedy = meant(name, known) or "'threatkit indicators list' names the indicators"
        raise InvalidInput(Fault(repr(name), "no indicator, table or package has this name",
                                 remedy=remedy))  # fmt: skip


@indicators.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path), metavar="[DIR]")
@click.option("--no-shipped", is_flag=True, help="Leave the shipped indicator packages out.")
@format_option
def validate(folder: Path | None, no_shipped: bool, form: Format) -> None:
    """Check packages: yours in DIR over the shipped ones, or the shipped ones alone.

    All faults of all files are told at once. With --format csv or json they are data on
    stdout.

    \b
    Example:
      threatkit indicators validate my/indicators
    """
    import pandas as pd

    try:
        catalogue = _catalogue(() if folder is None else (folder,), no_shipped)
    except InvalidInput as error:
        if form != "table":
            print_frame(pd.DataFrame([vars(fault) for fault in error.faults]), form)
        raise
    rows = [
        {
            "package": package.name,
            "version": package.version,
            "pillar": package.pillar,
            "indicators": len(package.indicators),
            "tables": len(package.tables),
            "rows": sum(len(table) for table in package.tables.values()),
            "path": str(package.path),
        }
        for package in catalogue.packages
    ]
    print_frame(pd.DataFrame(rows), form)
    click.echo(f"{len(rows)} packages are valid.", err=True)


def _catalogue(folders: tuple[Path, ...], no_shipped: bool) -> "Catalogue":
    from threatkit.data.catalogue import load_catalogue

    return load_catalogue(folders, shipped=not no_shipped)


def _tell_definition(catalogue: "Catalogue", name: str) -> None:
    row = catalogue.indicators.loc[name]
    head = f"{row['title']} ({row['unit']}), {row['definition']}, {row['direction']}"
    click.echo(f"{head}, package {row['package']}", err=True)
    if row["description"] and row["description"] != "nan":
        click.echo(row["description"], err=True)


def _values(catalogue: "Catalogue", name: str) -> "pd.DataFrame":
    values = catalogue.values
    values = values[values["indicator"] == name]
    sources = catalogue.sources[["package", "source_id", "title", "path"]]
    joined = values.merge(
        sources.rename(columns={"title": "source_title", "path": "source_path"}),
        on=["package", "source_id"],
        how="left",
    )
    first = ["area_level", "area_code", "period", "value", "unit", "reliability", "credibility"]
    return joined[[*first, "source_title", "source_path", "note"]].sort_values(
        ["area_level", "area_code", "period"]
    )
