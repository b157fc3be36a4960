"""Rolling origins: each forecast made from the years before it, and scored on the next one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from threatkit.errors import Fault, InvalidInput
from threatkit.evaluate import proper
from threatkit.evaluate.baselines import FEWEST_YEARS, Baseline, thinned
from threatkit.evaluate.difference import bootstrap, difference
from threatkit.evaluate.outcome import Outcomes

FloatArray = NDArray[np.float64]

#: The scores that are averaged over cells, in the order of every table.
SCORES = ("log_score", "brier", "crps", "ignorance", "interval_score")
#: The baseline that differences are taken from: the one to beat.
REFERENCE = "shrunken frequency"
INTERVAL_PROB = 0.9


@dataclass(frozen=True)
class Backtest:
    """Forecasts and scores of all origins.

    Attributes
    ----------
    cells
        One row a forecast, district and year that is covered: baseline, district, country,
        year, part, event (probability that there was one), prob, expected, the scores of
        `SCORES` and coverage.
    """

    cells: pd.DataFrame

    def of(self, name: str) -> pd.DataFrame:
        """Return the rows of one baseline."""
        return self.cells[self.cells["baseline"] == name]

    def table(
        self, *, reference: str = REFERENCE, ci_prob: float = 0.95, seed: int = 1
    ) -> pd.DataFrame:
        """Return mean scores with their intervals over years, and differences.

        Returns
        -------
        DataFrame
            Index baseline. For each of `SCORES` the mean, its interval ``_lo``, ``_hi``,
            and ``_diff``, ``_diff_lo``, ``_diff_hi``: the score less that of the reference
            in the same cells. Besides: reliability and resolution (parts of the Brier
            score), average_precision, coverage of 90% intervals, expected (cells with an
            episode), observed, cells and years.
        """
        base = self.of(reference)
        rows = {}
        for name in self.cells["baseline"].unique():
            own = self.of(name)
            year = own["year"].to_numpy()
            prob, event = own["prob"].to_numpy(), own["event"].to_numpy()
            row: dict[str, float] = {}
            for score in SCORES:
                values = own[score].to_numpy()
                made = bootstrap(values, year, ci_prob=ci_prob, seed=seed)
                less = difference(values, base[score].to_numpy(), year, ci_prob=ci_prob, seed=seed)
                row |= {score: made.mean, f"{score}_lo": made.lo, f"{score}_hi": made.hi}
                row |= {
                    f"{score}_diff": less.mean,
                    f"{score}_diff_lo": less.lo,
                    f"{score}_diff_hi": less.hi,
                }
            parts = proper.brier_parts(prob, event)
            rows[name] = row | {
                "reliability": parts["reliability"],
                "resolution": parts["resolution"],
                "average_precision": proper.average_precision(prob, event),
                "coverage": float(own["coverage"].mean()),
                "expected": float(prob.sum()),
                "observed": float(event.sum()),
                "cells": float(len(own)),
                "years": float(len(np.unique(year))),
            }
        frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("baseline")
        return frame.astype({"cells": int, "years": int})


def backtest(
    outcomes: Outcomes, origins: Sequence[int], baselines: Mapping[str, Baseline]
) -> Backtest:
    """Forecast the year after each origin and score it.

    The log score holds probabilities between e and 1 - e with e = 1 / (2 (n + 1)), n the
    covered district-years before the origin: a forecast of 0 is not punished without end.

    Parameters
    ----------
    outcomes
        What happened.
    origins
        Years at whose end a forecast of the next is made.
    baselines
        Forecasts by name.

    Raises
    ------
    InvalidInput
        With every origin that lies outside the data, has too short a past, or whose next
        year no source covers.
    """
    _check(outcomes, origins)
    parts = []
    for origin in origins:
        history = outcomes.until(origin)
        outcome, part = outcomes.target(origin + 1)
        known = part > 0
        floor = 0.5 / (float(history.covered.sum()) + 1.0)
        for name, baseline in baselines.items():
            pmf = thinned(baseline(history)[known], part[known])
            scored = scores_of(pmf, outcome[known], floor=floor)
            head = outcomes.districts[known].reset_index()[["district", "country"]]
            parts.append(
                pd.concat(
                    [
                        head.assign(baseline=name, year=origin + 1, part=part[known]),
                        scored,
                    ],
                    axis=1,
                )
            )
    return Backtest(pd.concat(parts, ignore_index=True))


def scores_of(pmf: FloatArray, outcome: FloatArray, *, floor: float) -> pd.DataFrame:
    """Return probability, outcome and scores of forecasts, one row a cell.

    Parameters
    ----------
    pmf, outcome
        Shape (cell, K + 1): distributions of counts, said and happened.
    floor
        Of probabilities in the log score.
    """
    prob, event = 1.0 - pmf[:, 0], 1.0 - outcome[:, 0]
    lo, hi = proper.central_interval(pmf, INTERVAL_PROB)
    return pd.DataFrame(
        {
            "prob": prob,
            "event": event,
            "expected": pmf @ np.arange(pmf.shape[1]),
            "log_score": proper.log_score(prob, event, floor=floor),
            "brier": proper.brier(prob, event),
            "crps": proper.crps(pmf, outcome),
            "ignorance": proper.ignorance(pmf, outcome),
            "interval_score": proper.interval_score(lo, hi, outcome, prob=INTERVAL_PROB),
            "coverage": proper.coverage(lo, hi, outcome),
        }
    )


def _check(outcomes: Outcomes, origins: Sequence[int]) -> None:
    """Refuse origins that cannot be scored, all of them at once."""
    faults: list[Fault] = []
    first = int(outcomes.years[0]) + FEWEST_YEARS - 1
    for origin in origins:
        try:
            outcomes.until(origin)
            if origin < first:
                faults.append(
                    Fault(
                        f"the origin {origin}",
                        f"an origin has {FEWEST_YEARS} years of data before its end",
                        f"data from {outcomes.years[0]}",
                        f"Choose origins from {first}",
                    )
                )
            outcomes.target(origin + 1)
        except InvalidInput as error:
            faults.extend(error.faults)
    if not origins:
        faults.append(Fault("origins", "at least one origin is given", "none"))
    if faults:
        raise InvalidInput(faults)
