"""Features of counts by district and year that a model ought to reproduce."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from threatkit.model.spec import ModelSpec

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """Counts, seen or replicated.

    Attributes
    ----------
    counts
        Shape (S, district, period).
    """

    counts: FloatArray

    @cached_property
    def by_district(self) -> FloatArray:
        """Return episodes by district, shape (S, district)."""
        return np.asarray(self.counts.sum(axis=2))

    @cached_property
    def by_year(self) -> FloatArray:
        """Return episodes by year, shape (S, period)."""
        return np.asarray(self.counts.sum(axis=1))

    @cached_property
    def hit(self) -> NDArray[np.bool_]:
        """Return which cells hold an episode, shape (S, district, period)."""
        return np.asarray(self.counts > 0)


@dataclass(frozen=True)
class Data(Counts):
    """Counts with the means under which they are looked at.

    Attributes
    ----------
    spec
        The specification.
    means
        Shape (S, district, period).
    spread
        Shape (S,): NB1's dispersion, NB2's size, 0 for the others.
    """

    spec: ModelSpec
    means: FloatArray
    spread: FloatArray

    @cached_property
    def by_oblast(self) -> FloatArray:
        """Return episodes by oblast and year, shape (S, oblast, period)."""
        panel = self.spec.panel
        return _over(self.counts, panel.oblast_of, len(panel.oblasts))

    @cached_property
    def by_country(self) -> FloatArray:
        """Return episodes by country and year, shape (S, country, period)."""
        panel = self.spec.panel
        return _over(self.counts, panel.country_of, len(panel.countries))

    @cached_property
    def moments(self) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance of every count, shape (S, district, period)."""
        spread = self.spread[:, None, None]
        match self.spec.likelihood:
            case "nb1":
                return self.means, (1 + spread) * self.means
            case "nb2":
                return self.means, self.means + self.means**2 / spread
            case "bernoulli":
                chance = -np.expm1(-self.means)
                return chance, chance * (1 - chance)
            case _:
                return self.means, self.means

    @cached_property
    def residual(self) -> FloatArray:
        """Return each district's Pearson residual over all years, shape (S, district)."""
        mean, variance = (part.sum(axis=2) for part in self.moments)
        return _residual(self.by_district, mean, variance)

    def chi_square(self, of: NDArray[np.intp], number: int) -> FloatArray:
        """Return the sum of squared Pearson residuals of groups and years, shape (S,)."""
        parts = (_over(part, of, number) for part in (self.counts, *self.moments))
        return np.asarray((_residual(*parts) ** 2).sum(axis=(1, 2)))


def _over(values: FloatArray, of: NDArray[np.intp], number: int) -> FloatArray:
    """Return sums over groups of districts, shape (S, group, period)."""
    member = sp.csr_array((np.ones(len(of)), (of, np.arange(len(of)))), shape=(number, len(of)))
    size, districts, periods = values.shape
    summed = member @ values.transpose(1, 0, 2).reshape(districts, -1)
    return np.asarray(summed).reshape(number, size, periods).transpose(1, 0, 2)


def _residual(count: FloatArray, mean: FloatArray, variance: FloatArray) -> FloatArray:
    """Return Pearson residuals, 0 where nothing can be seen."""
    known = variance > 0
    gap = (count - mean) / np.sqrt(np.where(known, variance, 1.0))
    return np.where(known, gap, 0.0)


Feature = Callable[[Data], NDArray[Any]]


def plain(data: Counts) -> dict[str, NDArray[Any]]:
    """Return the features that need nothing but the counts, name -> shape (S,).

    They are the ones of every run's record.
    """
    return {name: of(data) for name, of in _PLAIN.items()}


def _top_share(data: Counts) -> FloatArray:
    held = max(data.counts.shape[1] // 50, 1)
    top = np.sort(data.by_district, axis=1)[:, -held:].sum(axis=1)
    return np.asarray(top / np.maximum(data.by_district.sum(axis=1), 1))


def _hit_again(data: Counts) -> NDArray[Any]:
    return np.asarray((data.hit[:, :, 1:] & data.hit[:, :, :-1]).sum(axis=(1, 2)))


_PLAIN: dict[str, Callable[[Counts], NDArray[Any]]] = {
    "episodes": lambda y: y.by_district.sum(axis=1),
    "district-years with an episode": lambda y: y.hit.sum(axis=(1, 2)),
    "districts with an episode": lambda y: (y.by_district > 0).sum(axis=1),
    "most episodes in a district and year": lambda y: y.counts.max(axis=(1, 2)),
    "most episodes in a district": lambda y: y.by_district.max(axis=1),
    "episodes in the busiest year": lambda y: y.by_year.max(axis=1),
    "share of episodes in the busiest 2 in 100 districts": _top_share,
    "districts hit in two years running": _hit_again,
}


def moran(values: FloatArray, pairs: NDArray[np.intp]) -> FloatArray:
    """Return Moran's I of values of shape (S, district) over pairs of neighbours, shape (S,).

    Every pair weighs the same (doi:10.1093/biomet/37.1-2.17); 0 where all values are equal, or
    where no district has a neighbour.
    """
    gap = values - values.mean(axis=1, keepdims=True)
    variance = (gap**2).mean(axis=1)
    if not len(pairs):
        return np.zeros(len(values))
    product = (gap[:, pairs[:, 0]] * gap[:, pairs[:, 1]]).mean(axis=1)
    return np.where(variance > 0, product / np.where(variance > 0, variance, 1.0), 0.0)


def features(spec: ModelSpec) -> dict[tuple[str, str], Feature]:
    """Return the checked features of a specification by (about, name)."""
    panel = spec.panel
    pairs = panel.graph.pairs()
    crossing = pairs[panel.graph.edges["international"].to_numpy(dtype=bool)]
    made: dict[tuple[str, str], Feature] = {
        ("level", "episodes"): _PLAIN["episodes"],
        ("level", "district-years with an episode"): _PLAIN["district-years with an episode"],
        ("zeros", "share of district-years without"): lambda y: 1 - y.hit.mean(axis=(1, 2)),
        ("zeros", "share of districts without"): lambda y: (y.by_district == 0).mean(axis=1),
    }
    for least in (2, 5, 10):
        made["tail", f"districts with {least} or more"] = _at_least(least)
    made |= {
        **{
            ("tail", name): _PLAIN[name]
            for name in ("most episodes in a district", "most episodes in a district and year")
        },
        ("tail", "share in the busiest 2 in 100 districts"): _top_share,
        ("space", "Moran's I of residuals"): lambda y: moran(y.residual, pairs),
        ("space", "Moran's I of residuals, across borders"): lambda y: moran(y.residual, crossing),
        ("space", "neighbours that both were ever hit"): lambda y: _both(y.by_district > 0, pairs),
        ("space and time", "neighbours hit in one year"): lambda y: _both_in_year(y.hit, pairs),
        ("space and time", "neighbours across borders hit in one year"): lambda y: _both_in_year(
            y.hit, crossing
        ),
        ("space and time", "most in an oblast and year"): lambda y: _largest(y.by_oblast),
        ("space and time", "most in a country and year"): lambda y: _largest(y.by_country),
        ("space and time", "chi-square of oblasts and years"): lambda y: y.chi_square(
            panel.oblast_of, len(panel.oblasts)
        ),
        ("space and time", "chi-square of countries and years"): lambda y: y.chi_square(
            panel.country_of, len(panel.countries)
        ),
        ("time", "episodes in the busiest year"): _PLAIN["episodes in the busiest year"],
        ("time", "episodes in the quietest full year"): lambda y: _full(y).min(axis=1),
        ("time", "variance over mean of years"): lambda y: (
            _full(y).var(axis=1) / np.maximum(_full(y).mean(axis=1), 1e-12)
        ),
        ("time", "correlation of a year with the next"): lambda y: _lagged(_full(y)),
        ("time", "district-years hit after a hit"): _hit_again,
    }
    for position, code in enumerate(panel.countries):
        made["country", f"episodes in {code}"] = _of_country(position)
    return made


def _at_least(least: int) -> Feature:
    return lambda y: (y.by_district >= least).sum(axis=1)


def _of_country(position: int) -> Feature:
    return lambda y: y.by_district[:, y.spec.panel.country_of == position].sum(axis=1)


def _both(hit: NDArray[np.bool_], pairs: NDArray[np.intp]) -> FloatArray:
    return np.asarray((hit[:, pairs[:, 0]] & hit[:, pairs[:, 1]]).sum(axis=1))


def _both_in_year(hit: NDArray[np.bool_], pairs: NDArray[np.intp]) -> FloatArray:
    return sum(
        (_both(hit[:, :, period], pairs) for period in range(hit.shape[2])), np.zeros(len(hit))
    )


def _largest(totals: FloatArray) -> FloatArray:
    return np.asarray(totals.max(axis=(1, 2)))


def _full(data: Data) -> FloatArray:
    """Return episodes of the years that lie before the assessment as a whole."""
    panel = data.spec.panel
    whole = panel.periods < panel.as_of.year + (panel.as_of.month == 12 and panel.as_of.day == 31)
    return data.by_year[:, whole] if whole.sum() > 1 else data.by_year


def _lagged(totals: FloatArray) -> FloatArray:
    gap = totals - totals.mean(axis=1, keepdims=True)
    variance = (gap**2).mean(axis=1)
    product = (gap[:, 1:] * gap[:, :-1]).sum(axis=1) / totals.shape[1]
    return np.where(variance > 0, product / np.where(variance > 0, variance, 1.0), 0.0)
