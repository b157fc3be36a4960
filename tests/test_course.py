"""Effects that move over time: their blocks, both engines' terms, what they forecast."""

from dataclasses import replace

import numpy as np
import pymc as pm
import pytest
import xarray as xr

from threatkit.config import parse_config
from threatkit.errors import InvalidInput
from threatkit.model import build as graph
from threatkit.model.coordinates import Layout, Values
from threatkit.model.course import blocks, exposure_years, log_exposure, movement_ahead, movements
from threatkit.model.density import Density
from threatkit.model.exposure import Exposure
from threatkit.model.forecast import forecast
from threatkit.model.priors import Prior
from threatkit.model.simulate import Simulated, simulate_panel
from threatkit.model.spec import ModelSpec, Priors

FIXED = Priors(
    year_sd=Prior("fixed", (0.4,)),
    region_year_sd=Prior("fixed", (0.3,)),
    region_year_persistence=Prior("fixed", (0.6,)),
    place_epoch_sd=Prior("fixed", (0.8,)),
    place_epoch_persistence=Prior("fixed", (0.7,)),
)


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    return simulate_panel(rows=4, columns=6, years=10, seed=11)


@pytest.fixture(scope="module")
def moving(simulated: Simulated) -> ModelSpec:
    return ModelSpec(
        simulated.panel,
        pillars=(),
        region_years="country",
        moving_place="oblast",
        epoch_years=4,
        history=False,
        spillover=False,
    )


def test_without_moving_effects_a_block_is_a_country(simulated: Simulated) -> None:
    spec = ModelSpec(simulated.panel, pillars=("youth",))
    held = blocks(spec)
    np.testing.assert_array_equal(held.of, simulated.panel.country_of)
    np.testing.assert_array_equal(held.country, np.arange(2))
    assert movements(spec) == ()


def test_epochs_end_with_the_last_year(moving: ModelSpec) -> None:
    region, place = movements(moving)
    assert place.starts == (2013, 2017, 2021)
    np.testing.assert_array_equal(place.epoch_of, [0, 0, 1, 1, 1, 1, 2, 2, 2, 2])
    assert [place.ahead(year) for year in (2024, 2025, 2028, 2029)] == [0, 1, 1, 2]
    assert [region.ahead(year) for year in (2024, 2025, 2028)] == [0, 1, 4]
    held = blocks(moving)
    np.testing.assert_array_equal(held.groups[1][held.of], moving.panel.oblast_of)
    np.testing.assert_array_equal(held.country[held.of], moving.panel.country_of)


def test_declared_groups_leave_a_rest(moving: ModelSpec) -> None:
    first = moving.panel.oblasts[0]
    spec = replace(moving, region_years="groups", groups={"valley": (first,)})
    (term, _) = movements(spec)
    assert term.groups == ("valley", "rest")
    np.testing.assert_array_equal(term.of == 0, moving.panel.districts["oblast"] == first)


def test_groups_that_overlap_or_hold_nothing_are_refused(moving: ModelSpec) -> None:
    first = moving.panel.oblasts[0]
    groups = {"one": (first,), "two": (moving.panel.countries[0], "XX-Y")}
    with pytest.raises(InvalidInput) as caught:
        replace(moving, region_years="groups", groups=groups)
    told = " ".join(str(fault) for fault in caught.value.faults)
    assert "'XX-Y'" in told
    assert "a district is in one group only" in told


def test_the_configuration_names_groups_and_comes_back() -> None:
    model = {
        "region_years": "groups",
        "groups": {"valley": ["fergana"], "Panj": ["TJ-KT"]},
        "moving_place": "oblast",
        "epoch_years": 5,
    }
    config = parse_config({"model": model})
    assert config.model.groups == {"valley": ("fergana",), "Panj": ("TJ-KT",)}
    assert parse_config(config.as_dict()) == config
    with pytest.raises(InvalidInput, match="at least one area"):
        parse_config({"model": {"groups": {"valley": "fergana"}}})


@pytest.mark.parametrize("year_effect", ["white", "walk"])
def test_both_engines_have_the_same_factors_of_a_year(moving: ModelSpec, year_effect: str) -> None:
    """With the same news, PyMC's graph and the terms by hand give the same numbers."""
    spec = replace(moving, priors=FIXED, year_effect=year_effect)
    with pm.Model(coords=graph.movement_coords(spec) | {"period": spec.panel.periods}) as model:
        total = graph._log_exposure(spec)
    raws = list(model.free_RVs)
    *drawn, theirs = pm.draw([*raws, total], random_seed=3, mode="FAST_COMPILE")
    layout = Layout()
    ours = Exposure(spec, layout)
    point = np.zeros((layout.size, 1))
    for variable, value in zip(raws, drawn, strict=True):
        name = variable.name
        basis = {
            "year_raw": ours._year_basis if year_effect == "white" else None,
            **{f"{one.name}_raw": one._basis for one in ours._moving},
        }.get(name)
        flat = value if basis is None else value @ basis
        point[layout.slots[name.replace("steps", "raw")], 0] = np.ravel(flat)
    ours_total = ours.forward(Values(layout, point))
    np.testing.assert_allclose(ours_total.reshape(theirs.shape), theirs, atol=1e-9)


def test_the_gradient_is_the_derivative_of_the_density(moving: ModelSpec) -> None:
    for spec in (moving, replace(moving, likelihood="nb2", region_years="none", history=True)):
        density = Density(spec)
        rng = np.random.default_rng(3)
        point = 0.4 * rng.standard_normal((density.size, 3))
        _, grad = density(point)
        for rows in density.layout.slots.values():
            along = np.zeros_like(point)
            along[rows] = rng.standard_normal(along[rows].shape)
            up, down = density(point + 1e-5 * along)[0], density(point - 1e-5 * along)[0]
            np.testing.assert_allclose((grad * along).sum(axis=0), (up - down) / 2e-5, atol=2e-4)


def course_draws(spec: ModelSpec, size: int) -> xr.Dataset:
    """Draws in which the last epoch stands at a known level, and nothing else moves."""
    panel = spec.panel
    region, place = movements(spec)
    level = np.linspace(-1, 1, len(place.groups))
    seen = np.zeros((1, size, len(place.starts), len(place.groups)))
    seen[:, :, -1] = level
    zeros = np.zeros((1, size, len(panel.districts)))
    dims = ("chain", "draw", "district")
    return xr.Dataset(
        {
            "eta": (dims, zeros - 3.0),
            "part_space": (dims, zeros),
            "part_country": (dims, zeros),
            "part_people": (dims, zeros),
            "dispersion": (("chain", "draw"), np.full((1, size), 0.3)),
            "place_epoch": (("chain", "draw", "start", "group"), seen),
            "region_year": (
                ("chain", "draw", "start2", "group2"),
                np.zeros((1, size, len(region.starts), len(region.groups))),
            ),
        }
    )


def test_epochs_to_come_go_on_by_the_law_of_the_fitted_ones(moving: ModelSpec) -> None:
    """One epoch on, an effect keeps 0.7 of itself and has the variance of its news."""
    priors = replace(FIXED, region_year_sd=Prior("fixed", (1e-9,)))
    spec = replace(moving, priors=priors)
    draws = course_draws(spec, 4000)
    ahead = movement_ahead(spec, draws, [2024, 2025, 2029], np.random.default_rng(1))
    _, place = movements(spec)
    level = np.linspace(-1, 1, len(place.groups))[place.of]
    np.testing.assert_allclose(ahead[2024], np.broadcast_to(level, ahead[2024].shape), atol=1e-6)
    np.testing.assert_allclose(ahead[2025].mean(axis=0), 0.7 * level, atol=0.06)
    np.testing.assert_allclose(ahead[2029].mean(axis=0), 0.49 * level, atol=0.06)
    share = 1 - 1 / len(place.groups)
    wanted = 0.8**2 * (1 - 0.7**2) * share
    np.testing.assert_allclose(ahead[2025].var(axis=0), wanted, rtol=0.12)


def test_the_parts_of_a_forecast_add_up_with_what_moves(moving: ModelSpec) -> None:
    spec = replace(moving, priors=FIXED)
    draws = course_draws(spec, 50)
    made = forecast(spec, draws, seed=4)
    assert "change" in made.parts
    gap = np.log(made.expected) - sum(made.parts.values())
    np.testing.assert_allclose(gap, np.broadcast_to(gap[:, :1], gap.shape), atol=1e-9)
    assert made.parts["change"].mean(axis=0)[0] < 0 < made.parts["change"].mean(axis=0)[-1]


def test_the_factors_of_draws_are_those_of_the_fit(moving: ModelSpec) -> None:
    draws = course_draws(moving, 3)
    _, place = movements(moving)
    total = log_exposure(moving, draws)
    held = blocks(moving)
    level = np.linspace(-1, 1, len(place.groups))[held.groups[1]]
    np.testing.assert_allclose(total[0, :, -4:], np.repeat(level[:, None], 4, axis=1))
    np.testing.assert_allclose(total[0, :, :6], 0)


def partly_covered(spec: ModelSpec) -> ModelSpec:
    panel = spec.panel
    regime = panel.regime.copy()
    regime[0, 4:] = 1
    return replace(
        spec, panel=replace(panel, regime=regime, regimes=("curated", "curated_partial"))
    )


def test_a_partly_covered_year_counts_in_part(moving: ModelSpec) -> None:
    spec = partly_covered(moving)
    years = exposure_years(spec)
    inside = blocks(spec).country == 0
    np.testing.assert_allclose(years[inside, 4:], 0.5)
    np.testing.assert_allclose(years[~inside], 1.0)
    np.testing.assert_allclose(exposure_years(replace(spec, detection=True)), 1.0)
    with pytest.raises(InvalidInput, match="at most 1"):
        replace(spec, partial_coverage=1.5)


def test_the_stated_part_is_a_level_of_detection_that_is_known(moving: ModelSpec) -> None:
    """Half of the exposure and detection fixed at log(1/2) are one model, in both engines."""
    stated = partly_covered(moving)
    known = Prior("fixed", (float(np.log(0.5)),))
    fixed = replace(stated, detection=True, priors=Priors(detection_curated_partial=known))
    point = 0.3 * np.random.default_rng(2).standard_normal((Density(stated).size, 2))
    for one, other in zip(Density(stated)(point), Density(fixed)(point), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)
    eta = np.random.default_rng(3).normal(-3, 1, len(stated.panel.districts))
    zeros = np.zeros_like(exposure_years(stated))
    level = np.where(exposure_years(stated) < 1, np.log(0.5), 0.0)
    dispersion = Priors(dispersion=Prior("fixed", (0.4,)))
    told = [
        float(graph.outcome_logp(replace(spec, priors=dispersion), eta, factors, []).eval())
        for spec, factors in ((stated, zeros), (fixed, level))
    ]
    assert told[0] == pytest.approx(told[1], rel=1e-9)
