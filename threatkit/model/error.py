"""The fast engine's gate: the Monte Carlo error of what is reported, from many short chains.

Chains that parted from one ancestor are a family; families never met. The spread of the
chains' means, and of the families', measures the error of the overall mean without any model
of autocorrelation, and what the families have not forgotten of their start is in it (nested
R-hat, doi:10.1214/24-BA1453). Errors are given as effective sample sizes: 100 is an error of
a tenth of the posterior standard deviation, 200 one of 0.07.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import t

from threatkit.model.gate import LARGEST_DIVERGENT, LARGEST_ERROR, Diagnostics

FloatArray = NDArray[np.float64]

#: Fewest effective draws of a hyperparameter, for its mean and its 5% and 95% points.
FEWEST_HYPER = 100
#: The same of each district's log rate and event probability.
FEWEST_FIELD = 200
#: Largest drift between the halves of the kept moves, in standard errors; among a thousand
#: quantities 4.5 is passed by chance once in a hundred runs.
LARGEST_DRIFT = 4.5
#: Of more quantities than this one drifts further by chance: the limit is then the one that the
#: furthest of so many passes once in a hundred runs.
MOST_FOR_DRIFT = 1_500

#: Quantities looked at at once.
AT_ONCE = 5_000


@dataclass(frozen=True)
class Shape:
    """How grouped draws fall into chains.

    Attributes
    ----------
    kept
        Moves of each chain.
    copies
        Chains of each family, one after the other.
    """

    kept: int
    copies: int


def measure(
    draws: xr.Dataset,
    divergent: NDArray[np.bool_],
    hyperparameters: Iterable[str],
    shape: Shape,
    *,
    event_prob: FloatArray | None = None,
    fields: Iterable[str] = ("eta",),
) -> Diagnostics:
    """Return the diagnostics of an ensemble's draws.

    Parameters
    ----------
    draws
        Dims chain (a group of chains, one after the other), draw, ...
    divergent
        Shape (chain, draw).
    hyperparameters
        Names of the variables held to `FEWEST_HYPER`.
    shape
        How the draws fall into chains.
    event_prob
        Shape (chain, draw, district); None where nothing is forecast.
    fields
        Names of the variables held to `FEWEST_FIELD`.
    """
    held = [(name, draws[name].to_numpy(), FEWEST_HYPER) for name in hyperparameters]
    held += [(name, draws[name].to_numpy(), FEWEST_FIELD) for name in fields]
    if event_prob is not None:
        held.append(("event_prob", event_prob, FEWEST_FIELD))
    rows: dict[str, dict[str, float | str | int]] = {}
    failures: list[str] = []
    for name, values, fewest in held:
        variable = draws["eta"] if name == "event_prob" else draws[name]
        rows[name] = _row(_chains(values, shape), shape, _labels(variable))
        limit = drift_limit(
            int(rows[name]["size"]), values.shape[0] * values.shape[1] // shape.kept
        )
        failures += _failures(name, rows[name], fewest, limit)
    share = float(divergent.mean())
    if share > LARGEST_DIVERGENT:
        failures.append(f"{share:.2%} of the draws diverged, the limit is {LARGEST_DIVERGENT:.1%}")
    error = _top_decile_error(_chains(event_prob, shape)) if event_prob is not None else 0.0
    if error > LARGEST_ERROR:
        failures.append(
            f"the Monte Carlo error of P(in the top decile) is {error:.3f}, "
            f"the limit is {LARGEST_ERROR}"
        )
    return Diagnostics(pd.DataFrame(rows).T, share, error, tuple(failures))


def _chains(values: FloatArray, shape: Shape) -> FloatArray:
    """Return shape (chain, kept, quantity)."""
    return values.reshape(-1, shape.kept, int(np.prod(values.shape[2:])))


def _labels(variable: xr.DataArray) -> list[str]:
    others = [dim for dim in variable.dims if dim not in ("chain", "draw")]
    if not others:
        return [""]
    stacked = variable.isel(chain=0, draw=0).stack(element=others)
    return [str(label) for label in stacked["element"].to_numpy()]


def _row(chains: FloatArray, shape: Shape, labels: list[str]) -> dict[str, float | str | int]:
    size = chains.shape[2]
    parts = (chains[..., at : at + AT_ONCE].astype(float) for at in range(0, size, AT_ONCE))
    found = [(*_sizes(part, shape), [drift(part)]) for part in parts]
    bulk, tail, spread, drifts = (np.concatenate(values) for values in zip(*found, strict=True))
    worst = int(np.argmin(np.minimum(bulk, tail)))
    return {
        "rhat": float(np.max(spread)),
        "ess_bulk": float(np.min(bulk)),
        "ess_tail": float(np.min(tail)),
        "worst": labels[worst],
        "size": size,
        "drift": float(np.max(drifts)),
    }


def _sizes(chains: FloatArray, shape: Shape) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the effective draws of means and of tails, and the nested R-hat."""
    low, high = np.quantile(chains, [0.05, 0.95], axis=(0, 1))
    bulk, spread = effective(chains, shape)
    tail = np.minimum(
        effective((chains <= low).astype(float), shape)[0],
        effective((chains >= high).astype(float), shape)[0],
    )
    return bulk, tail, spread


def drift_limit(quantities: int, chains: int) -> float:
    """Return the largest drift of so many quantities, in standard errors."""
    if quantities <= MOST_FOR_DRIFT:
        return LARGEST_DRIFT
    return float(t.isf(0.005 / quantities, chains - 1))


def effective(chains: FloatArray, shape: Shape) -> tuple[FloatArray, FloatArray]:
    """Return the effective draws of each mean, and the nested R-hat of each quantity.

    The variance over the squared error; the error is the larger of what the chains' means
    and the families' say. A quantity that does not vary has infinitely many.

    Parameters
    ----------
    chains
        Shape (chain, kept, quantity).
    shape
        How the chains fall into families.
    """
    variance = chains.var(axis=(0, 1))
    means = chains.mean(axis=1)
    families = means.reshape(-1, shape.copies, means.shape[1]).mean(axis=1)
    between = families.var(axis=0, ddof=1)
    error = np.maximum(means.var(axis=0, ddof=1) / len(means), between / len(families))
    still = variance <= 1e-24
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.where(still, np.inf, variance / error)
        within = np.maximum(variance - between, 1e-300)
        spread = np.where(still, 1.0, np.sqrt(1 + between / within))
    return size, spread


def drift(chains: FloatArray) -> float:
    """Return the largest drift of a variable, in standard errors.

    Every chain's mean over its second half of moves is set against that over its first; the
    chains are independent, so that the spread of these differences gives their error.

    Parameters
    ----------
    chains
        Shape (chain, kept, ...).
    """
    half = chains.shape[1] // 2
    gap = chains[:, -half:].mean(axis=1) - chains[:, :half].mean(axis=1)
    error = gap.std(axis=0, ddof=1) / np.sqrt(len(gap))
    return float(np.max(np.abs(gap.mean(axis=0)) / np.maximum(error, 1e-12)))


def _failures(name: str, row: dict[str, float | str | int], fewest: int, limit: float) -> list[str]:
    where = f"{name} {row['worst']}".strip()
    failures = []
    for kind in ("bulk", "tail"):
        size = float(row[f"ess_{kind}"])
        if not size > fewest:
            failures.append(f"{kind} ESS of {where} is {size:.0f}, it must exceed {fewest}")
    if not float(row["drift"]) <= limit:
        failures.append(
            f"{name} drifts by {row['drift']:.1f} standard errors between the halves of the "
            f"run, the limit is {limit:.2g}"
        )
    return failures


def _top_decile_error(prob: FloatArray) -> float:
    """Return the largest error of P(in the top decile), by the chains' means."""
    count = prob.shape[-1]
    held = max(round(count / 10), 1)

    def share(chain: FloatArray) -> FloatArray:
        threshold = np.partition(chain, count - held, axis=-1)[:, count - held, None]
        inside: FloatArray = (chain >= threshold).mean(axis=0)
        return inside

    shares = np.array([share(chain) for chain in prob])
    return float(np.max(shares.std(axis=0, ddof=1) / np.sqrt(len(shares))))
