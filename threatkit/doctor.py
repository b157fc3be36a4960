"""What an installation has: versions, sampling engines, shipped data."""

import os
import platform
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Literal

from threatkit.errors import InvalidInput
from threatkit.paths import data_dir

State = Literal["ok", "missing", "note"]

_PACKAGES = (
    *("threatkit", "numpy", "scipy", "pandas", "xarray", "geopandas", "shapely", "pyproj"),
    *("arviz", "pymc", "pytensor", "folium", "xstatic-leaflet", "h5netcdf", "h5py"),
    *("click", "rich", "jinja2"),
)
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    what
        Its name.
    state
        ``ok``, ``missing`` (the toolkit cannot work) or ``note``.
    detail
        Version, place or reason.
    """

    what: str
    state: State
    detail: str


def examine() -> list[Finding]:
    """Look at interpreter, machine, packages, engine and data; imports nothing heavy."""
    return [
        Finding("python", "ok", f"{platform.python_version()} ({sys.executable})"),
        Finding("machine", "ok", f"{platform.platform()}, {os.cpu_count()} processors"),
        *(_package(name) for name in _PACKAGES),
        _engine(),
        *_data(),
        _browser(),
    ]


def _package(name: str) -> Finding:
    try:
        return Finding(name, "ok", version(name))
    except PackageNotFoundError:
        return Finding(name, "missing", "not installed")


def _engine() -> Finding:
    if find_spec("nutpie") is None or find_spec("pymc") is None:
        return Finding("engine nuts", "missing", "needs pymc and nutpie")
    return Finding("engine nuts", "ok", f"nutpie {version('nutpie')}")


def _data() -> list[Finding]:
    from threatkit.data.catalogue import load_catalogue

    try:
        folder = data_dir("indicators")
        catalogue = load_catalogue()
    except FileNotFoundError as error:
        return [Finding("indicators", "missing", str(error))]
    except InvalidInput as error:
        return [Finding("indicators", "missing", f"{len(error.faults)} faults: {error.faults[0]}")]
    names = ", ".join(f"{package.name} {package.version}" for package in catalogue.packages)
    return [
        Finding("indicators", "ok", f"{names} (in {folder})"),
        Finding("districts", "ok", str(len(catalogue.districts))),
        _outlines(),
    ]


def _outlines() -> Finding:
    from threatkit.geo.boundaries import load_boundaries

    try:
        folder = data_dir("maps") / "boundaries"
        outlines = load_boundaries()
    except (FileNotFoundError, InvalidInput) as error:
        return Finding("boundaries", "missing", str(error))
    return Finding("boundaries", "ok", f"{len(outlines)} outlines (in {folder})")


def _browser() -> Finding:
    found = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        return Finding("chromium", "note", "not found; only the tests of the map need it")
    return Finding("chromium", "ok", found)
