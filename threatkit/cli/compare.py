"""The command that compares two runs."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from threatkit.cli.options import Format, executor_options, format_option
from threatkit.cli.output import print_frame
from threatkit.errors import GateNotMet

if TYPE_CHECKING:
    import pandas as pd

    from threatkit.attribution import Attribution
    from threatkit.compare import Comparison
    from threatkit.export.run import Run

#: So many districts are in the table; csv and json have all.
_SHOWN = 20
_FOLDER = click.Path(path_type=Path)


@click.command()
@click.argument("before", metavar="RUN_A", type=_FOLDER)
@click.argument("after", metavar="RUN_B", type=_FOLDER)
@click.option(
    "--why",
    is_flag=True,
    help="Tell which inputs differ, and refit to attribute the largest changes to each of them.",
)
@click.option(
    "--districts",
    "most",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    metavar="N",
    help="With --why: how many districts, those that moved most.",
)
@executor_options
@format_option
def compare(
    before: Path,
    after: Path,
    why: bool,
    most: int,
    workers: int | None,
    scheduler: str | None,
    form: Format,
) -> None:
    """Tell what moved from RUN_A to RUN_B, whether it is more than noise, and why.

    For each district: the change of the probability of an episode with its interval, the
    probability that it rose (draws of the two runs are taken as independent), and the part
    whose contribution changed most. Inputs and settings that differ are told besides. The
    table has the 20 largest changes, csv and json have all. If the diagnostics gate of a run
    was not met, the exit code is 4.

    With --why the inputs of the later run are fitted anew by the fast engine, with one group of
    them at a time (an indicator, the events, the coverage, the date, a setting) put back to what
    the earlier run had. The table then has a row for each of N districts and each group: the
    change that is associated with it, its Monte Carlo error, and whether it exceeds the noise
    of the sampler. That is no statement of a cause.

    \b
    Examples:
      threatkit compare out/spring out/autumn --format csv > moved.csv
      threatkit compare out/spring out/autumn --why --districts 3
    """
    from threatkit.compare import compare_runs
    from threatkit.export.run import read_run

    old, new = read_run(before), read_run(after)
    found = compare_runs(old, new)
    reasons = None
    if why:
        from threatkit.attribution import attribute
        from threatkit.executor import executor
        from threatkit.progress import terminal_progress

        pool = executor(workers=workers, scheduler=scheduler)
        reasons = attribute(old, new, found, pool, most=most, progress=terminal_progress())
    if form == "json":
        told = _object(old, new, found) | ({} if reasons is None else _reasons(reasons))
        click.echo(json.dumps(told, ensure_ascii=False, indent=1))
    elif reasons is not None:
        _tell(found)
        _tell_reasons(reasons)
        print_frame(reasons.table if form == "csv" else _brief(reasons.table), form)
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


def _tell_reasons(reasons: "Attribution") -> None:
    """Say on stderr how the inputs differ, and what was not attributed."""
    if reasons.before is not None:
        from threatkit.differences import changed_events, changed_values

        values = changed_values(reasons.before, reasons.after)
        for (package, name), rows in values.groupby(["package", "indicator"]):
            click.echo(f"Indicator {name} ({package}): values {_counts(rows)}", err=True)
        events = changed_events(reasons.before, reasons.after)
        if len(events):
            click.echo(f"Events {_counts(events)}", err=True)
    for note in reasons.notes:
        click.echo(note, err=True)


def _counts(rows: "pd.DataFrame") -> str:
    return ", ".join(f"{name} {count}" for name, count in rows["change"].value_counts().items())


def _brief(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return the attribution with each change and its error in one cell."""
    pairs = zip(table["change"], table["mcse"], strict=True)
    texts = [f"{change:+.2g} ± {error:.1g}" for change, error in pairs]
    return table.assign(change=texts).drop(columns=["district", "mcse"])


def _reasons(reasons: "Attribution") -> dict[str, Any]:
    """Return the attribution, and every value and event that differs, as JSON types."""
    told: dict[str, Any] = {
        "why": _rows(reasons.table.set_index("district")),
        "why_notes": list(reasons.notes),
        "why_means": (
            "refits of the later run with one group of inputs as the earlier had it; "
            "associations, not causes; mcse is the Monte Carlo standard error"
        ),
    }
    if reasons.before is not None:
        from threatkit.differences import changed_events, changed_values

        values = changed_values(reasons.before, reasons.after)
        told["values"] = _rows(values.set_index("indicator"))
        events = changed_events(reasons.before, reasons.after)
        told["events"] = _rows(events.set_index("event_id"))
    return told


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
