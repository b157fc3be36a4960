"""How much the results lean on the priors: power scaling, without a new fit.

The log prior, and in turn the log-likelihood, of every draw is multiplied by a number near 1
and the draws are weighted anew; how far a quantity then moves, in units that do not depend
on its own, is its sensitivity (Kallioinen et al. 2024, doi:10.1007/s11222-023-10366-5). Only
the priors at the top are scaled: those of the field, of years and of districts are the model.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from threatkit.model.build import STUDENT_NU
from threatkit.model.course import log_exposure, scalar
from threatkit.model.forecast import Forecast, flat
from threatkit.model.outcome import Outcome, dynamics
from threatkit.model.priors import Prior
from threatkit.model.spec import ModelSpec, Priors

FloatArray = NDArray[np.float64]

logger = logging.getLogger(__name__)

#: From here on a quantity counts as sensitive; the threshold of the method's authors.
THRESHOLD = 0.05
#: Powers to which priors and likelihood are raised.
ALPHAS = (0.99, 1.01)
#: So many draws are used at most: fewer lift the noise of the measure over its threshold.
MOST_DRAWS = 6000
#: Quantities that have nothing to do with the model, to see how large the noise is.
NOISES = 20
#: A log density that varies by less than this over the draws is constant.
FLAT = 1e-8
#: Draws whose likelihood is worked out at once.
CHUNK = 512

_PILLAR_SDS = ("country_sd", "oblast_sd", "district_sd")


def top_level(spec: ModelSpec) -> dict[str, Prior]:
    """Return the prior of each hyperparameter that a model of this specification may have."""
    named = {name: getattr(spec.priors, name) for name in vars(Priors())}
    for level in _PILLAR_SDS:
        prior = named.pop(f"pillar_{level}")
        named.update({f"{pillar}_{level}": prior for pillar in spec.pillars})
    return {name: prior for name, prior in named.items() if prior.family != "fixed"}


def log_prior(spec: ModelSpec, draws: xr.Dataset) -> xr.Dataset:
    """Return the log prior of each hyperparameter, summed over its elements, (chain, draw)."""
    found = {}
    for name, prior in top_level(spec).items():
        if name in draws:
            values = draws[name]
            others = [dim for dim in values.dims if dim not in ("chain", "draw")]
            found[name] = values.copy(data=prior.logpdf(values.to_numpy())).sum(others)
    return xr.Dataset({name: values.reset_coords(drop=True) for name, values in found.items()})


def log_likelihood(spec: ModelSpec, draws: xr.Dataset) -> xr.Dataset:
    """Return the log-likelihood of outcome and indicators, each summed, (chain, draw)."""
    shape = (draws.sizes["chain"], draws.sizes["draw"])
    found = {"outcome": outcome_log_likelihood(spec, draws)}
    indicators = indicator_log_likelihood(spec, draws)
    if indicators is not None:
        found["indicators"] = indicators
    coords = {dim: draws[dim] for dim in ("chain", "draw") if dim in draws.coords}
    data = {name: (("chain", "draw"), values.reshape(shape)) for name, values in found.items()}
    return xr.Dataset(data, coords=coords)


def outcome_log_likelihood(spec: ModelSpec, draws: xr.Dataset) -> FloatArray:
    """Return the log-likelihood of all covered cells, shape (S,), up to a constant."""
    outcome = Outcome(spec)
    eta = flat(draws, "eta")
    size = len(eta)
    factors = log_exposure(spec, draws).reshape(size, -1)
    terms = [scalar(spec, draws, name) for name in dynamics(spec)]
    coefficients = np.array(terms).reshape(len(terms), size)
    spread = np.ones(size)
    name = {"nb1": "dispersion", "nb2": "size"}.get(spec.likelihood)
    if name is not None:
        spread = scalar(spec, draws, name)
    parts = [
        outcome.push(eta[at].T, factors[at].T, coefficients[:, at], spread[at]).logp
        for at in _chunks(size)
    ]
    return np.concatenate(parts)


def _chunks(size: int) -> Iterator[slice]:
    for start in range(0, size, CHUNK):
        yield slice(start, min(start + CHUNK, size))


def indicator_log_likelihood(spec: ModelSpec, draws: xr.Dataset) -> FloatArray | None:
    """Return the log-likelihood of the indicators, shape (S,); None where there are none."""
    measured = spec.panel.measurements
    inside = measured.table["pillar"].isin(spec.pillars).to_numpy()
    table, weights = measured.table[inside].reset_index(drop=True), measured.weights[inside]
    if not len(table):
        return None
    names = sorted(table["indicator"].unique())
    at = pd.Index(names).get_indexer(pd.Index(table["indicator"]))
    size = draws.sizes["chain"] * draws.sizes["draw"]
    loading, level, extra = (
        _vector(spec, draws, name, (size, len(names)))[:, at]
        for name in ("loading", "definition_level", "indicator_sd")
    )
    state = np.zeros((size, len(table)))
    for pillar in spec.pillars:
        rows = np.flatnonzero(table["pillar"] == pillar)
        if len(rows):
            state[:, rows] = _area_means(spec, draws, pillar, weights[rows], size)
    mean = loading * state + level
    variance = extra**2 + table["error_sd"].to_numpy(dtype=float) ** 2
    counted = table["count"].notna().to_numpy()
    total = _students(table[~counted], mean[:, ~counted], variance[:, ~counted])
    if counted.any():
        total = total + _counts(table[counted], mean[:, counted], variance[:, counted])
    return total


def _vector(spec: ModelSpec, draws: xr.Dataset, name: str, shape: tuple[int, int]) -> FloatArray:
    if name in draws:
        return flat(draws, name)
    return np.full(shape, getattr(spec.priors, name).values[0])


def _area_means(
    spec: ModelSpec, draws: xr.Dataset, pillar: str, weights: FloatArray, size: int
) -> FloatArray:
    """Return the means of a pillar's state over areas, shape (S, area).

    The state of a district is its geometry, the effect of its oblast (or country, where no
    oblast has one), and its own part.
    """
    panel = spec.panel
    fixed = panel.fixed.get(pillar, np.zeros(len(panel.districts)))
    total = np.broadcast_to(weights @ fixed, (size, len(weights)))
    level, of = ("oblast", panel.oblast_of)
    if f"{pillar}_oblast" not in draws:
        level, of = ("country", panel.country_of)
    if f"{pillar}_{level}" in draws:
        effect = flat(draws, f"{pillar}_{level}")
        member = np.zeros((effect.shape[1], len(panel.districts)))
        member[of, np.arange(len(of))] = 1.0
        total = total + effect @ (member @ weights.T)
    if f"{pillar}_district" in draws:
        own = flat(draws, f"{pillar}_district") @ weights.T
        sd = f"{pillar}_district_sd"
        fixed_sd = spec.priors.pillar_district_sd.values[0]
        total = total + own * (flat(draws, sd)[:, None] if sd in draws else fixed_sd)
    return total


def _students(table: pd.DataFrame, mean: FloatArray, variance: FloatArray) -> FloatArray:
    squared = (table["x"].to_numpy(dtype=float) - mean) ** 2 / (STUDENT_NU * variance)
    each = -0.5 * np.log(variance) - (STUDENT_NU + 1) / 2 * np.log1p(squared)
    total: FloatArray = each.sum(axis=1)
    return total


def _counts(table: pd.DataFrame, mean: FloatArray, variance: FloatArray) -> FloatArray:
    from scipy.stats import nbinom

    count = table["count"].to_numpy(dtype=float)
    expected = table["expected"].to_numpy(dtype=float) * np.exp(mean)
    alpha = 1.0 / np.expm1(variance)
    each = nbinom.logpmf(count.astype(int), alpha, alpha / (alpha + expected))
    total: FloatArray = each.sum(axis=1)
    return total


def quantities(made: Forecast, members: pd.Index, region: str) -> dict[str, FloatArray]:
    """Return the draws of what a reader looks at first, each of shape (S,).

    Parameters
    ----------
    made
        The forecast.
    members
        Districts of the region of the assessment.
    region
        Its name.
    """
    codes = made.districts.index
    inside = codes.isin(members)
    found = {f"expected episodes, {region}": made.expected[:, inside].sum(axis=1)}
    if "fergana" in made.districts:
        valley = made.districts["fergana"].astype(bool).to_numpy()
        if valley.any() and not np.array_equal(valley, inside):
            found["expected episodes, Fergana Valley"] = made.expected[:, valley].sum(axis=1)
    prob = np.where(inside, made.event_prob.mean(axis=0), -1.0)
    top = int(prob.argmax())
    found[f"event probability, {codes[top]}"] = made.event_prob[:, top]
    return found


def prior_sensitivity(
    spec: ModelSpec, draws: xr.Dataset, wanted: Mapping[str, FloatArray]
) -> pd.DataFrame:
    """Return how far hyperparameters and results move when priors or data are scaled.

    Parameters
    ----------
    spec
        What was fitted.
    draws
        Posterior draws.
    wanted
        Name -> draws of a quantity of interest, shape (S,), in the order of the draws.

    Returns
    -------
    DataFrame
        Index quantity; kind (hyperparameter or result), prior (all priors at the top scaled
        together), likelihood, strongest (of a result, the prior that moves it most when scaled
        alone; of a hyperparameter, its own) and strongest_value, and diagnosis: ``possible
        conflict of priors and data``, ``strong priors or weak data``, or ``not sensitive``.
        A value counts where it is above the threshold and above prior_noise or
        likelihood_noise: the largest among `NOISES` random quantities that do not depend on
        the model, for the measure is never 0 with finitely many draws.
    """
    if not log_prior(spec, draws.isel(draw=slice(0, 1))):
        return pd.DataFrame(columns=_COLUMNS, index=pd.Index([], name="quantity"))
    thin = slice(None, None, -(-draws.sizes["chain"] * draws.sizes["draw"] // MOST_DRAWS))
    shape = (draws.sizes["chain"], draws.sizes["draw"])
    results = xr.Dataset(
        {name: (("chain", "draw"), values.reshape(shape)) for name, values in wanted.items()}
    ).isel(draw=thin, missing_dims="ignore")
    kept = draws.isel(draw=thin)
    noise = _noise((kept.sizes["chain"], kept.sizes["draw"]))
    before = log_prior(spec, kept)
    tree = xr.DataTree.from_dict(
        {
            "posterior": _numbered(_bare(kept[list(before)]).merge(_bare(results)).merge(noise)),
            "log_prior": _numbered(_bare(before)),
            "log_likelihood": _numbered(_bare(log_likelihood(spec, kept))),
        }
    )
    by_prior, by_data = (_moved(tree, group, kept) for group in ("prior", "likelihood"))
    shown = list(wanted)
    alone = pd.DataFrame(
        {name: _moved(tree, "prior", kept, str(name), [*shown, str(name)]) for name in before}
    ).reindex(by_prior.index)
    frame = pd.DataFrame({"prior": by_prior, "likelihood": by_data})
    random = frame.index.str.startswith(_NOISE)
    floors = frame[random].max()
    frame = frame[~random]
    alone = alone.reindex(frame.index)
    frame.insert(0, "kind", np.where(frame.index.isin(list(wanted)), "result", "hyperparameter"))
    named = alone.fillna(0.0).idxmax(axis=1)
    own = pd.Series(frame.index.str.partition("[").get_level_values(0), index=frame.index)
    frame["strongest"] = named.where(frame["kind"] == "result", own)
    at = alone.columns.get_indexer(pd.Index(frame["strongest"]))
    frame["strongest_value"] = alone.to_numpy()[np.arange(len(frame)), at]
    for name in ("prior", "likelihood"):
        frame[f"{name}_noise"] = floors[name]
    limits = floors.clip(lower=THRESHOLD)
    frame["diagnosis"] = [
        _diagnosis(prior, likelihood, limits)
        for prior, likelihood in zip(frame["prior"], frame["likelihood"], strict=True)
    ]
    frame.index.name = "quantity"
    return frame.sort_values("kind", ascending=False, kind="stable")


_COLUMNS = (
    *("kind", "prior", "likelihood", "strongest", "strongest_value"),
    *("prior_noise", "likelihood_noise", "diagnosis"),
)


def sensitivity_record(frame: pd.DataFrame) -> dict[str, Any]:
    """Return the frame as JSON types; what is not known is None."""
    clean = frame.astype(object).where(frame.notna(), None)
    return {"threshold": THRESHOLD, "quantities": clean.to_dict("index")}


def _moved(
    tree: xr.DataTree,
    group: str,
    draws: xr.Dataset,
    name: str | None = None,
    shown: Sequence[str] | None = None,
) -> pd.Series:
    """Return the sensitivity of quantities to a group, or to one prior of it."""
    from arviz_stats import psense

    densities = tree[f"log_{group}"].to_dataset()
    named = densities if name is None else densities[[name]]
    total = sum(values.to_numpy() for values in named.data_vars.values())
    posterior = tree["posterior"].to_dataset()
    posterior = posterior if shown is None else posterior[list(shown)]
    if np.ptp(total) < FLAT:
        return _labelled(xr.zeros_like(posterior.isel(chain=0, draw=0, drop=True), float), draws)
    try:
        found = psense(
            tree,
            var_names=None if shown is None else list(shown),
            group=group,
            alphas=ALPHAS,
            group_var_names=None if name is None else [name],
        )
    except ValueError as error:
        logger.warning("no power scaling of the %s %s: %s", group, name or "", error)
        missing = xr.full_like(posterior.isel(chain=0, draw=0, drop=True), np.nan, float)
        return _labelled(missing, draws)
    return _labelled(found, draws)


def _bare(data: xr.Dataset) -> xr.Dataset:
    return data.drop_vars(list(data.coords))


def _numbered(data: xr.Dataset) -> xr.Dataset:
    return data.assign_coords(
        chain=np.arange(data.sizes["chain"]), draw=np.arange(data.sizes["draw"])
    )


def _labelled(values: xr.Dataset, draws: xr.Dataset) -> pd.Series:
    """Return one row an element, named by its label: ``pillar_weight[youth]``."""
    rows: dict[str, float] = {}
    for name, array in values.data_vars.items():
        if array.ndim == 0:
            rows[str(name)] = float(array)
            continue
        (dim,) = array.dims
        labels = draws[dim].to_numpy() if dim in draws.coords else range(array.size)
        for label, value in zip(labels, array.to_numpy(), strict=True):
            rows[f"{name}[{label}]"] = float(value)
    return pd.Series(rows, dtype=float)


_CONFLICT = "possible conflict of priors and data"
_STRONG = "strong priors or weak data"


def _diagnosis(prior: float, likelihood: float, limits: pd.Series) -> str:
    if not np.isfinite(prior) or not np.isfinite(likelihood):
        return "not known"
    if prior < limits["prior"]:
        return "not sensitive"
    return _CONFLICT if likelihood >= limits["likelihood"] else _STRONG


_NOISE = "random quantity"


def _noise(shape: tuple[int, int]) -> xr.Dataset:
    """Return draws that have nothing to do with the model; always the same ones."""
    rng = np.random.default_rng(0)
    drawn = rng.standard_normal((*shape, NOISES))
    return xr.Dataset({_NOISE: (("chain", "draw", "random"), drawn)})
