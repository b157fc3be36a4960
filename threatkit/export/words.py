"""Sentences of figures about a district, with interval and dates, for formats that hold text."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from threatkit.export.levels import NOT_ASSESSED, level_style
from threatkit.export.run import Run


def level_text(level: Any) -> str:
    """Return what a level means; a missing one is not assessed."""
    style = level_style(level)
    return f"Level {style.label}" if style.number else NOT_ASSESSED.capitalize()


def district_text(run: Run, row: Mapping[Any, Any]) -> str:
    """Return the figures of a district in words, with intervals, dates and gate."""
    if pd.isna(row["event_prob"]):
        return f"{NOT_ASSESSED.capitalize()}: the number of its people is not known."
    start, end = run.record["forecast"]["start"], run.record["forecast"]["end"]
    gate = "" if run.gate_passed else " DO NOT USE: the diagnostics gate was not met."
    return (
        f"{level_text(row['risk_level'])} in a year. Probability of at least one episode of "
        f"organised violence from {start} to {end}: {100 * row['event_prob']:.2g}% "
        f"({100 * float(run.record['ci_prob']):g}% interval {100 * row['event_prob_lo']:.2g}% to "
        f"{100 * row['event_prob_hi']:.2g}%); rank {row['rank']} "
        f"({row['rank_lo']} to {row['rank_hi']}).{gate}"
    )
