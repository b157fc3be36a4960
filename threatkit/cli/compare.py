"""The command that compares two runs."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from threatkit.cli.options import Format, format_option
from threatkit.cli.output import print_frame
from threatkit.errors import GateNotMet

if TYPE_CHECKING:
    import pandas as pd

    from threatkit.compare import Comparison
    from threatkit.export.run import Run

#: So many districts are in the table; csv and json have all.
_SHOWN = 20
_FOLDER = click.Path(path_type=Path)


@click.command()
@click.argument("before", metavar="RUN_A", type=_FOLDER)
@click.argument("after", metavar="RUN_B", type=_FOLDER)
@format_option
def compare(before: Path, after: Path, form: Format) -> None:
    """Tell what moved from RUN_A to RUN_B, whether it is more than noise, and why.

    For each district: the change of the probability of an episode with its interval, the
    probability that it rose (draws of the two runs are taken as independent), and the part
    whose contribution changed most. Inputs and settings that differ are told besides. The
    table has the 20 largest changes, csv and json have all. If the diagnostics gate of a run
    was not met, the exit code is 4.

    \b
    Example:
      threatkit compare out/spring out/autumn --format csv > moved.csv
    """
    from threatkit.compare import compare_runs
    from threatkit.export.run import read_run

    old, new = read_run(before), read_run(after)
    found = compare_runs(old, new)
    if form == "json":
        click.echo(json.dumps(_object(old, new, found), ensure_ascii=False, indent=1))
    else:
        _tell(found)
        print_frame(_short(found.districts) if form == "table" else found.districts, form)
    bad = [str(run.folder) for run in (old, new) if not run.gate_passed]
    if bad:
        raise GateNotMet(
            f"the sampler's diagnostics gate was not met by {' and '.join(bad)}: "
            "do not use the comparison"
        )


def _short(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Return the first rows with each figure and its interval in one cell."""
    top = frame.head(_SHOWN)
    for name in ("event_prob_before", "event_prob_after", "change", "part_change"):
        ends = top[[name, f"{name}_lo", f"{name}_hi"]].itertuples(index=False)
        texts = [f"{value:.3g} ({lo:.2g} to {hi:.2g})" for value, lo, hi in ends]
        top = top.assign(**{name: texts}).drop(columns=[f"{name}_lo", f"{name}_hi"])
    return top.drop(columns=["country", "change_mcse"])


def _tell(found: "Comparison") -> None:
    """Say on stderr what the districts' table does not hold."""
    for name, row in found.settings.iterrows():
        click.echo(
            f"Setting {name}: {row['before'] or 'none'} -> {row['after'] or 'none'}", err=True
        )
    for name, row in found.inputs.iterrows():
        click.echo(f"Input {row['change']}: {name}", err=True)
    count = int(found.districts["more_than_noise"].sum())
    click.echo(
        f"{count} of {len(found.districts)} districts changed by more than noise "
        f"({100 * found.ci_prob:g}% intervals; draws of the two runs taken as independent)",
        err=True,
    )


def _object(old: "Run", new: "Run", found: "Comparison") -> dict[str, Any]:
    return {
        "before": old.facts(),
        "after": new.facts(),
        "independence": "draws of the two runs are taken as independent",
        "ci_prob": found.ci_prob,
        "settings": _rows(found.settings),
        "inputs": _rows(found.inputs),
        "districts": _rows(found.districts),
    }


def _rows(frame: "pd.DataFrame") -> Any:
    return json.loads(frame.reset_index().to_json(orient="records", force_ascii=False))
