"""Pieces of work that the tests of the executor hand to other processes."""

import os
import signal
import time
from pathlib import Path


def square(number: int) -> dict[str, int]:
    return {"value": number**2}


def fail(number: int) -> dict[str, int]:
    raise ValueError(f"no square of {number}")


def die_alone(number: int) -> dict[str, int]:
    os.kill(os.getpid(), signal.SIGKILL)
    return square(number)


def die_once(number: int, mark: str) -> dict[str, int]:
    """Take the worker down with the first try only."""
    path = Path(mark)
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return square(number)


def count_call(number: int, folder: str) -> dict[str, int]:
    """Leave one file a call."""
    (Path(folder) / f"{number}-{os.getpid()}-{time.monotonic_ns()}").touch()
    return square(number)


def threads(_: int) -> dict[str, int]:
    from threadpoolctl import threadpool_info

    return {"most": max(pool["num_threads"] for pool in threadpool_info())}
