"""Panels simulated from known parameters, to see whether the model returns them.

Simulated data never sit among the indicators; they live in memory, in tests, in benchmarks
and in the calibration of the engines.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from threatkit.geo.graph import Graph
from threatkit.model.field import field_basis
from threatkit.model.forecast import simulate_counts
from threatkit.model.panel import HISTORY_YEARS, Measurements, Panel, neighbour_mean
from threatkit.model.sparsefield import LARGEST_DENSE, make_field

FloatArray = NDArray[np.float64]

#: Cells a side of a block that stands for one oblast.
OBLAST_SIDE = 2


@dataclass(frozen=True)
class Truth:
    """The parameters of a simulated panel; names as in `threatkit.model.spec.Priors`."""

    intercept: float = -3.0
    country_effect: float = 0.8
    field_sd: float = 1.0
    field_mixing: float = 0.7
    year_sd: float = 0.3
    dispersion: float = 0.4
    history: float = 0.3
    spillover: float = 0.0
    pillar_weight: Mapping[str, float] = field(default_factory=lambda: {"youth": 0.6})
    indicator_sd: float = 0.3


@dataclass(frozen=True)
class Simulated:
    """A simulated panel and what it was made from.

    Attributes
    ----------
    panel
        Ready to be fitted.
    truth
        The parameters.
    eta
        Shape (district,): the true log rate per 100,000 people and year.
    states
        Pillar -> shape (district,): the true latent states.
    """

    panel: Panel
    truth: Truth
    eta: FloatArray
    states: Mapping[str, FloatArray]


def lattice(
    rows: int, columns: int, *, countries: int = 2, side: int = OBLAST_SIDE
) -> tuple[pd.DataFrame, Graph]:
    """Return districts on a grid, cut into square oblasts and countries of whole columns."""
    y, x = np.divmod(np.arange(rows * columns), columns)
    country = np.minimum(x * countries // columns, countries - 1)
    block = (y // side) * columns + x // side
    codes = [f"D{row:03d}-{column:03d}" for row, column in zip(y, x, strict=True)]
    table = pd.DataFrame(
        {
            "name": codes,
            "country": [f"C{number:02d}" for number in country],
            "oblast": [
                f"C{number:02d}-O{part:04d}" for number, part in zip(country, block, strict=True)
            ],
            "fergana": False,
            "population_log_sd": 0.0,
        },
        index=pd.Index(codes, name="district"),
    )
    right = [(i, i + 1) for i in range(rows * columns) if x[i] + 1 < columns]
    down = [(i, i + columns) for i in range(rows * columns) if y[i] + 1 < rows]
    pairs = np.array(right + down, dtype=int).reshape(-1, 2)
    edges = pd.DataFrame(
        {
            "a": [codes[i] for i in pairs[:, 0]],
            "b": [codes[i] for i in pairs[:, 1]],
            "border_km": 10.0,
            "international": country[pairs[:, 0]] != country[pairs[:, 1]],
        }
    )
    return table, Graph(tuple(codes), edges.sort_values(["a", "b"], ignore_index=True))


def simulate_panel(
    *,
    rows: int = 8,
    columns: int = 8,
    countries: int = 2,
    years: int = 15,
    seed: int,
    truth: Truth | None = None,
    side: int = OBLAST_SIDE,
) -> Simulated:
    """Simulate districts, pillars, indicators and episodes from known parameters.

    Parameters
    ----------
    rows, columns
        Of the grid of districts.
    countries
        Vertical strips of the grid.
    years
        Periods; the last ends on the date of the assessment.
    seed
        Of everything that is drawn.
    truth
        The parameters; the default has one pillar.
    side
        Districts along a side of an oblast; each oblast has an indicator's value a pillar.
    """
    truth = truth or Truth()
    rng = np.random.default_rng(seed)
    table, graph = lattice(rows, columns, countries=countries, side=side)
    n = len(table)
    table["population"] = np.exp(rng.normal(11.5, 0.6, n))
    states = {name: _state(table, rng) for name in truth.pillar_weight}
    eta = _eta(table, graph, truth, states, rng)
    last = 2024
    periods = np.arange(last - years + 1, last + 1)
    counts, own, near = _episodes(table, graph, truth, eta, periods, rng)
    district, period = np.nonzero(counts)
    cells = pd.DataFrame(
        {
            "district": district,
            "period": period,
            "count": counts[district, period].astype(int),
            "weight": 1.0,
        }
    )
    panel = Panel(
        districts=table,
        graph=graph,
        as_of=date(last, 12, 31),
        periods=periods,
        exposure_years=np.ones((countries, years)),
        regime=np.zeros((countries, years), dtype=np.intp),
        regimes=("curated",),
        cells=cells,
        history=own,
        spillover=near,
        afghan=np.zeros((n, years + 1)),
        fixed={},
        measurements=_measured(table, states, truth, rng),
        unused=pd.DataFrame(columns=["indicator", "reason"]),
    )
    return Simulated(panel, truth, eta, states)


def _state(table: pd.DataFrame, rng: np.random.Generator) -> FloatArray:
    oblasts = table["oblast"].unique()
    values = dict(zip(oblasts, rng.normal(0, 1, len(oblasts)), strict=True))
    state = table["oblast"].map(values).to_numpy(dtype=float)
    centred: FloatArray = state - np.average(state, weights=table["population"])
    return centred


def _eta(
    table: pd.DataFrame,
    graph: Graph,
    truth: Truth,
    states: Mapping[str, FloatArray],
    rng: np.random.Generator,
) -> FloatArray:
    structured = _structured(graph, rng)
    plain = rng.standard_normal(len(table))
    space = truth.field_sd * (
        np.sqrt(truth.field_mixing) * structured + np.sqrt(1 - truth.field_mixing) * plain
    )
    codes = np.unique(table["country"], return_inverse=True)[1]
    effect = np.linspace(-truth.country_effect, truth.country_effect, codes.max() + 1)
    pillars = sum(weight * states[name] for name, weight in truth.pillar_weight.items())
    total: FloatArray = truth.intercept + (effect - effect.mean())[codes] + space + pillars
    return total


def _structured(graph: Graph, rng: np.random.Generator) -> FloatArray:
    """Draw the structured field; beyond `LARGEST_DENSE` districts by a sparse factor."""
    if len(graph.districts) <= LARGEST_DENSE:
        basis = field_basis(graph).basis
        drawn: FloatArray = basis @ rng.standard_normal(basis.shape[1])
        return drawn
    field = make_field(graph)
    count = field.size - len(graph.districts)
    e = np.zeros((field.size, 1))
    e[:count, 0] = rng.standard_normal(count)
    smooth: FloatArray = field.forward(e, np.ones(1))[:, 0]
    return smooth


def _episodes(
    table: pd.DataFrame,
    graph: Graph,
    truth: Truth,
    eta: FloatArray,
    periods: NDArray[np.int_],
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Simulate year by year: what happened before raises what comes."""
    rate = table["population"].to_numpy(dtype=float) / 1e5 * np.exp(eta)
    year = truth.year_sd * rng.standard_normal(len(periods))
    year -= year.mean()
    counts = np.zeros((len(table), len(periods)))
    own = np.zeros((len(table), len(periods) + 1))
    fade = np.exp(-1 / HISTORY_YEARS)
    for t in range(len(periods)):
        near = neighbour_mean(graph, own[:, [t]])[:, 0]
        moved = truth.history * np.log1p(own[:, t]) + truth.spillover * np.log1p(near)
        mean = rate * np.exp(year[t] + moved)
        drawn = simulate_counts(mean[None, :], np.array([truth.dispersion]), "nb1", rng)
        counts[:, t] = drawn[0]
        own[:, t + 1] = own[:, t] * fade + counts[:, t] * np.sqrt(fade)
    return counts, own, neighbour_mean(graph, own)


def _measured(
    table: pd.DataFrame, states: Mapping[str, FloatArray], truth: Truth, rng: np.random.Generator
) -> Measurements:
    """Give each pillar one indicator by oblast, with its measurement error."""
    rows: list[dict[str, object]] = []
    weights: list[FloatArray] = []
    people = table["population"].to_numpy(dtype=float)
    for name, state in states.items():
        for code in sorted(table["oblast"].unique()):
            inside = np.where(table["oblast"] == code, people, 0.0)
            weights.append(inside / inside.sum())
            x = float(weights[-1] @ state) + truth.indicator_sd * rng.standard_normal()
            rows.append({"pillar": name, "indicator": f"{name}_rate", "area_code": code, "x": x})
    blank = {"count": np.nan, "people": np.nan, "expected": np.nan}
    frame = pd.DataFrame(rows).assign(area_level="adm1", error_sd=0.1, **blank)
    return Measurements(frame, np.array(weights))
