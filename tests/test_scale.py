"""Long fields: the fit of many districts, and what follows it."""

import numpy as np
import pytest

from threatkit.model import container, ensemble, mode, sparsefield
from threatkit.model import information as informed
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
