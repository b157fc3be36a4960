"""What was tried: the forms do what their names say, and later years are not looked at."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from test_backtest import spec_at

from threatkit.derive import improvements
from threatkit.derive.improvements import (
    FORMS,
    PAGE,
    crossings,
    decided,
    fading_past,
    long_memory,
    years_needed,
)
from threatkit.errors import InvalidInput
from threatkit.evaluate.backtest import LAST_CHOICE
from threatkit.evaluate.forecasters import MODEL
from threatkit.model.outcome import Outcome
from threatkit.model.spec import ModelSpec


def test_a_year_that_is_scored_later_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["improvements", "--origins", f"2015:{LAST_CHOICE}"])
    monkeypatch.setattr(improvements, "run", lambda *_, **__: pytest.fail("work was begun"))
    with pytest.raises(InvalidInput, match=f"targets up to {LAST_CHOICE}"):
        improvements.main()


def test_the_page_has_every_form_and_no_later_year() -> None:
    text = PAGE.read_text(encoding="utf-8")
    table = text.split(improvements.TRIED[0])[1].split(improvements.TRIED[1])[0]
    for name in (MODEL, *improvements.MEANS, *FORMS):
        assert f"\n| {name} |" in table, "run python -m threatkit.derive.improvements"
    assert f"to {LAST_CHOICE}: " in table


def test_the_past_fades_as_a_power_prior() -> None:
    spec = spec_at(2016)
    spec = replace(spec, likelihood="poisson", history=False, spillover=False)
    periods = spec.panel.periods
    single = spec.panel.cells[spec.panel.cells["count"] <= 1]
    spec = replace(spec, panel=replace(spec.panel, cells=single))

    def loglik(of: ModelSpec, level: float) -> float:
        eta = np.full((len(of.panel.districts), 1), level)
        flat = np.zeros((len(of.panel.countries) * len(periods), 1))
        made = Outcome(of).push(eta, flat, np.zeros((0, 1)), np.ones(1))
        return float(made.logp[0])

    def only(spec: ModelSpec, year: int) -> ModelSpec:
        at = int(np.flatnonzero(periods == year)[0])
        cells = spec.panel.cells[spec.panel.cells["period"] == at]
        exposure = np.where(np.arange(len(periods)) == at, spec.panel.exposure_years, 0.0)
        return replace(spec, panel=replace(spec.panel, cells=cells, exposure_years=exposure))

    for year, age in ((2016, 0), (2011, 5)):
        plain, faded = only(spec, year), only(fading_past(spec), year)
        moved = loglik(plain, -4.0) - loglik(plain, -5.0)
        assert abs(moved) > 0.1
        expected = improvements.KEEP**age * moved
        assert loglik(faded, -4.0) - loglik(faded, -5.0) == pytest.approx(expected)


def test_a_longer_memory_is_longer_and_knows_no_later_year() -> None:
    spec = spec_at(2016)
    made = long_memory(spec).panel
    assert made.history.shape == spec.panel.history.shape
    before = spec.panel.cells["period"] < 4
    cut = replace(spec, panel=replace(spec.panel, cells=spec.panel.cells[before]))
    np.testing.assert_allclose(long_memory(cut).panel.history[:, :5], made.history[:, :5])
    assert (made.history[:, 0] == 0).all()
    kept = long_memory(cut).panel.history
    gone = kept[:, 6] > 0
    assert gone.any()
    np.testing.assert_allclose(kept[gone, 7] / kept[gone, 6], np.exp(-1 / 5))


def test_crossings_are_long_where_a_border_is() -> None:
    panel = spec_at(2016).panel
    value = crossings(panel)
    assert value.std() == pytest.approx(1.0)
    named = dict(zip(panel.districts.index, value, strict=True))
    assert named["KG-B-batken"] > 1.0
    assert named["UZ-FA-sokh"] > 1.0, "an enclave"
    inner = [code for code in named if code.startswith("KZ-35-")]
    assert inner
    assert max(named[code] for code in inner) == pytest.approx(value.min())


def test_the_chance_of_a_decision_is_that_of_the_t_test() -> None:
    rng = np.random.default_rng(1)
    drawn = rng.normal(0.6, 1.0, size=(20_000, 7))
    seen = stats.ttest_1samp(drawn, 0, axis=1).pvalue < 0.05
    assert decided(0.6, 1.0, 7) == pytest.approx(seen.mean(), abs=0.01)
    needed = years_needed(0.6, 1.0)
    assert needed is not None
    assert decided(0.6, 1.0, needed) >= 0.8 > decided(0.6, 1.0, needed - 1)
    assert years_needed(0.01, 1.0) is None
