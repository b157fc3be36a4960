"""Replicated outcomes: what the model, with given draws of its parameters, would have seen.

The places are those of the draws. The years are either those that were fitted, with the memory
of the episodes that happened, or other years: their effects are drawn anew and the memory is fed
by what is replicated. The first leans on the data twice, in years above all, and finds less
fault than there is; the second asks what other twenty years in these places would be like.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from threatkit.model.course import blocks, movements, scalar
from threatkit.model.forecast import dispersion_draws, flat, simulate_counts
from threatkit.model.information import exposure, moving
from threatkit.model.panel import HISTORY_YEARS, neighbour_mean
from threatkit.model.spec import ModelSpec

FloatArray = NDArray[np.float64]

#: Expectations of uncertain episodes below this are rounding.
LEAST_UNCERTAIN = 1e-9
#: No cell is simulated with a higher mean: a prior's tail has no end.
HIGHEST_MEAN = 1e6


@dataclass(frozen=True)
class Replicated:
    """Replicated counts of the covered cells.

    Attributes
    ----------
    counts, means
        Shape (S, district, period): counts, and the means from which they were drawn.
    draws
        The S draws of the parameters.
    """

    counts: FloatArray
    means: FloatArray
    draws: xr.Dataset


def observed_counts(spec: ModelSpec) -> FloatArray:
    """Return the counts that were seen, shape (1, district, period).

    An episode known to its oblast goes to one of the districts; see `completed_counts`.
    """
    return _completed(spec, np.array([0.5]))


def completed_counts(spec: ModelSpec, *, size: int, seed: int) -> FloatArray:
    """Return the data with every episode given to a district, shape (size, district, period).

    An episode that is known to its oblast only goes to one of the districts with the
    probabilities of its weights, in each of the sets anew (multiple imputation for checks of a
    model, doi:10.1111/j.0006-341X.2005.031010.x). Sets differ in nothing else. Under a Bernoulli
    likelihood a cell holds 1 at most.
    """
    return _completed(spec, np.random.default_rng([seed, 4]).random(size))


def _completed(spec: ModelSpec, start: FloatArray) -> FloatArray:
    """Give the uncertain episodes of an oblast and year to districts by systematic sampling.

    A cell gets its expectation on average, and an oblast a whole number next to the sum of its
    expectations.
    """
    panel, cells = spec.panel, spec.panel.cells
    shape = (len(panel.districts), len(panel.periods))
    at = np.ravel_multi_index((cells["district"].to_numpy(), cells["period"].to_numpy()), shape)
    count = cells["count"].to_numpy(dtype=float)
    sure = np.full(shape[0] * shape[1], np.inf)
    np.minimum.at(sure, at, count)
    sure[np.isinf(sure)] = 0.0
    weight = cells["weight"].to_numpy(dtype=float)
    more = np.bincount(at, weight * count, minlength=len(sure)) - sure
    oblast = panel.oblast_of[:, None] * shape[1] + np.arange(shape[1])
    counts = np.tile(sure, (len(start), 1))
    uncertain = np.flatnonzero(more > LEAST_UNCERTAIN)
    for group in np.unique(oblast.ravel()[uncertain]):
        inside = uncertain[oblast.ravel()[uncertain] == group]
        reach = np.concatenate([[0.0], more[inside].cumsum()])
        counts[:, inside] += np.diff(np.floor(start[:, None] + reach + 1e-12), axis=1)
    if spec.likelihood == "bernoulli":
        counts = np.minimum(counts, 1.0)
    return counts.reshape(-1, *shape)


def chosen_draws(draws: xr.Dataset, *, size: int, seed: int) -> xr.Dataset:
    """Return so many draws at random as one chain, or all where there are no more."""
    total = draws.sizes["chain"] * draws.sizes["draw"]
    at = np.random.default_rng([seed, 2]).choice(total, size=min(size, total), replace=False)
    chain, draw = np.unravel_index(at, (draws.sizes["chain"], draws.sizes["draw"]))
    bare = draws.drop_vars([name for name in ("chain", "draw") if name in draws.coords])
    picked = bare.isel(chain=xr.DataArray(chain, dims="s"), draw=xr.DataArray(draw, dims="s"))
    return picked.rename({"s": "draw"}).expand_dims("chain")


def new_years(spec: ModelSpec, draws: xr.Dataset, *, seed: int) -> xr.Dataset:
    """Return draws with the effects of years and epochs drawn anew from their law."""
    rng = np.random.default_rng([seed, 6])
    made = draws.copy()
    size = (draws.sizes["chain"], draws.sizes["draw"], 1)
    if "year_effect" in draws:
        news = rng.standard_normal(draws["year_effect"].shape)
        course = news.cumsum(axis=-1) if spec.year_effect == "walk" else news
        course -= course.mean(axis=-1, keepdims=True)
        sd = scalar(spec, draws, "year_sd").reshape(size)
        made["year_effect"] = draws["year_effect"].copy(data=sd * course)
    for one in movements(spec):
        course = rng.standard_normal(draws[one.name].shape)
        course -= course.mean(axis=-1, keepdims=True)
        sd, keep = (
            scalar(spec, draws, f"{one.name}_{part}").reshape(size)
            for part in ("sd", "persistence")
        )
        for epoch in range(1, len(one.starts)):
            fresh = np.sqrt(1 - keep**2) * course[:, :, epoch]
            course[:, :, epoch] = keep * course[:, :, epoch - 1] + fresh
        made[one.name] = draws[one.name].copy(data=sd[..., None] * course)
    return made


def replicate(
    spec: ModelSpec, draws: xr.Dataset, *, size: int, seed: int, anew: bool = False
) -> Replicated:
    """Return replicated counts of the covered cells for some of the draws.

    Parameters
    ----------
    spec
        The specification.
    draws
        Of its parameters, dims chain, draw, ...
    size
        Number of replications, each from a draw of its own.
    seed
        Of the choice and of the counts.
    anew
        Whether the years are other ones: their effects are drawn from their law, and the memory
        of own and neighbours' episodes is fed by what is replicated, from that of the first
        year on. Otherwise effects are those of the draws and the memory that of the data.
    """
    panel = spec.panel
    chosen = chosen_draws(draws, size=size, seed=seed)
    if anew:
        chosen = new_years(spec, chosen, seed=seed)
    rng = np.random.default_rng([seed, 7])
    rate = panel.people * np.exp(flat(chosen, "eta"))
    years, block = exposure(spec, chosen), blocks(spec).of
    spread = dispersion_draws(spec, chosen)
    shift = moving(spec, chosen)
    own, near = (
        np.broadcast_to(values[:, 0], rate.shape) for values in (panel.history, panel.spillover)
    )
    fade, new_fade = np.exp(-1 / HISTORY_YEARS), np.exp(-0.5 / HISTORY_YEARS)
    counts = np.zeros((len(rate), len(panel.districts), len(panel.periods)))
    means = np.zeros_like(counts)
    for period in range(len(panel.periods)):
        moved = shift(period, (own, near) if anew else None)
        mean = np.minimum(rate * years[:, block, period] * np.exp(moved), HIGHEST_MEAN)
        seen = simulate_counts(mean, spread, spec.likelihood, rng)
        means[:, :, period], counts[:, :, period] = mean, seen
        if anew:
            own = own * fade + seen * new_fade
            near = near * fade + neighbour_mean(panel.graph, seen.T).T * new_fade
    return Replicated(counts, means, chosen)
