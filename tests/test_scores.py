"""Scores: fixed limits, draws before means, sums before probabilities."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from threatkit.model.forecast import Forecast, event_probability
from threatkit.scores import (
    LEVEL_LIMITS,
    level_probs,
    ranks,
    risk_index,
    risk_level,
    score,
    top_decile_prob,
)

N = 12
DRAWS = 300


def made(seed: int = 0, likelihood: str = "nb1") -> Forecast:
    rng = np.random.default_rng(seed)
    expected = np.exp(rng.normal(np.linspace(-6, 0, N), 0.5, (DRAWS, N)))
    spread = np.abs(rng.normal(0.5, 0.1, DRAWS)) + 0.01
    prob = event_probability(expected, spread, likelihood)
    districts = pd.DataFrame(
        {
            "name": [f"District {i}" for i in range(N)],
            "country": ["KGZ"] * 6 + ["TJK"] * 6,
            "oblast": ["KG-B"] * 3 + ["KG-O"] * 3 + ["TJ-SU"] * 6,
            "oblast_name": ["Batken"] * 3 + ["Osh"] * 3 + ["Sughd"] * 6,
            "fergana": [True] * 12,
            "population": [100_000.0] * 11 + [np.nan],
        },
        index=pd.Index([f"D{i:02d}" for i in range(N)], name="district"),
    )
    parts = {"border": rng.normal(0, 1, (DRAWS, N)), "people": np.zeros((DRAWS, N))}
    return Forecast(
        expected=expected,
        unjudged=expected,
        hazard=expected,
        event_prob=prob,
        unjudged_prob=prob,
        parts=parts,
        dispersion=spread,
        likelihood=likelihood,
        districts=districts,
        start=date(2026, 5, 1),
        end=date(2027, 4, 30),
    )


def scored(forecast: Forecast, **kwargs: object) -> pd.DataFrame:
    sd = {"border": np.full(N, 0.5)}
    return score(forecast, information=np.zeros(N), learned=sd, **kwargs).districts  # type: ignore[arg-type]


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_index_is_monotone_and_bounded(one: float, other: float) -> None:
    low, high = risk_index(np.array(sorted([one, other])))
    assert 0 <= low <= high <= 10


def test_the_index_meets_the_limits_of_the_levels() -> None:
    np.testing.assert_allclose(
        risk_index(np.array([0.001, *LEVEL_LIMITS, 0.8])), [0, 2, 4, 6, 8, 10]
    )
    assert risk_level(np.array([0.0, 0.00999, 0.01, 0.03, 0.10, 0.25, 1.0])).tolist() == [
        *(1, 1, 2, 3, 4, 5, 5)
    ]


@given(arrays(float, (7, 5), elements=st.floats(0, 1)))
def test_ranks_are_a_permutation_in_each_draw(prob: np.ndarray) -> None:
    assert (np.sort(ranks(prob), axis=1) == np.arange(1, 6)).all()


@given(st.permutations(range(N)))
def test_the_order_of_the_districts_is_irrelevant(order: list[int]) -> None:
    forecast = made()
    index = np.array(order)
    moved = replace(
        forecast,
        **{
            name: getattr(forecast, name)[:, index]
            for name in ("expected", "unjudged", "hazard", "event_prob", "unjudged_prob")
        },
        parts={name: values[:, index] for name, values in forecast.parts.items()},
        districts=forecast.districts.iloc[index],
    )
    pd.testing.assert_frame_equal(scored(forecast), scored(moved).loc[forecast.districts.index])


def test_levels_sum_to_one_and_the_level_is_that_of_the_probability_shown() -> None:
    frame = scored(made()).dropna(subset=["event_prob"])
    levels = frame[[f"level_{i}_prob" for i in range(1, 6)]].sum(axis=1)
    np.testing.assert_allclose(levels, 1.0)
    assert (frame["risk_level"] == risk_level(frame["event_prob"].to_numpy())).all()
    np.testing.assert_allclose(frame["risk_index"], risk_index(frame["event_prob"].to_numpy()))


def test_a_district_of_unknown_population_has_no_score_and_no_rank() -> None:
    frame = scored(made())
    assert frame["event_prob"].isna().tolist() == [False] * 11 + [True]
    assert frame["rank"].max() == 11
    assert frame["risk_level"].isna().iloc[-1]


def test_intervals_hold_what_they_show() -> None:
    frame = scored(made()).dropna(subset=["event_prob"])
    for name in ("risk_index", "event_prob", "rate_per_100k", "rank", "contribution_border"):
        assert (frame[f"{name}_lo"] <= frame[name]).all()
        assert (frame[name] <= frame[f"{name}_hi"]).all()


def test_a_wider_interval_is_wider() -> None:
    narrow, wide = scored(made(), ci_prob=0.5), scored(made(), ci_prob=0.9)
    gap = (wide["event_prob_hi"] - wide["event_prob_lo"]) - (
        narrow["event_prob_hi"] - narrow["event_prob_lo"]
    )
    assert (gap.dropna() > 0).all()


def test_an_area_is_the_sum_of_its_districts_in_each_draw() -> None:
    forecast = made()
    areas = score(forecast, information=np.zeros(N), learned={}).areas
    inside = (forecast.districts["oblast"] == "KG-B").to_numpy()
    total = forecast.expected[:, inside].sum(axis=1)
    prob = event_probability(total[:, None], forecast.dispersion, "nb1").mean()
    assert areas.loc["KG-B", "event_prob"] == pytest.approx(prob)
    assert areas.loc["KG-B", "expected_episodes"] == pytest.approx(total.mean())
    assert areas.loc["KGZ", "districts"] == 6
    assert "fergana" not in areas.index  # all districts are in it: no second row


def test_ranks_are_within_the_region_asked_for() -> None:
    members = [f"D{i:02d}" for i in range(3)]
    frame = scored(made(), members=members)
    assert sorted(frame["rank"]) == [1, 2, 3]
    assert frame.index.tolist() == members


def test_the_prior_sets_a_contribution_that_the_data_have_not_moved() -> None:
    forecast = made()
    wide = score(forecast, information=np.zeros(N), learned={"border": np.full(N, 0.9)})
    same = score(forecast, information=np.zeros(N), learned={"border": np.full(N, 0.1)})
    assert not wide.districts["contribution_border_prior"].dropna().any()
    assert same.districts["contribution_border_prior"].dropna().all()


def test_people_are_given_and_never_set_by_a_prior() -> None:
    frame = score(made(), information=np.zeros(N), learned={"people": np.zeros(N)}).districts
    assert not frame["contribution_people_prior"].dropna().any()


def test_level_counts_cover_every_district() -> None:
    counts = score(made(), information=np.zeros(N), learned={}).level_counts
    assert counts["mean"].sum() == pytest.approx(11)
    assert (counts["lo"] <= counts["mean"]).all()


def test_top_decile_is_a_tenth_of_the_places() -> None:
    rank = ranks(np.random.default_rng(1).random((50, 40)))
    assert top_decile_prob(rank).sum() == pytest.approx(4)
    assert level_probs(np.full((5, 3), 0.5))[:, 4].tolist() == [1.0] * 3


@pytest.mark.parametrize("likelihood", ["nb1", "nb2", "poisson", "bernoulli"])
def test_event_probability_is_that_of_a_simulated_count(likelihood: str) -> None:
    from threatkit.model.forecast import simulate_counts

    rng = np.random.default_rng(2)
    expected = np.full((200_000, 1), 0.4)
    spread = np.full(200_000, 0.6)
    counts = simulate_counts(expected, spread, likelihood, rng)
    prob = event_probability(expected[:1], spread[:1], likelihood)[0, 0]
    assert (counts > 0).mean() == pytest.approx(prob, abs=0.004)
