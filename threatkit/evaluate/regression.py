"""Forecasts by regression on the indicators: what a textbook or a composite index would say.

Each is fitted anew at every origin, on the years up to it and on the indicator values that were
published by then. Few were: early on, these forecasts know little but people and the border.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import minimize
from scipy.special import digamma, gammaln
from threadpoolctl import threadpool_limits

from threatkit.data.catalogue import Catalogue
from threatkit.errors import Fault, InvalidInput
from threatkit.evaluate.baselines import Baseline, with_counts
from threatkit.evaluate.knowledge import LAG_MONTHS, known_at
from threatkit.evaluate.outcome import Outcomes
from threatkit.geo.graph import Graph
from threatkit.model.assemble import Outcome, assemble
from threatkit.model.panel import Panel

FloatArray = NDArray[np.float64]
PanelOf = Callable[[Outcomes], Panel]

#: Standard deviation of the normal penalty on each coefficient but the level.
COEFFICIENT_SD = 1.0
#: Settings of the boosted trees: small steps, few leaves, no leaf of a handful of cells.
BOOSTING: Mapping[str, Any] = {
    "learning_rate": 0.05,
    "max_iter": 100,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 50,
    "l2_regularization": 1.0,
    "early_stopping": False,
    "random_state": 1,
}
#: Order of the areas at which a value is known, finest last: it wins.
_LEVELS = ("adm0", "adm1", "adm2")


@dataclass
class Origins:
    """What the indicators said at each origin, made once for all forecasts.

    Attributes
    ----------
    catalogue, graph, rules
        As for `threatkit.evaluate.outcome.outcomes`.
    lag_months
        As for `threatkit.evaluate.knowledge.known_at`.
    """

    catalogue: Catalogue
    graph: Graph
    rules: Outcome
    lag_months: int = LAG_MONTHS
    _panels: dict[tuple[int, int], Panel] = field(default_factory=dict)

    def panel(self, history: Outcomes) -> Panel:
        """Return the panel as it stood at the end of the last year of a history."""
        first, year = int(history.years[0]), int(history.years[-1])
        if (first, year) not in self._panels:
            at = min(date(year, 12, 31), self.rules.as_of or date.max)
            known = known_at(self.catalogue, at, lag_months=self.lag_months)
            rules = replace(self.rules, start_year=first, as_of=at)
            self._panels[first, year] = assemble(known, self.graph, rules)
        return self._panels[first, year]


def features(panel: Panel) -> pd.DataFrame:
    """Return one column an indicator, higher is worse, NaN where it is not known.

    The value of the finest area that holds a district stands for the district. Counts are
    logs of the rate per head. Columns are standardised over the districts that have a value;
    those that do not vary are left out. Column ``people`` is the log of the population.
    """
    people = panel.people
    columns = {"people": np.log(np.where(people > 0, people, np.nan))}
    columns |= {f"{name} (geometry)": values for name, values in panel.fixed.items()}
    table, weights = panel.measurements.table, panel.measurements.weights
    for name, rows in table.groupby("indicator", sort=True):
        values = np.full(len(people), np.nan)
        for level in _LEVELS:
            for place in rows.index[rows["area_level"] == level]:
                values[weights[place] > 0] = _value(table.loc[place])
        columns[str(name)] = values
    frame = pd.DataFrame(columns, index=panel.districts.index)
    spread = frame.std(ddof=0)
    varied = spread.index[spread > 1e-12]
    return (frame[varied] - frame[varied].mean()) / spread[varied]


def _value(row: pd.Series) -> float:
    if np.isnan(row["x"]):
        return float(np.log((row["count"] + 0.5) / row["people"]))
    return float(row["x"])


@dataclass(frozen=True)
class Glm:
    """Poisson or negative binomial regression on the indicators, with a normal penalty.

    The expected number is exposure x exp(level + features); an unknown value stands at the
    mean. The variance of ``nb2`` is m + m^2 / size, size fitted along.

    Attributes
    ----------
    panel_of
        Indicators as they stood at the end of a history.
    likelihood
        ``poisson`` or ``nb2``.
    """

    panel_of: PanelOf
    likelihood: str

    def __call__(self, history: Outcomes) -> FloatArray:
        """Forecast the year after the history."""
        panel = self.panel_of(history)
        made = features(panel).fillna(0.0).to_numpy()
        exposure = panel.exposure_years[panel.country_of] * panel.people[:, None]
        used = (exposure > 0) & history.covered
        counts = history.pmf @ np.arange(history.pmf.shape[-1])
        district, _ = np.nonzero(used)
        coefficients, size = fit_glm(
            made[district], counts[used], exposure[used], likelihood=self.likelihood
        )
        mean = panel.people * np.exp(coefficients[0] + made @ coefficients[1:])
        return _pmf(mean, size, history.pmf.shape[-1])


def fit_glm(
    x: FloatArray, y: FloatArray, exposure: FloatArray, *, likelihood: str
) -> tuple[FloatArray, float]:
    """Return level and coefficients, and the size of ``nb2`` (infinite for ``poisson``).

    Parameters
    ----------
    x
        Shape (cell, feature).
    y
        Counts; expected counts where they are not certain.
    exposure
        Above zero.
    likelihood
        ``poisson`` or ``nb2``. The size has a log-normal penalty, median 1, log sd 2.
    """
    design = np.column_stack([np.ones(len(x)), x])
    offset = np.log(exposure)
    free = likelihood == "nb2"

    def loss(values: FloatArray) -> tuple[float, FloatArray]:
        beta = values[: design.shape[1]]
        eta = offset + design @ beta
        mean = np.exp(np.minimum(eta, 30.0))
        penalty = 0.5 * float((beta[1:] ** 2).sum()) / COEFFICIENT_SD**2
        slope = np.append(0.0, beta[1:] / COEFFICIENT_SD**2)
        if not free:
            return (
                float((mean - y * eta).sum()) + penalty,
                design.T @ (mean - y) + slope,
            )
        log_size = values[-1]
        size = np.exp(log_size)
        ratio = np.log1p(mean / size)
        value = -(gammaln(y + size) - gammaln(size) - size * ratio + y * (eta - log_size - ratio))
        toward = (mean - y) / (1.0 + mean / size)
        by_size = -size * (digamma(y + size) - digamma(size) - ratio + (mean - y) / (size + mean))
        gradient = np.append(design.T @ toward + slope, by_size.sum() + log_size / 4.0)
        return float(value.sum()) + penalty + log_size**2 / 8.0, gradient

    start = np.zeros(design.shape[1] + free)
    start[0] = np.log((y.sum() + 0.5) / exposure.sum())
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 2000})
    if free:
        return found.x[:-1], float(np.exp(found.x[-1]))
    return found.x, float("inf")


def _pmf(mean: FloatArray, size: float, bins: int) -> FloatArray:
    """Return distributions of counts, the last bin open."""
    counts = np.arange(bins - 1)
    if np.isinf(size):
        pmf = stats.poisson.pmf(counts, mean[:, None])
    else:
        pmf = stats.nbinom.pmf(counts, size, size / (size + mean[:, None]))
    rest = np.clip(1.0 - pmf.sum(axis=1, keepdims=True), 0.0, 1.0)
    return np.concatenate([pmf, rest], axis=1)


@dataclass(frozen=True)
class Composite:
    """An index as INFORM makes one, mapped to a probability by the past.

    Each indicator runs from 0 to 10 over the districts; a pillar is their mean, the index the
    geometric mean of the pillars, all of equal weight and over what is known. A logistic curve
    on the index, fitted on the years up to the origin, gives the probability.
    """

    panel_of: PanelOf

    def __call__(self, history: Outcomes) -> FloatArray:
        """Forecast the year after the history."""
        panel = self.panel_of(history)
        index = composite(panel)
        index = (index - index.mean()) / (index.std() or 1.0)
        used = history.covered & (panel.people > 0)[:, None]
        district, _ = np.nonzero(used)
        prob = _logistic(index[district], history.event[used], history.part[used])
        return with_counts(prob(index), history)


def composite(panel: Panel) -> FloatArray:
    """Return the index of each district, 0 to 10, higher is worse."""
    frame = features(panel).drop(columns="people", errors="ignore")
    low, high = frame.min(), frame.max()
    scaled = 10.0 * (frame - low) / (high - low)
    pillar = dict(panel.measurements.table[["indicator", "pillar"]].itertuples(index=False))
    of = [pillar.get(name, name.removesuffix(" (geometry)")) for name in scaled]
    pillars = scaled.T.groupby(of).mean().T
    index: FloatArray = np.exp(np.log(pillars.clip(lower=0.1)).mean(axis=1)).to_numpy()
    return np.where(np.isnan(index), np.nanmean(index), index)


def _logistic(x: FloatArray, event: FloatArray, part: FloatArray) -> Any:
    """Return the curve of the probability of a whole year over x, by penalised likelihood."""

    def loss(values: FloatArray) -> float:
        none = part * np.log1p(-_curve(values, x))
        some = np.log(-np.expm1(none))
        return float(-(event * some + (1.0 - event) * none).sum() + 0.5 * values[1] ** 2)

    base = (event.sum() + 0.5) / (part.sum() + 1.0)
    start = np.array([np.log(base / (1.0 - base)), 0.0])
    found = minimize(loss, start, method="Nelder-Mead").x
    return lambda at: _curve(found, at)


def _curve(values: FloatArray, x: FloatArray) -> FloatArray:
    logit = np.clip(values[0] + values[1] * x, -20.0, 20.0)
    curve: FloatArray = 1.0 / (1.0 + np.exp(-logit))
    return curve


@dataclass(frozen=True)
class Boosting:
    """Boosted trees on the indicators and on recent violence at home and next door.

    Recent violence is the decayed number of episodes before the start of each year, as the
    model has it. Unknown values stay unknown: trees take them as they are.
    """

    panel_of: PanelOf

    def __call__(self, history: Outcomes) -> FloatArray:
        """Forecast the year after the history.

        Raises
        ------
        InvalidInput
            Without scikit-learn.
        """
        panel = self.panel_of(history)
        still = features(panel).to_numpy()
        used = history.covered & (panel.people > 0)[:, None]
        district, year = np.nonzero(used)
        x = np.column_stack([still[district], _recent(panel, year)[district, year]])
        event, part = history.event[used], history.part[used]
        weight = np.concatenate([event, (1.0 - event) * part])
        kept = weight > 0
        trees = _trees()
        now = np.stack([panel.history[:, -1], panel.spillover[:, -1]], axis=-1)
        with threadpool_limits(limits=1):
            trees.fit(
                np.concatenate([x, x])[kept],
                np.repeat([1, 0], len(x))[kept],
                sample_weight=weight[kept],
            )
            prob = trees.predict_proba(np.column_stack([still, now]))[:, 1]
        return with_counts(np.asarray(prob, dtype=float), history)


def _recent(panel: Panel, year: NDArray[np.int_]) -> FloatArray:
    """Return memory of own and neighbours' episodes, shape (district, year, 2)."""
    last = int(year.max()) + 1
    return np.stack([panel.history[:, :last], panel.spillover[:, :last]], axis=-1)


def _trees() -> Any:
    try:
        ensemble = import_module("sklearn.ensemble")
    except ModuleNotFoundError:
        raise InvalidInput(
            Fault(
                "the baseline 'gradient boosting'",
                "scikit-learn is installed",
                "it is not",
                "Install it with: pip install 'threatkit[evaluate]'",
            )
        ) from None
    return ensemble.HistGradientBoostingClassifier(**BOOSTING)


def indicator_baselines(panel_of: PanelOf) -> Mapping[str, Baseline]:
    """Return the regressions on indicators by name.

    Parameters
    ----------
    panel_of
        Returns the panel as it stood at the end of a history, as `Origins.panel` does.
    """
    return {
        "composite index": Composite(panel_of),
        "Poisson regression": Glm(panel_of, "poisson"),
        "negative binomial regression": Glm(panel_of, "nb2"),
        "gradient boosting": Boosting(panel_of),
    }
