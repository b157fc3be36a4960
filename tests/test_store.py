"""A run folder changes as a whole or not at all."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from threatkit import store
from threatkit.csvtext import frame_text, guard, number_text, read_frame, unguard
from threatkit.errors import InvalidInput, OutputFailed
from threatkit.store import RunFolder, read_record
from threatkit.wholefile import write_whole


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


def finish(folder: Path, **files: str) -> None:
    with RunFolder(folder) as run:
        for stem, text in files.items():
            run.write_text(f"{stem}.csv", text)
        run.write_json("run.json", {"files": run.hashes})


def test_a_finished_run_is_there_in_whole(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "out"
    finish(folder, scores="a\n", areas="b\n")
    assert sorted(contents(folder)) == ["areas.csv", "run.json", "scores.csv"]
    assert set(read_record(folder)["files"]) == {"areas.csv", "scores.csv"}


def test_nothing_is_there_before_the_end(tmp_path: Path) -> None:
    with RunFolder(tmp_path / "out") as run:
        run.write_text("scores.csv", "a\n")
        assert not (run.path / "scores.csv").exists()


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_a_stopped_run_leaves_no_trace(tmp_path: Path, stop: type[BaseException]) -> None:
    with pytest.raises(stop), RunFolder(tmp_path / "deep" / "out") as run:
        run.write_text("scores.csv", "a\n")
        raise stop
    assert list(tmp_path.iterdir()) == []


def test_a_stopped_run_leaves_the_earlier_one(tmp_path: Path) -> None:
    finish(tmp_path / "out", scores="old\n")
    before = contents(tmp_path / "out")
    with pytest.raises(KeyboardInterrupt), RunFolder(tmp_path / "out") as run:
        run.write_text("scores.csv", "new\n")
        raise KeyboardInterrupt
    assert contents(tmp_path / "out") == before


def test_a_new_run_takes_the_place_of_the_earlier_one(tmp_path: Path) -> None:
    finish(tmp_path, scores="old\n", areas="old\n")
    (tmp_path / "notes.txt").write_text("mine\n")
    finish(tmp_path, scores="new\n")
    assert sorted(contents(tmp_path)) == ["notes.txt", "run.json", "scores.csv"]
    assert contents(tmp_path)["scores.csv"] == "new\n"


def test_an_update_replaces_single_files(tmp_path: Path) -> None:
    finish(tmp_path, scores="old\n", areas="old\n")
    with RunFolder(tmp_path, mode="update") as run:
        run.write_text("areas.csv", "new\n")
    assert contents(tmp_path)["scores.csv"] == "old\n"
    assert contents(tmp_path)["areas.csv"] == "new\n"


def test_files_of_no_run_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "map.html").write_text("mine")
    with pytest.raises(InvalidInput, match=r"map\.html.*another folder"), RunFolder(tmp_path):
        pass
    assert contents(tmp_path) == {"map.html": "mine"}


@pytest.mark.parametrize(
    ("number", "way_out"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EROFS, "disk is read-only"),
        (errno.EACCES, "may not be written"),
        (errno.EIO, "another folder"),
    ],
)
@pytest.mark.parametrize("moment", ["open", "write", "netcdf", "move"])
def test_a_failing_disk_is_told_and_leaves_the_earlier_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, way_out: str, moment: str
) -> None:
    folder = tmp_path / "out"
    finish(folder, areas="old\n", scores="old\n")
    before = contents(folder)
    failure = OSError(number, os.strerror(number))

    def fail(*args: object, **kwargs: object) -> None:
        raise failure

    def write() -> None:
        with RunFolder(folder) as run:
            if moment == "write":
                monkeypatch.setattr(store.os, "fsync", fail)
            run.write_text("areas.csv", "new\n")
            run.write_text("scores.csv", "new\n")
            if moment == "netcdf":
                run.write_netcdf("posterior.nc", fail)
            if moment == "move":
                fail_at_second_placing(monkeypatch, failure)

    if moment == "open":
        monkeypatch.setattr(Path, "mkdir", fail)
    with pytest.raises(OutputFailed, match=way_out) as caught:
        write()
    monkeypatch.undo()
    assert str(folder) in str(caught.value)
    assert contents(folder) == before


def fail_at_second_placing(monkeypatch: pytest.MonkeyPatch, failure: OSError) -> None:
    rename = Path.rename
    placed: list[str] = []

    def limited(self: Path, target: Path) -> Path:
        if ".before" not in Path(target).parts:
            placed.append(self.name)
        if len(placed) > 1:
            raise failure
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", limited)


def test_a_text_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "page.html"
    write_whole(path, "old — а\n")
    assert path.read_bytes() == "old — а\n".encode()

    def fail(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OutputFailed, match=r"free some space or give another file with -o$"):
        write_whole(path, "new\n", elsewhere="another file with -o")
    assert contents(tmp_path) == {"page.html": "old — а\n"}


def test_a_folder_under_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputFailed, match="is a file"), RunFolder(tmp_path / "file" / "out"):
        pass
    with pytest.raises(OutputFailed, match="file of that name"), RunFolder(tmp_path / "file"):
        pass


def test_two_runs_into_one_folder_at_once(tmp_path: Path) -> None:
    with RunFolder(tmp_path / "out") as run:
        run.write_text("scores.csv", "first\n")
        with (
            pytest.raises(InvalidInput, match=f"process {os.getpid()} writing"),
            RunFolder(tmp_path / "out"),
        ):
            pass
    assert contents(tmp_path / "out") == {"scores.csv": "first\n"}


def test_a_killed_run_blocks_nobody_and_is_undone(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    finish(folder, areas="old\n", scores="old\n")
    before = contents(folder)
    script = f"""
import os, pathlib
from threatkit.store import RunFolder
rename = pathlib.Path.rename
def dying(self, target):
    rename(self, target)
    if self.name == "areas.csv" and ".before" not in str(target):
        os._exit(9)
pathlib.Path.rename = dying
with RunFolder(pathlib.Path({str(folder)!r})) as run:
    run.write_text("areas.csv", "new\\n")
    run.write_text("scores.csv", "new\\n")
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9
    assert contents_of_files(folder) == {"areas.csv": "new\n"}
    with pytest.raises(KeyboardInterrupt), RunFolder(folder):
        raise KeyboardInterrupt
    assert contents(folder) == before


def contents_of_files(folder: Path) -> dict[str, str]:
    return {p.name: p.read_text() for p in folder.iterdir() if p.suffix and p.name[0] != "."}


@pytest.mark.parametrize("name", ["../x.csv", "a/b.csv", ".hidden", ""])
def test_a_name_does_not_leave_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="plain name"), RunFolder(tmp_path / "o") as run:
        run.write_text(name, "")


def test_a_frame_is_held_to_its_schema(tmp_path: Path) -> None:
    frame = pd.DataFrame({"p": [0.5]}, index=pd.Index(["KG-B-batken"], name="district"))
    schema = {"fields": [{"name": "district", "type": "string"}, {"name": "p", "type": "number"}]}
    with RunFolder(tmp_path / "out") as run:
        run.write_frame("scores.csv", frame, schema=schema)
        with pytest.raises(ValueError, match=r"differ in \['p', 'q'\]"):
            run.write_frame("scores.csv", frame.rename(columns={"p": "q"}), schema=schema)
    assert contents(tmp_path / "out")["scores.csv"] == "district,p\nKG-B-batken,0.5\n"
    assert json.loads((tmp_path / "out" / "scores.schema.json").read_text()) == schema


def test_what_is_no_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="does not exist"):
        read_record(tmp_path / "none")
    with pytest.raises(InvalidInput, match=r"holds run\.json"):
        read_record(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(InvalidInput, match="not JSON"):
        read_record(tmp_path)
    (tmp_path / "run.json").write_text("[]")
    with pytest.raises(InvalidInput, match="an object"):
        read_record(tmp_path)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1 / 3, "0.333333"),
        (1234567.0, "1234567"),
        (187432.55, "187432.5"),
        (1.5e-7, "1.5e-07"),
        (float("nan"), ""),
        (100.0, "100"),
    ],
)
def test_numbers_have_one_text(value: float, text: str) -> None:
    assert number_text(value) == text


def test_cells_of_every_kind() -> None:
    frame = pd.DataFrame(
        {
            "flag": [True, False],
            "level": pd.array([4, None], dtype="Int64"),
            "x": [np.nan, 2.0],
            "day": [pd.Timestamp("2026-04-30"), pd.NaT],
            "name": ['say "hi"\n', None],
        }
    )
    assert frame_text(frame) == (
        'flag,level,x,day,name\ntrue,4,,2026-04-30,"say ""hi""\n"\nfalse,,2,,\n'
    )


def test_an_infinite_number_names_its_column() -> None:
    with pytest.raises(ValueError, match=r"scores\.csv, column 'x': an infinite"):
        frame_text(pd.DataFrame({"x": [np.inf]}), name="scores.csv")


def test_a_formula_stays_text(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    names = ["=cmd|' /C calc'!A0", "+1", "-2+3", "@SUM(A1)", "'=x", "Oʻzgan", "NA", "<script>"]
    path = tmp_path / "names.csv"
    path.write_text(frame_text(pd.DataFrame({"name": names})), encoding="utf-8")
    assert "5 texts look like formulas" in caplog.text
    cells = path.read_text().splitlines()[1:]
    assert not any(cell.lstrip('"')[0] in "=+-@" for cell in cells)
    assert list(read_frame(path)["name"]) == names


@given(st.text())
def test_guarding_loses_nothing(text: str) -> None:
    assert unguard(guard(text)) == text
    assert not guard(text).startswith(("=", "+", "-", "@", "\t", "\r"))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_survive_a_file(values: list[float]) -> None:
    for value in values:
        assert float(number_text(value)) == pytest.approx(value, rel=5.1e-6, abs=1e-300)


def test_a_truth_column_with_a_gap_is_read_back(tmp_path: Path) -> None:
    frame = pd.DataFrame({"mark": pd.array([True, None, False], dtype="boolean")})
    (tmp_path / "marks.csv").write_text(frame_text(frame, name="marks.csv"))
    assert read_frame(tmp_path / "marks.csv")["mark"].tolist()[::2] == [True, False]
