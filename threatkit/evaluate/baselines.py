"""Simple forecasts that a model has to beat, each made from the past alone.

Every baseline takes the history of an origin (`Outcomes.until`) and returns the distribution
of counts of a whole year ahead for every district, shape (district, count).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import product

import numpy as np
from numpy.typing import NDArray

from threatkit.evaluate.outcome import Outcomes
from threatkit.evaluate.proper import log_score

FloatArray = NDArray[np.float64]
Baseline = Callable[[Outcomes], FloatArray]

#: Years that conflictology draws from.
WINDOW = 5
#: District-years at the rate of the region that the rate of a country starts from.
COUNTRY_CELLS = 50.0
#: Years of history before the first forecast on which settings are tried.
FEWEST_YEARS = 3


def zero(history: Outcomes) -> FloatArray:
    """Forecast that nothing happens anywhere."""
    pmf = np.zeros((len(history.districts), history.pmf.shape[-1]))
    pmf[:, 0] = 1.0
    return pmf


def last_value(history: Outcomes) -> FloatArray:
    """Forecast what happened in the last covered year of each district."""
    pmf = zero(history)
    for column in range(len(history.years)):
        covered = history.covered[:, column]
        pmf[covered] = history.pmf[covered, column]
    return pmf


def historical_mean(history: Outcomes) -> FloatArray:
    """Forecast one of the district's own past years, each as likely as it is covered."""
    return _mean_years(history)


def climatology(history: Outcomes) -> FloatArray:
    """Forecast the same for all districts of a country: one of all their past years.

    Half a year with an episode is added to the count, so that a country without any is not
    held to be safe for ever.
    """
    rate = np.zeros(len(history.districts))
    events, years = _sums(history, np.ones(len(history.years)))
    for members in _countries(history):
        rate[members] = (events[members].sum() + 0.5) / (years[members].sum() + 1.0)
    return with_counts(rate, history)


def conflictology(history: Outcomes) -> FloatArray:
    """Forecast one of the district's last years or, where empty, of its neighbours'."""
    first = max(len(history.years) - WINDOW, 0)
    recent = Outcomes(
        history.districts,
        history.pairs,
        history.years[first:],
        history.pmf[:, first:],
        history.part[:, first:],
    )
    own = _mean_years(recent)
    weight = recent.part.sum(axis=1)
    around = _around(history, own * weight[:, None])
    size = _around(history, weight[:, None])
    shared = np.where(size > 0, around / np.where(size > 0, size, 1.0), own)
    empty = own[:, 0] >= 1.0
    return np.where(empty[:, None], shared, own)


@dataclass(frozen=True)
class Settings:
    """Settings of the shrunken and decayed frequency.

    Attributes
    ----------
    decay
        Weight of a year against the one after it.
    neighbours
        Share of the neighbours' frequency in what a district is shrunk to; the rest is the
        country's.
    pseudo_years
        Years at that frequency which are added to the district's own.
    """

    decay: float
    neighbours: float
    pseudo_years: float


GRID = tuple(
    Settings(*values)
    for values in product(
        (1.0, 0.95, 0.9, 0.8), (0.0, 0.25, 0.5, 0.75), (2.0, 4.0, 8.0, 16.0, 32.0)
    )
)


@dataclass
class Frequency:
    """The past frequency of each district, decayed, and shrunk to neighbours and country.

    Its settings are chosen at each origin by the log score of its own one-year-ahead
    forecasts of earlier years. What was tried is kept, so that a walk over origins tries
    each setting on each year once.
    """

    chosen: dict[int, Settings] = field(default_factory=dict)
    _tried: dict[str, FloatArray] = field(default_factory=dict)

    def __call__(self, history: Outcomes) -> FloatArray:
        """Forecast the year after the history, and remember the settings chosen for it."""
        origin = int(history.years[-1])
        settings = self.choose(history)
        self.chosen[origin] = settings
        return with_counts(frequency(history, settings), history)

    def choose(self, history: Outcomes) -> Settings:
        """Return the settings that did best on the years of a history."""
        first = int(history.years[0]) + FEWEST_YEARS
        scores = [
            self._scores(history, year)
            for year in range(first, int(history.years[-1]) + 1)
            if history.covered[:, year - int(history.years[0])].any()
        ]
        if not scores:
            return Settings(1.0, 0.25, 4.0)
        return GRID[int(np.argmax(np.sum(scores, axis=0)))]

    def _scores(self, history: Outcomes, year: int) -> FloatArray:
        known_then = history.until(year)
        key = sha256(known_then.pmf.tobytes() + known_then.part.tobytes()).hexdigest()
        if key not in self._tried:
            before = history.until(year - 1)
            outcome, part = history.target(year)
            known = part > 0
            self._tried[key] = np.array(
                [
                    log_score(
                        1.0 - (1.0 - frequency(before, settings)[known]) ** part[known],
                        1.0 - outcome[known, 0],
                        floor=1e-9,
                    ).sum()
                    for settings in GRID
                ]
            )
        return self._tried[key]


def frequency(history: Outcomes, settings: Settings) -> FloatArray:
    """Return the probability of an episode in a year ahead, shape (district,)."""
    age = history.years[-1] - history.years
    events, years = _sums(history, settings.decay**age)
    total = years.sum()
    region = (events.sum() + 0.5) / (total + 1.0)
    country = np.zeros(len(events))
    for members in _countries(history):
        country[members] = (events[members].sum() + COUNTRY_CELLS * region) / (
            years[members].sum() + COUNTRY_CELLS
        )
    m = settings.pseudo_years
    near = (_around(history, events[:, None])[:, 0] + m * country) / (
        _around(history, years[:, None])[:, 0] + m
    )
    towards = settings.neighbours * near + (1.0 - settings.neighbours) * country
    prob: FloatArray = np.clip((events + m * towards) / (years + m), 0.0, 1.0)
    return prob


def with_counts(prob: FloatArray, history: Outcomes) -> FloatArray:
    """Return distributions of counts from probabilities of at least one episode.

    Given that there is any, the count is as in all past cells that are not empty.
    """
    seen = np.nansum(history.pmf[..., 1:], axis=(0, 1))
    share = seen / seen.sum() if seen.sum() > 0 else np.eye(len(seen))[0]
    return np.concatenate([1.0 - prob[:, None], prob[:, None] * share], axis=1)


def thinned(pmf: FloatArray, part: FloatArray) -> FloatArray:
    """Return distributions of the counts in a part of a year, each episode kept by chance.

    Parameters
    ----------
    pmf
        Shape (district, K + 1): of a whole year.
    part
        Shape (district,): the part that is covered, 0 to 1.
    """
    if (part == 1.0).all():
        return pmf
    from scipy.stats import binom

    counts = np.arange(pmf.shape[1])
    kept = binom.pmf(counts[None, :, None], counts[None, None, :], part[:, None, None])
    result: FloatArray = np.einsum("njk,nk->nj", kept, pmf)
    return result


def standard_baselines() -> Mapping[str, Baseline]:
    """Return the baselines by name, the one to beat last."""
    return {
        "zero": zero,
        "last value": last_value,
        "historical mean": historical_mean,
        "climatology by country": climatology,
        "conflictology": conflictology,
        "shrunken frequency": Frequency(),
    }


def _sums(history: Outcomes, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return weighted years with an episode and weighted covered years, each (district,)."""
    events = np.nansum(history.event * weight, axis=1)
    return events, (history.part * weight).sum(axis=1)


def _mean_years(history: Outcomes) -> FloatArray:
    """Return each district's distribution over its years, weighted by their cover."""
    weight = history.part.sum(axis=1)
    summed = np.nansum(history.pmf * history.part[..., None], axis=1)
    covered = weight > 0
    pmf = zero(history)
    pmf[covered] = summed[covered] / weight[covered, None]
    return pmf


def _around(history: Outcomes, values: FloatArray) -> FloatArray:
    """Return the sum of values over each district's neighbours, shape as given."""
    summed = np.zeros_like(values)
    one, other = history.pairs[:, 0], history.pairs[:, 1]
    np.add.at(summed, one, values[other])
    np.add.at(summed, other, values[one])
    return summed


def _countries(history: Outcomes) -> list[NDArray[np.bool_]]:
    country = history.districts["country"].to_numpy(dtype=str)
    return [country == code for code in np.unique(country)]
