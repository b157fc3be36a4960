"""The diagnostics gate: what a run must show before anybody may use it.

Hyperparameters need R-hat < 1.01 and effective sample sizes above 400, bulk and tail; every
district's log rate and event probability R-hat < 1.02 and the same sizes, since among five
hundred quantities 1.01 fails by chance even for perfect draws; indicators such as "in the
top decile" a Monte Carlo error of at most 0.02; divergences at most one in a thousand
(rank-normalised R-hat and ESS: doi:10.1214/20-BA1221).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats import ess, rhat
from numpy.typing import NDArray

RHAT_HYPER = 1.01
RHAT_FIELD = 1.02
FEWEST_EFFECTIVE = 400
LARGEST_ERROR = 0.02
LARGEST_DIVERGENT = 0.001


@dataclass(frozen=True)
class Diagnostics:
    """What the gate measured.

    Attributes
    ----------
    table
        Index quantity; columns rhat, ess_bulk, ess_tail, worst (its coordinate), size.
    divergent_share
        Divergent transitions over all draws.
    top_decile_error
        Largest Monte Carlo standard error of P(in the top decile).
    failures
        Why the gate is not met; empty where it is.
    """

    table: pd.DataFrame
    divergent_share: float
    top_decile_error: float
    failures: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Return whether the run may be used."""
        return not self.failures


def diagnose(
    draws: xr.Dataset,
    divergent: NDArray[np.bool_],
    hyperparameters: Iterable[str],
    *,
    event_prob: NDArray[np.float64] | None = None,
    fields: Iterable[str] = ("eta",),
) -> Diagnostics:
    """Return the diagnostics of a set of draws against the gate.

    Parameters
    ----------
    draws
        Dims chain, draw, ...; holds the hyperparameters and the fields.
    divergent
        Shape (chain, draw).
    hyperparameters
        Names of the variables held to the strict limits.
    event_prob
        Shape (chain, draw, district) like ``eta``; None where nothing is forecast.
    fields
        Names of the long vectors held to the limits of a field.
    """
    rows: dict[str, dict[str, float | str | int]] = {}
    failures: list[str] = []
    for name in hyperparameters:
        rows[name] = _measure(draws[name])
        failures += _failures(name, rows[name], RHAT_HYPER)
    vectors = {name: draws[name] for name in fields}
    if event_prob is not None:
        vectors["event_prob"] = draws["eta"].copy(data=event_prob)
    for name, values in vectors.items():
        rows[name] = _measure(values)
        failures += _failures(name, rows[name], RHAT_FIELD)
    share = float(divergent.mean())
    if share > LARGEST_DIVERGENT:
        failures.append(f"{share:.2%} of the draws diverged, the limit is {LARGEST_DIVERGENT:.1%}")
    error = _top_decile_error(vectors["event_prob"]) if event_prob is not None else 0.0
    if error > LARGEST_ERROR:
        failures.append(
            f"the Monte Carlo error of P(in the top decile) is {error:.3f}, "
            f"the limit is {LARGEST_ERROR}"
        )
    return Diagnostics(pd.DataFrame(rows).T, share, error, tuple(failures))


def _measure(values: xr.DataArray) -> dict[str, float | str | int]:
    scale = np.asarray(rhat(values)).ravel()
    bulk = np.asarray(ess(values, method="bulk")).ravel()
    tail = np.asarray(ess(values, method="tail")).ravel()
    worst = int(np.nanargmin(np.minimum(bulk, tail)))
    others = [dim for dim in values.dims if dim not in ("chain", "draw")]
    label = ""
    if others:
        stacked = values.isel(chain=0, draw=0).stack(element=others)
        label = str(stacked["element"].to_numpy()[worst])
    return {
        "rhat": float(np.nanmax(scale)),
        "ess_bulk": float(np.nanmin(bulk)),
        "ess_tail": float(np.nanmin(tail)),
        "worst": label,
        "size": len(scale),
    }


def _failures(name: str, row: dict[str, float | str | int], limit: float) -> list[str]:
    where = f"{name} {row['worst']}".strip()
    failures: list[str] = []
    if not float(row["rhat"]) < limit:
        failures.append(f"R-hat of {where} is {row['rhat']:.3f}, the limit is {limit}")
    for kind in ("bulk", "tail"):
        size = float(row[f"ess_{kind}"])
        if not size > FEWEST_EFFECTIVE:
            failures.append(f"{kind} ESS of {where} is {size:.0f}, it must exceed 400")
    return failures


def _top_decile_error(prob: xr.DataArray) -> float:
    """Return the largest error of P(in the top decile), by the ESS of the indicator."""
    values = prob.to_numpy()
    count = values.shape[-1]
    held = max(round(count / 10), 1)
    threshold = np.partition(values, count - held, axis=-1)[..., count - held, None]
    inside = (values >= threshold).astype(float)
    share = inside.mean(axis=(0, 1))
    moving = (share > 0) & (share < 1)
    if not moving.any():
        return 0.0
    indicator = prob[..., moving].copy(data=inside[..., moving])
    size = np.asarray(ess(indicator, method="mean")).ravel()
    return float(np.max(np.sqrt(share[moving] * (1 - share[moving]) / size)))
