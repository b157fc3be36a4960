"""A rough fit by penalised likelihood, from which the sampler takes its coordinates.

It decides how the posterior is sampled and not what it is: see `threatkit.areal.spectrum`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from threatkit.areal.data import ArealData
from threatkit.areal.groups import GroupData
from threatkit.areal.spectrum import Spectrum, Whitening, whitening

FloatArray = NDArray[np.float64]

#: Prior standard deviation of intercept and effects in the rough fit.
_WIDE = 5.0
_MIXING = 0.5
TYPICAL_DISPERSION, TYPICAL_SIZE = 1.0, 2.0
_ROUNDS, _STEPS = 12, 40
_LARGEST_STEP = 2.0


@dataclass(frozen=True)
class Reference:
    """Where the rough fit ends, and what it says roughly of the field.

    Attributes
    ----------
    likelihood
        Of the counts.
    fixed
        Shape (1 + P,), intercept and effects.
    sigma
        Standard deviation of the field.
    whitening
        Of the structured part's coefficients, at these values of intercept and effects.
    mean
        Shape (N,), the expected counts; 0 where none is known.
    typical
        Shape (N,), the counts themselves, expected ones where they are 0.
    target
        Shape (N,), the log relative risk that an area's own count points to.
    """

    likelihood: str
    fixed: FloatArray
    sigma: float
    whitening: Whitening
    mean: FloatArray
    typical: FloatArray
    target: FloatArray

    def weight(self, extra: FloatArray) -> FloatArray:
        """Return the information of each count about its log mean, shape (N, points)."""
        typical = self.typical[:, None]
        share: FloatArray = np.broadcast_to(
            shares(self.likelihood, typical, extra), (len(typical), len(extra))
        )
        result: FloatArray = np.multiply(typical, share)
        return result

    def weight_slope(self, extra: FloatArray) -> FloatArray:
        """Return the derivative of `weight` by dispersion or size."""
        return _slope(self.likelihood, self.typical[:, None], extra)

    def trust(self, extra: FloatArray) -> FloatArray:
        """Return the information of all counts over what the rough fit takes it to be."""
        if self.likelihood == "poisson" or not self.mean.any():
            return np.ones_like(extra)
        whole = (self.mean * shares(self.likelihood, self.mean)).sum()
        share = shares(self.likelihood, self.mean[:, None], extra)
        result: FloatArray = (self.mean[:, None] * share).sum(axis=0) / whole
        return result

    def trust_slope(self, extra: FloatArray) -> FloatArray:
        """Return the derivative of `trust` by dispersion or size."""
        if self.likelihood == "poisson" or not self.mean.any():
            return np.zeros_like(extra)
        whole = (self.mean * shares(self.likelihood, self.mean)).sum()
        result: FloatArray = _slope(self.likelihood, self.mean[:, None], extra).sum(axis=0) / whole
        return result


def _slope(likelihood: str, mean: FloatArray, extra: FloatArray) -> FloatArray:
    """Return the derivative of a mean's information by dispersion or size."""
    share = shares(likelihood, mean, extra)
    if likelihood == "nb1":
        return np.asarray(-mean * np.square(share))
    return np.asarray((mean * share / extra) ** 2)


def shares(likelihood: str, mean: Any, extra: Any = None) -> Any:
    """Return the information of counts about their log mean, over that of Poisson counts.

    Parameters
    ----------
    likelihood
        ``poisson``, ``nb1`` or ``nb2``.
    mean
        Expected counts.
    extra
        Dispersion or size; a typical value if None.
    """
    if likelihood == "nb1":
        return 1.0 / (1.0 + (TYPICAL_DISPERSION if extra is None else extra))
    if likelihood == "nb2":
        return 1.0 / (1.0 + mean / (TYPICAL_SIZE if extra is None else extra))
    return 1.0


def outcome_reference(
    data: ArealData, basis: Spectrum, design: FloatArray, likelihood: str
) -> Reference:
    """Fit counts by regression with a field, its spread by expectation-maximisation.

    Parameters
    ----------
    data
        Counts and exposure.
    basis
        Of the field.
    design
        Shape (N, 1 + P), a column of ones and the covariates.
    likelihood
        Of the counts; overdispersion is taken as typical.
    """
    seen = data.observed
    y = np.where(seen, np.nan_to_num(data.count), 0.0)
    exposure = np.where(seen, data.exposure, 0.0)
    wide = design.shape[1]
    columns = np.hstack([design, basis.vectors])
    relative = basis.relative_variance(_MIXING)
    state = np.zeros(columns.shape[1])
    if seen.any():
        state[0] = np.log((y.sum() + 0.5) / exposure.sum())
    sigma = 0.5
    for _ in range(_ROUNDS):
        prior = np.concatenate([np.full(wide, _WIDE**-2.0), 1.0 / (sigma**2 * relative)])
        state, covariance, mean = _mode(columns, y, exposure, prior, state, likelihood)
        field = state[wide:] ** 2 + np.diag(covariance)[wide:]
        latest = float(np.clip(np.sqrt((field / relative).mean()), 0.05, 3.0))
        settled = abs(np.log(latest / sigma)) < 0.05
        if settled:
            break
        sigma = latest
    weight = mean * shares(likelihood, mean)
    modes, count = basis.modes, basis.modes.shape[1]
    information = modes.T @ (weight[:, None] * modes)
    variance = sigma**2 * relative[:count]
    bend = whitening(state[wide : wide + count], information, variance)
    # A count of 0 says how far the rate is below what is expected; others say what it is.
    eta = columns @ state
    target = np.where(y > 0, np.log(np.maximum(y, 0.5) / np.where(y > 0, exposure, 1.0)), eta - 1.0)
    typical = np.where(y > 0, y, mean)
    return Reference(likelihood, state[:wide], sigma, bend, mean, typical, target)


def _mode(
    columns: FloatArray,
    y: FloatArray,
    exposure: FloatArray,
    prior: FloatArray,
    state: FloatArray,
    likelihood: str,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return mode, covariance and fitted mean of a regression of counts with normal priors."""
    for _ in range(_STEPS):
        mean = exposure * np.exp(np.clip(columns @ state, -50.0, 50.0))
        share = shares(likelihood, mean)
        hessian = columns.T @ ((share * mean)[:, None] * columns)
        hessian[np.diag_indices_from(hessian)] += prior
        factor = cho_factor(hessian)
        step = cho_solve(factor, columns.T @ (share * (y - mean)) - prior * state)
        longest = np.abs(columns @ step).max(initial=0.0)
        state = state + step * min(1.0, _LARGEST_STEP / max(longest, 1e-12))
        if longest < 1e-3:
            break
    return state, cho_solve(factor, np.eye(len(state))), mean


@dataclass(frozen=True)
class GroupReference:
    """Where the rough fit of a covariate known with error ends.

    Attributes
    ----------
    centre, spread
        Mean and standard deviation of the covariate over areas.
    field
        Shape (N,), the latent covariate of unit variance.
    whitening
        Of the coefficients of ``spread`` times the latent covariate.
    """

    centre: float
    spread: float
    field: FloatArray
    whitening: Whitening


def group_reference(groups: GroupData, basis: Spectrum, relative: FloatArray) -> GroupReference:
    """Fit what is known of a covariate by a normal field, its spread by moments.

    Parameters
    ----------
    groups
        What is known.
    basis
        Of the field.
    relative
        Shape (N,), variance of the coefficients of a field of unit variance.
    """
    rows = np.vstack([basis.vectors[groups.area], groups.weight @ basis.vectors])
    weight = 1.0 / (groups.se**2 + np.var(groups.x))
    centre = float((weight * groups.x).sum() / weight.sum())
    excess = float(np.var(groups.x) - (groups.se**2).mean())
    spread = float(np.sqrt(max(excess, 0.1 * np.var(groups.x), 1e-4 * (groups.se**2).mean())))
    precision = groups.se**-2.0
    information = rows.T @ (precision[:, None] * rows)
    variance = spread**2 * relative
    hessian = information + np.diag(1.0 / variance)
    mode = np.linalg.solve(hessian, rows.T @ (precision * (groups.x - centre)))
    field = basis.vectors @ mode / spread
    return GroupReference(centre, spread, field, whitening(mode, information, variance))
