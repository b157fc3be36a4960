"""Rolling origins: each forecast made from the years before it, and scored on those after."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from threatkit.errors import Fault, InvalidInput
from threatkit.evaluate import proper
from threatkit.evaluate.baselines import FEWEST_YEARS, Baseline, thinned
from threatkit.evaluate.difference import compare, student, verdict
from threatkit.evaluate.outcome import Outcomes

FloatArray = NDArray[np.float64]

#: The scores that are averaged over cells, in the order of every table.
SCORES = (*("log_score", "brier", "brier_2", "crps", "twcrps", "ignorance", "interval_score"),)
#: A cell is active if it or a neighbour had an episode in so many years before the origin's end.
RECENT = 5
#: Scores of which more is better.
HIGHER_IS_BETTER = frozenset({"log_score"})
#: The baseline that differences are taken from: the one to beat.
REFERENCE = "shrunken frequency"
INTERVAL_PROB = 0.9
#: Last origin on whose scores a choice may rest; later ones are reported apart, as they fall.
LAST_CHOICE = 2017


@dataclass(frozen=True)
class Backtest:
    """Forecasts and scores of all origins.

    Attributes
    ----------
    cells
        One row a forecaster, origin, horizon and district whose outcome a source covers:
        forecaster, origin, horizon (years ahead, from 1), district, country, year, part (of
        the year that is covered), active (see `active`), event and prob (of an episode, happened
        and forecast), event_2 and prob_2 (of two or more), expected, the scores of `SCORES` and
        coverage.
    """

    cells: pd.DataFrame

    def of(self, name: str) -> pd.DataFrame:
        """Return the rows of one forecaster."""
        return self.cells[self.cells["forecaster"] == name]

    def where(self, keep: "pd.Series[bool]") -> "Backtest":
        """Return the rows of a selection."""
        return Backtest(self.cells[keep])

    def at(self, horizon: int) -> "Backtest":
        """Return the rows of one horizon."""
        return self.where(self.cells["horizon"] == horizon)

    def choices(self) -> "Backtest":
        """Return the rows of origins on which choices may rest."""
        return self.where(self.cells["origin"] <= LAST_CHOICE)

    def locked(self) -> "Backtest":
        """Return the rows of origins that no choice has seen."""
        return self.where(self.cells["origin"] > LAST_CHOICE)

    def table(
        self,
        *,
        reference: str = REFERENCE,
        names: Sequence[str] | None = None,
        ci_prob: float = 0.95,
    ) -> pd.DataFrame:
        """Return mean scores with their intervals, and differences from a reference.

        Parameters
        ----------
        reference
            The forecaster that differences are taken from.
        names
            The forecasters in the table; all of them if not given.
        ci_prob
            Probability inside each interval.

        Returns
        -------
        DataFrame
            Index forecaster. For each of `SCORES` the mean, its interval over years ``_lo``,
            ``_hi``; and in the cells that the reference has too (all others are left out of
            it) the score less that of the reference ``_diff``, with its interval over years
            ``_diff_lo``, ``_diff_hi``, from drawing country-years ``_diff_lo_cy``,
            ``_diff_hi_cy``, without the heaviest year ``_diff_rest``, ``_diff_rest_lo``,
            ``_diff_rest_hi``, ``_diff_heaviest``, and what may be said of it, ``_verdict``.
            Besides: reliability and resolution (parts of the Brier score),
            average_precision, coverage of 90% intervals, expected (cells with an episode),
            observed, cells and years.
        """
        base = self.of(reference).set_index(_CELL)
        wanted = self.cells["forecaster"].unique() if names is None else names
        rows = {str(name): _row(self.of(str(name)), base, ci_prob) for name in wanted}
        frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("forecaster")
        return frame.astype({"cells": int, "years": int})


_CELL = ["origin", "horizon", "district"]


def _row(own: pd.DataFrame, base: pd.DataFrame, ci_prob: float) -> dict[str, float | str]:
    """Return the row of one forecaster in `Backtest.table`."""
    both = own.join(base[list(SCORES)].add_suffix("_base"), on=_CELL, how="inner")
    year = own["year"].to_numpy()
    prob, event = own["prob"].to_numpy(), own["event"].to_numpy()
    row: dict[str, float | str] = {}
    for score in SCORES:
        made = student(own[score].to_numpy(), year, ci_prob=ci_prob)
        row |= {score: made.mean, f"{score}_lo": made.lo, f"{score}_hi": made.hi}
        less = compare(
            both[score].to_numpy(),
            both[f"{score}_base"].to_numpy(),
            both["year"].to_numpy(),
            both["country"].to_numpy(dtype=str),
            ci_prob=ci_prob,
        )
        rest = less.without_heaviest
        row |= {
            f"{score}_diff": less.over_years.mean,
            f"{score}_diff_lo": less.over_years.lo,
            f"{score}_diff_hi": less.over_years.hi,
            f"{score}_diff_lo_cy": less.over_country_years.lo,
            f"{score}_diff_hi_cy": less.over_country_years.hi,
            f"{score}_diff_rest": rest.mean,
            f"{score}_diff_rest_lo": rest.lo,
            f"{score}_diff_rest_hi": rest.hi,
            f"{score}_diff_heaviest": float("nan") if less.heaviest is None else less.heaviest,
            f"{score}_verdict": verdict(less, higher_is_better=score in HIGHER_IS_BETTER),
        }
    parts = proper.brier_parts(prob, event)
    return row | {
        "reliability": parts["reliability"],
        "resolution": parts["resolution"],
        "average_precision": proper.average_precision(prob, event),
        "coverage": float(own["coverage"].mean()),
        "expected": float(prob.sum()),
        "observed": float(event.sum()),
        "cells": float(len(own)),
        "years": float(len(np.unique(year))),
    }


def backtest(
    outcomes: Outcomes, origins: Sequence[int], baselines: Mapping[str, Baseline]
) -> Backtest:
    """Forecast the year after each origin and score it.

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
    check_origins(outcomes, origins, covered=True)
    parts: list[pd.DataFrame] = []
    for origin in origins:
        history = outcomes.until(origin)
        for name, baseline in baselines.items():
            parts += scored(name, origin, baseline(history)[None], outcomes, history=history)
    return Backtest(pd.concat(parts, ignore_index=True))


def scored(
    name: str, origin: int, pmf: FloatArray, outcomes: Outcomes, *, history: Outcomes
) -> Iterator[pd.DataFrame]:
    """Yield the scored cells of the forecasts of one origin, one frame a horizon.

    The log score holds probabilities between e and 1 - e with e = 1 / (2 (n + 1)), n the
    covered district-years of the origin's history: a forecast of 0 is not punished without
    end. A year that no source covers yields nothing: it is missing, not zero.

    Parameters
    ----------
    name
        Of the forecaster.
    origin
        Year at whose end the forecasts were made.
    pmf
        Shape (horizon, N, K + 1): distributions of the counts of whole years, the first is
        the year after the origin; NaN where a district has no forecast.
    outcomes
        What happened.
    history
        What the origin knew.
    """
    floor = 0.5 / (float(history.covered.sum()) + 1.0)
    lively = active(history)
    for step, said in enumerate(pmf, start=1):
        column = origin + step - int(outcomes.years[0])
        if column >= len(outcomes.years):
            continue
        outcome, part = outcomes.pmf[:, column], outcomes.part[:, column]
        known = (part > 0) & np.isfinite(said).all(axis=1)
        if not known.any():
            continue
        head = outcomes.districts[known].reset_index()[["district", "country"]]
        made = scores_of(thinned(said[known], part[known]), outcome[known], floor=floor)
        labels = {"forecaster": name, "origin": origin, "horizon": step, "year": origin + step}
        head = head.assign(**labels, part=part[known], active=lively[known])
        yield pd.concat([head, made], axis=1)


def active(history: Outcomes) -> NDArray[np.bool_]:
    """Return where a district or a neighbour more likely than not had a recent episode, (N,).

    Nearly all cells are calm whatever is forecast; active ones stand apart.

    Parameters
    ----------
    history
        What an origin knew; its last `RECENT` years are looked at.
    """
    none = np.where(history.covered, history.pmf[..., 0], 1.0)[:, -RECENT:].prod(axis=1)
    around = none.copy()
    for one, other in (history.pairs.T, history.pairs.T[::-1]):
        np.multiply.at(around, one, none[other])
    lively: NDArray[np.bool_] = 1.0 - around > 0.5
    return lively


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
    prob_2, event_2 = pmf[:, 2:].sum(axis=1), outcome[:, 2:].sum(axis=1)
    lo, hi = proper.central_interval(pmf, INTERVAL_PROB)
    return pd.DataFrame(
        {
            "prob": prob,
            "event": event,
            "prob_2": prob_2,
            "event_2": event_2,
            "expected": pmf @ np.arange(pmf.shape[1]),
            "log_score": proper.log_score(prob, event, floor=floor),
            "brier": proper.brier(prob, event),
            "brier_2": proper.brier(prob_2, event_2),
            "crps": proper.crps(pmf, outcome),
            "twcrps": proper.twcrps(pmf, outcome),
            "ignorance": proper.ignorance(pmf, outcome),
            "interval_score": proper.interval_score(lo, hi, outcome, prob=INTERVAL_PROB),
            "coverage": proper.coverage(lo, hi, outcome),
        }
    )


def check_origins(outcomes: Outcomes, origins: Sequence[int], *, covered: bool) -> None:
    """Refuse origins that cannot be used, all of them at once.

    Parameters
    ----------
    outcomes
        What happened, from the first year of the data to the last.
    origins
        Years at whose end forecasts are made.
    covered
        Whether to refuse origins whose next year no source covers, too.

    Raises
    ------
    InvalidInput
        With each origin that lies outside the data or has too short a past.
    """
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
            if covered:
                outcomes.target(origin + 1)
        except InvalidInput as error:
            faults.extend(error.faults)
    if not origins:
        faults.append(Fault("origins", "at least one origin is given", "none"))
    if faults:
        raise InvalidInput(faults)
