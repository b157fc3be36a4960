"""The constrained, scaled basis of the spatial field against a dense generalised inverse."""

import numpy as np
import pandas as pd
import pytest

from threatkit.geo.graph import Graph
from threatkit.model.field import field_basis, laplacian
from threatkit.model.simulate import lattice


def two_components_and_an_island() -> Graph:
    _, left = lattice(3, 3)
    codes = [*left.districts, "E1", "E2", "E3", "I1"]
    more = pd.DataFrame(
        {"a": ["E1", "E2"], "b": ["E2", "E3"], "border_km": 5.0, "international": False}
    )
    edges = pd.concat([left.edges, more]).sort_values(["a", "b"], ignore_index=True)
    return Graph(tuple(codes), edges)


@pytest.mark.parametrize("weight", [1.0, 0.1])
def test_covariance_is_the_scaled_generalised_inverse_of_each_component(weight: float) -> None:
    graph = two_components_and_an_island()
    field = field_basis(graph, international_weight=weight)
    precision = laplacian(graph, international_weight=weight).toarray()
    covariance = field.basis @ field.basis.T
    for members in (slice(0, 9), slice(9, 12)):
        inverse = np.linalg.pinv(precision[members, members])
        scale = np.exp(np.log(np.diag(inverse)).mean())
        np.testing.assert_allclose(covariance[members, members], inverse / scale, atol=1e-10)
        assert np.exp(np.log(np.diag(covariance)[members]).mean()) == pytest.approx(1.0)


def test_the_field_sums_to_zero_in_each_component() -> None:
    field = field_basis(two_components_and_an_island())
    for label in np.unique(field.component):
        np.testing.assert_allclose(field.basis[field.component == label].sum(axis=0), 0, atol=1e-10)


def test_an_island_has_no_structured_part() -> None:
    field = field_basis(two_components_and_an_island())
    assert field.island.tolist() == [False] * 12 + [True]
    assert not field.basis[12].any()


def test_a_lighter_border_parts_two_countries() -> None:
    _, graph = lattice(4, 4, countries=2)
    near, far = 1, 2  # neighbours across the border
    joined = field_basis(graph).basis
    parted = field_basis(graph, international_weight=0.01).basis

    def correlation(basis: np.ndarray) -> float:
        cov = basis @ basis.T
        return float(cov[near, far] / np.sqrt(cov[near, near] * cov[far, far]))

    assert correlation(parted) < correlation(joined)
