"""Observed episodes by oblast and year, beside what the fitted model replicates."""

import numpy as np
import pandas as pd
import xarray as xr

from threatkit.model.replicate import observed_counts, replicate
from threatkit.model.spec import ModelSpec


def oblast_series(
    spec: ModelSpec,
    draws: xr.Dataset,
    *,
    ci_prob: float = 0.9,
    size: int = 400,
    seed: int = 1,
) -> pd.DataFrame:
    """Return what was seen and what the model replicates in each oblast and year.

    The model was fitted to these years, and history is held at what was observed: this is a
    check of the fit, not of forecasts.

    Parameters
    ----------
    spec
        The specification of the run.
    draws
        Its posterior, dims chain, draw, ...
    ci_prob
        Mass of the interval.
    size
        Number of replications.
    seed
        Of the replications.

    Returns
    -------
    DataFrame
        Columns oblast, year, observed, expected (mean of the
        replications), lo, hi (their interval) and covered (whether any source covers the year).
    """
    panel = spec.panel
    made = replicate(spec, draws, size=size, seed=seed).counts
    groups = panel.oblast_of
    number = len(panel.oblasts)
    replicated = np.stack([made[:, groups == g].sum(axis=1) for g in range(number)], axis=1)
    seen = observed_counts(spec)[0]
    observed = np.stack([seen[groups == g].sum(axis=0) for g in range(number)])
    tail = (1 - ci_prob) / 2
    lo, hi = np.quantile(replicated, [tail, 1 - tail], axis=0)
    country = pd.Series(panel.country_of).groupby(groups).first().to_numpy()
    exposed = panel.exposure_years[country]
    shape = observed.shape
    return pd.DataFrame(
        {
            "oblast": np.repeat(panel.oblasts, shape[1]),
            "year": np.tile(panel.periods, shape[0]),
            "observed": observed.ravel(),
            "expected": replicated.mean(axis=0).ravel(),
            "lo": lo.ravel(),
            "hi": hi.ravel(),
            "covered": (exposed > 0).ravel(),
        }
    )
