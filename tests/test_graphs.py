"""Graphs compared by the ranks that they give."""

import numpy as np
import pytest

from threatkit.config import Config
from threatkit.geo.boundaries import load_boundaries
from threatkit.graphs import (
    DOMESTIC,
    NEIGHBOURS,
    SHARED,
    Ranked,
    compare_ranks,
    make_graph,
    nearest_graph,
)

CODES = tuple(f"d{i:02}" for i in range(20))


def ranked(level: np.ndarray, seed: int) -> Ranked:
    noise = np.random.default_rng(seed).normal(0, 0.3, (2000, 20))
    return Ranked(CODES, CODES, 30, level + noise, True)


def test_only_the_district_that_moves_beyond_its_uncertainty_is_called_moved() -> None:
    level = -np.arange(20.0)
    lifted = level.copy()
    lifted[15] = 0.5
    found = compare_ranks(
        {SHARED: ranked(level, 1), "same": ranked(level, 2), "other": ranked(lifted, 3)},
        top=3,
        ci_prob=0.9,
        seed=4,
    )
    assert found.graphs["moved"].to_dict()["same"] == 0
    assert found.graphs.loc["same", "rank_correlation"] == pytest.approx(1.0)
    # One that jumps from the 16th to the first place pushes the fifteen before it down by one.
    assert found.graphs.loc["other", "top_ten_changed"] == 1
    assert found.graphs.loc["other", "largest_move"] == 15
    row = found.districts.loc[("other", "d15")]
    assert row["moved"]
    assert row["higher_prob"] > 0.99
    assert row["rank_lo"] <= row["rank"] <= row["rank_hi"] <= 2
    assert set(found.districts.loc["same"].index) == {"d00", "d01", "d02", "d15"}
    assert not found.districts.loc["same", "moved"].any()


def test_the_graphs_are_what_their_names_say() -> None:
    boundaries = load_boundaries()
    shared = make_graph(SHARED, Config(), boundaries)
    inland = make_graph(DOMESTIC, Config(), boundaries)
    assert 0 < len(inland.edges) < len(shared.edges)
    assert not inland.edges["international"].any()
    assert inland.components().max() >= 4
    near = nearest_graph(boundaries)
    degree = np.bincount(near.pairs().ravel(), minlength=len(near.districts))
    assert degree.min() >= NEIGHBOURS
    assert not near.edges.duplicated(["a", "b"]).any()
    assert (near.edges["a"] < near.edges["b"]).all()
