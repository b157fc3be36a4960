"""Two workers against one: the baselines of a backtest, by a local dask cluster and by processes.

    python benchmarks/executor.py [--origins 12] [--repeats 5]

Each worker has one thread of linear algebra. Every repeat times the same tasks with one and with
two workers, one after the other; the workers are warm. Needs the extra 'cluster'.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path

from threatkit.config import Config
from threatkit.evaluate.forecasters import say_baselines
from threatkit.executor import Task, executor, results
from threatkit.rolling import Plan, known_at_origins

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def cluster(workers: int) -> Iterator[str]:
    """Start a scheduler and workers as processes of their own; yield the address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    port = address.rsplit(":", 1)[1]
    here = ("--host", "127.0.0.1", "--no-dashboard")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory() as folder:
        commands = (
            ("scheduler", *here, "--port", port),
            ("worker", address, *here, "--nthreads", "1", "--nworkers", str(workers)),
        )
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", "dask", *command], cwd=folder, env=environment,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
            for command in commands
        ]  # fmt: skip
        try:
            yield address
        finally:
            for process in reversed(processes):
                process.terminate()
            for process in processes:
                process.wait()


def seconds(pool, tasks: list[Task]) -> float:
    """Return the time that the tasks take."""
    began = time.perf_counter()
    done = len(list(results(pool, tasks)))
    assert done == len(tasks)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--origins", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    origins = tuple(range(2025 - given.origins, 2025))
    known = known_at_origins(Plan(Config(), origins))
    tasks = [Task(f"{o.year}", say_baselines, (o.history, o.spec.panel, 3)) for o in known]
    load = os.getloadavg()[0]
    print(f"{len(tasks)} tasks, {given.repeats} repeats, {date.today()}, load {load:.1f}")
    for kind in ("dask", "processes"):
        with ExitStack() as stack:
            pools = {}
            for workers in (1, 2):
                options = (
                    {"scheduler": stack.enter_context(cluster(workers)), "answer_s": 60}
                    if kind == "dask"
                    else {"workers": workers}
                )
                pools[workers] = stack.enter_context(executor(**options))
                seconds(pools[workers], tasks[-2 * workers :])  # the workers have imported all
            ratios = []
            for _ in range(given.repeats):
                one, two = (seconds(pools[workers], tasks) for workers in (1, 2))
                ratios.append(one / two)
                print(
                    f"{kind}: one {one:.1f} s, two {two:.1f} s, ratio {one / two:.2f}", flush=True
                )
        print(f"{kind}: median ratio {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
