"""Prior and posterior predictive checks, in words and figures that can be defended."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr
from numpy.typing import NDArray

from threatkit.model.build import build
from threatkit.model.forecast import flat
from threatkit.model.replicate import observed_counts, replicate
from threatkit.model.spec import ModelSpec

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class PredictiveCheck:
    """What replicated data look like beside the data.

    Attributes
    ----------
    table
        Index statistic; observed, and the 5, 50 and 95 in 100 of the replications under the
        prior and the posterior, and the posterior predictive p-value P(replicated >= observed).
    """

    table: pd.DataFrame


def prior_draws(spec: ModelSpec, *, draws: int = 400, seed: int) -> xr.Dataset:
    """Return draws from the prior with the names and dims of the posterior's."""
    model = build(spec)
    named = [*model.free_RVs, *model.deterministics]
    values = pm.draw(named, draws=draws, random_seed=seed, mode="FAST_COMPILE")
    data = {}
    for variable, value in zip(named, values, strict=True):
        dims = model.named_vars_to_dims.get(variable.name) or tuple(
            f"{variable.name}_dim_{i}" for i in range(value.ndim - 1)
        )
        data[variable.name] = (("chain", "draw", *dims), np.asarray(value)[None])
    return xr.Dataset(data)


def statistics(counts: FloatArray) -> dict[str, FloatArray]:
    """Return the checked statistics of counts of shape (S, district, period)."""
    by_district = counts.sum(axis=2)
    by_year = counts.sum(axis=1)
    held = max(counts.shape[1] // 50, 1)
    top = np.sort(by_district, axis=1)[:, -held:].sum(axis=1)
    total = by_district.sum(axis=1)
    lagged = np.minimum(counts[:, :, 1:], 1) * np.minimum(counts[:, :, :-1], 1)
    return {
        "episodes": total,
        "district-years with an episode": (counts > 0).sum(axis=(1, 2)),
        "districts with an episode": (by_district > 0).sum(axis=1),
        "most episodes in a district and year": counts.max(axis=(1, 2)),
        "most episodes in a district": by_district.max(axis=1),
        "episodes in the busiest year": by_year.max(axis=1),
        "share of episodes in the busiest 2 in 100 districts": top / np.maximum(total, 1),
        "districts hit in two years running": lagged.sum(axis=(1, 2)),
    }


def predictive_check(
    spec: ModelSpec, prior: xr.Dataset, posterior: xr.Dataset, *, seed: int, size: int = 400
) -> PredictiveCheck:
    """Compare the data with replications under the prior and under the posterior."""
    observed = statistics(observed_counts(spec))
    before = statistics(replicate(spec, prior, size=size, seed=seed).counts)
    after = statistics(replicate(spec, posterior, size=size, seed=seed).counts)
    rows = {}
    for name, value in observed.items():
        row = {"observed": float(value[0])}
        for label, values in (("prior", before[name]), ("posterior", after[name])):
            for q in (5, 50, 95):
                row[f"{label}_q{q:02d}"] = float(np.percentile(values, q))
        row["p_value"] = float(np.mean(after[name] >= value[0]))
        rows[name] = row
    return PredictiveCheck(pd.DataFrame.from_dict(rows, orient="index"))


def narrowing(prior: xr.Dataset, posterior: xr.Dataset, names: tuple[str, ...]) -> pd.Series:
    """Return how much each quantity has narrowed: 1 - sd(posterior) / sd(prior)."""
    values: dict[str, float] = {}
    for name in names:
        if name not in posterior:
            continue
        before, after = flat(prior, name), flat(posterior, name)
        ratio = 1 - after.std(axis=0) / np.maximum(before.std(axis=0), 1e-12)
        labels = [name] if ratio.ndim == 0 else [f"{name}[{i}]" for i in range(ratio.size)]
        values.update(zip(labels, np.atleast_1d(ratio).tolist(), strict=True))
    return pd.Series(values, name="narrowing")
