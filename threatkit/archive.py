"""The file of draws: everything from which scores are made, kept to the end.

``posterior.nc`` holds groups ``posterior`` (parameters), ``sample_stats`` (divergences),
``forecast`` (draws of the forecast and of its parts) and ``districts``. It is read by xarray
and ArviZ without this package, and by `read_forecast` for new scores without a new fit.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from threatkit.errors import Fault, InvalidInput
from threatkit.model.fit import Fit
from threatkit.model.forecast import Forecast

FloatArray = NDArray[np.float64]


def write_draws(
    path: Path, fit: Fit, *, information: FloatArray, learned: Mapping[str, FloatArray]
) -> None:
    """Write the draws of a fit, its forecast and what scoring needs besides.

    Parameters
    ----------
    path
        A netCDF4 file.
    fit
        The fitted model.
    information
        Shape (district,).
    learned
        Part -> shape (district,): how far the contribution has moved from its prior, 0 to 1.
    """
    tree = draws_tree(fit)
    districts = _district_dataset(fit.forecast, information, learned)
    tree["districts"] = xr.DataTree(districts)
    write_tree(path, tree)


def draws_tree(fit: Fit) -> xr.DataTree:
    """Return the draws of a fit as they are kept, in single precision."""
    posterior = fit.draws.drop_vars([v for v in fit.draws if str(v).startswith("part_")])
    tree = xr.DataTree.from_dict(
        {
            "posterior": _single(posterior),
            "sample_stats": xr.Dataset({"diverging": (("chain", "draw"), fit.divergent)}),
            "forecast": _single(_forecast_dataset(fit)),
        }
    )
    tree["posterior"].attrs["seed"] = fit.seed
    return tree


def write_tree(path: Path, tree: xr.DataTree) -> None:
    """Write groups of draws to a netCDF4 file, compressed."""
    encoding = {
        f"/{group}": {
            str(name): {"zlib": True, "complevel": 1}
            for name, values in tree[group].data_vars.items()
            if values.dtype.kind == "f"
        }
        for group in ("posterior", "forecast")
        if group in tree.children
    }
    tree.to_netcdf(path, engine="h5netcdf", encoding=encoding)


def _single(dataset: xr.Dataset) -> xr.Dataset:
    """Return a dataset in single precision: seven digits are more than any draw knows."""
    return dataset.map(lambda v: v.astype(np.float32) if v.dtype == np.float64 else v)


def _forecast_dataset(fit: Fit) -> xr.Dataset:
    made = fit.forecast
    chains, draws = fit.draws.sizes["chain"], fit.draws.sizes["draw"]
    arrays = {
        "expected": made.expected,
        "hazard": made.hazard,
        "event_prob": made.event_prob,
        **{f"contribution_{name}": values for name, values in made.parts.items()},
    }
    if "judgement" in made.parts:
        arrays |= {"unjudged": made.unjudged, "unjudged_prob": made.unjudged_prob}
    dims = ("chain", "draw", "district")
    data = {name: (dims, values.reshape(chains, draws, -1)) for name, values in arrays.items()}
    data["dispersion"] = (("chain", "draw"), made.dispersion.reshape(chains, draws))  # type: ignore[assignment]
    return xr.Dataset(
        data,
        coords={"district": fit.draws["district"]},
        attrs={
            "start": made.start.isoformat(),
            "end": made.end.isoformat(),
            "likelihood": made.likelihood,
        },
    )


def _district_dataset(
    made: Forecast, information: FloatArray, learned: Mapping[str, FloatArray]
) -> xr.Dataset:
    frame = made.districts.assign(
        information=information, **{f"learned_{name}": sd for name, sd in learned.items()}
    )
    plain = frame.assign(
        **{
            name: frame[name].astype(object)
            for name in frame
            if frame[name].dtype.kind not in "fib"
        }
    )
    plain["fergana"] = plain["fergana"].astype(np.int8)
    plain.index = plain.index.astype(object)
    return xr.Dataset.from_dataframe(plain)


def read_forecast(path: Path) -> tuple[Forecast, FloatArray, dict[str, FloatArray]]:
    """Return the forecast, the information and what was learned of each part of a file of draws.

    Raises
    ------
    InvalidInput
        If the file is missing or is not one of ours.
    """
    if not path.is_file():
        raise InvalidInput(
            Fault(str(path), "a finished run holds its draws", "no such file", "Run 'assess' again")
        )
    try:
        tree = xr.open_datatree(path, engine="h5netcdf")
    except OSError as error:
        raise InvalidInput(
            Fault(str(path), "the draws are a netCDF4 file", str(error), "Run 'assess' again")
        ) from error
    with tree:
        missing = {"forecast", "districts"} - set(tree.children)
        if missing:
            raise InvalidInput(
                Fault(str(path), "the file has groups forecast and districts", f"no {missing}")
            )
        made = tree["forecast"].to_dataset().load()
        table = tree["districts"].to_dataset().load()
    return _forecast(made, table), table["information"].to_numpy(), _learned(table)


def _learned(table: xr.Dataset) -> dict[str, FloatArray]:
    prefix = "learned_"
    names = [str(name) for name in table if str(name).startswith(prefix)]
    return {name.removeprefix(prefix): table[name].to_numpy() for name in names}


def _forecast(made: xr.Dataset, table: xr.Dataset) -> Forecast:
    def flat(name: str) -> FloatArray:
        values = made[name].to_numpy().astype(float)
        return values.reshape(-1, *values.shape[2:])

    prefix = "contribution_"
    parts = [str(name) for name in made if str(name).startswith(prefix)]
    districts = table.to_dataframe().loc[made["district"].to_numpy().astype(str)]
    wanted = ("name", "country", "oblast", "oblast_name", "fergana", "population")
    districts = districts[[name for name in wanted if name in districts]]
    districts["fergana"] = districts["fergana"].astype(bool)
    districts.index = pd.Index(districts.index.astype(str), name="district")
    unjudged = "unjudged" in made
    return Forecast(
        expected=flat("expected"),
        unjudged=flat("unjudged" if unjudged else "expected"),
        hazard=flat("hazard"),
        event_prob=flat("event_prob"),
        unjudged_prob=flat("unjudged_prob" if unjudged else "event_prob"),
        parts={name.removeprefix(prefix): flat(name) for name in parts},
        dispersion=flat("dispersion"),
        likelihood=str(made.attrs["likelihood"]),
        districts=districts,
        start=date.fromisoformat(made.attrs["start"]),
        end=date.fromisoformat(made.attrs["end"]),
    )
