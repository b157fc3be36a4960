"""BYM2 as one field in the eigenvectors of the graph, and coordinates in which it is sampled.

The structured and the unstructured part of BYM2 (doi:10.1177/0962280216660421) have the same
eigenvectors: those of the graph Laplacian. Their sum is therefore one field with independent
coefficients a, of variance ``sigma^2 (phi s + 1 - phi)``, where s is the variance of the scaled
structured part in that direction, 0 for the mean of a component. An island's coefficient has
the variance ``sigma^2``. Nothing is lost by sampling the sum: half the unknowns, and the two
parts, which the data cannot tell apart, do not wander against each other.

Where counts are large they determine the field, and its coefficients divided by sigma would be
tied to sigma; where counts are small the prior does, and the coefficients themselves would be.
`Whitening` stands between: each coefficient is shifted and scaled by what a Gaussian
approximation of its conditional posterior says at the current hyperparameters. It is a change
of variables with its Jacobian, so the posterior is exact however rough the approximation.
The rotation is constant, and so is its Jacobian, which is left out.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from threatkit.geo.graph import Graph
from threatkit.model.field import field_basis

FloatArray = NDArray[np.float64]
Tensor = Any

#: Added to variances of about one, so that a mixing of exactly 1 has a density.
LEAST_VARIANCE = 1e-10
#: Smallest eigenvalue of a correlation matrix from which on correlations are let alone.
LEAST_CORRELATED = 0.7


@dataclass(frozen=True)
class Spectrum:
    """Orthonormal eigenvectors of a graph of N areas.

    Attributes
    ----------
    vectors
        Shape (N, N), one eigenvector a column.
    variance
        Shape (N,), of the scaled structured part along each; 0 for the mean of a component.
    island
        Shape (N,), whether the eigenvector is an island.
    """

    vectors: FloatArray
    variance: FloatArray
    island: NDArray[np.bool_]

    @property
    def modes(self) -> FloatArray:
        """Return the eigenvectors of the structured part, shape (N, mode)."""
        return self.vectors[:, : self._structured]

    @property
    def structured_variance(self) -> FloatArray:
        """Return the variance of the scaled structured part along each of its modes."""
        return self.variance[: self._structured]

    @property
    def alone(self) -> NDArray[np.bool_]:
        """Return which areas are islands, shape (N,)."""
        return np.asarray(self.vectors[:, self.island].sum(axis=1) > 0)

    @property
    def _structured(self) -> int:
        """Return the number of modes, which stand before the means of the components."""
        return int(((self.variance > 0) & ~self.island).sum())

    def relative_variance(self, mixing: Tensor) -> Tensor:
        """Return the variance of each coefficient of a BYM2 field with sigma = 1."""
        own = np.where(self.island, 1.0, 0.0)
        return LEAST_VARIANCE + own + (1.0 - own) * (mixing * self.variance + 1.0 - mixing)


def spectrum(graph: Graph) -> Spectrum:
    """Return the eigenvectors of a graph: the field's basis, and each component's mean."""
    field = field_basis(graph)
    variance = (field.basis**2).sum(axis=0)
    modes = field.basis / np.sqrt(variance)
    labels, size = np.unique(field.component, return_counts=True)
    means = (field.component[:, None] == labels) / np.sqrt(size)
    islands = size == 1
    return Spectrum(
        np.hstack([modes, means]),
        np.concatenate([variance, np.where(islands, 1.0, 0.0)]),
        np.concatenate([np.zeros(len(variance), dtype=bool), islands]),
    )


@dataclass(frozen=True)
class Whitening:
    """A Gaussian approximation of what the data say of N independent coefficients.

    Attributes
    ----------
    precision
        Shape (N,), of the data about each coefficient.
    pull
        Shape (N,), precision times the value that the data point to.
    rotation
        Shape (N, N), which takes away the correlations that remain between the coefficients
        where areas differ in what is known of them; None where they are small.
    """

    precision: FloatArray
    pull: FloatArray
    rotation: FloatArray | None = None


def whitening(mode: FloatArray, information: FloatArray, variance: FloatArray) -> Whitening:
    """Return the whitening that a Gaussian approximation of the posterior asks for.

    Parameters
    ----------
    mode
        Shape (N,), of the coefficients' posterior.
    information
        Shape (N, N), of the data about the coefficients.
    variance
        Shape (N,), of the prior under which the mode was found.
    """
    precision = np.diag(information).copy()
    total = 1.0 / variance + precision
    scale = np.sqrt(total)
    correlation = (information + np.diag(1.0 / variance)) / np.outer(scale, scale)
    rotation = None
    if not len(mode):
        return Whitening(precision, mode, rotation)
    values, vectors = eigh(correlation)
    if values[0] < LEAST_CORRELATED:
        rotation = (vectors / np.sqrt(np.maximum(values, 1e-6))) @ vectors.T
    return Whitening(precision, mode * total, rotation)
