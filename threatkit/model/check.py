"""Prior and posterior predictive checks, in words and figures that can be defended."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr

from threatkit.model.build import build
from threatkit.model.features import Counts, plain
from threatkit.model.forecast import flat
from threatkit.model.replicate import observed_counts, replicate
from threatkit.model.spec import ModelSpec


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


def predictive_check(
    spec: ModelSpec, prior: xr.Dataset, posterior: xr.Dataset, *, seed: int, size: int = 400
) -> PredictiveCheck:
    """Compare the data with replications under the prior and under the posterior."""
    observed = plain(Counts(observed_counts(spec)))
    before = plain(Counts(replicate(spec, prior, size=size, seed=seed).counts))
    after = plain(Counts(replicate(spec, posterior, size=size, seed=seed).counts))
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
