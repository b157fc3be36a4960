"""A backtest in the layout of the VIEWS prediction competition of 2023/24, and its scores.

Folders are ``pgm/window=Y2021/`` under a forecaster and under ``actuals``, as the competition's
own evaluation reads them: columns month_id, priogrid_gid, draw, outcome, and no draw in actuals.
Our units are districts, numbered from 1 in ``districts.csv``, and whole years: ``month_id`` is a
year's January. An outcome is a number of episodes, not of fatalities.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from threatkit.csvtext import frame_text
from threatkit.errors import Fault, InvalidInput
from threatkit.evaluate import proper
from threatkit.evaluate.stored import Stored
from threatkit.export.run import needed
from threatkit.export.table import write_arrow
from threatkit.export.views import DRAWS

UNIT = ["month_id", "priogrid_gid"]
ACTUALS = "actuals"
#: Prediction interval of the competition's interval score.
LEVEL = 0.9


def competition_draws(stored: Stored, forecaster: str, year: int) -> pd.DataFrame:
    """Return draws of a forecast of one year, made at the end of the year before.

    Parameters
    ----------
    stored
        A backtest with the origin ``year - 1``.
    forecaster
        Who forecasts.
    year
        Which year.

    Returns
    -------
    DataFrame
        month_id, priogrid_gid, draw (from 0) and outcome, 1,000 draws from the predictive
        distribution of each district of `competition_actuals`, the same for the same forecast.
    """
    known = _certain(stored, year)
    pmf = stored.pmf(forecaster, year - 1)[0][known]
    seed = [year, *forecaster.encode()]
    chance = np.random.default_rng(seed).random((len(pmf), DRAWS))
    below = np.cumsum(pmf[:, :-1], axis=1)
    counts = (chance[:, :, None] >= below[:, None, :]).sum(axis=2)
    return pd.DataFrame(
        {
            "month_id": np.int32(_month(year)),
            "priogrid_gid": np.repeat(known + 1, DRAWS).astype(np.int32),
            "draw": np.tile(np.arange(DRAWS, dtype=np.int32), len(known)),
            "outcome": counts.ravel().astype(np.int32),
        }
    )


def competition_actuals(stored: Stored, year: int) -> pd.DataFrame:
    """Return what happened: month_id, priogrid_gid and outcome.

    Districts are left out whose outcome is not one certain count of a whole year: the layout has
    no place for an episode that is known to its oblast only, nor for a part of a year.
    """
    known = _certain(stored, year)
    seen = stored.data["outcome"].sel(year=year).to_numpy()[known].argmax(axis=1)
    return pd.DataFrame(
        {
            "month_id": np.int32(_month(year)),
            "priogrid_gid": (known + 1).astype(np.int32),
            "outcome": seen.astype(np.int32),
        }
    )


def write_competition(
    stored: Stored, folder: Path, forecasters: Sequence[str] | None = None
) -> None:
    """Write forecasts and outcomes of all years that were forecast and are known.

    Parameters
    ----------
    stored
        A backtest.
    folder
        Receives a folder a forecaster, ``actuals`` and ``districts.csv``.
    forecasters
        Who; all of them by default.

    Raises
    ------
    InvalidInput
        If a forecaster is not in the backtest.
    """
    data = stored.data
    present = [str(name) for name in data["forecaster"].to_numpy()]
    wanted = present if forecasters is None else list(forecasters)
    faults = [
        Fault(name, "a forecaster of the backtest is named", ", ".join(present))
        for name in wanted
        if name not in present
    ]
    if faults:
        raise InvalidInput(faults)
    told = {"hindsight": stored.record["hindsight"], "outcome": "episodes in the year"}
    years = [int(o) + 1 for o in data["origin"].to_numpy() if len(_certain(stored, int(o) + 1))]
    for year in years:
        _write(competition_actuals(stored, year), folder / ACTUALS, year, "pgm_actuals", told)
        for name in wanted:
            if np.isfinite(stored.pmf(name, year - 1)[0]).all():
                draws = competition_draws(stored, name, year)
                place = folder / name.replace(" ", "_")
                _write(draws, place, year, "predictions", {**told, "forecaster": name})
    codes = data["district"].to_numpy().astype(str)
    numbered = pd.DataFrame({"priogrid_gid": np.arange(1, len(codes) + 1), "district": codes})
    (folder / "districts.csv").write_text(
        frame_text(numbered.set_index("priogrid_gid")), encoding="utf-8"
    )


def read_competition(folder: Path, year: int) -> pd.DataFrame:
    """Return the one table of a year, of a forecaster's folder or of ``actuals``.

    Raises
    ------
    InvalidInput
        If there is none, or more than one.
    """
    found = sorted((folder / "pgm" / f"window=Y{year}").glob("*.parquet"))
    if len(found) != 1:
        rule = f"one table of {year} lies in the folder"
        raise InvalidInput(Fault(str(folder), rule, f"{len(found)} tables"))
    # Not through pandas: it would take the folder's name for a column.
    frame: pd.DataFrame = needed("pyarrow.parquet").ParquetFile(found[0]).read().to_pandas()
    return frame


def competition_scores(draws: pd.DataFrame, actuals: pd.DataFrame) -> pd.DataFrame:
    """Score draws as the competition does.

    Parameters
    ----------
    draws, actuals
        In its layout, of the same units.

    Returns
    -------
    DataFrame
        Index month_id and priogrid_gid; crps, ign (bits) and mis (interval score of 90%
        between quantiles that are interpolated).
    """
    table = draws.set_index([*UNIT, "draw"])["outcome"].unstack("draw").sort_index()
    seen = actuals.set_index(UNIT)["outcome"].sort_index()
    if not table.index.equals(seen.index) or table.isna().to_numpy().any():
        rule = "forecasts and outcomes are of the same units, with as many draws of each"
        raise InvalidInput(Fault("the draws", rule, f"{len(table)} and {len(seen)} units"))
    counts, happened = table.to_numpy(dtype=int).T, seen.to_numpy(dtype=int)
    largest = int(max(counts.max(), happened.max(), 1)) + 1
    outcome = np.eye(largest + 1)[happened]
    tail = (1.0 - LEVEL) / 2
    lo, hi = np.quantile(counts, [tail, 1.0 - tail], axis=0)
    pmf = proper.pmf_of_draws(counts, largest)
    return pd.DataFrame(
        {
            "crps": proper.crps_draws(counts.astype(float), happened.astype(float)),
            "ign": proper.ignorance(pmf, outcome, draws=len(counts)),
            "mis": proper.interval_score(lo, hi, outcome, prob=LEVEL),
        },
        index=seen.index,
    )


def _certain(stored: Stored, year: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Return the districts whose outcome is one certain count of a whole year."""
    data = stored.data
    if year not in data["year"].to_numpy():
        return np.empty(0, dtype=np.intp)
    at = data.sel(year=year)
    whole = at["part"].to_numpy() >= 1.0
    sure = np.nan_to_num(at["outcome"].to_numpy()).max(axis=1) > 1.0 - 1e-9
    return np.flatnonzero(whole & sure)


def _month(year: int) -> int:
    return (year - 1980) * 12 + 1


def _write(frame: pd.DataFrame, place: Path, year: int, name: str, told: dict[str, str]) -> None:
    folder = place / "pgm" / f"window=Y{year}"
    folder.mkdir(parents=True, exist_ok=True)
    write_arrow(frame, folder / f"{name}_{year}.parquet", told)
