"""How much a district's own record says about its rate.

0 where the rate is known from neighbours, pillars and priors alone, towards 1 where the
record speaks. Quiet years are information too, as far as a source covered them.
"""

from collections.abc import Callable

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from threatkit.model.forecast import flat
from threatkit.model.spec import ModelSpec

FloatArray = NDArray[np.float64]


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

    It is minus the second derivative of E(own log-likelihood | eta), fitted over the draws,
    times the posterior variance of eta: the share of the posterior's precision that the own
    record gives. For a normal posterior this equals one minus the ratio of the variances
    with and without the record. That ratio itself does not serve here: the logarithm of the
    rate of a quiet place has no lower end, so silence moves it down and widens it, and the
    ratio would call a long silence no information at all.
    """
    eta = flat(draws, "eta")
    loglik = own_log_likelihood(spec, draws)
    z = (eta - eta.mean(axis=0)) / np.maximum(eta.std(axis=0), 1e-12)
    curve = z**2 - 1
    curve = curve - z * (curve * z).mean(axis=0)
    slope = (curve * (loglik - loglik.mean(axis=0))).mean(axis=0) / (curve**2).mean(axis=0)
    result: FloatArray = np.clip(-2 * slope, 0.0, 1.0)
    return result
