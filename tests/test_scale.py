"""Long fields: the tilted coordinates, the arrow, and what follows a fit of many districts."""

from dataclasses import replace

import numpy as np
import pytest

from threatkit.model import information as informed
from threatkit.model import laplace, sparsefield
from threatkit.model.arrow import arrow
from threatkit.model.density import Density
from threatkit.model.error import LARGEST_DRIFT, drift, drift_limit
from threatkit.model.forecast import flat
from threatkit.model.information import information
from threatkit.model.laplace import laplace_fit
from threatkit.model.simulate import Truth, simulate_panel
from threatkit.model.spec import ModelSpec


@pytest.fixture(scope="module")
def spec() -> ModelSpec:
    made = simulate_panel(rows=8, columns=10, seed=5, truth=Truth(intercept=-3.0), side=4)
    return ModelSpec(made.panel, pillars=("youth",))


def tilted(spec: ModelSpec) -> Density:
    """The density with tilted coordinates, as rough points ask for them."""
    first = Density(spec)
    rng = np.random.default_rng(3)
    chosen = first.tilt(0.3 * rng.standard_normal((first.size, 6)))
    return Density(spec, centring=chosen)


def test_the_gradient_of_tilted_coordinates_is_the_derivative(
    spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sparsefield, "LARGEST_DENSE", 0)
    for one in (spec, replace(spec, international_weight=0.3, likelihood="nb2")):
        density = tilted(one)
        rng = np.random.default_rng(4)
        point = 0.4 * rng.standard_normal((density.size, 3))
        _, grad = density(point)
        for rows in density.layout.slots.values():
            along = np.zeros_like(point)
            along[rows] = rng.standard_normal(along[rows].shape)
            up, down = density(point + 1e-5 * along)[0], density(point - 1e-5 * along)[0]
            np.testing.assert_allclose((grad * along).sum(axis=0), (up - down) / 2e-5, atol=2e-4)


def test_the_prior_of_tilted_coordinates_is_that_of_the_field(
    spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With x and e normal as the prior has them, u's density has the same differences."""
    monkeypatch.setattr(sparsefield, "LARGEST_DENSE", 0)
    field = tilted(spec)._tilted
    assert field is not None
    n, rng = field.districts, np.random.default_rng(1)
    u = rng.standard_normal((2 * n, 4))
    sd, mixing = np.full(4, 0.7), np.full(4, 0.6)
    at = field.forward(u, sd, mixing)
    density = at.left - 0.5 * (u**2).sum(axis=0)
    # By hand: the plain part, the smooth one, and the Jacobian of u2 -> e.
    c = np.sqrt(1 + field.precision * (0.49 * 0.4))
    by_hand = -0.5 * (at.plain**2).sum(axis=0) - np.log(c).sum()
    by_hand = by_hand - 0.5 * np.einsum("ij,ij->j", at.x, at.pull)
    np.testing.assert_allclose(density, by_hand, rtol=1e-10)
    steps = field._field.constrained(at.x)
    np.testing.assert_allclose(at.structured, steps)


def test_an_arrow_is_exact_for_a_gaussian_of_that_shape() -> None:
    rng = np.random.default_rng(2)
    size, few = 60, np.array([0, 7])
    precision = np.diag(rng.uniform(1, 4, size))
    touch = rng.normal(0, 0.3, (size, 2))
    precision[:, few] += touch
    precision[few] += touch.T
    precision[few, few] += 20
    mean = rng.standard_normal(size)
    made = arrow(lambda x: -precision @ (x - mean[:, None]), np.zeros((size, 1)), few)
    whole = made.apply(np.eye(size))
    np.testing.assert_allclose(whole.T @ precision @ whole, np.eye(size), atol=0.02)
    np.testing.assert_allclose(made.solve(whole), np.eye(size), atol=1e-9)
    np.testing.assert_allclose(made.pull(np.eye(size)), whole.T, atol=1e-12)


def test_the_long_way_and_the_short_one_have_one_posterior(
    spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = laplace_fit(spec, seed=1)
    known = information(spec, short.draws)
    monkeypatch.setattr(sparsefield, "LARGEST_DENSE", 0)
    monkeypatch.setattr(informed, "LARGEST_DENSE", 0)
    monkeypatch.setattr(laplace, "LARGEST_DOUBLE", 0)
    monkeypatch.setattr(laplace, "TILTED", True)
    long = laplace_fit(spec, seed=2)
    assert long.draws["eta"].dtype == np.float32
    assert long.forecast.event_prob.dtype == np.float32
    sd = flat(short.draws, "eta").std(axis=0)
    gap = (flat(long.draws, "eta").mean(axis=0) - flat(short.draws, "eta").mean(axis=0)) / sd
    assert np.abs(gap).mean() < 0.08
    assert np.abs(gap).max() < 0.3
    for name in ("field_sd", "field_mixing", "intercept", "dispersion"):
        one, other = flat(long.draws, name), flat(short.draws, name)
        assert abs(one.mean() - other.mean()) < 0.3 * other.std()
        assert one.std() / other.std() == pytest.approx(1, abs=0.3)
    np.testing.assert_allclose(information(spec, long.draws), known, atol=0.15)


def test_the_limit_of_drift_follows_the_number_of_quantities() -> None:
    assert drift_limit(1_000, 128) == LARGEST_DRIFT
    rng = np.random.default_rng(1)
    furthest = [drift(rng.standard_normal((32, 4, 3000))) for _ in range(100)]
    assert np.quantile(furthest, 0.9) < drift_limit(3_000, 32)
    assert np.mean(np.array(furthest) > LARGEST_DRIFT) > 0.05
