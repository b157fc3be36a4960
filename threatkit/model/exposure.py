"""The factors of a year by hand, many points at once: year effect, detection, slow movement.

The same terms as `threatkit.model.build` gives to PyMC; see `threatkit.model.density`.
"""

import numpy as np
from numpy.typing import NDArray

from threatkit.model.centring import Centring, centring
from threatkit.model.coordinates import Layout, Values
from threatkit.model.course import LEAST_NEWS, Movement, blocks, movements
from threatkit.model.outcome import incidence
from threatkit.model.panel import REFERENCE_REGIME
from threatkit.model.spec import ModelSpec

FloatArray = NDArray[np.float64]


class Exposure:
    """The log of a year's factors over blocks and periods."""

    def __init__(self, spec: ModelSpec, layout: Layout, years: Centring | None = None) -> None:
        """Lay out the coordinates; ``years`` centres those of the year effect."""
        panel = spec.panel
        held = blocks(spec)
        self._years = years
        self._layout = layout
        self._shape = (len(held.country), len(panel.periods))
        self._yearly = spec.year_effect != "none" and len(panel.periods) > 1
        if self._yearly:
            layout.add("year_sd", prior=spec.priors.year_sd)
            self._year_basis = _year_basis(spec)
            self._walks = spec.year_effect == "walk"
            layout.add("year_raw", self._year_basis.shape[1])
        self._regimes: dict[str, FloatArray] = {}
        for position, name in enumerate(panel.regimes):
            if spec.detection and name != REFERENCE_REGIME:
                prior = getattr(spec.priors, f"detection_{name}")
                layout.add(f"detection_{name}", prior=prior)
                mask = (panel.regime == position)[held.country]
                self._regimes[f"detection_{name}"] = mask.astype(float)
        self._moving = [
            _Moving(spec, one, group, layout)
            for one, group in zip(movements(spec), held.groups, strict=True)
        ]

    def forward(self, values: Values) -> FloatArray:
        """Return the log factors, shape (block * period, points)."""
        total = np.zeros((*self._shape, values.count))
        if self._yearly:
            total += self._year(values)
        for name, mask in self._regimes.items():
            total += mask[:, :, None] * values.scalar(name)
        for one in self._moving:
            total += one.spread(one.effect(values))
        return total.reshape(-1, values.count)

    def push(self, values: Values, grad: FloatArray) -> None:
        """Pass the derivative by the log factors on."""
        cube = grad.reshape(*self._shape, values.count)
        if self._yearly:
            self._push_year(values, self._year_basis.T @ cube.sum(axis=0))
        for name, mask in self._regimes.items():
            values.push(name, np.einsum("ij,ijk->k", mask, cube))
        for one in self._moving:
            one.push(values, cube)

    def _push_year(self, values: Values, along: FloatArray) -> None:
        sd, raw = values.scalar("year_sd"), self._raw(values)[0]
        by_sd, by_raw = np.einsum("ij,ij->j", along, raw), sd * along
        if self._years is not None:
            by_raw, by_scale = self._years.backward(by_raw, raw, values.vector("year_raw"), sd)
            by_sd += by_scale.sum(axis=0)
        values.push("year_raw", by_raw)
        values.push("year_sd", by_sd)

    def left(self, values: Values) -> FloatArray:
        """Return what the density of centred coordinates leaves out, shape (points,)."""
        return self._raw(values)[1] if self._yearly else np.zeros(values.count)

    def centring(self, values: Values, known: FloatArray) -> Centring | None:
        """Return the centring of the year effects, from coordinates without it.

        Parameters
        ----------
        values
            Of one point.
        known
            Shape (block * period,): the precision of the data about each log factor.
        """
        if not self._yearly or self._walks:
            return None
        precision = (self._year_basis**2).T @ known.reshape(self._shape).sum(axis=0)
        raw = values.vector("year_raw")[:, 0]
        return centring(raw, np.full(len(raw), values.scalar("year_sd")[0]), precision)

    def _raw(self, values: Values) -> tuple[FloatArray, FloatArray]:
        """Return the year effects' unit coefficients, and what centred coordinates leave out."""
        held: tuple[FloatArray, FloatArray] | None = values.memo.get("year")
        if held is None:
            u = values.vector("year_raw")
            if self._years is None:
                held = u, np.zeros(values.count)
            else:
                held = self._years.forward(u, values.scalar("year_sd"))
            values.memo["year"] = held
        return held

    def expand(self, values: Values) -> dict[str, FloatArray]:
        """Return the named effects, points as the last axis."""
        named = {one.name: one.effect(values) for one in self._moving}
        if self._yearly:
            named["year_effect"] = self._year(values)
        return named

    def _year(self, values: Values) -> FloatArray:
        unit = self._year_basis @ self._raw(values)[0]
        effect: FloatArray = values.scalar("year_sd") * unit
        return effect


def _year_basis(spec: ModelSpec) -> FloatArray:
    periods = len(spec.panel.periods)
    if spec.year_effect == "white":
        return zero_sum_basis(periods)
    walk = np.tril(np.ones((periods, periods)))
    centred: FloatArray = walk - walk.mean(axis=0)
    return centred


class _Moving:
    """One moving effect: coordinates are its news, epoch by epoch."""

    def __init__(
        self, spec: ModelSpec, term: Movement, group: NDArray[np.intp], layout: Layout
    ) -> None:
        self.name = term.name
        self._epochs, self._groups = len(term.starts), len(term.groups)
        self._group, self._epoch_of = group, term.epoch_of
        self._basis = zero_sum_basis(self._groups)
        self._by_group = incidence(group, self._groups)
        self._first = np.searchsorted(term.epoch_of, np.arange(self._epochs))
        layout.add(f"{self.name}_sd", prior=getattr(spec.priors, f"{self.name}_sd"))
        keep = getattr(spec.priors, f"{self.name}_persistence")
        layout.add(f"{self.name}_persistence", prior=keep)
        layout.add(f"{self.name}_raw", self._epochs * (self._groups - 1))

    def _news(self, values: Values) -> FloatArray:
        """Return the news of unit spread, shape (epoch, group - 1, points)."""
        raw = values.vector(f"{self.name}_raw")
        return raw.reshape(self._epochs, self._groups - 1, values.count)

    def _persistence(self, values: Values) -> tuple[FloatArray, FloatArray]:
        keep = values.scalar(f"{self.name}_persistence")
        return keep, np.sqrt(np.maximum(1 - keep**2, LEAST_NEWS**2))

    def _course(self, values: Values) -> FloatArray:
        """Return the effect of unit spread in its coordinates, shape (epoch, group - 1, points)."""
        course = self._news(values).copy()
        keep, fresh = self._persistence(values)
        for epoch in range(1, self._epochs):
            course[epoch] = keep * course[epoch - 1] + fresh * course[epoch]
        return course

    def effect(self, values: Values) -> FloatArray:
        """Return the effect, shape (epoch, group, points)."""
        unit = np.einsum("gk,ekp->egp", self._basis, self._course(values), optimize=True)
        result: FloatArray = values.scalar(f"{self.name}_sd") * unit
        return result

    def spread(self, effect: FloatArray) -> FloatArray:
        """Return the effect over blocks and periods."""
        spread: FloatArray = effect[self._epoch_of][:, self._group].transpose(1, 0, 2)
        return spread

    def push(self, values: Values, cube: FloatArray) -> None:
        """Pass the derivative by the log factors, shape (block, period, points), on."""
        by_epoch = np.add.reduceat(cube, self._first, axis=1)
        flat = by_epoch.reshape(len(self._group), -1)
        by_group = (self._by_group @ flat).reshape(self._groups, self._epochs, values.count)
        along = np.einsum("gk,gep->ekp", self._basis, by_group, optimize=True)
        course = self._course(values)
        values.push(f"{self.name}_sd", np.einsum("ekp,ekp->p", along, course))
        along *= values.scalar(f"{self.name}_sd")
        news, (keep, fresh) = self._news(values), self._persistence(values)
        slope = np.where(fresh > LEAST_NEWS, keep / fresh, 0.0)
        by_keep = np.zeros(values.count)
        for epoch in range(self._epochs - 1, 0, -1):
            step = course[epoch - 1] - slope * news[epoch]
            by_keep += np.einsum("kp,kp->p", along[epoch], step)
            along[epoch - 1] += keep * along[epoch]
            along[epoch] *= fresh
        values.push(f"{self.name}_persistence", by_keep)
        values.push(f"{self.name}_raw", along.reshape(-1, values.count))


def zero_sum_basis(n: int) -> FloatArray:
    """Return an orthonormal basis of the vectors that sum to zero, shape (n, n - 1)."""
    basis = np.zeros((n, max(n - 1, 0)))
    for column in range(n - 1):
        k = column + 1
        basis[:k, column] = 1 / np.sqrt(k * (k + 1))
        basis[k, column] = -k / np.sqrt(k * (k + 1))
    return basis
