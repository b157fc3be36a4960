"""The panel of the shipped data: what is known at an assessment, and nothing later."""

from datetime import date
from functools import cache

import numpy as np
import pandas as pd
import pytest

from threatkit.config import DEFAULT_EVENT_TYPES, Config, Judgement
from threatkit.data.catalogue import Catalogue, load_catalogue
from threatkit.errors import InvalidInput
from threatkit.geo.boundaries import load_boundaries
from threatkit.geo.graph import Graph, build_graph
from threatkit.inputs import load_inputs, make_spec
from threatkit.model.assemble import Outcome, assemble, covered_years, population_scale
from threatkit.model.panel import Panel
from threatkit.record import finite


@cache
def inputs() -> tuple[Catalogue, Graph]:
    catalogue = load_catalogue()
    return catalogue, build_graph(load_boundaries(codes=catalogue.districts.index))


@cache
def panel(as_of: date | None = None) -> Panel:
    return assemble(*inputs(), Outcome(DEFAULT_EVENT_TYPES, as_of=as_of))


def test_every_unit_with_an_outline_is_in_the_panel() -> None:
    full = panel()
    assert tuple(full.districts.index) == full.graph.districts
    assert full.countries == ("KAZ", "KGZ", "TJK", "TKM", "UZB")
    for code in ("KG-GB-bishkek", "KG-GO-osh", "TJ-DU-dushanbe", "KZ-71-astana"):
        assert full.districts.loc[code, "population"] > 200_000


def test_the_pillars_have_what_they_need() -> None:
    full = panel()
    assert set(full.fixed) == {"border"}
    assert set(full.measurements.table["pillar"]) == {"youth", "extremism"}
    order = pd.Series(full.fixed["border"], index=full.districts.index).sort_values()
    assert {"TJ-KT-panj", "UZ-SU-termiz", "TJ-GB-ishkoshim"} <= set(order.index[-22:])
    assert order.index[0].startswith("KZ-")
    np.testing.assert_allclose(full.measurements.weights.sum(axis=1), 1.0)


def test_weights_of_every_cell_sum_to_one() -> None:
    cells = panel().cells
    total = cells.groupby(["district", "period"])["weight"].sum()
    np.testing.assert_allclose(total, 1.0)
    assert cells["count"].ge(0).all()


def test_nothing_later_than_the_assessment_is_known() -> None:
    early, late = panel(date(2019, 6, 30)), panel()
    assert early.periods[-1] == 2019
    shared = early.periods[:-1]
    for year in (2010, 2018):
        one = early.cells[early.cells["period"] == year - 2005]
        other = late.cells[late.cells["period"] == year - 2005]
        assert (one["count"] * one["weight"]).sum() == pytest.approx(
            (other["count"] * other["weight"]).sum()
        )
    np.testing.assert_allclose(early.history[:, : len(shared)], late.history[:, : len(shared)])
    part = early.exposure_years[:, -1] / late.exposure_years[:, early.periods[-1] - 2005]
    assert (part < 0.6).all()
    newest = pd.to_numeric(early.measurements.table["period"].str[:4])
    assert newest.max() <= 2019


def test_an_assessment_before_the_data_says_where_they_begin() -> None:
    with pytest.raises(InvalidInput, match="a source covers some country"):
        assemble(*inputs(), Outcome(DEFAULT_EVENT_TYPES, start_year=1985, as_of=date(1986, 1, 1)))


def test_fewer_types_mean_fewer_episodes() -> None:
    few = assemble(*inputs(), Outcome(("border_clash",)))
    dead = assemble(*inputs(), Outcome(DEFAULT_EVENT_TYPES, require_death=True))
    whole = panel().cells

    def episodes(cells: pd.DataFrame) -> float:
        return float((cells["count"] * cells["weight"]).sum())

    assert 0 < episodes(few.cells) < episodes(whole)
    assert 0 < episodes(dead.cells) < episodes(whole)


def test_uncovered_years_have_no_exposure() -> None:
    coverage = pd.DataFrame(
        {
            "source": "curated",
            "country": "KGZ",
            "period": [2024, 2025, 2026],
            "coverage": ["covered", "none", "partial"],
            "from": ["2024-01-01", None, "2026-01-01"],
            "until": ["2024-12-31", None, "2026-04-30"],
        }
    )
    part = covered_years(coverage, ["KGZ", "TJK"], np.array([2024, 2025, 2026]), date(2026, 2, 28))
    np.testing.assert_allclose(part, [[1, 0, 59 / 365], [0, 0, 0]])


def test_people_of_a_past_year_are_fewer_where_a_country_grew() -> None:
    catalogue, _ = inputs()
    scale = population_scale(catalogue, ["TJK", "XXX"], np.array([2005, 2015]), date(2026, 4, 30))
    # World Bank: 6.92 million in 2005, 8.64 in 2015, growth of 2 in 100 a year to 10.59 in 2024
    assert scale[0, 1] / scale[0, 0] == pytest.approx(8_643_840 / 6_924_720, rel=0.01)
    assert 0.55 < scale[0, 0] < 0.65
    assert scale[1].tolist() == [1.0, 1.0]


def test_an_assessment_long_after_the_sources_end_is_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(InvalidInput, match="at most 366 days after the last day"):
        assemble(*inputs(), Outcome(DEFAULT_EVENT_TYPES, as_of=date(2028, 1, 1)))
    assert panel(date(2026, 8, 31)).as_of == date(2026, 8, 31)
    assert "no source covers the 123 days" in caplog.text


def test_faults_of_region_priors_and_judgements_come_at_once() -> None:
    judgement = Judgement(
        area="KG-X",
        factor=0.5,
        factor_sd=0.1,
        reason="a treaty",
        role="analyst",
        valid_from=date(2025, 1, 1),
        valid_until=date(2027, 1, 1),
    )
    config = Config(region="KG-Z", priors={"field_sd": "normal(0, 1)"}, judgements=(judgement,))
    with pytest.raises(InvalidInput) as caught:
        make_spec(config, load_inputs(config))
    assert [fault.where.split()[0] for fault in caught.value.faults] == [
        *("region", "[priors]", "judgement")
    ]


def test_a_record_holds_no_number_that_json_cannot() -> None:
    given = {"a": [1.0, float("nan")], "b": {"c": float("inf"), "d": 2, "e": "text"}}
    assert finite(given) == {"a": [1.0, None], "b": {"c": None, "d": 2, "e": "text"}}
