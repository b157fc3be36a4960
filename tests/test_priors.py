"""Priors as text: parsed, refused with a reason, and the same numbers in PyMC."""

import math

import numpy as np
import pymc as pm
import pytest

from threatkit.errors import Fault, InvalidInput
from threatkit.model.priors import FAMILIES, Prior, parse_prior
from threatkit.model.spec import Priors, make_priors

EXAMPLES = {
    "normal": "normal(0, 2)",
    "half_normal": "half_normal(1.5)",
    "exponential": "exponential(0.5)",
    "pc": "pc(3, 0.01)",
    "gamma": "gamma(2, 0.5)",
    "lognormal": "lognormal(0, 0.5)",
    "beta": "beta(0.5, 0.5)",
}


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "fixed"])
def test_the_sd_of_a_prior_is_that_of_its_draws(family: str) -> None:
    prior = parse_prior(EXAMPLES[family], where="test")
    assert isinstance(prior, Prior)
    with pm.Model():
        draws = pm.draw(prior.variable("x"), draws=40_000, random_seed=1)
    assert np.std(draws) == pytest.approx(prior.sd, rel=0.05)


def test_a_pc_prior_has_its_stated_tail() -> None:
    with pm.Model():
        draws = pm.draw(Prior("pc", (2.0, 0.1)).variable("x"), draws=40_000, random_seed=2)
    assert np.mean(draws > 2.0) == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("text", EXAMPLES.values())
def test_text_and_prior_round_trip(text: str) -> None:
    prior = parse_prior(text, where="test")
    assert isinstance(prior, Prior)
    assert parse_prior(str(prior), where="test") == prior


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("normal", "a prior is FAMILY(NUMBERS)"),
        ("cauchy(0, 1)", "a prior is FAMILY(NUMBERS)"),
        ("normal(0)", "normal takes mu, sd"),
        ("normal(0, -1)", "sd of normal is above 0"),
        ("normal(0, one)", "are numbers"),
        ("normal(0, inf)", "are finite"),
        ("pc(1, 1.5)", "between 0 and 1"),
    ],
)
def test_a_bad_prior_says_which_rule_it_breaks(text: str, rule: str) -> None:
    fault = parse_prior(text, where="[priors] intercept")
    assert isinstance(fault, Fault)
    assert rule in str(fault)
    assert "[priors] intercept" in str(fault)


@pytest.mark.parametrize(
    ("support", "text"),
    [("positive", "normal(0, 1)"), ("positive", "fixed(-1)"), ("unit", "half_normal(1)")],
)
def test_a_prior_off_the_support_is_refused(support: str, text: str) -> None:
    assert isinstance(parse_prior(text, where="x", support=support), Fault)


def test_all_faults_of_the_priors_come_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        make_priors({"field_sd": "normal(0, 1)", "nonsense": "normal(0, 1)", "history": "x"})
    assert len(caught.value.faults) == 3


def test_a_given_prior_replaces_the_default() -> None:
    priors = make_priors({"pillar_weight": "half_normal(0.3)"})
    assert priors.pillar_weight == Prior("half_normal", (0.3,))
    assert priors.field_sd == Priors().field_sd


def test_half_normal_sd_is_the_textbook_value() -> None:
    assert Prior("half_normal", (1.0,)).sd == pytest.approx(math.sqrt(1 - 2 / math.pi))


def test_a_fixed_value_serves_for_a_vector() -> None:
    with pm.Model(coords={"indicator": ["a", "b", "c"]}):
        held = Prior("fixed", (0.5,)).variable("loading", dims="indicator")
        alone = Prior("fixed", (0.5,)).variable("intercept")
    assert held.eval().tolist() == [0.5, 0.5, 0.5]
    assert float(alone.eval()) == 0.5
