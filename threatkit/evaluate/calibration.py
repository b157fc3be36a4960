"""Simulation-based calibration: whether an engine returns what went in.

A truth is drawn from the priors, a panel from the truth, and the panel is fitted. Among
independent draws of its posterior the truth has a uniform rank, whatever the data were
(doi:10.48550/arXiv.1804.06788); a rank that is not uniform is a fault of the engine, of the
simulator or of both. The same simulations tell how often intervals hold the truth. With fixed
values in place of priors they are a study from known parameters, of bias and coverage.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats import ess
from numpy.typing import NDArray

from threatkit.evaluate.uniformity import holm, p_value
from threatkit.executor import Task
from threatkit.finished import code_version, fingerprint
from threatkit.model.fit import Fit, Sampling, fit
from threatkit.model.forecast import Forecast, flat, forecast
from threatkit.model.generate import generate
from threatkit.model.sensitivity import outcome_log_likelihood
from threatkit.model.spec import ModelSpec, Priors
from threatkit.options import Engine

FloatArray = NDArray[np.float64]

#: Posterior draws among which a truth is ranked: far apart in the chains, fewer than effective.
RANKED = 99
#: Episodes that a panel has on average where every effect is zero.
EPISODES = 80.0
#: A family of uniform ranks fails with at most this probability.
LEVEL = 0.01
#: Share of the district list, by people, at which districts are looked at.
_LOOKED_AT = (0.1, 0.3, 0.5, 0.7, 0.9)

#: Priors that stand in for the defaults while calibrating. All are proper, and none is so wide that
#: a panel runs away or stays empty: such panels could not be fitted, and leaving them out would
#: bias the ranks of the others. What is not named here keeps its prior.
STAND_INS: Mapping[str, str] = {
    # Between countries by a factor of 2, not of 4.5.
    "country_sd": "fixed(0.7)",
    # Down to no field at all, where engines break; above 1.6 in 1 of 100 simulations only.
    "field_sd": "half_normal(0.6)",
    # Memory that does not feed on itself: at 0.4 a panel in 200 had 50,000 episodes.
    "history": "normal(0.1, 0.07)",
    "spillover": "normal(0.1, 0.07)",
    # A sd of a pillar multiplies the rate by 1 to 2.2.
    "pillar_weight": "half_normal(0.4)",
}


@dataclass(frozen=True)
class Design:
    """What is simulated and fitted, again and again.

    Attributes
    ----------
    spec
        The model with the priors of the fit, and the panel that lends its shape.
    engine
        Which engine fits.
    draws
        Posterior draws of a fit, over all chains.
    seed
        Of everything; simulation ``i`` has its own from it.
    truth
        From which truths are drawn; None is the priors of the fit, as calibration asks for.
    """

    spec: ModelSpec
    engine: Engine
    draws: int
    seed: int
    truth: Priors | None = None

    @property
    def key(self) -> str:
        """Return the fingerprint of all that a simulation depends on, the code included."""
        return fingerprint(code_version(), self)


def stand_ins(spec: ModelSpec) -> dict[str, str]:
    """Return the priors of a calibration: `STAND_INS`, and an intercept for the panel's size.

    The intercept is such that a panel has about `EPISODES` where every effect is zero, within a
    factor of 2.2 either way.
    """
    panel = spec.panel
    years = panel.exposure_years.sum(axis=1)[panel.country_of]
    centre = math.log(EPISODES / float(panel.people @ years))
    return {**STAND_INS, "intercept": f"normal({centre:.2f}, 0.4)"}


def tasks(design: Design, simulations: int) -> list[Task[dict[str, Any]]]:
    """Return one task a simulation; see `threatkit.executor.results`."""
    key = design.key
    return [
        Task(f"simulation-{number:05d}", simulate, (design, number), key=key)
        for number in range(simulations)
    ]


def simulate(design: Design, number: int) -> dict[str, Any]:
    """Draw, fit and rank once.

    Returns
    -------
    dict
        Plain values: number, episodes, seconds of processor time, passed (the gate), failures,
        and quantities: name to truth, mean, sd, q05, q95, rank and ess.
    """
    began = time.process_time()
    made = generate(design.spec, seed=[design.seed, number], priors=design.truth)
    spec = replace(made.spec, priors=design.spec.priors)
    fitted = _fit(spec, design, number)
    rng = np.random.default_rng([design.seed, number, 1])
    future = forecast(spec, made.truth, seed=int(rng.integers(2**31)))
    names = _parameters(made.truth, fitted.draws)
    truth = quantities(spec, made.truth, future, names)
    after = quantities(spec, fitted.draws, fitted.forecast, names)
    found = {name: _rank(float(truth[name][0, 0]), after[name], rng) for name in truth}
    thin = fitted.draws.stack(sample=("chain", "draw")).isel(sample=_thin(fitted.draws))
    thin = thin.reset_index("sample", drop=True).rename(sample="draw").expand_dims("chain")
    thin = thin.transpose("chain", "draw", ...)
    found["log_likelihood"] = _rank(
        float(outcome_log_likelihood(spec, made.truth)[0]),
        outcome_log_likelihood(spec, thin)[None],
        rng,
    )
    return {
        "number": number,
        "episodes": int(spec.panel.cells["count"].sum()),
        "seconds": round(time.process_time() - began, 2),
        "passed": fitted.diagnostics.passed,
        "failures": list(fitted.diagnostics.failures),
        "quantities": found,
    }


def _fit(spec: ModelSpec, design: Design, number: int) -> Fit:
    """Fit with fixed length: extending by what is seen would make ranks depend on the look."""
    seed = int(np.random.default_rng([design.seed, number, 2]).integers(2**31))
    if design.engine == "laplace":
        from threatkit.model.ensemble import Moves
        from threatkit.model.laplace import laplace_fit

        moves = Moves(max_rounds=1, blocks=1)
        return laplace_fit(spec, seed=seed, draws=design.draws, moves=moves)
    chains = 2
    sampling = Sampling(chains=chains, tune=600, draws=-(-design.draws // chains), max_rounds=1)
    return fit(spec, seed=seed, sampling=sampling)


def looked_at(spec: ModelSpec) -> NDArray[np.intp]:
    """Return the positions of the districts whose rates are ranked: few people to many."""
    people = spec.panel.people
    order = np.argsort(people, kind="stable")[np.count_nonzero(people <= 0) :]
    places = np.unique((np.array(_LOOKED_AT) * len(order)).astype(int))
    positions: NDArray[np.intp] = order[places]
    return positions


def quantities(
    spec: ModelSpec, draws: xr.Dataset, made: Forecast, names: Sequence[str]
) -> dict[str, FloatArray]:
    """Return what is ranked, each of shape (chain, draw).

    The parameters, the log rates of a few districts and their mean, the probability of an
    episode there in the year to come, and the expected number in all districts.

    Parameters
    ----------
    spec
        The specification.
    draws
        Dims chain, draw, ...
    made
        The forecast from these draws.
    names
        The parameters: scalars, or vectors over one named dim.
    """
    found: dict[str, FloatArray] = {}
    for name in names:
        values = draws[name]
        other = [dim for dim in values.dims if dim not in ("chain", "draw")]
        if not other:
            found[name] = values.to_numpy()
            continue
        for label in values[other[0]].to_numpy():
            found[f"{name}[{label}]"] = values.sel({other[0]: label}).to_numpy()
    shape = (draws.sizes["chain"], draws.sizes["draw"])
    eta, prob = flat(draws, "eta"), made.event_prob
    for place in looked_at(spec):
        code = spec.panel.districts.index[place]
        found[f"eta[{code}]"] = eta[:, place].reshape(shape)
        found[f"event_prob[{code}]"] = prob[:, place].reshape(shape)
    found["eta mean"] = eta.mean(axis=1).reshape(shape)
    found["expected in all"] = made.expected.sum(axis=1).reshape(shape)
    return found


def _parameters(truth: xr.Dataset, draws: xr.Dataset) -> list[str]:
    """Return the parameters that both hold: a prior that fixes one leaves nothing to rank."""
    derived = ("eta", "year_effect", "region_year", "place_epoch")
    return [
        str(name)
        for name in truth
        if name in draws and name not in derived and not str(name).startswith("part_")
    ]


def _thin(draws: xr.Dataset) -> NDArray[np.intp]:
    """Return positions, with the chains one after the other, of `RANKED` draws far apart."""
    size = draws.sizes["chain"] * draws.sizes["draw"]
    return ((np.arange(RANKED) + 0.5) * size / RANKED).astype(np.intp)


def _rank(truth: float, values: FloatArray, rng: np.random.Generator) -> dict[str, float]:
    """Rank a truth among thinned draws of shape (chain, draw); ties are broken at random."""
    flat_values = values.ravel()
    size = len(flat_values)
    chosen = flat_values[((np.arange(RANKED) + 0.5) * size / RANKED).astype(int)]
    ties = int((chosen == truth).sum())
    low, high = np.quantile(flat_values, [0.05, 0.95])
    effective = float(ess(values, method="bulk")) if values.size > RANKED else float(RANKED)
    return {
        "truth": truth,
        "mean": float(flat_values.mean()),
        "sd": float(flat_values.std()),
        "q05": float(low),
        "q95": float(high),
        "rank": int((chosen < truth).sum() + rng.integers(ties + 1)),
        "ess": effective if math.isfinite(effective) else 0.0,
    }


def table(results: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return one row a simulation and quantity: simulation, quantity, truth, mean, ..., ess."""
    rows = [
        {"simulation": result["number"], "quantity": name, **found}
        for result in sorted(results, key=lambda result: int(result["number"]))
        for name, found in result["quantities"].items()
    ]
    return pd.DataFrame(rows)


def uniformity(ranks: pd.DataFrame, *, level: float = LEVEL) -> pd.DataFrame:
    """Return whether the ranks of each quantity are uniform.

    Parameters
    ----------
    ranks
        As `table` gives it.
    level
        Probability that any quantity of a true engine is called not uniform, at most.

    Returns
    -------
    DataFrame
        Index quantity; simulations; mean_rank (0 to 1; below 0.5 the draws lie too high);
        spread_rank (standard deviation over that of uniform ranks; above 1 the posterior is too
        narrow); p_value; p_adjusted (Holm); coverage_90 (of the 90% interval); bias (mean of
        posterior mean minus truth) and bias_se; rmse; ess_low (share of fits with fewer
        effective draws than ranked ones); uniform.
    """
    rows = {name: _uniform(group) for name, group in ranks.groupby("quantity", sort=False)}
    made = pd.DataFrame.from_dict(rows, orient="index").rename_axis("quantity")
    adjusted = holm(made["p_value"].to_numpy())
    made.insert(4, "p_adjusted", adjusted)
    return made.assign(uniform=adjusted > level)


def _uniform(group: pd.DataFrame) -> dict[str, float]:
    ranks = group["rank"].to_numpy(dtype=np.intp)
    truth, gap = group["truth"], group["mean"] - group["truth"]
    inside = (group["q05"] <= truth) & (truth <= group["q95"])
    spread = math.sqrt(((RANKED + 1) ** 2 - 1) / 12)
    return {
        "simulations": len(group),
        "mean_rank": float(ranks.mean() / RANKED),
        "spread_rank": float(ranks.std() / spread),
        "p_value": p_value(ranks, RANKED),
        "coverage_90": float(inside.mean()),
        "bias": float(gap.mean()),
        "bias_se": float(gap.std(ddof=1) / math.sqrt(len(gap))) if len(gap) > 1 else math.nan,
        "rmse": float(np.sqrt((gap**2).mean())),
        "ess_low": float((group["ess"] < RANKED).mean()),
    }
