"""Fits of simulated panels: what is known comes back, what is not known stays wide."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from threatkit.archive import read_forecast, write_draws
from threatkit.errors import InvalidInput
from threatkit.model.check import narrowing, predictive_check, prior_draws
from threatkit.model.fit import Fit, Sampling, fit
from threatkit.model.forecast import flat, forecast, horizon_end
from threatkit.model.information import information
from threatkit.model.simulate import Simulated, Truth, simulate_panel
from threatkit.model.spec import Judgement, ModelSpec, judged_districts
from threatkit.scores import score

pytestmark = pytest.mark.integration
SHORT = Sampling(tune=600, draws=500, max_rounds=1, target_accept=0.9)
TRUTH = Truth(pillar_weight={"youth": 0.8}, intercept=-2.0, history=0.0, indicator_sd=0.2)


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    return simulate_panel(rows=10, columns=8, years=20, seed=21, truth=TRUTH)


@pytest.fixture(scope="module")
def fitted(simulated: Simulated) -> Fit:
    return fit(ModelSpec(simulated.panel, pillars=("youth",)), seed=3, sampling=SHORT)


def interval(fitted: Fit, name: str) -> tuple[float, float]:
    lo, hi = np.quantile(fitted.draws[name].to_numpy(), [0.005, 0.995])
    return float(lo), float(hi)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("field_sd", TRUTH.field_sd),
        ("field_mixing", TRUTH.field_mixing),
        ("year_sd", TRUTH.year_sd),
        ("dispersion", TRUTH.dispersion),
        ("history", TRUTH.history),
        ("pillar_weight", TRUTH.pillar_weight["youth"]),
    ],
)
def test_a_known_parameter_lies_in_its_interval(fitted: Fit, name: str, value: float) -> None:
    lo, hi = interval(fitted, name)
    assert lo < value < hi


def test_rates_of_districts_come_back(simulated: Simulated, fitted: Fit) -> None:
    eta = flat(fitted.draws, "eta")
    lo, hi = np.quantile(eta, [0.05, 0.95], axis=0)
    inside = ((lo <= simulated.eta) & (simulated.eta <= hi)).mean()
    assert 0.8 <= inside <= 1.0
    assert np.corrcoef(eta.mean(axis=0), simulated.eta)[0, 1] > 0.8


def test_a_pillar_follows_its_indicator(simulated: Simulated, fitted: Fit) -> None:
    z = flat(fitted.draws, "part_youth").mean(axis=0)
    assert np.corrcoef(z, simulated.states["youth"])[0, 1] > 0.7


def test_no_draw_diverged_and_chains_agree(fitted: Fit) -> None:
    assert fitted.diagnostics.divergent_share <= 0.01
    assert fitted.diagnostics.table.loc["eta", "rhat"] < 1.05


def test_the_same_seed_gives_the_same_draws(simulated: Simulated) -> None:
    small = simulate_panel(rows=3, columns=4, years=6, seed=2).panel
    spec = ModelSpec(small, pillars=("youth",))
    short = Sampling(tune=200, draws=100, max_rounds=1)
    one, other = (fit(spec, seed=9, sampling=short) for _ in range(2))
    np.testing.assert_array_equal(one.draws["eta"].to_numpy(), other.draws["eta"].to_numpy())
    np.testing.assert_array_equal(one.forecast.event_prob, other.forecast.event_prob)


def test_contributions_add_up_to_the_log_expected_number(fitted: Fit) -> None:
    made = fitted.forecast
    gap = np.log(made.expected) - sum(made.parts.values())
    np.testing.assert_allclose(gap - gap[:, :1], 0, atol=1e-8)


def test_a_district_without_data_is_less_certain(simulated: Simulated) -> None:
    """Blind one country: its districts become wider, and their information nil."""
    panel = simulated.panel
    exposure = panel.exposure_years.copy()
    exposure[1] = 0.0
    seen = panel.country_of[panel.cells["district"]] == 0
    blind = replace(panel, exposure_years=exposure, cells=panel.cells[seen])
    spec = ModelSpec(blind, pillars=("youth",))
    result = fit(spec, seed=4, sampling=SHORT)
    full = fit(ModelSpec(panel, pillars=("youth",)), seed=4, sampling=SHORT)
    second = panel.country_of == 1
    wide = flat(result.draws, "eta").std(axis=0)[second]
    narrow = flat(full.draws, "eta").std(axis=0)[second]
    assert (wide > narrow).mean() > 0.95
    known = information(spec, result.draws)
    assert known[second].max() < 0.2
    assert known[~second].mean() > 3 * known[second].mean()


def test_predictive_checks_hold_the_data(fitted: Fit) -> None:
    prior = prior_draws(fitted.spec, draws=200, seed=1)
    table = predictive_check(fitted.spec, prior, fitted.draws, seed=1, size=200).table
    inside = (table["observed"] >= table["posterior_q05"]) & (
        table["observed"] <= table["posterior_q95"]
    )
    assert inside.mean() >= 0.7
    assert (table["prior_q95"] - table["prior_q05"]).loc["episodes"] > (
        table["posterior_q95"] - table["posterior_q05"]
    ).loc["episodes"]
    narrowed = narrowing(prior, fitted.draws, ("field_sd", "pillar_weight"))
    assert narrowed["field_sd"] > 0.2


def test_a_judgement_moves_the_forecast_alone(fitted: Fit) -> None:
    code = fitted.spec.panel.districts.index[5]
    end = horizon_end(fitted.spec.panel.as_of, 12)
    judgement = Judgement(
        area=code,
        factor=0.25,
        factor_sd=0.0,
        reason="a treaty",
        role="analyst",
        valid_from=date(2020, 1, 1),
        valid_until=end,
    )
    spec = replace(fitted.spec, judgements=(judgement,))
    made = forecast(spec, fitted.draws, seed=3)
    np.testing.assert_allclose(made.expected[:, 5], 0.25 * made.unjudged[:, 5])
    np.testing.assert_allclose(made.expected[:, 4], made.unjudged[:, 4])
    np.testing.assert_allclose(made.unjudged, fitted.forecast.unjudged)
    np.testing.assert_allclose(made.parts["judgement"][:, 5], np.log(0.25))


def test_two_years_hold_more_than_one(fitted: Fit) -> None:
    longer = forecast(replace(fitted.spec, horizon_months=24), fitted.draws, seed=3)
    assert longer.end == date(2026, 12, 31)
    ratio = longer.expected.mean() / fitted.forecast.expected.mean()
    assert 1.7 < ratio < 2.6
    assert (longer.event_prob.mean(axis=0) > fitted.forecast.event_prob.mean(axis=0)).all()


def test_draws_survive_the_file(fitted: Fit, tmp_path: Path) -> None:
    known = np.linspace(0, 1, len(fitted.spec.panel.districts))
    path = tmp_path / "posterior.nc"
    write_draws(path, fitted, information=known, learned={"space": known})
    made, back, sd = read_forecast(path)
    np.testing.assert_allclose(made.event_prob, fitted.forecast.event_prob, rtol=1e-5)
    np.testing.assert_allclose(back, known)
    np.testing.assert_allclose(sd["space"], known)
    before = score(fitted.forecast, information=known, learned={"space": known})
    after = score(made, information=back, learned=sd)
    assert (before.districts["rank"] == after.districts["rank"]).mean() > 0.95
    assert (before.districts["risk_level"] == after.districts["risk_level"]).all()


def test_a_judgement_may_name_a_border() -> None:
    panel = simulate_panel(rows=4, columns=4, years=4, seed=1).panel
    touching = judged_districts(panel, "C01-C00")
    assert touching.sum() == 8
    assert set(panel.districts["country"][touching]) == {"C00", "C01"}
    assert judged_districts(panel, "C00").sum() == 8
    assert not judged_districts(panel, "C00-C07").any()
    with pytest.raises(InvalidInput, match="a judgement names"):
        ModelSpec(
            panel,
            pillars=("youth",),
            judgements=(
                Judgement("nowhere", 2.0, 0.1, "why", "who", date(2025, 1, 1), date(2025, 6, 1)),
            ),
        )
