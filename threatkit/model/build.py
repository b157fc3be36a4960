"""From specification to PyMC: one function a term, strung together by `build`.

The outcome of district d in year t has mean m = n exp(eta) times years of exposure. Under
NB1 an empty cell contributes -m log(1 + dispersion) / dispersion, which is linear in m, so
all cells together need one sum over districts for each block (see
`threatkit.model.course`; a country by default) and year; only cells with
episodes, or with a history of their own, are written out.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray

from threatkit.model.course import (
    LEAST_NEWS,
    Blocks,
    Movement,
    blocks,
    exposure_years,
    movement_coords,
    movements,
)
from threatkit.model.densefield import dense_field
from threatkit.model.field import FieldBasis, field_basis
from threatkit.model.panel import REFERENCE_REGIME, Panel
from threatkit.model.priors import Prior
from threatkit.model.spec import ModelSpec

Tensor = Any
#: Returns the structured part of the field over districts, of scale one, inside a model.
Structured = Callable[[FieldBasis], Tensor]

#: The field's coordinates: standard normal, one a district.
FIELD = "field"
#: Freedom of the measurement errors: outliers among indicators are common.
STUDENT_NU = 4.0
#: A population known better than this (on the log scale) counts as known.
LEAST_POPULATION_ERROR = 0.05


def build(
    spec: ModelSpec,
    *,
    held: Mapping[str, NDArray[np.float64]] | None = None,
    structured: Structured | None = None,
) -> pm.Model:
    """Return the PyMC model of a specification.

    Named dims are district, country, oblast, period, pillar and indicator. The model
    holds deterministic ``eta`` (log episodes per 100,000 people and full year, without year
    effect, history and detection), its parts, and the log-likelihood of the outcome as a
    potential. With ``held``, pillar -> shape (district,), the pillars' states are data of the
    name ``held_PILLAR`` and no indicator is in the model. ``structured`` puts another
    construction of the field's structured part in the place of the exact basis, so that the two
    can be compared.
    """
    with pm.Model(coords=coords(spec)) as model:
        parts = {
            "country": _country(spec),
            "space": _space(spec, structured),
            "people": _people(spec),
            **_pillars(spec, held),
        }
        for name, part in parts.items():
            pm.Deterministic(f"part_{name}", part, dims="district")
        intercept = spec.priors.intercept.variable("intercept")
        eta = pm.Deterministic("eta", intercept + sum(parts.values()), dims="district")
        log_exposure = _log_exposure(spec)
        pm.Potential("outcome", outcome_logp(spec, eta, log_exposure, _dynamics(spec)))
    return model


def coords(spec: ModelSpec) -> dict[str, Sequence[Any]]:
    """Return the coordinates of every named dim."""
    panel = spec.panel
    table = panel.measurements.table
    used = table[table["pillar"].isin(spec.pillars)]
    return {
        "district": list(panel.districts.index),
        "country": list(panel.countries),
        "oblast": list(panel.oblasts),
        "period": [int(year) for year in panel.periods],
        "pillar": list(spec.pillars),
        "indicator": sorted(used["indicator"].unique()),
        **movement_coords(spec),
    }


def _country(spec: ModelSpec) -> Tensor:
    panel = spec.panel
    if len(panel.countries) == 1:
        return pt.zeros(len(panel.districts))
    sd = spec.priors.country_sd.variable("country_sd")
    effect = pm.Deterministic(
        "country_effect", sd * zero_sum("country_raw", "country"), dims="country"
    )
    return effect[panel.country_of]


def zero_sum(name: str, dim: str) -> Tensor:
    """Return a standard normal vector over a dim that sums to zero exactly."""
    return pm.ZeroSumNormal(name, sigma=1.0, dims=dim)


def _space(spec: ModelSpec, structured: Structured | None) -> Tensor:
    """Return BYM2, in one coordinate a district unless the structured part is given apart."""
    sd = spec.priors.field_sd.variable("field_sd")
    field = dense_field(**spec.field_arguments)
    if not field.mixed:
        return sd * pm.Normal("theta", 0.0, 1.0, dims="district")
    mixing = spec.priors.field_mixing.variable("field_mixing")
    if structured is None:
        coordinates = pm.Normal(FIELD, 0.0, 1.0, dims="district")
        scale = pt.sqrt(1 + mixing * (field.variance - 1))
        return sd * pt.dot(pt.as_tensor_variable(field.vectors), scale * coordinates)
    basis = field_basis(**spec.field_arguments)
    theta = pm.Normal("theta", 0.0, 1.0, dims="district")
    own = pt.switch(pt.as_tensor_variable(basis.island), 1.0, pt.sqrt(1 - mixing))
    return sd * (pt.sqrt(mixing) * structured(basis) + own * theta)


def _people(spec: ModelSpec) -> Tensor:
    """Return the part of people beyond proportionality: estimated heads, another power."""
    panel = spec.panel
    log_sd = panel.districts["population_log_sd"].fillna(0.0).to_numpy(dtype=float)
    uncertain = np.flatnonzero(log_sd > LEAST_POPULATION_ERROR)
    part = pt.zeros(len(panel.districts))
    if len(uncertain):
        error = pm.Normal("population_error", 0.0, 1.0, shape=len(uncertain))
        part = pt.set_subtensor(part[uncertain], log_sd[uncertain] * error)
    power = spec.priors.population_power
    if power == Prior("fixed", (1.0,)):
        return part
    people = np.where(panel.people > 0, panel.people, 1.0)
    centred = np.log(people) - np.log(people).mean()
    return part + (power.variable("population_power") - 1.0) * centred


def _pillars(spec: ModelSpec, held: Mapping[str, NDArray[np.float64]] | None) -> dict[str, Tensor]:
    if not spec.pillars:
        return {}
    weights = _weights(spec.priors.pillar_weight)
    if held is None:
        states = {name: _pillar_state(spec, name) for name in spec.pillars}
        _measure(spec, states)
    else:
        states = {
            name: pm.Data(f"held_{name}", held[name], dims="district") for name in spec.pillars
        }
    share = spec.panel.people / spec.panel.people.sum()
    parts: dict[str, Tensor] = {}
    for position, (name, state) in enumerate(states.items()):
        centred = pm.Deterministic(f"z_{name}", state - pt.dot(share, state), dims="district")
        parts[name] = weights[position] * centred
    return parts


def _weights(prior: Prior) -> Tensor:
    """Return the pillars' weights, nearly in their own unit where they are well above zero.

    In their logarithm a weight that may be zero has a long tail in which the chains lose time.
    """
    bounded = prior.family in ("fixed", "beta")
    own = {} if bounded else {"default_transform": pm.distributions.transforms.log_exp_m1}
    return prior.variable("pillar_weight", dims="pillar", **own)


def _pillar_state(spec: ModelSpec, name: str) -> Tensor:
    """Return a pillar over districts: geometry, and oblast effects pooled to their country."""
    panel, priors = spec.panel, spec.priors
    state = pt.as_tensor_variable(panel.fixed.get(name, np.zeros(len(panel.districts))))
    table = panel.measurements.table
    levels = set(table.loc[table["pillar"] == name, "area_level"])
    if not levels:
        return state
    country_sd = priors.pillar_country_sd.variable(f"{name}_country_sd")
    country = pm.Normal(f"{name}_country", 0.0, country_sd, dims="country")
    if not levels & {"adm1", "adm2"} and len(panel.oblasts) == len(panel.countries):
        return state + country[panel.country_of]
    frame = panel.districts.drop_duplicates("oblast").set_index("oblast").loc[list(panel.oblasts)]
    oblast_country = pd.Index(panel.countries).get_indexer(pd.Index(frame["country"]))
    oblast_sd = priors.pillar_oblast_sd.variable(f"{name}_oblast_sd")
    oblast = pm.Normal(f"{name}_oblast", country[oblast_country], oblast_sd, dims="oblast")
    state = state + oblast[panel.oblast_of]
    if "adm2" in levels:
        sd = priors.pillar_district_sd.variable(f"{name}_district_sd")
        state = state + sd * pm.Normal(f"{name}_district", 0.0, 1.0, dims="district")
    return state


def _measure(spec: ModelSpec, states: dict[str, Tensor]) -> None:
    """Add the likelihood of the indicators: each value informs the mean over its area."""
    measured = spec.panel.measurements
    inside = measured.table["pillar"].isin(spec.pillars).to_numpy()
    table, weights = measured.table[inside].reset_index(drop=True), measured.weights[inside]
    if not len(table):
        return
    names = sorted(table["indicator"].unique())
    indicator = pd.Index(names).get_indexer(pd.Index(table["indicator"]))
    loading = spec.priors.loading.variable("loading", dims="indicator")
    level = spec.priors.definition_level.variable("definition_level", dims="indicator")
    extra = spec.priors.indicator_sd.variable("indicator_sd", dims="indicator")
    mean = pt.zeros(len(table))
    for name, state in states.items():
        rows = np.flatnonzero(table["pillar"] == name)
        if len(rows):
            mean = pt.set_subtensor(mean[rows], pt.dot(weights[rows], state))
    mean = loading[indicator] * mean + level[indicator]
    variance = extra[indicator] ** 2 + table["error_sd"].to_numpy(dtype=float) ** 2
    counted = table["count"].notna().to_numpy()
    plain = np.flatnonzero(~counted)
    if len(plain):
        observed = table["x"].to_numpy(dtype=float)[plain]
        pm.StudentT(
            "indicators",
            nu=STUDENT_NU,
            mu=mean[plain],
            sigma=pt.sqrt(variance[plain]),
            observed=observed,
        )
    if counted.any():
        _measure_counts(table, np.flatnonzero(counted), mean, variance)


def _measure_counts(
    table: pd.DataFrame, rows: NDArray[np.intp], mean: Tensor, variance: Tensor
) -> None:
    """Add counts of people: their log rate follows the pillar, their error is lognormal."""
    count = table["count"].to_numpy(dtype=float)[rows]
    expected = table["expected"].to_numpy(dtype=float)[rows]
    pm.NegativeBinomial(
        "indicator_counts",
        mu=expected * pt.exp(mean[rows]),
        alpha=1.0 / pt.expm1(variance[rows]),
        observed=count.astype(int),
    )


def _log_exposure(spec: ModelSpec) -> Tensor:
    """Return year effect, detection and slow movement over (block, period)."""
    panel, held = spec.panel, blocks(spec)
    total = pt.zeros((len(held.country), len(panel.periods)))
    for one, group in zip(movements(spec), held.groups, strict=True):
        total = total + _movement(spec, one)[one.epoch_of][:, group].T
    if spec.year_effect != "none" and len(panel.periods) > 1:
        total = total + _year(spec)[None, :]
    if not spec.detection:
        return total
    for position, name in enumerate(panel.regimes):
        if name == REFERENCE_REGIME:
            continue
        level = getattr(spec.priors, f"detection_{name}").variable(f"detection_{name}")
        total = total + level * (panel.regime == position)[held.country]
    return total


def _movement(spec: ModelSpec, term: Movement) -> Tensor:
    """Return effects over (epoch, group) that keep a part of themselves from epoch to epoch."""
    name = term.name
    sd = getattr(spec.priors, f"{name}_sd").variable(f"{name}_sd")
    keep = getattr(spec.priors, f"{name}_persistence").variable(f"{name}_persistence")
    news = pm.ZeroSumNormal(f"{name}_raw", sigma=1.0, dims=(f"{name}_start", f"{name}_group"))
    lag = np.subtract.outer(np.arange(len(term.starts)), np.arange(len(term.starts)))
    fresh = pt.sqrt(pt.maximum(1 - keep**2, LEAST_NEWS**2))
    weight = pt.switch(lag < 0, 0.0, keep ** np.maximum(lag, 0))
    weight = weight * pt.switch(np.arange(len(term.starts)) > 0, fresh, 1.0)
    return pm.Deterministic(
        name, sd * pt.dot(weight, news), dims=(f"{name}_start", f"{name}_group")
    )


def _year(spec: ModelSpec) -> Tensor:
    sd = spec.priors.year_sd.variable("year_sd")
    if spec.year_effect == "white":
        return pm.Deterministic("year_effect", sd * zero_sum("year_raw", "period"), dims="period")
    steps = pm.Normal("year_steps", 0.0, 1.0, dims="period")
    walk = pt.cumsum(steps)
    return pm.Deterministic("year_effect", sd * (walk - walk.mean()), dims="period")


def _dynamics(spec: ModelSpec) -> list[tuple[Tensor, NDArray[np.float64]]]:
    """Return (coefficient, covariate over district and period + 1) of the moving terms."""
    panel, priors = spec.panel, spec.priors
    terms: list[tuple[Tensor, NDArray[np.float64]]] = []
    if spec.history:
        terms.append((priors.history.variable("history"), np.log1p(panel.history)))
    if spec.spillover:
        terms.append((priors.spillover.variable("spillover"), np.log1p(panel.spillover)))
    if spec.afghan_spillover:
        terms.append((priors.afghan_spillover.variable("afghan_spillover"), panel.afghan))
    return terms


def outcome_logp(
    spec: ModelSpec,
    eta: Tensor,
    log_exposure: Tensor,
    dynamics: list[tuple[Tensor, NDArray[np.float64]]],
) -> Tensor:
    """Return the log-likelihood of all covered cells, collapsed where that is exact.

    Parameters
    ----------
    spec
        The specification.
    eta
        Shape (district,).
    log_exposure
        Shape (block, period): year effect, detection and slow movement.
    dynamics
        Moving terms; see `_dynamics`.
    """
    panel = spec.panel
    rows = panel.cells
    district = rows["district"].to_numpy(dtype=int)
    period = rows["period"].to_numpy(dtype=int)
    rate = pt.as_tensor_variable(panel.people) * pt.exp(eta)
    held = blocks(spec)
    exposure = pt.as_tensor_variable(exposure_years(spec)) * pt.exp(log_exposure)
    moving = [(coefficient, values[:, :-1]) for coefficient, values in dynamics]
    mean = rate[district] * exposure[held.of[district], period]
    if moving:
        shift = sum(coefficient * values[district, period] for coefficient, values in moving)
        mean = mean * pt.exp(shift)
    count = rows["count"].to_numpy(dtype=int)
    weight = rows["weight"].to_numpy(dtype=float)
    if spec.likelihood == "nb2":
        return _written_out(spec, rate, exposure, moving, mean, count, weight)
    total = _total_mean(panel, held, rate, exposure, moving)
    if spec.likelihood == "poisson":
        return _poisson_logp(total, mean, count, weight)
    if spec.likelihood == "bernoulli":
        return _bernoulli_logp(total, mean, count, weight)
    dispersion = spec.priors.dispersion.variable("dispersion")
    return _nb1_logp(total, mean, count, weight, dispersion)


def _total_mean(
    panel: Panel,
    held: Blocks,
    rate: Tensor,
    exposure: Tensor,
    moving: list[tuple[Tensor, NDArray[np.float64]]],
) -> Tensor:
    """Return the sum of the mean over all covered cells."""
    member = held.of[None, :] == np.arange(len(held.country))[:, None]
    by_block = pt.dot(pt.as_tensor_variable(member.astype(float)), rate)
    total = pt.sum(by_block * exposure.sum(axis=1))
    if not moving:
        return total
    active = np.any([values != 0 for _, values in moving], axis=0)
    active &= panel.exposure_years[panel.country_of] > 0
    district, period = np.nonzero(active)
    base = rate[district] * exposure[held.of[district], period]
    shift = sum(coefficient * values[district, period] for coefficient, values in moving)
    return total + pt.sum(base * pt.expm1(shift))


def _nb1_logp(
    total: Tensor,
    mean: Tensor,
    count: NDArray[np.int_],
    weight: NDArray[np.float64],
    dispersion: Tensor,
) -> Tensor:
    """Return NB1's log-likelihood: sums of log(m / dispersion + j) instead of log-gammas."""
    row = np.repeat(np.arange(len(count)), count)
    step = np.concatenate([np.arange(k) for k in count]) if len(row) else np.zeros(0)
    own = pt.sum(weight[row] * pt.log(mean[row] / dispersion + step))
    clusters = float((weight * count).sum()) * (pt.log(dispersion) - pt.log1p(dispersion))
    return (
        own + clusters - total * pt.log1p(dispersion) / dispersion - _log_factorials(count, weight)
    )


def _poisson_logp(
    total: Tensor, mean: Tensor, count: NDArray[np.int_], weight: NDArray[np.float64]
) -> Tensor:
    return pt.sum(weight * count * pt.log(mean)) - total - _log_factorials(count, weight)


def _bernoulli_logp(
    total: Tensor, mean: Tensor, count: NDArray[np.int_], weight: NDArray[np.float64]
) -> Tensor:
    """Return the log-likelihood of whether anything happened: an empty cell adds -m here too."""
    seen = count > 0
    return pt.sum(weight[seen] * (pt.log(-pt.expm1(-mean[seen])) + mean[seen])) - total


def _log_factorials(count: NDArray[np.int_], weight: NDArray[np.float64]) -> float:
    from scipy.special import gammaln

    return float((weight * gammaln(count + 1.0)).sum())


def _written_out(
    spec: ModelSpec,
    rate: Tensor,
    exposure: Tensor,
    moving: list[tuple[Tensor, NDArray[np.float64]]],
    mean: Tensor,
    count: NDArray[np.int_],
    weight: NDArray[np.float64],
) -> Tensor:
    """Return the log-likelihood where empty cells do not add up: NB2."""
    every = rate[:, None] * exposure[blocks(spec).of]
    if moving:
        every = every * pt.exp(sum(coefficient * values for coefficient, values in moving))
    size = spec.priors.size.variable("size")
    row = np.repeat(np.arange(len(count)), count)
    step = np.concatenate([np.arange(k) for k in count]) if len(row) else np.zeros(0)
    empty = -size * pt.sum(pt.log1p(every / size))
    own = pt.sum(weight[row] * pt.log(size + step))
    own = own + pt.sum(weight * count * (pt.log(mean) - pt.log(mean + size)))
    return empty + own - _log_factorials(count, weight)
