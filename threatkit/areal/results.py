"""The files of a fit: posterior.nc, summary.csv, z.csv, hyper.csv and the record run.json."""

import hashlib
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import gammaln

from threatkit.areal.config import ArealConfig
from threatkit.areal.data import ArealData
from threatkit.areal.fitted import ArealFit, effects
from threatkit.areal.kept import kept
from threatkit.machine import machine, versions
from threatkit.model.samplers import devices
from threatkit.store import KEPT, RECORD, RunFolder, packed

#: Files of a fit, besides z.csv where a covariate is known with error.
DRAWS, SUMMARY, LATENT, HYPER = "posterior.nc", "summary.csv", "z.csv", "hyper.csv"

_QUANTILES = (0.05, 0.5, 0.95)
_COLUMNS = ("mean", "sd", "q05", "q50", "q95")


def summarise_areas(fit: ArealFit, name: str = "eta") -> pd.DataFrame:
    """Return mean, sd and quantiles of a quantity by area, index ``area``."""
    values = fit.draws[name]
    frame = _summary(values.to_numpy().reshape(-1, values.sizes["area"]))
    frame.index = pd.Index(values["area"].to_numpy().astype(str), name="area")
    return frame


def summarise_parameters(fit: ArealFit) -> pd.DataFrame:
    """Return mean, sd and quantiles of the parameters, index ``name``.

    A single coefficient is called ``beta``; of several, each ``beta[covariate]``.
    """
    columns: dict[str, np.ndarray] = {}
    for name in fit.parameters:
        values = fit.draws[name]
        if "covariate" not in values.dims:
            columns[name] = values.to_numpy().ravel()
            continue
        labels = values["covariate"].to_numpy().astype(str)
        for label in labels:
            key = name if len(labels) == 1 else f"{name}[{label}]"
            columns[key] = values.sel(covariate=label).to_numpy().ravel()
    frame = _summary(np.stack(list(columns.values()), axis=1))
    frame.index = pd.Index(list(columns), name="name")
    return frame


def _summary(draws: np.ndarray) -> pd.DataFrame:
    low, middle, high = np.quantile(draws, _QUANTILES, axis=0)
    table = np.stack([draws.mean(axis=0), draws.std(axis=0, ddof=1), low, middle, high], axis=1)
    return pd.DataFrame(table, columns=list(_COLUMNS))


def log_likelihood(config: ArealConfig, data: ArealData, fit: ArealFit) -> xr.DataArray:
    """Return the log probability of each known count under each draw, dims as ``eta``."""
    seen = np.flatnonzero(data.observed)
    eta = fit.draws["eta"].isel(area=seen)
    y = data.count[seen]
    log_mean = eta.to_numpy() + np.log(data.exposure[seen])
    constant = -gammaln(y + 1.0)
    if config.likelihood == "poisson":
        return eta.copy(data=y * log_mean - np.exp(log_mean) + constant)
    extra = fit.draws["dispersion" if config.likelihood == "nb1" else "size"]
    size = extra.to_numpy()[..., None]
    if config.likelihood == "nb1":
        size = np.exp(log_mean) / size
    ratio = log_mean - np.log(size)
    clusters = gammaln(y + size) - gammaln(size) + constant
    return eta.copy(data=clusters - (y + size) * np.log1p(np.exp(ratio)) + y * ratio)


def write_results(
    folder: RunFolder,
    config: ArealConfig,
    data: ArealData,
    fit: ArealFit,
    *,
    engine: str,
    command: str | None = None,
) -> None:
    """Write all files of a fit into a run's folder.

    Parameters
    ----------
    folder
        Entered.
    config, data, fit
        What was fitted, and the draws.
    engine
        Name of the engine, for the record.
    command
        The command line as it was typed, for the record.
    """
    folder.write_frame(SUMMARY, summarise_areas(fit))
    if data.groups is not None:
        folder.write_frame(LATENT, summarise_areas(fit, "z"))
    folder.write_frame(HYPER, summarise_parameters(fit))
    folder.write_netcdf(DRAWS, lambda path: _write_draws(path, config, data, fit))
    folder.write_bytes(KEPT, packed(kept(config, data)))
    folder.write_json(RECORD, _record(config, data, fit, engine, folder.hashes, command))


def _write_draws(path: Path, config: ArealConfig, data: ArealData, fit: ArealFit) -> None:
    """Write draws, log-likelihood and data as groups that ArviZ knows."""
    area = list(data.areas)
    given = xr.Dataset({"count": ("area", data.count)}, coords={"area": area})
    constant = {"exposure": ("area", data.exposure)}
    if len(data.covariates.columns):
        constant |= {
            f"x_{name}": ("area", data.covariates[name].to_numpy())
            for name in data.covariates.columns
        }
    groups = {
        **draws_of(fit),
        "observed_data": given,
        "constant_data": xr.Dataset(constant, coords={"area": area}),
    }
    if data.observed.any():
        groups["log_likelihood"] = _single(xr.Dataset({"count": log_likelihood(config, data, fit)}))
    tree = xr.DataTree.from_dict(groups)
    tree["posterior"].attrs.update(seed=fit.seed, likelihood=config.likelihood)
    encoding = {
        f"/{group}": {str(name): {"zlib": True, "complevel": 1} for name in tree[group].data_vars}
        for group in ("posterior", "log_likelihood")
        if group in groups
    }
    tree.to_netcdf(path, engine="h5netcdf", encoding=encoding)


def draws_of(fit: ArealFit) -> dict[str, xr.Dataset]:
    """Return the groups of draws of a fit as they are kept, in single precision."""
    return {
        "posterior": _single(fit.draws),
        "sample_stats": xr.Dataset({"diverging": (("chain", "draw"), fit.divergent)}),
    }


def _single(dataset: xr.Dataset) -> xr.Dataset:
    return dataset.map(lambda v: v.astype(np.float32) if v.dtype == np.float64 else v)


def _record(
    config: ArealConfig,
    data: ArealData,
    fit: ArealFit,
    engine: str,
    hashes: dict[str, str],
    command: str | None,
) -> dict[str, Any]:
    """Return what is needed to repeat the fit, and what the gate measured."""
    table = fit.diagnostics.table
    sampler = config.sampling.sampler if engine == "nuts" else ""
    return {
        "kind": "fit",
        "command": command,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "engine": engine,
        "seed": fit.seed,
        "config": dict(config.values),
        "priors": {
            **{name: str(prior) for name, prior in config.priors.items()},
            **(
                {}
                if config.groups is None
                else {n: str(p) for n, p in config.groups.priors.items()}
            ),
        },
        "sampling": asdict(config.sampling),
        "inputs": {path.name: _digest(path) for path in _inputs(config)},
        "areas": len(data.areas),
        "effects": effects(data),
        "notes": list(data.notes),
        "draws": {"chains": fit.draws.sizes["chain"], "draws": fit.draws.sizes["draw"]},
        "seconds": {name: round(value, 2) for name, value in fit.seconds.items()},
        "gate": {
            "passed": fit.diagnostics.passed,
            "messages": list(fit.diagnostics.failures),
            "divergent_share": fit.diagnostics.divergent_share,
            "quantities": {
                str(name): {key: _plain(value) for key, value in row.items()}
                for name, row in table.to_dict(orient="index").items()
            },
        },
        "versions": versions(sampler),
        "python": platform.python_version(),
        "machine": machine(),
        "devices": devices(sampler),
        "files": dict(hashes),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.5g}") if np.isfinite(value) else None
    return value


def _inputs(config: ArealConfig) -> list[Path]:
    table = None if config.groups is None else config.groups.table
    found = (config.areas.counts, config.areas.edges, config.areas.polygons, table)
    return [path for path in found if path is not None]


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
