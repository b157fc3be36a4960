"""Cut feedback: the pillars stay as their indicators have them, in both engines."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from threatkit.config import parse_config
from threatkit.errors import GateNotMet, InvalidInput, ThreatkitError
from threatkit.model import cut as module
from threatkit.model.build import build
from threatkit.model.chains import Sampling
from threatkit.model.cut import Pooled, cut_gate, laplace_cut, nuts_cut
from threatkit.model.ensemble import Moves
from threatkit.model.fit import Fit, fit, stored
from threatkit.model.forecast import flat
from threatkit.model.laplace import laplace_fit
from threatkit.model.simulate import Truth, simulate_panel
from threatkit.model.spec import ModelSpec
from threatkit.model.states import (
    Alone,
    Indicators,
    joint_states,
    latent_pillars,
    pillar_drift,
    states_alone,
    states_record,
)

QUICK = Moves(chains=24, max_rounds=1)


@pytest.fixture(scope="module")
def spec() -> ModelSpec:
    """Episodes follow a pillar that a third of the oblasts have no indicator of."""
    truth = Truth(field_sd=0.8, pillar_weight={"youth": 1.5}, history=0.0, intercept=-2.0)
    panel = simulate_panel(rows=6, columns=6, years=10, seed=7, truth=truth).panel
    table, weights = panel.measurements.table, panel.measurements.weights
    kept = np.arange(len(table)) % 3 > 0
    known = replace(
        panel.measurements, table=table[kept].reset_index(drop=True), weights=weights[kept]
    )
    return ModelSpec(
        replace(panel, measurements=known), pillars=("youth",), history=False, spillover=False
    )


@pytest.fixture(scope="module")
def alone(spec: ModelSpec) -> Alone:
    found = states_alone(spec, seed=1)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def cut(spec: ModelSpec) -> Fit:
    return laplace_fit(replace(spec, feedback="cut"), seed=1)


def test_the_density_of_the_indicators_has_its_gradient(spec: ModelSpec) -> None:
    target = Indicators(spec)
    rng = np.random.default_rng(3)
    point, along = (0.4 * rng.standard_normal((target.size, 3)) for _ in range(2))
    _, grad = target(point)
    up, down = target(point + 1e-5 * along)[0], target(point - 1e-5 * along)[0]
    np.testing.assert_allclose((grad * along).sum(axis=0), (up - down) / 2e-5, atol=2e-4)


def test_the_pillars_alone_do_not_see_the_episodes(spec: ModelSpec, alone: Alone) -> None:
    assert alone.diagnostics.passed
    other = replace(spec, panel=replace(spec.panel, cells=spec.panel.cells.iloc[:1]))
    again = states_alone(other, seed=1)
    assert again is not None
    np.testing.assert_array_equal(again.states["youth"], alone.states["youth"])
    assert states_alone(replace(spec, pillars=()), seed=1) is None
    assert latent_pillars(spec) == ("youth",)


def test_a_cut_holds_the_pillars_at_draws_of_the_indicators(
    spec: ModelSpec, alone: Alone, cut: Fit
) -> None:
    """Each draw of a cut has a state that the indicators gave, and each of them is there."""
    held = joint_states(spec, cut.draws)["youth"]
    rows = {tuple(np.round(row, 6)) for row in held}
    given = {tuple(np.round(row, 6)) for row in alone.states["youth"]}
    assert len(rows) == 64
    assert rows <= given


def test_full_feedback_pulls_and_a_cut_does_not(spec: ModelSpec, alone: Alone, cut: Fit) -> None:
    full = laplace_fit(spec, seed=1)
    drift = pillar_drift(spec, full.draws, alone).loc["youth"]
    still = pillar_drift(spec, cut.draws, alone).loc["youth"]
    assert abs(drift["largest_shift"]) > 1.0
    # 64 draws of the pillars: an error of an eighth of a standard deviation.
    assert abs(still["largest_shift"]) < 0.4
    assert still["mean_shift"] < 0.15 < drift["mean_shift"]
    gap = drift["state_joint"] - drift["state_alone"]
    assert np.sign(gap) == np.sign(drift["largest_shift"])
    record = states_record(spec, full.draws, alone, ci_prob=0.9)
    assert record["drift"]["youth"]["largest_oblast"] in record["states"]["youth"]


def test_a_cut_meets_its_own_gate_and_feeds_what_follows(spec: ModelSpec, cut: Fit) -> None:
    assert cut.diagnostics.passed, cut.diagnostics.failures
    joint = laplace_fit(spec, seed=2, draws=200, moves=QUICK)
    assert set(cut.draws.data_vars) == set(joint.draws.data_vars)
    for name in joint.draws.data_vars:
        assert cut.draws[name].dims == joint.draws[name].dims


def test_both_engines_cut_alike(spec: ModelSpec, cut: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty draws of the pillars against 64: means agree within the error of so few."""
    monkeypatch.setattr(module, "NUTS_TUNE", 150)
    monkeypatch.setattr(module, "NUTS_DRAWS", 60)
    sampled = nuts_cut(spec, seed=5, sampling=Sampling(target_accept=0.8), states=20)
    assert set(stored(build(spec))) - set(sampled.draws.data_vars) == {"field"}
    for name, most in (("eta", 0.35), ("pillar_weight", 0.7), ("field_sd", 0.35)):
        ours, theirs = flat(cut.draws, name), flat(sampled.draws, name)
        gap = np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) / theirs.std(axis=0)
        assert np.max(gap) < most, name
        ratio = ours.std(axis=0) / theirs.std(axis=0)
        assert 0.75 < np.mean(ratio) < 1.33, name


def test_the_budget_of_a_cut_is_told(spec: ModelSpec) -> None:
    with pytest.raises(ThreatkitError, match="time budget"):
        nuts_cut(spec, seed=1, sampling=Sampling(cut_budget_minutes=0.0), states=20)
    with pytest.raises(ThreatkitError, match="at least 20 draws"):
        laplace_cut(spec, seed=1, moves=Moves(chains=16))


@pytest.mark.parametrize("sampler", ["pymc", "numpyro"])
def test_a_sampler_that_compiles_for_each_draw_is_refused_first(
    spec: ModelSpec, sampler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "states_alone", None)  # no sampling before the refusal
    with pytest.raises(InvalidInput, match="nutpie alone"):
        fit(replace(spec, feedback="cut"), seed=1, sampling=Sampling(sampler=sampler))


def test_strict_refuses_a_cut_too_short_to_trust(spec: ModelSpec) -> None:
    short = Moves(chains=24, settle=1, adapt=1, max_rounds=1)
    with pytest.raises(GateNotMet, match=r"effective size|R-hat|drift"):
        laplace_fit(replace(spec, feedback="cut"), seed=1, draws=100, moves=short, strict=True)


def test_the_gate_of_a_cut_counts_draws_of_the_pillars(alone: Alone, cut: Fit) -> None:
    """A quantity that the pillars alone decide is worth as many draws as there are of them."""
    rng = np.random.default_rng(0)
    shape = Pooled(2, 30, 50)
    size = (2, 30 * 50)
    own = rng.standard_normal((2, 30, 50))
    by_state = np.broadcast_to(rng.standard_normal((1, 30, 1)), own.shape) + 0.1 * own
    dims = ("chain", "draw")
    draws = xr.Dataset(
        {
            "own": (dims, own.reshape(size)),
            "theirs": (dims, by_state.reshape(size)),
            "eta": ((*dims, "district"), np.repeat(own.reshape(size)[..., None], 3, axis=2)),
        }
    )
    made = replace(cut.forecast, event_prob=rng.uniform(size=(3000, 3)))
    checked = cut_gate(draws, np.zeros(size, bool), ["own", "theirs"], made, shape, alone)
    assert 20 < checked.table.loc["theirs", "ess_bulk"] < 45
    assert checked.table.loc["own", "ess_bulk"] > 1000
    assert any("bulk effective size of theirs" in failure for failure in checked.failures)
    fewer = cut_gate(draws, np.zeros(size, bool), ["own"], made, Pooled(2, 15, 100), alone)
    assert any("15 draws of the pillars" in failure for failure in fewer.failures)


def test_the_configuration_takes_the_word() -> None:
    assert parse_config({"model": {"feedback": "cut"}}).model.feedback == "cut"
    assert parse_config({}).model.feedback == "full"
