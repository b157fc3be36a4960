"""Sampling: NUTS, extended until the gate is met or the budget is spent."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pymc as pm
import xarray as xr
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from threatkit.model.build import FIELD, build
from threatkit.model.chains import Sampling, Update
from threatkit.model.course import scalar
from threatkit.model.densefield import dense_field
from threatkit.model.forecast import Forecast, flat, forecast
from threatkit.model.gate import Diagnostics, diagnose
from threatkit.model.samplers import Sampler, prepare
from threatkit.model.spec import ModelSpec
from threatkit.model.states import latent_pillars

__all__ = ["Fit", "Sampling", "fit", "hyperparameters"]

logger = logging.getLogger(__name__)

#: Tells the random numbers of `told_apart` from others of the same seed.
_SPLIT = 53

#: Variables that make up the field, the pillars and other long vectors: not hyperparameters.
_FIELD_LIKE = (
    *(FIELD, "theta", "population_error", "country_raw"),
    *("year_raw", "year_steps", "region_year_raw", "place_epoch_raw"),
)


@dataclass(frozen=True)
class Fit:
    """A fitted model.

    Attributes
    ----------
    spec
        What was fitted.
    draws
        Posterior draws, dims chain, draw, ...
    divergent
        Shape (chain, draw).
    forecast
        Draws of the forecast.
    diagnostics
        Against the gate.
    seconds
        Time of compilation and of sampling.
    seed
        Of the chains and of the forecast.
    """

    spec: ModelSpec
    draws: xr.Dataset
    divergent: NDArray[np.bool_]
    forecast: Forecast
    diagnostics: Diagnostics
    seconds: dict[str, float]
    seed: int


def hyperparameters(model: pm.Model) -> list[str]:
    """Return the variables that the gate holds to its strict limits."""
    names = []
    for variable in model.free_RVs:
        pillar_effect = variable.name.endswith(("_country", "_oblast", "_district"))
        if variable.name not in _FIELD_LIKE and not pillar_effect:
            names.append(str(variable.name))
    return names


def stored(model: pm.Model) -> list[str]:
    """Return the variables that are kept: a pillar's state follows from its part and weight."""
    named = [*model.free_RVs, *model.deterministics]
    return [str(v.name) for v in named if not str(v.name).startswith("z_")]


def fit(
    spec: ModelSpec,
    *,
    seed: int,
    sampling: Sampling | None = None,
    update: Update | None = None,
) -> Fit:
    """Sample the posterior of a specification and hold it to the gate.

    The same seed, inputs and versions give the same draws, whatever the number of cores:
    the chains are cut at fixed lengths, never by the clock.

    Parameters
    ----------
    spec
        What to fit.
    seed
        Of the chains and of all that is simulated from them.
    sampling
        How to sample; the default passes the gate on the shipped data.
    update
        Called while sampling.

    Raises
    ------
    InvalidInput
        If the sampler is not installed.
    ThreatkitError
        If the sampler fails to start or to go on.
    """
    sampling = sampling or Sampling()
    if spec.feedback == "cut" and latent_pillars(spec):
        from threatkit.model.cut import nuts_cut

        return nuts_cut(spec, seed=seed, sampling=sampling, update=update)
    # A matrix product sums in another order on another number of threads.
    with threadpool_limits(limits=1):
        return _fit(spec, seed, sampling, update)


def _fit(spec: ModelSpec, seed: int, sampling: Sampling, update: Update | None) -> Fit:
    begun = time.monotonic()
    model = build(spec)
    # What is forecast and judged afterwards is no part of the posterior.
    fitted = replace(spec, horizon_months=12, judgements=())
    start = prepare(model, stored(model), sampling.sampler, [fitted])
    compile_seconds = time.monotonic() - begun
    deadline = begun + 60 * sampling.budget_minutes
    sampler = start(sampling, seed, update)
    try:
        looked = _extended(spec, sampler, sampling, hyperparameters(model), seed, deadline)
    finally:
        sampler.close()
    seconds = {"compile": compile_seconds, "sample": time.monotonic() - begun - compile_seconds}
    draws, divergent, made, checked = looked
    return Fit(spec, told_apart(spec, draws, seed), divergent, made, checked, seconds, seed)


def told_apart(spec: ModelSpec, draws: xr.Dataset, seed: int) -> xr.Dataset:
    """Return draws with the structured part of the field in the place of the field's coordinates.

    Chains move in one coordinate for both parts of the field (`threatkit.model.sparsefield`);
    given that, the structured part is normal and is drawn.
    """
    if FIELD not in draws:
        return draws
    shape = (draws.sizes["chain"], draws.sizes["draw"], -1)
    made = dense_field(**spec.field_arguments).split(
        flat(draws, FIELD).T,
        scalar(spec, draws, "field_mixing"),
        np.random.default_rng([seed, _SPLIT]),
    )
    named = xr.DataArray(made["modes"].T.reshape(shape), dims=("chain", "draw", "mode"))
    named = named.assign_coords(mode=np.arange(named.sizes["mode"]))
    return draws.drop_vars(FIELD).assign(modes=named)


def _extended(
    spec: ModelSpec,
    sampler: Sampler,
    sampling: Sampling,
    names: Sequence[str],
    seed: int,
    deadline: float,
) -> tuple[xr.Dataset, NDArray[np.bool_], Forecast, Diagnostics]:
    """Look at the chains, longer each time, until the gate is met or the budget is spent."""
    kept = sampling.draws
    while True:
        draws, divergent = sampler.until(kept)
        made = forecast(spec, draws, seed=seed)
        shape = (draws.sizes["chain"], draws.sizes["draw"], -1)
        checked = diagnose(draws, divergent, names, event_prob=made.event_prob.reshape(shape))
        kept += sampling.draws
        spent = kept > sampling.max_rounds * sampling.draws or time.monotonic() > deadline
        if checked.passed or spent:
            return draws, divergent, made, checked
        logger.info("the gate is not met after %d draws a chain", draws.sizes["draw"])
        del draws, made  # the next look brings a longer copy
