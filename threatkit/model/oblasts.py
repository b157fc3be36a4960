"""A pillar's oblast effects, centred where their oblast's own indicators hold them.

Given everything else, an effect e (standard normal before the data) that enters its oblast's
indicators x as level + loading (base + sd e), with variance v, is nearly normal with

    q = 1 + sd^2 B,  mean = sd A / q,  variance = 1 / q,
    A = sum (loading / v) (x - level - loading base),  B = sum loading^2 / v,

and u = sqrt(q) (e - mean) is sampled in its place. Loading, sd and the indicator's error then
move without a thousand effects having to follow; see `threatkit.model.centring`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threatkit.model.coordinates import Values
from threatkit.model.outcome import incidence
from threatkit.model.spec import ModelSpec, indicator_names

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Known:
    """What the indicators say at given points, kept for the way back."""

    e: FloatArray
    q: FloatArray
    pull: FloatArray
    precision: FloatArray
    residual: FloatArray
    loading: FloatArray
    weight: FloatArray
    base: FloatArray


class Oblasts:
    """The indicators of one pillar that speak of one oblast each, and its effects' centring."""

    def __init__(
        self,
        spec: ModelSpec,
        name: str,
        fixed: FloatArray,
        oblast_of: NDArray[np.intp],
        country_of: NDArray[np.intp],
    ) -> None:
        """Gather the indicators.

        Parameters
        ----------
        spec
            The specification.
        name
            Of the pillar.
        fixed
            Shape (district, 1): the part of its state that is known.
        oblast_of
            Shape (district,).
        country_of
            Shape (oblast,).
        """
        measured = spec.panel.measurements
        table = measured.table
        own = (table["pillar"] == name).to_numpy() & table["count"].isna().to_numpy()
        weights = np.asarray(measured.weights)
        sums = incidence(oblast_of, len(country_of)) @ weights.T
        largest = sums.max(axis=0, initial=0.0)
        whole = weights.sum(axis=1)
        rows = np.flatnonzero(own & (largest > 0) & np.isclose(largest, whole))
        names = list(indicator_names(spec))
        indicator = [names.index(str(label)) for label in table["indicator"].to_numpy()[rows]]
        self._name = name
        self._indicator = np.asarray(indicator, dtype=np.intp)
        self._oblast = sums[:, rows].argmax(axis=0)
        self._x = table["x"].to_numpy(dtype=float)[rows, None]
        self._error = table["error_sd"].to_numpy(dtype=float)[rows, None] ** 2
        self._fixed = weights[rows] @ fixed
        self._country = country_of[self._oblast]
        self._country_of = country_of
        self._by_oblast = incidence(self._oblast, len(country_of))
        self._by_indicator = incidence(self._indicator, len(names))
        self._by_country = incidence(self._country, int(country_of.max(initial=0)) + 1)

    @property
    def any(self) -> bool:
        """Return whether any indicator speaks of one oblast."""
        return bool(len(self._indicator))

    def _row(self, values: Values, block: str) -> FloatArray:
        value = values.vector(block)
        return value[self._indicator % len(value)]

    def known(self, values: Values, country: FloatArray, sd: FloatArray) -> Known:
        """Return the effects and what they were made from; ``country`` has (country, points)."""
        loading, level = self._row(values, "loading"), self._row(values, "definition_level")
        weight = 1 / (self._row(values, "indicator_sd") ** 2 + self._error)
        base = self._fixed + country[self._country]
        residual = self._x - level - loading * base
        pull = self._by_oblast @ (weight * loading * residual)
        precision = self._by_oblast @ (weight * loading**2)
        q = 1 + sd**2 * precision
        e = sd * pull / q + values.vector(f"{self._name}_oblast") / np.sqrt(q)
        return Known(e, q, pull, precision, residual, loading, weight, base)

    def left(self, values: Values, known: Known) -> FloatArray:
        """Return what replacing the effects' prior by the coordinates' leaves out."""
        u = values.vector(f"{self._name}_oblast")
        left: FloatArray = 0.5 * (u**2 - known.e**2 - np.log(known.q)).sum(axis=0)
        return left

    def push(self, values: Values, known: Known, by_e: FloatArray, sd: FloatArray) -> FloatArray:
        """Pass a derivative by the effects on; return that by the countries' effects."""
        u = values.vector(f"{self._name}_oblast")
        by_e = by_e - known.e
        c = 1 / np.sqrt(known.q)
        values.push(f"{self._name}_oblast", by_e * c + u)
        by_pull = by_e * sd * c**2
        by_q = -by_e * (sd * known.pull * c**4 + 0.5 * u * c**3) - 0.5 * c**2
        by_sd = by_e * known.pull * c**2 + 2 * sd * known.precision * by_q
        values.push(f"{self._name}_oblast_sd", by_sd.sum(axis=0))
        pulled, precise = by_pull[self._oblast], (by_q * sd**2)[self._oblast]
        weight, loading, residual = known.weight, known.loading, known.residual
        by_loading = pulled * weight * (residual - loading * known.base)
        by_loading += 2 * precise * weight * loading
        values.push("loading", self._by_indicator @ by_loading)
        values.push("definition_level", -(self._by_indicator @ (pulled * weight * loading)))
        by_weight = pulled * loading * residual + precise * loading**2
        extra = self._row(values, "indicator_sd")
        values.push("indicator_sd", self._by_indicator @ (-2 * extra * weight**2 * by_weight))
        by_country: FloatArray = -(self._by_country @ (pulled * weight * loading**2))
        return by_country
