"""Draws in the long layout of the VIEWS prediction competition of 2023/24.

One row a unit, time and draw, with the predicted count in ``outcome``. Their units are
countries or grid cells in months; ours are districts over the whole horizon, so ``month_id``
is the horizon's first month (1 is January 1980).
"""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from threatkit.export.run import Run
from threatkit.export.table import write_arrow
from threatkit.model.forecast import Forecast, simulate_counts

#: Draws of each unit, as many as the competition takes.
DRAWS = 1000


def views_month(day: date) -> int:
    """Return the number that VIEWS gives a month: January 1980 is 1."""
    return (day.year - 1980) * 12 + day.month


def draws(run: Run, made: Forecast) -> pd.DataFrame:
    """Return counts with columns month_id, district, draw, outcome.

    ``outcome`` is drawn from the predictive distribution, one count for each of up to 1,000
    evenly spaced draws, so that doubt about the rate and chance are both in it. Districts that
    are not assessed have no rows.
    """
    assessed = run.scores.index[run.scores["event_prob"].notna()]
    position = made.districts.index.get_indexer(assessed)
    count = len(made.expected)
    kept = np.unique(np.linspace(0, count - 1, min(DRAWS, count)).round().astype(int))
    rng = np.random.default_rng([int(run.record["seed"]), 5])
    mean = made.expected[np.ix_(kept, position)]
    counts = simulate_counts(mean, made.dispersion[kept], made.likelihood, rng)
    return pd.DataFrame(
        {
            "month_id": np.int32(views_month(made.start)),
            "district": np.repeat(assessed.to_numpy(dtype=object), len(kept)),
            "draw": np.tile(np.arange(len(kept), dtype=np.int32), len(assessed)),
            "outcome": counts.T.ravel().astype(np.int32),
        }
    )


def write_views(run: Run, path: Path) -> None:
    """Write Parquet, the facts of the run and the mapping in the metadata of the file."""
    # Here, since it brings the samplers along, which no other format needs.
    from threatkit.archive import read_forecast

    made, _, _ = read_forecast(run.folder / "posterior.nc")
    months = run.record["forecast"]["months"]
    told = {
        **run.facts(),
        "caution": run.caution(),
        "months": months,
        "unit": "district, in the place of country_id or priogrid_gid",
        "time": f"month_id is the first of {months} months; 1 is January 1980",
        "outcome": "episodes within all of these months, not fatalities of one month",
    }
    write_arrow(draws(run, made), path, told)
