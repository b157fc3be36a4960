"""How much a district's own record says about its rate.

Information is 1 - Var(eta | all data) / Var(eta | all but the district's own cells): 0 where
the rate is known from neighbours, pillars and priors alone, towards 1 where the record
speaks. Quiet years are information too, as far as a source covered them.
"""

from collections.abc import Callable

import numpy as np
import xarray as xr
from arviz_stats.base import array_stats
from numpy.typing import NDArray

from threatkit.model.forecast import flat
from threatkit.model.spec import ModelSpec

FloatArray = NDArray[np.float64]

#: Above this Pareto k, importance weights are not to be trusted (doi:10.48550/arXiv.1507.02646).
LARGEST_K = 0.7


def own_log_likelihood(spec: ModelSpec, draws: xr.Dataset) -> FloatArray:
    """Return each district's log-likelihood of its own cells, shape (S, N).

    Written for NB1, of which Poisson is the limit; for the other likelihoods, which differ
    little where nearly every cell is empty, Poisson's serves.
    """
    panel = spec.panel
    rate = panel.people * np.exp(flat(draws, "eta"))
    years = exposure(spec, draws)
    loglik = np.zeros_like(rate)
    spread = flat(draws, "dispersion") if "dispersion" in draws else np.full(len(rate), 1e-6)
    unit = np.log1p(spread) / spread
    shift = moving(spec, draws)
    for period in range(len(panel.periods)):
        mean = rate * years[:, panel.country_of, period]
        mean = mean * np.exp(shift(period))
        loglik -= mean * unit[:, None]
        here = panel.cells[panel.cells["period"] == period]
        for district, count, weight in zip(
            here["district"], here["count"], here["weight"], strict=True
        ):
            size = mean[:, district] / spread
            for step in range(int(count)):
                loglik[:, district] += weight * np.log(size + step)
    return loglik


def exposure(spec: ModelSpec, draws: xr.Dataset) -> FloatArray:
    """Return years of exposure with year effect and detection, (S, country, period)."""
    panel = spec.panel
    size = draws.sizes["chain"] * draws.sizes["draw"]
    log = np.zeros((size, *panel.exposure_years.shape))
    if "year_effect" in draws:
        log += flat(draws, "year_effect")[:, None, :]
    for position, name in enumerate(panel.regimes):
        if f"detection_{name}" in draws:
            level = flat(draws, f"detection_{name}")[:, None, None]
            log += level * (panel.regime == position)
    return panel.exposure_years * np.exp(log)


def moving(spec: ModelSpec, draws: xr.Dataset) -> Callable[[int], FloatArray]:
    """Return a function of a period that gives the moving terms, shape (S or 1, N)."""
    panel = spec.panel
    terms = [
        (flat(draws, name), values)
        for name, values in (
            ("history", np.log1p(panel.history)),
            ("spillover", np.log1p(panel.spillover)),
            ("afghan_spillover", panel.afghan),
        )
        if name in draws
    ]

    def at(period: int) -> FloatArray:
        total = np.zeros((1, len(panel.districts)))
        for coefficient, values in terms:
            total = total + coefficient[:, None] * values[:, period]
        return total

    return at


def information(spec: ModelSpec, draws: xr.Dataset) -> FloatArray:
    """Return the information of each district's own record, shape (N,), 0 to 1.

    The variance without the district's own cells comes from importance weights, smoothed
    by PSIS. Where they fail (Pareto k above 0.7, places with many episodes) it follows from
    how sharply the own log-likelihood peaks over the draws: for a normal posterior,
    information is minus the second derivative of E(log-likelihood | eta) times the variance.
    """
    eta = flat(draws, "eta")
    loglik = own_log_likelihood(spec, draws)
    log_weight, k = array_stats.psislw(-loglik, axis=0)
    weight = np.exp(np.moveaxis(np.asarray(log_weight), -1, 0))
    weight = weight / weight.sum(axis=0)
    mean = (weight * eta).sum(axis=0)
    without = (weight * (eta - mean) ** 2).sum(axis=0)
    by_weights = 1 - eta.var(axis=0) / np.maximum(without, 1e-12)
    chosen = np.where(np.asarray(k) > LARGEST_K, _by_peak(eta, loglik), by_weights)
    result: FloatArray = np.clip(chosen, 0.0, 1.0)
    return result


def _by_peak(eta: FloatArray, loglik: FloatArray) -> FloatArray:
    """Return minus twice the quadratic coefficient of loglik on standardised eta."""
    z = (eta - eta.mean(axis=0)) / np.maximum(eta.std(axis=0), 1e-12)
    curve = z**2 - 1
    curve = curve - z * (curve * z).mean(axis=0)
    slope = (curve * (loglik - loglik.mean(axis=0))).mean(axis=0) / (curve**2).mean(axis=0)
    result: FloatArray = -2 * slope
    return result
