"""Baselines know the past only; what no source covers is missing; the table is right."""

from dataclasses import replace
from datetime import date
from functools import cache

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from threatkit.cli import threatkit
from threatkit.config import DEFAULT_EVENT_TYPES
from threatkit.data.catalogue import load_catalogue
from threatkit.errors import InvalidInput
from threatkit.evaluate.backtest import SCORES, backtest
from threatkit.evaluate.baselines import (
    Frequency,
    Settings,
    climatology,
    conflictology,
    frequency,
    historical_mean,
    last_value,
    standard_baselines,
    thinned,
    with_counts,
    zero,
)
from threatkit.evaluate.outcome import Outcomes, outcomes
from threatkit.evaluate.readout import by_score, differences, readout
from threatkit.geo.boundaries import load_boundaries
from threatkit.geo.graph import build_graph
from threatkit.model.assemble import Outcome


def small(events: np.ndarray, part: np.ndarray | None = None) -> Outcomes:
    """Return districts in a row, the first half of country A and the rest of B."""
    n, years = events.shape
    part = np.ones((n, years)) if part is None else part
    pmf = np.eye(int(events.max()) + 2)[events.astype(int)]
    pmf[part <= 0] = np.nan
    return Outcomes(
        pd.DataFrame(
            {"country": ["A"] * (n // 2) + ["B"] * (n - n // 2), "oblast": "A-1"},
            index=pd.Index([f"d{i}" for i in range(n)], name="district"),
        ),
        np.array([[i, i + 1] for i in range(n - 1)]),
        np.arange(2001, 2001 + years),
        pmf,
        part,
    )


@cache
def shipped() -> Outcomes:
    catalogue = load_catalogue()
    graph = build_graph(load_boundaries(codes=catalogue.districts.index))
    return outcomes(catalogue, graph, Outcome(DEFAULT_EVENT_TYPES))


EVENTS = np.array([[0, 2, 0, 1, 0, 0, 1], [0] * 7, [0] * 7, [0, 0, 0, 0, 0, 0, 1]])


def test_baselines_by_hand() -> None:
    history = small(EVENTS)
    assert (zero(history)[:, 0] == 1).all()
    np.testing.assert_array_equal(1 - last_value(history)[:, 0], [1, 0, 0, 1])
    np.testing.assert_allclose(1 - historical_mean(history)[:, 0], [3 / 7, 0, 0, 1 / 7])
    np.testing.assert_allclose(historical_mean(history)[0], [4 / 7, 2 / 7, 1 / 7, 0])
    np.testing.assert_allclose(
        1 - climatology(history)[:, 0], [3.5 / 15, 3.5 / 15, 1.5 / 15, 1.5 / 15]
    )
    # Last five years: the empty d1 takes d0 and d2, the empty d2 takes d1 and d3.
    np.testing.assert_allclose(1 - conflictology(history)[:, 0], [0.4, 0.2, 0.1, 0.2])


def test_frequency_between_own_record_and_country() -> None:
    history = small(EVENTS)
    own = frequency(history, Settings(1.0, 0.0, 1e-9))
    np.testing.assert_allclose(own, [3 / 7, 0, 0, 1 / 7], atol=1e-6)
    shrunk = frequency(history, Settings(1.0, 0.0, 1e9))
    assert shrunk[0] == pytest.approx(shrunk[1])
    assert shrunk[0] > shrunk[2]
    near = frequency(history, Settings(1.0, 0.75, 4.0))
    far = frequency(history, Settings(1.0, 0.0, 4.0))
    assert near[1] > far[1]
    assert (
        frequency(history, Settings(0.5, 0.0, 1.0))[3]
        > frequency(history, Settings(1.0, 0.0, 1.0))[3]
    )


@pytest.mark.parametrize("name", list(standard_baselines()))
def test_a_baseline_is_a_distribution(name: str) -> None:
    pmf = standard_baselines()[name](shipped().until(2015))
    np.testing.assert_allclose(pmf.sum(axis=1), 1.0)
    assert (pmf >= 0).all()


@pytest.mark.parametrize("year", [2011, 2018, 2022])
def test_a_history_is_what_data_cut_at_its_last_day_give(year: int) -> None:
    catalogue = load_catalogue()
    graph = build_graph(load_boundaries(codes=catalogue.districts.index))
    rules = Outcome(DEFAULT_EVENT_TYPES, as_of=date(year, 12, 31))
    cut, history = outcomes(catalogue, graph, rules), shipped().until(year)
    np.testing.assert_array_equal(cut.years, history.years)
    np.testing.assert_array_equal(cut.part, history.part)
    largest = cut.pmf.shape[-1]
    np.testing.assert_array_equal(cut.pmf, history.pmf[..., :largest])
    assert np.nansum(history.pmf[..., largest:]) == 0


@pytest.mark.parametrize("name", list(standard_baselines()))
def test_no_baseline_looks_ahead(name: str) -> None:
    before = shipped()
    rng = np.random.default_rng(3)
    pmf = before.pmf.copy()
    later = before.years > 2015
    pmf[:, later] = rng.dirichlet(np.ones(pmf.shape[-1]), size=(len(pmf), later.sum()))
    changed = replace(before, pmf=pmf, part=np.where(later, 1.0, before.part))
    expected = standard_baselines()[name](before.until(2015))
    np.testing.assert_array_equal(standard_baselines()[name](changed.until(2015)), expected)


def test_settings_come_from_earlier_years_whatever_was_tried_before() -> None:
    walked = Frequency()
    for origin in range(2011, 2016):
        walked(shipped().until(origin))
    assert walked.chosen[2015] == Frequency().choose(shipped().until(2015))
    other = small(EVENTS)
    assert walked.choose(other) == Frequency().choose(other)


def test_a_year_that_no_source_covers_is_missing_not_zero() -> None:
    part = np.ones((4, 7))
    part[:, 2] = 0.0
    part[2:, 6] = 0.0
    history = small(EVENTS, part)
    np.testing.assert_allclose(1 - historical_mean(history)[:, 0], [3 / 6, 0, 0, 0])
    np.testing.assert_array_equal(1 - last_value(history)[:, 0], [1, 0, 0, 0])
    made = backtest(history, [2006], {"zero": zero})
    assert set(made.cells["country"]) == {"A"}
    with pytest.raises(InvalidInput, match="missing, not zero"):
        backtest(small(EVENTS, np.where(np.arange(7) == 5, 0.0, part)), [2005], {"zero": zero})


def test_a_part_of_a_year_thins_the_forecast() -> None:
    pmf = np.array([[0.6, 0.3, 0.1], [0.6, 0.3, 0.1]])
    half = thinned(pmf, np.array([0.5, 1.0]))
    np.testing.assert_allclose(half[0], [0.6 + 0.15 + 0.025, 0.15 + 0.05, 0.025])
    np.testing.assert_allclose(half[1], pmf[1])
    history = small(EVENTS)
    np.testing.assert_allclose(
        thinned(with_counts(np.full(4, 0.2), history), np.zeros(4))[:, 0], 1.0
    )


def test_origins_that_cannot_be_scored_are_told_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        backtest(small(EVENTS), [1999, 2001, 2007], {"zero": zero})
    told = str(caught.value)
    for origin in ("the origin 1999", "the origin 2001", "the outcome of 2008"):
        assert origin in told


def test_the_shipped_data() -> None:
    made = backtest(shipped(), range(2011, 2025), standard_baselines())
    table = made.table()
    assert table["years"].eq(14).all()
    assert table["observed"].nunique() == 1
    assert set(table["log_score_verdict"].drop("shrunken frequency")) <= {"worse", "not decided"}
    best = table.loc["shrunken frequency"]
    for score, sign in (("log_score", -1), ("brier", 1), ("crps", 1), ("ignorance", 1)):
        others = table.drop(index="shrunken frequency")[score]
        assert (sign * others > sign * best[score]).all(), score
    parts = table.loc["zero", ["reliability", "resolution"]]
    assert parts["resolution"] == 0
    assert list(readout(table).index) == list(differences(table).index) == list(table.index)
    assert set(SCORES) <= set(table)
    long = by_score(table).loc["Brier"].set_index("forecaster")
    assert long.loc["zero", "mean"] == pytest.approx(1000 * table.loc["zero", "brier"])
    assert long.loc["zero", "diff_lo"] == pytest.approx(1000 * table.loc["zero", "brier_diff_lo"])
    assert not table.isna().any().any()


def test_a_year_still_running_is_scored_in_part() -> None:
    made = backtest(shipped(), [2025], {"shrunken frequency": Frequency()})
    assert made.cells["part"].between(0.3, 0.4).all()
    assert made.cells["event"].sum() > 0


def test_the_command() -> None:
    run = CliRunner().invoke(threatkit, ["baselines", "--origins", "2023:2024", "--format", "csv"])
    assert run.exit_code == 0, run.output
    assert run.stdout.splitlines()[0].startswith("forecaster,log_score,log_score_lo")
    assert len(run.stdout.splitlines()) == 11
    table = CliRunner().invoke(threatkit, ["baselines", "--origins", "2024"])
    assert table.exit_code == 0
    assert "shrunken frequency" in table.stdout
    outside = CliRunner().invoke(threatkit, ["baselines", "--origins", "1990:1991"])
    assert outside.exit_code == 3
    assert "the origin 1990" in outside.stderr
    assert CliRunner().invoke(threatkit, ["baselines", "--origins", "2024:2011"]).exit_code == 2
