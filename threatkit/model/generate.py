"""A whole data set drawn from a specification: parameters from its priors, a panel from them.

The generative model of docs/model.md, written in numpy by itself and not taken from either
engine, so that a fault of an engine shows as a rank that is not uniform. The panel given by
the specification lends its shape: districts, borders, people, coverage, which indicator is
known where and how well. Every episode is known to its district: the weights of episodes known
only to an oblast belong to the evidence, not to a process that could make it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from threatkit.errors import Fault, InvalidInput
from threatkit.model.build import LEAST_POPULATION_ERROR, STUDENT_NU
from threatkit.model.course import PARTIAL, movement_coords, movements
from threatkit.model.field import field_basis
from threatkit.model.forecast import simulate_counts
from threatkit.model.panel import (
    HISTORY_YEARS,
    REFERENCE_REGIME,
    Measurements,
    Panel,
    area_weights,
    covered_part,
    neighbour_mean,
)
from threatkit.model.priors import Prior
from threatkit.model.spec import ModelSpec, Priors, indicator_names

FloatArray = NDArray[np.float64]

#: A mean above this in one district and year means that the priors let history run away.
HIGHEST_MEAN = 1e5


@dataclass(frozen=True)
class Generated:
    """A data set and what it was made from.

    Attributes
    ----------
    spec
        The specification, with the generated panel in place of the one that lent its shape.
    truth
        One draw (chain 1, draw 1) under the names and dims of the engines' draws: the
        parameters, ``eta``, its parts, and the effects of countries and years.
    """

    spec: ModelSpec
    truth: xr.Dataset


def generate(
    spec: ModelSpec, *, seed: int | Sequence[int], priors: Priors | None = None
) -> Generated:
    """Draw parameters and a panel.

    Parameters
    ----------
    spec
        The model, and the panel that lends its shape.
    seed
        Of everything that is drawn.
    priors
        From which the parameters are drawn; those of the specification if none are given.
        Fixed values make a study from known parameters.

    Raises
    ------
    InvalidInput
        If the mean of a cell runs away, or no episode happens at all: such priors do not give
        panels that can be fitted, and drawing again would bias what is learned from the rest.
    """
    return _Generator(spec, priors or spec.priors, np.random.default_rng(seed)).run()


def restrict(panel: Panel, codes: Sequence[str]) -> Panel:
    """Return the part of a panel that lies in some districts: a smaller panel of its shape.

    Indicators of areas without a district inside are left out; the others speak of the part of
    their area that is inside.
    """
    keep = panel.districts.index.isin(list(codes))
    districts = panel.districts[keep]
    countries = np.isin(panel.countries, districts["country"].unique())
    position = np.cumsum(keep) - 1
    cells = panel.cells[keep[panel.cells["district"].to_numpy(dtype=int)]]
    table = panel.measurements.table
    weights = area_weights(table, districts) if len(table) else np.zeros((0, len(districts)))
    held = weights.sum(axis=1) > 0
    people = panel.districts["population"].fillna(0.0).to_numpy(dtype=float)
    share = (panel.measurements.weights[:, keep] > 0) @ people[keep]
    share = share / ((panel.measurements.weights > 0) @ people) if len(table) else share
    for name in ("people", "expected"):
        table = table.assign(**{name: table[name] * share})
    return replace(
        panel,
        districts=districts,
        graph=panel.graph.subset(list(districts.index)),
        exposure_years=panel.exposure_years[countries],
        regime=panel.regime[countries],
        cells=cells.assign(district=position[cells["district"].to_numpy(dtype=int)]),
        history=panel.history[keep],
        spillover=panel.spillover[keep],
        afghan=panel.afghan[keep],
        fixed={name: values[keep] for name, values in panel.fixed.items()},
        measurements=Measurements(table[held].reset_index(drop=True), weights[held]),
    )


class _Generator:
    """One data set on its way."""

    def __init__(self, spec: ModelSpec, priors: Priors, rng: np.random.Generator) -> None:
        self.spec, self.priors, self.rng = spec, priors, rng
        self.panel = spec.panel
        self.values: dict[str, tuple[tuple[str, ...], Any]] = {}

    def run(self) -> Generated:
        spec, panel = self.spec, self.panel
        parts: dict[str, FloatArray] = {
            "country": self._country(),
            "space": self._space(),
            "people": self._people(),
        }
        states = {name: self._state(name) for name in spec.pillars}
        measured = self._measured(states)
        parts |= self._pillars(states)
        eta = self._scalar("intercept") + np.sum(list(parts.values()), axis=0)
        for name, part in parts.items():
            self._keep(f"part_{name}", part, "district")
        self._keep("eta", eta, "district")
        drawn = self._episodes(eta, self._exposure() * np.exp(self._movement()))
        made = replace(panel, measurements=measured, **drawn)
        return Generated(replace(spec, panel=made), self._truth())

    def _keep(self, name: str, value: Any, *dims: str) -> None:
        self.values[name] = (dims, np.asarray(value, dtype=float))

    def _draw(self, prior: Prior, size: int | None = None) -> Any:
        if prior.family == "fixed":
            return prior.values[0] if size is None else np.full(size, prior.values[0])
        return prior.frozen().rvs(size=size, random_state=self.rng)

    def _scalar(self, name: str, prior: str | None = None) -> float:
        value = float(self._draw(getattr(self.priors, prior or name)))
        self._keep(name, value)
        return value

    def _vector(self, name: str, dim: str, size: int) -> FloatArray:
        value: FloatArray = self._draw(getattr(self.priors, name), size)
        self._keep(name, value, dim)
        return value

    def _sum_to_zero(self, size: int) -> FloatArray:
        values: FloatArray = self.rng.standard_normal(size)
        centred: FloatArray = values - values.mean()
        return centred

    def _country(self) -> FloatArray:
        countries = len(self.panel.countries)
        if countries == 1:
            return np.zeros(len(self.panel.districts))
        effect = self._scalar("country_sd") * self._sum_to_zero(countries)
        self._keep("country_effect", effect, "country")
        part: FloatArray = effect[self.panel.country_of]
        return part

    def _space(self) -> FloatArray:
        made = field_basis(**self.spec.field_arguments)
        sd = self._scalar("field_sd")
        plain = self.rng.standard_normal(len(self.panel.districts))
        if not made.basis.shape[1]:
            return sd * plain
        mixing = self._scalar("field_mixing")
        structured = made.basis @ self.rng.standard_normal(made.basis.shape[1])
        own = np.where(made.island, 1.0, np.sqrt(1 - mixing))
        part: FloatArray = sd * (np.sqrt(mixing) * structured + own * plain)
        return part

    def _people(self) -> FloatArray:
        log_sd = self.panel.districts["population_log_sd"].fillna(0.0).to_numpy(dtype=float)
        error = np.where(log_sd > LEAST_POPULATION_ERROR, log_sd, 0.0)
        part = error * self.rng.standard_normal(len(log_sd))
        power = self._scalar("population_power")
        people = np.where(self.panel.people > 0, self.panel.people, 1.0)
        return part + (power - 1.0) * (np.log(people) - np.log(people).mean())

    def _state(self, name: str) -> FloatArray:
        """Return a pillar before centring: geometry, countries, oblasts in them, districts."""
        panel, rng = self.panel, self.rng
        state = np.array(panel.fixed.get(name, np.zeros(len(panel.districts))), dtype=float)
        table = panel.measurements.table
        levels = set(table.loc[table["pillar"] == name, "area_level"])
        if not levels:
            return state
        sd = self._scalar(f"{name}_country_sd", "pillar_country_sd")
        state += sd * rng.standard_normal(len(panel.countries))[panel.country_of]
        if not levels & {"adm1", "adm2"} and len(panel.oblasts) == len(panel.countries):
            return state
        sd = self._scalar(f"{name}_oblast_sd", "pillar_oblast_sd")
        state += sd * rng.standard_normal(len(panel.oblasts))[panel.oblast_of]
        if "adm2" in levels:
            sd = self._scalar(f"{name}_district_sd", "pillar_district_sd")
            state += sd * rng.standard_normal(len(panel.districts))
        return state

    def _pillars(self, states: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        if not states:
            return {}
        weights = self._vector("pillar_weight", "pillar", len(states))
        share = self.panel.people / self.panel.people.sum()
        return {
            name: weight * (state - share @ state)
            for weight, (name, state) in zip(weights, states.items(), strict=True)
        }

    def _measured(self, states: Mapping[str, FloatArray]) -> Measurements:
        """Return the indicators of the panel with values drawn for these states."""
        measured = self.panel.measurements
        inside = measured.table["pillar"].isin(self.spec.pillars).to_numpy(dtype=bool)
        if not inside.any():
            return measured
        table, weights = measured.table[inside].reset_index(drop=True), measured.weights[inside]
        names = list(indicator_names(self.spec))
        at = pd.Index(names).get_indexer(pd.Index(table["indicator"]))
        loading, level, extra = (
            self._vector(name, "indicator", len(names))[at]
            for name in ("loading", "definition_level", "indicator_sd")
        )
        raw = np.zeros(len(table))
        for name, state in states.items():
            rows = (table["pillar"] == name).to_numpy(dtype=bool)
            raw[rows] = weights[rows] @ state
        mean = loading * raw + level
        variance = extra**2 + table["error_sd"].to_numpy(dtype=float) ** 2
        x = mean + np.sqrt(variance) * self.rng.standard_t(STUDENT_NU, len(table))
        counted = table["count"].notna().to_numpy(dtype=bool)
        expected = np.where(counted, table["expected"].to_numpy(dtype=float), 1.0) * np.exp(mean)
        size = 1.0 / np.expm1(variance)
        count = self.rng.poisson(self.rng.gamma(size) * expected / size)
        table = table.assign(x=np.where(counted, np.nan, x), count=np.where(counted, count, np.nan))
        return Measurements(table, weights)

    def _exposure(self) -> FloatArray:
        """Return years of exposure with year effect and detection, (district, period)."""
        spec, panel = self.spec, self.panel
        log = np.zeros(panel.exposure_years.shape)
        periods = len(panel.periods)
        if spec.year_effect != "none" and periods > 1:
            sd = self._scalar("year_sd")
            steps = self.rng.standard_normal(periods)
            raw = np.cumsum(steps) if spec.year_effect == "walk" else steps
            effect = sd * (raw - raw.mean())
            self._keep("year_effect", effect, "period")
            log += effect
        for position, name in enumerate(panel.regimes):
            if spec.detection and name != REFERENCE_REGIME:
                log += self._scalar(f"detection_{name}") * (panel.regime == position)
            elif not spec.detection and name in PARTIAL:
                log += np.log(spec.partial_coverage) * (panel.regime == position)
        factor: FloatArray = panel.exposure_years * np.exp(log)
        return factor[panel.country_of]

    def _movement(self) -> FloatArray:
        """Return the slow movement of regions and oblasts, shape (district, period)."""
        total = np.zeros((len(self.panel.districts), len(self.panel.periods)))
        for term in movements(self.spec):
            sd = self._scalar(f"{term.name}_sd")
            keep = self._scalar(f"{term.name}_persistence")
            level = [sd * self._sum_to_zero(len(term.groups))]
            for _ in term.starts[1:]:
                news = np.sqrt(1 - keep**2) * sd * self._sum_to_zero(len(term.groups))
                level.append(keep * level[-1] + news)
            self._keep(term.name, level, f"{term.name}_start", f"{term.name}_group")
            total += np.array(level)[term.epoch_of][:, term.of].T
        return total

    def _episodes(self, eta: FloatArray, exposure: FloatArray) -> dict[str, Any]:
        """Simulate year by year, since what happened before moves what comes."""
        spec, panel = self.spec, self.panel
        spread = {"nb1": "dispersion", "nb2": "size"}.get(spec.likelihood)
        dispersion = np.array([self._scalar(spread) if spread else 0.0])
        terms = [
            (name, self._scalar(name))
            for name in ("history", "spillover", "afghan_spillover")
            if getattr(spec, name)
        ]
        own, near = panel.history.copy(), panel.spillover.copy()
        rate = panel.people * np.exp(eta)
        counts = np.zeros((len(rate), len(panel.periods)))
        for t, year in enumerate(panel.periods):
            now = {
                "history": np.log1p(own[:, t]),
                "spillover": np.log1p(near[:, t]),
                "afghan_spillover": panel.afghan[:, t],
            }
            moved = sum(coefficient * now[name] for name, coefficient in terms)
            mean = rate * exposure[:, t] * np.exp(moved)
            if not mean.max() <= HIGHEST_MEAN:
                raise _unfit(f"{mean.max():.3g} episodes in one district and year")
            counts[:, t] = simulate_counts(mean[None], dispersion, spec.likelihood, self.rng)[0]
            length = covered_part(int(year), panel.as_of)
            fade, fresh = np.exp(-length / HISTORY_YEARS), np.exp(-length / 2 / HISTORY_YEARS)
            own[:, t + 1] = own[:, t] * fade + counts[:, t] * fresh
            near[:, t + 1] = neighbour_mean(panel.graph, own[:, [t + 1]])[:, 0]
        if not counts.any():
            raise _unfit("no episode at all")
        district, period = np.nonzero(counts)
        number = counts[district, period].astype(int)
        cells = pd.DataFrame(
            {"district": district, "period": period, "count": number, "weight": 1.0}
        )
        return {"cells": cells, "history": own, "spillover": near}

    def _truth(self) -> xr.Dataset:
        panel = self.panel
        coords = {
            "district": list(panel.districts.index),
            "country": list(panel.countries),
            "period": [int(year) for year in panel.periods],
            "pillar": list(self.spec.pillars),
            "indicator": list(indicator_names(self.spec)),
            **movement_coords(self.spec),
        }
        used = {dim for dims, _ in self.values.values() for dim in dims}
        return xr.Dataset(
            {
                name: (("chain", "draw", *dims), value[None, None])
                for name, (dims, value) in self.values.items()
            },
            coords={name: values for name, values in coords.items() if name in used},
        )


def _unfit(found: str) -> InvalidInput:
    return InvalidInput(
        Fault(
            "the priors of the simulation",
            "they give panels that can be fitted",
            found,
            "Narrow them: leaving such panels out would bias what is learned from the others",
        )
    )
