"""Pools learn from targets that their origin knew, and what is scored is what goes on record."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import stored_backtests as hand
from test_backtest import spec_at

from threatkit.evaluate.backtest import REFERENCE
from threatkit.evaluate.forecasters import MODEL, Said, said_of_fit
from threatkit.evaluate.outcome import Outcomes
from threatkit.evaluate.pool import GEOMETRIC, POOL, WEIGHTS, pools
from threatkit.model.check import prior_draws
from threatkit.model.course import recorded
from threatkit.model.fit import Fit
from threatkit.model.forecast import flat, forecast, yearly

TRUE = np.array([0.9, 0.3, 0.05, 0.05, 0.7, 0.2, 0.05, 0.02])


def spoken() -> dict[int, dict[str, Said]]:
    """Return a model that knows the rates, beside one rate for all."""
    flat_rate = hand.said(np.full(len(TRUE), 0.5))
    return {o: {MODEL: hand.said(TRUE), REFERENCE: flat_rate} for o in hand.ORIGINS}


def weights(made: dict[int, dict[str, Said]]) -> list[float]:
    return [float(of[POOL].note.split()[4].rstrip(",")) for of in made.values()]


def test_a_pool_begins_with_half_and_moves_to_who_is_right() -> None:
    said, happened = spoken(), hand.outcomes()
    made = pools(said, happened)
    found = weights(made)
    assert found[0] == 0.5
    assert found[-1] > 0.8
    turned = {o: {MODEL: of[REFERENCE], REFERENCE: of[MODEL]} for o, of in said.items()}
    np.testing.assert_allclose(weights(pools(turned, happened)), 1 - np.array(found), atol=0.011)
    for of in made.values():
        np.testing.assert_allclose(of[POOL].pmf.sum(axis=-1), 1.0)
        np.testing.assert_allclose(of[GEOMETRIC].pmf.sum(axis=-1), 1.0)


def test_the_weight_is_the_mean_of_its_posterior() -> None:
    said, happened = spoken(), hand.outcomes()
    first, second = hand.ORIGINS[:2]
    event = happened.event[:, happened.years == second][:, 0]
    one, other = (1 - said[first][name].pmf[0][:, 0] for name in (MODEL, REFERENCE))
    fine = np.linspace(0, 1, 20001)[:, None]
    prob = fine * one + (1 - fine) * other
    likely = np.where(event > 0, prob, 1 - prob).prod(axis=1)
    mean = (fine[:, 0] * likely).sum() / likely.sum()
    assert weights(pools(said, happened))[1] == pytest.approx(mean, abs=0.006)
    assert len(WEIGHTS) == 101


def test_a_pool_does_not_see_what_its_origin_could_not_know() -> None:
    said, happened = spoken(), hand.outcomes()
    at = hand.ORIGINS[5]
    later = happened.years > at
    changed = happened.pmf.copy()
    changed[:, later] = changed[:, later][::-1]
    shaken = Outcomes(happened.districts, happened.pairs, happened.years, changed, happened.part)
    before, after = pools(said, happened), pools(said, shaken)
    for origin in hand.ORIGINS:
        same = np.array_equal(before[origin][POOL].pmf, after[origin][POOL].pmf)
        assert same == (origin <= at)


def test_the_geometric_pool_has_the_geometric_mean_and_needs_both() -> None:
    said = spoken()
    del said[hand.ORIGINS[0]][REFERENCE]
    made = pools(said, hand.outcomes())
    assert hand.ORIGINS[0] not in made
    assert weights(made)[0] == 0.5
    pmf = made[hand.ORIGINS[3]][GEOMETRIC].pmf[0]
    np.testing.assert_allclose(pmf[:, 1] / pmf[:, 0], np.sqrt(TRUE * 0.5), err_msg="of Poissons")


@pytest.mark.parametrize("detection", [False, True])
def test_what_a_fit_says_is_what_goes_on_record(detection: bool) -> None:
    spec = replace(spec_at(2016, horizon_months=12), detection=detection)
    draws = prior_draws(spec, seed=4, draws=60)
    part = recorded(spec, draws)
    country = spec.panel.districts["country"].to_numpy(dtype=str)
    assert (part[:, country != "TKM"] == 1.0).all()
    if detection:
        level = np.exp(flat(draws, "detection_curated_partial"))
        partly = part[:, country == "TKM"]
        np.testing.assert_allclose(partly, np.broadcast_to(level[:, None], partly.shape))
    else:
        assert (part[:, country == "TKM"] == spec.partial_coverage).all()

    passed = SimpleNamespace(passed=True, failures=())
    made_forecast = forecast(spec, draws, seed=7)
    fitted = Fit(spec, draws, np.zeros((1, 60), dtype=bool), made_forecast, passed, {}, 7)
    made = said_of_fit(spec, fitted, 20)
    mean = yearly(spec, draws, seed=7)[0].mean(axis=0)
    told = made.expected[0].mean(axis=0)
    np.testing.assert_allclose(told[country != "TKM"], mean[country != "TKM"])
    drawn = part * yearly(spec, draws, seed=7)[0]
    np.testing.assert_allclose(told, drawn.mean(axis=0))
