"""Whether ranks are uniform: the simultaneous test of their distribution, exact.

A truth drawn from the prior has, among independent draws of its posterior, a rank that is
uniform on 0..L (doi:10.48550/arXiv.1804.06788). The empirical distribution of N such ranks is held
against that of uniform ones at all L inner points at once (doi:10.1007/s11222-022-10090-6): at a
point the count of smaller ranks is binomial, the least two-sided tail probability over all points
is the statistic, and its distribution follows exactly from a Markov recursion over the points,
since the counts of a uniform sample are binomial given the count before.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


@dataclass(frozen=True)
class Band:
    """A simultaneous band of the empirical distribution of uniform ranks.

    Attributes
    ----------
    at
        Shape (L,): the points, i / (L + 1).
    lower, upper
        Shape (L,): least and greatest share of ranks below each point inside the band.
    """

    at: FloatArray
    lower: FloatArray
    upper: FloatArray


def counts_below(ranks: IntArray, draws: int) -> IntArray:
    """Return how many ranks are below 1..L, shape (L,).

    Parameters
    ----------
    ranks
        Integers from 0 to L.
    draws
        L, the number of posterior draws among which was ranked.
    """
    below: IntArray = np.bincount(ranks, minlength=draws + 1)[:draws].cumsum()
    return below


def p_value(ranks: IntArray, draws: int) -> float:
    """Return the probability that uniform ranks stray as far at their worst point.

    Exact for N independent ranks on 0..L; ties of posterior draws with the truth should have
    been broken at random.
    """
    number = len(ranks)
    tails = _tails(number, draws)
    worst = tails[np.arange(draws), counts_below(ranks, draws)].min()
    # Counts whose tail probability equals the worst one count as far as it.
    inside = tails > worst * (1 + 1e-9)
    return float(np.clip(1.0 - _probability_inside(inside, number, draws), 0.0, 1.0))


def band(number: int, draws: int, *, prob: float = 0.95) -> Band:
    """Return the narrowest band that holds uniform ranks at every point with a probability.

    Parameters
    ----------
    number
        N, the number of ranks.
    draws
        L, so that ranks go from 0 to L.
    prob
        Least probability that all of the empirical distribution lies inside.
    """
    tails = _tails(number, draws)
    low, high = 0.0, 1.0 - prob
    for _ in range(30):
        middle = (low + high) / 2
        if _probability_inside(tails > middle, number, draws) >= prob:
            low = middle
        else:
            high = middle
    inside = tails > low
    lower = inside.argmax(axis=1)
    upper = number - inside[:, ::-1].argmax(axis=1)
    at = np.arange(1, draws + 1) / (draws + 1)
    return Band(at, lower / number, upper / number)


@lru_cache(maxsize=4)
def _tails(number: int, draws: int) -> FloatArray:
    """Return two-sided tail probabilities of every count at every point, (L, N + 1)."""
    at = (np.arange(1, draws + 1) / (draws + 1))[:, None]
    count = np.arange(number + 1)[None, :]
    below, above = binom.cdf(count, number, at), binom.sf(count - 1, number, at)
    tails: FloatArray = np.minimum(2 * np.minimum(below, above), 1.0)
    return tails


def _probability_inside(inside: NDArray[np.bool_], number: int, draws: int) -> float:
    """Return the probability that the counts of uniform ranks stay inside at every point."""
    before, mass = np.zeros(1, dtype=int), np.ones(1)
    for i in range(draws):
        after = np.flatnonzero(inside[i])
        if not len(after):
            return 0.0
        # Of those not yet below the last point, each falls before this one with this chance.
        chance = 1.0 / (draws + 1 - i)
        steps = after[None, :] - before[:, None]
        mass = mass @ binom.pmf(steps, (number - before)[:, None], chance)
        before = after
    return float(mass.sum())


def holm(p_values: FloatArray) -> FloatArray:
    """Return p-values adjusted for their number by Holm's method, in the order given."""
    order = np.argsort(p_values)
    size = len(p_values)
    stepped = np.maximum.accumulate(p_values[order] * (size - np.arange(size)))
    adjusted = np.empty(size)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted
