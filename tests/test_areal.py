"""Fits of a researcher's own areas: published results, known parameters, exact algebra."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from click.testing import CliRunner, Result
from scipy import stats

from threatkit.areal.config import ArealConfig
from threatkit.areal.data import ArealData, load_areal
from threatkit.areal.fit import fit_areal
from threatkit.areal.fitted import ArealFit
from threatkit.areal.model import build_areal
from threatkit.areal.results import log_likelihood, summarise_areas, summarise_parameters
from threatkit.areal.spectrum import spectrum
from threatkit.cli import threatkit
from threatkit.data.edges import edge_graph
from threatkit.geo.graph import Graph
from threatkit.model.field import laplacian
from threatkit.options import SamplingOptions

LIP = Path(__file__).parent / "data" / "lip_cancer"
SHORT = SamplingOptions(tune=700, draws=1000, max_rounds=2, target_accept=0.95)
#: Orkney, Shetland and the Western Isles.
ISLANDS = ["S06", "S08", "S11"]


def two_parts() -> Graph:
    """Return a path of three areas, a triangle with a tail, and two islands."""
    areas = pd.Index([f"A{i}" for i in range(9)])
    pairs = np.array([(0, 1), (1, 2), (3, 4), (4, 5), (3, 5), (5, 6)])
    return edge_graph(areas, pairs[:, 0], pairs[:, 1])


def grid(rows: int, columns: int) -> Graph:
    place = np.arange(rows * columns).reshape(rows, columns)
    start = np.concatenate([place[:, :-1].ravel(), place[:-1].ravel()])
    end = np.concatenate([place[:, 1:].ravel(), place[1:].ravel()])
    return edge_graph(pd.Index([f"G{i:03d}" for i in place.ravel()]), start, end)


def dense_covariance(graph: Graph, mixing: float) -> np.ndarray:
    """Return BYM2's covariance with sigma = 1 from dense generalised inverses."""
    precision = laplacian(graph).toarray()
    result = np.eye(len(precision)) * (1 - mixing)
    components = graph.components()
    for label in np.unique(components):
        members = np.flatnonzero(components == label)
        place = np.ix_(members, members)
        if len(members) == 1:
            result[place] = 1.0
            continue
        structured = np.linalg.pinv(precision[place])
        result[place] += mixing * structured / np.exp(np.log(np.diag(structured)).mean())
    return result


@pytest.mark.parametrize("mixing", [0.0, 0.3, 0.9])
def test_the_spectrum_is_bym2_component_by_component(mixing: float) -> None:
    graph = two_parts()
    basis = spectrum(graph)
    np.testing.assert_allclose(basis.vectors.T @ basis.vectors, np.eye(9), atol=1e-12)
    covariance = (basis.vectors * basis.relative_variance(mixing)) @ basis.vectors.T
    np.testing.assert_allclose(covariance, dense_covariance(graph, mixing), atol=1e-8)


def placed(model: pm.Model, names: list[str]) -> Callable[[dict[str, Any]], list[np.ndarray]]:
    """Return the function of a point of the sampler that gives some variables."""
    outputs = model.replace_rvs_by_values([model[name] for name in names])
    return model.compile_fn(
        outputs, inputs=model.value_vars, mode="FAST_COMPILE", on_unused_input="ignore"
    )


@pytest.fixture(scope="module")
def lip() -> tuple[ArealConfig, ArealData]:
    config, data = load_areal(LIP / "lip.toml")
    return replace(config, sampling=SHORT), data


@pytest.fixture(scope="module")
def lip_fit(lip: tuple[ArealConfig, ArealData]) -> ArealFit:
    return fit_areal(*lip, seed=1)


@pytest.mark.integration
def test_the_published_fit_of_the_connected_map_comes_back() -> None:
    """Stan's case study on BYM2 (Morris 2019): mean and sd of intercept, effect, sigma, rho."""
    config, data = load_areal(LIP / "connected.toml")
    fitted = fit_areal(replace(config, sampling=SHORT), data, seed=2)
    table = summarise_parameters(fitted)
    percent = pd.read_csv(LIP / "counts.csv")["aff_percent"] / 10
    slope = fitted.draws["beta"].to_numpy().ravel() / percent.std(ddof=0)
    intercept = fitted.draws["mu"].to_numpy().ravel() - slope * percent.mean()
    for draws, mean, sd in ((intercept, -0.217, 0.129), (slope, 0.365, 0.134)):
        assert draws.mean() == pytest.approx(mean, abs=0.02)
        assert draws.std() == pytest.approx(sd, abs=0.012)
    assert table.loc["sigma", "mean"] == pytest.approx(0.514, abs=0.015)
    assert table.loc["sigma", "sd"] == pytest.approx(0.0885, abs=0.008)
    assert table.loc["phi", "mean"] == pytest.approx(0.878, abs=0.03)
    fifth = np.exp(fitted.draws["eta"].sel(area="S05").to_numpy()) * data.exposure[4]
    assert fifth.mean() == pytest.approx(13.8, abs=0.4)


@pytest.mark.integration
def test_lip_cancer_passes_the_gate(lip: tuple[ArealConfig, ArealData], lip_fit: ArealFit) -> None:
    assert lip_fit.diagnostics.passed, lip_fit.diagnostics.failures
    areas = summarise_areas(lip_fit)
    raw = np.log((lip[1].count + 0.5) / lip[1].exposure)
    assert np.corrcoef(areas["mean"], raw)[0, 1] > 0.8
    assert list(lip_fit.draws["area"].to_numpy()) == list(lip[1].areas)


@pytest.mark.integration
def test_the_published_fit_with_three_islands_comes_back() -> None:
    """Freni-Sterrantino et al. (2018): structured field scaled by component, other priors."""
    config, data = load_areal(LIP / "cut.toml")
    fitted = fit_areal(replace(config, sampling=SHORT), data, seed=5)
    assert fitted.diagnostics.passed, fitted.diagnostics.failures
    risk = np.exp(fitted.draws["eta"].sel(area=ISLANDS)).to_numpy().reshape(-1, 3)
    np.testing.assert_allclose(risk.mean(axis=0), (2.87, 2.06, 2.32), rtol=0.06)
    np.testing.assert_allclose(risk.std(axis=0), (0.90, 0.73, 0.63), rtol=0.1)
    precision = fitted.draws["sigma"].to_numpy() ** -2
    assert precision.mean() == pytest.approx(3.97, rel=0.06)


@pytest.mark.integration
def test_the_same_seed_gives_the_same_draws(
    lip: tuple[ArealConfig, ArealData], lip_fit: ArealFit
) -> None:
    again = fit_areal(*lip, seed=1)
    np.testing.assert_array_equal(again.draws["eta"].to_numpy(), lip_fit.draws["eta"].to_numpy())


def simulated(
    likelihood: str, extra: float, *, scale: float, seed: int
) -> tuple[ArealConfig, ArealData, np.ndarray]:
    """Return a configuration, data and true eta: mu 0.3, beta 0.4, sigma 0.5, phi 0.6."""
    config, _ = load_areal(LIP / "lip.toml")
    graph = grid(10, 12)
    rng = np.random.default_rng(seed)
    basis = spectrum(graph)
    x = rng.normal(size=120)
    x = (x - x.mean()) / x.std()
    field = basis.vectors @ (np.sqrt(basis.relative_variance(0.6)) * rng.normal(size=120))
    eta = 0.3 + 0.4 * x + 0.5 * field
    exposure = scale * rng.gamma(3, 1 / 3, 120)
    mean = exposure * np.exp(eta)
    count = {
        "poisson": lambda: rng.poisson(mean),
        "nb1": lambda: rng.negative_binomial(mean / extra, 1 / (1 + extra)),
        "nb2": lambda: rng.negative_binomial(extra, extra / (extra + mean)),
    }[likelihood]()
    frame = pd.DataFrame({"x": x}, index=pd.Index(graph.districts, name="area"))
    data = ArealData(graph, count.astype(float), exposure, frame)
    config = replace(config, likelihood=likelihood, covariates=("x",), sampling=SHORT)
    return config, data, eta


@pytest.mark.integration
@pytest.mark.parametrize(
    ("likelihood", "extra", "scale"),
    [("poisson", 0.0, 300.0), ("nb1", 1.5, 20.0), ("nb2", 4.0, 20.0)],
)
def test_known_parameters_come_back(likelihood: str, extra: float, scale: float) -> None:
    config, data, eta = simulated(likelihood, extra, scale=scale, seed=4)
    fitted = fit_areal(config, data, seed=3)
    assert fitted.diagnostics.passed, fitted.diagnostics.failures
    truth = {"mu": 0.3, "beta": 0.4, "sigma": 0.5, "phi": 0.6}
    truth |= {"nb1": {"dispersion": extra}, "nb2": {"size": extra}}.get(likelihood, {})
    table = summarise_parameters(fitted)
    assert list(table.index) == list(truth)
    for name, value in truth.items():
        low, high = np.quantile(fitted.draws[name].to_numpy(), [0.005, 0.995])
        assert low < value < high, name
    areas = summarise_areas(fitted)
    inside = ((areas["q05"] <= eta) & (eta <= areas["q95"])).mean()
    assert 0.8 <= inside <= 1.0
    mean = data.exposure * np.exp(fitted.draws["eta"].isel(chain=0, draw=0).to_numpy())
    first = fitted.draws.isel(chain=0, draw=0)
    expected = {
        "poisson": lambda: stats.poisson.logpmf(data.count, mean),
        "nb1": lambda: stats.nbinom.logpmf(
            data.count, mean / float(first["dispersion"]), 1 / (1 + float(first["dispersion"]))
        ),
        "nb2": lambda: stats.nbinom.logpmf(
            data.count, float(first["size"]), float(first["size"]) / (float(first["size"]) + mean)
        ),
    }[likelihood]()
    found = log_likelihood(config, data, fitted).isel(chain=0, draw=0)
    np.testing.assert_allclose(found.to_numpy(), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("likelihood", ["poisson", "nb1", "nb2"])
def test_the_model_has_the_textbook_density(likelihood: str) -> None:
    """Compare the model's density with scipy's at several points, up to one constant."""
    config, data, _ = simulated(likelihood, 2.0, scale=5.0, seed=8)
    model = build_areal(config, data)
    density = model.compile_logp(sum=False, mode="FAST_COMPILE")
    place = placed(model, ["eta", *(n for n in ("size", "dispersion") if n in model.named_vars)])
    rng = np.random.default_rng(2)
    start = model.initial_point()
    names = [term.name for term in model.potentials]
    at = len(model.free_RVs) + names.index("counts")
    for _ in range(3):
        point = {name: value + rng.normal(0, 0.2, np.shape(value)) for name, value in start.items()}
        eta, *extra = place(point)
        mean = data.exposure * np.exp(eta)
        if likelihood == "poisson":
            expected = stats.poisson.logpmf(data.count, mean)
        elif likelihood == "nb1":
            expected = stats.nbinom.logpmf(data.count, mean / extra[0], 1 / (1 + extra[0]))
        else:
            expected = stats.nbinom.logpmf(data.count, extra[0], extra[0] / (extra[0] + mean))
        assert density(point)[at] == pytest.approx(expected.sum(), rel=1e-8)


GROUPS = """
[areas]
counts = "counts.csv"
count = "count"
exposure = "expected"
edges = "edges.csv"
[model]
likelihood = "poisson"
[sampling]
tune = 700
max_rounds = 2
[groups]
covariate = "w"
table = "groups.csv"
group = "group"
weight = "population"
field = "{field}"
"""


def write_groups(folder: Path, field: str) -> tuple[np.ndarray, dict[str, float]]:
    """Write 100 areas of which 30 have w, and 10 groups that all have; return z and truth."""
    truth = {"mu": -0.2, "beta": 0.6, "sigma": 0.2, "lam": 5.0, "c": 40.0}
    rng = np.random.default_rng(12)
    graph = grid(10, 10)
    basis = spectrum(graph)
    spread = basis.relative_variance(0.8) if field == "bym2" else np.ones(100)
    z = basis.vectors @ (np.sqrt(spread) * rng.normal(size=100))
    u = basis.vectors @ (np.sqrt(basis.relative_variance(0.5)) * rng.normal(size=100))
    expected, people = rng.gamma(3, 10, 100), rng.gamma(2, 1000, 100)
    count = rng.poisson(expected * np.exp(truth["mu"] + truth["beta"] * z + truth["sigma"] * u))
    w = truth["c"] + truth["lam"] * z + rng.normal(0, 2, 100)
    known = rng.permutation(100) < 30
    group = np.repeat([f"R{i}" for i in range(10)], 10)
    pd.DataFrame(
        {
            "area": graph.districts,
            "count": count,
            "expected": expected,
            "w": np.where(known, w, np.nan),
            "w_se": np.where(known, 2.0, np.nan),
            "group": group,
            "population": people,
        }
    ).to_csv(folder / "counts.csv", index=False)
    means = [
        np.average(z[group == name], weights=people[group == name]) for name in np.unique(group)
    ]
    values = truth["c"] + truth["lam"] * np.array(means) + rng.normal(0, 0.5, 10)
    pd.DataFrame({"group": np.unique(group), "w": values, "w_se": 0.5}).to_csv(
        folder / "groups.csv", index=False
    )
    graph.edges.rename(columns={"a": "from", "b": "to"}).to_csv(folder / "edges.csv", index=False)
    (folder / "fit.toml").write_text(GROUPS.format(field=field), encoding="utf-8")
    return z, truth


@pytest.mark.integration
@pytest.mark.parametrize("field", ["bym2", "iid"])
def test_a_covariate_known_with_error_comes_back(tmp_path: Path, field: str) -> None:
    z, truth = write_groups(tmp_path, field)
    config, data = load_areal(tmp_path / "fit.toml")
    fitted = fit_areal(config, data, seed=6)
    assert fitted.diagnostics.passed, fitted.diagnostics.failures
    for name, value in truth.items():
        low, high = np.quantile(fitted.draws[name].to_numpy(), [0.005, 0.995])
        assert low < value < high, name
    assert ("phi_z" in summarise_parameters(fitted).index) is (field == "bym2")
    table = summarise_areas(fitted, "z")
    assert np.corrcoef(table["mean"], z)[0, 1] > 0.7
    assert ((table["q05"] <= z) & (z <= table["q95"])).mean() >= 0.8
    known = np.zeros(100, dtype=bool)
    assert data.groups is not None
    known[data.groups.area] = True
    assert table["sd"][known].mean() < table["sd"][~known].mean()


def run(config: Path, out: Path, *extra: str, engine: str = "nuts") -> Result:
    return CliRunner().invoke(
        threatkit,
        ["fit", str(config), "--engine", engine, "--seed", "3", "--out", str(out), *extra],
    )


@pytest.mark.integration
def test_the_command_writes_all_files(tmp_path: Path) -> None:
    write_groups(tmp_path, "bym2")
    out = tmp_path / "out"
    result = run(tmp_path / "fit.toml", out, "--format", "csv")
    assert result.exit_code == 0, result.stderr
    hyper = pd.read_csv(out / "hyper.csv", index_col="name")
    assert list(hyper.columns) == ["mean", "sd", "q05", "q50", "q95"]
    assert list(hyper.index) == ["mu", "beta", "sigma", "phi", "lam", "c", "phi_z"]
    assert result.stdout == (out / "hyper.csv").read_text(encoding="utf-8")
    for name in ("summary.csv", "z.csv"):
        table = pd.read_csv(out / name)
        assert list(table.columns) == ["area", "mean", "sd", "q05", "q50", "q95"]
        assert len(table) == 100
        assert np.isfinite(table.drop(columns="area").to_numpy()).all()
    with xr.open_datatree(out / "posterior.nc", engine="h5netcdf") as tree:
        eta = tree["posterior"]["eta"].mean(("chain", "draw")).to_numpy()
        assert set(tree.children) >= {"posterior", "sample_stats", "log_likelihood"}
    np.testing.assert_allclose(pd.read_csv(out / "summary.csv")["mean"], eta, atol=1e-4)
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert record["seed"] == 3
    assert record["gate"]["passed"] is True
    made = {"posterior.nc", "summary.csv", "z.csv", "hyper.csv", "inputs.json.gz"}
    assert set(record["files"]) == made
    assert set(record["inputs"]) == {"counts.csv", "edges.csv", "groups.csv"}


SMALL = """
[areas]
counts = "counts.csv"
count = "count"
exposure = "expected"
edges = "edges.csv"
[model]
likelihood = "{likelihood}"
[sampling]
tune = {tune}
draws = {draws}
max_rounds = {rounds}
"""


def write_small(
    folder: Path,
    rows: str,
    edges: str = "",
    *,
    likelihood: str = "poisson",
    tune: int = 700,
    draws: int = 1000,
    rounds: int = 3,
) -> Path:
    (folder / "counts.csv").write_text(f"area,count,expected\n{rows}", encoding="utf-8")
    (folder / "edges.csv").write_text(f"from,to\n{edges}", encoding="utf-8")
    path = folder / "fit.toml"
    text = SMALL.format(likelihood=likelihood, tune=tune, draws=draws, rounds=rounds)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.integration
def test_too_few_draws_leave_with_4_and_all_files(tmp_path: Path) -> None:
    config = write_small(tmp_path, "a,3,2\nb,1,2\nc,0,1\n", "a,b\n", tune=30, draws=25, rounds=1)
    result = run(config, tmp_path / "out")
    assert result.exit_code == 4
    assert "do not use this fit" in result.stderr
    assert "ESS" in result.stderr
    assert (tmp_path / "out" / "summary.csv").is_file()


@pytest.mark.integration
@pytest.mark.parametrize("engine", ["nuts", "laplace"])
@pytest.mark.parametrize(
    ("rows", "edges", "likelihood", "note"),
    [
        ("a,4,2.0\n", "", "nb2", "one area"),
        ("a,0,2\nb,0,3\nc,0,1\n", "a,b\n", "nb1", "no event in any area"),
        ("a,,\nb,,3\nc,,1\n", "a,b\n", "poisson", "the posterior is the prior's"),
        (
            "a,3,2\nb,0,0\nc,,4\nd,1,1\n",
            "a,b\nb,c\n",
            "poisson",
            "areas without a count or exposure: 2",
        ),
        ("a,900000,1000\nb,1200000,1000\nc,5,1000\n", "a,b\n", "poisson", "events: 2,100,005"),
    ],
)
def test_thin_data_give_a_right_answer(
    tmp_path: Path, rows: str, edges: str, likelihood: str, note: str, engine: str
) -> None:
    config = write_small(tmp_path, rows, edges, likelihood=likelihood)
    result = run(config, tmp_path / "out", engine=engine)
    assert result.exit_code in (0, 4), result.stderr
    assert "Warning" not in result.stderr
    assert note in result.stderr
    for name in ("summary.csv", "hyper.csv"):
        table = pd.read_csv(tmp_path / "out" / name)
        assert np.isfinite(table.iloc[:, 1:].to_numpy(dtype=float)).all()
    hyper = pd.read_csv(tmp_path / "out" / "hyper.csv", index_col="name")
    summary = pd.read_csv(tmp_path / "out" / "summary.csv", index_col="area")
    if note.startswith("the posterior"):
        assert hyper.loc["mu", "mean"] == pytest.approx(0, abs=0.3)
        assert hyper.loc["mu", "sd"] == pytest.approx(5, rel=0.05)
        assert hyper.loc["sigma", "mean"] == pytest.approx(1 / 4.605, rel=0.1)
    if note.startswith("events"):
        assert summary.loc["a", "mean"] == pytest.approx(np.log(900), abs=0.01)
