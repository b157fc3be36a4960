"""The density of a covariate known with error: its field, and what was measured of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threatkit.areal.config import ArealConfig
from threatkit.areal.data import ArealData
from threatkit.areal.reference import GroupReference, group_reference
from threatkit.areal.spectrum import LEAST_VARIANCE, Spectrum
from threatkit.areal.whitened import Whitened
from threatkit.model.coordinates import Layout, Values

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class LatentState:
    """The latent covariate at given points."""

    whitened: Whitened
    relative: FloatArray
    pulling: FloatArray

    @property
    def values(self) -> FloatArray:
        """Return its coefficients in the graph's eigenvectors, shape (N, points)."""
        return self.whitened.values


@dataclass
class Spread:
    """Standard deviations of a BYM2 field's coefficients, and their derivatives."""

    basis: Spectrum

    def __post_init__(self) -> None:
        own = np.where(self.basis.island, 1.0, 0.0)
        self._level = LEAST_VARIANCE + own + (1.0 - own)
        self._slope = (1.0 - own) * (self.basis.variance - 1.0)

    def forward(self, mixing: FloatArray) -> FloatArray:
        """Return the standard deviations at sigma = 1, shape (N, points)."""
        result: FloatArray = np.sqrt(self._level[:, None] + self._slope[:, None] * mixing)
        return result

    def backward(self, grad: FloatArray, relative: FloatArray) -> FloatArray:
        """Return the derivative by the mixing, given the one by the standard deviations."""
        result: FloatArray = 0.5 * np.einsum("ij,i,ij->j", grad, self._slope, 1.0 / relative)
        return result


class Latent:
    """A covariate known with error: its field, and what was measured of it."""

    def __init__(self, config: ArealConfig, data: ArealData, basis: Spectrum) -> None:
        if config.groups is None or data.groups is None:
            raise ValueError("data of groups need a configuration of groups")
        self._priors, groups = config.groups.priors, data.groups
        self._mixed = config.groups.form == "bym2"
        self._spread = Spread(basis)
        typical = basis.relative_variance(0.5) if self._mixed else np.ones(len(basis.variance))
        self.reference: GroupReference = group_reference(groups, basis, typical)
        self._rows = np.vstack([basis.vectors[groups.area], groups.weight @ basis.vectors])
        self._mean_of = basis.vectors.sum(axis=0)
        self._x, self._precision = groups.x[:, None], groups.se[:, None] ** -2.0

    def lay_out(self, layout: Layout) -> None:
        """Append the blocks of the latent covariate."""
        layout.add("lam", prior=self._priors["lam"])
        layout.add("c", prior=self._priors["c"])
        if self._mixed:
            layout.add("phi_z", prior=self._priors["phi_z"])
        layout.add("z_modes", len(self._mean_of))

    def at(self, values: Values) -> LatentState:
        """Return the latent covariate at the points."""
        points = values.count
        if self._mixed:
            relative = self._spread.forward(values.scalar("phi_z"))
        else:
            relative = np.ones((len(self._mean_of), points))
        bend, lam = self.reference.whitening, values.scalar("lam")
        precision = bend.precision[:, None]
        shift = self._mean_of[:, None] * (values.scalar("c") - self.reference.centre)
        pulling = bend.pull[:, None] - precision * shift
        free = values.vector("z_modes")
        free = free if bend.rotation is None else bend.rotation @ free
        whitened = Whitened(relative, lam**2 * precision)
        whitened.place(free, lam * pulling)
        return LatentState(whitened, relative, pulling)

    def push(self, values: Values, state: LatentState, by_values: FloatArray) -> FloatArray:
        """Add what was measured; return its log density with that of the field.

        ``by_values`` are the derivatives of the rest of the density by the coefficients.
        """
        lam, b, free = values.scalar("lam"), state.values, values.vector("z_modes")
        mean = self._rows @ b
        gap = self._precision * (self._x - lam * mean - values.scalar("c"))
        missed = (self._x - lam * mean - values.scalar("c")) * gap
        whitened, bend = state.whitened, self.reference.whitening
        pulled = whitened.pull(by_values + lam * (self._rows.T @ gap))
        precision = bend.precision
        turned = pulled.free if bend.rotation is None else bend.rotation.T @ pulled.free
        values.push("z_modes", turned + free)
        if self._mixed:
            values.push("phi_z", self._spread.backward(pulled.sd, state.relative))
        by_lam = np.einsum("ij,ij->j", gap, mean) + (pulled.pull * state.pulling).sum(axis=0)
        values.push("lam", by_lam + 2 * lam * (precision @ pulled.information))
        values.push("c", gap.sum(axis=0) - lam * ((self._mean_of * precision) @ pulled.pull))
        logp: FloatArray = whitened.logp - 0.5 * missed.sum(axis=0)
        return logp + 0.5 * (free**2).sum(axis=0)
