"""The section of ``docs/model.md`` on what the fitted model reproduces; see `derive.checks`."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from threatkit.derive import checkplots
from threatkit.derive.material import Material, markdown
from threatkit.evaluate.predictive import OTHER, SAME, Checked, check
from threatkit.model.panel import Panel
from threatkit.model.replicate import completed_counts, replicate

FloatArray = NDArray[np.float64]

#: Features with a histogram.
HISTOGRAMS = (
    "neighbours hit in one year",
    "most in a country and year",
    "most in an oblast and year",
    "district-years hit after a hit",
)


def predictive_section(made: Material, size: int, known: dict[str, str]) -> str:
    """Draw the posterior predictive checks; return sentences and the table."""
    panel = made.spec.panel
    found = check(made.spec, made.draws, size=size, seed=made.seed)
    table = found.table()
    known["features"] = checkplots.features(table)
    known["years"] = checkplots.years_by_country(
        found, panel.countries, panel.periods.astype(float)
    )
    known["shapes"] = checkplots.shapes(found, _tail(made, size), HISTOGRAMS)
    lines = [f"- {sentence}" for sentence in found.sentences()]
    covered = _covered_years(found, panel)
    shown = pd.DataFrame(
        {
            "feature": [f"{name}" for name in table.index],
            "about": table["about"],
            "seen": table["observed"].map(checkplots.digits),
            **{
                f"{kind} years": [
                    f"{checkplots.digits(low)} to {checkplots.digits(high)}"
                    for low, high in zip(table[f"{kind}_lo"], table[f"{kind}_hi"], strict=True)
                ]
                for kind in (SAME, OTHER)
            },
            **{f"p, {kind}": table[f"{kind}_p"].map("{:.3f}".format) for kind in (SAME, OTHER)},
        }
    )
    return "\n".join([*lines, f"- {covered}", "", markdown(shown)])


def _covered_years(found: Checked, panel: Panel) -> str:
    """Return how many country-years lie inside the intervals of both replications."""
    tail = 100 * (1 - found.ci_prob) / 2
    seen = np.median(found.observed, axis=0)
    told, outside = [], np.zeros(seen.shape, dtype=bool)
    for kind in (SAME, OTHER):
        low, high = np.percentile(found.made[kind], [tail, 100 - tail], axis=0)
        inside = (seen >= low) & (seen <= high)
        told.append(f"{inside.sum()} of {seen.size} in {kind} years")
        outside |= ~inside
    where = ", ".join(
        f"{panel.countries[row]} {panel.periods[column]} ({seen[row, column]:.0f})"
        for row, column in np.argwhere(outside)
    )
    return (
        f"Country-years whose episodes lie within their {100 * found.ci_prob:g}% interval: "
        f"{' and '.join(told)}; outside either: {where or 'none'}."
    )


def _tail(made: Material, size: int) -> dict[str, FloatArray]:
    """Return districts with k or more episodes, seen and replicated."""
    least = np.arange(1, 16)

    def reached(counts: FloatArray) -> FloatArray:
        total = counts.sum(axis=2)
        return np.stack([(total >= k).sum(axis=1) for k in least], axis=1).astype(float)

    other = replicate(made.spec, made.draws, size=size, seed=made.seed, anew=True)
    seen = completed_counts(made.spec, size=size, seed=made.seed)
    return {
        "least": least.astype(float),
        "seen": reached(seen),
        OTHER: reached(other.counts),
    }
