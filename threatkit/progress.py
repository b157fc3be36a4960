"""Progress of long steps, told on stderr: bars on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TextIO


class Update(Protocol):
    """Tells how far a step has come."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Report that ``done`` of ``total`` parts are done; ``note`` is a few words."""
        ...


class Progress(Protocol):
    """Shows the steps of a run, one after another."""

    def step(self, name: str) -> AbstractContextManager[Update]:
        """Enter a step; the context yields the function that updates it."""
        ...


class SilentProgress:
    """Shows nothing."""

    @contextmanager
    def step(self, name: str) -> Iterator[Update]:  # noqa: ARG002
        """Enter a step."""

        def update(done: int, total: int, note: str = "") -> None:
            pass

        yield update


class PlainProgress:
    """Writes a line at the start and the end of a step, and now and then between.

    Parameters
    ----------
    stream
        Where the lines go.
    every_s
        Least number of seconds between two lines of one step.
    """

    def __init__(self, stream: TextIO, *, every_s: float = 10.0) -> None:
        self._stream = stream
        self._every_s = every_s

    @contextmanager
    def step(self, name: str) -> Iterator[Update]:
        """Enter a step."""
        began = last = time.monotonic()
        self._write(f"{name} ...")

        def update(done: int, total: int, note: str = "") -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= self._every_s:
                last = now
                share = f" {100 * done // total}%" if total > 0 else ""
                self._write(f"{name} ...{share}{f' ({note})' if note else ''}")

        yield update
        self._write(f"{name}: done in {_seconds(time.monotonic() - began)}")

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


class BarProgress:
    """Draws one bar for each step with rich, and leaves it when the step is done.

    Parameters
    ----------
    stream
        A terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @contextmanager
    def step(self, name: str) -> Iterator[Update]:
        """Enter a step."""
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        columns = (
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[note]}", markup=False),
            TimeElapsedColumn(),
        )
        with Bars(*columns, console=Console(file=self._stream)) as bars:
            task = bars.add_task(name, total=None, note="")

            def update(done: int, total: int, note: str = "") -> None:
                bars.update(task, completed=done, total=total, note=note)

            yield update
            bars.update(task, completed=1, total=1, note="")


def terminal_progress(stream: TextIO | None = None) -> Progress:
    """Return the progress that suits a stream (stderr if none is given)."""
    stream = sys.stderr if stream is None else stream
    return BarProgress(stream) if stream.isatty() else PlainProgress(stream)


def _seconds(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min"
