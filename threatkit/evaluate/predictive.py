"""Posterior predictive checks: what of the data the fitted model reproduces, and what it does not.

Each feature of the data is held against the same feature of replicated data (Gelman, Meng and
Stern 1996; doi:10.1111/rssa.12378 for their place in a workflow). A feature may depend on the
parameters: it is then worked out draw by draw for both. Data are replicated twice, with the
years that were fitted and with other years, see `threatkit.model.replicate`. A p-value of such a
check is not uniform under the model: it shrinks towards a half where the feature was fitted, so
that one near 0 or 1 says more than its size.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from threatkit.model.features import Data, features
from threatkit.model.forecast import dispersion_draws
from threatkit.model.replicate import completed_counts, replicate
from threatkit.model.spec import ModelSpec

FloatArray = NDArray[np.float64]

#: Replications; 400 tell a p-value of 0.05 from 0.02.
REPLICATIONS = 400
#: A feature is missed where its p-value lies outside these.
LIMITS = (0.05, 0.95)
#: Kinds of replication: with the years that were fitted, and with other ones.
SAME, OTHER = "same", "other"
REPRODUCED, MORE, LESS = "reproduced", "more than the model makes", "less than the model makes"


@dataclass(frozen=True)
class Checked:
    """Features of the data beside those of replicated data.

    Attributes
    ----------
    seen
        Feature -> shape (S,). What was seen differs between draws where a feature depends on the
        parameters, or where an episode is known to its oblast only.
    replicated
        Kind of replication (`SAME`, `OTHER`) -> feature -> shape (S,).
    about
        Feature -> what it is about.
    observed
        Episodes by country and year, shape (S, country, period).
    made
        Kind -> the same of replicated data.
    ci_prob
        Probability of the intervals.
    """

    seen: Mapping[str, FloatArray]
    replicated: Mapping[str, Mapping[str, FloatArray]]
    about: Mapping[str, str]
    observed: FloatArray
    made: Mapping[str, FloatArray]
    ci_prob: float

    def table(self) -> pd.DataFrame:
        """Return one row a feature.

        Index feature; about, observed (median over draws where it differs between them), and for
        both kinds of replication lo, mid, hi and p, the probability that replicated data have
        more of it than was seen, with a half where they are equal; ``finding`` in words.
        """
        tail = (1 - self.ci_prob) / 2
        rows: dict[str, dict[str, Any]] = {}
        for name, about in self.about.items():
            row: dict[str, Any] = {"about": about}
            row["observed"] = float(np.median(self.seen[name]))
            for kind in (SAME, OTHER):
                seen, made = self.seen[name], self.replicated[kind][name]
                for label, at in (("lo", tail), ("mid", 0.5), ("hi", 1 - tail)):
                    row[f"{kind}_{label}"] = float(np.quantile(made, at))
                row[f"{kind}_p"] = float((made > seen).mean() + (made == seen).mean() / 2)
            row["finding"] = _finding(row[f"{SAME}_p"], row[f"{OTHER}_p"])
            rows[name] = row
        frame = pd.DataFrame.from_dict(rows, orient="index")
        frame.index.name = "feature"
        return frame

    def sentences(self) -> tuple[str, ...]:
        """Return what the model fails to reproduce, a sentence each, after how many it does."""
        table = self.table()
        missed = table[table["finding"] != REPRODUCED]
        held = len(table) - len(missed)
        told = [
            f"{held} of {len(table)} features of the data lie within what the fitted model "
            "replicates."
        ]
        for name, row in missed.iterrows():
            told += [
                f"{str(name)[0].upper()}{str(name)[1:]}: {_number(row['observed'])} seen, "
                f"{row['finding']}; replicated {_number(row[f'{kind}_lo'])} to "
                f"{_number(row[f'{kind}_hi'])} in {kind} years, p = {row[f'{kind}_p']:.3f}."
                for kind in (SAME, OTHER)
                if not LIMITS[0] <= row[f"{kind}_p"] <= LIMITS[1]
            ]
        return tuple(told)


def _finding(*p_values: float) -> str:
    if min(p_values) < LIMITS[0]:
        return MORE
    return LESS if max(p_values) > LIMITS[1] else REPRODUCED


def _number(value: float) -> str:
    return f"{value:.0f}" if value == round(value) or abs(value) >= 100 else f"{value:.2g}"


def check(
    spec: ModelSpec,
    draws: xr.Dataset,
    *,
    size: int = REPLICATIONS,
    ci_prob: float = 0.9,
    seed: int,
) -> Checked:
    """Hold the data of a fit against data that the fit replicates.

    Parameters
    ----------
    spec
        What was fitted.
    draws
        Posterior draws, dims chain, draw, ...
    size
        Number of replications of each kind.
    ci_prob
        Probability of the intervals.
    seed
        Of the choice of draws and of the replications.
    """
    kinds = {
        SAME: replicate(spec, draws, size=size, seed=seed),
        OTHER: replicate(spec, draws, size=size, seed=seed, anew=True),
    }
    spread = dispersion_draws(spec, kinds[SAME].draws)
    counts = completed_counts(spec, size=len(spread), seed=seed)
    real = Data(counts, spec, kinds[SAME].means, spread)
    copies = {kind: Data(made.counts, spec, made.means, spread) for kind, made in kinds.items()}
    known = {name: (topic, of) for (topic, name), of in features(spec).items()}
    return Checked(
        {name: _floats(of(real)) for name, (_, of) in known.items()},
        {
            kind: {name: _floats(of(copy)) for name, (_, of) in known.items()}
            for kind, copy in copies.items()
        },
        {name: topic for name, (topic, _) in known.items()},
        real.by_country,
        {kind: copy.by_country for kind, copy in copies.items()},
        ci_prob,
    )


def _floats(values: Any) -> FloatArray:
    return np.asarray(values, dtype=float)
