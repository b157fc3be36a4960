"""The spatial field's exact basis: constrained, scaled, one component at a time.

The intrinsic CAR field of BYM2 (doi:10.1177/0962280216660421) has a singular precision.
Written in the eigenvectors of that precision with the constant vector left out, it is a
linear map of independent standard normals, sums to zero exactly and needs no soft
constraint. Each component is scaled by itself, so that the geometric mean of its marginal
variances is one (doi:10.1016/j.sste.2018.04.002); a district without neighbours has no
structured part.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.sparse.csgraph import connected_components

from threatkit.geo.graph import Graph

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class FieldBasis:
    """A structured field v = basis @ e with e ~ N(0, 1).

    Attributes
    ----------
    basis
        Shape (district, mode); rows of islands are zero.
    island
        Shape (district,), true where a district has no neighbour.
    component
        Shape (district,), the number of its connected component.
    scale
        Shape (district,): the geometric mean of the unscaled variances of its component, by
        which they were divided.
    """

    basis: FloatArray
    island: NDArray[np.bool_]
    component: NDArray[np.intp]
    scale: FloatArray


def laplacian(graph: Graph, *, international_weight: float = 1.0) -> sp.csr_array:
    """Return the weighted graph Laplacian, shape (district, district).

    Parameters
    ----------
    graph
        Districts and borders.
    international_weight
        Weight of an edge across an international border; one inside a country weighs 1.
    """
    edges: pd.DataFrame = graph.edges
    pairs = graph.pairs()
    weight = np.where(edges["international"].to_numpy(dtype=bool), international_weight, 1.0)
    n = len(graph.districts)
    half = sp.coo_array((weight, (pairs[:, 0], pairs[:, 1])), shape=(n, n)).tocsr()
    adjacency = half + half.T
    return sp.csr_array(sp.diags_array(adjacency.sum(axis=1)) - adjacency)


def field_basis(graph: Graph, *, international_weight: float = 1.0) -> FieldBasis:
    """Return the scaled, constrained basis of the structured field on a graph."""
    precision = laplacian(graph, international_weight=international_weight)
    _, component = connected_components(precision, directed=False)
    n = precision.shape[0]
    columns: list[FloatArray] = []
    island = np.zeros(n, dtype=bool)
    scale = np.ones(n)
    for label in np.unique(component):
        members = np.flatnonzero(component == label)
        if len(members) == 1:
            island[members] = True
            continue
        block = np.zeros((n, len(members) - 1))
        block[members], scale[members] = _component_basis(precision[members][:, members].toarray())
        columns.append(block)
    basis = np.hstack(columns) if columns else np.zeros((n, 0))
    return FieldBasis(basis, island, component.astype(np.intp), scale)


def _component_basis(precision: FloatArray) -> tuple[FloatArray, float]:
    values, vectors = eigh(precision)
    basis = vectors[:, 1:] / np.sqrt(values[1:])
    scale = float(np.exp(np.log((basis**2).sum(axis=1)).mean()))
    scaled = basis / np.sqrt(scale)
    # An eigenvector's sign is arbitrary: fix it, so that a seed means the same field.
    largest = np.abs(scaled).argmax(axis=0)
    result: FloatArray = scaled * np.sign(scaled[largest, np.arange(scaled.shape[1])])
    return result, scale
