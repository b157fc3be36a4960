"""A finished run read again to be checked: its specification and its draws, as they were."""

from pathlib import Path

import xarray as xr

from threatkit.errors import Fault, InvalidInput
from threatkit.evaluate.predictive import REPLICATIONS, Checked, check
from threatkit.export.run import Run
from threatkit.inputs import make_spec
from threatkit.keptinputs import Unavailable, config_of, inputs_of
from threatkit.model.spec import ModelSpec


def run_spec(run: Run) -> ModelSpec:
    """Return the specification of a finished run, from the inputs that it kept.

    Raises
    ------
    InvalidInput
        If they cannot be had any more.
    """
    kept = inputs_of(run)
    if isinstance(kept, Unavailable):
        raise InvalidInput(Fault(str(run.folder), "the inputs of a run are at hand", kept.reason))
    return make_spec(config_of(run), kept.inputs())


def run_draws(folder: Path, group: str = "posterior") -> xr.Dataset:
    """Return a group of the file of draws of a finished run."""
    with xr.open_datatree(folder / "posterior.nc", engine="h5netcdf") as tree:
        return tree[group].to_dataset().load()


def check_run(run: Run, *, size: int = REPLICATIONS, seed: int | None = None) -> Checked:
    """Hold the data of a finished run against data that its draws replicate.

    Parameters
    ----------
    run
        The run.
    size
        Number of replications of each kind.
    seed
        Of the replications; the run's own by default.

    Raises
    ------
    InvalidInput
        If its inputs or its draws cannot be had any more.
    """
    return check(
        run_spec(run),
        run_draws(run.folder),
        size=size,
        ci_prob=float(run.record["ci_prob"]),
        seed=int(run.record["seed"]) if seed is None else seed,
    )
