"""From draws to the forecast: expected episodes in each district, and why.

Everything is done draw by draw, in numpy; no mean is taken before the scores.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from threatkit.model.course import movement_ahead, movements
from threatkit.model.panel import HISTORY_YEARS, neighbour_mean
from threatkit.model.spec import Judgement, ModelSpec, judged_districts

FloatArray = NDArray[np.float64]

#: Order in which the parts of a district's rate are named in every output.
PARTS = (
    *("border", "youth", "extremism", "people", "space", "change", "history", "country"),
    "judgement",
)


@dataclass(frozen=True)
class Forecast:
    """Draws of the forecast; S draws, N districts in the order of the panel.

    Attributes
    ----------
    expected
        Shape (S, N): expected episodes in the horizon, judgements included.
    unjudged
        The same without the analysts' judgements.
    hazard
        Shape (S, N): expected episodes as long as none has happened, from which the
        probability of at least one follows (equal to ``expected`` up to twelve months).
    event_prob, unjudged_prob
        Shape (S, N): probability of at least one episode.
    parts
        Part -> shape (S, N): centred contributions to the log of ``expected``; their sum
        differs from it by one number a draw.
    dispersion
        Shape (S,): NB1's dispersion, NB2's size, or 0 where the likelihood has neither.
    likelihood
        Under which ``event_prob`` follows from ``hazard``.
    districts
        Index district; name, country, oblast, oblast_name, fergana, population.
    start, end
        First and last day of the forecast.
    """

    expected: FloatArray
    unjudged: FloatArray
    hazard: FloatArray
    event_prob: FloatArray
    unjudged_prob: FloatArray
    parts: Mapping[str, FloatArray]
    dispersion: FloatArray
    likelihood: str
    districts: pd.DataFrame
    start: date
    end: date

    @property
    def people(self) -> FloatArray:
        """Return the population, shape (N,), 0 where unknown."""
        people: FloatArray = self.districts["population"].fillna(0.0).to_numpy(dtype=float)
        return people


def horizon_end(as_of: date, months: int) -> date:
    """Return the last day of a horizon that starts on the day after ``as_of``."""
    start = pd.Timestamp(as_of + timedelta(days=1))
    end: date = (start + pd.DateOffset(months=months) - pd.Timedelta(days=1)).date()
    return end


def event_probability(expected: FloatArray, dispersion: FloatArray, likelihood: str) -> FloatArray:
    """Return the probability of at least one episode.

    Parameters
    ----------
    expected
        Shape (S, ...): expected episodes.
    dispersion
        Shape (S,): NB1's dispersion or NB2's size.
    likelihood
        ``nb1``: 1 - (1 + a)^(-m / a); ``nb2``: 1 - (1 + m / size)^(-size); else 1 - exp(-m).
    """
    spread = dispersion.reshape(-1, *([1] * (expected.ndim - 1))).astype(expected.dtype)
    if likelihood == "nb1":
        return -np.expm1(-expected * np.log1p(spread) / spread)
    if likelihood == "nb2":
        return -np.expm1(-spread * np.log1p(expected / spread))
    return -np.expm1(-expected)


def flat(draws: xr.Dataset, name: str) -> FloatArray:
    """Return a variable with chain and draw as one first axis, in the precision it is kept in."""
    values = draws[name].to_numpy()
    kind = values.dtype if values.dtype == np.float32 else np.dtype(float)
    return np.asarray(values, dtype=kind).reshape(-1, *values.shape[2:])


def forecast(spec: ModelSpec, draws: xr.Dataset, *, seed: int) -> Forecast:
    """Return the forecast of a specification from draws of its parameters.

    The forecast speaks of episodes as the curated list records them where it covers a
    country fully: a place where little is reported does not look safe for that.

    Parameters
    ----------
    spec
        The specification that was fitted.
    draws
        Variables with dims chain, draw, ... as `threatkit.model.build.build` names them.
    seed
        Of the year effects to come, of judgements and of simulated episodes.
    """
    rng = np.random.default_rng([seed, 1])
    panel = spec.panel
    start = panel.as_of + timedelta(days=1)
    end = horizon_end(panel.as_of, spec.horizon_months)
    rate = _rate(spec, draws)
    dispersion = dispersion_draws(spec, draws)
    years = _year_factors(spec, draws, range(start.year, end.year + 1), rng, seed)
    steps = _steps(spec, draws, rate, dispersion, start, end, years, rng)
    expected, hazard = (reduce(np.add, part) for part in steps)
    del rate
    unjudged_prob = event_probability(hazard, dispersion, spec.likelihood)
    judged, judged_hazard, event_prob = expected, hazard, unjudged_prob
    factor = None
    if spec.judgements:
        factor = _judged(spec, len(expected), start, end, rng)
        judged, judged_hazard = expected * factor, hazard * factor
        event_prob = event_probability(judged_hazard, dispersion, spec.likelihood)
    return Forecast(
        expected=judged,
        unjudged=expected,
        hazard=judged_hazard,
        event_prob=event_prob,
        unjudged_prob=unjudged_prob,
        parts=contributions(spec, draws, factor, change(spec, draws, seed=seed)),
        dispersion=dispersion,
        likelihood=spec.likelihood,
        districts=panel.districts[_identity(panel.districts)],
        start=start,
        end=end,
    )


def yearly(spec: ModelSpec, draws: xr.Dataset, *, seed: int) -> list[FloatArray]:
    """Return the expected episodes in each year of the horizon, each of shape (S, N).

    Judgements are left out; the last year may be a part of one. What is simulated to happen
    in one year feeds the next.

    Parameters
    ----------
    spec, draws, seed
        As for `forecast`.
    """
    rng = np.random.default_rng([seed, 1])
    start = spec.panel.as_of + timedelta(days=1)
    end = horizon_end(spec.panel.as_of, spec.horizon_months)
    rate = _rate(spec, draws)
    years = _year_factors(spec, draws, range(start.year, end.year + 1), rng, seed)
    return _steps(spec, draws, rate, dispersion_draws(spec, draws), start, end, years, rng)[0]


def _rate(spec: ModelSpec, draws: xr.Dataset) -> FloatArray:
    """Return the yearly rate without a year's factor, shape (S, N), in the draws' precision."""
    rate = np.exp(flat(draws, "eta"))
    rate *= spec.panel.people
    return rate


def _identity(districts: pd.DataFrame) -> list[str]:
    wanted = ("name", "country", "oblast", "oblast_name", "fergana", "population")
    return [name for name in wanted if name in districts]


def dispersion_draws(spec: ModelSpec, draws: xr.Dataset) -> FloatArray:
    """Return NB1's dispersion or NB2's size, 0 for the others, shape (S,)."""
    name = {"nb1": "dispersion", "nb2": "size"}.get(spec.likelihood)
    if name is None:
        return np.zeros(draws.sizes["chain"] * draws.sizes["draw"])
    if name in draws:
        return flat(draws, name)
    prior = getattr(spec.priors, name)
    return np.full(draws.sizes["chain"] * draws.sizes["draw"], prior.values[0])


def _steps(
    spec: ModelSpec,
    draws: xr.Dataset,
    rate: FloatArray,
    dispersion: FloatArray,
    start: date,
    end: date,
    years: Mapping[int, FloatArray],
    rng: np.random.Generator,
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Walk through the horizon in steps of a year; what happens in one feeds the next.

    Returns the expected episodes of each step, and as long as none has happened.
    """
    panel = spec.panel
    own = own_if_none = panel.history[None, :, -1]
    near = panel.spillover[None, :, -1]
    expected, hazard = [], []
    at = start
    while at <= end:
        until = min(horizon_end(at - timedelta(days=1), 12), end)
        exposure = sum(_share(at, until, year) * factor for year, factor in years.items())
        base = rate * np.asarray(exposure, dtype=rate.dtype)
        moved = base * np.exp(_dynamics(spec, draws, own, near))
        expected.append(moved)
        quiet = moved if at == start else base * np.exp(_dynamics(spec, draws, own_if_none, near))
        hazard.append(quiet)
        length = ((until - at).days + 1) / 365.25
        fade, new_fade = np.exp(-length / HISTORY_YEARS), np.exp(-length / 2 / HISTORY_YEARS)
        at = until + timedelta(days=1)
        if at <= end:
            seen = simulate_counts(moved, dispersion, spec.likelihood, rng)
            own_if_none = own_if_none * fade
            own = own * fade + seen * new_fade
            near = near * fade + neighbour_mean(panel.graph, seen.T).T * new_fade
    return expected, hazard


def simulate_counts(
    mean: FloatArray, dispersion: FloatArray, likelihood: str, rng: np.random.Generator
) -> FloatArray:
    """Draw counts of episodes with the given means, shape (S, N)."""
    spread = dispersion[:, None]
    if likelihood == "nb1":
        return rng.poisson(rng.gamma(mean / spread) * spread).astype(float)
    if likelihood == "nb2":
        drawn = rng.gamma(np.broadcast_to(spread, mean.shape)) * mean / spread
        return rng.poisson(drawn).astype(float)
    counts = rng.poisson(mean).astype(float)
    return np.minimum(counts, 1.0) if likelihood == "bernoulli" else counts


def _share(start: date, end: date, year: int) -> float:
    """Return the days of a calendar year inside [start, end], in years."""
    first, last = max(start, date(year, 1, 1)), min(end, date(year, 12, 31))
    return max((last - first).days + 1, 0) / ((date(year + 1, 1, 1) - date(year, 1, 1)).days)


def _year_factors(
    spec: ModelSpec, draws: xr.Dataset, years: range, rng: np.random.Generator, seed: int
) -> dict[int, FloatArray]:
    """Return each calendar year's factor of the rate, drawn anew after the last one seen.

    Its shape is (S, 1), or (S, N) with moving effects.
    """
    common = _year_effects(spec, draws, years, rng)
    if not movements(spec):
        return {year: np.exp(common[year])[:, None] for year in years}
    moved = movement_ahead(spec, draws, years, np.random.default_rng([seed, 5]))
    return {year: np.exp(common[year][:, None] + moved[year]) for year in years}


def change(spec: ModelSpec, draws: xr.Dataset, *, seed: int) -> FloatArray | None:
    """Return what moving effects add to the log expected number of the horizon, shape (S, N).

    None where a specification has none. With the seed of a forecast the epochs to come are
    those of that forecast.
    """
    if not movements(spec):
        return None
    start, end = (
        spec.panel.as_of + timedelta(days=1),
        horizon_end(spec.panel.as_of, spec.horizon_months),
    )
    years = range(start.year, end.year + 1)
    common = _year_effects(spec, draws, years, np.random.default_rng([seed, 1]))
    moved = movement_ahead(spec, draws, years, np.random.default_rng([seed, 5]))
    parts = {year: _share(start, end, year) * np.exp(common[year])[:, None] for year in years}
    whole = sum(parts[year] * np.exp(moved[year]) for year in years)
    return np.log(np.asarray(whole)) - np.log(np.asarray(sum(parts.values())))


def _year_effects(
    spec: ModelSpec, draws: xr.Dataset, years: range, rng: np.random.Generator
) -> dict[int, FloatArray]:
    size = draws.sizes["chain"] * draws.sizes["draw"]
    if "year_effect" not in draws:
        return {year: np.zeros(size) for year in years}
    seen = flat(draws, "year_effect")
    known = {int(year): seen[:, i] for i, year in enumerate(spec.panel.periods)}
    sd = flat(draws, "year_sd") if "year_sd" in draws else spec.priors.year_sd.values[0]
    last = seen[:, -1]
    effects: dict[int, FloatArray] = {}
    for year in years:
        fresh = sd * rng.standard_normal(size)
        if year not in known:
            last = last + fresh if spec.year_effect == "walk" else fresh
        effects[year] = known.get(year, last)
    return effects


def _coefficient(spec: ModelSpec, draws: xr.Dataset, name: str) -> FloatArray:
    """Return a coefficient as a column, shape (S, 1), in the draws' precision."""
    size = draws.sizes["chain"] * draws.sizes["draw"]
    fixed = name not in draws
    drawn = np.full(size, getattr(spec.priors, name).values[0]) if fixed else flat(draws, name)
    return drawn[:, None].astype(draws["eta"].dtype)


def _dynamics(spec: ModelSpec, draws: xr.Dataset, own: FloatArray, near: FloatArray) -> FloatArray:
    """Return the effect of recent episodes on the log rate, shape (S, N).

    ``own`` and ``near`` have shape (S, N), or (1, N) where all draws have the same.
    """
    terms = {
        "history": np.log1p(own),
        "spillover": np.log1p(near),
        "afghan_spillover": spec.panel.afghan[None, :, -1],
    }
    kind = draws["eta"].dtype
    total = np.zeros_like(own, dtype=kind)
    for name, term in terms.items():
        if getattr(spec, name):
            total = total + _coefficient(spec, draws, name) * term.astype(kind, copy=False)
    return total


def _judged(
    spec: ModelSpec, size: int, start: date, end: date, rng: np.random.Generator
) -> FloatArray:
    """Return the factor of all judgements, shape (S, N)."""
    factor = np.ones((size, len(spec.panel.districts)))
    for judgement in spec.judgements:
        members = judged_districts(spec.panel, judgement.area)
        drawn = np.exp(
            np.log(judgement.factor) + judgement.factor_sd * rng.standard_normal((size, 1))
        )
        part = validity(judgement, start, end)
        factor[:, members] *= 1 + part * (drawn - 1)
    return factor


def validity(judgement: Judgement, start: date, end: date) -> float:
    """Return the part of the horizon on which a judgement holds, 0 to 1."""
    first = max(start, judgement.valid_from)
    last = min(end, judgement.valid_until)
    return max((last - first).days + 1, 0) / ((end - start).days + 1)


def contributions(
    spec: ModelSpec,
    draws: xr.Dataset,
    factor: FloatArray | None = None,
    moved: FloatArray | None = None,
) -> dict[str, FloatArray]:
    """Return the centred parts of the log expected number, each of shape (S, N).

    ``factor`` is that of the judgements, ``moved`` what moving effects add (see `change`).
    Pillars, space, change, history and country are centred on the population-weighted mean of the
    region, people on the median district; +0.69 doubles the expected number.
    """
    panel = spec.panel
    share = panel.people / panel.people.sum()
    known = panel.people > 0
    log_people = np.log(np.where(known, panel.people, 1.0))
    kind = draws["eta"].dtype
    people = (log_people - np.median(log_people[known])).astype(kind) + flat(draws, "part_people")
    own, near = panel.history[None, :, -1], panel.spillover[None, :, -1]
    parts = {
        **{name: flat(draws, f"part_{name}") for name in spec.pillars},
        "people": people,
        "space": _centred(flat(draws, "part_space"), share),
        "country": _centred(flat(draws, "part_country"), share),
    }
    if spec.history or spec.spillover or spec.afghan_spillover:
        parts["history"] = _centred(_dynamics(spec, draws, own, near), share)
    if moved is not None:
        parts["change"] = _centred(moved, share)
    if factor is not None:
        parts["judgement"] = np.log(factor)
    order = [*PARTS, *(name for name in parts if name not in PARTS)]
    return {name: parts[name].astype(kind, copy=False) for name in order if name in parts}


def _centred(values: FloatArray, share: FloatArray) -> FloatArray:
    return values - (values @ share.astype(values.dtype))[:, None]
