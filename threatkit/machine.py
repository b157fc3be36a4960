"""On what a run was computed: versions, processor and libraries that decide the last bits."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

#: Packages whose versions every run records, and those that a sampler adds.
_ALWAYS = (
    *("threatkit", "numpy", "scipy", "pandas", "geopandas", "xarray", "arviz"),
    *("pymc", "pytensor", "nutpie", "numba", "llvmlite"),
)
_ADDED = {"numpyro": ("jax", "jaxlib", "numpyro")}


def versions(sampler: str = "") -> dict[str, str]:
    """Return the versions of the packages that draws depend on, by name.

    Parameters
    ----------
    sampler
        Name of the sampler, which may need packages of its own.
    """
    found = {}
    for name in (*_ALWAYS, *_ADDED.get(sampler, ())):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def machine() -> dict[str, Any]:
    """Return what is known of this machine, of what may change the last bits of a sum.

    The name of the machine and of its user are not among it.
    """
    from threadpoolctl import threadpool_info

    pools = [
        " ".join(str(pool[key]) for key in ("internal_api", "version", "architecture") if pool[key])
        for pool in ({"architecture": None, **pool} for pool in threadpool_info())
    ]
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "processor": _processor(),
        "cores": _cores(),
        "threads": {
            name: os.environ[name]
            for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
            if name in os.environ
        },
        "linear_algebra": sorted(set(pools)),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def _cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
