"""Priors shown, elicited, kept with role and date, and taken by a configuration."""

import json
import re
import sys
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from threatkit.cli import threatkit
from threatkit.config import load_config, parse_config
from threatkit.derive.reference import prior_list
from threatkit.elicitation import (
    default_family,
    elicit,
    prior_reasons,
    prior_table,
)
from threatkit.errors import InvalidInput
from threatkit.model.priors import Prior, parse_prior
from threatkit.model.spec import Priors, make_priors
from threatkit.options import Elicitation
from threatkit.priorfile import append_elicitation

DAY = date(2026, 3, 1)


def ask(name: str, **answers: Any) -> Elicitation:
    return elicit(name, role="analyst", made=DAY, **answers)


def prior_of(said: Elicitation) -> Prior:
    prior = parse_prior(said.value, where="test")
    assert isinstance(prior, Prior)
    return prior


def held(said: Elicitation) -> float:
    frozen = prior_of(said).frozen()
    return float(frozen.cdf(said.upper) - frozen.cdf(said.lower))


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(threatkit, [str(word) for word in words])


def test_every_prior_has_a_reason_and_it_is_that_of_the_page() -> None:
    reasons = prior_reasons()
    assert list(reasons) == list(vars(Priors()))
    assert all(reasons.values())
    told = [line for line in prior_list().splitlines() if "As above." not in line]
    for name, reason in reasons.items():
        rows = [line for line in told if line.startswith(f"| `{name}` |")]
        assert all(line.endswith(f"| {reason} |") for line in rows)


def test_the_table_shows_what_a_configuration_sets() -> None:
    table = prior_table(make_priors({"year_sd": "half_normal(0.2)"}))
    assert table.loc["year_sd", "value"] == "half_normal(0.2)"
    assert table.loc["year_sd", "default"] == "half_normal(0.5)"
    assert table.loc["year_sd", "reason"] == "given in the configuration"
    assert table.loc["field_sd", "q95"] == pytest.approx(1.95996, rel=1e-3)
    assert table.loc["country_sd", "q05"] == table.loc["country_sd", "q95"] == 1.0


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("intercept", {"lower": -7.0, "upper": -2.0}),
        ("intercept", {"lower": -7.0, "upper": -2.0, "median": -4.0}),
        ("dispersion", {"lower": 0.2, "upper": 3.0, "family": "gamma"}),
        ("dispersion", {"lower": 0.2, "upper": 3.0, "mass": 0.8, "mode": 0.6}),
        ("field_mixing", {"lower": 0.3, "upper": 0.9, "mode": 0.7}),
        ("field_sd", {"upper": 2.0, "family": "pc"}),
        ("year_sd", {"upper": 0.8}),
        ("year_sd", {"upper": 0.8, "family": "exponential"}),
    ],
)
def test_the_prior_holds_what_was_said(name: str, answers: dict[str, Any]) -> None:
    said = ask(name, **answers)
    assert held(said) == pytest.approx(said.mass, abs=0.01)
    if said.median is not None:
        assert prior_of(said).frozen().median() == pytest.approx(said.median, abs=0.05)
    assert getattr(make_priors({name: said.value}), name) == prior_of(said)


def test_a_known_answer_gives_the_textbook_prior() -> None:
    normal = prior_of(ask("history", lower=-1.959964, upper=1.959964, mass=0.95))
    assert normal.family == "normal"
    assert normal.values == pytest.approx((0.0, 1.0), abs=1e-3)
    assert ask("field_sd", upper=3.0, mass=0.99, family="pc").value == "pc(3, 0.01)"
    assert ask("year_sd", upper=1.644854, mass=0.9).value == "half_normal(1)"


def test_the_family_follows_the_quantity() -> None:
    assert default_family("history", -1.0) == "normal"
    assert default_family("year_sd", 0.0) == "half_normal"
    assert default_family("year_sd", 0.1) == "lognormal"
    assert default_family("field_mixing", 0.0) == "beta"


@pytest.mark.parametrize(
    ("name", "answers", "rule"),
    [
        ("yearsd", {"upper": 1.0}, "Did you mean 'year_sd'"),
        ("intercept", {"upper": 1.0}, "a lower bound must be given"),
        ("year_sd", {"lower": 2.0, "upper": 1.0}, "lies above the lower bound"),
        ("year_sd", {"upper": float("nan")}, "finite number"),
        ("year_sd", {"upper": 1.0, "mass": 1.0}, "probability from 0.01 to 0.999"),
        ("year_sd", {"lower": -1.0, "upper": 1.0}, "year_sd is positive"),
        ("field_mixing", {"lower": 0.1, "upper": 1.5}, "between 0 and 1"),
        ("year_sd", {"upper": 1.0, "family": "normal"}, "takes positive numbers"),
        ("year_sd", {"upper": 1.0, "family": "cauchy"}, "family that can be elicited"),
        ("year_sd", {"upper": 1.0, "family": "lognormall"}, "Did you mean 'lognormal'"),
        ("year_sd", {"lower": 0.1, "upper": 1.0, "family": "pc"}, "has one parameter"),
        ("year_sd", {"upper": 1.0, "mode": 0.5}, "leave it out"),
        ("intercept", {"lower": -4.0, "upper": 1.0, "mode": 2.0}, "between the two bounds"),
        (
            "intercept",
            {"lower": -4.0, "upper": 1.0, "mode": 0.0, "median": 0.0},
            "at most one of the two",
        ),
        (
            "intercept",
            {"lower": -7.0, "upper": -1.0, "mode": -6.9},
            "Leave out --mode or --median",
        ),
    ],
)
def test_an_answer_that_breaks_a_rule_is_refused(
    name: str, answers: dict[str, Any], rule: str
) -> None:
    with pytest.raises(InvalidInput, match=re.escape(rule)):
        ask(name, **answers)


def test_without_preliz_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "preliz", None)
    with pytest.raises(InvalidInput, match=r"pip install 'threatkit\[elicit\]'"):
        ask("intercept", lower=-5.0, upper=-1.0)
    assert ask("year_sd", upper=1.0).value.startswith("half_normal")


@settings(max_examples=25)
@given(upper=st.floats(1e-3, 1e3), mass=st.floats(0.05, 0.99))
def test_one_bound_settles_a_family_of_one_parameter(upper: float, mass: float) -> None:
    for family in ("half_normal", "exponential", "pc"):
        assert held(ask("year_sd", upper=upper, mass=mass, family=family)) == pytest.approx(
            mass, abs=0.01
        )


def test_an_answer_is_kept_and_the_rest_of_the_file_too(tmp_path: Path) -> None:
    path = tmp_path / "priors.toml"
    path.write_text('# ours\n[priors]\nhistory = "normal(0, 0.3)"  # kept\n', encoding="utf-8")
    first = ask("year_sd", upper=0.8, note='said "rarely"')
    second = ask("year_sd", upper=0.5)
    append_elicitation(path, first)
    append_elicitation(path, second)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# ours\n[priors]\n")
    assert "# kept" in text
    values = tomllib.loads(text)
    assert values["priors"] == {"history": "normal(0, 0.3)", "year_sd": second.value}
    assert [entry["value"] for entry in values["elicited"]] == [first.value, second.value]
    assert values["elicited"][0]["note"] == 'said "rarely"'
    assert values["elicited"][0]["made"] == DAY
    assert [p.name for p in tmp_path.iterdir()] == ["priors.toml"]


@pytest.mark.parametrize(
    "text", ["[priors", 'priors = {history = "normal(0, 1)"}\n', "[priors.deep]\nx = 1\n[a]\n"]
)
def test_a_file_that_cannot_be_mended_stays_as_it_was(tmp_path: Path, text: str) -> None:
    path = tmp_path / "priors.toml"
    path.write_text(text, encoding="utf-8")
    try:
        append_elicitation(path, ask("year_sd", upper=0.8))
    except InvalidInput:
        assert path.read_text(encoding="utf-8") == text
    else:
        assert tomllib.loads(path.read_text(encoding="utf-8"))["priors"]["year_sd"]


def test_a_configuration_takes_a_file_of_priors(tmp_path: Path) -> None:
    said = ask("year_sd", upper=0.8)
    append_elicitation(tmp_path / "priors.toml", said)
    config = tmp_path / "threatkit.toml"
    config.write_text(
        'priors_from = "priors.toml"\n[priors]\nhistory = "normal(0, 0.3)"\n', encoding="utf-8"
    )
    loaded = load_config(config)
    assert loaded.priors == {"year_sd": said.value, "history": "normal(0, 0.3)"}
    assert loaded.elicited == (said,)
    assert parse_config(json.loads(json.dumps(loaded.as_dict()))) == loaded
    alone = load_config(tmp_path / "priors.toml")
    assert alone.elicited == (said,)


def test_the_configurations_own_prior_wins(tmp_path: Path) -> None:
    append_elicitation(tmp_path / "priors.toml", ask("year_sd", upper=0.8))
    config = tmp_path / "threatkit.toml"
    config.write_text(
        'priors_from = "priors.toml"\n[priors]\nyear_sd = "half_normal(2)"\n', encoding="utf-8"
    )
    assert load_config(config).priors["year_sd"] == "half_normal(2)"


def test_of_several_files_of_priors_the_last_wins(tmp_path: Path) -> None:
    first, last = ask("year_sd", upper=0.8), ask("year_sd", upper=0.5)
    append_elicitation(tmp_path / "a.toml", first)
    append_elicitation(tmp_path / "b.toml", last)
    config = tmp_path / "threatkit.toml"
    config.write_text('priors_from = ["a.toml", "b.toml"]\n', encoding="utf-8")
    loaded = load_config(config)
    assert loaded.priors == {"year_sd": last.value}
    assert loaded.elicited == (first, last)


def test_faults_of_a_file_of_priors_come_with_those_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "priors.toml").write_text(
        'regoin = 1\n[priors]\nyear_sd = 3\n[[elicited]]\nprior = "year_sd"\nlower = "a"\n',
        encoding="utf-8",
    )
    config = tmp_path / "threatkit.toml"
    config.write_text('priors_from = ["priors.toml", "none.toml"]\nsed = 1\n', encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        load_config(config)
    told = str(caught.value)
    for part in ("regoin", "year_sd", "'lower'", "'role'", "'made'", "none.toml", "'sed'"):
        assert part in told


def test_the_commands(tmp_path: Path) -> None:
    shown = run("priors", "show", "--format", "json")
    assert shown.exit_code == 0
    assert {row["prior"] for row in json.loads(shown.stdout)} == set(vars(Priors()))
    out = tmp_path / "priors.toml"
    words = ["priors", "elicit", "year_sd", "--upper", "0.8", "--role", "analyst"]
    said = run(*words, "--date", "2026-03-01", "--out", out, "--format", "json")
    assert said.exit_code == 0
    (row,) = json.loads(said.stdout)
    assert row["value"] == "half_normal(0.4864)"
    assert load_config(out).elicited[0].made == DAY
    bad = run("priors", "elicit", "intercept", "--upper", "1", "--role", "analyst")
    assert bad.exit_code == 3
    assert "lower bound must be given" in bad.stderr


def test_a_role_is_one_line_of_text() -> None:
    for role in ("", "  ", "two\nlines"):
        with pytest.raises(InvalidInput, match="--role"):
            elicit("year_sd", upper=1.0, role=role, made=DAY)


@pytest.mark.integration
def test_the_report_needs_no_fit() -> None:
    told = run("priors", "report", "--region", "fergana", "--seed", "1", "--format", "json")
    assert told.exit_code == 0
    rows = json.loads(told.stdout)
    assert rows[0]["quantity"] == "the Fergana Valley"
    assert "Before seeing data the model expects" in told.stderr
