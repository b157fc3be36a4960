"""What districts share over time: the year effect, detection, and effects that move slowly.

Districts that share all of it form a block; cells of a block and year collapse to one number.
Without a moving effect a block is a country. A moving effect stands for a group of districts
and an epoch of some years; from epoch to epoch it keeps a part of itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from threatkit.model.panel import REFERENCE_REGIME
from threatkit.model.spec import ModelSpec, group_members

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

#: What is left to a new epoch is never less than this, or a gradient would have no end.
LEAST_NEWS = 1e-4
#: Regimes in which the sources cover a country in part.
PARTIAL = frozenset({"curated_partial"})
#: The group of districts that no declared group holds.
REST = "rest"


@dataclass(frozen=True)
class Movement:
    """Effects of groups of districts that move from epoch to epoch.

    x[0] = sd e[0] and x[j] = persistence x[j - 1] + sqrt(1 - persistence^2) sd e[j], with e
    standard normal over the groups and summing to zero over them in every epoch.

    Attributes
    ----------
    name
        ``region_year`` or ``place_epoch``; its priors are NAME_sd and NAME_persistence.
    groups
        Names of the groups.
    of
        Shape (district,): position of each district's group.
    length
        Years of an epoch.
    epoch_of
        Shape (period,): position of each year's epoch; the last one ends with the last year.
    starts
        First year of each epoch.
    """

    name: str
    groups: tuple[str, ...]
    of: IntArray
    length: int
    epoch_of: IntArray
    starts: tuple[int, ...]

    def ahead(self, year: int) -> int:
        """Return how many epochs a year lies after the last one; 0 inside it."""
        end = self.starts[-1] + self.length - 1
        return max(-(-(year - end) // self.length), 0)


@dataclass(frozen=True)
class Blocks:
    """Districts with the same course over time.

    Attributes
    ----------
    of
        Shape (district,): each district's block.
    country
        Shape (block,): each block's country.
    groups
        For each moving effect, shape (block,): the block's group.
    """

    of: IntArray
    country: IntArray
    groups: tuple[IntArray, ...]


def movements(spec: ModelSpec) -> tuple[Movement, ...]:
    """Return the moving effects of a specification; one over a single group is left out."""
    panel = spec.panel
    made = []
    if spec.region_years == "country":
        made.append(_movement(spec, "region_year", panel.countries, panel.country_of, 1))
    elif spec.region_years == "groups":
        names, of = _declared(spec)
        made.append(_movement(spec, "region_year", names, of, 1))
    if spec.moving_place == "oblast":
        epoch = spec.epoch_years
        made.append(_movement(spec, "place_epoch", panel.oblasts, panel.oblast_of, epoch))
    return tuple(one for one in made if len(one.groups) > 1)


def _declared(spec: ModelSpec) -> tuple[tuple[str, ...], IntArray]:
    """Return the declared groups and, of what they leave, the rest."""
    of = np.full(len(spec.panel.districts), len(spec.groups), dtype=np.intp)
    for position, members in enumerate(group_members(spec.panel, spec.groups).values()):
        of[members] = position
    names = tuple(spec.groups)
    return ((*names, REST) if (of == len(names)).any() else names), of


def _movement(
    spec: ModelSpec, name: str, groups: Sequence[str], of: IntArray, length: int
) -> Movement:
    """Lay out epochs of a length backwards from the last year."""
    periods = spec.panel.periods
    back = (len(periods) - 1 - np.arange(len(periods))) // length
    epoch_of = (back[0] - back).astype(np.intp)
    count = int(back[0]) + 1
    starts = tuple(int(periods[-1]) - length * (count - number) + 1 for number in range(count))
    return Movement(name, tuple(groups), np.asarray(of, np.intp), length, epoch_of, starts)


def blocks(spec: ModelSpec) -> Blocks:
    """Return the blocks of a specification."""
    sides = np.vstack([spec.panel.country_of, *(one.of for one in movements(spec))])
    distinct, of = np.unique(sides, axis=1, return_inverse=True)
    country, *groups = distinct.astype(np.intp)
    return Blocks(np.asarray(of, np.intp).reshape(-1), country, tuple(groups))


def movement_coords(spec: ModelSpec) -> dict[str, list[int] | list[str]]:
    """Return the coordinates of the dims of the moving effects."""
    found: dict[str, list[int] | list[str]] = {}
    for one in movements(spec):
        found[f"{one.name}_start"] = list(one.starts)
        found[f"{one.name}_group"] = list(one.groups)
    return found


def exposure_years(spec: ModelSpec) -> FloatArray:
    """Return the years of exposure of each block and period, shape (block, period).

    Without levels of detection a year that sources cover in part is the stated part of a year;
    with them their prior says what is seen of it.
    """
    panel = spec.panel
    years = panel.exposure_years
    if not spec.detection:
        partial = [number for number, name in enumerate(panel.regimes) if name in PARTIAL]
        years = np.where(np.isin(panel.regime, partial), spec.partial_coverage, 1.0) * years
    held: FloatArray = years[blocks(spec).country]
    return held


def recorded(spec: ModelSpec, draws: xr.Dataset) -> FloatArray:
    """Return the part of all episodes that goes on record, as the model has it.

    The sources are those of each country's last covered year. A forecast speaks of full coverage;
    this times its expected number is the number that these sources will list.

    Returns
    -------
    ndarray
        Shape (S, district), or (1, district) where no draw differs.
    """
    panel = spec.panel
    covered = panel.regime >= 0
    last = covered.shape[1] - 1 - covered[:, ::-1].argmax(axis=1)
    regime = panel.regime[np.arange(len(last)), last]
    size = _size(draws) if spec.detection else 1
    part = np.ones((size, len(regime)))
    for position, name in enumerate(panel.regimes):
        if spec.detection and name != REFERENCE_REGIME:
            level = np.exp(scalar(spec, draws, f"detection_{name}"))[:, None]
            part[:, regime == position] = level
        elif not spec.detection and name in PARTIAL:
            part[:, regime == position] = spec.partial_coverage
    held: FloatArray = part[:, panel.country_of]
    return held


def log_exposure(spec: ModelSpec, draws: xr.Dataset) -> FloatArray:
    """Return year effect, detection and moving effects of draws, shape (S, block, period)."""
    panel, held = spec.panel, blocks(spec)
    total = np.zeros((_size(draws), len(held.country), len(panel.periods)))
    if "year_effect" in draws:
        total += _flat(draws, "year_effect")[:, None, :]
    for position, name in enumerate(panel.regimes):
        if spec.detection and name != REFERENCE_REGIME:
            level = scalar(spec, draws, f"detection_{name}")[:, None, None]
            total += level * (panel.regime == position)[held.country]
    for one, group in zip(movements(spec), held.groups, strict=True):
        total += _flat(draws, one.name)[:, one.epoch_of][:, :, group].transpose(0, 2, 1)
    return total


def movement_ahead(
    spec: ModelSpec, draws: xr.Dataset, years: Sequence[int], rng: np.random.Generator
) -> dict[int, FloatArray]:
    """Return the sum of the moving effects in each year, shape (S, district).

    Epochs after the last one that was fitted go on by the same law, with news of their own.
    """
    total = {year: np.zeros((_size(draws), len(spec.panel.districts))) for year in years}
    for one in movements(spec):
        seen = _flat(draws, one.name)
        sd, keep = (
            scalar(spec, draws, f"{one.name}_{part}")[:, None] for part in ("sd", "persistence")
        )
        coming = [seen[:, -1]]
        for _ in range(max(one.ahead(year) for year in years)):
            news = rng.standard_normal(coming[-1].shape)
            news -= news.mean(axis=1, keepdims=True)
            coming.append(keep * coming[-1] + sd * np.sqrt(1 - keep**2) * news)
        for year in years:
            at = one.ahead(year)
            known = np.searchsorted(one.starts, year, side="right") - 1
            total[year] += (coming[at] if at else seen[:, known])[:, one.of]
    return total


def scalar(spec: ModelSpec, draws: xr.Dataset, name: str) -> FloatArray:
    """Return a hyperparameter or the value that its prior fixes, shape (S,)."""
    if name in draws:
        return _flat(draws, name)
    return np.full(_size(draws), getattr(spec.priors, name).values[0])


def _size(draws: xr.Dataset) -> int:
    return int(draws.sizes["chain"] * draws.sizes["draw"])


def _flat(draws: xr.Dataset, name: str) -> FloatArray:
    values = draws[name].to_numpy()
    return np.asarray(values, dtype=float).reshape(-1, *values.shape[2:])
