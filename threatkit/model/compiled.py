"""Compiled models that outlive the process: machine code kept on disk between runs.

Turning a PyMC model into machine code takes longer than anything else before sampling. The code
depends on the model's structure and its data alone, so it is kept under a key of both, of this
package's sources and of the versions and the processor that it was made for. A damaged or
unreadable entry is ignored and made again; entries are written under another name and renamed,
so that runs side by side never read half of one.
"""

import dataclasses
import hashlib
import logging
import os
import pickle
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import pymc as pm
from numpy.typing import NDArray

from threatkit.errors import ThreatkitError

logger = logging.getLogger(__name__)

#: Names the folder of compiled models; ``off`` keeps none.
CACHE = "THREATKIT_CACHE"
#: So many compiled models are kept, those used last; each is a few megabytes.
KEPT = 24
#: Arrays above this size (bytes) are passed to the code by address and not written into it.
LARGEST_CONSTANT = 500_000

_VERSIONS = ("pymc", "pytensor", "nutpie", "numba", "llvmlite", "numpy", "scipy", "pandas")
#: What nutpie's compiled model holds beside plain data.
_LIVE = ("compiled_logp_func", "compiled_expand_func", "initial_point_func")
_DROPPED = ("shared_var_keys", "logp_func", "expand_func")
#: What an entry of other versions may raise while it is unpickled and linked.
_UNREADABLE = (
    *(pickle.PickleError, LookupError, AttributeError, ImportError),
    *(TypeError, ValueError, OSError, RuntimeError),
)


def cache_folder() -> Path | None:
    """Return the folder of compiled models, by the platform's convention; None if switched off."""
    given = os.environ.get(CACHE, "")
    if given.lower() == "off":
        return None
    if given:
        return Path(given)
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "threatkit" / "compiled"


@dataclass(frozen=True)
class Start:
    """Where a chain begins: a fixed point, each coordinate moved by up to one either way."""

    point: NDArray[np.float64]

    def __call__(self, seed: int | None = None) -> NDArray[np.float64]:
        """Return the first point of the chain with this seed."""
        rng = np.random.default_rng(seed)
        return self.point + rng.uniform(-1.0, 1.0, len(self.point))


@dataclass(frozen=True)
class Slot:
    """A place for data in compiled code: its name is all that a change of the data needs."""

    number: int
    name: str | None


def compile_model(model: pm.Model, names: Sequence[str], inputs: Iterable[Any]) -> Any:
    """Compile a model for nutpie, or take what an earlier run compiled.

    Either way the code is read from a file that another process has written. In the process that
    compiles, parts of the code are replaced by copies that were optimised in another setting, and
    the last bits of its results differ: draws would depend on whether code was found.

    Parameters
    ----------
    model
        What to compile.
    names
        Variables that are kept.
    inputs
        Everything that the model was made from: dataclasses, frames, arrays and plain values;
        but for its data (`pymc.Data`) that are given anew before each use (``with_data``).

    Returns
    -------
    nutpie.CompiledModel
        The same draws follow from it whether it was compiled now or found.

    Raises
    ------
    ThreatkitError
        If the model cannot be compiled.
    """
    folder = cache_folder()
    if folder is not None:
        path = folder / f"{fingerprint([*inputs, list(names), _surroundings()])}.model"
        found = _read(path)
        if found is not None:
            logger.info("compiled code of an earlier run serves")
            return found
    with tempfile.TemporaryDirectory(prefix="threatkit-") as room:
        content = _compiled_apart(model, names, Path(room))
        if content is None:
            logger.info("this model's code holds addresses of its process and is not kept")
            return _compile(model, names)[0]
        fresh = Path(room) / "code.model"
        fresh.write_bytes(content)
        made = _read(fresh)
    if made is None:
        raise ThreatkitError("the compiled model cannot be read back; see the log with -v")
    if folder is not None:
        _keep(path, content)
    return made


def _compiled_apart(model: pm.Model, names: Sequence[str], room: Path) -> bytes | None:
    """Compile in another process; return the entry, None if its code cannot be moved."""
    task, made = room / "task", room / "made"
    task.write_bytes(cloudpickle.dumps((model, list(names))))
    command = [sys.executable, "-m", "threatkit.model.compiled", str(task), str(made)]
    package = str(Path(__file__).resolve().parents[2])
    inherited = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(inherited)}
    done = subprocess.run(  # noqa: S603  (this interpreter and our own files)
        command, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise ThreatkitError(f"the model could not be compiled: {last[0]}")
    return made.read_bytes() if made.exists() else None


def _compile(model: pm.Model, names: Sequence[str]) -> tuple[Any, dict[str, Any] | None]:
    """Return the compiled model and, where its code can be moved, what is kept of it."""
    import nutpie
    from numba.core import serialize
    from numba.core.compiler import Compiler
    from pymc.initial_point import make_initial_point_fn

    results: dict[str, Any] = {}

    class Kept(Compiler):
        """Numba's compiler, whose result is remembered."""

        def _compile_core(self) -> Any:
            result = super()._compile_core()  # type: ignore[no-untyped-call]
            results[result.fndesc.llvm_cfunc_wrapper_name] = result
            return result

    first = make_initial_point_fn(model=model, jitter_rvs=set(), return_transformed=True)(0)
    values = [model.rvs_to_values[variable].name for variable in model.free_RVs]
    start = Start(np.concatenate([np.ravel(first[name]).astype(np.float64) for name in values]))
    made = nutpie.compile_pymc_model(passing(model), var_names=list(names), pipeline_class=Kept)
    made = dataclasses.replace(made, initial_point_func=start)
    code = {}
    for name in _LIVE[:2]:
        wrapper = getattr(made, name).native_name
        result = results.get(wrapper)
        if result is None or not _movable(result.library, made.shared_data.values()):
            return made, None
        code[name] = (wrapper, serialize.dumps(result._reduce()))
    held = {
        field.name: getattr(made, field.name)
        for field in dataclasses.fields(made)
        if field.name not in (*_LIVE, *_DROPPED)
    }
    slots = [(variable.name, key) for variable, key in made.shared_var_keys.items()]
    return made, {"code": code, "start": start.point, "held": held, "slots": slots}


def _movable(library: Any, passed: Iterable[NDArray[Any]]) -> bool:
    """Say whether a library's code holds no address that another process would use.

    Nutpie begins with a tuple of the arrays of this process and puts those that it is given in
    their place before anything is computed; numba counts the first ones as addresses.
    """
    library.has_dynamic_globals  # noqa: B018  (finalises the library)
    replaced = {address for array in passed for address in (id(array), array.ctypes.data)}
    found = {
        int(variable.name.rsplit(".", 1)[-1], 16)
        for variable in library._final_module.global_variables
        if variable.name.startswith("numba.dynamic.globals.")
    }
    return found <= replaced


def passing(model: pm.Model) -> pm.Model:
    """Return the model with large constants as data, which compiled code takes by address.

    A constant of more than a megabyte is compiled in as an address of this process, and the code
    could not be kept.
    """
    import pytensor
    from pymc.model.fgraph import fgraph_from_model, model_from_fgraph
    from pytensor.graph.basic import Constant

    graph, _ = fgraph_from_model(model)
    large = [
        variable
        for variable in graph.variables
        if isinstance(variable, Constant)
        and isinstance(variable.data, np.ndarray)
        and variable.data.nbytes > LARGEST_CONSTANT
    ]
    if not large:
        return model
    shared = [
        pytensor.shared(variable.data, name=f"constant_{number}", shape=variable.data.shape)
        for number, variable in enumerate(large)
    ]
    graph.replace_all(list(zip(large, shared, strict=True)), import_missing=True)
    return model_from_fgraph(graph, mutate_fgraph=True)


@dataclass(frozen=True)
class _Loaded:
    """A compiled function that was found: its address, and what must live as long as it."""

    address: int
    result: Any


def _load(wrapper: str, code: bytes) -> _Loaded:
    from numba.core.compiler import CompileResult
    from numba.core.registry import cpu_target
    from numba.core.runtime import rtsys

    context = cpu_target.target_context
    rtsys.initialize(context)
    context.refresh()
    result = CompileResult._rebuild(context, *pickle.loads(code))  # noqa: S301
    return _Loaded(result.library.get_pointer_to_function(wrapper), result)


def _read(path: Path) -> Any:
    """Return the compiled model of a file; None if there is none that can be used."""
    import pytensor.link.numba.linker  # noqa: F401  (its types are in the code)
    from nutpie.compile_pymc import CompiledPyMCModel, update_user_data

    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, body = content[:32], content[32:]
    if hashlib.sha256(body).digest() != digest:
        logger.warning("%s is damaged: the model is compiled again", path)
        return None
    try:
        entry = pickle.loads(body)  # noqa: S301  (the user's own folder)
        live = {name: _load(*code) for name, code in entry["code"].items()}
        held = entry["held"]
        for array in held["shared_data"].values():
            array.flags.writeable = False
        held["user_data"] = update_user_data(held["user_data"].copy(), held["shared_data"])
        empty: dict[str, Any] = dict.fromkeys(_DROPPED)
        slots = {Slot(n, name): key for n, (name, key) in enumerate(entry["slots"])}
        start = Start(entry["start"])
        made = CompiledPyMCModel(
            **held, **live, **{**empty, "shared_var_keys": slots}, initial_point_func=start
        )
        os.utime(path)
    except _UNREADABLE as error:
        logger.warning("%s cannot be used (%s): the model is compiled again", path, error)
        return None
    return made


def _keep(path: Path, content: bytes) -> None:
    """Keep an entry, and let go of those not used for longest; a failure costs only time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as stream:
            stream.write(content)
        Path(stream.name).replace(path)
        for old in sorted(path.parent.glob("*.model"), key=_age)[KEPT:]:
            old.unlink(missing_ok=True)
    except OSError as error:
        logger.info("compiled code could not be kept in %s: %s", path.parent, error)


def _age(path: Path) -> float:
    try:
        return -path.stat().st_mtime
    except OSError:
        return 0.0


def _surroundings() -> list[Any]:
    """Return everything outside a model's inputs that its code depends on."""
    from numba.core.registry import cpu_target

    package = Path(__file__).resolve().parent.parent
    sources = [*sorted(package.glob("model/*.py")), *sorted(package.glob("areal/*.py"))]
    return [
        [version(name) for name in _VERSIONS],
        [platform.python_version(), platform.machine()],
        [str(part) for part in cpu_target.target_context.codegen().magic_tuple()],
        [path.read_bytes() for path in sources],
    ]


def fingerprint(value: Any) -> str:
    """Return a digest of nested dataclasses, frames, arrays and plain values.

    Raises
    ------
    TypeError
        If something else is among them: nothing is left out silently.
    """
    digest = hashlib.sha256()
    _feed(digest, value)
    return digest.hexdigest()


def _feed(digest: Any, value: Any) -> None:
    digest.update(type(value).__name__.encode() + b"\0")
    if isinstance(value, bytes):
        digest.update(hashlib.sha256(value).digest())
    elif value is None or isinstance(value, str | int | float | np.generic | date | Path):
        digest.update(repr(value).encode() + b"\0")
    elif isinstance(value, np.ndarray):
        _feed(digest, [str(value.dtype), list(value.shape)])
        if value.dtype == object:
            _feed(digest, value.ravel().tolist())
        else:
            digest.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, pd.DataFrame | pd.Series | pd.Index):
        frame = value.to_frame() if not isinstance(value, pd.DataFrame) else value
        _feed(digest, [str(column) for column in frame.columns])
        _feed(digest, pd.util.hash_pandas_object(frame).to_numpy())
    elif dataclasses.is_dataclass(value):
        _feed(digest, {f.name: getattr(value, f.name) for f in dataclasses.fields(value)})
    elif isinstance(value, Mapping):
        _feed(digest, sorted((str(key), key) for key in value))
        for key in sorted(value, key=str):
            _feed(digest, value[key])
    elif isinstance(value, Sequence | frozenset | set):
        _feed(digest, len(value))
        for entry in sorted(value) if isinstance(value, frozenset | set) else value:
            _feed(digest, entry)
    elif hasattr(value, "tocoo"):
        matrix = value.tocoo()
        _feed(digest, [list(matrix.shape), matrix.row, matrix.col, matrix.data])
    else:
        raise TypeError(f"no digest is defined for {type(value).__name__}")


def main(task: Path, made: Path) -> None:
    """Compile the model of a task file and write its entry, if the code can be moved."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        model, names = pickle.loads(task.read_bytes())  # noqa: S301  (written by our parent)
        _, entry = _compile(model, names)
    if entry is not None:
        body = pickle.dumps(entry)
        made.write_bytes(hashlib.sha256(body).digest() + body)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
