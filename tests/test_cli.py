"""Every command: its help, its data on stdout, its errors and exit codes."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from threatkit.cli import main, threatkit
from threatkit.cli.output import print_frame
from threatkit.config import Config
from threatkit.derive.cli_docs import commands
from threatkit.errors import OutputFailed
from threatkit.options import SamplingOptions
from threatkit.progress import BarProgress, PlainProgress, SilentProgress, terminal_progress


def run(*words: str | Path, **options: Any) -> Result:
    return CliRunner().invoke(threatkit, [str(word) for word in words], **options)


def result(folder: Path, *, passed: bool = True, config: Config | None = None) -> SimpleNamespace:
    top = pd.DataFrame(
        {"name": ["<script>", "=cmd|x"], "event_prob": [0.25, None]},
        index=pd.Index(["KG-B-batken", "TJ-SU-isfara"], name="district"),
    )
    messages = () if passed else tuple(f"R-hat of 'rho' is 1.{i}" for i in range(2, 10))
    return SimpleNamespace(
        folder=folder, config=config, gate_passed=passed, gate_messages=messages, top=top
    )


@pytest.fixture
def assessed(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Put a pipeline in place that notes what it is asked for."""
    calls: list[dict[str, Any]] = []

    def assess(config: Any, out: Path, *, progress: Any, command: str) -> SimpleNamespace:
        calls.append({"config": config, "out": out, "command": command})
        with progress.step("Fitting") as update:
            update(1, 2, "half")
        return result(out, passed=config.seed != 13, config=config)

    def again(run: Path, out: Path | None) -> SimpleNamespace:
        calls.append({"run": run, "out": out})
        return result(out or run)

    fake = SimpleNamespace(assess=assess, rescore=again, remap=again)
    monkeypatch.setitem(sys.modules, "threatkit.pipeline", fake)
    monkeypatch.setattr("threatkit.pipeline", fake, raising=False)
    return calls


@pytest.mark.parametrize(("path", "command"), list(commands()), ids=lambda v: str(v)[:40])
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_command_has_help_with_an_example(
    path: tuple[str, ...], command: click.Command, flag: str
) -> None:
    done = run(*path[1:], flag)
    assert done.exit_code == 0
    assert "Example" in done.stdout
    assert f"  {' '.join(path)}" in done.stdout or path == ("threatkit", "indicators")


def test_the_version() -> None:
    assert run("--version").stdout == "threatkit, version 0.1.0\n"


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    script = (
        "import sys; sys.argv = ['threatkit', '--help']\n"
        "from threatkit.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'pandas', 'numpy', 'pymc', 'folium', 'geopandas', 'rich'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
        best = min(best, time.perf_counter() - began)
    assert best < 0.5


def test_assess_passes_its_options_on(assessed: list[dict[str, Any]], tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    done = run(
        *("assess", "--region", "fergana", "--as-of", "2025-12-31", "--horizon", "6m"),
        *(
            "--known-then",
            "--seed",
            "7",
            "--out",
            tmp_path / "out",
            "--indicators",
            own,
            "--no-shipped",
        ),
    )
    assert done.exit_code == 0, done.output
    config = assessed[0]["config"]
    assert (config.region, str(config.as_of)) == ("fergana", "2025-12-31")
    assert config.known_then
    assert (config.horizon_months, config.seed) == (6, 7)
    assert (config.indicators, config.shipped) == ((own,), False)
    assert assessed[0]["out"] == tmp_path / "out"
    assert assessed[0]["command"].startswith(
        "threatkit assess --region fergana --as-of 2025-12-31 "
    )
    assert "map.html" in done.stderr


def test_assess_takes_a_workspace(assessed: list[dict[str, Any]], tmp_path: Path) -> None:
    assert run("init", tmp_path / "my").exit_code == 0
    assert run("assess", tmp_path / "my").exit_code == 0
    assert assessed[0]["config"].indicators == (tmp_path / "my" / "indicators",)


def test_assess_reads_folders_from_the_environment(
    assessed: list[dict[str, Any]], tmp_path: Path
) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    given = os.pathsep.join(map(str, folders))
    assert run("assess", env={"THREATKIT_INDICATORS": given}).exit_code == 0
    assert assessed[0]["config"].indicators == tuple(folders)


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_data_go_to_stdout(assessed: list[dict[str, Any]], form: str) -> None:
    done = run("assess", "--format", form)
    assert "Written to" not in done.stdout
    if form == "json":
        rows = json.loads(done.stdout)
    elif form == "csv":
        rows = list(csv.DictReader(io.StringIO(done.stdout)))
        assert rows[1]["name"] == "'=cmd|x"
    else:
        assert "<script>" in done.stdout
        return
    assert rows[0]["name"] == "<script>"
    assert float(rows[0]["event_prob"]) == 0.25
    assert rows[1]["event_prob"] in (None, "")


def test_a_gate_that_is_not_met_is_exit_code_4(assessed: list[dict[str, Any]]) -> None:
    done = run("assess", "--seed", "13", "--format", "json")
    assert done.exit_code == 4
    assert "do not use this run" in done.stderr
    assert "R-hat of 'rho' is 1.7\n  and 2 more, all under 'diagnostics'" in done.stderr
    assert len(json.loads(done.stdout)) == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "Raise 'draws', 'tune', 'max_rounds' or 'budget_minutes' under [sampling], or try"),
        (["--feedback", "cut"], "Raise 'cut_budget_minutes' or 'target_accept' under [sampling]"),
        (["--engine", "laplace"], "The fast engine has no lengths to set: try another --seed"),
        (["--engine", "laplace", "--feedback", "cut"], "or the reference with --engine nuts"),
    ],
)
def test_after_a_failed_gate_what_may_be_set_is_named(
    assessed: list[dict[str, Any]], words: list[str], told: str
) -> None:
    done = run("assess", "--seed", "13", *words)
    assert done.exit_code == 4
    assert told in done.stderr
    keys = set(re.findall(r"'([a-z_]+)'", done.stderr.split("diagnostics'")[-1]))
    assert keys <= {each.name for each in fields(SamplingOptions)}
    assert bool(keys) == ("laplace" not in words)


def test_scores_and_map_are_made_again(assessed: list[dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    assert run("score", tmp_path, "--format", "csv").stdout.startswith("district,")
    assert run("map", tmp_path, "--out", tmp_path / "new").stdout == ""
    assert [call["out"] for call in assessed] == [None, tmp_path / "new"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["assess", "--regio", "x"], 2, "'--region'"),
        (["assess", "--as-of", "yesterday"], 2, "yesterday"),
        (["asses"], 2, "No such command 'asses'"),
        (["assess", "none.toml"], 3, "threatkit init"),
        (["assess", "--horizon", "long"], 3, "a horizon is 1m to 36m"),
        (["assess", "--region", "Mars"], 3, "a region is one of"),
        (["assess", "--indicators", "none"], 3, "folder does not exist"),
        (["assess", "--boundaries", "none"], 3, "file does not exist"),
        (["score", "none"], 3, "this folder does not exist"),
        (["map", "."], 3, "a finished run holds run.json"),
        (["indicators", "show", "nonsense-name"], 3, "no indicator, table or package"),
        (["indicators", "validate", "none"], 3, "none"),
        (["graph", "--boundaries", "none"], 3, "file does not exist"),
    ],
)
def test_errors_have_their_code_and_no_traceback(
    words: list[str], code: int, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*words)
    assert done.exit_code == code, done.output
    assert told in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (KeyboardInterrupt(), 130, "Interrupted"),
        (OutputFailed("/x: disk is full"), 1, "disk is full"),
        (RuntimeError("odd\nthing"), 1, "RuntimeError: odd thing"),
        (BrokenPipeError(), 1, ""),
    ],
)
def test_whatever_stops_a_command_is_told_in_a_line(
    error: BaseException,
    code: int,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr("threatkit.doctor.examine", fail)
    monkeypatch.setattr("signal.signal", lambda *args: None)
    monkeypatch.setattr("os.dup2", lambda *args: None)
    monkeypatch.delenv("THREATKIT_DEBUG", raising=False)
    with pytest.raises(SystemExit) as left:
        main(["doctor"])
    assert left.value.code == code
    told_all = capfd.readouterr().err
    assert told in told_all
    assert "Traceback" not in told_all


def test_debugging_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("odd thing")

    monkeypatch.setattr("threatkit.doctor.examine", fail)
    monkeypatch.setattr("signal.signal", lambda *args: None)
    monkeypatch.setenv("THREATKIT_DEBUG", "1")
    with pytest.raises(RuntimeError, match="odd thing"):
        main(["doctor"])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_process_leaves_nothing(tmp_path: Path, number: int, code: int) -> None:
    script = f"""
import sys, time, types
from dataclasses import fields
from pathlib import Path
from threatkit.store import RunFolder
def assess(config, out, *, progress, command):
    with RunFolder(out) as run:
        run.write_text("scores.csv", "x")
        print("ready", flush=True)
        time.sleep(60)
sys.modules["threatkit.pipeline"] = types.SimpleNamespace(assess=assess)
import threatkit
threatkit.pipeline = sys.modules["threatkit.pipeline"]
from threatkit.cli import main
main(["assess", "--out", {str(tmp_path / "out")!r}])
"""
    # A shell starts what runs in the background with Ctrl-C ignored; here it has to be heard.
    heard = signal.signal(number, signal.SIG_DFL)
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(number, heard)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        _, told = process.communicate(timeout=30)
    assert process.returncode == code
    assert "Traceback" not in told
    assert list(tmp_path.iterdir()) == []


def test_indicators_are_listed_with_what_is_known() -> None:
    rows = list(csv.DictReader(io.StringIO(run("indicators", "list", "--format", "csv").stdout)))
    assert len(rows) > 10
    assert {"border", "youth", "extremism"} <= {row["pillar"] for row in rows}
    assert any(int(row["values"]) > 0 for row in rows)


def test_an_indicator_a_table_and_a_package_are_shown() -> None:
    listed = csv.DictReader(io.StringIO(run("indicators", "list", "--format", "csv").stdout))
    name = max(listed, key=lambda row: int(row["values"]))["indicator"]
    done = run("indicators", "show", name, "--format", "json")
    rows = json.loads(done.stdout)
    assert all(row["source_path"] for row in rows)
    assert name not in done.stdout.splitlines()[0]
    districts = json.loads(run("indicators", "show", "districts", "--format", "json").stdout)
    assert "KG-GB-bishkek" in {row["district"] for row in districts}
    assert run("indicators", "show", "extremism_proxies").exit_code == 0


def test_validation_tells_all_faults_also_as_data(tmp_path: Path) -> None:
    assert run("indicators", "validate").exit_code == 0
    run("init", tmp_path)
    values = tmp_path / "indicators" / "inequality" / "values.csv"
    text = values.read_text().replace("29.2", "292").replace("KGZ", "KGX")
    values.write_text(text)
    told = run("indicators", "validate", tmp_path / "indicators")
    assert told.exit_code == 3
    assert "292" in told.stderr
    assert "KGX" in told.stderr
    data = run("indicators", "validate", tmp_path / "indicators", "--format", "json")
    assert data.exit_code == 3
    assert {"where", "rule", "found", "remedy"} == set(json.loads(data.stdout)[0])


def test_borders_are_printed() -> None:
    rows = list(csv.DictReader(io.StringIO(run("graph", "--format", "csv").stdout)))
    assert set(rows[0]) == {"a", "b", "border_km", "international"}
    assert any(row["international"] == "true" for row in rows)


def test_the_doctor_looks_at_everything() -> None:
    rows = json.loads(run("doctor", "--format", "json").stdout)
    found = {row["what"]: row for row in rows}
    assert found["engine nuts"]["state"] == "ok"
    assert "security_events" in found["indicators"]["detail"]
    assert found["boundaries"]["state"] == "ok"


def test_a_workspace_is_valid_and_overwrites_nothing(tmp_path: Path) -> None:
    first = run("init", tmp_path / "my")
    assert len(first.stdout.splitlines()) == 5
    assert run("indicators", "validate", tmp_path / "my" / "indicators").exit_code == 0
    before = {p: p.read_bytes() for p in (tmp_path / "my").rglob("*") if p.is_file()}
    again = run("init", tmp_path / "my")
    assert again.exit_code == 3
    assert "5 faults" in again.stderr
    assert {p: p.read_bytes() for p in before} == before


def test_a_workspace_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[Path] = []

    def fill(source: Path, target: Path) -> None:
        copied.append(target)
        if len(copied) == 3:
            raise OSError(28, "No space left on device")
        target.write_text("x")

    monkeypatch.setattr("shutil.copyfile", fill)
    done = run("init", tmp_path / "my")
    assert done.exit_code == 1
    assert "free some space or give another folder\n" in done.stderr
    assert "--out" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_name_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_frame(pd.DataFrame({"name": ["a\x1b[2Jb [red]c"]}), "table")
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert "[red]" in told


def test_progress_in_plain_lines() -> None:
    stream = io.StringIO()
    with PlainProgress(stream, every_s=0).step("Fitting") as update:
        update(1, 4, "no divergences")
    lines = stream.getvalue().splitlines()
    assert lines[:2] == ["Fitting ...", "Fitting ... 25% (no divergences)"]
    assert lines[2].startswith("Fitting: done in")


def test_progress_suits_its_stream() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert isinstance(terminal_progress(io.StringIO()), PlainProgress)
    terminal = Terminal()
    bars = terminal_progress(terminal)
    assert isinstance(bars, BarProgress)
    with bars.step("Fitting [x]") as update:
        update(1, 2, "half")
    assert "Fitting [x]" in terminal.getvalue()
    with SilentProgress().step("Fitting") as silent:
        silent(1, 2)
