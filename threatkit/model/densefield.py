"""The spatial field in the eigenvectors of the graph Laplacian, for up to some 1,200 districts.

The structured and the plain part of BYM2 share one coordinate a district there.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threatkit.geo.graph import Graph
from threatkit.model.field import Structure, component_modes, structure

FloatArray = NDArray[np.float64]


def dense_field(
    graph: Graph,
    *,
    international_weight: float = 1.0,
    country: NDArray[np.intp] | None = None,
) -> "DenseField":
    """Return the field of a graph in its eigenvectors; see `field.structure`."""
    return in_eigenvectors(
        structure(graph, international_weight=international_weight, country=country)
    )


@dataclass
class DenseField:
    """The field in the eigenvectors of the Laplacian: one coordinate a district.

    Attributes
    ----------
    vectors
        Shape (district, district), orthonormal.
    variance
        Shape (district,): of the structured part along each vector; 0 along the constant of a
        component, or of each country in it, 1 for an island, whose own part has full variance
        at any mixing.
    """

    vectors: FloatArray
    variance: FloatArray

    def __post_init__(self) -> None:
        self.size = len(self.variance)
        self.own = slice(0, self.size)
        self.mixed = bool((self.variance != 1).any())

    def spread(self, mixing: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the standard deviation along each eigenvector, and its slope by mixing."""
        scale = self._scale(mixing)
        return scale, (self.variance[:, None] - 1) / (2 * scale)

    def information(self, known: FloatArray) -> FloatArray:
        """Return the precision along each eigenvector of precisions by district."""
        along: FloatArray = (self.vectors**2).T @ known
        return along

    def _scale(self, mixing: FloatArray) -> FloatArray:
        share = np.clip(mixing, 1e-12, 1 - 1e-12)
        scale: FloatArray = np.sqrt(1 + share * (self.variance[:, None] - 1))
        return scale

    def forward(self, e: FloatArray, mixing: FloatArray) -> FloatArray:
        """Return the field, shape (district, points)."""
        result: FloatArray = self.vectors @ (self._scale(mixing) * e)
        return result

    def backward(
        self, grad: FloatArray, e: FloatArray, mixing: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the derivatives by the coordinates and by the mixing."""
        scale = self._scale(mixing)
        along = self.vectors.T @ grad
        by_scale = (self.variance[:, None] - 1) / (2 * scale)
        by_scale *= e
        by_mixing = np.einsum("ij,ij->j", along, by_scale)
        along *= scale
        return along, by_mixing

    def split(
        self, e: FloatArray, mixing: FloatArray, rng: np.random.Generator
    ) -> dict[str, FloatArray]:
        """Return the structured part's own coordinates, as `threatkit.model.field` has them.

        Both parts of the field share a coordinate; given their sum, the structured one is
        normal and is drawn.
        """
        structured = np.flatnonzero((self.variance != 1) & (self.variance > 0))
        share = np.clip(mixing, 1e-12, 1 - 1e-12)
        own = share * self.variance[structured, None]
        total = own + 1 - share
        mean = np.sqrt(own / total) * e[structured]
        noise = rng.standard_normal(mean.shape)
        return {"modes": mean + np.sqrt((1 - share) / total) * noise}


def in_eigenvectors(made: Structure) -> DenseField:
    """Return the field of a structure in its eigenvectors."""
    precision, component = made.precision, made.component
    n = precision.shape[0]
    vectors, variance = np.zeros((n, n)), np.ones(n)
    at = 0
    for label in np.unique(component):
        members = np.flatnonzero(component == label)
        stop = at + len(members)
        if len(members) == 1:
            vectors[members[0], at] = 1.0
        else:
            inverse, own = component_modes(
                precision[members][:, members].toarray(), made.group[members]
            )
            largest = np.abs(own).argmax(axis=0)
            own *= np.sign(own[largest, np.arange(own.shape[1])])
            scale = np.exp(np.log((own**2 * inverse).sum(axis=1)).mean())
            vectors[members, at:stop] = own
            variance[at:stop] = inverse / scale
        at = stop
    return DenseField(vectors, variance)
