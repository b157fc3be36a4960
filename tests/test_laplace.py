"""The fast engine: its density, its field, its agreement with nuts, its refusals."""

from dataclasses import replace
from typing import cast

import numpy as np
import pytensor.tensor as pt
import pytest
from scipy.special import gammaln

from threatkit.errors import GateNotMet
from threatkit.model import sparsefield
from threatkit.model.build import build, outcome_logp
from threatkit.model.centring import Centring
from threatkit.model.coordinates import move
from threatkit.model.density import Density, zero_sum_basis
from threatkit.model.ensemble import Moves
from threatkit.model.error import Shape, drift, effective, measure
from threatkit.model.field import field_basis
from threatkit.model.fit import Fit, Sampling, fit, stored
from threatkit.model.forecast import flat
from threatkit.model.information import information
from threatkit.model.laplace import laplace_fit
from threatkit.model.mode import Gaussian, averaged, find_mode, laplace
from threatkit.model.outcome import Outcome
from threatkit.model.priors import Prior
from threatkit.model.simulate import Simulated, lattice, simulate_panel
from threatkit.model.spec import ModelSpec, Priors
from threatkit.model.whitening import Chosen, Direct, Reference, Whitened
from threatkit.scores import score


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    return simulate_panel(rows=6, columns=6, years=10, seed=11)


@pytest.fixture(scope="module")
def spec(simulated: Simulated) -> ModelSpec:
    return ModelSpec(simulated.panel, pillars=("youth",))


@pytest.fixture(scope="module")
def fitted(spec: ModelSpec) -> Fit:
    return laplace_fit(spec, seed=1)


@pytest.mark.parametrize(
    "prior",
    [
        Prior("normal", (-4.0, 2.0)),
        Prior("lognormal", (0.0, 0.5)),
        Prior("half_normal", (0.5,)),
        Prior("exponential", (1.5,)),
        Prior("pc", (3.0, 0.01)),
        Prior("gamma", (2.0, 0.5)),
        Prior("beta", (2.0, 1.0)),
    ],
    ids=str,
)
def test_a_coordinate_carries_its_prior(prior: Prior) -> None:
    """Integrated over the coordinate, a prior has its mass and sd; slopes are derivatives."""
    u = np.linspace(-12, 8, 40001)
    moved = move(prior, u)
    weight = np.exp(moved.logp - moved.logp.max())
    weight /= weight.sum()
    mean = weight @ moved.value
    assert np.sqrt(weight @ (moved.value - mean) ** 2) == pytest.approx(prior.sd, rel=2e-3)
    np.testing.assert_allclose(np.gradient(moved.value, u)[1:-1], moved.slope[1:-1], atol=1e-4)
    np.testing.assert_allclose(np.gradient(moved.logp, u)[1:-1], moved.grad[1:-1], atol=1e-2)


def test_a_zero_sum_basis_is_orthonormal_and_sums_to_zero() -> None:
    basis = zero_sum_basis(5)
    np.testing.assert_allclose(basis.T @ basis, np.eye(4), atol=1e-12)
    np.testing.assert_allclose(basis.sum(axis=0), 0, atol=1e-12)
    assert zero_sum_basis(1).shape == (1, 0)


@pytest.mark.parametrize("mixing", [0.0, 0.6, 1.0])
def test_dense_and_sparse_field_have_the_covariance_of_the_exact_one(
    mixing: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, graph = lattice(4, 5)
    # Cut off a corner as an island, so that there are two components.
    alone = graph.districts[0]
    edges = graph.edges[(graph.edges["a"] != alone) & (graph.edges["b"] != alone)]
    graph = replace(graph, edges=edges.reset_index(drop=True))
    exact = field_basis(graph)
    own = np.where(exact.island, 1.0, 1 - mixing)
    wanted = mixing * exact.basis @ exact.basis.T + np.diag(own)
    for largest in (100, 0):
        monkeypatch.setattr(sparsefield, "LARGEST_DENSE", largest)
        made = sparsefield.make_field(graph)
        unit = np.eye(made.size)
        at = np.full(made.size, mixing)
        matrix = made.forward(unit, at)
        np.testing.assert_allclose(matrix @ matrix.T, wanted, atol=1e-5)
        back, _ = made.backward(np.eye(20), np.zeros((made.size, 20)), np.full(20, mixing))
        np.testing.assert_allclose(back, matrix.T, atol=1e-8)


def variants(spec: ModelSpec) -> list[ModelSpec]:
    """Every likelihood and term once."""
    panel = spec.panel
    table = panel.districts.assign(population_log_sd=np.where(np.arange(36) < 3, 0.3, 0.0))
    rough = replace(panel, districts=table)
    counted = panel.measurements.table.copy()
    counted.loc[:3, "count"] = [3.0, 0.0, 12.0, 5.0]
    counted.loc[:3, "expected"] = [4.0, 3.0, 2.0, 5.0]
    counts = replace(panel, measurements=replace(panel.measurements, table=counted))
    return [
        spec,
        replace(spec, likelihood="nb2", spillover=False),
        replace(spec, likelihood="poisson", year_effect="walk", history=False, spillover=False),
        replace(spec, likelihood="bernoulli", pillars=(), year_effect="none"),
        replace(spec, panel=rough, priors=Priors(population_power=Prior("normal", (1.0, 0.3)))),
        replace(spec, panel=counts, priors=Priors(field_mixing=Prior("fixed", (0.5,)))),
    ]


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("largest", [100, 0, -1], ids=["dense", "sparse", "whitened"])
def test_the_gradient_is_the_derivative_of_the_density(
    spec: ModelSpec, number: int, largest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sparsefield, "LARGEST_DENSE", largest)
    density = Density(variants(spec)[number])
    rng = np.random.default_rng(3)
    if largest < 0:
        found = Reference(rng.uniform(0, 3, 36), rng.standard_normal(36), 0.8, 0.6)
        whitened = Whitened(cast(sparsefield.SparseField, density._field), found)
        count = density.layout.slots.get("year_raw", slice(0, 0))
        length = count.stop - count.start
        years = Centring(rng.uniform(0, 9, length), rng.standard_normal(length)) if length else None
        density = Density(density.spec, centring=Chosen(whitened, density.spec.pillars, years))
    elif number % 2:
        at = density.layout.slots["field"]
        count = density._field.own.stop - density._field.own.start
        known = Centring(rng.uniform(0, 3, count), rng.standard_normal(count))
        density = Density(density.spec, centring=Chosen(known, density.spec.pillars))
        assert at == density.layout.slots["field"]
    point = 0.4 * rng.standard_normal((density.size, 3))
    _, grad = density(point)
    for rows in density.layout.slots.values():
        along = np.zeros_like(point)
        along[rows] = rng.standard_normal(along[rows].shape)
        up, down = density(point + 1e-5 * along)[0], density(point - 1e-5 * along)[0]
        np.testing.assert_allclose((grad * along).sum(axis=0), (up - down) / 2e-5, atol=2e-4)


@pytest.mark.parametrize("weight", [1.0, 0.3], ids=["components", "countries"])
def test_a_whitened_field_has_its_prior_and_normal_data_make_it_round(
    weight: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, graph = lattice(4, 5)
    alone = graph.districts[0]
    edges = graph.edges[(graph.edges["a"] != alone) & (graph.edges["b"] != alone)]
    graph = replace(graph, edges=edges.reset_index(drop=True))
    country = np.repeat([0, 1], 10) if weight < 1 else None
    monkeypatch.setattr(sparsefield, "LARGEST_DENSE", 0)
    field = sparsefield.make_field(graph, international_weight=weight, country=country)
    assert isinstance(field, sparsefield.SparseField)
    rng = np.random.default_rng(1)
    precision, target = rng.uniform(0.2, 6, 20), rng.standard_normal(20)
    made = Whitened(field, Reference(precision, target, 0.9, 0.7))
    sd, mixing = np.full(1, 0.9), np.full(1, 0.7)

    def at(u: np.ndarray) -> tuple[np.ndarray, float]:
        placed = made.forward(u[:, None], sd, mixing, np.zeros((20, 1)))
        return 0.9 * placed.unit[:, 0], float(placed.left[0] - 0.5 * u @ u)

    # The field is linear in u; the prior density of u is that of a normal with this precision.
    size = field.size
    zero, log_zero = at(np.zeros(size))
    matrix = np.column_stack([at(row)[0] - zero for row in np.eye(size)])

    def log_prior(u: np.ndarray) -> float:
        return at(u)[1] - log_zero

    units = np.eye(size)
    single = np.array([log_prior(one) for one in units])
    back = np.array([log_prior(-one) for one in units])
    curvature = np.diag(-(single + back))
    for i in range(size):
        for j in range(i):
            mixed = log_prior(units[i] + units[j]) - single[i] - single[j]
            curvature[i, j] = curvature[j, i] = -mixed
    mean = np.linalg.solve(curvature, (single - back) / 2)
    covariance = matrix @ np.linalg.inv(curvature) @ matrix.T
    direct = Direct(field, None)
    e = np.eye(size)
    exact = 0.9 * direct.forward(e, np.full(size, 0.9), np.full(size, 0.7), np.zeros(size)).unit
    np.testing.assert_allclose(covariance, exact @ exact.T, atol=1e-8)
    np.testing.assert_allclose(zero + matrix @ mean, 0, atol=1e-8)
    # Normal data of the same precision about the whole field: the posterior of u is round.
    posterior = curvature + matrix.T @ (precision[:, None] * matrix)
    np.testing.assert_allclose(posterior, np.eye(size), atol=1e-8)


@pytest.mark.parametrize("likelihood", ["nb1", "nb2", "poisson", "bernoulli"])
def test_the_outcome_is_that_of_the_pymc_model(spec: ModelSpec, likelihood: str) -> None:
    fixed = Prior("fixed", (0.4,))
    chosen = replace(spec, likelihood=likelihood, priors=Priors(dispersion=fixed, size=fixed))
    panel = chosen.panel
    rng = np.random.default_rng(5)
    eta = -2 + rng.standard_normal(36)
    exposure = 0.3 * rng.standard_normal(panel.exposure_years.shape)
    values = {"history": np.log1p(panel.history), "spillover": np.log1p(panel.spillover)}
    terms = [(0.4, values["history"]), (-0.2, values["spillover"])]
    theirs = outcome_logp(chosen, pt.as_tensor(eta), pt.as_tensor(exposure), terms)
    ours = Outcome(chosen).push(
        eta[:, None], exposure.reshape(-1, 1), np.array([[0.4], [-0.2]]), np.array([0.4])
    )
    whole = float(theirs.eval(mode="FAST_COMPILE"))
    cells = panel.cells
    constant = (cells["weight"] * gammaln(cells["count"] + 1)).sum()
    if likelihood == "bernoulli":
        constant = 0.0
    assert float(ours.logp[0]) == pytest.approx(whole + constant, rel=1e-9)


def test_the_gaussian_is_exact_for_a_gaussian() -> None:
    rng = np.random.default_rng(0)
    half = rng.standard_normal((6, 6))
    precision = np.eye(6) + half @ half.T
    centre = rng.standard_normal(6)

    def logp(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        gap = x - centre[:, None]
        return -0.5 * np.einsum("ij,ik,kj->j", gap, precision, gap), -precision @ gap

    mode = find_mode(logp, np.zeros(6), held=np.zeros(0, dtype=int))
    np.testing.assert_allclose(mode, centre, atol=1e-2)
    points = centre[:, None] + rng.standard_normal((6, 40))
    gradient = lambda x: logp(x)[1]  # noqa: E731
    for made in (laplace(gradient, mode), averaged(gradient, points, np.array([0, 3]))):
        assert isinstance(made, Gaussian)
        scale = made.apply(np.eye(6))
        values = np.linalg.eigvalsh(scale @ precision @ scale)
        # Scales near one are left at one, so that this is near the identity, not equal.
        assert 0.8 < values.min() <= values.max() < 1.25
        np.testing.assert_allclose(made.solve(scale), np.eye(6), atol=1e-9)


def test_both_engines_agree(fitted: Fit, spec: ModelSpec) -> None:
    """Within Monte Carlo error: about 0.03 sd for a mean of a thousand effective draws."""
    reference = fit(spec, seed=3, sampling=Sampling(tune=500, draws=1000, max_rounds=1))
    for name in ("eta", "part_youth", "modes", "field_sd", "dispersion"):
        ours, theirs = flat(fitted.draws, name), flat(reference.draws, name)
        gap = np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) / theirs.std(axis=0)
        assert np.mean(gap) < 0.1
        assert np.max(gap) < 0.2
        ratio = ours.std(axis=0) / theirs.std(axis=0)
        assert np.abs(ratio - 1).mean() < 0.1
    ours, theirs = (f.forecast.event_prob.mean(axis=0) for f in (fitted, reference))
    assert np.abs(ours / theirs - 1).mean() < 0.1


def test_the_draws_are_those_of_nuts_in_name_and_shape(fitted: Fit, spec: ModelSpec) -> None:
    model = build(spec)
    wanted = set(stored(model)) - {"field", "country_raw", "year_raw"}
    assert wanted | {"modes"} == set(fitted.draws.data_vars)
    for name in wanted:
        dims = fitted.draws[name].dims
        assert dims[:2] == ("chain", "draw")
        assert tuple(model.named_vars_to_dims.get(name, ())) == dims[2:]
    assert fitted.draws["eta"].sizes["chain"] >= 4
    structured = flat(fitted.draws, "modes") @ field_basis(spec.panel.graph).basis.T
    gap = structured.var(axis=0)
    assert ((gap > 0.1) & (gap < 5)).all()
    total = sum(flat(fitted.draws, f"part_{n}") for n in ("country", "space", "people", "youth"))
    eta = flat(fitted.draws, "eta")
    np.testing.assert_allclose(eta - total, (eta - total)[:, :1].repeat(36, axis=1), atol=1e-9)


def test_what_follows_a_fit_takes_it_unchanged(fitted: Fit, spec: ModelSpec) -> None:
    known = information(spec, fitted.draws)
    assert ((known >= 0) & (known <= 1)).all()
    table = score(fitted.forecast, information=known, learned={}).districts
    assert table["event_prob"].between(0, 1).all()


def test_the_same_seed_gives_the_same_draws(spec: ModelSpec) -> None:
    quick = Moves(chains=16, settle=4, adapt=4, max_rounds=1)
    one, other = (laplace_fit(spec, seed=9, draws=200, moves=quick) for _ in range(2))
    np.testing.assert_array_equal(one.draws["eta"].to_numpy(), other.draws["eta"].to_numpy())
    third = laplace_fit(spec, seed=10, draws=200, moves=quick)
    assert not np.array_equal(one.draws["eta"].to_numpy(), third.draws["eta"].to_numpy())


def test_a_run_too_short_to_trust_says_so_and_strict_refuses_it(spec: ModelSpec) -> None:
    short = Moves(chains=16, settle=1, adapt=1, max_rounds=1)
    poor = laplace_fit(spec, seed=9, draws=200, moves=short)
    assert not poor.diagnostics.passed
    with pytest.raises(GateNotMet, match=r"R-hat|ESS|drift"):
        laplace_fit(spec, seed=9, draws=200, moves=short, strict=True)


def test_a_drift_is_seen() -> None:
    rng = np.random.default_rng(2)
    still = rng.standard_normal((4, 16 * 20))
    assert drift(still.reshape(64, 20, 1)) < 4
    moving = still.reshape(64, 20) + np.linspace(0, 1, 20)
    assert drift(moving[:, :, None]) > 4.5


def test_the_error_is_that_of_independent_and_of_sticky_chains() -> None:
    rng = np.random.default_rng(4)
    shape = Shape(kept=10, copies=8)
    free = rng.standard_normal((128, 10, 50))
    size, spread = effective(free, shape)
    assert 1280 / 3 < size.min() <= np.median(size) < 1400
    assert spread.max() < 1.05
    # Chains that never move: 128 effective draws; families that never meet: 16.
    stuck = np.broadcast_to(free[:, :1], free.shape)
    assert 40 < effective(stuck, shape)[0].min() < 128
    kin = np.repeat(free[:16, :1], 8, axis=0) + 0.01 * free
    size, spread = effective(kin, shape)
    assert size.max() < 30
    assert spread.min() > 2
    still = effective(np.ones((128, 10, 1)), shape)
    assert np.isinf(still[0]).all()


def test_what_fails_the_error_is_named(fitted: Fit) -> None:
    shape = Shape(kept=fitted.draws.sizes["draw"] * 4 // 128, copies=8)
    draws = fitted.draws.copy()
    chains = draws["field_sd"].to_numpy().reshape(128, -1).copy()
    chains[:8] += 5.0
    draws["field_sd"] = draws["field_sd"].copy(data=chains.reshape(4, -1))
    made = measure(draws, fitted.divergent, ["field_sd"], shape)
    assert any("field_sd" in failure for failure in made.failures)
    assert fitted.diagnostics.passed
