"""One sentence of figures about a district, with its interval, for formats that hold text."""

from typing import Any

import pandas as pd

from threatkit.export.run import LEVELS, NO_DATA, Run


def level_text(level: Any) -> str:
    """Return what a level means; an unknown one is not assessed."""
    return NO_DATA if pd.isna(level) else LEVELS[int(level)][0]


def district_text(run: Run, row: "pd.Series[Any]") -> str:
    """Return the figures of a district in words, with interval, dates and gate."""
    facts = run.facts()
    gate = "passed" if facts["gate_passed"] else "NOT passed: do not use"
    low, high = row["event_prob_lo"], row["event_prob_hi"]
    return (
        f"{level_text(row['risk_level'])}. Probability of at least one episode of organised "
        f"violence from {facts['horizon_start']} to {facts['horizon_end']}: "
        f"{100 * row['event_prob']:.2g} in 100 ({100 * facts['ci_prob']:.0f}% interval "
        f"{100 * low:.2g} to {100 * high:.2g}); rank {row['rank']:.0f} "
        f"({row['rank_lo']:.0f} to {row['rank_hi']:.0f}). Diagnostics gate: {gate}. "
        f"{facts['tlp']}, OCHA sensitivity {facts['ocha_sensitivity']}. {facts['attribution']}"
    )
