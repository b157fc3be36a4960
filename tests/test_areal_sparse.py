"""Sparse counts: the redraw of the plain part is exact, and the posterior that of quadrature."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.special import gammaln, logsumexp

from tests.test_areal_laplace import CASES
from threatkit.areal.conditional import NODES, Pieces
from threatkit.areal.config import ArealConfig
from threatkit.areal.data import ArealData
from threatkit.areal.density import ArealDensity
from threatkit.areal.laplace import laplace_areal
from threatkit.areal.results import summarise_parameters
from threatkit.areal.simulate import simulate_areas
from threatkit.data.edges import edge_graph

FloatArray = NDArray[np.float64]

#: Counts of 80 areas, of which 92% have no event: much field, or much overdispersion.
COUNTS = {0.0: 74, 1.0: 4, 2.0: 1, 20.0: 1}


@pytest.mark.parametrize(("config", "data"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_the_plain_parts_conditional_is_that_of_the_density(
    config: ArealConfig, data: ArealData
) -> None:
    density = ArealDensity(config, data)
    rng = np.random.default_rng(3)
    point = density.starts()[0][:, None] + 0.3 * rng.standard_normal((density.size, 3))
    rows = density.layout.slots["own"]
    pieces = density.plain(point)
    one, two = point.copy(), point.copy()
    one[rows] = rng.choice(NODES[5:-5], size=point[rows].shape)
    two[rows] = rng.choice(NODES[5:-5], size=point[rows].shape)
    gap = density(one)[0] - density(two)[0]
    told = pieces.log_density(one[rows]) - pieces.log_density(two[rows])
    assert np.abs(gap).max() > 1
    np.testing.assert_allclose(told.sum(axis=0), gap, rtol=1e-8, atol=1e-6)


def test_draws_have_the_density_that_is_told() -> None:
    """Flat, steep and skewed pieces; the integral is one, and draws pass Kolmogorov's test."""
    log_density = np.stack([np.zeros_like(NODES), 3 * NODES, -np.exp(NODES) - 0.1 * NODES**2], 1)
    pieces = Pieces(log_density)
    fine = np.linspace(NODES[0], NODES[-1], 40_001)
    height = np.exp([pieces.log_density(np.full(3, x)) for x in fine])
    below = np.vstack([np.zeros(3), np.cumsum(0.5 * (height[1:] + height[:-1]), axis=0)])
    below *= fine[1] - fine[0]
    np.testing.assert_allclose(below[-1], 1.0, rtol=1e-4)
    many = Pieces(np.repeat(log_density, 4000, axis=1)).draw(np.random.default_rng(1))
    for own, cdf in zip(many.reshape(3, -1), below.T, strict=True):
        assert stats.kstest(own, lambda x, c=cdf: np.interp(x, fine, c)).pvalue > 0.01
    outside = pieces.log_density(np.array([NODES[0] - 0.1, NODES[-1] + 0.1, np.nan]))
    assert (outside == -np.inf).all()


def scattered() -> tuple[ArealConfig, ArealData]:
    """Return areas without neighbours, so that each is integrated out on its own."""
    count = np.repeat(list(COUNTS), list(COUNTS.values()))
    names = pd.Index([f"A{i:02d}" for i in range(len(count))], name="area")
    nobody = np.zeros(0, dtype=np.intp)
    graph = edge_graph(names, nobody, nobody)
    config = replace(simulate_areas(2, 2, seed=1, likelihood="nb2").config, covariates=())
    return config, ArealData(graph, count, np.ones(len(count)), pd.DataFrame(index=names))


def by_quadrature(config: ArealConfig) -> dict[str, tuple[float, float]]:
    """Return mean and sd of mu, sigma and size, summed over a grid."""
    mu, sigma = np.linspace(-9, 4, 53), 0.1 * (np.arange(50) + 0.5)
    log_size = np.linspace(np.log(0.005), np.log(30), 45)
    t, weight = np.polynomial.hermite_e.hermegauss(50)
    eta = mu[:, None, None] + sigma[:, None] * t
    log_weight = np.log(weight / weight.sum())
    table = np.zeros((len(mu), len(sigma), len(log_size)))
    for k, size in enumerate(np.exp(log_size)):
        log_more = np.logaddexp(eta, np.log(size))
        for y, times in COUNTS.items():
            constant = gammaln(y + size) - gammaln(size) - gammaln(y + 1)
            each = constant + y * (eta - log_more) + size * (np.log(size) - log_more)
            table[:, :, k] += times * logsumexp(each + log_weight, axis=-1)
    priors = config.priors
    table += priors["intercept"].frozen().logpdf(mu)[:, None, None]
    table += priors["sigma"].frozen().logpdf(sigma)[:, None]
    table += priors["size"].frozen().logpdf(np.exp(log_size)) + log_size
    chance = np.exp(table - logsumexp(table))
    found = {}
    for axis, (name, values) in enumerate(
        {"mu": mu, "sigma": sigma, "size": np.exp(log_size)}.items()
    ):
        own = chance.sum(axis=tuple(a for a in range(3) if a != axis))
        assert own[-1] < 1e-3
        mean = float(own @ values)
        found[name] = mean, float(np.sqrt(own @ (values - mean) ** 2))
    return found


def test_hyperparameters_of_sparse_counts_are_those_of_quadrature() -> None:
    config, data = scattered()
    expected = by_quadrature(config)
    fitted = laplace_areal(config, data, seed=1)
    assert fitted.diagnostics.passed, fitted.diagnostics.failures
    table = summarise_parameters(fitted)
    for name, (mean, sd) in expected.items():
        assert table.loc[name, "mean"] == pytest.approx(mean, abs=0.1 * sd), name
        assert table.loc[name, "sd"] == pytest.approx(sd, rel=0.1), name
