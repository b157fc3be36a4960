"""Pools: one forecast out of what the model and the forecast to beat have said.

No fit is made. The weight of a pool comes from targets that its origin knew, and from no other.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from threatkit.evaluate.backtest import REFERENCE
from threatkit.evaluate.baselines import thinned
from threatkit.evaluate.forecasters import MODEL, Said
from threatkit.evaluate.outcome import Outcomes

FloatArray = NDArray[np.float64]

POOL = "pool of model and frequency"
GEOMETRIC = "geometric pool of both"
#: Weights of the model that are tried, from none to all, each as likely before any target.
WEIGHTS = np.linspace(0.0, 1.0, 101)
#: Probabilities are held between this and 1 less this where a weight is learnt.
_FLOOR = 1e-6


def pools(said: Mapping[int, Mapping[str, Said]], happened: Outcomes) -> dict[int, dict[str, Said]]:
    """Return the pools of every origin at which model and reference both spoke.

    `POOL` is the linear pool ``w * model + (1 - w) * frequency``. Its weight is the mean of a
    posterior with a flat prior: the likelihood is that of the events of earlier origins' next
    years, as far as they had happened. So it is one half at the first origin, and the pool is
    the exact predictive distribution of a mixture (doi:10.1016/j.ijforecast.2006.08.001 and
    doi:10.1214/17-BA1091 take the maximum instead). `GEOMETRIC` has nothing to learn: the
    square root of the product, scaled to sum to one.

    Parameters
    ----------
    said
        Origin -> forecaster -> what it said.
    happened
        What happened.

    Returns
    -------
    dict
        Origin -> pool -> what it says; pools have no draws.
    """
    both = sorted(origin for origin, of in said.items() if {MODEL, REFERENCE} <= set(of))
    evidence: dict[int, FloatArray] = {}
    made: dict[int, dict[str, Said]] = {}
    for origin in both:
        model, frequency = (said[origin][name].pmf for name in (MODEL, REFERENCE))
        known = [value for year, value in evidence.items() if year <= origin]
        weight = _weight(np.sum(known, axis=0) if known else np.zeros(len(WEIGHTS)))
        note = f"weight of the model {weight:.2f}, learnt on {len(known)} earlier years"
        root = np.sqrt(model * frequency)
        made[origin] = {
            POOL: _silent(weight * model + (1.0 - weight) * frequency, note),
            GEOMETRIC: _silent(root / root.sum(axis=-1, keepdims=True), "equal weights"),
        }
        if (year := origin + 1) <= int(happened.years[-1]):
            evidence[year] = _evidence(model[0], frequency[0], happened, year)
    return made


def _weight(evidence: FloatArray) -> float:
    likely = np.exp(evidence - evidence.max())
    return float(WEIGHTS @ likely / likely.sum())


def _evidence(
    model: FloatArray, frequency: FloatArray, happened: Outcomes, year: int
) -> FloatArray:
    """Return the log-likelihood of a year's events under each weight, shape (weight,)."""
    column = year - int(happened.years[0])
    part, event = happened.part[:, column], happened.event[:, column]
    known = part > 0
    one, other = (
        np.clip(1.0 - thinned(pmf[known], part[known])[:, 0], _FLOOR, 1.0 - _FLOOR)
        for pmf in (model, frequency)
    )
    prob = WEIGHTS[:, None] * one + (1.0 - WEIGHTS[:, None]) * other
    total: FloatArray = (event[known] * np.log(prob) + (1.0 - event[known]) * np.log1p(-prob)).sum(
        axis=1
    )
    return total


def _silent(pmf: FloatArray, note: str) -> Said:
    """Return what a pool says: a distribution without draws of its mean."""
    steps, size = pmf.shape[:2]
    return Said(pmf, np.zeros((steps, 0, size)), np.zeros(0), note=note)
