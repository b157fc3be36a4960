"""A backtest on the disk: what was said at each origin, what happened, and the scored cells.

``docs/backtest.md`` describes the format for readers in other languages.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from threatkit.errors import Fault, InvalidInput
from threatkit.evaluate.backtest import Backtest, active, scored
from threatkit.evaluate.baselines import thinned
from threatkit.evaluate.forecasters import Said
from threatkit.evaluate.outcome import Outcomes
from threatkit.evaluate.proper import pit_bins

FloatArray = NDArray[np.float64]

FILE = "backtest.nc"
FORMAT = 1


@dataclass(frozen=True)
class Stored:
    """Distributions of all forecasters at all origins, and the outcomes they are held against.

    Attributes
    ----------
    data
        Dims forecaster, origin, horizon, district, year, count; see `pack`.
    """

    data: xr.Dataset

    @property
    def record(self) -> dict[str, Any]:
        """Return how it was made: configuration, inputs, versions, what is missing."""
        made: dict[str, Any] = json.loads(self.data.attrs["record"])
        return made

    def outcomes(self) -> Outcomes:
        """Return what happened."""
        data = self.data
        return Outcomes(
            districts=pd.DataFrame(
                {name: data[name].to_numpy().astype(str) for name in ("country", "oblast")},
                index=pd.Index(data["district"].to_numpy().astype(str), name="district"),
            ),
            pairs=data["pairs"].to_numpy(),
            years=data["year"].to_numpy(),
            pmf=data["outcome"].to_numpy(),
            part=data["part"].to_numpy(),
        )

    def pmf(self, forecaster: str, origin: int) -> FloatArray:
        """Return the distributions of one forecaster at one origin, (horizon, N, K + 1)."""
        said: FloatArray = self.data["pmf"].sel(forecaster=forecaster, origin=origin).to_numpy()
        return said

    def scores(self) -> Backtest:
        """Return the scored cells: the format that every table and figure starts from."""
        happened = self.outcomes()
        wanted = self.record["horizons"]
        parts: list[pd.DataFrame] = []
        for origin in self.data["origin"].to_numpy().tolist():
            first = int(self.data["first_year"].sel(origin=origin))
            history = happened.until(origin).since(first)
            for name in self.data["forecaster"].to_numpy().astype(str):
                said = self.pmf(name, origin)
                if np.isfinite(said).any():
                    parts += scored(name, origin, said, happened, history=history)
        cells = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_COLUMNS)
        return Backtest(cells[cells["horizon"].isin(wanted)].reset_index(drop=True))

    def pit(self, forecaster: str, *, horizon: int = 1) -> pd.DataFrame:
        """Return each cell's part in the histogram of the PIT, see `proper.pit_bins`.

        Returns
        -------
        DataFrame
            origin, district, active and one column a bin, named 0, 1, ….
        """
        happened = self.outcomes()
        parts: list[pd.DataFrame] = []
        for origin in self.data["origin"].to_numpy().tolist():
            column = origin + horizon - int(happened.years[0])
            said = self.pmf(forecaster, origin)[horizon - 1]
            if column >= len(happened.years):
                continue
            known = (happened.part[:, column] > 0) & np.isfinite(said).all(axis=1)
            first = int(self.data["first_year"].sel(origin=origin))
            lively = active(happened.until(origin).since(first))
            told = thinned(said[known], happened.part[known, column])
            bins = pd.DataFrame(pit_bins(told, happened.pmf[known, column]))
            named = {"origin": origin, "district": happened.districts.index[known]}
            parts.append(bins.assign(**named, active=lively[known]))
        return pd.concat(parts, ignore_index=True)

    def pillars(self) -> pd.DataFrame:
        """Return the number of indicator values that each pillar had, origin by pillar."""
        return self.data["pillar_values"].to_pandas()

    def with_pillars(self) -> list[int]:
        """Return the origins at which indicator values of some pillar had been published."""
        values = self.pillars()
        return [int(year) for year in values.index[values.sum(axis=1) > 0]]

    def gates_not_met(self) -> list[tuple[str, int]]:
        """Return the forecasters and origins whose diagnostics gate was not met."""
        rows, columns = np.nonzero(self.data["passed"].to_numpy() == 0)
        names, origins = self.data["forecaster"].to_numpy(), self.data["origin"].to_numpy()
        return [(str(names[i]), int(origins[j])) for i, j in zip(rows, columns, strict=True)]

    def missing(self) -> pd.DataFrame:
        """Return which years ahead no source covers anywhere: origin, horizon, year."""
        happened = self.outcomes()
        covered = dict(zip(happened.years.tolist(), (happened.part > 0).any(axis=0), strict=True))
        rows = [
            (origin, step, origin + step)
            for origin in self.data["origin"].to_numpy().tolist()
            for step in self.record["horizons"]
            if not covered.get(origin + step, False)
        ]
        return pd.DataFrame(rows, columns=["origin", "horizon", "year"])


_COLUMNS = ["forecaster", "origin", "horizon", "district", "country", "year", "part"]


def pack(
    said: Mapping[int, Mapping[str, Said]],
    outcomes: Outcomes,
    *,
    first_years: Mapping[int, int],
    pillars: Mapping[int, Mapping[str, int]],
    record: Mapping[str, Any],
) -> Stored:
    """Return a backtest from what was said at each origin.

    Parameters
    ----------
    said
        Origin -> forecaster -> what it said.
    outcomes
        What happened.
    first_years
        Origin -> first year that it knew.
    pillars
        Origin -> pillar -> number of indicator values that had been published.
    record
        How it was made, as JSON types.

    Returns
    -------
    Stored
        Variables pmf (forecaster, origin, horizon, district, count), NaN where nothing was
        said; event_prob_interval (…, side), 90% of the draws of the chance of an episode, NaN
        without draws; passed (forecaster, origin): 1 or 0 by the diagnostics gate, -1 without one;
        note; outcome (district, year, count) and part (district, year); first_year and
        pillar_values (origin, pillar); country and oblast by district; pairs of neighbours.
    """
    origins = sorted(said)
    names = list(dict.fromkeys(name for origin in origins for name in said[origin]))
    some = next(iter(said[origins[0]].values()))
    steps, size, bins = some.pmf.shape
    pmf = np.full((len(names), len(origins), steps, size, bins), np.nan)
    passed = np.full((len(names), len(origins)), -1, dtype=np.int8)
    notes = np.full((len(names), len(origins)), "", dtype=object)
    spans = np.full((len(names), len(origins), steps, size, 2), np.nan)
    for column, origin in enumerate(origins):
        for name, one in said[origin].items():
            row = names.index(name)
            pmf[row, column] = one.pmf
            spans[row, column] = one.event_prob_interval()
            passed[row, column] = -1 if one.passed is None else int(one.passed)
            notes[row, column] = one.note
    known = sorted({pillar for values in pillars.values() for pillar in values})
    counted = np.array([[pillars[o].get(p, 0) for p in known] for o in origins], dtype=np.int64)
    return Stored(
        xr.Dataset(
            {
                "pmf": (("forecaster", "origin", "horizon", "district", "count"), pmf),
                "event_prob_interval": (
                    ("forecaster", "origin", "horizon", "district", "side"),
                    spans,
                ),
                "passed": (("forecaster", "origin"), passed),
                "note": (("forecaster", "origin"), notes.astype(str)),
                "outcome": (("district", "year", "count"), outcomes.pmf),
                "part": (("district", "year"), outcomes.part),
                "first_year": ("origin", np.array([first_years[o] for o in origins])),
                "pillar_values": (("origin", "pillar"), counted.reshape(len(origins), -1)),
                "pairs": (("border", "side"), outcomes.pairs),
            },
            coords={
                "forecaster": names,
                "origin": origins,
                "horizon": np.arange(1, steps + 1),
                "district": outcomes.districts.index.to_numpy(dtype=str),
                "country": ("district", outcomes.districts["country"].to_numpy(dtype=str)),
                "oblast": ("district", outcomes.districts["oblast"].to_numpy(dtype=str)),
                "year": outcomes.years,
                "count": np.arange(bins),
                "pillar": known,
            },
            attrs={"format": FORMAT, "record": json.dumps(record, allow_nan=False, default=str)},
        )
    )


def write_stored(stored: Stored, path: Path) -> None:
    """Write a backtest as NetCDF."""
    packed = {"zlib": True, "complevel": 4, "shuffle": True}
    encoding = dict.fromkeys(("pmf", "outcome", "part"), packed)
    stored.data.to_netcdf(path, engine="h5netcdf", encoding=encoding)


def read_stored(folder: Path) -> Stored:
    """Read the backtest of a folder.

    Raises
    ------
    InvalidInput
        If the folder holds none, or one of another format.
    """
    path = Path(folder) / FILE
    if not path.is_file():
        remedy = "Give the folder that 'threatkit backtest --out' wrote"
        raise InvalidInput(Fault(str(path), "this file does not exist", remedy=remedy))
    with xr.open_dataset(path, engine="h5netcdf") as opened:
        data = opened.load()
    if data.attrs.get("format") != FORMAT:
        found = str(data.attrs.get("format", "none"))
        raise InvalidInput(Fault(str(path), f"a backtest has format {FORMAT}", found))
    return Stored(data)


def write_said(path: Path, said: Mapping[str, Said]) -> None:
    """Write what was said at one origin to one file of arrays."""
    arrays: dict[str, Any] = {}
    heads = []
    for number, (name, one) in enumerate(said.items()):
        arrays |= {
            f"pmf{number}": one.pmf,
            f"expected{number}": one.expected.astype(np.float32),
            f"dispersion{number}": one.dispersion,
        }
        heads.append([name, one.likelihood, one.passed, one.note])
    np.savez_compressed(path, head=json.dumps(heads), **arrays)


def read_said(path: Path) -> dict[str, Said]:
    """Read what was said at one origin."""
    with np.load(path) as held:
        return {
            name: Said(
                held[f"pmf{number}"],
                held[f"expected{number}"].astype(float),
                held[f"dispersion{number}"],
                likelihood,
                passed,
                note,
            )
            for number, (name, likelihood, passed, note) in enumerate(json.loads(str(held["head"])))
        }
