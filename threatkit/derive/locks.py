"""Writes the two locks from pyproject.toml with uv: ``python -m threatkit.derive.locks``.

Both hold for every platform and Python from 3.12 on, carry a hash for each file that may be
installed, and name no address. The lock to run is a part of the lock with the tools.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

OPTIONS = (
    *("--universal", "--python-version", "3.12", "--generate-hashes"),
    *("--no-emit-index-url", "--no-header", "--no-annotate", "--quiet"),
    *("--group", "backend", "pyproject.toml"),
)
DEV, RUN = "requirements-dev.lock", "requirements.lock"


def resolve() -> None:
    """Resolve both locks; pins that still hold are kept, ``--upgrade`` renews them."""
    uv = [sys.executable, "-m", "uv", "pip", "compile", *OPTIONS, *sys.argv[1:]]
    names = ("dev", "build", "evaluate", "elicit", "export", "calibrate", "cluster", "numpyro")
    tools = [*(word for name in names for word in ("--extra", name)), "--output-file", DEV]
    subprocess.run([*uv, *tools], check=True, cwd=ROOT)  # noqa: S603
    subprocess.run([*uv, "--constraints", DEV, "--output-file", RUN], check=True, cwd=ROOT)  # noqa: S603


if __name__ == "__main__":
    resolve()
