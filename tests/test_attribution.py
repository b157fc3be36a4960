"""With which inputs the move between two runs is associated: refits are stood in for."""

import gzip
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from tiny_runs import tiny_forecast, tiny_record, write_run

from threatkit import attribution
from threatkit.attribution import NOTHING, REMAINDER, WHOLE, State, attribute, mark, put_back
from threatkit.cli import threatkit
from threatkit.compare import compare_runs
from threatkit.config import Config
from threatkit.differences import changed_events, changed_values
from threatkit.errors import InvalidInput
from threatkit.export.run import read_run
from threatkit.inputs import Inputs, load_inputs, make_spec
from threatkit.keptinputs import VALUES, KeptInputs, Unavailable, inputs_of, parse_kept
from threatkit.model.spec import ModelSpec
from threatkit.store import KEPT, packed

CONFIG = Config(as_of=date(2025, 12, 31))


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    return load_inputs(CONFIG)


@pytest.fixture(scope="module")
def plain(inputs: Inputs) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress(packed(inputs.kept())))
    return found


@pytest.fixture(scope="module")
def new(plain: dict[str, Any]) -> KeptInputs:
    return parse_kept(plain)


@pytest.fixture(scope="module")
def used(inputs: Inputs) -> pd.Series:
    """Return a measured value that the model reads."""
    table = make_spec(CONFIG, inputs).panel.measurements.table
    return table[table["x"].notna()].iloc[0]


@pytest.fixture(scope="module")
def earlier(plain: dict[str, Any], used: pd.Series) -> dict[str, Any]:
    """Return the inputs with one value another and one event less."""
    found = json.loads(json.dumps(plain))
    values = {name: column["values"] for name, column in found["tables"][VALUES].items()}
    at = next(
        i
        for i in range(len(values["value"]))
        if all(values[n][i] == used[n] for n in ("indicator", "area_code", "period", "source_id"))
    )
    values["value"][at] = used["value"] * 0.5
    events = found["tables"]["events"]
    last = next(
        i
        for i in reversed(range(len(events["event_id"]["values"])))
        if str(events["date_start"]["values"][i]) < "2020"
        and events["event_type"]["values"][i] in CONFIG.event_types
        and events["area_level"]["values"][i] == "adm2"
        and not events["episode_group"]["values"][i]
    )
    for column in events.values():
        del column["values"][last]
    return found


@pytest.fixture(scope="module")
def old(earlier: dict[str, Any]) -> KeptInputs:
    return parse_kept(earlier)


def stand_in(spec: ModelSpec, codes: Sequence[str], seed: int) -> tuple[np.ndarray, bool]:
    """Return draws that move with the sum of all values and with the number of episodes."""
    noise = np.random.default_rng(seed).normal(0, 1e-3, (400, len(codes)))
    level = spec.panel.measurements.table["value"].sum() * 1e-6
    return 0.2 + level + 0.01 * spec.panel.cells["count"].sum() + noise, True


def test_a_run_keeps_what_makes_its_specification(inputs: Inputs, new: KeptInputs) -> None:
    one, other = make_spec(CONFIG, inputs), State(CONFIG, new).spec()
    columns = list(other.panel.districts)
    same = replace(one, panel=replace(one.panel, districts=one.panel.districts[columns]))
    ordered = list(other.panel.measurements.table)
    assert set(ordered) == set(one.panel.measurements.table)
    same_order = replace(same.panel.measurements, table=same.panel.measurements.table[ordered])
    assert mark(replace(same, panel=replace(same.panel, measurements=same_order))) == mark(other)
    assert not {"summary", "note", "place"} & set(new.tables["events"])


def test_what_differs_is_told(old: KeptInputs, new: KeptInputs, used: pd.Series) -> None:
    values = changed_values(old, new)
    assert values["change"].tolist() == ["changed"]
    assert values.loc[0, "indicator"] == used["indicator"]
    assert values.loc[0, "area_code"] == used["area_code"]
    assert values.loc[0, "before"] != values.loc[0, "after"]
    assert changed_events(old, new)["change"].tolist() == ["added"]
    assert changed_events(new, old)["change"].tolist() == ["removed"]
    assert changed_values(new, new).empty


def test_one_group_at_a_time_goes_back(old: KeptInputs, new: KeptInputs, used: pd.Series) -> None:
    first = State(replace(CONFIG, start_year=2010, as_of=date(2024, 12, 31)), old)
    last = State(CONFIG, new)
    groups = dict(put_back(first, last))
    name = f"indicator {used['indicator']}"
    assert list(groups) == [name, "events", "date of assessment", "setting start_year"]
    assert changed_values(old, groups[name].kept).empty
    assert len(changed_events(old, groups[name].kept)) == 1
    assert changed_events(old, groups["events"].kept).empty
    assert groups["date of assessment"].config == replace(CONFIG, as_of=date(2024, 12, 31))
    assert groups["setting start_year"].spec().panel.periods[0] == 2010
    assert dict(put_back(last, last)) == {}


def pair(folder: Path, first: Mapping[str, Any] | None, last: Mapping[str, Any]) -> list[Path]:
    """Write two runs that keep these inputs; None keeps none."""
    config = {**tiny_record()["config"], "as_of": "2025-12-31"}
    found = []
    for number, kept in enumerate((first, last)):
        made = tiny_forecast(seed=number, lift=2.0 * number)
        path = write_run(folder / f"run{number}", made, config=config, as_of="2025-12-31")
        if kept is not None:
            (path / KEPT).write_bytes(gzip.compress(json.dumps(kept).encode()))
        found.append(path)
    return found


def test_changes_go_with_their_groups(
    plain: dict[str, Any],
    earlier: dict[str, Any],
    used: pd.Series,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(attribution, "refit", stand_in)
    before, after = map(read_run, pair(tmp_path, earlier, plain))
    found = compare_runs(before, after)
    made = attribute(before, after, found, ThreadPoolExecutor(1), most=2)
    assert made.table["district"].unique().tolist() == found.districts.index[:2].tolist()
    own = made.table[made.table["district"] == found.districts.index[0]]
    rows = own.set_index("associated_with")
    name = f"indicator {used['indicator']}"
    assert set(rows.index) == {name, "events", REMAINDER, WHOLE}
    assert rows.loc["events", "change"] == pytest.approx(0.01)
    assert rows.loc[name, "change"] == pytest.approx(used["value"] * 0.5e-6)
    whole = rows.loc[[name, "events"], "change"].sum()
    assert rows.loc[WHOLE, "change"] == pytest.approx(whole)
    assert rows.loc[REMAINDER, "change"] == pytest.approx(0.0, abs=1e-12)
    assert rows.loc["events", "verdict"] == "beyond the noise of the sampler"


def test_a_change_within_the_noise_is_called_so(
    plain: dict[str, Any], earlier: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def noisy(spec: ModelSpec, codes: Sequence[str], seed: int) -> tuple[np.ndarray, bool]:
        rng = np.random.default_rng(int(mark(spec)[:8], 16) + seed)
        return rng.uniform(0, 1, (4000, len(codes))), False

    monkeypatch.setattr(attribution, "refit", noisy)
    before, after = map(read_run, pair(tmp_path, earlier, plain))
    made = attribute(before, after, compare_runs(before, after), ThreadPoolExecutor(1), most=5)
    within = made.table["verdict"] == "within the noise of the sampler"
    assert within.mean() > 0.7
    assert made.table["mcse"].gt(0).all()
    assert any("did not meet the gate" in note for note in made.notes)


def test_what_the_model_does_not_read_is_not_refitted(
    plain: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(attribution, "refit")
    other = json.loads(json.dumps(plain))
    for name, column in other["tables"]["events"].items():
        column["values"].append(
            {"date_start": "2026-03-01", "event_id": "late"}.get(name, column["values"][0])
        )
    before, after = map(read_run, pair(tmp_path, plain, other))
    made = attribute(before, after, compare_runs(before, after), ThreadPoolExecutor(1), most=1)
    assert made.table["associated_with"].tolist() == ["events", WHOLE]
    assert made.table["verdict"].tolist() == [NOTHING] * 2
    assert made.table["change"].tolist() == [0, 0]


def test_a_run_without_its_inputs_says_so(plain: dict[str, Any], tmp_path: Path) -> None:
    before, after = pair(tmp_path, None, plain)
    missing = inputs_of(read_run(before))
    assert isinstance(missing, Unavailable)
    assert "no longer as the run read them" in missing.reason
    result = CliRunner().invoke(threatkit, ["compare", str(before), str(after), "--why"])
    assert result.exit_code == 0, result.output
    assert "Data are not attributed" in result.stderr
    back = CliRunner().invoke(threatkit, ["compare", str(after), str(before), "--why"])
    assert back.exit_code == 3
    assert "from the inputs of the later run" in back.stderr
    (before / KEPT).write_bytes(b"{}")
    with pytest.raises(InvalidInput, match="copy of its inputs"):
        inputs_of(read_run(before))


def test_the_command_tells_differences_and_groups(
    plain: dict[str, Any], earlier: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attribution, "refit", stand_in)
    monkeypatch.setattr("threatkit.executor.executor", lambda **_: ThreadPoolExecutor(1))
    words = ["compare", *map(str, pair(tmp_path, earlier, plain)), "--why", "--districts", "1"]
    result = CliRunner().invoke(threatkit, words)
    assert result.exit_code == 0, result.output
    assert "values changed 1" in result.stderr
    assert "Events added 1" in result.stderr
    assert " ± " in result.stdout
    told = json.loads(CliRunner().invoke(threatkit, [*words, "--format", "json"]).stdout)
    assert {row["associated_with"] for row in told["why"]} >= {"events", WHOLE}
    assert len(told["values"]) == len(told["events"]) == 1
    assert "not causes" in told["why_means"]
