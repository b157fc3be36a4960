"""Comparison of two runs: what moved, beyond noise, and why."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from tiny_runs import CODES, UNKNOWN, change_record, tiny_forecast, tiny_record, write_run

from threatkit.cli import threatkit
from threatkit.compare import Comparison, compare_runs, mean_error, rise_prob
from threatkit.errors import InvalidInput
from threatkit.export.run import read_run


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "first")


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Path:
    inputs = {"districts/datapackage.json": "c" * 64, "new/values.csv": "d" * 64}
    made = tiny_forecast(seed=1, lift=2.0)
    return write_run(tmp_path_factory.mktemp("runs") / "second", made, inputs=inputs, seed=2)


@pytest.fixture(scope="module")
def found(first: Path, second: Path) -> Comparison:
    return compare_runs(read_run(first), read_run(second))


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(threatkit, [str(word) for word in words])


def test_what_moved_and_why(found: Comparison) -> None:
    frame = found.districts
    assert set(frame.index) == set(CODES) - {UNKNOWN}
    moved = frame.loc[CODES[0]]
    assert moved["more_than_noise"]
    assert moved["rise_prob"] > 0.99
    assert 0 < moved["change_lo"] < moved["change"] < moved["change_hi"]
    assert moved["part"] == "border"
    assert moved["part_change_lo"] < moved["part_change"] < moved["part_change_hi"]
    assert moved["part_change"] == pytest.approx(2.0, abs=0.05)
    assert not frame.drop(CODES[0])["more_than_noise"].any()
    assert frame["change"].abs().is_monotonic_decreasing


def test_a_run_against_itself_has_not_moved(first: Path) -> None:
    same = compare_runs(read_run(first), read_run(first))
    assert (same.districts["change"] == 0).all()
    np.testing.assert_allclose(same.districts["rise_prob"], 0.5)
    assert not same.districts["more_than_noise"].any()
    assert same.districts["part"].isna().all()
    assert same.inputs.empty
    assert same.settings.empty


def test_the_two_directions_mirror_each_other(first: Path, second: Path, found: Comparison) -> None:
    back = compare_runs(read_run(second), read_run(first)).districts.loc[found.districts.index]
    np.testing.assert_allclose(back["rise_prob"], 1 - found.districts["rise_prob"])
    np.testing.assert_allclose(back["change"], -found.districts["change"])


def test_rise_prob_is_over_all_pairs() -> None:
    old, new = np.array([[0.1], [0.2]]), np.array([[0.2], [0.3], [0.05]])
    np.testing.assert_allclose(rise_prob(old, new), [(1.5 + 2 + 0) / 6])


def test_the_error_of_a_mean_is_that_of_independent_draws() -> None:
    values = np.random.default_rng(3).normal(0, 2.0, (4000, 200))
    assert mean_error(values).mean() == pytest.approx(2.0 / np.sqrt(4000), rel=0.03)
    assert np.isnan(mean_error(values[:1])).all()


def test_inputs_and_settings(first: Path, tmp_path: Path, found: Comparison) -> None:
    assert found.inputs["change"].to_dict() == {
        "districts/datapackage.json": "changed",
        "mine/datapackage.json": "removed",
        "new/values.csv": "added",
    }
    config = {**tiny_record()["config"], "start_year": 2010}
    other = write_run(tmp_path / "other", config=config)
    changed = compare_runs(read_run(first), read_run(other)).settings
    assert changed.loc["config.start_year"].tolist() == ["2005", "2010"]
    assert len(changed) == 1


def test_a_change_of_the_whole_region(first: Path, tmp_path: Path) -> None:
    made = tiny_forecast()
    made.expected[:] *= 3
    other = write_run(tmp_path / "other", made)
    assert set(compare_runs(read_run(first), read_run(other)).districts["part"]) == {"region"}


def test_runs_of_different_things_are_refused(first: Path, tmp_path: Path) -> None:
    config = {**tiny_record()["config"], "event_types": ["armed_clash"], "require_death": True}
    forecast = {"start": "2026-05-01", "end": "2026-10-31", "months": 6}
    other = write_run(tmp_path / "other", config=config, forecast=forecast)
    with pytest.raises(InvalidInput, match="length of the forecast") as caught:
        compare_runs(read_run(first), read_run(other))
    assert len(caught.value.faults) == 3
    assert run("compare", first, other).exit_code == 3


def test_the_command(first: Path, second: Path) -> None:
    result = run("compare", first, second, "--format", "csv")
    assert result.exit_code == 0
    assert result.stdout.startswith("district,name,country")
    assert len(result.stdout.splitlines()) == len(CODES)
    assert "Input removed: mine/datapackage.json" in result.stderr
    assert "1 of 5 districts changed by more than noise" in result.stderr
    found = json.loads(run("compare", first, second, "--format", "json").stdout)
    assert found["districts"][0]["part"] is not None
    assert "independent" in found["independence"]
    assert found["before"]["horizon_end"] == "2027-04-30"
    table = run("compare", first, second)
    assert table.exit_code == 0
    assert " to " in table.stdout


def test_a_gate_not_met_is_told(first: Path, tmp_path: Path) -> None:
    other = write_run(tmp_path / "bad")
    change_record(other, diagnostics={"passed": False, "failures": ["x"]})
    assert run("compare", first, other).exit_code == 4
