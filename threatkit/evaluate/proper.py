"""Scores that an honest forecast wins: for probabilities, for distributions, for draws.

Outcomes may be uncertain: a probability that an event happened, or a distribution over
counts. A score is then the expected score over the outcome, which stays proper. Lower is
better but for the log score, the average precision and the coverage.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

#: Last count of each bin of the VIEWS prediction competition but the open one: 0, 1-2, 3-5,
#: 6-10, 11-25, 26-50, 51-100, 101-250, 251-500, 501-1000 and more.
VIEWS_BINS = (0, 2, 5, 10, 25, 50, 100, 250, 500, 1000)
#: Draws to which a distribution counts as equal where a bin is smoothed by one draw.
VIEWS_DRAWS = 1000


def brier(prob: FloatArray, event: FloatArray) -> FloatArray:
    """Return the Brier score of each forecast (doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2).

    Parameters
    ----------
    prob
        Probability of the event that was forecast.
    event
        1 if it happened, 0 if not, or the probability that it did.
    """  # noqa: E501
    score: FloatArray = event * (1.0 - prob) ** 2 + (1.0 - event) * prob**2
    return score


def log_score(prob: FloatArray, event: FloatArray, *, floor: float = 0.0) -> FloatArray:
    """Return the log of the probability given to what happened; higher is better.

    Parameters
    ----------
    prob, event
        As for `brier`.
    floor
        Probabilities are held between this and one minus this; with 0, an event that was
        held impossible scores minus infinity.
    """
    held = np.clip(prob, floor, 1.0 - floor)
    with np.errstate(divide="ignore"):
        yes, no = np.log(held), np.log1p(-held)
    score: FloatArray = np.where(event > 0, event * np.where(event > 0, yes, 0.0), 0.0) + np.where(
        event < 1, (1.0 - event) * np.where(event < 1, no, 0.0), 0.0
    )
    return score


def brier_parts(prob: FloatArray, event: FloatArray, *, bins: int = 10) -> dict[str, float]:
    """Return the decomposition of the mean Brier score over bins of equal width.

    Returns
    -------
    dict
        ``reliability`` (lower is better), ``resolution`` (higher is better),
        ``uncertainty`` and ``within``, so that brier = reliability - resolution +
        uncertainty + within exactly (doi:10.1175/2007WAF2006116.1); ``within`` is 0 where
        all forecasts of a bin are equal.
    """
    place = np.clip((prob * bins).astype(int), 0, bins - 1)
    share = np.bincount(place, minlength=bins) / len(prob)
    used = share > 0
    size = np.bincount(place, minlength=bins)[used]
    said = np.bincount(place, prob, minlength=bins)[used] / size
    seen = np.bincount(place, event, minlength=bins)[used] / size
    base = float(event.mean())
    reliability = float((share[used] * (said - seen) ** 2).sum())
    resolution = float((share[used] * (seen - base) ** 2).sum())
    uncertainty = base * (1.0 - base)
    total = float(brier(prob, event).mean())
    return {
        "reliability": reliability,
        "resolution": resolution,
        "uncertainty": uncertainty,
        "within": total - reliability + resolution - uncertainty,
    }


def reliability_table(
    prob: FloatArray,
    event: FloatArray,
    *,
    edges: Sequence[float] = (0.0, 0.01, 0.03, 0.1, 0.2, 0.4, 1.0),
) -> pd.DataFrame:
    """Return what was said and what was seen by band of probability; empty bands left out.

    Returns
    -------
    DataFrame
        Columns from, to, cells, mean_prob, observed (share of cells with an event) and
        events.
    """
    place = np.clip(np.searchsorted(edges, prob, side="right") - 1, 0, len(edges) - 2)
    rows = [
        {
            "from": edges[band],
            "to": edges[band + 1],
            "cells": int(inside.sum()),
            "mean_prob": float(prob[inside].mean()),
            "observed": float(event[inside].mean()),
            "events": float(event[inside].sum()),
        }
        for band in range(len(edges) - 1)
        if (inside := place == band).any()
    ]
    return pd.DataFrame(rows)


def average_precision(prob: FloatArray, event: FloatArray) -> float:
    """Return the area under the steps of precision over recall; NaN without any event.

    Equal probabilities are one step, so that their order changes nothing.
    """
    total = float(event.sum())
    if total <= 0:
        return float("nan")
    order = np.argsort(-prob, kind="stable")
    hits = np.cumsum(event[order])
    last = np.append(np.diff(prob[order]) != 0, [True])
    taken = np.arange(1, len(prob) + 1)[last]
    gained = np.diff(hits[last], prepend=0.0)
    return float((gained / total * hits[last] / taken).sum())


def crps(pmf: FloatArray, outcome: FloatArray) -> FloatArray:
    """Return the continuous ranked probability score of distributions over counts.

    Parameters
    ----------
    pmf
        Shape (N, K + 1): probability of each count that was forecast.
    outcome
        Shape (N, K + 1): probability of each count as an outcome.

    Returns
    -------
    ndarray
        Shape (N,), in episodes (doi:10.1198/016214506000001437).
    """
    below = np.cumsum(pmf, axis=-1)
    happened = np.cumsum(outcome, axis=-1)
    score: FloatArray = (happened * (1.0 - below) ** 2 + (1.0 - happened) * below**2).sum(axis=-1)
    return score


def twcrps(pmf: FloatArray, outcome: FloatArray, threshold: int = 1) -> FloatArray:
    """Return the threshold-weighted CRPS of distributions over counts.

    Only what lies above the threshold counts: the score is the CRPS of the larger of count and
    threshold (doi:10.1198/jbes.2010.08110). With threshold 1 it is the CRPS without its first
    term, the Brier score of at least one episode: it judges how many, not whether any.

    Parameters
    ----------
    pmf, outcome
        As for `crps`.
    threshold
        Counts from here on are told apart.
    """
    below = np.cumsum(pmf, axis=-1)[..., threshold:]
    happened = np.cumsum(outcome, axis=-1)[..., threshold:]
    score: FloatArray = (happened * (1.0 - below) ** 2 + (1.0 - happened) * below**2).sum(axis=-1)
    return score


def pit_bins(pmf: FloatArray, outcome: FloatArray, *, bins: int = 10) -> FloatArray:
    """Return each cell's part in the non-randomised histogram of the PIT.

    A count has no one value of the probability integral transform but the span between the
    distribution's value below it and at it; the span is spread evenly over the bins that it
    covers (doi:10.1111/j.1541-0420.2009.01191.x). The mean over the cells of a calibrated
    forecast is 1 / bins in each bin.

    Parameters
    ----------
    pmf, outcome
        As for `crps`.
    bins
        Bins of equal width between 0 and 1.

    Returns
    -------
    ndarray
        Shape (N, bins); each row sums to 1.
    """
    # The last count is open and ends at 1, whatever rounding makes of the sum.
    upper = np.minimum(np.cumsum(pmf, axis=-1), 1.0)
    upper[:, -1] = 1.0
    lower = np.concatenate([np.zeros((len(pmf), 1)), upper[:, :-1]], axis=1)
    width = upper - lower
    part = np.zeros((len(pmf), bins + 1))
    for edge in range(bins + 1):
        at = edge / bins
        inside = np.clip((at - lower) / np.where(width > 0, width, 1.0), 0.0, 1.0)
        below = np.where(width > 0, inside, (at >= upper) & (at > 0))
        part[:, edge] = (outcome * below).sum(axis=-1)
    spread: FloatArray = np.diff(part, axis=1)
    return spread


def crps_draws(draws: FloatArray, observed: FloatArray) -> FloatArray:
    """Return the CRPS of draws, shape (S, N), against known counts, shape (N,).

    It is the score of the distribution that the draws are, not of the one they come from:
    mean |x - y| less half the mean |x - x'| over all pairs of draws.
    """
    ordered = np.sort(np.asarray(draws, dtype=float), axis=0)
    size = len(ordered)
    away = np.abs(ordered - observed).mean(axis=0)
    weight = 2.0 * np.arange(1, size + 1) - size - 1.0
    score: FloatArray = away - (weight[:, None] * ordered).sum(axis=0) / size**2
    return score


def pmf_of_draws(draws: NDArray[np.int_], largest: int) -> FloatArray:
    """Return the distribution that draws of counts are, (N, largest + 1), from (S, N)."""
    counts = np.stack([(draws == k).mean(axis=0) for k in range(largest)], axis=-1)
    rest = 1.0 - counts.sum(axis=-1, keepdims=True)
    return np.concatenate([counts, rest], axis=-1)


def ignorance(pmf: FloatArray, outcome: FloatArray, *, draws: int = VIEWS_DRAWS) -> FloatArray:
    """Return the ignorance in bits over the bins of the VIEWS prediction competition.

    Each bin receives one draw more than it has, so that none is held impossible.

    Parameters
    ----------
    pmf, outcome
        As for `crps`.
    draws
        Number of draws that the distribution stands for.
    """
    place = np.searchsorted(VIEWS_BINS, np.arange(pmf.shape[-1]), side="left")
    bins = len(VIEWS_BINS) + 1
    member = np.zeros((pmf.shape[-1], bins))
    member[np.arange(pmf.shape[-1]), place] = 1.0
    said = (pmf @ member * draws + 1.0) / (draws + bins)
    score: FloatArray = -(outcome @ member * np.log2(said)).sum(axis=-1)
    return score


def central_interval(pmf: FloatArray, prob: float) -> tuple[FloatArray, FloatArray]:
    """Return the quantiles between which a distribution over counts has this probability."""
    below = np.cumsum(pmf, axis=-1)
    tail = (1.0 - prob) / 2
    lo, hi = ((below < level - 1e-12).sum(axis=-1) for level in (tail, 1.0 - tail))
    return lo.astype(float), np.minimum(hi, pmf.shape[-1] - 1).astype(float)


def interval_score(
    lo: FloatArray, hi: FloatArray, outcome: FloatArray, *, prob: float = 0.9
) -> FloatArray:
    """Return the interval score of central intervals against distributions over counts.

    Width, plus 2 / (1 - prob) times the distance by which the outcome lies outside.
    """
    counts = np.arange(outcome.shape[-1])
    outside = np.clip(lo[:, None] - counts, 0, None) + np.clip(counts - hi[:, None], 0, None)
    score: FloatArray = hi - lo + 2.0 / (1.0 - prob) * (outcome * outside).sum(axis=-1)
    return score


def coverage(lo: FloatArray, hi: FloatArray, outcome: FloatArray) -> FloatArray:
    """Return the probability that the outcome lies in the interval, ends included."""
    counts = np.arange(outcome.shape[-1])
    inside = (counts >= lo[:, None]) & (counts <= hi[:, None])
    share: FloatArray = (outcome * inside).sum(axis=-1)
    return share
