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
from threatkit.areal.data import ArealData
from threatkit.areal.groups import GroupData
from threatkit.areal.reference import GroupReference, group_reference, outcome_reference, shares
from threatkit.areal.spectrum import Spectrum, spectrum
from threatkit.model.priors import Prior

FloatArray = NDArray[np.float64]
Tensor = Any

#: The parameter of each likelihood's own, by its name in a configuration.
OVERDISPERSION = {"nb1": "dispersion", "nb2": "size"}


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


def effects(data: ArealData) -> list[str]:
    """Return the names of the coefficients beta, in their order."""
    names = [str(name) for name in data.covariates.columns]
    return names if data.groups is None else [*names, data.groups.name]


def fixed_parameters(config: ArealConfig) -> set[str]:
    """Return the names of the parameters that have one value and no distribution."""
    priors = dict(config.priors) | ({} if config.groups is None else dict(config.groups.priors))
    names = {name for name, prior in priors.items() if prior.family == "fixed"}
    return {"mu" if name == "intercept" else name for name in names}


def parameters(config: ArealConfig, data: ArealData) -> list[str]:
    """Return the names of the parameters that are reported, in their order."""
    names = ["mu", *(["beta"] if effects(data) else []), "sigma", "phi"]
    if config.likelihood in OVERDISPERSION:
        names.append(OVERDISPERSION[config.likelihood])
    if config.groups is not None:
        names += ["lam", "c", *(["phi_z"] if config.groups.form == "bym2" else [])]
    return names


def _variable(name: str, prior: Prior, *, dims: str | None = None) -> Tensor:
    """Return a random variable; a fixed one is kept among the draws as well."""
    if prior.family != "fixed":
        return prior.variable(name, dims=dims) if dims else prior.variable(name)
    shape = () if dims is None else (len(pm.modelcontext(None).coords[dims]),)
    return pm.Deterministic(name, pt.full(shape, prior.values[0]), dims=dims)


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
    mean_of = basis.vectors.sum(axis=0)
    b = reference.whitening.coefficients(
        "z_modes", relative, shift=mean_of * (c - reference.centre), scale=lam
    )
    z = pm.Deterministic("z", pt.dot(pt.as_tensor_variable(basis.vectors), b), dims="area")
    means = [z[groups.area], pt.dot(pt.as_tensor_variable(groups.weight), z)]
    pm.Normal("x", lam * pt.concatenate(means) + c, groups.se, observed=groups.x)
    return _Latent(b, reference)


def _eta(
    config: ArealConfig, data: ArealData, basis: Spectrum, latent: _Latent | None, extra: Tensor
) -> Tensor:
    """Return intercept, effects and field; the field is sampled about what the counts say."""
    priors = config.priors
    x = data.covariates.to_numpy()
    columns = [np.ones((len(data.areas), 1)), x]
    if latent is not None:
        columns.append(latent.reference.field[:, None])
    design = np.hstack(columns)
    rough = outcome_reference(data, basis, design, config.likelihood)
    mu = _variable("mu", priors["intercept"])
    modes = basis.vectors.T @ design
    fixed = mu
    shift = modes[:, 0] * (mu - rough.fixed[0])
    if effects(data):
        beta = _variable("beta", priors["beta"], dims="covariate")
        known = x.shape[1]
        if known:
            fixed = fixed + pt.dot(pt.as_tensor_variable(x), beta[:known])
            delta = beta[:known] - rough.fixed[1 : 1 + known]
            shift = shift + pt.dot(pt.as_tensor_variable(modes[:, 1 : 1 + known]), delta)
        if latent is not None:
            part = beta[known] * latent.coefficients
            fixed = fixed + pt.dot(pt.as_tensor_variable(basis.vectors), part)
            shift = shift + part - rough.fixed[-1] * modes[:, -1]
    sigma = _variable("sigma", priors["sigma"])
    phi = _variable("phi", priors["phi"])
    variance = sigma**2 * basis.relative_variance(phi)
    trust = _trust(config.likelihood, rough.mean, extra)
    field = rough.whitening.coefficients("modes", variance, shift=shift, trust=trust)
    return fixed + pt.dot(pt.as_tensor_variable(basis.vectors), field)


def _trust(likelihood: str, mean: FloatArray, extra: Tensor) -> Tensor:
    """Return the information of the counts over what the rough fit takes it to be."""
    if extra is None or not mean.any():
        return 1.0
    typical = np.sum(mean * shares(likelihood, mean))
    return pt.sum(mean * shares(likelihood, mean, extra)) / typical


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
