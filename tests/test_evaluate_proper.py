"""Scores against closed forms and an independent implementation; intervals over years."""

import numpy as np
import pytest
from scipy.stats import norm, poisson

from threatkit.evaluate import proper
from threatkit.evaluate.difference import compare, resampled, student

RNG = np.random.default_rng(20261124)


def certain(counts: np.ndarray, largest: int) -> np.ndarray:
    return np.eye(largest + 1)[counts]


def test_brier_and_log_score_by_hand() -> None:
    prob, event = np.array([0.2, 0.2, 0.2]), np.array([1.0, 0.0, 0.25])
    np.testing.assert_allclose(proper.brier(prob, event), [0.64, 0.04, 0.19])
    both = 0.25 * np.log(0.2) + 0.75 * np.log(0.8)
    np.testing.assert_allclose(
        proper.log_score(prob, event), [np.log(0.2), np.log(0.8), both], rtol=1e-12
    )


def test_log_score_of_the_impossible() -> None:
    sure = np.array([0.0, 0.0, 1.0, 1.0])
    event = np.array([0.0, 1.0, 1.0, 0.0])
    np.testing.assert_array_equal(proper.log_score(sure, event), [0.0, -np.inf, 0.0, -np.inf])
    held = proper.log_score(sure, event, floor=0.01)
    np.testing.assert_allclose(held, np.log([0.99, 0.01, 0.99, 0.01]))


@pytest.mark.parametrize("score", [proper.brier, lambda p, y: -proper.log_score(p, y)])
def test_the_truth_scores_best(score) -> None:  # type: ignore[no-untyped-def]
    grid = np.linspace(0.01, 0.99, 99)
    for truth in (0.05, 0.4, 0.9):
        assert grid[np.argmin(score(grid, np.full(99, truth)))] == pytest.approx(truth)


def test_parts_of_the_brier_score_sum_to_it() -> None:
    prob = RNG.choice([0.05, 0.15, 0.55], size=500)
    event = (RNG.random(500) < prob).astype(float)
    parts = proper.brier_parts(prob, event)
    total = parts["reliability"] - parts["resolution"] + parts["uncertainty"]
    assert total == pytest.approx(proper.brier(prob, event).mean(), abs=1e-12)
    assert parts["within"] == pytest.approx(0, abs=1e-12)
    mixed = proper.brier_parts(RNG.random(500), event)
    assert abs(mixed["within"]) > 1e-6


def test_crps_of_counts_against_that_of_draws() -> None:
    draws = RNG.poisson(1.3, size=(400, 6))
    observed = np.array([0, 1, 2, 3, 5, 9])
    pmf = proper.pmf_of_draws(draws, 12)
    np.testing.assert_allclose(pmf.sum(axis=1), 1.0)
    np.testing.assert_allclose(
        proper.crps(pmf, certain(observed, 12)), proper.crps_draws(draws, observed), rtol=1e-10
    )


def test_crps_against_closed_forms() -> None:
    z = np.array([-1.5, 0.0, 0.7])
    closed = z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi)
    quantiles = norm.ppf((np.arange(20_000) + 0.5) / 20_000)[:, None].repeat(3, axis=1)
    np.testing.assert_allclose(proper.crps_draws(quantiles, z), closed, atol=2e-4)
    prob = np.array([0.1, 0.7])
    pmf = np.stack([1 - prob, prob], axis=1)
    for count in (0, 1):
        outcome = certain(np.array([count, count]), 1)
        np.testing.assert_allclose(proper.crps(pmf, outcome), (prob - count) ** 2)


def test_scores_against_an_independent_implementation() -> None:
    other = pytest.importorskip("scoringrules", reason="needs the extra 'evaluate'")
    draws, observed = RNG.gamma(2.0, size=(101, 30)), RNG.gamma(2.0, size=30)
    np.testing.assert_allclose(
        proper.crps_draws(draws, observed),
        other.crps_ensemble(observed, draws.T, estimator="nrg"),
        rtol=1e-9,
    )
    counts = np.arange(8)
    pmf = np.tile(poisson.pmf(np.arange(60), 1.7), (8, 1))
    np.testing.assert_allclose(
        proper.crps(pmf, certain(counts, 59)), other.crps_poisson(counts, 1.7), rtol=1e-9
    )
    prob, event = RNG.random(40), (RNG.random(40) < 0.3).astype(float)
    np.testing.assert_allclose(proper.brier(prob, event), other.brier_score(event, prob))
    np.testing.assert_allclose(
        -proper.log_score(prob, event), other.log_score(event, prob), rtol=1e-9
    )
    lo, hi = np.zeros(8), np.full(8, 4.0)
    np.testing.assert_allclose(
        proper.interval_score(lo, hi, certain(counts, 59)),
        other.interval_score(counts.astype(float), lo, hi, 0.1),
        rtol=1e-9,
    )


def test_ignorance_in_bins() -> None:
    pmf = np.array([[0.5, 0.2, 0.2, 0.1]])
    said = (np.array([0.5, 0.4, 0.4, 0.1]) * 1000 + 1) / 1011
    for count in range(4):
        got = proper.ignorance(pmf, certain(np.array([count]), 3))
        assert got[0] == pytest.approx(-np.log2(said[count]))


def test_intervals_and_their_coverage() -> None:
    pmf = np.array([[0.97, 0.03, 0.0], [0.5, 0.3, 0.2]])
    lo, hi = proper.central_interval(pmf, 0.9)
    np.testing.assert_array_equal([lo, hi], [[0, 0], [0, 2]])
    outcome = np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    np.testing.assert_allclose(proper.coverage(lo, hi, outcome), [0.5, 1.0])
    np.testing.assert_allclose(proper.interval_score(lo, hi, outcome), [0.5 * 20, 2.0])


def test_average_precision() -> None:
    event = np.array([1.0, 0, 1, 0, 0])
    assert proper.average_precision(np.array([0.9, 0.8, 0.7, 0.2, 0.1]), event) == pytest.approx(
        (1 + 2 / 3) / 2
    )
    assert proper.average_precision(np.full(5, 0.3), event) == pytest.approx(0.4)
    assert np.isnan(proper.average_precision(np.full(5, 0.3), np.zeros(5)))


def test_reliability_table_counts_every_cell_once() -> None:
    prob = np.array([0.0, 0.01, 0.05, 0.3, 1.0])
    table = proper.reliability_table(prob, np.array([0.0, 1, 0, 1, 1]))
    assert table["cells"].sum() == 5
    assert table["events"].sum() == 3
    assert (table["mean_prob"].between(table["from"], table["to"])).all()


def test_intervals_draw_whole_years() -> None:
    year = np.repeat(np.arange(10), 50)
    level = np.repeat(RNG.normal(size=10), 50)
    wide = resampled(level, year)
    assert wide.hi - wide.lo > 0.5
    country = np.tile(list("AB"), len(year) // 2)
    assert compare(level + 1.0, level, year, country).over_years.excludes_zero
    same = compare(level, level, year, country).over_country_years
    assert (same.mean, same.lo, same.hi) == (0.0, 0.0, 0.0)
    alone = resampled(level[:50], year[:50])
    assert np.isnan(alone.lo)
    assert alone.mean == pytest.approx(level[0])


def test_intervals_hold_their_level() -> None:
    inside = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        level = rng.normal(size=20).repeat(5)
        made = student(level, np.arange(20).repeat(5))
        inside += made.lo <= 0 <= made.hi
    assert 0.91 <= inside / 200 <= 0.99


@pytest.mark.parametrize("threshold", [1, 2, 4])
def test_the_threshold_weighted_crps_against_an_independent_one(threshold: int) -> None:
    scoringrules = pytest.importorskip("scoringrules", reason="a check against another library")
    draws = RNG.poisson(2.0, size=(300, 7))
    observed = np.array([0, 1, 2, 3, 5, 8, 12])
    other = scoringrules.twcrps_ensemble(
        observed.astype(float), draws.T.astype(float), a=float(threshold)
    )
    pmf = proper.pmf_of_draws(draws, 14)
    ours = proper.twcrps(pmf, certain(observed, 14), threshold)
    np.testing.assert_allclose(ours, other, rtol=1e-9, atol=1e-12)


def test_the_threshold_weighted_crps_leaves_out_whether_any() -> None:
    pmf = RNG.dirichlet(np.ones(6), size=5)
    outcome = certain(np.array([0, 1, 2, 3, 5]), 5)
    first = proper.brier(1.0 - pmf[:, 0], 1.0 - outcome[:, 0])
    np.testing.assert_allclose(proper.twcrps(pmf, outcome), proper.crps(pmf, outcome) - first)
    np.testing.assert_allclose(proper.twcrps(pmf, outcome, 0), proper.crps(pmf, outcome))


def test_the_pit_of_one_count_by_hand() -> None:
    pmf = np.array([[0.75, 0.2, 0.05], [0.75, 0.2, 0.05], [0.75, 0.25, 0.0], [0.0, 1.0, 0.0]])
    made = proper.pit_bins(pmf, certain(np.array([0, 1, 2, 0]), 2), bins=4)
    np.testing.assert_allclose(
        made, [[1 / 3] * 3 + [0], [0, 0, 0, 1], [0, 0, 0, 1], [1, 0, 0, 0]], atol=1e-12
    )
    half = proper.pit_bins(pmf[:1], np.array([[0.5, 0.5, 0.0]]), bins=4)
    np.testing.assert_allclose(half, [[1 / 6] * 3 + [0.5]])


def test_the_pit_is_flat_for_the_truth_and_sloped_for_a_rate_too_high() -> None:
    mean = RNG.gamma(0.5, 1.0, 20_000)
    counts = np.minimum(RNG.poisson(mean), 12)
    happened = certain(counts, 12)
    said = [poisson.pmf(np.arange(13), (mean * by)[:, None]) for by in (1.0, 2.0)]
    flat, sloped = (proper.pit_bins(pmf, happened).mean(axis=0) for pmf in said)
    np.testing.assert_allclose(flat, 0.1, atol=0.006)
    np.testing.assert_allclose(flat.sum(), 1.0)
    assert sloped[0] > 0.15
