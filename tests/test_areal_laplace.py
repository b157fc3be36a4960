"""The fast engine for own areas: its density is the PyMC model's, its answers are those of nuts."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy import stats
from scipy.special import digamma, gammaln

from threatkit.areal.config import ArealConfig
from threatkit.areal.counts import LARGE, Counts, log_rising
from threatkit.areal.data import ArealData, load_areal
from threatkit.areal.density import ArealDensity
from threatkit.areal.fitted import ArealFit
from threatkit.areal.herd import Herd
from threatkit.areal.laplace import laplace_areal
from threatkit.areal.model import build_areal
from threatkit.areal.reference import whitening
from threatkit.areal.results import summarise_areas, summarise_parameters
from threatkit.areal.simulate import ArealTruth, simulate_areas
from threatkit.cli import threatkit
from threatkit.model.coordinates import Values
from threatkit.model.ensemble import Moves
from threatkit.model.priors import Prior

LIP = Path(__file__).parent / "data" / "lip_cancer"
HIDDEN = ("modes", "own", "z_modes")


def cases() -> Iterator[tuple[str, ArealConfig, ArealData]]:
    for likelihood in ("poisson", "nb1", "nb2"):
        made = simulate_areas(6, 7, seed=4, likelihood=likelihood, truth=ArealTruth(exposure=3))  # type: ignore[arg-type]
        yield likelihood, made.config, made.data
    count, exposure = made.data.count.copy(), made.data.exposure.copy()
    count[:5], exposure[9], count[9] = np.nan, 0.0, 0.0
    yield "missing", made.config, replace(made.data, count=count, exposure=exposure)
    for form in ("bym2", "iid"):
        made = simulate_areas(5, 6, seed=2, groups=form)  # type: ignore[arg-type]
        yield f"groups {form}", made.config, made.data
    yield "phi fixed, islands", *load_areal(LIP / "cut.toml")
    config, data = load_areal(LIP / "lip.toml")
    priors = {**config.priors, "intercept": Prior("fixed", (0.1,)), "sigma": Prior("gamma", (2, 4))}
    yield "intercept fixed", replace(config, priors=priors), data


CASES = list(cases())


@pytest.mark.parametrize(("config", "data"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_the_gradient_is_the_derivative_of_the_density(
    config: ArealConfig, data: ArealData
) -> None:
    density = ArealDensity(config, data)
    rng = np.random.default_rng(3)
    point = density.starts()[0][:, None] + 0.3 * rng.standard_normal((density.size, 3))
    _, grad = density(point)
    for rows in density.layout.slots.values():
        along = np.zeros_like(point)
        along[rows] = rng.standard_normal(along[rows].shape)
        up, down = density(point + 1e-5 * along)[0], density(point - 1e-5 * along)[0]
        found = (grad * along).sum(axis=0)
        scale = 1 + np.abs(found).max()
        np.testing.assert_allclose(found / scale, (up - down) / 2e-5 / scale, atol=1e-5)


@pytest.mark.parametrize(("config", "data"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_the_density_is_that_of_the_pymc_model(config: ArealConfig, data: ArealData) -> None:
    density = ArealDensity(config, data)
    model = build_areal(config, data)
    theirs = model.compile_logp(mode="FAST_COMPILE")
    rng = np.random.default_rng(3)
    point = density.starts()[0][:, None] + 0.3 * rng.standard_normal((density.size, 4))
    ours, _ = density(point)
    expected = [theirs(translated(density, model, point, k)) for k in range(4)]
    jacobian = [log_jacobian(density, point, k) for k in range(4)]
    gap = np.array(expected) + jacobian - ours
    assert np.ptp(ours) > 0.1
    np.testing.assert_allclose(gap, gap[0], atol=1e-8 * np.abs(ours).max())


def translated(
    density: ArealDensity, model: object, point: np.ndarray, k: int
) -> dict[str, object]:
    """Return a point in PyMC's coordinates: logs and log odds of the parameters."""
    named, found = density.expand(point), {}
    for key, start in model.initial_point().items():  # type: ignore[attr-defined]
        name = key.removesuffix("_log__").removesuffix("_logodds__")
        name = "mu" if name == "level" else name
        if name in HIDDEN or key == "level":
            value = point[density.layout.slots[name], k]
        else:
            value = named[name][..., k]
        if key.endswith("_log__"):
            value = np.log(value)
        elif key.endswith("_logodds__"):
            value = np.log(value / (1 - value))
        found[key] = np.reshape(value, np.shape(start))
    return found


def log_jacobian(density: ArealDensity, point: np.ndarray, k: int) -> float:
    """Return the log derivative of PyMC's coordinates by ours."""
    values, total = Values(density.layout, point), 0.0
    for name, prior in density.layout.priors.items():
        if name == "mu":
            continue
        moved = values._moved[name]
        value = moved.value[..., k]
        inner = {"normal": 1.0, "beta": value * (1 - value)}.get(prior.family, value)
        total += float(np.sum(np.log(moved.slope[..., k]) - np.log(inner)))
    return total


@pytest.mark.parametrize("likelihood", ["poisson", "nb1", "nb2"])
def test_counts_have_the_textbook_likelihood(likelihood: str) -> None:
    rng = np.random.default_rng(1)
    count = np.array([0.0, 3.0, 900.0, np.nan, 0.0])
    exposure, extra = rng.gamma(2, 1, 5), np.array([1e-7, 0.4, 60.0])
    observed = np.isfinite(count)
    counts = Counts(likelihood, count, exposure, observed)  # type: ignore[arg-type]
    eta = rng.normal(0, 1, (5, 3))
    found, by_eta, _ = counts.push(eta, extra)
    mean = (exposure[:, None] * np.exp(eta))[observed]
    y = count[observed][:, None]
    expected = {
        "poisson": lambda: stats.poisson.logpmf(y, mean),
        "nb1": lambda: stats.nbinom.logpmf(y, mean / extra, 1 / (1 + extra)),
        "nb2": lambda: stats.nbinom.logpmf(y, extra, extra / (extra + mean)),
    }[likelihood]()
    np.testing.assert_allclose(found, expected.sum(axis=0), rtol=2e-6)
    assert by_eta[3].tolist() == [0, 0, 0]


def test_the_rising_factorial_is_exact_where_gamma_functions_meet_their_series() -> None:
    y = np.array([[1.0], [7.0], [400.0]])
    for size in (LARGE * 0.999, LARGE * 1.001):
        value, slope = log_rising(y, np.full((3, 1), size))
        expected = gammaln(y + size) - gammaln(size) - y * np.log(size)
        np.testing.assert_allclose(value, expected, atol=1e-13)
        np.testing.assert_allclose(slope, digamma(y + size) - digamma(size) - y / size, atol=1e-13)
    value, _ = log_rising(np.array([[3.0]]), np.array([[1e12]]))
    np.testing.assert_allclose(value, 3e-12, rtol=1e-3)


@pytest.fixture(scope="module")
def lip_fit() -> ArealFit:
    return laplace_areal(*load_areal(LIP / "lip.toml"), seed=1)


def test_lip_cancer_has_the_posterior_that_nuts_finds(lip_fit: ArealFit) -> None:
    """The figures are those of nuts with 12,000 draws; docs/areal.md has the benchmark."""
    assert lip_fit.diagnostics.passed, lip_fit.diagnostics.failures
    table = summarise_parameters(lip_fit)
    known = {"mu": (0.0740, 0.0586), "beta": (0.2991, 0.0884)}
    known |= {"sigma": (0.5123, 0.0813), "phi": (0.8773, 0.1459)}
    for name, (mean, sd) in known.items():
        assert table.loc[name, "mean"] == pytest.approx(mean, abs=0.12 * sd), name
        assert table.loc[name, "sd"] == pytest.approx(sd, rel=0.12), name


def test_the_same_seed_gives_the_same_draws(lip_fit: ArealFit) -> None:
    again = laplace_areal(*load_areal(LIP / "lip.toml"), seed=1)
    np.testing.assert_array_equal(again.draws["eta"].to_numpy(), lip_fit.draws["eta"].to_numpy())


def test_the_published_fit_with_three_islands_comes_back() -> None:
    """Freni-Sterrantino et al. (2018): structured field scaled by component, other priors."""
    fitted = laplace_areal(*load_areal(LIP / "cut.toml"), seed=5)
    assert fitted.diagnostics.passed, fitted.diagnostics.failures
    risk = np.exp(fitted.draws["eta"].sel(area=["S06", "S08", "S11"])).to_numpy().reshape(-1, 3)
    np.testing.assert_allclose(risk.mean(axis=0), (2.87, 2.06, 2.32), rtol=0.07)
    assert (fitted.draws["phi"] == 1).all()


def test_without_data_the_posterior_is_the_prior() -> None:
    """The whole change of variables cancels: sd and quantiles are those of the priors."""
    made = simulate_areas(3, 4, seed=1, likelihood="nb1")
    empty = replace(made.data, count=np.full(12, np.nan))
    fitted = laplace_areal(made.config, empty, seed=2)
    assert fitted.diagnostics.passed, fitted.diagnostics.failures
    table = summarise_parameters(fitted)
    for name, prior in {**made.config.priors, "mu": made.config.priors["intercept"]}.items():
        if name in table.index:
            frozen = prior.frozen()
            assert table.loc[name, "mean"] == pytest.approx(frozen.mean(), abs=0.1 * prior.sd)
            assert table.loc[name, "sd"] == pytest.approx(prior.sd, rel=0.12), name
    eta = fitted.draws["eta"].to_numpy()
    own = fitted.draws["sigma"].to_numpy()[..., None]
    assert ((eta - eta.mean(axis=-1, keepdims=True)) / own).std() > 0.5


def test_sparse_overdispersed_counts_meet_the_gate() -> None:
    truth = ArealTruth(mu=-3.0, sigma=0.3, extra=0.1)
    made = simulate_areas(10, 12, seed=5, likelihood="nb2", truth=truth)
    assert (made.data.count == 0).mean() > 0.9
    fitted = laplace_areal(made.config, made.data, seed=1)
    assert fitted.diagnostics.passed, fitted.diagnostics.failures
    assert float(fitted.draws["sigma"].min()) < 0.02
    areas = summarise_areas(fitted)
    assert ((areas["q05"] <= made.eta) & (made.eta <= areas["q95"])).mean() > 0.8


def test_blocks_start_far_apart_and_are_mixed() -> None:
    made = simulate_areas(5, 6, seed=3, likelihood="nb2")
    density = ArealDensity(made.config, made.data)
    small, large = density.starts()
    rows = density.layout.slots
    assert large[rows["sigma"]] - small[rows["sigma"]] == pytest.approx(2)
    assert large[rows["size"]] - small[rows["size"]] == pytest.approx(2)
    herd = Herd(density, seed=1, moves=Moves(chains=16, settle=4, adapt=4))
    herd.run(3, every=2)
    assert herd.points().shape == (3, density.size, 32)
    assert herd.divergent().shape == (3, 32)
    assert 0 < herd.accepted < 1


def test_no_coefficient_needs_no_whitening() -> None:
    bend = whitening(np.zeros(0), np.zeros((0, 0)), np.zeros(0))
    assert bend.rotation is None


def test_the_command_writes_all_files(tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["fit", str(LIP / "lip.toml"), "--engine", "laplace", "--seed", "3"]
    result = CliRunner().invoke(threatkit, [*arguments, "--out", str(out), "--format", "csv"])
    assert result.exit_code == 0, result.stderr
    hyper = pd.read_csv(out / "hyper.csv", index_col="name")
    assert list(hyper.index) == ["mu", "beta", "sigma", "phi"]
    assert result.stdout == (out / "hyper.csv").read_text(encoding="utf-8")
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert record["engine"] == "laplace"
    assert record["gate"]["passed"] is True
    assert (out / "posterior.nc").is_file()
    assert len(pd.read_csv(out / "summary.csv")) == 56


def test_diagnostics_that_fail_leave_with_4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (LIP / "lip.toml").read_text(encoding="utf-8") + "\n[sampling]\nmax_rounds = 1\n"
    for name in ("counts.csv", "edges.csv"):
        (tmp_path / name).write_bytes((LIP / name).read_bytes())
    (tmp_path / "fit.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr("threatkit.areal.laplace.KEPT", 1)
    arguments = ["fit", str(tmp_path / "fit.toml"), "--engine", "laplace", "--seed", "3"]
    result = CliRunner().invoke(threatkit, [*arguments, "--out", str(tmp_path / "out")])
    assert result.exit_code == 4
    assert "do not use this fit" in result.stderr
    assert (tmp_path / "out" / "summary.csv").is_file()
