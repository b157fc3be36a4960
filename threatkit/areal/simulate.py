"""Counts of areas on a grid from known parameters, for tests, benchmarks and calibration."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from threatkit.areal.config import (
    GROUP_PRIORS,
    PRIORS,
    ArealConfig,
    Areas,
    GroupField,
    Groups,
    Likelihood,
)
from threatkit.areal.data import ArealData
from threatkit.areal.groups import GroupData
from threatkit.areal.spectrum import spectrum
from threatkit.data.edges import edge_graph
from threatkit.geo.graph import Graph

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ArealTruth:
    """Parameters that counts are drawn from.

    Attributes
    ----------
    mu, sigma, phi
        Of the log relative risk.
    beta
        Of one covariate.
    extra
        Dispersion of NB1 or size of NB2.
    exposure
        Mean exposure of an area.
    """

    mu: float = 0.3
    beta: float = 0.4
    sigma: float = 0.5
    phi: float = 0.6
    extra: float = 1.0
    exposure: float = 1.0


@dataclass(frozen=True)
class Simulated:
    """Simulated areas.

    Attributes
    ----------
    config, data
        As `threatkit.areal.data.load_areal` gives them; priors are the defaults.
    eta
        Shape (N,), the true log relative risk.
    z
        Shape (N,), the true latent covariate; empty without groups.
    """

    config: ArealConfig
    data: ArealData
    eta: FloatArray
    z: FloatArray = field(default_factory=lambda: np.zeros(0))


def grid(rows: int, columns: int) -> Graph:
    """Return the graph of a grid, in which each area borders up to four."""
    place = np.arange(rows * columns).reshape(rows, columns)
    start = np.concatenate([place[:, :-1].ravel(), place[:-1].ravel()])
    end = np.concatenate([place[:, 1:].ravel(), place[1:].ravel()])
    return edge_graph(pd.Index([f"G{i:04d}" for i in place.ravel()]), start, end)


def simulate_areas(
    rows: int,
    columns: int,
    *,
    seed: int,
    likelihood: Likelihood = "poisson",
    truth: ArealTruth | None = None,
    groups: GroupField | None = None,
) -> Simulated:
    """Draw counts on a grid.

    Parameters
    ----------
    rows, columns
        Of the grid.
    seed
        Of everything random.
    likelihood
        Of the counts.
    truth
        The parameters.
    groups
        Where given, the covariate is known with error: a latent field of this form, ten times
        it measured with standard error 4 in three areas of ten, and with 1 in each row's mean.
    """
    truth = truth or ArealTruth()
    graph, n = grid(rows, columns), rows * columns
    # A grid's eigenvectors are not unique: another number of threads gives others of them.
    with threadpool_limits(1):
        basis = spectrum(graph)
    rng = np.random.default_rng(seed)

    def draw(variance: FloatArray) -> FloatArray:
        result: FloatArray = basis.vectors @ (np.sqrt(variance) * rng.standard_normal(n))
        return result

    frame, measured, described = (
        pd.DataFrame(index=pd.Index(graph.districts, name="area")),
        None,
        None,
    )
    if groups is None:
        x = rng.standard_normal(n)
        x = (x - x.mean()) / x.std()
        frame["x"] = x
    else:
        x = draw(basis.relative_variance(0.8) if groups == "bym2" else np.ones(n))
        measured = _measure(x, rows, rng)
        priors = {name: prior for name, (prior, _) in GROUP_PRIORS.items()}
        described = Groups("w", Path("groups.csv"), "group", "population", groups, priors)
    eta = truth.mu + truth.beta * x + truth.sigma * draw(basis.relative_variance(truth.phi))
    exposure = truth.exposure * rng.gamma(3, 1 / 3, n)
    count = _count(exposure * np.exp(eta), likelihood, truth.extra, rng)
    config = ArealConfig(
        Areas(Path("counts.csv"), "area", "count", "exposure", Path("edges.csv")),
        likelihood,
        tuple(str(name) for name in frame.columns),
        {name: prior for name, (prior, _) in PRIORS.items()},
        described,
    )
    data = ArealData(graph, count, exposure, frame, measured)
    return Simulated(config, data, eta, np.zeros(0) if groups is None else x)


def _count(
    mean: FloatArray, likelihood: Likelihood, extra: float, rng: np.random.Generator
) -> FloatArray:
    if likelihood == "nb1":
        return rng.negative_binomial(mean / extra, 1 / (1 + extra)).astype(float)
    if likelihood == "nb2":
        return rng.negative_binomial(extra, extra / (extra + mean)).astype(float)
    return rng.poisson(mean).astype(float)


def _measure(z: FloatArray, rows: int, rng: np.random.Generator) -> GroupData:
    """Return a covariate of mean 50 and sd 10, measured in some areas and in each row."""
    n = len(z)
    area = np.sort(rng.permutation(n)[: round(0.3 * n)])
    people = rng.gamma(2, 1000, n).reshape(rows, -1)
    weight = np.zeros((rows, n))
    for row, own in enumerate(people):
        at = row * len(own)
        weight[row, at : at + len(own)] = own / own.sum()
    se = np.concatenate([np.full(len(area), 4.0), np.full(rows, 1.0)])
    exact = 50 + 10 * np.concatenate([z[area], weight @ z])
    names = tuple(f"R{row}" for row in range(rows))
    return GroupData("w", exact + se * rng.standard_normal(len(se)), se, area, weight, names)
