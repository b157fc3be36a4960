"""Distributions of counts from draws of their mean: the mixture that a forecast is."""

import numpy as np
from numpy.typing import NDArray

from threatkit.model.forecast import event_probability

FloatArray = NDArray[np.float64]


def count_pmf(
    expected: FloatArray, dispersion: FloatArray, likelihood: str, largest: int
) -> FloatArray:
    """Return the distribution of counts over all draws, exact for each, the last bin open.

    Parameters
    ----------
    expected
        Shape (S, N): expected counts in each draw.
    dispersion
        Shape (S,): NB1's dispersion or NB2's size.
    likelihood
        ``nb1``, ``nb2``, ``poisson`` or ``bernoulli`` (no count above one).
    largest
        Count of the last bin, which holds all above it too.

    Returns
    -------
    ndarray
        Shape (N, largest + 1).
    """
    term = 1.0 - event_probability(expected, dispersion, likelihood)
    pmf = np.zeros((expected.shape[1], largest + 1))
    pmf[:, 0] = term.mean(axis=0)
    if likelihood == "bernoulli":
        pmf[:, 1] = 1.0 - pmf[:, 0]
        return pmf
    spread = dispersion[:, None]
    for count in range(1, largest):
        term = term * _ratio(expected, spread, likelihood, count)
        pmf[:, count] = term.mean(axis=0)
    pmf[:, -1] = np.clip(1.0 - pmf[:, :-1].sum(axis=1), 0.0, 1.0)
    return pmf


def _ratio(expected: FloatArray, spread: FloatArray, likelihood: str, count: int) -> FloatArray:
    """Return the probability of a count over that of the one below it."""
    if likelihood == "nb1":
        return (expected + (count - 1) * spread) / ((1.0 + spread) * count)
    if likelihood == "nb2":
        return (spread + count - 1) / count * expected / (spread + expected)
    return expected / count
