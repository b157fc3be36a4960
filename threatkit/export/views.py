"""Draws in the long layout of the VIEWS prediction competition of 2023/24.

One row a unit, time and draw, with the predicted count in ``outcome``. Their units are
countries or grid cells in months; ours are districts over the whole horizon, so ``month_id``
is the horizon's first month (1 is January 1980) and ``months`` its length.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from threatkit.archive import read_forecast
from threatkit.errors import Fault, InvalidInput
from threatkit.export.run import Run, needed


def write_views(run: Run, path: Path) -> None:
    """Write Parquet with whole counts of episodes, one drawn from each posterior draw."""
    needed("pyarrow")
    draws(run).to_parquet(path, index=False)


def draws(run: Run) -> pd.DataFrame:
    """Return the long table of predicted counts.

    Raises
    ------
    InvalidInput
        If the likelihood is neither nb1 nor poisson.
    """
    made, _, _ = read_forecast(run.folder / "posterior.nc")
    generator = np.random.default_rng(int(run.record["seed"]))
    mean = made.expected
    if made.likelihood == "nb1":
        width = np.maximum(made.dispersion, 1e-9)[:, None]
        counts = generator.poisson(generator.gamma(np.maximum(mean / width, 1e-12)) * width)
    elif made.likelihood == "poisson":
        counts = generator.poisson(mean)
    else:
        raise InvalidInput(
            Fault(
                str(run.folder),
                "counts are drawn for the likelihoods nb1 and poisson",
                made.likelihood,
                "Choose another format",
            )
        )
    number, units = counts.shape
    start = made.start
    frame = pd.DataFrame(
        {
            "month_id": np.int32((start.year - 1980) * 12 + start.month),
            "months": np.int32(run.record["forecast"]["months"]),
            "district": np.repeat(made.districts.index.to_numpy(str), number),
            "draw": np.tile(np.arange(number, dtype=np.int32), units),
            "outcome": counts.T.reshape(-1).astype(np.int32),
        }
    )
    return frame.assign(
        **{k: pd.Categorical([str(v)]).repeat(len(frame)) for k, v in run.facts().items()}
    )
