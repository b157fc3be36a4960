"""Power scaling: its densities are PyMC's, and it finds what the priors decide."""

import json
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from pymc.model.transform.conditioning import remove_value_transforms

from threatkit.model.build import build
from threatkit.model.check import prior_draws
from threatkit.model.expectation import expectations, two_digits
from threatkit.model.forecast import flat, forecast
from threatkit.model.priors import FAMILIES, Prior, parse_prior
from threatkit.model.sensitivity import (
    log_likelihood,
    log_prior,
    prior_sensitivity,
    quantities,
    sensitivity_record,
    top_level,
)
from threatkit.model.simulate import Truth, simulate_panel
from threatkit.model.spec import ModelSpec, Priors

TEXTS = {
    "normal": "normal(0.3, 2)",
    "half_normal": "half_normal(1.5)",
    "exponential": "exponential(0.5)",
    "pc": "pc(3, 0.01)",
    "gamma": "gamma(2, 0.5)",
    "lognormal": "lognormal(0.2, 0.5)",
    "beta": "beta(0.5, 1.5)",
}


@pytest.mark.parametrize("family", TEXTS)
def test_the_density_of_a_prior_is_pymcs(family: str) -> None:
    prior = parse_prior(TEXTS[family], where="test")
    assert isinstance(prior, Prior)
    points = np.array([0.05, 0.3, 0.7, 0.95])
    with pm.Model():
        expected = pm.logp(prior.variable("x"), points).eval()
    np.testing.assert_allclose(prior.logpdf(points), expected, rtol=1e-6, atol=1e-6)


def test_every_family_has_a_density() -> None:
    assert set(TEXTS) | {"fixed"} == set(FAMILIES)
    assert not Prior("fixed", (1.0,)).logpdf([1.0, 2.0]).any()
    with pytest.raises(ValueError, match="no density"):
        Prior("fixed", (1.0,)).frozen()


def make_spec(**options: object) -> ModelSpec:
    simulated = simulate_panel(rows=4, columns=6, years=8, seed=3, truth=Truth(intercept=-1.5))
    panel = simulated.panel
    regime = panel.regime.copy()
    regime[:, :3] = 1
    panel = replace(panel, regime=regime, regimes=("curated", "both"))
    given = {"detection": True, **options}
    return ModelSpec(panel, pillars=("youth",), **given)  # type: ignore[arg-type]


def with_counts(spec: ModelSpec) -> ModelSpec:
    """Turn every second value into a count of people."""
    measured = spec.panel.measurements
    table = measured.table.copy()
    rows = np.arange(0, len(table), 2)
    table.loc[rows, "indicator"] = "youth_count"
    table.loc[rows, "count"] = 3.0 + rows
    table.loc[rows, "expected"] = 2.0
    panel = replace(spec.panel, measurements=replace(measured, table=table))
    return replace(spec, panel=panel)


@pytest.mark.parametrize("likelihood", ["nb1", "nb2", "poisson", "bernoulli"])
def test_the_likelihood_is_that_of_the_model_up_to_a_constant(likelihood: str) -> None:
    spec = with_counts(make_spec(likelihood=likelihood))
    draws = prior_draws(spec, draws=6, seed=1)
    found = log_likelihood(spec, draws)
    model = remove_value_transforms(build(spec))
    outcome, indicators = [], []
    observed = [model["indicators"], model["indicator_counts"]]
    values = [model.rvs_to_values[variable] for variable in model.free_RVs]
    fns = [
        pm.pytensorf.compile(
            values,
            model.replace_rvs_by_values([model["outcome"]])[0],
            on_unused_input="ignore",
        ),
        pm.pytensorf.compile(
            values, model.logp(vars=observed, sum=True, jacobian=False), on_unused_input="ignore"
        ),
    ]
    for i in range(6):
        point = [np.asarray(draws[v.name].to_numpy()[0, i]) for v in model.free_RVs]
        outcome.append(float(fns[0](*point)))
        indicators.append(float(fns[1](*point)))
    for name, expected in (("outcome", outcome), ("indicators", indicators)):
        ours = found[name].to_numpy().ravel()
        np.testing.assert_allclose(
            ours - ours[0], np.array(expected) - expected[0], rtol=1e-6, atol=1e-6
        )


def test_only_the_priors_at_the_top_are_scaled() -> None:
    spec = make_spec()
    named = top_level(spec)
    assert {"intercept", "field_sd", "dispersion", "pillar_weight"} <= set(named)
    assert not {"country_sd", "youth_country_sd", "population_power"} & set(named)
    free = replace(spec, priors=Priors(pillar_oblast_sd=Prior("half_normal", (1.0,))))
    assert top_level(free)["youth_oblast_sd"] == Prior("half_normal", (1.0,))


def conjugate(prior_sd: float, data_sd: float, *, at: float) -> tuple[ModelSpec, xr.Dataset]:
    """Return draws of the intercept whose posterior is known, all else at its prior."""
    spec = make_spec(detection=False)
    spec = replace(spec, priors=Priors(intercept=Prior("normal", (0.0, prior_sd))))
    draws = prior_draws(spec, draws=2000, seed=4)
    share = prior_sd**2 / (prior_sd**2 + data_sd**2)
    rng = np.random.default_rng(5)
    drawn = share * at + np.sqrt(share) * data_sd * rng.standard_normal((1, 2000))
    return spec, draws.assign(intercept=(("chain", "draw"), drawn))


@pytest.mark.parametrize(
    ("prior_sd", "at", "diagnosis"),
    [
        (50.0, 1.0, "not sensitive"),
        (0.1, 0.0, "strong priors or weak data"),
        (0.5, 3.0, "possible conflict of priors and data"),
    ],
)
def test_a_known_conflict_is_found(
    prior_sd: float, at: float, diagnosis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, draws = conjugate(prior_sd, 0.5, at=at)

    def normal(_spec: ModelSpec, kept: xr.Dataset) -> xr.Dataset:
        return xr.Dataset({"outcome": -0.5 * ((kept["intercept"] - at) / 0.5) ** 2})

    monkeypatch.setattr("threatkit.model.sensitivity.log_likelihood", normal)
    one = draws[["intercept"]]
    frame = prior_sensitivity(spec, one, {"doubled": 2 * flat(draws, "intercept")})
    assert frame.loc["intercept", "diagnosis"] == diagnosis
    assert frame.loc["doubled", "diagnosis"] == diagnosis
    assert frame.loc["doubled", "prior"] == pytest.approx(frame.loc["intercept", "prior"])
    assert frame.loc["doubled", "strongest"] == "intercept"


def test_a_frame_by_hyperparameter_and_result_within_seconds() -> None:
    spec = make_spec()
    draws = prior_draws(spec, draws=1200, seed=2).assign_coords(pillar=["youth"])
    made = forecast(spec, draws, seed=2)
    wanted = quantities(made, spec.panel.districts.index[:9], "north")
    assert next(iter(wanted)) == "expected episodes, north"
    assert list(wanted)[-1].startswith("event probability, D")
    begun = time.monotonic()
    frame = prior_sensitivity(spec, draws, wanted)
    assert time.monotonic() - begun < 20
    assert {"intercept", "pillar_weight[youth]", *wanted} <= set(frame.index)
    assert frame["kind"].iloc[0] == "result"
    assert np.isfinite(frame[["prior", "likelihood", "strongest_value"]].to_numpy(float)).all()


def test_the_log_prior_is_summed_over_elements() -> None:
    spec = make_spec()
    draws = prior_draws(spec, draws=5, seed=2)
    found = log_prior(spec, draws)
    weights = draws["pillar_weight"].to_numpy()
    expected = spec.priors.pillar_weight.logpdf(weights).sum(axis=-1)
    np.testing.assert_allclose(found["pillar_weight"].to_numpy(), expected)
    assert all(values.dims == ("chain", "draw") for values in found.data_vars.values())


def test_a_model_without_free_hyperparameters_has_an_empty_frame() -> None:
    spec = make_spec()
    draws = prior_draws(spec, draws=5, seed=2)[["eta"]]
    assert prior_sensitivity(spec, draws, {}).empty
    assert isinstance(prior_sensitivity(spec, draws, {}), pd.DataFrame)


def test_a_sensitivity_that_is_not_known_is_null_in_the_record() -> None:
    frame = pd.DataFrame({"prior": [np.nan], "strongest": ["intercept"]}, index=["x"])
    record = json.loads(json.dumps(sensitivity_record(frame), allow_nan=False))
    assert record["quantities"] == {"x": {"prior": None, "strongest": "intercept"}}


def test_what_is_expected_is_told_before_and_after_data() -> None:
    spec = make_spec()
    members = spec.panel.districts.index
    prior = prior_draws(spec, draws=300, seed=1)
    sure = prior.copy()
    sure["eta"] = sure["eta"] * 0 - 3.0
    for name in ("year_sd", "dispersion", "history", "spillover"):
        sure[name] = sure[name] * 0 + 0.01
    told = expectations(spec, members, region="north", prior=prior, posterior=sure, seed=1)
    table = told.table
    assert list(table.index) == ["north", "district-years of north with an episode"]
    assert (table["before_lo"] <= table["before_mid"]).all()
    assert (table["before_hi"] >= table["after_hi"]).all()
    assert table.loc["north", "before_hi"] > table.loc["north", "after_hi"]
    people = spec.panel.people.sum()
    assert table.loc["north", "after_mid"] == pytest.approx(people * np.exp(-3), rel=0.5)
    first, second = told.sentences()
    assert first.startswith("Before seeing data the model expects ")
    assert "episodes a year in north, with a probability of 90%; after, " in first
    assert "of the district-years of north" in second
    json.dumps(told.record(), allow_nan=False)


def test_before_data_no_episode_is_remembered() -> None:
    spec = make_spec()
    members = spec.panel.districts.index
    prior = prior_draws(spec, draws=200, seed=1)
    loud = replace(spec.panel, history=spec.panel.history + 50.0)
    one, other = (
        expectations(replace(spec, panel=panel), members, region="north", prior=prior, seed=1)
        for panel in (spec.panel, loud)
    )
    pd.testing.assert_frame_equal(one.table, other.table)
    assert not any("after" in sentence for sentence in one.sentences())


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (7.0, "7"), (43.2, "43"), (585.0, "580"), (31790.0, "32 000")]
)
def test_counts_are_told_in_two_digits(value: float, text: str) -> None:
    assert two_digits(value) == text


def test_a_quantity_that_has_nothing_to_do_with_the_model_is_not_called_sensitive() -> None:
    spec = make_spec()
    draws = prior_draws(spec, draws=1500, seed=7)
    few = draws.isel(draw=slice(0, 300))
    unrelated = np.random.default_rng(8).standard_normal(1500)
    many = prior_sensitivity(spec, draws, {"unrelated": unrelated})
    assert many.loc["unrelated", "prior"] > 0
    assert many.loc["unrelated", "diagnosis"] == "not sensitive"
    noise = prior_sensitivity(spec, few, {})["prior_noise"].iloc[0]
    assert noise > many["prior_noise"].iloc[0] > 0
    assert not many.index.str.startswith("random").any()
