"""Replicated data and posterior predictive checks: they hold where the model is true."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from threatkit.derive import checkplots
from threatkit.evaluate.predictive import LESS, MORE, OTHER, REPRODUCED, SAME, check
from threatkit.model.course import movements
from threatkit.model.features import Data, features, moran
from threatkit.model.information import moving, own_log_likelihood
from threatkit.model.panel import Panel, memory, neighbour_mean
from threatkit.model.priors import Prior
from threatkit.model.replicate import completed_counts, new_years, observed_counts, replicate
from threatkit.model.simulate import Simulated, simulate_panel
from threatkit.model.spec import ModelSpec, Priors


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    return simulate_panel(rows=6, columns=6, years=10, seed=5)


@pytest.fixture(scope="module")
def spec(simulated: Simulated) -> ModelSpec:
    return ModelSpec(simulated.panel, pillars=())


def known_draws(spec: ModelSpec, eta: np.ndarray, size: int = 200) -> xr.Dataset:
    """Return draws that all hold one set of parameters, years drawn with them."""
    panel = spec.panel
    year = np.random.default_rng(3).standard_normal(len(panel.periods))
    one = {"year_sd": 0.5, "dispersion": 0.6, "history": 0.4, "spillover": 0.2}
    data = {name: (("chain", "draw"), np.full((1, size), value)) for name, value in one.items()}
    wide = {
        "eta": (("chain", "draw", "district"), np.tile(eta, (1, size, 1))),
        "year_effect": (
            ("chain", "draw", "period"),
            np.tile(0.5 * (year - year.mean()), (1, size, 1)),
        ),
    }
    return xr.Dataset({**data, **wide})


def with_counts(panel: Panel, counts: np.ndarray) -> Panel:
    """Return the panel with other counts, and the memory that follows from them."""
    district, period = np.nonzero(counts)
    number = counts[district, period].astype(int)
    cells = pd.DataFrame({"district": district, "period": period, "count": number, "weight": 1.0})
    events = pd.DataFrame(
        {
            "district": panel.districts.index[district],
            "start": [pd.Timestamp(int(panel.periods[at]), 7, 2) for at in period],
            "weight": number.astype(float),
        }
    )
    own = memory(events, list(panel.districts.index), panel.periods, panel.as_of)
    near = neighbour_mean(panel.graph, own)
    return replace(panel, cells=cells, history=own, spillover=near)


def forgotten(panel: Panel) -> Panel:
    empty = np.zeros_like(panel.history)
    return replace(panel, history=empty, spillover=empty)


def test_an_episode_known_to_its_oblast_goes_to_one_district_by_its_weights(
    spec: ModelSpec,
) -> None:
    panel = spec.panel
    inside = np.flatnonzero(panel.oblast_of == 0)[:4]
    share = np.array([0.5, 0.3, 0.15, 0.05])
    rows = [
        (at, 2, k, w) for at, p in zip(inside, share, strict=True) for k, w in ((0, 1 - p), (1, p))
    ]
    rows[:2] = [(inside[0], 2, 3, 0.5), (inside[0], 2, 4, 0.5)]
    cells = pd.DataFrame(rows, columns=["district", "period", "count", "weight"])
    given = replace(spec, panel=replace(panel, cells=cells))
    made = completed_counts(given, size=4000, seed=1)
    assert (made.sum(axis=(1, 2)) == 4).all()
    np.testing.assert_allclose(made[:, inside, 2].mean(axis=0), [3.5, 0.3, 0.15, 0.05], atol=0.03)
    assert observed_counts(given).sum() == 4
    binary = replace(given, likelihood="bernoulli")
    assert completed_counts(binary, size=50, seed=1).max() == 1


def test_sure_counts_are_kept_as_they_are(simulated: Simulated, spec: ModelSpec) -> None:
    seen = observed_counts(spec)[0]
    cells = simulated.panel.cells
    assert seen.sum() == (cells["count"] * cells["weight"]).sum()
    np.testing.assert_array_equal(seen[cells["district"], cells["period"]], cells["count"])


def test_morans_i_is_that_of_the_definition(spec: ModelSpec) -> None:
    pairs = spec.panel.graph.pairs()
    values = np.random.default_rng(2).standard_normal((3, len(spec.panel.districts)))
    weight = np.zeros((values.shape[1], values.shape[1]))
    weight[pairs[:, 0], pairs[:, 1]] = weight[pairs[:, 1], pairs[:, 0]] = 1
    gap = values - values.mean(axis=1, keepdims=True)
    wanted = [
        len(g) / weight.sum() * (g @ weight @ g) / (g @ g)
        for g in gap
    ]  # fmt: skip
    np.testing.assert_allclose(moran(values, pairs), wanted)
    assert (moran(np.ones((2, 36)), pairs) == 0).all()
    assert (moran(values, np.zeros((0, 2), dtype=int)) == 0).all()


def test_other_years_follow_the_law_of_years(simulated: Simulated) -> None:
    moved = ModelSpec(simulated.panel, pillars=(), region_years="country", moving_place="oblast")
    rng = np.random.default_rng(4)
    shapes = {one.name: (len(one.starts), len(one.groups)) for one in movements(moved)}
    assert set(shapes) == {"region_year", "place_epoch"}
    size, periods = 4000, len(simulated.panel.periods)
    data: dict[str, tuple[tuple[str, ...], np.ndarray]] = {
        "year_effect": (("chain", "draw", "period"), rng.standard_normal((2, size, periods))),
        "year_sd": (("chain", "draw"), np.full((2, size), 0.5)),
    }
    for name, shape in shapes.items():
        dims = ("chain", "draw", f"{name}_start", f"{name}_group")
        data[name] = (dims, rng.standard_normal((2, size, *shape)))
        data[f"{name}_sd"] = (("chain", "draw"), np.full((2, size), 0.8))
        data[f"{name}_persistence"] = (("chain", "draw"), np.full((2, size), 0.6))
    draws = xr.Dataset(data)
    made = new_years(moved, draws, seed=1)
    year = made["year_effect"].to_numpy().reshape(-1, periods)
    np.testing.assert_allclose(year.sum(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(year.var(axis=0), 0.25 * (1 - 1 / periods), rtol=0.1)
    for name, (epochs, groups) in shapes.items():
        course = made[name].to_numpy().reshape(-1, epochs, groups)
        np.testing.assert_allclose(course.sum(axis=2), 0, atol=1e-12)
        np.testing.assert_allclose(course.var(axis=0), 0.64 * (1 - 1 / groups), rtol=0.12)
        last, before = course[:, -1, 0], course[:, -2, 0]
        assert np.corrcoef(last, before)[0, 1] == pytest.approx(0.6, abs=0.05)
    assert (draws["year_effect"] != made["year_effect"]).any()


def test_a_term_whose_prior_is_fixed_counts_like_one_that_was_sampled(
    simulated: Simulated, spec: ModelSpec
) -> None:
    fixed = {"history": 0.4, "spillover": 0.2, "dispersion": 0.6, "year_sd": 0.5}
    priors = Priors(**{name: Prior("fixed", (value,)) for name, value in fixed.items()})
    held = replace(spec, priors=priors)
    draws = known_draws(spec, simulated.eta, 3)
    bare = draws.drop_vars(list(fixed))
    np.testing.assert_allclose(moving(held, bare)(4), moving(spec, draws)(4))
    assert np.abs(moving(held, bare)(4)).max() > 0.1
    np.testing.assert_allclose(own_log_likelihood(held, bare), own_log_likelihood(spec, draws))
    one, two = (
        replicate(given, some, size=3, seed=1, anew=anew).counts
        for given, some, anew in ((held, bare, True), (spec, draws, True))
    )
    np.testing.assert_array_equal(one, two)


def test_what_the_model_makes_is_found_reproduced(simulated: Simulated, spec: ModelSpec) -> None:
    """Data from the very parameters of the draws: p-values are those of a true model."""
    draws = known_draws(spec, simulated.eta)
    free = replace(spec, panel=forgotten(spec.panel))
    made = replicate(free, draws, size=12, seed=9, anew=True)
    missed, p_values = 0, []
    for number, truth in enumerate(made.counts):
        real = replace(spec, panel=with_counts(spec.panel, truth))
        year = np.tile(made.draws["year_effect"].to_numpy()[:, [number]], (1, 200, 1))
        own = draws.assign(year_effect=draws["year_effect"].copy(data=year))
        table = check(real, own, size=150, seed=number).table()
        missed += int((table["finding"] != REPRODUCED).sum())
        p_values.append(table[f"{OTHER}_p"])
        assert table.filter(regex="_p$").stack().between(0, 1).all()
    mean = np.mean(p_values, axis=0)
    assert missed < 0.2 * len(p_values) * len(mean)
    assert 0.4 < mean.mean() < 0.6
    assert ((mean > 0.1) & (mean < 0.9)).all()


@pytest.mark.parametrize("likelihood", ["nb1", "nb2", "poisson"])
def test_a_cluster_that_the_model_cannot_make_is_told(
    simulated: Simulated, spec: ModelSpec, likelihood: str
) -> None:
    draws = known_draws(spec, simulated.eta - 1.0)
    draws["size"] = draws["dispersion"]
    panel = spec.panel
    counts = replicate(spec, draws, size=1, seed=2).counts[0]
    counts[panel.country_of == 1, 6] += 3
    real = replace(spec, panel=with_counts(panel, counts), likelihood=likelihood)  # type: ignore[arg-type]
    found = check(real, draws, size=150, seed=1)
    table = found.table()
    for name in ("most in a country and year", "chi-square of countries and years"):
        assert table.loc[name, "finding"] == MORE
        assert table.loc[name, f"{OTHER}_p"] < 0.01
    told = found.sentences()
    assert told[0].startswith(f"{(table['finding'] == REPRODUCED).sum()} of {len(table)} features")
    assert any(one.startswith("Most in a country and year:") for one in told[1:])
    assert checkplots.features(table) == checkplots.features(table)


def test_missing_episodes_are_told_too(simulated: Simulated, spec: ModelSpec) -> None:
    draws = known_draws(spec, simulated.eta + 1.0)
    silent = replace(spec, panel=with_counts(spec.panel, np.zeros((36, 10))))
    table = check(silent, draws, size=150, seed=1).table()
    assert table.loc["episodes", "finding"] == LESS
    assert table.loc["share of districts without", "finding"] == MORE
    assert np.isfinite(table.select_dtypes("number").to_numpy()).all()


def test_residuals_are_standardised_under_every_likelihood(
    simulated: Simulated, spec: ModelSpec
) -> None:
    for likelihood in ("nb1", "nb2", "poisson", "bernoulli"):
        given = replace(spec, likelihood=likelihood)  # type: ignore[arg-type]
        draws = known_draws(spec, simulated.eta, 1500)
        draws["size"] = draws["dispersion"] + 1
        made = replicate(given, draws, size=1500, seed=1)
        spread = np.full(1500, {"nb1": 0.6, "nb2": 1.6}.get(likelihood, 0.0))
        data = Data(made.counts, given, made.means, spread)
        frequent = made.means[0].sum(axis=1) > 0.5
        np.testing.assert_allclose(data.residual[:, frequent].mean(axis=0), 0, atol=0.12)
        np.testing.assert_allclose(data.residual[:, frequent].std(axis=0), 1, atol=0.12)
        countries = len(spec.panel.countries)
        chi = data.chi_square(spec.panel.country_of, countries)
        assert chi.mean() == pytest.approx(countries * len(spec.panel.periods), rel=0.1)


def test_every_feature_is_a_number_for_each_set(simulated: Simulated, spec: ModelSpec) -> None:
    made = replicate(spec, known_draws(spec, simulated.eta, 4), size=4, seed=1)
    data = Data(made.counts, spec, made.means, np.full(4, 0.6))
    for (about, name), of in features(spec).items():
        assert of(data).shape == (4,), (about, name)
    assert data.by_country.sum() == data.by_oblast.sum() == made.counts.sum()
    assert {SAME, OTHER} == {"same", "other"}
