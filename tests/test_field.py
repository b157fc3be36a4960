"""The constrained, scaled basis of the spatial field against a dense generalised inverse."""

import numpy as np
import pandas as pd
import pytest

from threatkit.geo.graph import Graph
from threatkit.model import sparsefield
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


def border_graph() -> tuple[Graph, np.ndarray]:
    """Three countries in one component, the third with one district, and a fourth apart."""
    _, left = lattice(4, 4, countries=2)
    first = left.districts
    more = pd.DataFrame(
        {
            "a": [first[15], "E1", "E2"],
            "b": ["S1", "E2", "E3"],
            "border_km": 5.0,
            "international": [True, False, False],
        }
    )
    edges = pd.concat([left.edges, more]).sort_values(["a", "b"], ignore_index=True)
    graph = Graph((*first, "S1", "E1", "E2", "E3", "I1"), edges)
    crossing = left.edges[left.edges["international"]]
    assert len(crossing) == 4
    country = np.zeros(21, dtype=np.intp)
    inland = left.edges[~left.edges["international"]]
    country[:16] = Graph(first, inland).components()
    country[16:] = [2, 3, 3, 3, 3]
    return graph, country


def dense_inverse(precision: np.ndarray, group: np.ndarray) -> np.ndarray:
    """The generalised inverse of the precision among vectors that sum to zero in each group."""
    labels = np.unique(group)
    sums = np.array([(group == label).astype(float) for label in labels])
    centre = np.eye(len(group)) - np.linalg.pinv(sums) @ sums
    inverse = np.linalg.pinv(centre @ precision @ centre, rcond=1e-9)
    return inverse / np.exp(np.log(np.diag(inverse)).mean())


@pytest.mark.parametrize("weight", [1.0, 0.1, 0.01])
@pytest.mark.parametrize("centred", [False, True])
def test_an_international_edge_against_a_dense_generalised_inverse(
    weight: float, centred: bool
) -> None:
    graph, country = border_graph()
    made = field_basis(graph, international_weight=weight, country=country if centred else None)
    covariance = made.basis @ made.basis.T
    precision = laplacian(graph, international_weight=weight).toarray()
    main = np.arange(16 if centred else 17)
    if centred:  # the district alone in its country is an island
        precision[15, 15] -= weight
        assert made.island.tolist() == [False] * 16 + [True] + [False] * 3 + [True]
    parts = country[main] if centred else np.zeros(17)
    for members, group in ((main, parts), (np.arange(17, 20), np.zeros(3))):
        block = np.ix_(members, members)
        expected = dense_inverse(precision[block], group)
        np.testing.assert_allclose(covariance[block], expected, atol=1e-8)
    if centred:
        for label in (0, 1, 3):
            np.testing.assert_allclose(made.basis[country == label].sum(axis=0), 0, atol=1e-10)


@pytest.mark.parametrize("weight", [0.5, 0.01, 0.0])
@pytest.mark.parametrize("largest", [0, 1200], ids=["sparse", "dense"])
def test_both_engines_have_the_same_centred_field(
    weight: float, largest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, country = border_graph()
    monkeypatch.setattr(sparsefield, "LARGEST_DENSE", largest)
    made = sparsefield.make_field(graph, international_weight=weight, country=country)
    exact = field_basis(graph, international_weight=weight, country=country)
    for mixing in (0.3, 0.9):
        unit = np.eye(made.size)
        share = np.full(made.size, mixing)
        field = made.forward(unit, share)
        own = np.where(exact.island, 1.0, 1 - mixing)
        expected = mixing * exact.basis @ exact.basis.T + np.diag(own)
        np.testing.assert_allclose(field @ field.T, expected, atol=1e-8)
        grad = np.random.default_rng(1).standard_normal((len(country), 1))
        e = np.ones((made.size, 1))
        back, _ = made.backward(grad, e, np.array([mixing]))
        np.testing.assert_allclose(back[:, 0], field.T @ grad[:, 0], atol=1e-8)


def test_a_light_border_leaves_the_level_of_a_country_to_its_effect() -> None:
    graph, country = border_graph()
    loose = field_basis(graph, international_weight=0.01).basis
    held = field_basis(graph, international_weight=0.01, country=country).basis
    one = country[:17] == 0

    def of_levels(basis: np.ndarray) -> float:
        return float((basis[:17][one].mean(axis=0) ** 2).sum())

    assert of_levels(loose) > 0.5
    assert of_levels(held) == pytest.approx(0.0, abs=1e-12)


def test_covariance_is_the_scaled_generalised_inverse_of_each_component() -> None:
    graph = two_components_and_an_island()
    field = field_basis(graph)
    precision = laplacian(graph).toarray()
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
