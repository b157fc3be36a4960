"""One executor for all work that repeats: processes of this machine, or a cluster of dask.

Both are executors of the standard library (`concurrent.futures.Executor`): queues, transport and
the second try after a lost worker are theirs. What is added here: one thread of linear algebra a
task, progress, results in the order in which they end, each kept on the disk as soon as it is
there, and errors in words.
"""

import multiprocessing
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from threatkit.errors import Fault, InvalidInput, WorkStopped
from threatkit.finished import Finished, code_version
from threatkit.progress import Update

#: Seconds within which a scheduler answers and has a worker.
ANSWER_S = 10.0
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")


@dataclass(frozen=True)
class Task[R]:
    """One piece of work that can be done anywhere.

    Attributes
    ----------
    name
        What it is, in letters, digits and ``_.+-``: shown in progress, and the start of the
        name of its file. Unique among the tasks that run together.
    call
        A function of a module that the workers can import.
    arguments
        Its arguments, which can be pickled.
    key
        Fingerprint of everything that the result depends on (`threatkit.finished.fingerprint`).
    """

    name: str
    call: Callable[..., R]
    arguments: tuple[Any, ...] = ()
    key: str = field(default="", kw_only=True)


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def executor(
    *, workers: int | None = None, scheduler: str | None = None, answer_s: float = ANSWER_S
) -> Iterator[Executor]:
    """Enter an executor of tasks; leaving it by a stop (Ctrl-C, SIGTERM) waits for none.

    Parameters
    ----------
    workers
        Local processes; as many as there are cores if not given.
    scheduler
        Address of a running scheduler of ``dask.distributed``, as ``tcp://host:8786``. Its
        workers do the work, and its restarts of lost tasks apply.
    answer_s
        Seconds within which the scheduler answers and has a worker.

    Raises
    ------
    InvalidInput
        If both or a number below one is given, the scheduler does not answer or has no
        worker in time, its workers run other code, or ``distributed`` is not installed.
    """
    if scheduler is not None:
        if workers is not None:
            raise InvalidInput(
                Fault(
                    "workers",
                    "their number is given for local work only; a scheduler has its own",
                    f"{workers} with the scheduler {scheduler}",
                    "Leave one of the two out",
                )
            )
        with _cluster(scheduler, answer_s) as client:
            yield client.get_executor(pure=False)
        return
    if workers is not None and workers < 1:
        raise InvalidInput(Fault("workers", "their number is at least 1", str(workers)))
    pool = ProcessPoolExecutor(
        workers or cores(), multiprocessing.get_context("spawn"), initializer=_start_worker
    )
    before = set(multiprocessing.active_children())
    try:
        yield pool
    except BaseException as error:
        if not isinstance(error, Exception):  # a stop, which waits for no task
            for process in set(multiprocessing.active_children()) - before:
                process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def results[R](
    pool: Executor,
    tasks: Sequence[Task[R]],
    *,
    finished: Finished[R] | None = None,
    update: Update | None = None,
) -> Iterator[tuple[str, R]]:
    """Do tasks and yield name and result of each as it ends; those done before come first.

    A result is on the disk before it is yielded. When a task fails no further one is begun;
    those under way end and are kept before the error is raised.

    Parameters
    ----------
    pool
        Where they are done: see `executor`; any other executor of the standard library too.
    tasks
        What is done.
    finished
        Where results are kept, and looked for first.
    update
        Is told of every result.

    Raises
    ------
    WorkStopped
        If a worker was lost for good: a local process that ended, or what the cluster gave
        up after its own tries.
    OutputFailed
        If a result cannot be written.
    """
    _check(tasks)
    count = 0
    open_tasks: list[Task[R]] = []
    for task in tasks:
        known = None if finished is None else finished.load(task.name, task.key)
        if known is None:
            open_tasks.append(task)
            continue
        count += 1
        if update is not None:
            update(count, len(tasks), f"{task.name} was there")
        yield task.name, known
    pending = {pool.submit(_alone, task.call, *task.arguments): task for task in open_tasks}
    failure: BaseException | None = None
    try:
        for future in as_completed(pending):
            task = pending[future]
            error = _error(future)
            if error is not None:
                failure = failure or error
                _cancel(pending)
                continue
            if finished is not None:
                finished.save(task.name, task.key, future.result())
            count += 1
            if update is not None:
                update(count, len(tasks), task.name)
            yield task.name, future.result()
    finally:
        _cancel(pending)
    if failure is not None:
        _raise(failure, count, len(tasks), kept=finished is not None)


def _check(tasks: Sequence[Task[Any]]) -> None:
    names = [task.name for task in tasks]
    if len(set(names)) < len(names):
        raise ValueError("tasks that run together have different names")
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(f"a task has a plain name, found {name!r}")


def _alone[R](call: Callable[..., R], *arguments: Any) -> R:
    """Call a function with one thread of linear algebra."""
    import scipy.linalg  # noqa: F401  its library is loaded now, so that it is held too
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        return call(*arguments)


def _start_worker() -> None:
    """Prepare a local process: one thread for libraries to come, and no life after its parent."""
    for name in _THREADS:
        os.environ[name] = "1"
    parent = multiprocessing.parent_process()
    if parent is not None:

        def end() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=end, daemon=True).start()


def _error(future: Future[Any]) -> BaseException | None:
    """Return what a future that has ended failed with."""
    return CancelledError() if future.cancelled() else future.exception()


def _cancel(pending: dict[Future[Any], Any]) -> None:
    for future in pending:
        future.cancel()


def _raise(failure: BaseException, done: int, total: int, *, kept: bool) -> None:
    """Raise the error of a task, or one that says in words how the workers were lost."""
    state = f"{done} of {total} tasks are done"
    again = " and kept; run the same again to go on" if kept else ""
    if isinstance(failure, BrokenProcessPool):
        raise WorkStopped(
            "A worker process ended before its task did: it was killed, or the memory did not "
            f"suffice. {state}{again}. Fewer workers need less memory"
        ) from failure
    if isinstance(failure, CancelledError) or type(failure).__module__.startswith("distributed"):
        reason = " ".join(str(failure).split()) or "the scheduler was lost"
        raise WorkStopped(f"The cluster gave a task up: {reason}. {state}{again}") from failure
    failure.add_note(f"{state}{again}")
    raise failure


@contextmanager
def _cluster(address: str, answer_s: float) -> Iterator[Any]:
    """Connect to a scheduler that has workers with the code of this process."""
    where = f"the scheduler {address}"
    try:
        from distributed import Client
    except ModuleNotFoundError:
        raise InvalidInput(
            Fault(
                where,
                "dask.distributed is installed",
                "it is not",
                "Install it with: pip install 'threatkit[cluster]'",
            )
        ) from None
    try:
        client = Client(address, timeout=answer_s, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InvalidInput(
            Fault(
                where,
                f"it answers within {answer_s:g} seconds",
                " ".join(str(error).split()) or type(error).__name__,
                "Start one with 'dask scheduler', and give the address that it prints",
            )
        ) from error
    with client:
        _wait_for_workers(client, where, answer_s)
        yield client


def _wait_for_workers(client: Any, where: str, answer_s: float) -> None:
    """Refuse a cluster without workers, or with workers of another version."""
    try:
        client.wait_for_workers(1, timeout=answer_s)
    except TimeoutError:
        raise InvalidInput(
            Fault(
                where,
                f"it has a worker within {answer_s:g} seconds",
                "none",
                "Start some with 'dask worker ADDRESS --nthreads 1 --nworkers N'",
            )
        ) from None
    own = code_version()
    found = client.run(_version_there, on_error="return")
    other = [worker for worker, version in found.items() if version != own]
    if other:
        raise InvalidInput(
            Fault(
                where,
                "its workers run the same code of threatkit as this process",
                f"another or none on {', '.join(sorted(other))}",
                "Install the same version of threatkit there, and start the workers again",
            )
        )


def _version_there() -> str:
    return code_version()
