"""Regressions on indicators know the past only, and recover what simulated data hold."""

import sys
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import check_grad

from threatkit.config import DEFAULT_EVENT_TYPES
from threatkit.data.catalogue import Catalogue, load_catalogue
from threatkit.errors import InvalidInput
from threatkit.evaluate import regression
from threatkit.evaluate.backtest import backtest
from threatkit.evaluate.baselines import Frequency
from threatkit.evaluate.outcome import Outcomes, outcomes
from threatkit.evaluate.regression import (
    Boosting,
    Origins,
    composite,
    features,
    fit_glm,
    indicator_baselines,
)
from threatkit.geo.boundaries import load_boundaries
from threatkit.geo.graph import Graph, build_graph
from threatkit.model.assemble import Outcome

RULES = Outcome(DEFAULT_EVENT_TYPES)
NAMES = ("composite index", "Poisson regression", "negative binomial regression")
BOOSTED = "gradient boosting"


@cache
def shipped() -> tuple[Catalogue, Graph, Outcomes]:
    catalogue = load_catalogue()
    graph = build_graph(load_boundaries(codes=catalogue.districts.index))
    return catalogue, graph, outcomes(catalogue, graph, RULES)


def made(name: str, history: Outcomes, catalogue: Catalogue | None = None) -> np.ndarray:
    if name == BOOSTED:
        pytest.importorskip("sklearn", reason="needs the extra 'evaluate'")
    origins = Origins(catalogue or shipped()[0], shipped()[1], RULES)
    return indicator_baselines(origins.panel)[name](history)


@pytest.mark.parametrize("name", [*NAMES, BOOSTED])
def test_a_regression_is_a_distribution_over_counts(name: str) -> None:
    pmf = made(name, shipped()[2].until(2015))
    np.testing.assert_allclose(pmf.sum(axis=1), 1.0)
    assert (pmf >= 0).all()
    assert 2 < (1 - pmf[:, 0]).sum() < 20


def until_2015(table: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Return a table without what happened after 2015; geometry has no date."""
    if table == "events":
        return rows[rows["date_start"].astype(str) < "2016"]
    if table == "values":
        last = rows["period"].astype(str).str.split("/").str[-1].str[:4]
        return rows[(last < "2016") | (rows["area_level"] == "adm2")]
    if table in ("ucdp_episodes", "afghan_side"):
        return rows[rows["period"].astype(int) < 2016]
    return rows


@pytest.mark.parametrize("name", [*NAMES, BOOSTED])
def test_no_regression_looks_ahead(name: str) -> None:
    catalogue, _, happened = shipped()
    packages = tuple(
        replace(
            package, tables={key: until_2015(key, rows) for key, rows in package.tables.items()}
        )
        for package in catalogue.packages
    )
    cut = replace(catalogue, packages=packages)
    assert len(cut.events) < len(catalogue.events)
    assert len(cut.values) < len(catalogue.values)
    history = happened.until(2015)
    np.testing.assert_allclose(made(name, history, cut), made(name, history), rtol=1e-9)


@pytest.mark.parametrize("likelihood", ["poisson", "nb2"])
def test_a_glm_recovers_known_coefficients(likelihood: str) -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(20_000, 2))
    exposure = rng.uniform(0.5, 2.0, size=len(x))
    mean = exposure * np.exp(-1.0 + 0.6 * x[:, 0] - 0.3 * x[:, 1])
    size = 1.5
    rate = mean if likelihood == "poisson" else mean * rng.gamma(size, 1 / size, size=len(x))
    beta, fitted = fit_glm(x, rng.poisson(rate).astype(float), exposure, likelihood=likelihood)
    np.testing.assert_allclose(beta, [-1.0, 0.6, -0.3], atol=0.05)
    assert np.isinf(fitted) if likelihood == "poisson" else abs(fitted - size) < 0.3


def test_gradients_are_those_of_the_likelihood(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(200, 3)), rng.poisson(0.3, size=200).astype(float)
    taken = {}

    def keep(loss, start, **_):  # type: ignore[no-untyped-def]
        taken["loss"] = loss
        return type("Found", (), {"x": start})

    monkeypatch.setattr(regression, "minimize", keep)
    for likelihood, length in (("poisson", 4), ("nb2", 5)):
        fit_glm(x, y, np.full(200, 0.7), likelihood=likelihood)
        loss = taken["loss"]
        at = rng.normal(size=length) * 0.3
        assert check_grad(lambda v, f=loss: f(v)[0], lambda v, f=loss: f(v)[1], at) < 1e-4


def test_features_and_composite_keep_to_their_scales() -> None:
    catalogue, graph, happened = shipped()
    panel = Origins(catalogue, graph, RULES).panel(happened.until(2019))
    frame = features(panel)
    np.testing.assert_allclose(frame.mean(), 0, atol=1e-9)
    assert "people" in frame
    assert "border (geometry)" in frame
    assert frame.isna().any().any()
    index = composite(panel)
    assert ((index >= 0) & (index <= 10)).all()
    near = frame["border (geometry)"].to_numpy() > 1.0
    assert index[near].mean() > index[~near].mean()


def test_regressions_go_through_the_harness() -> None:
    catalogue, graph, happened = shipped()
    pytest.importorskip("sklearn", reason="needs the extra 'evaluate'")
    named = {
        "shrunken frequency": Frequency(),
        **indicator_baselines(Origins(catalogue, graph, RULES).panel),
    }
    table = backtest(happened, [2013, 2014], named).table()
    assert len(table) == 5
    # Without the heavier of two years no interval is left.
    assert not table.drop(columns=list(table.filter(regex="_rest_"))).isna().any().any()


def test_without_scikit_learn_one_sentence_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(InvalidInput, match=r"threatkit\[evaluate\]"):
        Boosting(Origins(*shipped()[:2], RULES).panel)(shipped()[2].until(2012))
