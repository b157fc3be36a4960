"""What moved between two runs, by how much, whether it is more than noise, and why.

The draws of two runs are treated as independent. They share data, so their errors are partly
the same: the probability of change is then nearer to one half than it should be.
"""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from threatkit.archive import read_forecast
from threatkit.errors import Fault, InvalidInput
from threatkit.export.run import Run


def comparable(before: Run, after: Run) -> None:
    """Refuse runs whose probabilities mean different things.

    Raises
    ------
    InvalidInput
        If the length of the horizon or the definition of an episode differs.
    """
    rules: dict[str, Callable[[Run], Any]] = {
        "length of the horizon": lambda r: r.record["forecast"]["months"],
        "types of events": lambda r: sorted(r.record["config"]["event_types"]),
        "whether a death is required": lambda r: r.record["config"]["require_death"],
        "region": lambda r: r.record["config"]["region"],
    }
    faults = [
        Fault(
            f"{before.folder} and {after.folder}",
            f"both runs have one {name}",
            f"{of(before)} and {of(after)}",
            "Run 'assess' again with the same settings",
        )
        for name, of in rules.items()
        if of(before) != of(after)
    ]
    if faults:
        raise InvalidInput(faults)


def changes(before: Run, after: Run) -> pd.DataFrame:
    """Return the change of each district of both runs, the surest first.

    ``change_log`` is that of the log of the expected episodes (median and interval over draws);
    ``increase_prob`` is P(change > 0) and ``increase_prob_mcse`` an error of its Monte Carlo
    mean that takes the draws of a run as independent; ``because`` is the part that moved most.
    """
    comparable(before, after)
    old, _, _ = read_forecast(before.folder / "posterior.nc")
    new, _, _ = read_forecast(after.folder / "posterior.nc")
    shared = old.districts.index.intersection(new.districts.index)
    a, b = (made.districts.index.get_indexer(shared) for made in (old, new))
    number = min(len(old.expected), len(new.expected))
    generator = np.random.default_rng(0)
    rows = (generator.permutation(len(made.expected))[:number] for made in (old, new))
    first, second = rows
    moved = np.log(new.expected[second][:, b]) - np.log(old.expected[first][:, a])
    tail = (1 - float(after.record["ci_prob"])) / 2
    low, middle, high = np.quantile(moved, [tail, 0.5, 1 - tail], axis=0)
    share = (moved > 0).mean(axis=0)
    frame = pd.DataFrame(
        {
            "name": after.scores["name"].reindex(shared),
            "event_prob_before": before.scores["event_prob"].reindex(shared),
            "event_prob_after": after.scores["event_prob"].reindex(shared),
            "change_log": middle,
            "change_log_lo": low,
            "change_log_hi": high,
            "increase_prob": share,
            "increase_prob_mcse": np.sqrt(share * (1 - share) / number),
        },
        index=pd.Index(shared, name="district"),
    )
    parts = {
        name: new.parts[name][:, b].mean(axis=0) - old.parts[name][:, a].mean(axis=0)
        for name in new.parts
        if name in old.parts
    }
    table = pd.DataFrame(parts, index=shared)
    frame["because"] = table.abs().idxmax(axis=1).where(table.abs().max(axis=1) > 0)
    frame = frame.join(table.add_prefix("change_"))
    return frame.iloc[np.argsort(-np.abs(share - 0.5), kind="stable")]


def settings(before: Run, after: Run) -> dict[str, Any]:
    """Return the settings, inputs and parts of the model that differ."""
    pairs = ((before.record[k], after.record[k]) for k in ("config", "inputs"))
    config, inputs = (
        {k: [x.get(k), y.get(k)] for k in sorted({*x, *y}) if x.get(k) != y.get(k)}
        for x, y in pairs
    )
    return {"settings": config, "inputs": sorted(inputs), "runs": [before.facts(), after.facts()]}


def as_json(before: Run, after: Run) -> str:
    """Return the comparison as JSON; what is missing is null."""
    rows = [
        {k: None if pd.isna(v) else v for k, v in row.items()}
        for row in changes(before, after).reset_index().to_dict("records")
    ]
    return json.dumps({**settings(before, after), "districts": rows}, indent=1, allow_nan=False)
