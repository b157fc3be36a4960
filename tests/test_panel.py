"""The panel: units that do not matter, history that decays, exposure that ends."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from threatkit.data.grades import error_sd
from threatkit.model.panel import (
    FEWEST_AREAS,
    HISTORY_YEARS,
    afghan_deviation,
    covered_part,
    latest_values,
    measurements,
    memory,
    neighbour_mean,
    standardise,
)
from threatkit.model.simulate import lattice

VALUES = np.array([3.0, 8.0, 1.5, 12.0, 7.0])
AS_OF = date(2026, 4, 30)


@given(st.floats(0.001, 1000), st.sampled_from(["identity", "log", "log1p"]))
def test_the_unit_of_an_indicator_changes_nothing(factor: float, transform: str) -> None:
    one = standardise(VALUES, transform, higher_is_worse=True)
    other = standardise(VALUES * factor, transform, higher_is_worse=True)
    np.testing.assert_allclose(one, other, atol=1e-9)


def test_standardised_values_point_to_worse() -> None:
    x = standardise(VALUES, "identity", higher_is_worse=True)
    assert x.mean() == pytest.approx(0, abs=1e-12)
    assert x.std() == pytest.approx(1)
    np.testing.assert_allclose(standardise(VALUES, "identity", higher_is_worse=False), -x)
    np.testing.assert_array_equal(standardise(np.ones(4), "log", higher_is_worse=True), np.zeros(4))


def test_a_worse_grade_and_a_greater_age_mean_a_larger_error() -> None:
    grades = pd.Series(["A", "A", "C", "F"])
    items = pd.Series([1, 1, 3, 6])
    age = pd.Series([0.0, 10.0, 0.0, 0.0])
    new, old, press, unknown = error_sd(grades, items, age)
    assert new < old
    assert new < press < unknown < error_sd(pd.Series(["E"]), pd.Series([5]), pd.Series([0.0]))[0]


def table() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    districts, _ = lattice(4, 4)
    districts["population"] = 100_000.0
    rows = [
        ("adm1", code, "rate", period, value)
        for code, value in zip(
            sorted(districts["oblast"].unique()), [4.0, 5.0, 9.0, 2.0], strict=True
        )
        for period in ("2020", "2024")
    ]
    rows.append(("adm1", "C00-O0000", "rate", "2026", 50.0))
    rows += [("adm0", code, "few", "2024", 1.0) for code in ("C00", "C01")]
    rows += [("adm0", code, "counted", "2024", 30.0) for code in ("C00", "C01")]
    rows.append(("adm1", "C00-O0000", "counted", "2024", 30.0))
    values = pd.DataFrame(rows, columns=["area_level", "area_code", "indicator", "period", "value"])
    values = values.assign(reliability="B", credibility=2, source_id="s", file="f", row=2)
    definitions = pd.DataFrame(
        {
            "pillar": ["youth", "youth", "extremism", "youth"],
            "direction": "higher_is_worse",
            "definition": ["survey", "survey", "press", "survey"],
            "measure": ["rate", "rate", "count", "rate"],
            "per": ["", "", "population", ""],
            "transform": "identity",
            "use": [True, True, True, False],
        },
        index=pd.Index(["rate", "few", "counted", "extra"], name="indicator"),
    )
    return values, definitions, districts


def test_the_newest_value_known_at_the_assessment_is_taken() -> None:
    values, definitions, _ = table()
    newest = latest_values(values, definitions, AS_OF).set_index(["indicator", "area_code"])
    assert newest.loc[("rate", "C00-O0000"), "period"] == "2024"
    assert newest.loc[("rate", "C00-O0000"), "age_years"] == pytest.approx(1.33, abs=0.01)


def test_indicators_are_used_or_the_reason_is_given() -> None:
    values, definitions, districts = table()
    measured, fixed, unused = measurements(values, definitions, districts, AS_OF)
    assert set(measured.table["indicator"]) == {"rate", "counted"}
    reasons = dict(unused.itertuples(index=False))
    assert reasons["extra"] == "information only"
    assert str(FEWEST_AREAS) in reasons["few"]
    assert not fixed
    np.testing.assert_allclose(measured.weights.sum(axis=1), 1.0)
    counted = measured.table[measured.table["indicator"] == "counted"]
    assert counted["count"].tolist() == [30.0] * 3
    assert counted["people"].tolist() == [8.0, 8.0, 4.0]


def test_a_geometric_indicator_is_a_fixed_part_of_its_pillar() -> None:
    values, definitions, districts = table()
    distance = pd.DataFrame(
        {
            "area_level": "adm2",
            "area_code": districts.index,
            "indicator": "distance",
            "period": "2025",
            "value": np.arange(len(districts), dtype=float),
            "reliability": "A",
            "credibility": 1,
        }
    )
    definitions.loc["distance"] = [
        *("border", "higher_is_better", "geometry", "distance", "", "identity", True)
    ]
    both = pd.concat([values, distance])
    _, fixed, _ = measurements(both, definitions, districts, AS_OF)
    assert fixed["border"][0] == fixed["border"].max()
    assert fixed["border"].std() == pytest.approx(1)


def test_memory_decays_and_looks_only_back() -> None:
    past = pd.DataFrame(
        {
            "district": ["A", "A"],
            "start": [date(2020, 1, 1), date(2025, 7, 1)],
            "weight": [1.0, 0.5],
        }
    )
    held = memory(past, ["A", "B"], np.array([2020, 2021, 2026]), AS_OF)
    assert held.shape == (2, 4)
    assert held[0, 0] == 0.0  # an episode is no history of its own day
    assert held[0, 1] == pytest.approx(np.exp(-1 / HISTORY_YEARS), rel=0.01)
    assert held[0, 3] > held[0, 1] * 0.5
    assert not held[1].any()


def test_neighbours_count_by_length_of_border() -> None:
    _, graph = lattice(1, 3, countries=1)
    edges = graph.edges.assign(border_km=[30.0, 10.0])
    graph = type(graph)(graph.districts, edges)
    mean = neighbour_mean(graph, np.array([[4.0], [0.0], [8.0]]))
    np.testing.assert_allclose(mean[:, 0], [0.0, 5.0, 0.0])


def test_the_afghan_side_is_unknown_after_its_source_ends() -> None:
    side = pd.DataFrame(
        {"district": ["A", "A"], "period": [2018, 2019], "band_km": [150, 150], "events": [9, 0]}
    )
    moved = afghan_deviation(side, ["A", "B"], np.arange(2018, 2026), last_year=2020)
    assert moved.shape == (2, 9)
    assert moved[0, 1] > 0 > moved[0, 0]
    assert (moved[:, 4:] == 0).all()
    assert not moved[1].any()


@pytest.mark.parametrize(
    ("year", "part"), [(2024, 1.0), (2025, 1.0), (2026, 120 / 365), (2027, 0.0)]
)
def test_a_year_counts_up_to_the_assessment(year: int, part: float) -> None:
    assert covered_part(year, AS_OF) == pytest.approx(part)
