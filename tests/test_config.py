"""A configuration is checked in whole, and every fault says where it is."""

from dataclasses import FrozenInstanceError, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threatkit.config import Config, load_config, parse_config, parse_horizon
from threatkit.errors import InvalidInput
from threatkit.options import EVENT_TYPES, Judgement, ModelOptions


def faults_of(path: Path | None = None, **overrides: Any) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        load_config(path, **overrides)
    return [str(fault) for fault in caught.value.faults]


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "threatkit.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_defaults_serve() -> None:
    config = load_config()
    assert config == Config()
    with pytest.raises(FrozenInstanceError):
        config.seed = 1  # type: ignore[misc]


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    assert load_config(written(tmp_path, "")) == Config()


def test_every_key_is_read(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "shapes.geojson").write_text("{}")
    config = load_config(
        written(
            tmp_path,
            """
region = "kg-b"
as_of = 2025-12-31
known_then = true
horizon_months = 6
start_year = 2010
seed = 7
ci_prob = 0.8
indicators = ["own"]
shipped = false
boundaries = "shapes.geojson"
event_types = ["armed_clash", "prison_riot"]
require_death = true
[model]
likelihood = "nb2"
year_effect = "none"
international_weight = 1
[sampling]
draws = 2000
budget_minutes = 3
cut_budget_minutes = 4
[priors]
field_sd = "pc(2, 0.01)"
[[judgements]]
area = "KG-B"
factor = 2
reason = "a stated reason"
role = "analyst"
valid_from = 2026-01-01
valid_until = "2026-12-31"
""",
        )
    )
    assert config.region == "KG-B"
    assert config.as_of == date(2025, 12, 31)
    assert config.known_then
    assert (config.sampling.budget_minutes, config.sampling.cut_budget_minutes) == (3, 4)
    assert (config.horizon_months, config.start_year, config.seed) == (6, 2010, 7)
    assert config.indicators == (tmp_path / "own",)
    assert config.boundaries == tmp_path / "shapes.geojson"
    assert config.model.likelihood == "nb2"
    assert config.model.international_weight == 1.0
    assert config.sampling.draws == 2000
    assert config.priors == {"field_sd": "pc(2, 0.01)"}
    day = date(2026, 1, 1), date(2026, 12, 31)
    assert config.judgements == (
        Judgement("KG-B", 2.0, 0.3, "a stated reason", "analyst", day[0], day[1]),
    )


def test_all_faults_come_at_once_with_their_lines(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
regoin = "fergana"
seed = "seven"
ci_prob = 90
event_types = ["armed_clash", "bordr_clash"]
as_of = 2001-01-01

[model]
likelihod = "nb1"
year_effect = "wite"
history = 1

[sampling]
chains = 1

[[judgements]]
area = "KG-B"
factor = 2
reason = "r"
role = "r"
valid_from = 2026-01-01
valid_until = 2026-12-31

[[judgements]]
area = ""
factor = -1
valid_from = 2026-02-01
valid_until = 2026-01-01
""",
    )
    faults = faults_of(path)
    expected = [
        "line 2, key 'regoin': this key is not known. Did you mean 'region'?",
        "line 3, key 'seed': this is a whole number from 0 to 4294967295, found 'seven'",
        "line 4, key 'ci_prob': this is a number from 0.5 to 0.99, found 90",
        "found 'bordr_clash'. Did you mean 'border_clash'?",
        "line 6, key 'as_of': it lies after start_year, 2005, found '2001-01-01'",
        "line 9, [model], key 'likelihod': this key is not known. Did you mean 'likelihood'?",
        "line 10, [model], key 'year_effect': this is one of white, walk, none, found 'wite'",
        "line 11, [model], key 'history': this is true or false, found 1",
        "line 14, [sampling], key 'chains': this is a whole number from 2 to 64, found 1",
        "line 25, [[judgements]] 2, key 'area': this is a text",
        "line 26, [[judgements]] 2, key 'factor': this is a number from 0.01 to 100",
        "[[judgements]] 2, key 'reason': this is a text and must be given",
        "line 28, [[judgements]] 2, key 'valid_until': it lies after valid_from, 2026-02-01",
    ]
    for text in expected:
        assert any(text in fault for fault in faults), text
    assert all(fault.startswith(str(path)) for fault in faults)
    assert len(faults) == len(expected) + 1  # the role of the second judgement


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("region = Mars", "this is not TOML"),
        ('region = "Mars"', "a region is one of central-asia, fergana, KAZ"),
        ("model = 3", r"line 1, key 'model': this is a table: a line \[model\]"),
        ("judgements = 3", r"under its own line \[\[judgements\]\]"),
        ("as_of = 2026-01-01T00:00:00", "this is a date like"),
        ('as_of = "31.12.2025"', "this is a date like"),
        ("event_types = []", "at least one word"),
        ('event_types = ["armed_clash", "armed_clash"]', "no word stands twice"),
        ("seed = true", "whole number"),
        ("ci_prob = nan", "number from 0.5"),
        ("indicators = 3", "path of a folder"),
        ('indicators = ["none"]', "folder does not exist"),
        ('indicators = ["threatkit.toml"]', "must be a folder"),
        ('boundaries = "none.geojson"', "file does not exist"),
        ("shipped = false", "others must be given"),
        ("[priors]\nfield_sd = 3", "this is a text"),
    ],
)
def test_single_faults(tmp_path: Path, text: str, rule: str) -> None:
    with pytest.raises(InvalidInput, match=rule):
        load_config(written(tmp_path, text))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert "does not exist" in faults_of(tmp_path / "none.toml")[0]
    assert "threatkit init" in faults_of(tmp_path / "none.toml")[0]
    assert "cannot be read" in faults_of(tmp_path)[0]
    path = tmp_path / "latin.toml"
    path.write_bytes('region = "café"'.encode("latin-1"))
    assert "UTF-8" in faults_of(path)[0]


def test_a_byte_order_mark_and_crlf_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "threatkit.toml"
    path.write_bytes(b"\xef\xbb\xbfregion = 'fergana'\r\nseed = 7\r\n")
    assert load_config(path) == replace(Config(), region="fergana", seed=7)


def test_options_win_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, 'seed = 7\nindicators = ["gone"]\n[sampling]\ndraws = 50\n')
    (tmp_path / "own").mkdir()
    monkeypatch.chdir(tmp_path)
    config = load_config(
        path, seed=8, region=None, indicators=(Path("own"),), sampling={"chains": 2}
    )
    assert (config.seed, config.region) == (8, "central-asia")
    assert config.indicators == (tmp_path / "own",)
    assert (config.sampling.draws, config.sampling.chains) == (50, 2)
    assert load_config(model=ModelOptions(history=False)).model.history is False
    assert load_config(shipped=False, indicators=(Path("own"),)).shipped is False
    assert any("'sed'" in fault and "'seed'" in fault for fault in faults_of(sed=3))


def test_a_configuration_survives_its_record(tmp_path: Path) -> None:
    config = replace(
        Config(),
        as_of=date(2026, 4, 30),
        indicators=(tmp_path,),
        priors={"field_sd": "pc(2, 0.01)"},
        judgements=(Judgement("KG-B", 2.0, 0.3, "r", "r", date(2026, 1, 1), date(2026, 2, 1)),),
    )
    assert parse_config(config.as_dict()) == config


@given(
    st.builds(
        Config,
        region=st.sampled_from(["fergana", "KAZ", "UZ-FA"]),
        horizon_months=st.integers(1, 36),
        seed=st.integers(0, 2**32 - 1),
        ci_prob=st.floats(0.5, 0.99),
        event_types=st.lists(st.sampled_from(EVENT_TYPES), min_size=1, unique=True).map(tuple),
        require_death=st.booleans(),
    )
)
def test_every_valid_configuration_survives_its_record(config: Config) -> None:
    assert parse_config(config.as_dict()) == config


@pytest.mark.parametrize(("text", "months"), [("12m", 12), ("1y", 12), (" 6M ", 6), ("3y", 36)])
def test_horizons(text: str, months: int) -> None:
    assert parse_horizon(text) == months


@pytest.mark.parametrize("text", ["", "12", "0m", "37m", "4y", "m", "-1m", "1.5y", "12 months"])
def test_no_horizons(text: str) -> None:
    with pytest.raises(InvalidInput, match="a horizon is 1m to 36m"):
        parse_horizon(text)
