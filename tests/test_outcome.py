"""The likelihood of the outcome against its textbook form, cell by cell."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
import pytest
from scipy import stats

from threatkit.model.build import build, outcome_logp
from threatkit.model.densefield import dense_field
from threatkit.model.panel import Panel
from threatkit.model.simulate import simulate_panel
from threatkit.model.spec import ModelSpec

PANEL = simulate_panel(rows=4, columns=4, years=6, seed=5).panel
ETA = np.random.default_rng(3).normal(-3, 1, 16)
LOG_EXPOSURE = np.random.default_rng(4).normal(0, 0.2, (2, 6))
HISTORY = 0.4
SPREAD = 0.7


def logp(spec: ModelSpec) -> float:
    name = {"nb1": "dispersion", "nb2": "size"}.get(spec.likelihood)
    fixed = replace(
        spec.priors, **({name: replace(spec.priors.country_sd, values=(SPREAD,))} if name else {})
    )
    spec = replace(spec, priors=fixed)
    with pm.Model():
        terms = [(HISTORY, np.log1p(spec.panel.history))]
        value = outcome_logp(spec, pt.as_tensor(ETA), pt.as_tensor(LOG_EXPOSURE), terms)
    return float(value.eval())


def means(panel: Panel) -> np.ndarray:
    exposure = panel.exposure_years * np.exp(LOG_EXPOSURE)
    moved = np.exp(HISTORY * np.log1p(panel.history[:, :-1]))
    return panel.people[:, None] * np.exp(ETA)[:, None] * exposure[panel.country_of] * moved


def counts(panel: Panel) -> np.ndarray:
    table = np.zeros((16, 6), dtype=int)
    table[panel.cells["district"], panel.cells["period"]] = panel.cells["count"]
    return table


@pytest.mark.parametrize("likelihood", ["nb1", "nb2", "poisson", "bernoulli"])
def test_collapsed_likelihood_equals_the_sum_over_all_cells(likelihood: str) -> None:
    spec = ModelSpec(PANEL, likelihood=likelihood, pillars=("youth",))
    mean, count = means(PANEL), counts(PANEL)
    match likelihood:
        case "nb1":
            expected = stats.nbinom.logpmf(count, mean / SPREAD, 1 / (1 + SPREAD)).sum()
        case "nb2":
            expected = stats.nbinom.logpmf(count, SPREAD, SPREAD / (SPREAD + mean)).sum()
        case "poisson":
            expected = stats.poisson.logpmf(count, mean).sum()
        case _:
            expected = np.where(count > 0, np.log(-np.expm1(-mean)), -mean).sum()
    assert logp(spec) == pytest.approx(expected, rel=1e-9)


def test_an_uncertain_episode_weighs_both_of_its_readings() -> None:
    """A cell that holds an episode with weight 0.3 is 0.3 of a one and 0.7 of a zero."""
    spec = ModelSpec(PANEL, pillars=("youth",))
    free = next(i for i in range(16) if not (PANEL.cells["district"] == i).any())

    def with_cell(rows: list[tuple[int, float]]) -> float:
        extra = pd.DataFrame(
            {
                "district": free,
                "period": 2,
                "count": [count for count, _ in rows],
                "weight": [weight for _, weight in rows],
            }
        )
        cells = pd.concat([PANEL.cells, extra], ignore_index=True)
        return logp(replace(spec, panel=replace(PANEL, cells=cells)))

    zero, one = logp(spec), with_cell([(1, 1.0)])
    assert with_cell([(0, 0.7), (1, 0.3)]) == pytest.approx(0.7 * zero + 0.3 * one, rel=1e-9)


def test_cells_that_no_source_covers_say_nothing() -> None:
    blind = PANEL.exposure_years.copy()
    blind[0, 3] = 0.0
    inside = (PANEL.country_of[PANEL.cells["district"]] == 0) & (PANEL.cells["period"] == 3)
    panel = replace(PANEL, exposure_years=blind, cells=PANEL.cells[~inside])
    mean, count = means(PANEL), counts(PANEL)
    here = np.zeros_like(mean, dtype=bool)
    here[PANEL.country_of == 0, 3] = True
    expected = stats.nbinom.logpmf(count, mean / SPREAD, 1 / (1 + SPREAD))[~here].sum()
    assert logp(ModelSpec(panel, pillars=("youth",))) == pytest.approx(expected, rel=1e-9)


def reordered(panel: Panel, order: np.ndarray) -> Panel:
    codes = tuple(np.array(panel.graph.districts)[order])
    place = np.argsort(order)
    return replace(
        panel,
        districts=panel.districts.iloc[order],
        graph=replace(panel.graph, districts=codes),
        cells=panel.cells.assign(district=place[panel.cells["district"]]),
        history=panel.history[order],
        spillover=panel.spillover[order],
        afghan=panel.afghan[order],
        measurements=replace(panel.measurements, weights=panel.measurements.weights[:, order]),
    )


def test_the_log_density_is_the_same_for_any_order_of_the_districts() -> None:
    """The field is given by its values; its coordinates in either basis follow from them."""
    order = np.random.default_rng(11).permutation(16)
    total = []
    for panel, picked in ((PANEL, np.arange(16)), (reordered(PANEL, order), order)):
        spec = ModelSpec(panel, pillars=("youth",))
        model = build(spec)
        point = model.initial_point()
        rng = np.random.default_rng(7)
        for name in sorted(point):
            if name != "field":
                point[name] = point[name] + 0.1 * rng.standard_normal(point[name].shape)
        held = dense_field(panel.graph)
        mixing = 1 / (1 + np.exp(-point["field_mixing_logodds__"]))
        scale = np.sqrt(1 + mixing * (held.variance - 1))
        point["field"] = held.vectors.T @ rng.standard_normal(16)[picked] / scale
        total.append(float(model.compile_logp()(point)))
    assert total[0] == pytest.approx(total[1], rel=1e-9)
