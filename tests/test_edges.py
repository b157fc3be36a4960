"""Panels at the edge: no episode at all, one period, one district; an answer, never a traceback."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from threatkit.geo.graph import Graph
from threatkit.model.check import predictive_check, prior_draws
from threatkit.model.density import Density
from threatkit.model.ensemble import Moves
from threatkit.model.expectation import expectations
from threatkit.model.forecast import flat, forecast
from threatkit.model.information import information
from threatkit.model.laplace import laplace_fit
from threatkit.model.panel import Measurements, Panel
from threatkit.model.simulate import simulate_panel
from threatkit.model.spec import ModelSpec
from threatkit.scores import score

QUICK = Moves(chains=32, max_rounds=1)


@pytest.fixture(scope="module")
def panel() -> Panel:
    return simulate_panel(rows=4, columns=4, years=6, seed=2).panel


def without_episodes(panel: Panel) -> Panel:
    return replace(
        panel,
        cells=panel.cells.iloc[:0],
        history=np.zeros_like(panel.history),
        spillover=np.zeros_like(panel.spillover),
    )


def last_period(panel: Panel) -> Panel:
    cells = panel.cells[panel.cells["period"] == len(panel.periods) - 1]
    return replace(
        panel,
        periods=panel.periods[-1:],
        exposure_years=panel.exposure_years[:, -1:],
        regime=panel.regime[:, -1:],
        cells=cells.assign(period=0).reset_index(drop=True),
        history=panel.history[:, -2:],
        spillover=panel.spillover[:, -2:],
        afghan=panel.afghan[:, -2:],
    )


def one_district(panel: Panel) -> Panel:
    edges = panel.graph.edges.iloc[:0]
    busiest = int(panel.cells["district"].mode()[0])
    at = slice(busiest, busiest + 1)
    table = panel.districts.iloc[at]
    country = int(panel.country_of[busiest])
    return replace(
        panel,
        districts=table,
        graph=Graph((str(table.index[0]),), edges),
        exposure_years=panel.exposure_years[country : country + 1],
        regime=panel.regime[country : country + 1],
        cells=panel.cells[panel.cells["district"] == busiest].assign(district=0),
        history=panel.history[at],
        spillover=np.zeros_like(panel.spillover[at]),
        afghan=panel.afghan[at],
        measurements=Measurements(panel.measurements.table.iloc[:0], np.zeros((0, 1))),
    )


@pytest.mark.parametrize("change", [without_episodes, last_period, one_district])
@pytest.mark.parametrize("likelihood", ["nb1", "bernoulli"])
def test_an_edge_is_fitted_and_scored(panel: Panel, change: object, likelihood: str) -> None:
    assert callable(change)
    edge = change(panel)
    spec = ModelSpec(
        edge,
        pillars=("youth",) if len(edge.districts) > 1 else (),
        likelihood=likelihood,  # type: ignore[arg-type]
        moving_place="oblast",
        region_years="country",
    )
    fitted = laplace_fit(spec, seed=1, draws=400, moves=QUICK)
    table = score(
        fitted.forecast, information=information(spec, fitted.draws), learned={}
    ).districts
    assert np.isfinite(table.select_dtypes("number").to_numpy(dtype=float)).all()
    assert table["event_prob"].between(0, 1).all()
    prior = prior_draws(spec, draws=50, seed=1)
    assert np.isfinite(forecast(spec, prior, seed=1).expected).all()
    checked = predictive_check(spec, prior, fitted.draws, seed=1, size=50)
    assert np.isfinite(checked.table.to_numpy(dtype=float)).all()
    members = pd.Index(edge.districts.index)
    told = expectations(spec, members, region="north", prior=prior, posterior=fitted.draws, seed=1)
    assert all("nan" not in sentence for sentence in told.sentences())


def test_without_an_episode_only_the_priors_tell_districts_apart(panel: Panel) -> None:
    """Silence says how high the rates can be at most; what is said of the record says so."""
    silent = ModelSpec(without_episodes(panel), pillars=(), history=False, spillover=False)
    (note,) = silent.notes
    assert note.startswith("no episode in the years covered")
    assert ModelSpec(panel, pillars=()).notes == ()
    prior = prior_draws(silent, draws=2000, seed=1)
    fitted = laplace_fit(silent, seed=1, draws=3000)
    before, after = flat(prior, "part_space"), flat(fitted.draws, "part_space")
    # The field keeps its prior's mean, and nearly its spread: silence bounds it from above only.
    assert np.abs(after.mean(axis=0)).max() < 0.5 * before.std()
    assert 0.6 < after.std() / before.std() < 1.1
    assert flat(fitted.draws, "intercept").mean() < flat(prior, "intercept").mean()


def test_without_coverage_the_posterior_is_the_prior(panel: Panel) -> None:
    """Where no source covers anything the density is the prior's alone."""
    bare = replace(without_episodes(panel), exposure_years=np.zeros_like(panel.exposure_years))
    spec = ModelSpec(bare, pillars=(), year_effect="none")
    density = Density(spec)
    rng = np.random.default_rng(1)
    point = 0.5 * rng.standard_normal((density.size, 4))
    normal = np.ones(density.size, dtype=bool)
    for name in density.layout.priors:
        normal[density.layout.slots[name]] = False
    _, grad = density(point)
    np.testing.assert_allclose(grad[normal], -point[normal], atol=1e-9)
