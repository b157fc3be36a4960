"""The model of a researcher's own areas, in PyMC.

    log mean = log exposure + mu + x beta + sigma * BYM2

with a Poisson, NB1 or NB2 likelihood. A covariate known with error has a latent field z of
unit variance of its own: ``x = lam z + c + error``, in areas and in means over groups.
"""

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray

from threatkit.areal.config import ArealConfig
from threatkit.areal.counts import OVERDISPERSION
from threatkit.areal.data import ArealData
from threatkit.areal.fitted import effects
from threatkit.areal.groups import GroupData
from threatkit.areal.reference import GroupReference, group_reference, outcome_reference, shares
from threatkit.areal.spectrum import Spectrum, spectrum
from threatkit.model.priors import Prior

FloatArray = NDArray[np.float64]
Tensor = Any

#: Nearest that a mixing comes to 0 and 1.
LEAST = 1e-10


def build_areal(config: ArealConfig, data: ArealData) -> pm.Model:
    """Return the model of a configuration and its data.

    Named dims are area and covariate. The model holds ``mu``, ``beta``, ``sigma``, ``phi``,
    ``size`` or ``dispersion``, and ``eta``, the log relative risk without the exposure;
    ``lam``, ``c``, ``phi_z`` and ``z`` where a covariate is known with error. A parameter
    whose prior is ``fixed`` is a constant of that name.
    """
    basis = spectrum(data.graph)
    coords = {"area": list(data.areas), "covariate": effects(data)}
    with pm.Model(coords=coords) as model:
        latent = None if data.groups is None else _latent(config, data.groups, basis)
        extra = None
        if config.likelihood in OVERDISPERSION:
            name = OVERDISPERSION[config.likelihood]
            extra = _variable(name, config.priors[name])
        eta = pm.Deterministic("eta", _eta(config, data, basis, latent, extra), dims="area")
        seen = np.flatnonzero(data.observed)
        if len(seen):
            pm.Potential("counts", pt.sum(_log_likelihood(config, data, eta, seen, extra)))
    return model


def _variable(name: str, prior: Prior, *, dims: str | None = None) -> Tensor:
    """Return a random variable; a fixed one is kept among the draws as well."""
    if prior.family != "fixed":
        return prior.variable(name, dims=dims) if dims else prior.variable(name)
    shape = () if dims is None else (len(pm.modelcontext(None).coords[dims]),)
    return pm.Deterministic(name, pt.full(shape, prior.values[0]), dims=dims)


def _whitened(
    name: str,
    size: int,
    sd: Tensor,
    information: Tensor,
    pull: Tensor,
    rotation: FloatArray | None = None,
) -> Tensor:
    """Return independent normal variables, sampled about what data say of them roughly.

    `threatkit.areal.whitened.Whitened` has the formulas. The free coordinates are called
    ``name``; the log density, prior and Jacobian, is called so with ``_prior`` behind.
    """
    free = pm.Flat(name, shape=size)
    if rotation is not None:
        free = pt.dot(pt.as_tensor_variable(rotation), free)
    left = 1.0 / (1.0 + sd**2 * information)
    unit = sd * left * pull + pt.sqrt(left) * free
    pm.Potential(f"{name}_prior", 0.5 * pt.sum(pt.log(left) - unit**2))
    return sd * unit


class _Latent:
    """The latent covariate: its coefficients, and the rough fit that they are sampled about."""

    def __init__(self, coefficients: Tensor, reference: GroupReference) -> None:
        self.coefficients = coefficients
        self.reference = reference


def _latent(config: ArealConfig, groups: GroupData, basis: Spectrum) -> _Latent:
    if config.groups is None:
        raise ValueError("data of groups need a configuration of groups")
    priors = config.groups.priors
    lam, c = _variable("lam", priors["lam"]), _variable("c", priors["c"])
    if config.groups.form == "bym2":
        relative = basis.relative_variance(_variable("phi_z", priors["phi_z"]))
        typical = basis.relative_variance(0.5)
    else:
        relative = typical = np.ones(len(basis.variance))
    reference = group_reference(groups, basis, typical)
    bend = reference.whitening
    shift = basis.vectors.sum(axis=0) * (c - reference.centre)
    b = _whitened(
        "z_modes",
        len(basis.variance),
        pt.sqrt(relative),
        lam**2 * bend.precision,
        lam * (bend.pull - bend.precision * shift),
        bend.rotation,
    )
    z = pm.Deterministic("z", pt.dot(pt.as_tensor_variable(basis.vectors), b), dims="area")
    means = [z[groups.area], pt.dot(pt.as_tensor_variable(groups.weight), z)]
    pm.Normal("x", lam * pt.concatenate(means) + c, groups.se, observed=groups.x)
    return _Latent(b, reference)


def _eta(
    config: ArealConfig, data: ArealData, basis: Spectrum, latent: _Latent | None, extra: Tensor
) -> Tensor:
    """Return intercept, effects and field; the field is sampled about what the counts say."""
    x = data.covariates.to_numpy()
    columns = [np.ones((len(data.areas), 1)), x]
    if latent is not None:
        columns.append(latent.reference.field[:, None])
    design = np.hstack(columns)
    rough = outcome_reference(data, basis, design, config.likelihood)
    modes = basis.modes.T @ design
    bend, count = rough.whitening, len(basis.structured_variance)
    beta = _variable("beta", config.priors["beta"], dims="covariate") if effects(data) else None
    sigma = _variable("sigma", config.priors["sigma"])
    phi = pt.clip(_variable("phi", config.priors["phi"]), LEAST, 1.0 - LEAST)
    sd = sigma * pt.sqrt(phi) * np.sqrt(basis.structured_variance)
    own_sd = sigma * pt.where(pt.as_tensor_variable(basis.alone), 1.0, pt.sqrt(1.0 - phi))
    trust = _trust(config.likelihood, rough.mean, extra)
    gain = 1.0 / (1.0 / trust + bend.precision * sigma**2 * (1.0 - phi))
    weight = rough.typical * shares(config.likelihood, rough.typical, extra)
    left = pt.sum(sd**2 / (1.0 + sd**2 * gain * bend.precision))
    left = left + pt.sum(own_sd**2 / (1.0 + own_sd**2 * weight))
    mu = _intercept(config.priors["intercept"], 0.5 * left / len(data.areas))
    rest, shift = mu, modes[:, 0] * (mu - rough.fixed[0])
    if beta is not None:
        known = x.shape[1]
        rest = rest + pt.dot(pt.as_tensor_variable(x), beta[:known])
        shift = shift + pt.dot(
            pt.as_tensor_variable(modes[:, 1 : 1 + known]),
            beta[:known] - rough.fixed[1 : 1 + known],
        )
        if latent is not None:
            part = beta[known] * latent.coefficients
            rest = rest + pt.dot(pt.as_tensor_variable(basis.vectors), part)
            shift = shift + part[:count] - rough.fixed[-1] * modes[:, -1]
    if count:
        pull = gain * (bend.pull - bend.precision * shift)
        made = _whitened("modes", count, sd, gain * bend.precision, pull, bend.rotation)
        rest = rest + pt.dot(pt.as_tensor_variable(basis.modes), made)
    return rest + _whitened("own", len(data.areas), own_sd, weight, weight * (rough.target - rest))


def _trust(likelihood: str, mean: FloatArray, extra: Tensor) -> Tensor:
    """Return the information of the counts over what the rough fit takes it to be."""
    if extra is None or not mean.any():
        return 1.0
    return pt.sum(mean * shares(likelihood, mean, extra)) / np.sum(mean * shares(likelihood, mean))


def _intercept(prior: Prior, lift: Tensor) -> Tensor:
    """Return mu, sampled by the level of the mean where its prior allows any number."""
    if prior.family != "normal":
        return _variable("mu", prior)
    centre, sd = prior.values
    mu = pm.Deterministic("mu", centre + sd * pm.Flat("level") - lift)
    pm.Potential("mu_prior", -0.5 * ((mu - centre) / sd) ** 2)
    return mu


def _log_likelihood(
    config: ArealConfig, data: ArealData, eta: Tensor, seen: NDArray[np.intp], extra: Tensor
) -> Tensor:
    """Return the log probability of each count that is known."""
    y = data.count[seen]
    log_mean = np.log(data.exposure[seen]) + eta[seen]
    constant = -pt.gammaln(y + 1.0)
    if config.likelihood == "poisson":
        return y * log_mean - pt.exp(log_mean) + constant
    # NB1 has variance (1 + dispersion) m, NB2 m + m^2 / size: one form with another size.
    size = pt.exp(log_mean) / extra if config.likelihood == "nb1" else extra
    ratio = log_mean - pt.log(size)
    clusters = pt.gammaln(y + size) - pt.gammaln(size) + constant
    return clusters - (y + size) * pt.log1p(pt.exp(ratio)) + y * ratio
