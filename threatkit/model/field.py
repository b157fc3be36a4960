"""The spatial field's exact basis: constrained, scaled, one component at a time.

The intrinsic CAR field of BYM2 (doi:10.1177/0962280216660421) has a singular precision.
Written in the eigenvectors of that precision with the constant vector left out, it is a
linear map of independent standard normals, sums to zero exactly and needs no soft
constraint. Each component is scaled by itself, so that the geometric mean of its marginal
variances is one (doi:10.1016/j.sste.2018.04.002); a district without neighbours has no
structured part.

Where borders between countries weigh less than others, the field's largest part would be the
level of whole countries, which the country effect has too, and the scale would be that part's.
So it is then held to sum to zero over each country's districts of a component, exactly, by
leaving those vectors out of the basis, and is scaled after that.
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
class Structure:
    """What the structured field is made from.

    Attributes
    ----------
    precision
        The weighted Laplacian, shape (district, district).
    component
        Shape (district,), the number of its connected component.
    group
        Shape (district,), the number of the set over which the field sums to zero: a
        component, or a country's districts of one.
    """

    precision: sp.csr_array
    component: NDArray[np.intp]
    group: NDArray[np.intp]


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


def structure(
    graph: Graph,
    *,
    international_weight: float = 1.0,
    country: NDArray[np.intp] | None = None,
) -> Structure:
    """Return the Laplacian, its components and the sets over which the field sums to zero.

    Parameters
    ----------
    graph
        Districts and borders.
    international_weight
        As in `laplacian`.
    country
        Shape (district,), number of its country: the field then sums to zero in each. A
        district alone in its country has its level from the country effect; its borders are
        left out and it counts as an island. None: the field sums to zero in each component.
    """
    precision = laplacian(graph, international_weight=international_weight)
    component = connected_components(precision, directed=False)[1].astype(np.intp)
    if country is None:
        return Structure(precision, component, component)
    while True:
        both = np.stack([component, country], axis=1)
        group = np.unique(both, axis=0, return_inverse=True)[1].ravel().astype(np.intp)
        alone = (np.bincount(group)[group] == 1) & (np.bincount(component)[component] > 1)
        if not alone.any():
            return Structure(precision, component, group)
        kept = sp.diags_array(np.where(alone, 0.0, 1.0))
        adjacency = kept @ (sp.diags_array(precision.diagonal()) - precision) @ kept
        precision = sp.csr_array(sp.diags_array(adjacency.sum(axis=1)) - adjacency)
        precision.eliminate_zeros()
        component = connected_components(precision, directed=False)[1].astype(np.intp)


def field_basis(
    graph: Graph,
    *,
    international_weight: float = 1.0,
    country: NDArray[np.intp] | None = None,
) -> FieldBasis:
    """Return the scaled, constrained basis of the structured field; see `structure`."""
    made = structure(graph, international_weight=international_weight, country=country)
    precision, component = made.precision, made.component
    n = precision.shape[0]
    columns: list[FloatArray] = []
    island = np.zeros(n, dtype=bool)
    scale = np.ones(n)
    for label in np.unique(component):
        members = np.flatnonzero(component == label)
        if len(members) == 1:
            island[members] = True
            continue
        own, scale[members] = _component_basis(
            precision[members][:, members].toarray(), made.group[members]
        )
        block = np.zeros((n, own.shape[1]))
        block[members] = own
        columns.append(block)
    basis = np.hstack(columns) if columns else np.zeros((n, 0))
    return FieldBasis(basis, island, component, scale)


def component_modes(
    precision: FloatArray, group: NDArray[np.intp]
) -> tuple[FloatArray, FloatArray]:
    """Return variances and orthonormal vectors of the field of one component.

    The first vectors, as many as there are groups, span what is constant in each group; their
    variance is zero. The others sum to zero in every group.
    """
    _, number = np.unique(group, return_inverse=True)
    size = np.bincount(number)
    if len(size) > 1:
        constant = np.eye(len(size))[number] / np.sqrt(size)[number][:, None]
        centre = np.eye(len(group)) - constant @ constant.T
        precision = centre @ precision @ centre
    values, vectors = eigh(precision)
    return np.concatenate([np.zeros(len(size)), 1 / values[len(size) :]]), vectors


def _component_basis(precision: FloatArray, group: NDArray[np.intp]) -> tuple[FloatArray, float]:
    variance, vectors = component_modes(precision, group)
    free = variance > 0
    basis = vectors[:, free] * np.sqrt(variance[free])
    scale = float(np.exp(np.log((basis**2).sum(axis=1)).mean()))
    scaled = basis / np.sqrt(scale)
    # An eigenvector's sign is arbitrary: fix it, so that a seed means the same field.
    largest = np.abs(scaled).argmax(axis=0)
    result: FloatArray = scaled * np.sign(scaled[largest, np.arange(scaled.shape[1])])
    return result, scale
