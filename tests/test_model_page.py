"""The density of ``docs/model.md``, written out from its equations, is the one that is sampled."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from threatkit.model.build import build
from threatkit.model.field import laplacian
from threatkit.model.priors import Prior
from threatkit.model.simulate import simulate_panel
from threatkit.model.spec import ModelSpec, Priors

Values = Mapping[str, np.ndarray]


@pytest.fixture(scope="module")
def spec() -> ModelSpec:
    """Return a small model with every part of the default one, and uncertain heads besides."""
    panel = simulate_panel(rows=4, columns=5, years=6, seed=8).panel
    districts = panel.districts.copy()
    districts.iloc[:4, districts.columns.get_loc("population_log_sd")] = 0.2
    table = panel.measurements.table.copy()
    first = table.index[:2]
    table.loc[first, ["count", "expected"]] = [[3.0, 2.0], [0.0, 1.5]]
    border = np.linspace(-1, 1, len(districts))
    again = panel.cells.iloc[:2].assign(weight=0.3)
    again["count"] += 1
    cells = pd.concat([panel.cells, again], ignore_index=True)
    cells.loc[:1, "weight"] = 0.7
    panel = replace(
        panel,
        districts=districts,
        cells=cells,
        measurements=replace(panel.measurements, table=table),
        fixed={"border": border},
    )
    free = Priors(population_power=Prior("normal", (1.0, 0.3)))
    return ModelSpec(panel, pillars=("border", "youth"), priors=free)


def place_logp(spec: ModelSpec, place: np.ndarray, sigma: float, rho: float) -> float:
    """Return the place effect's log density up to constants, by a dense pseudo-inverse.

    The page has it as the sum of two normal parts, so it is normal. The chains move in standard
    normal coordinates of it: with them goes the determinant of the covariance.
    """
    inverse = np.linalg.pinv(laplacian(spec.panel.graph).toarray())
    kappa = np.exp(np.log(np.diag(inverse)).mean())
    covariance = sigma**2 * (rho * inverse / kappa + (1 - rho) * np.eye(len(place)))
    return float(-0.5 * place @ np.linalg.solve(covariance, place))


def by_hand(spec: ModelSpec, values: Values) -> float:
    """Return the log of the posterior density of the page, up to a constant."""
    panel, priors = spec.panel, spec.priors
    place = values["part_space"]
    total = place_logp(spec, place, float(values["field_sd"]), float(values["field_mixing"]))
    total += stats.norm.logpdf(values["population_error"]).sum()
    total += -0.5 * (values["country_raw"] ** 2).sum() - 0.5 * (values["year_raw"] ** 2).sum()
    for name in (
        *("intercept", "field_sd", "field_mixing", "year_sd", "dispersion", "history"),
        *("spillover", "pillar_weight", "loading", "definition_level", "indicator_sd"),
        "population_power",
    ):
        total += getattr(priors, name).logpdf(values[name]).sum()
    country = values["youth_country"]
    total += stats.norm.logpdf(country, 0, 0.7).sum()
    first = panel.districts.drop_duplicates("oblast").set_index("oblast")
    of = [panel.countries.index(first.loc[code, "country"]) for code in panel.oblasts]
    total += stats.norm.logpdf(values["youth_oblast"], country[of], 0.7).sum()

    youth = values["youth_oblast"][panel.oblast_of]
    if "youth_district" in values:
        youth = youth + 0.5 * values["youth_district"]
        total += stats.norm.logpdf(values["youth_district"]).sum()
    total += indicators(spec, values, youth)

    share = panel.people / panel.people.sum()
    eta = values["intercept"] + 1.0 * values["country_raw"][panel.country_of]
    for weight, state in zip(values["pillar_weight"], (panel.fixed["border"], youth), strict=True):
        eta = eta + weight * (state - share @ state)
    heads = panel.districts["population_log_sd"].fillna(0).to_numpy()
    error = np.zeros(len(heads))
    error[heads > 0.05] = heads[heads > 0.05] * values["population_error"]
    log_people = np.log(panel.people)
    eta = eta + place + error
    eta = eta + (values["population_power"] - 1) * (log_people - log_people.mean())
    return float(total + outcome(spec, values, eta))


def indicators(spec: ModelSpec, values: Values, youth: np.ndarray) -> float:
    """Return the log-likelihood of the indicators, one at a time."""
    measured = spec.panel.measurements
    names = sorted(measured.table["indicator"].unique())
    total = 0.0
    for (_, row), weight in zip(measured.table.iterrows(), measured.weights, strict=True):
        k = names.index(row["indicator"])
        mean = values["loading"][k] * (weight @ youth) + values["definition_level"][k]
        variance = values["indicator_sd"][k] ** 2 + row["error_sd"] ** 2
        if np.isfinite(row["count"]):
            size, expected = 1 / np.expm1(variance), row["expected"] * np.exp(mean)
            total += stats.nbinom.logpmf(int(row["count"]), size, size / (size + expected))
        else:
            total += stats.t.logpdf(row["x"], 4, mean, np.sqrt(variance))
    return float(total)


def outcome(spec: ModelSpec, values: Values, eta: np.ndarray) -> float:
    """Return the log-likelihood of every covered cell, NB1 by scipy."""
    panel, a = spec.panel, float(values["dispersion"])
    year = values["year_sd"] * values["year_raw"]
    log_mean = np.log(panel.people)[:, None] + eta[:, None] + year
    log_mean = log_mean + values["history"] * np.log1p(panel.history[:, :-1])
    log_mean = log_mean + values["spillover"] * np.log1p(panel.spillover[:, :-1])
    mean = np.exp(log_mean) * panel.exposure_years[panel.country_of]
    weight: dict[tuple[int, int], list[tuple[int, float]]] = {}
    for row in panel.cells.itertuples():
        weight.setdefault((row.district, row.period), []).append((row.count, row.weight))
    total = 0.0
    for district, period in np.ndindex(mean.shape):
        if mean[district, period] > 0:
            for count, part in weight.get((district, period), [(0, 1.0)]):
                total += part * stats.nbinom.logpmf(count, mean[district, period] / a, 1 / (1 + a))
    return float(total)


def test_the_sampled_density_is_that_of_the_page(spec: ModelSpec) -> None:
    """Compare differences of the log density between points: constants do not matter."""
    model = build(spec)
    with model:
        inputs, outs = model.value_vars, model.unobserved_value_vars
        unpack = model.compile_fn(outs, inputs=inputs, mode="FAST_COMPILE")
        logp = model.compile_fn(
            model.logp(jacobian=False), inputs=inputs, mode="FAST_COMPILE", point_fn=True
        )
    rng = np.random.default_rng(6)
    start = model.initial_point()
    found = []
    for _ in range(3):
        point = {
            k: np.asarray(v + 0.3 * rng.standard_normal(np.shape(v))) for k, v in start.items()
        }
        names = [variable.name for variable in outs]
        values = dict(zip(names, unpack(point), strict=True))
        found.append((float(logp(point)), by_hand(spec, values)))
    ours, theirs = np.array(found).T
    assert np.ptp(ours) > 1
    np.testing.assert_allclose(np.diff(ours), np.diff(theirs), rtol=1e-8)
