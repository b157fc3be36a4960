"""The log-likelihood of counts and its gradient, at many points at once."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

from threatkit.areal.config import Likelihood

FloatArray = NDArray[np.float64]

#: The parameter of each likelihood's own, by its name in a configuration.
OVERDISPERSION = {"nb1": "dispersion", "nb2": "size"}
#: A size from which on Stirling's series is exact to rounding, where gamma functions are not.
LARGE = 30.0
#: Log means beyond this would overflow; the density there is nil.
FARTHEST = 60.0


class Counts:
    """Counts of areas with a Poisson, NB1 or NB2 likelihood.

    Attributes
    ----------
    parameter
        Name of the likelihood's own parameter; empty for Poisson.
    """

    def __init__(
        self,
        likelihood: Likelihood,
        count: FloatArray,
        exposure: FloatArray,
        observed: NDArray[np.bool_],
    ) -> None:
        self._likelihood = likelihood
        self.parameter = OVERDISPERSION.get(likelihood, "")
        self._seen = np.flatnonzero(observed)
        self._all = bool(observed.all())
        self._y = count[self._seen][:, None]
        self._log_exposure = np.log(exposure[self._seen])[:, None]
        self._hit = np.flatnonzero(self._y[:, 0] > 0)
        values, times = np.unique(self._y[self._hit], return_counts=True)
        self._values, self._times = values[:, None], times.astype(np.float64)
        self._constant = float(gammaln(self._y + 1.0).sum())

    def push(self, eta: FloatArray, extra: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the log-likelihood and its derivatives.

        Parameters
        ----------
        eta
            Shape (N, points), the log relative risk.
        extra
            Shape (points,), dispersion or size; ignored by Poisson.

        Returns
        -------
        tuple
            Log-likelihood, shape (points,), its derivatives by ``eta`` and by ``extra``.
        """
        log_mean = np.minimum(self._log_exposure + eta[self._seen], FARTHEST)
        own = {"poisson": self._poisson, "nb1": self._nb1, "nb2": self._nb2}[self._likelihood]
        logp, by_seen, by_extra = own(log_mean, extra)
        if self._all:
            return logp - self._constant, by_seen, by_extra
        by_eta = np.zeros_like(eta)
        by_eta[self._seen] = by_seen
        return logp - self._constant, by_eta, by_extra

    def along(self, eta: FloatArray, step: FloatArray, extra: FloatArray) -> Iterator[FloatArray]:
        """Yield each area's log-likelihood, up to a constant of its own, along a line.

        Parameters
        ----------
        eta
            Shape (N, points), where the line begins.
        step
            Shape (N, points), from one value to the next.
        extra
            Shape (points,), dispersion or size; ignored by Poisson.

        Yields
        ------
        ndarray
            Shape (N, points).
        """
        y, hit = self._y, self._hit
        size = extra if self._likelihood == "nb2" else np.ones_like(extra)
        unit = np.log1p(extra) / extra if self._likelihood == "nb1" else np.ones_like(extra)
        begin = self._log_exposure + eta[self._seen]
        stride = step[self._seen]
        with np.errstate(over="ignore"):
            ratio, factor = np.exp(begin) / size, np.exp(stride)
        highest = np.exp(FARTHEST) / size
        number = 0
        while True:
            log_mean = begin[hit] + number * stride[hit]
            if self._likelihood == "nb2":
                found = np.log1p(ratio)
                found *= -(y + size)
            else:
                found = -unit * ratio
            found[hit] += y[hit] * log_mean
            if self._likelihood == "nb1":
                found[hit] += log_rising(y[hit], np.exp(log_mean) / extra)[0]
            if not self._all:
                whole = np.zeros_like(eta)
                whole[self._seen] = found
                found = whole
            yield found
            ratio = np.minimum(ratio * factor, highest)
            number += 1

    def _poisson(
        self, log_mean: FloatArray, extra: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        mean = np.exp(log_mean)
        logp = (self._y * log_mean).sum(axis=0) - mean.sum(axis=0)
        return logp, self._y - mean, np.zeros_like(extra)

    def _nb1(
        self, log_mean: FloatArray, dispersion: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the form with size m / d: clusters come at rate m log(1 + d) / d."""
        mean, y, hit = np.exp(log_mean), self._y, self._hit
        unit = np.log1p(dispersion) / dispersion
        total = mean.sum(axis=0)
        events = float(y.sum())
        size = mean[hit] / dispersion
        rising, by_size = log_rising(y[hit], size)
        logp = rising.sum(axis=0) + (y * log_mean).sum(axis=0)
        logp -= unit * total + events * np.log1p(dispersion)
        by_log_mean = y - unit * mean
        by_log_mean[hit] += size * by_size
        unit_slope = (1.0 / (1.0 + dispersion) - unit) / dispersion
        by_dispersion = -(size * by_size).sum(axis=0) / dispersion
        by_dispersion -= unit_slope * total + events / (1.0 + dispersion)
        return logp, by_log_mean, by_dispersion

    def _nb2(
        self, log_mean: FloatArray, size: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        mean, y = np.exp(log_mean), self._y
        ratio = mean / size
        logs = np.log1p(ratio)
        # Areas with the same count share the term of count and size.
        rising, by_size = log_rising(self._values, np.tile(size, (len(self._values), 1)))
        logp = self._times @ rising + (y * log_mean).sum(axis=0) - ((y + size) * logs).sum(axis=0)
        share = 1.0 / (1.0 + ratio)
        by_log_mean = y - (y + size) * ratio * share
        slope = (y + size) / size * ratio * share - logs
        return logp, by_log_mean, self._times @ by_size + slope.sum(axis=0)


def log_rising(y: FloatArray, size: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return log(Gamma(y + r) / Gamma(r) / r^y) and its derivative by r.

    Parameters
    ----------
    y
        Shape (n, 1), counts.
    size
        Shape (n, points), r. Where it is large the gamma functions would cancel to nothing.
    """
    near = np.minimum(size, LARGE)
    value = gammaln(y + near) - gammaln(near) - y * np.log(near)
    slope = digamma(y + near) - digamma(near) - y / near
    large = size > LARGE
    if large.any():
        rows, columns = np.nonzero(large)
        value, slope = np.array(value), np.array(slope)
        far, count = size[rows, columns], y[rows, 0]
        logs = np.log1p(count / far)
        more = far + count
        value[rows, columns] = (more - 0.5) * logs - count + _tail(more) - _tail(far)
        slope[rows, columns] = logs - count / far - _slope(more) + _slope(far)
    return value, slope


def _tail(x: FloatArray) -> FloatArray:
    """Return Stirling's series for the logarithm of the gamma function."""
    result: FloatArray = (1 / 12 - (1 / 360 - 1 / 1260 / x**2) / x**2) / x
    return result


def _slope(x: FloatArray) -> FloatArray:
    """Return log x less the digamma function."""
    result: FloatArray = (0.5 + (1 / 12 - (1 / 120 - 1 / 252 / x**2) / x**2) / x) / x
    return result
