"""Latent pillars and the likelihood of their indicators, by hand, many points at once.

The same terms as `threatkit.model.build` gives to PyMC; see `threatkit.model.density`.
"""

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.special import gammaln, psi

from threatkit.model.build import STUDENT_NU
from threatkit.model.centring import LEAST_KNOWN
from threatkit.model.coordinates import Layout, Values
from threatkit.model.oblasts import Known, Oblasts
from threatkit.model.outcome import incidence
from threatkit.model.spec import ModelSpec, indicator_names

FloatArray = NDArray[np.float64]


class Pillar:
    """One pillar over districts: geometry, oblast effects around their country's, and rest."""

    def __init__(
        self, spec: ModelSpec, name: str, layout: Layout, *, centred: bool = False
    ) -> None:
        panel = spec.panel
        self.name = name
        self._centred = centred
        self.share = panel.people / panel.people.sum()
        self._fixed = panel.fixed.get(name, np.zeros(len(panel.districts)))[:, None]
        table = panel.measurements.table
        levels = set(table.loc[table["pillar"] == name, "area_level"])
        self._country_of, self._oblast_of = panel.country_of, panel.oblast_of
        countries, oblasts = len(panel.countries), len(panel.oblasts)
        frame = panel.districts.drop_duplicates("oblast").set_index("oblast")
        country = frame.loc[list(panel.oblasts), "country"]
        self._oblast_country = pd.Index(panel.countries).get_indexer(pd.Index(country))
        self._sum_oblast = incidence(self._oblast_of, oblasts)
        self._sum_country = incidence(self._country_of, countries)
        self._levels: list[str] = []
        if levels:
            layout.add(f"{name}_country_sd", prior=spec.priors.pillar_country_sd)
            layout.add(f"{name}_country", countries)
            self._levels.append("country")
            if levels & {"adm1", "adm2"} or oblasts != countries:
                layout.add(f"{name}_oblast_sd", prior=spec.priors.pillar_oblast_sd)
                layout.add(f"{name}_oblast", oblasts)
                self._levels.append("oblast")
                self._sum_country = incidence(self._oblast_country, countries)
                if "adm2" in levels:
                    layout.add(f"{name}_district_sd", prior=spec.priors.pillar_district_sd)
                    layout.add(f"{name}_district", len(panel.districts))
                    self._levels.append("district")
        self._held = Oblasts(spec, name, self._fixed, self._oblast_of, self._oblast_country)

    def known(self, values: Values) -> Known:
        """Return what the indicators say of the oblasts' effects."""
        held = values.memo.get(self.name)
        if not isinstance(held, Known):
            effect = values.vector(f"{self.name}_country")
            country = values.scalar(f"{self.name}_country_sd") * effect
            held = self._held.known(values, country, values.scalar(f"{self.name}_oblast_sd"))
            values.memo[self.name] = held
        return held

    def tight(self, values: Values) -> bool:
        """Return whether indicators hold an oblast's effect more than its prior does."""
        if "oblast" not in self._levels or not self._held.any:
            return False
        return bool((self.known(values).q > 1 + LEAST_KNOWN).any())

    def left(self, values: Values) -> FloatArray:
        """Return what the density of centred coordinates leaves out, shape (points,)."""
        if not self._centred:
            return np.zeros(values.count)
        return self._held.left(values, self.known(values))

    def effects(self, values: Values) -> dict[str, FloatArray]:
        """Return the effects of countries and oblasts, and the districts' own coordinates."""
        name = self.name
        effects: dict[str, FloatArray] = {}
        if "country" in self._levels:
            country = values.scalar(f"{name}_country_sd") * values.vector(f"{name}_country")
            effects[f"{name}_country"] = country
        if "oblast" in self._levels:
            raw = self.known(values).e if self._centred else values.vector(f"{name}_oblast")
            own = values.scalar(f"{name}_oblast_sd") * raw
            effects[f"{name}_oblast"] = country[self._oblast_country] + own
        if "district" in self._levels:
            effects[f"{name}_district"] = values.vector(f"{name}_district")
        return effects

    def state(self, values: Values) -> FloatArray:
        """Return the state before centring, shape (district, points)."""
        effects = self.effects(values)
        state = self._fixed * np.ones(values.count)
        if "oblast" in self._levels:
            state += effects[f"{self.name}_oblast"][self._oblast_of]
        elif "country" in self._levels:
            state += effects[f"{self.name}_country"][self._country_of]
        if "district" in self._levels:
            sd = values.scalar(f"{self.name}_district_sd")
            state += sd * effects[f"{self.name}_district"]
        return state

    def push(self, values: Values, grad: FloatArray) -> None:
        """Pass the derivative by the state on to the effects."""
        if "district" in self._levels:
            self._push(values, "district", grad)
        if "oblast" in self._levels:
            by_oblast = self._sum_oblast @ grad
            if self._centred:
                sd, known = values.scalar(f"{self.name}_oblast_sd"), self.known(values)
                values.push(f"{self.name}_oblast_sd", np.einsum("ij,ij->j", by_oblast, known.e))
                more = self._held.push(values, known, sd * by_oblast, sd)
            else:
                self._push(values, "oblast", by_oblast)
            grad = by_oblast
        if "country" in self._levels:
            by_country = self._sum_country @ grad
            if self._centred:
                by_country += more
            self._push(values, "country", by_country)

    def _push(self, values: Values, level: str, grad: FloatArray) -> None:
        block, sd = f"{self.name}_{level}", f"{self.name}_{level}_sd"
        values.push(block, values.scalar(sd) * grad)
        values.push(sd, np.einsum("ij,ij->j", grad, values.vector(block)))


class Measured:
    """The likelihood of the indicators; see `threatkit.model.build._measure`."""

    blocks = ("loading", "definition_level", "indicator_sd")

    def __init__(self, spec: ModelSpec, pillars: list[Pillar], layout: Layout) -> None:
        measured = spec.panel.measurements
        inside = measured.table["pillar"].isin(spec.pillars).to_numpy()
        table = measured.table[inside].reset_index(drop=True)
        self.rows = len(table)
        self._pillars = pillars
        if not self.rows:
            return
        names = list(indicator_names(spec))
        self._indicator = pd.Index(names).get_indexer(pd.Index(table["indicator"]))
        for block in self.blocks:
            layout.add(block, len(names), getattr(spec.priors, block))
        self._of_pillar = [np.flatnonzero(table["pillar"] == pillar.name) for pillar in pillars]
        weights = measured.weights[inside]
        self._weights = [sp.csr_array(weights[rows]) for rows in self._of_pillar]
        self._error = table["error_sd"].to_numpy(dtype=float)[:, None] ** 2
        counted = table["count"].notna().to_numpy()
        self._plain, self._counted = np.flatnonzero(~counted), np.flatnonzero(counted)
        self._x = table["x"].to_numpy(dtype=float)[self._plain, None]
        self._count = table["count"].to_numpy(dtype=float)[self._counted, None]
        self._offset = np.log(table["expected"].to_numpy(dtype=float)[self._counted, None])
        self._constant = float(gammaln(self._count + 1).sum())
        self._sum = np.zeros((len(names), self.rows))
        self._sum[self._indicator, np.arange(self.rows)] = 1.0

    def push(
        self, values: Values, states: list[FloatArray]
    ) -> tuple[list[FloatArray | None], FloatArray]:
        """Return the derivatives by the states, and the log-likelihood of the indicators."""
        by_state: list[FloatArray | None] = [None] * len(states)
        logp = np.zeros(values.count)
        if not self.rows:
            return by_state, logp
        loading, level, extra = (values.vector(block) for block in self.blocks)
        raw = np.zeros((self.rows, values.count))
        for state, rows, weights in zip(states, self._of_pillar, self._weights, strict=True):
            raw[rows] = weights @ state
        at = self._indicator % len(loading)
        mean = loading[at] * raw + level[self._indicator % len(level)]
        variance = extra[self._indicator % len(extra)] ** 2 + self._error
        by_mean, by_variance = np.zeros_like(mean), np.zeros_like(mean)
        for rows, part in ((self._plain, self._student), (self._counted, self._counts)):
            if len(rows):
                own, by_mean[rows], by_variance[rows] = part(mean[rows], variance[rows])
                logp += own
        values.push("loading", self._sum @ (by_mean * raw))
        values.push("definition_level", self._sum @ by_mean)
        spread = extra[self._indicator % len(extra)]
        values.push("indicator_sd", self._sum @ (2 * spread * by_variance))
        along = loading[at] * by_mean
        for number, (rows, weights) in enumerate(zip(self._of_pillar, self._weights, strict=True)):
            if len(rows):
                by_state[number] = weights.T @ along[rows]
        return by_state, logp

    def _student(
        self, mean: FloatArray, variance: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        gap = self._x - mean
        squared = gap**2 / (STUDENT_NU * variance)
        logp = (-0.5 * np.log(variance) - (STUDENT_NU + 1) / 2 * np.log1p(squared)).sum(axis=0)
        pull = (STUDENT_NU + 1) / (1 + squared)
        by_mean = pull * gap / (STUDENT_NU * variance)
        return logp, by_mean, (-0.5 + 0.5 * pull * squared) / variance

    def _counts(
        self, mean: FloatArray, variance: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        log_mu = np.minimum(self._offset + mean, 100.0)
        alpha = 1 / np.expm1(np.minimum(variance, 100.0))
        k = self._count
        log_ratio = np.logaddexp(np.log(alpha), log_mu)
        logp = gammaln(k + alpha) - gammaln(alpha) + alpha * (np.log(alpha) - log_ratio)
        logp += k * (log_mu - log_ratio)
        below = np.exp(-log_ratio)
        by_mean = alpha * (k - np.exp(log_mu)) * below
        by_alpha = psi(k + alpha) - psi(alpha) + np.log(alpha) - log_ratio
        by_alpha += 1 - (alpha + k) * below
        return logp.sum(axis=0) - self._constant, by_mean, -by_alpha * alpha * (1 + alpha)
