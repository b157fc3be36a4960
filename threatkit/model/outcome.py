"""The outcome's log-likelihood and its gradient at many points at once.

The same collapsed sums as in `threatkit.model.build`, written by hand: empty cells enter
through one sum a block and year, cells with episodes or a moving term one by one.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from threatkit.model.course import blocks, exposure_years
from threatkit.model.spec import ModelSpec

FloatArray = NDArray[np.float64]

#: Moving terms of the model and the covariate each multiplies.
DYNAMICS = ("history", "spillover", "afghan_spillover")


@dataclass(frozen=True)
class Pushed:
    """Log-likelihood, shape (points,), and its derivatives by what it was given."""

    logp: FloatArray
    eta: FloatArray
    log_exposure: FloatArray
    coefficients: FloatArray
    spread: FloatArray


def dynamics(spec: ModelSpec) -> dict[str, FloatArray]:
    """Return the covariate of each moving term, shape (district, period)."""
    panel = spec.panel
    covariates = {
        "history": np.log1p(panel.history),
        "spillover": np.log1p(panel.spillover),
        "afghan_spillover": panel.afghan,
    }
    return {name: covariates[name][:, :-1] for name in DYNAMICS if getattr(spec, name)}


class Outcome:
    """The likelihood of all covered cells of a specification."""

    def __init__(self, spec: ModelSpec) -> None:
        panel = spec.panel
        self._kind = spec.likelihood
        self._people = panel.people[:, None]
        held = blocks(spec)
        self._block = held.of
        exposure = exposure_years(spec)
        shape = exposure.shape
        self._shape = shape
        self._exposure = exposure.reshape(-1, 1)
        self._member = incidence(held.of, shape[0])
        covariates = dynamics(spec)
        covered = panel.exposure_years[panel.country_of] > 0
        if self._kind == "nb2":
            active = covered & (panel.people > 0)[:, None]
        else:
            moved = [values != 0 for values in covariates.values()]
            active = np.any(moved, axis=0) & covered if moved else np.zeros_like(covered)
        self._district, period = np.nonzero(active)
        self._cell = held.of[self._district] * shape[1] + period
        self._moved = _stack(covariates, self._district, period)
        self._by_district = incidence(self._district, len(panel.districts))
        self._by_cell = incidence(self._cell, shape[0] * shape[1])
        self._rooms: dict[str, FloatArray] = {}
        self._seen(spec, covariates)

    def _seen(self, spec: ModelSpec, covariates: dict[str, FloatArray]) -> None:
        """Lay out the cells with episodes; each count k gives k rows of log(m / a + j)."""
        cells, panel = spec.panel.cells, spec.panel
        self._at = cells["district"].to_numpy(dtype=int)
        period = cells["period"].to_numpy(dtype=int)
        self._at_cell = self._block[self._at] * self._shape[1] + period
        self._at_moved = _stack(covariates, self._at, period)
        self._count = cells["count"].to_numpy(dtype=int)
        self._weight = cells["weight"].to_numpy(dtype=float)
        self._at_district = incidence(self._at, len(panel.districts))
        self._at_exposure = incidence(self._at_cell, self._shape[0] * self._shape[1])
        self._row = np.repeat(np.arange(len(self._count)), self._count)
        self._step = (
            np.concatenate([np.arange(k) for k in self._count])[:, None].astype(float)
            if len(self._row)
            else np.zeros((0, 1))
        )
        self._of_row = incidence(self._row, len(self._count))
        self._log_base = np.log(
            np.maximum(self._people[self._at] * self._exposure[self._at_cell], 1e-300)
        )

    def push(
        self,
        eta: FloatArray,
        log_exposure: FloatArray,
        coefficients: FloatArray,
        spread: FloatArray,
    ) -> Pushed:
        """Return the log-likelihood and its derivatives.

        Parameters
        ----------
        eta
            Shape (district, points).
        log_exposure
            Shape (block * period, points): year effect, detection, slow movement.
        coefficients
            Shape (moving term, points).
        spread
            Shape (points,): NB1's dispersion or NB2's size; ignored by the others.
        """
        log_mean = (
            self._log_base
            + eta[self._at]
            + log_exposure[self._at_cell]
            + self._at_moved @ coefficients
        )
        own, by_log_mean, by_spread = self._own(log_mean, spread)
        if self._kind == "nb2":
            whole = self._written_out(eta, log_exposure, coefficients, spread)
        else:
            whole = self._collapsed(eta, log_exposure, coefficients, spread)
        return Pushed(
            own + whole.logp,
            whole.eta + self._at_district @ by_log_mean,
            whole.log_exposure + self._at_exposure @ by_log_mean,
            whole.coefficients + self._at_moved.T @ by_log_mean,
            whole.spread + by_spread,
        )

    def _own(
        self, log_mean: FloatArray, spread: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return what cells with episodes add, and its derivatives."""
        weight, count = self._weight[:, None], self._count[:, None]
        if self._kind == "poisson":
            by_mean = np.broadcast_to(weight * count, log_mean.shape)
            return (by_mean * log_mean).sum(axis=0), by_mean, np.zeros_like(spread)
        mean = np.exp(np.clip(log_mean, -100, 100))
        if self._kind == "bernoulli":
            seen = weight * (count > 0)
            logp = (seen * (np.log(-np.expm1(-mean)) + mean)).sum(axis=0)
            return logp, seen * mean / -np.expm1(-mean), np.zeros_like(spread)
        weight_row = weight[self._row]
        if self._kind == "nb2":
            size = spread + self._step
            logp = (weight_row * np.log(size)).sum(axis=0)
            logp += (weight * count * (log_mean - np.log(mean + spread))).sum(axis=0)
            by_spread = (weight_row / size).sum(axis=0)
            by_spread -= (weight * count / (mean + spread)).sum(axis=0)
            return logp, weight * count * spread / (mean + spread), by_spread
        ratio = mean[self._row] / spread
        logp = (weight_row * np.log(ratio + self._step)).sum(axis=0)
        part = weight_row * ratio / (ratio + self._step)
        clusters = float((self._weight * self._count).sum())
        logp += clusters * (np.log(spread) - np.log1p(spread))
        by_spread = -part.sum(axis=0) / spread + clusters / (spread * (1 + spread))
        return logp, self._of_row @ part, by_spread

    def _collapsed(
        self,
        eta: FloatArray,
        log_exposure: FloatArray,
        coefficients: FloatArray,
        spread: FloatArray,
    ) -> Pushed:
        """Return what the sum of the mean over all cells takes away."""
        groups, periods = self._shape
        points = eta.shape[1]
        rate, exposure = self._factors(eta, log_exposure)
        by_block = self._member @ rate
        cube = exposure.reshape(groups, periods, points)
        by_eta = rate * cube.sum(axis=1)[self._block]
        by_exposure = (by_block[:, None, :] * cube).reshape(-1, points)
        by_coefficient = np.zeros_like(coefficients)
        total = np.einsum("ij->j", by_eta)
        if len(self._district):
            shape = (len(self._district), points)
            base, shift = self._room("base", shape), self._room("shift", shape)
            np.take(rate, self._district, axis=0, out=base, mode="clip")
            np.take(exposure, self._cell, axis=0, out=shift, mode="clip")
            base *= shift
            np.minimum(np.matmul(self._moved, coefficients, out=shift), 50.0, out=shift)
            np.expm1(shift, out=shift)
            shift *= base
            by_shift = self._by_district @ shift
            total += by_shift.sum(axis=0)
            by_eta += by_shift
            by_exposure += self._by_cell @ shift
            shift += base
            by_coefficient = self._moved.T @ shift
        if self._kind == "nb1":
            unit = np.log1p(spread) / spread
            by_spread = -total * (1 / (spread * (1 + spread)) - unit / spread)
        else:
            unit, by_spread = np.ones_like(spread), np.zeros_like(spread)
        return Pushed(
            -unit * total,
            -unit * by_eta,
            -unit * by_exposure,
            -unit * by_coefficient,
            by_spread,
        )

    def _factors(self, eta: FloatArray, log_exposure: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return rate times people and exposure with its factors."""
        rate = np.minimum(eta, 50.0, out=self._room("rate", eta.shape))
        np.exp(rate, out=rate)
        rate *= self._people
        exposure = np.minimum(log_exposure, 50.0)
        np.exp(exposure, out=exposure)
        exposure *= self._exposure
        return rate, exposure

    def _room(self, name: str, shape: tuple[int, ...]) -> FloatArray:
        """Return an array to write to, kept between calls: fresh pages cost more than sums."""
        held = self._rooms.get(name)
        if held is None or held.shape != shape:
            held = self._rooms[name] = np.empty(shape)
        return held

    def _written_out(
        self,
        eta: FloatArray,
        log_exposure: FloatArray,
        coefficients: FloatArray,
        size: FloatArray,
    ) -> Pushed:
        """Return NB2's sum over every covered cell."""
        rate, exposure = self._factors(eta, log_exposure)
        mean = rate[self._district] * exposure[self._cell]
        if len(coefficients):
            mean = mean * np.exp(np.minimum(self._moved @ coefficients, 50.0))
        ratio = mean / size
        logs = np.log1p(ratio)
        pull = -mean / (1 + ratio)
        by_size = -(logs - ratio / (1 + ratio)).sum(axis=0)
        return Pushed(
            -size * logs.sum(axis=0),
            self._by_district @ pull,
            self._by_cell @ pull,
            self._moved.T @ pull,
            by_size,
        )


def incidence(index: NDArray[np.intp], rows: int) -> sp.csr_array:
    """Return the matrix that sums entries by their index."""
    ones = np.ones(len(index))
    return sp.csr_array((ones, (index, np.arange(len(index)))), shape=(rows, len(index)))


def _stack(
    covariates: dict[str, FloatArray], district: NDArray[np.intp], period: NDArray[np.intp]
) -> FloatArray:
    if not covariates:
        return np.zeros((len(district), 0))
    return np.column_stack([values[district, period] for values in covariates.values()])
