"""Calibration: data drawn from the model, ranks, the exact test of their uniformity."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy.stats import binom

from threatkit.calibrate import shape
from threatkit.cli import threatkit
from threatkit.config import Config
from threatkit.errors import InvalidInput
from threatkit.evaluate.calibration import (
    RANKED,
    Design,
    looked_at,
    simulate,
    stand_ins,
    table,
    tasks,
    uniformity,
)
from threatkit.evaluate.rankplot import rank_figure
from threatkit.evaluate.uniformity import band, counts_below, holm, p_value
from threatkit.finished import json_folder
from threatkit.model.build import build
from threatkit.model.check import prior_draws
from threatkit.model.fit import hyperparameters
from threatkit.model.forecast import flat
from threatkit.model.generate import generate, restrict
from threatkit.model.simulate import simulate_panel
from threatkit.model.spec import ModelSpec, make_priors


@pytest.fixture(scope="module")
def spec() -> ModelSpec:
    panel = simulate_panel(rows=4, columns=4, years=6, seed=5).panel
    spec = ModelSpec(panel, pillars=("youth",))
    return replace(spec, priors=make_priors(stand_ins(spec)))


@pytest.fixture(scope="module")
def result(spec: ModelSpec) -> dict[str, Any]:
    return simulate(Design(spec, "laplace", 400, 1), 3)


def test_a_probability_of_one_point_is_binomial() -> None:
    """With two values of a rank there is one point, and the test is the two-sided binomial."""
    ranks = np.array([0] * 14 + [1] * 6)
    assert p_value(ranks, 1) == pytest.approx(2 * binom.sf(13, 20, 0.5))


def test_the_test_of_uniform_ranks_keeps_its_level() -> None:
    rng = np.random.default_rng(4)
    found = np.array([p_value(rng.integers(0, 20, 60), 19) for _ in range(300)])
    for level in (0.05, 0.2, 0.5):
        assert (found <= level).mean() <= level + 2 * np.sqrt(level * (1 - level) / 300)
    assert (found <= 0.5).mean() > 0.35


@pytest.mark.parametrize(
    "power", [pytest.param(1.6, id="shifted"), pytest.param(None, id="too narrow")]
)
def test_ranks_that_are_not_uniform_are_found(power: float | None) -> None:
    rng = np.random.default_rng(1)
    share = rng.random(300)
    share = share**power if power else rng.beta(0.6, 0.6, 300)
    assert p_value((share * (RANKED + 1)).astype(int), RANKED) < 1e-3


def test_a_band_holds_uniform_ranks_as_often_as_it_says() -> None:
    held = band(80, 19, prob=0.9)
    drawn = np.random.default_rng(2).integers(0, 20, (4000, 80))
    share = np.array([counts_below(ranks, 19) for ranks in drawn]) / 80
    inside = ((share >= held.lower) & (share <= held.upper)).all(axis=1).mean()
    assert 0.89 <= inside <= 0.94


def test_holm_adjusts_in_order() -> None:
    np.testing.assert_allclose(holm(np.array([0.03, 0.01, 0.5])), [0.06, 0.03, 0.5])


def test_generated_data_have_the_priors_moments(spec: ModelSpec) -> None:
    """The generator and PyMC's graph are written apart; their priors agree in every district."""
    drawn = [generate(spec, seed=number) for number in range(250)]
    ours = np.array([made.truth["eta"].to_numpy()[0, 0] for made in drawn])
    theirs = flat(prior_draws(spec, draws=500, seed=1), "eta")
    np.testing.assert_allclose(ours.mean(axis=0), theirs.mean(axis=0), atol=0.25)
    np.testing.assert_allclose(ours.std(axis=0), theirs.std(axis=0), rtol=0.2)


@pytest.mark.parametrize("seen", [1.0, 0.25])
def test_counts_are_what_the_truth_expects(spec: ModelSpec, seen: float) -> None:
    """Where sources cover a country in part, the stated part of all episodes is in the data."""
    if seen < 1:
        panel = replace(spec.panel, regimes=("curated_partial",), regime=0 * spec.panel.regime)
        spec = replace(spec, panel=panel, partial_coverage=seen)
    fixed = {name: f"fixed({value:g})" for name, value in (("history", 0), ("spillover", 0))}
    priors = make_priors({**stand_ins(spec), **fixed, "year_sd": "fixed(0.0001)"})
    gap = total = 0.0
    for number in range(80):
        made = generate(spec, seed=[7, number], priors=priors)
        rate = made.spec.panel.people * np.exp(made.truth["eta"].to_numpy()[0, 0])
        expected = seen * rate.sum() * len(spec.panel.periods)
        gap += made.spec.panel.cells["count"].sum() - expected
        total += expected * (1 + made.truth["dispersion"].item())
    assert abs(gap) < 3 * np.sqrt(total)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"likelihood": "nb2", "year_effect": "walk", "spillover": False},
        {"likelihood": "poisson", "region_years": "country", "moving_place": "oblast"},
        {"likelihood": "bernoulli", "pillars": (), "afghan_spillover": True},
    ],
)
def test_every_parameter_of_the_model_has_a_truth(spec: ModelSpec, changes: dict[str, Any]) -> None:
    """A term that the generator did not know would leave its parameter without a truth."""
    changed = replace(spec, **changes)
    made = generate(changed, seed=1)
    names = set(hyperparameters(build(changed)))
    assert {name for name in names if not name.endswith("_raw")} <= set(made.truth)
    assert made.spec.panel.cells["weight"].eq(1.0).all()
    assert made.truth.equals(generate(changed, seed=1).truth)


def test_counts_of_people_are_drawn_as_counts(spec: ModelSpec) -> None:
    panel = spec.panel
    rows = panel.measurements.table.assign(count=3.0, people=2.0, expected=40.0, x=np.nan)
    counted = replace(panel, measurements=replace(panel.measurements, table=rows))
    made = generate(replace(spec, panel=counted), seed=2).spec.panel.measurements.table
    assert (made["count"] == made["count"].round()).all()
    assert made["count"].nunique() > 1
    assert made["x"].isna().all()


def test_priors_that_run_away_are_refused(spec: ModelSpec) -> None:
    with pytest.raises(InvalidInput, match="Narrow them"):
        generate(spec, seed=1, priors=make_priors({"intercept": "fixed(9)"}))
    with pytest.raises(InvalidInput, match="no episode at all"):
        generate(spec, seed=1, priors=make_priors({"intercept": "fixed(-30)"}))


def test_a_region_keeps_what_lies_in_it(spec: ModelSpec) -> None:
    panel = spec.panel
    inside = panel.districts.index[panel.districts["country"] == "C00"]
    part = restrict(panel, list(inside))
    assert part.countries == ("C00",)
    assert part.exposure_years.shape == (1, 6)
    assert set(part.oblasts) == set(panel.districts.loc[inside, "oblast"])
    whole = panel.cells.assign(code=panel.districts.index[panel.cells["district"]])
    kept = part.cells.assign(code=part.districts.index[part.cells["district"]])
    expected = whole[whole["code"].isin(inside)]
    assert list(kept["code"]) == list(expected["code"])
    assert list(kept["count"]) == list(expected["count"])
    np.testing.assert_allclose(part.measurements.weights.sum(axis=1), 1.0)


def test_a_simulation_ranks_every_parameter(spec: ModelSpec, result: dict[str, Any]) -> None:
    found = result["quantities"]
    code = spec.panel.districts.index[looked_at(spec)[0]]
    wanted = {"field_sd", "history", "pillar_weight[youth]", "loading[youth_rate]"}
    wanted |= {"log_likelihood", "eta mean", f"eta[{code}]", f"event_prob[{code}]"}
    assert wanted <= set(found)
    assert "country_sd" not in found
    assert all(0 <= row["rank"] <= RANKED for row in found.values())
    assert all(row["q05"] < row["q95"] for row in found.values())
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_a_simulation_is_the_same_again(spec: ModelSpec, result: dict[str, Any]) -> None:
    again = simulate(Design(spec, "laplace", 400, 1), 3)
    assert again["quantities"] == result["quantities"]


def made_up(rng: np.random.Generator, number: int, *, narrow: bool) -> dict[str, Any]:
    """Return a result whose ranks are uniform, or those of a posterior that is too narrow."""
    share = rng.beta(0.3, 0.3) if narrow else rng.random()
    row = {"truth": share, "mean": 0.5, "sd": 0.29, "q05": 0.05, "q95": 0.95, "ess": 900.0}
    row["rank"] = int(share * (RANKED + 1))
    common = {"number": number, "episodes": 9, "seconds": 1.0, "passed": True, "failures": []}
    return {**common, "quantities": {"field_sd": row}}


@pytest.mark.parametrize("narrow", [False, True])
def test_the_command_tells_a_true_engine_from_a_false_one(tmp_path: Path, narrow: bool) -> None:
    """Simulations that are there are not made again, so that the command is cheap to test."""
    design = Design(shape(Config(), "KG-B"), "laplace", 1000, 20261124)
    kept = json_folder(tmp_path / "simulations")
    rng = np.random.default_rng(3)
    for number, task in enumerate(tasks(design, 120)):
        kept.save(task.name, task.key, made_up(rng, number, narrow=narrow))
    arguments = ["calibrate", "--size", "KG-B", "--simulations", "120", "--out", str(tmp_path)]
    ran = CliRunner().invoke(threatkit, [*arguments, "--format", "json"])
    assert ran.exit_code == (4 if narrow else 0), ran.output
    (row,) = json.loads(ran.stdout)
    assert row["uniform"] is not narrow
    assert row["coverage_90"] == pytest.approx(0.9, abs=0.07) or narrow
    record = json.loads((tmp_path / "calibration.json").read_text(encoding="utf-8"))
    assert record["not_uniform"] == (["field_sd"] if narrow else [])
    assert record["priors"]["field_sd"] == "half_normal(0.6)"
    ranks = pd.read_csv(tmp_path / "ranks.csv")
    assert len(ranks) == 120
    assert (tmp_path / "ecdf.svg").read_text(encoding="utf-8").count("<svg") == 1


def test_the_figure_marks_what_leaves_the_band() -> None:
    rng = np.random.default_rng(3)
    good = table([made_up(rng, number, narrow=False) for number in range(100)])
    bad = table([made_up(rng, number, narrow=True) for number in range(100)])
    assert uniformity(good)["uniform"].all()
    assert not uniformity(bad)["uniform"].any()
    assert "#b2182b" in rank_figure(bad)
    assert "#b2182b" not in rank_figure(good)
