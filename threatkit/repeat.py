"""A run fitted again from its own record and its own copy of its inputs.

The same seed, inputs, versions and processor give the same draws, bit for bit, whatever the
number of cores. Other versions or another processor round otherwise somewhere; the chains then
part, and what can be asked is whether both sets of draws are of one posterior.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats import mcse
from numpy.typing import NDArray

from threatkit.archive import draws_tree, write_tree
from threatkit.areal.kept import restored
from threatkit.areal.results import draws_of
from threatkit.checks import run_spec
from threatkit.errors import Fault, InvalidInput
from threatkit.export.run import read_run
from threatkit.keptinputs import config_of
from threatkit.machine import machine, versions
from threatkit.model.chains import Update
from threatkit.model.samplers import devices
from threatkit.pipeline import fit_spec
from threatkit.store import KEPT, RECORD, RunFolder, read_record, unpacked

_DRAWS = "posterior.nc"
#: Groups of the file of draws that a fit makes.
_GROUPS = ("posterior", "sample_stats", "forecast")
#: What of the machine cannot change a draw, or is part of another field.
_HARMLESS = ("cores", "threads", "system")


@dataclass(frozen=True)
class Repeat:
    """A run, fitted again.

    Attributes
    ----------
    run
        Folder of the run.
    draws
        Those of the repeat, as a run keeps them.
    table
        Index quantity; see `compared`.
    surroundings
        Index what (a version, the processor), columns then and now: those that differ.
    """

    run: Path
    draws: xr.DataTree
    table: pd.DataFrame
    surroundings: pd.DataFrame

    @property
    def same(self) -> bool:
        """Return whether every draw is the same, bit for bit."""
        return bool(self.table["same"].all())


def repeat(run: Path, *, update: Update | None = None) -> Repeat:
    """Fit a run again, with its inputs, configuration, seed, engine and sampler.

    Parameters
    ----------
    run
        Folder that ``threatkit assess`` or ``threatkit fit`` wrote.
    update
        Called while sampling.

    Raises
    ------
    InvalidInput
        If the run, its draws or its inputs are not there or not as it wrote them.
    ThreatkitError
        If the sampler fails.
    """
    record = read_record(run)
    _check_files(Path(run), record)
    own = record.get("kind") == "fit"
    made = _areas_again(Path(run), record, update) if own else _assessed_again(Path(run), update)
    with xr.open_datatree(Path(run) / _DRAWS, engine="h5netcdf") as kept:
        table = compared(kept, made)
    return Repeat(Path(run), made, table, _surroundings(record))


def write_repeat(folder: Path, made: Repeat, *, command: str | None = None) -> None:
    """Write the draws of a repeat and what was found into a folder.

    Raises
    ------
    InvalidInput
        If the folder is the run's own.
    OutputFailed
        If it cannot be written.
    """
    if Path(folder).resolve() == made.run.resolve():
        rule = "a repeat does not overwrite the run that it repeats"
        raise InvalidInput(Fault("--out", rule, str(folder), "Give another folder"))
    record = read_record(made.run)
    sampler = _sampler(record)
    with RunFolder(folder) as target:
        target.write_netcdf(_DRAWS, lambda path: write_tree(path, made.draws))
        target.write_json(
            RECORD,
            {
                "kind": "repeat",
                "command": command,
                "of": record.get("run_id", str(made.run)),
                "same": made.same,
                "quantities": _plain(made.table),
                "surroundings": _plain(made.surroundings),
                "versions": versions(sampler),
                "machine": machine(),
                "devices": devices(sampler),
                "files": dict(target.hashes),
            },
        )


def compared(kept: xr.DataTree, made: xr.DataTree) -> pd.DataFrame:
    """Compare two sets of draws, quantity by quantity.

    Returns
    -------
    Index quantity, columns

    - ``same``: every draw is the same, bit for bit, and there are as many;
    - ``same_share``: share of the numbers that are the same, 0 to 1, of the draws that both have;
    - ``largest_sd``: the largest difference of a single draw, in posterior sd;
    - ``mean_sd``: the largest difference of a mean, in posterior sd;
    - ``mean_errors``: the root mean square difference of the means in Monte Carlo errors; near 1
      where the draws are others of the same posterior.
    """
    rows: dict[str, dict[str, Any]] = {}
    for group in _GROUPS:
        old, new = (_group(tree, group) for tree in (kept, made))
        for name in dict.fromkeys([*old, *new]):
            label = str(name) if group == "posterior" else f"{group}/{name}"
            rows[label] = _row(old.get(name), new.get(name))
    table = pd.DataFrame.from_dict(rows, orient="index").astype(
        {
            "same": bool,
            **dict.fromkeys(("same_share", "largest_sd", "mean_sd", "mean_errors"), float),
        }
    )
    table.index.name = "quantity"
    return table


def _group(tree: xr.DataTree, name: str) -> dict[str, xr.DataArray]:
    if name not in tree.children:
        return {}
    return {str(key): values for key, values in tree[name].data_vars.items()}


def _row(old: xr.DataArray | None, new: xr.DataArray | None) -> dict[str, Any]:
    nothing = {"same": False, "same_share": 0.0}
    if old is None or new is None or old.dims != new.dims:
        return nothing
    length = min(old.sizes["draw"], new.sizes["draw"])
    a, b = (values.isel(draw=slice(length)).to_numpy() for values in (old, new))
    if a.shape != b.shape:
        return nothing
    equal = (a == b) | ((a != a) & (b != b))
    return {
        "same": bool(equal.all()) and old.shape == new.shape and a.dtype == b.dtype,
        "same_share": float(equal.mean()) if equal.size else 1.0,
        **_apart(a.astype(float), b.astype(float), bool(equal.all())),
    }


def _apart(a: NDArray[np.float64], b: NDArray[np.float64], equal: bool) -> dict[str, float]:
    """Return how far draws, chain by draw by whatever else, lie apart."""
    if equal:
        return {"largest_sd": 0.0, "mean_sd": 0.0, "mean_errors": 0.0}
    a, b = (values.reshape(*values.shape[:2], -1) for values in (a, b))
    spread = np.maximum(a.std(axis=(0, 1)), b.std(axis=(0, 1)))
    moving = np.isfinite(spread) & (spread > 0)
    if not moving.any():
        return {"largest_sd": np.inf, "mean_sd": np.inf, "mean_errors": np.inf}
    a, b, spread = a[..., moving], b[..., moving], spread[moving]
    gap = np.abs(a.mean(axis=(0, 1)) - b.mean(axis=(0, 1)))
    dims = ["chain", "draw", "element"]
    errors = [np.asarray(mcse(xr.DataArray(values, dims=dims), method="mean")) for values in (a, b)]
    return {
        "largest_sd": float((np.abs(a - b).max(axis=(0, 1)) / spread).max()),
        "mean_sd": float((gap / spread).max()),
        "mean_errors": float(np.sqrt(np.nanmean((gap / np.hypot(*errors)) ** 2))),
    }


def _assessed_again(run: Path, update: Update | None) -> xr.DataTree:
    found = read_run(run)
    return draws_tree(fit_spec(run_spec(found), config_of(found), update=update))


def _areas_again(run: Path, record: Mapping[str, Any], update: Update | None) -> xr.DataTree:
    path = run / KEPT
    rule = "a fit keeps the copy of its inputs from which it is repeated"
    if not path.is_file():
        raise InvalidInput(Fault(str(path), rule, "none", "Run 'fit' again"))
    try:
        config, data = restored(unpacked(path.read_bytes()))
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(Fault(str(path), rule, repr(error), "Run 'fit' again")) from error
    if record["engine"] == "laplace":
        from threatkit.areal.laplace import laplace_areal as fit_areal
    else:
        from threatkit.areal.fit import fit_areal
    fitted = fit_areal(config, data, seed=int(record["seed"]), update=update)
    return xr.DataTree.from_dict(draws_of(fitted))


def _check_files(run: Path, record: Mapping[str, Any]) -> None:
    """Refuse a run whose draws or inputs are not those that it wrote."""
    faults = []
    for name in (_DRAWS, KEPT):
        path, hashed = run / name, record.get("files", {}).get(name)
        if hashed is None:
            continue
        if not path.is_file():
            faults.append(Fault(str(path), "a finished run holds this file", "none"))
            continue
        with path.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != hashed:
                faults.append(Fault(str(path), "it is as the run wrote it", "another content"))
    if faults:
        raise InvalidInput(faults)


def _sampler(record: Mapping[str, Any]) -> str:
    """Return the sampler of a run; empty for the fast engine, which has none."""
    values = record if record.get("kind") == "fit" else record["config"]
    return str(values["sampling"]["sampler"]) if values["engine"] == "nuts" else ""


def _surroundings(record: Mapping[str, Any]) -> pd.DataFrame:
    """Return what differs between the surroundings of a run and those of now."""
    sampler = _sampler(record)
    then = {
        **record.get("versions", {}),
        **{k: v for k, v in record.get("machine", {}).items() if k not in _HARMLESS},
        "devices": record.get("devices", "not recorded"),
    }
    here = {**versions(sampler), **machine(), "devices": devices(sampler)}
    rows = {
        name: {"then": _text(value), "now": _text(here.get(name, "unknown"))}
        for name, value in then.items()
        if _text(value) != _text(here.get(name, "unknown"))
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["then", "now"])
    table.index.name = "what"
    return table


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _plain(table: pd.DataFrame) -> dict[str, Any]:
    """Return rows by name, as JSON holds them."""
    rows: dict[str, Any] = table.astype(object).to_dict("index")
    return {
        name: {k: None if v != v or v in (np.inf, -np.inf) else v for k, v in row.items()}
        for name, row in rows.items()
    }
