"""How much a district's own record says about its rate.

0 where the rate is known from neighbours, pillars and priors alone, towards 1 where the
record speaks. Quiet years are information too, as far as a source covered them.
"""

from collections.abc import Callable
from typing import cast

import numpy as np
import scipy.sparse as sp
import xarray as xr
from numpy.typing import NDArray

from threatkit.model.course import blocks, exposure_years, log_exposure, scalar
from threatkit.model.field import field_basis, structure
from threatkit.model.forecast import dispersion_draws, flat
from threatkit.model.outcome import DYNAMICS
from threatkit.model.sparsefield import LARGEST_DENSE, SparseField, make_field
from threatkit.model.spec import ModelSpec

FloatArray = NDArray[np.float64]

#: Districts of a long field whose draws are looked at together.
DISTRICTS_AT_ONCE = 2000


def own_log_likelihood(spec: ModelSpec, draws: xr.Dataset) -> FloatArray:
    """Return each district's log-likelihood of its own cells, shape (S, N).

    Written for NB1, of which Poisson is the limit; for the other likelihoods, which differ
    little where nearly every cell is empty, Poisson's serves.
    """
    panel = spec.panel
    rate = panel.people * np.exp(flat(draws, "eta"))
    years, block = exposure(spec, draws), blocks(spec).of
    loglik = np.zeros_like(rate)
    nb1 = spec.likelihood == "nb1"
    spread = dispersion_draws(spec, draws) if nb1 else np.full(len(rate), 1e-6)
    unit = np.log1p(spread) / spread
    shift = moving(spec, draws)
    for period in range(len(panel.periods)):
        mean = rate * years[:, block, period]
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
    """Return years of exposure with all the factors of a year, shape (S, block, period)."""
    return exposure_years(spec) * np.exp(log_exposure(spec, draws))


def moving(spec: ModelSpec, draws: xr.Dataset) -> Callable[..., FloatArray]:
    """Return a function that gives the moving terms of a period, shape (S or 1, N).

    It takes the period and, where the memory is not to be that of the data, that of own and of
    neighbours' episodes, each of shape (S, N).
    """
    panel = spec.panel
    held = {name: scalar(spec, draws, name)[:, None] for name in DYNAMICS if getattr(spec, name)}

    def at(period: int, memory: tuple[FloatArray, FloatArray] | None = None) -> FloatArray:
        own, near = memory or (panel.history[:, period], panel.spillover[:, period])
        values = {
            "history": np.log1p(own),
            "spillover": np.log1p(near),
            "afghan_spillover": panel.afghan[:, period],
        }
        total = np.zeros((1, len(panel.districts)))
        for name, coefficient in held.items():
            total = total + coefficient * values[name]
        return total

    return at


def information(spec: ModelSpec, draws: xr.Dataset) -> FloatArray:
    """Return the information of each district's own record, shape (N,), 0 to 1.

    It is 1 - exp(-2 KL), with KL the divergence of the posterior of eta from what its
    neighbours, pillars, country and priors say of it, both taken as normal. Where the record
    only narrows, that is one minus the ratio of the variances; the scale is Linfoot's
    (doi:10.1016/S0019-9958(57)90116-X). A ratio of variances alone would not serve: the
    logarithm of the rate of a quiet place has no lower end, so a long silence moves it down
    and does not narrow it.
    """
    eta = flat(draws, "eta")
    mean, variance = without_own_record(spec, draws)
    return learned(eta.mean(axis=0), eta.var(axis=0), mean, variance)


def learned(
    mean: FloatArray, variance: FloatArray, mean_before: FloatArray, variance_before: FloatArray
) -> FloatArray:
    """Return 1 - exp(-2 KL(after || before)) of two normals, 0 to 1."""
    ratio = np.maximum(variance, 1e-12) / np.maximum(variance_before, 1e-12)
    shift = (mean - mean_before) ** 2 / np.maximum(variance_before, 1e-12)
    result: FloatArray = -np.expm1(-(ratio + shift - 1 - np.log(ratio)))
    return result


def without_own_record(spec: ModelSpec, draws: xr.Dataset) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance of eta as all but the district's own cells tell it, (N,).

    Draw by draw the structured field of a district given its neighbours is normal, and its
    unstructured part is as the prior has it. The neighbours' values have seen the district's
    own record too, which makes the result a little too close to the posterior.
    """
    precision = structure(**spec.field_arguments).precision
    degree = precision.diagonal()
    if len(degree) > LARGEST_DENSE:
        return _of_long_field(spec, draws, precision)
    basis = field_basis(**spec.field_arguments)
    sd = _scalar(spec, draws, "field_sd")
    rest = flat(draws, "eta") - flat(draws, "part_space")
    if "structured" in draws:
        structured = flat(draws, "structured")
    elif "modes" in draws:
        structured = flat(draws, "modes") @ basis.basis.T
    else:
        return rest.mean(axis=0), rest.var(axis=0) + (sd**2).mean(axis=0)
    mixing = np.where(basis.island, 0.0, _scalar(spec, draws, "field_mixing"))
    near = structured - (precision @ structured.T).T / np.where(degree > 0, degree, 1.0)
    mean = rest + sd * np.sqrt(mixing) * np.where(basis.island, 0.0, near)
    own = sd**2 * (mixing / (basis.scale * np.where(degree > 0, degree, 1.0)) + 1 - mixing)
    return mean.mean(axis=0), mean.var(axis=0) + own.mean(axis=0)


def _of_long_field(
    spec: ModelSpec, draws: xr.Dataset, precision: sp.csr_array
) -> tuple[FloatArray, FloatArray]:
    """Return the same of a sparse field, some districts at a time."""
    field = cast(SparseField, make_field(**spec.field_arguments))
    sd, mixing = _scalar(spec, draws, "field_sd"), _scalar(spec, draws, "field_mixing")
    structured = flat(draws, "structured") if field.mixed else np.zeros((len(sd), len(field.scale)))
    eta, space = flat(draws, "eta"), flat(draws, "part_space")
    degree = np.where(field.island, 1.0, precision.diagonal())
    means, variances = [], []
    for start in range(0, len(degree), DISTRICTS_AT_ONCE):
        part = slice(start, start + DISTRICTS_AT_ONCE)
        share = np.where(field.island[part], 0.0, mixing)
        near = structured[:, part] - (precision[part] @ structured.T).T / degree[part]
        mean = eta[:, part] - space[:, part] + sd * np.sqrt(share) * near
        own = sd**2 * (share * field.scale[part] ** 2 / degree[part] + 1 - share)
        means.append(mean.mean(axis=0))
        variances.append(mean.var(axis=0) + own.mean(axis=0))
    return np.concatenate(means), np.concatenate(variances)


def _scalar(spec: ModelSpec, draws: xr.Dataset, name: str) -> FloatArray:
    """Return a hyperparameter as a column, or its fixed value."""
    if name in draws:
        return flat(draws, name)[:, None]
    return np.full((1, 1), getattr(spec.priors, name).values[0])
