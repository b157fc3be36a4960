"""Set-up of a checkout with nothing but Python: finds one that is new enough, makes ``.venv``.

This module runs before anything is installed, on Python 3.8 and newer, and so uses the
standard library only. What is installed is exactly what the lock names, checked by hash.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Iterator, Sequence  # noqa: UP035

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
OLDEST = (3, 12)
LOCKS = {"run": "requirements.lock", "dev": "requirements-dev.lock"}

USAGE = """usage: python3 cli.py setup [--dev]

Make the project's own environment in .venv from the lock, or check that it is there.
  --dev    also install the tools that tests and checks need

example: python3 cli.py setup && .venv/bin/threatkit assess --out out/first
"""

NO_PYTHON = """threatkit needs Python {oldest} or newer, and none was found; this one is {this}.
Looked at: the names python3.12 and up on PATH, pyenv's versions, uv's interpreters{windows}.
Ways to get one:
  Debian, Ubuntu   apt-get install python3.12 python3.12-venv (or the newest it has)
  Fedora           dnf install python3.13
  macOS            brew install python@3.13
  Windows          winget install Python.Python.3.13
  anywhere         pyenv install 3.13, or the installer from the site of Python
Then run the same command again, or name the interpreter: /path/to/python3.13 cli.py setup"""

# Prints the version and the interpreter itself, not a shim and not an environment's copy of it.
PROBE = """import sys, venv, ensurepip
print("%d.%d" % sys.version_info[:2], getattr(sys, "_base_executable", None) or sys.executable)"""


class SetupError(Exception):
    """The environment could not be made; the text says why and what to do."""


def launch(arguments: Sequence[str]) -> int:
    """Run ``setup``, or hand a command to the environment; return the exit code."""
    if arguments and arguments[0] == "setup":
        return _setup(arguments[1:])
    python = venv_python()
    if not python.exists():
        _tell("the environment .venv is not there yet: run 'python3 cli.py setup' first")
        return 1
    command = [str(python), "-m", "threatkit", *arguments]
    if os.name != "nt":
        os.execv(command[0], command)  # noqa: S606
    return subprocess.call(command)  # noqa: S603


def _setup(arguments: Sequence[str]) -> int:
    if any(argument in ("-h", "--help") for argument in arguments):
        sys.stdout.write(USAGE)
        return 0
    if any(argument != "--dev" for argument in arguments):
        _tell(USAGE.rstrip())
        return 2
    try:
        make_environment(dev="--dev" in arguments)
    except SetupError as error:
        _tell(str(error))
        return 1
    except KeyboardInterrupt:
        _tell("stopped; run the same command again to go on")
        return 130
    return 0


def venv_python(venv: Path = VENV) -> Path:
    """Return the interpreter of an environment, whether it exists or not."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def make_environment(*, dev: bool = False) -> None:
    """Make ``.venv`` and install the lock and the project; quick where that is done already.

    Raises
    ------
    SetupError
        If no Python is new enough, or an installation fails.
    """
    stamp = VENV / ".threatkit-setup"
    wanted = lock_stamp(dev=dev)
    if venv_python().exists() and stamp.exists() and _runs(venv_python()):
        done = stamp.read_text(encoding="utf-8").split()
        if wanted in done or lock_stamp(dev=True) in done:
            return
    usable = venv_python().exists() and (_runs(venv_python()) or (0, 0)) >= OLDEST
    if not usable:
        python = find_python()
        _tell(f"making .venv with {python}")
        if VENV.exists():
            shutil.rmtree(str(VENV))
        _run([python, "-m", "venv", str(VENV)], "the environment .venv could not be made")
    lock = ROOT / LOCKS["dev" if dev else "run"]
    _tell(f"installing what {lock.name} names (some minutes the first time)")
    pip = [str(venv_python()), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    failed = "the packages could not be installed; is the network or a package mirror there?"
    _run([*pip, "--require-hashes", "--requirement", str(lock)], failed)
    project = [*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
    _run(project, "threatkit itself could not be installed")
    stamp.write_text(wanted + "\n", encoding="utf-8")
    _tell(f"ready: {VENV}")


def lock_stamp(*, dev: bool) -> str:
    """Return what identifies an installation: a hash of its lock and of pyproject.toml."""
    kind = "dev" if dev else "run"
    digest = hashlib.sha256(kind.encode())
    for name in (LOCKS[kind], "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def find_python() -> str:
    """Return an interpreter that is new enough and can make environments.

    Raises
    ------
    SetupError
        If there is none.
    """
    for candidate in _candidates():
        python = _interpreter(candidate)
        if python:
            return python
    raise SetupError(
        NO_PYTHON.format(
            oldest=".".join(map(str, OLDEST)),
            this=platform.python_version(),
            windows=", the py launcher" if os.name == "nt" else "",
        )
    )


def _candidates() -> Iterator[str]:
    yield sys.executable
    names = [f"python3.{minor}" for minor in (13, 12, 14, 15, 16)]
    for name in [*names, "python3", "python"]:
        for folder in os.get_exec_path():
            path = shutil.which(name, path=folder)
            if path:
                yield path
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for shim in sorted(pyenv.glob("versions/3.*/bin/python3"), key=_version_key, reverse=True):
        yield str(shim)
    for command in (["uv", "python", "find", ">=3.12"], ["py", "-3", "-c", PROBE]):
        if shutil.which(command[0]):
            told = _output(command)
            if told:
                yield told.partition(" ")[2] if command[0] == "py" else told


def _version_key(path: Path) -> list[int]:
    parts = path.parent.parent.name.split(".")
    return [int(part) if part.isdigit() else -1 for part in parts]


def _interpreter(candidate: str) -> str | None:
    """Return the interpreter behind a candidate if it is new enough and works."""
    told = _output([candidate, "-c", PROBE])
    if not told:
        return None
    version, _, path = told.partition(" ")
    major, minor = version.split(".")
    return path if (int(major), int(minor)) >= OLDEST else None


def _runs(python: Path) -> tuple[int, ...] | None:
    told = _output([str(python), "-c", "import sys, pip; print('%d.%d' % sys.version_info[:2])"])
    return tuple(int(part) for part in told.split(".")) if told else None


def _output(command: Sequence[str]) -> str | None:
    """Return what a command prints, or None if it fails: pyenv's shims exist and may fail."""
    try:
        done = subprocess.run(  # noqa: S603
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace").strip() or None


def _run(command: Sequence[str], failed: str) -> None:
    try:
        code = subprocess.call(list(command))  # noqa: S603
    except OSError as error:
        raise SetupError(f"{failed} ({error})") from error
    if code != 0:
        raise SetupError("{} (exit code {} of: {})".format(failed, code, " ".join(command)))


def _tell(text: str) -> None:
    sys.stderr.write(f"threatkit: {text}\n")
