"""Long fields: the fit of many districts, and what follows it."""

import numpy as np
import pytest
import scipy.sparse as sp

from threatkit.model import container, ensemble, mode, sparsefield
from threatkit.model import information as informed
from threatkit.model.error import LARGEST_DRIFT, drift, drift_limit
from threatkit.model.field import structure
from threatkit.model.forecast import flat
from threatkit.model.information import information
from threatkit.model.laplace import laplace_fit
from threatkit.model.simulate import Truth, lattice, simulate_panel
from threatkit.model.spec import ModelSpec
from threatkit.model.triangular import cholesky


@pytest.fixture(scope="module")
def spec() -> ModelSpec:
    made = simulate_panel(rows=8, columns=10, seed=5, truth=Truth(intercept=-3.0), side=4)
    return ModelSpec(made.panel, pillars=("youth",))


def test_the_long_way_and_the_short_one_have_one_posterior(
    spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = laplace_fit(spec, seed=1)
    known = information(spec, short.draws)
    monkeypatch.setattr(sparsefield, "LARGEST_DENSE", 0)
    monkeypatch.setattr(informed, "LARGEST_DENSE", 0)
    monkeypatch.setattr(container, "LARGEST_DOUBLE", 0)
    monkeypatch.setattr(ensemble, "LARGEST_DOUBLE", 0)
    monkeypatch.setattr(mode, "LARGEST_WHOLE", 0)
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


def test_a_sparse_factor_solves_as_the_dense_one() -> None:
    _, graph = lattice(6, 7)
    matrix = structure(graph).precision + sp.eye_array(42)
    factor, order = cholesky(matrix)
    lower = np.linalg.cholesky(matrix[order][:, order].toarray())
    right = np.random.default_rng(1).standard_normal((42, 5))
    kept = right.copy()
    np.testing.assert_allclose(factor.solve(right), np.linalg.solve(lower, right), atol=1e-12)
    back = factor.solve(right, transposed=True)
    np.testing.assert_allclose(back, np.linalg.solve(lower.T, right), atol=1e-12)
    np.testing.assert_array_equal(right, kept)


def test_a_ridge_between_steep_coordinates_stays_in_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mode, "LARGEST_WHOLE", 0)
    size = 60
    steep = np.zeros((2, size))
    steep[0, :3], steep[1, 3:6] = 20.0, (7.0, -9.0, 4.0)
    precision = np.eye(size) + steep.T @ steep

    def gradient(points: np.ndarray) -> np.ndarray:
        return -precision @ points

    made = mode.laplace(gradient, np.zeros(size), directions=8)
    moved = made.apply(np.eye(size))
    rounded = np.linalg.eigvalsh(moved.T @ precision @ moved)
    assert rounded.min() > 0.5
    assert rounded.max() < 2
