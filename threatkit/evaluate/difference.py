"""Paired differences of scores, with intervals from drawing whole years again."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

RESAMPLES = 2000


@dataclass(frozen=True)
class Interval:
    """A mean and its interval.

    Attributes
    ----------
    mean
        Over all cells.
    lo, hi
        Ends of the interval; NaN with fewer than two years.
    """

    mean: float
    lo: float
    hi: float

    @property
    def excludes_zero(self) -> bool:
        """Return whether zero lies outside the interval."""
        return self.lo > 0 or self.hi < 0


def year_weights(years: int, *, seed: int, resamples: int = RESAMPLES) -> NDArray[np.int_]:
    """Return how often each year is drawn in each resample, shape (resamples, years)."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(years, np.full(years, 1.0 / years), size=resamples)


def bootstrap(
    score: FloatArray, year: NDArray[np.int_], *, ci_prob: float = 0.95, seed: int = 1
) -> Interval:
    """Return the mean of a score over cells and its interval over years.

    Years are drawn with replacement, all cells of a year together, since the cells of one
    year share what happened in it. Dependence between years is not in the interval.

    Parameters
    ----------
    score
        Shape (cell,).
    year
        Shape (cell,): the year of each.
    """
    table = pd.DataFrame({"year": year, "score": score}).groupby("year")["score"]
    total, size = table.sum().to_numpy(), table.size().to_numpy()
    mean = float(total.sum() / size.sum())
    if len(total) < 2:
        return Interval(mean, float("nan"), float("nan"))
    drawn = year_weights(len(total), seed=seed)
    means = drawn @ total / (drawn @ size)
    lo, hi = np.quantile(means, [(1 - ci_prob) / 2, (1 + ci_prob) / 2])
    return Interval(mean, float(lo), float(hi))


def difference(
    one: FloatArray,
    other: FloatArray,
    year: NDArray[np.int_],
    *,
    ci_prob: float = 0.95,
    seed: int = 1,
) -> Interval:
    """Return the mean of one score less another of the same cells, with its interval."""
    return bootstrap(one - other, year, ci_prob=ci_prob, seed=seed)
