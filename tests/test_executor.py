"""Work that repeats: kept as it ends, taken up again, and spread over processes and machines."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import work

from threatkit.errors import InvalidInput, OutputFailed, WorkStopped
from threatkit.executor import Task, executor, results
from threatkit.finished import Folder, code_version, fingerprint, json_folder

TESTS = Path(__file__).parent


def tasks_of(numbers: range, call=work.square, *more) -> list[Task]:
    return [Task(f"n{n}", call, (n, *more), key=fingerprint(n)) for n in numbers]


@pytest.fixture
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let other processes find the package and the tests' own pieces of work."""
    paths = [str(TESTS.parent), str(TESTS), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))


def test_local_processes_give_every_result_and_tell_progress(importable, tmp_path) -> None:
    told = []
    kept = json_folder(tmp_path / "kept")
    tasks = [*tasks_of(range(5)), Task("threads", work.threads, (0,), key="t")]
    with executor(workers=2) as pool:
        made = dict(
            results(pool, tasks, finished=kept, update=lambda d, t, note="": told.append((d, t)))
        )
    assert made == {f"n{n}": {"value": n**2} for n in range(5)} | {"threads": {"most": 1}}
    assert told == [(n, 6) for n in range(1, 7)]
    assert len(list((tmp_path / "kept").iterdir())) == 6


def test_finished_tasks_are_not_done_again(tmp_path) -> None:
    kept = json_folder(tmp_path / "kept")
    calls = tmp_path / "calls"
    calls.mkdir()
    with ThreadPoolExecutor(1) as pool:
        first = dict(results(pool, tasks_of(range(3), work.count_call, str(calls)), finished=kept))
        more = dict(results(pool, tasks_of(range(5), work.count_call, str(calls)), finished=kept))
        changed = Task("n0", work.count_call, (0, str(calls)), key=fingerprint("other inputs"))
        list(results(pool, [changed], finished=kept))
    assert more.items() > first.items()
    assert sorted(path.name[0] for path in calls.iterdir()) == ["0", "0", "1", "2", "3", "4"]


def test_a_task_that_fails_loses_no_other(tmp_path) -> None:
    kept = json_folder(tmp_path)
    tasks = [*tasks_of(range(3)), Task("bad", work.fail, (3,), key="3")]
    with ThreadPoolExecutor(1) as pool, pytest.raises(ValueError, match="no square of 3") as raised:
        list(results(pool, tasks, finished=kept))
    assert raised.value.__notes__ == ["3 of 4 tasks are done and kept; run the same again to go on"]
    assert len(list(tmp_path.iterdir())) == 3


def test_a_killed_local_process_loses_nothing_finished(importable, tmp_path) -> None:
    kept = json_folder(tmp_path / "kept")
    deadly = [*tasks_of(range(3)), Task("deadly", work.die_alone, (9,), key=fingerprint(9))]
    with executor(workers=1) as pool, pytest.raises(WorkStopped, match="3 of 4 tasks are done"):
        list(results(pool, deadly, finished=kept))
    assert len(list(kept.path.iterdir())) == 3
    mended = [*deadly[:3], Task("deadly", work.square, (9,), key=fingerprint(9))]
    with ThreadPoolExecutor(1) as pool:
        assert dict(results(pool, mended, finished=kept))["deadly"] == {"value": 81}


def test_a_killed_main_process_leaves_results_and_no_workers(importable, tmp_path) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"""
import sys, time, work
from pathlib import Path
from threatkit.executor import Task, executor, results
from threatkit.finished import json_folder
if __name__ == "__main__":
    slow = [Task("slow", time.sleep, (600,), key="s")]
    tasks = [*(Task(f"n{{n}}", work.square, (n,), key=str(n)) for n in range(3)), *slow]
    with executor(workers=1) as pool:
        for name, _ in results(pool, tasks, finished=json_folder(Path({str(tmp_path)!r}) / "kept")):
            print(name, *pool._processes, flush=True)
""")
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as main:
        assert main.stdout is not None
        lines = [main.stdout.readline().split() for _ in range(3)]
        worker = int(lines[-1][1])
        os.kill(main.pid, signal.SIGKILL)
    assert len(list((tmp_path / "kept").iterdir())) == 3
    wait_until(lambda: not alive(worker))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def test_a_full_disk_is_one_clear_error_and_loses_nothing(tmp_path) -> None:
    written = json_folder(tmp_path)

    def write(path: Path, result: dict[str, int]) -> None:
        if result["value"] == 4:
            Path("/dev/full").write_text("x")
        written.write(path, result)

    full = Folder(tmp_path, write, written.read, ".json")
    with ThreadPoolExecutor(1) as pool, pytest.raises(OutputFailed, match="The disk is full"):
        list(results(pool, tasks_of(range(5)), finished=full))
    names = sorted(path.name[:2] for path in tmp_path.iterdir())
    assert names[:2] == ["n0", "n1"]
    assert "n2" not in names
    assert not list(tmp_path.glob(".*"))


def test_a_result_that_cannot_be_read_is_made_again(tmp_path, caplog) -> None:
    kept = json_folder(tmp_path)
    kept.save("n2", fingerprint(2), {"value": 4})
    kept.file("n2", fingerprint(2)).write_text('{"val')
    with ThreadPoolExecutor(1) as pool, caplog.at_level(logging.WARNING):
        assert dict(results(pool, tasks_of(range(2, 3)), finished=kept)) == {"n2": {"value": 4}}
    assert "made again" in caplog.text
    assert kept.load("n2", fingerprint(2)) == {"value": 4}


def test_names_are_plain_and_different(tmp_path) -> None:
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(ValueError, match="different names"):
            list(results(pool, [Task("a", work.square, (1,)), Task("a", work.square, (2,))]))
        with pytest.raises(ValueError, match="plain name"):
            list(results(pool, [Task("../a", work.square, (1,))]))


def test_fingerprints_tell_values_apart() -> None:
    frame = pd.DataFrame({"a": [1.0, np.nan], "b": ["x", "y"]}, index=pd.Index(["p", "q"]))
    values = [
        1, 1.0, True, "1", None, date(2020, 1, 1), Path("a"), ("a", "b"), ("ab",), {"a": 1},
        np.array([1, 2]), np.array([1.0, 2.0]), np.array([[1.0, 2.0]]), np.array(["a"], object),
        frame, frame.rename(index={"p": "r"}), frame["b"], frame.assign(a=2.0),
    ]  # fmt: skip
    hashes = [fingerprint(value) for value in values]
    assert len(set(hashes)) == len(values)
    assert hashes == [fingerprint(value) for value in values]
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    with pytest.raises(TypeError, match="no fingerprint"):
        fingerprint(object())
    assert len(code_version()) == 64


def test_workers_and_schedulers_that_cannot_be() -> None:
    with pytest.raises(InvalidInput, match="at least 1"), executor(workers=0):
        pass
    with (
        pytest.raises(InvalidInput, match="has its own"),
        executor(workers=2, scheduler="tcp://127.0.0.1:1"),
    ):
        pass


# ------------------------------------------------------------------ a cluster of processes


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def dask(*arguments: str, folder: Path) -> subprocess.Popen[bytes]:
    with (folder / f"{arguments[0]}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments], stdout=log, stderr=log, cwd=folder,
            start_new_session=True,
        )  # fmt: skip


def end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture
def scheduler(importable, tmp_path) -> Iterator[str]:
    pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    port = free_port()
    process = dask(
        "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard", folder=tmp_path
    )
    try:
        yield f"tcp://127.0.0.1:{port}"
    finally:
        end(process)


def test_a_cluster_loses_no_finished_task_when_a_worker_is_killed(scheduler, tmp_path) -> None:
    worker = dask(
        "worker", scheduler, "--nthreads", "1", "--nworkers", "2", "--no-dashboard",
        "--host", "127.0.0.1", folder=tmp_path,
    )  # fmt: skip
    try:
        kept = json_folder(tmp_path / "kept")
        mark = str(tmp_path / "mark")
        tasks = [*tasks_of(range(8)), Task("deadly", work.die_once, (9, mark), key="9")]
        with executor(scheduler=scheduler, answer_s=60) as pool:
            made = dict(results(pool, tasks, finished=kept))
        assert Path(mark).exists()
        assert made == {f"n{n}": {"value": n**2} for n in range(8)} | {"deadly": {"value": 81}}
        read = {p.name.split("-")[0]: json.loads(p.read_text()) for p in kept.path.iterdir()}
        assert read == made
    finally:
        end(worker)


def test_a_scheduler_without_workers_or_without_answer_is_one_clear_error(scheduler) -> None:
    wait_until(lambda: answers(scheduler))
    with (
        pytest.raises(InvalidInput, match="has a worker within 1 seconds"),
        executor(scheduler=scheduler, answer_s=1),
    ):
        pass
    silent = f"tcp://127.0.0.1:{free_port()}"
    with (
        pytest.raises(InvalidInput, match=r"answers within 0\.5 seconds"),
        executor(scheduler=silent, answer_s=0.5),
    ):
        pass


def test_a_scheduler_that_dies_in_the_middle_loses_nothing_finished(importable, tmp_path) -> None:
    pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    port = str(free_port())
    address = f"tcp://127.0.0.1:{port}"
    here = ("--host", "127.0.0.1", "--no-dashboard")
    head = dask("scheduler", *here, "--port", port, folder=tmp_path)
    worker = dask("worker", address, *here, "--nthreads", "1", folder=tmp_path)
    kept = json_folder(tmp_path / "kept")
    tasks = [*tasks_of(range(3)), Task("long", time.sleep, (600,), key="l")]
    try:
        with executor(scheduler=address, answer_s=60) as pool:
            done = results(pool, tasks, finished=kept)
            for _ in range(3):
                next(done)
            end(head)
            with pytest.raises(WorkStopped, match="3 of 4 tasks are done and kept"):
                next(done)
    finally:
        end(head)
        end(worker)
    assert len(list(kept.path.iterdir())) == 3


def answers(address: str) -> bool:
    host, port = address.removeprefix("tcp://").split(":")
    with socket.socket() as tried:
        return tried.connect_ex((host, int(port))) == 0
