"""The log posterior density of a specification with its gradient, by hand, many points at once.

The same model as `threatkit.model.build`, term by term, in coordinates that are standard
normal before the data wherever the prior is; a test holds the two to each other. Written out
in matrix products over a few dozen points, a gradient costs a fraction of what one point
alone costs, and nothing has to be compiled.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from threatkit.model.build import LEAST_POPULATION_ERROR
from threatkit.model.centring import centring
from threatkit.model.coordinates import Layout, Values
from threatkit.model.exposure import Exposure, zero_sum_basis
from threatkit.model.outcome import Outcome, Pushed, dynamics, incidence
from threatkit.model.pillars import Measured, Pillar
from threatkit.model.sparsefield import Field, SparseField, make_field
from threatkit.model.spec import ModelSpec, indicator_names
from threatkit.model.whitening import Chosen, Direct, Reference, Space, Whitened

FloatArray = NDArray[np.float64]


class Density:
    """Log density of a specification at points of shape (size, points)."""

    def __init__(self, spec: ModelSpec, *, centring: Chosen | None = None) -> None:
        """Lay out the coordinates.

        Parameters
        ----------
        spec
            The specification.
        centring
            From `centred`; None leaves all coordinates non-centred.
        """
        self.spec = spec
        chosen = centring or Chosen()
        self.layout = Layout()
        self._outcome = Outcome(spec)
        self._field: Field
        self._space: Space
        if isinstance(chosen.field, Whitened):
            self._field, self._space = chosen.field.field, chosen.field
        else:
            self._field = make_field(**spec.field_arguments)
            self._space = Direct(self._field, chosen.field)
        self._add_hyperparameters()
        self._add_people()
        self._pillars = [
            Pillar(spec, name, self.layout, centred=name in chosen.pillars) for name in spec.pillars
        ]
        self._measured = Measured(spec, self._pillars, self.layout)
        self._exposure = Exposure(spec, self.layout, chosen.years)
        self.layout.add("field", self._field.size)

    @property
    def indicators(self) -> list[str]:
        """Return the measured indicators, in the order of their parameters."""
        return list(indicator_names(self.spec))

    @property
    def size(self) -> int:
        """Return the number of coordinates."""
        return self.layout.size

    @property
    def curved(self) -> NDArray[np.intp]:
        """Return the coordinates along which the curvature varies."""
        return self.layout.curved

    @property
    def whitens(self) -> bool:
        """Return whether `centred` whitens the field: one too long for its eigenvectors."""
        return self._sparse is not None

    @property
    def _sparse(self) -> SparseField | None:
        field = self._field
        return field if field.mixed and isinstance(field, SparseField) else None

    def _add_hyperparameters(self) -> None:
        spec, layout, panel = self.spec, self.layout, self.spec.panel
        priors = spec.priors
        layout.add("intercept", prior=priors.intercept)
        layout.add("field_sd", prior=priors.field_sd)
        if self._field.mixed:
            layout.add("field_mixing", prior=priors.field_mixing)
        name = {"nb1": "dispersion", "nb2": "size"}.get(spec.likelihood)
        if name:
            layout.add(name, prior=getattr(priors, name))
        self._spread = name
        self._dynamics = list(dynamics(spec))
        for term in self._dynamics:
            layout.add(term, prior=getattr(priors, term))
        countries = len(panel.countries)
        if countries > 1:
            layout.add("country_sd", prior=priors.country_sd)
            layout.add("country_raw", countries - 1)
        self._country_of = panel.country_of
        self._country_basis = zero_sum_basis(countries)
        self._member = incidence(panel.country_of, countries)
        layout.add("population_power", prior=priors.population_power)
        if spec.pillars:
            layout.add("pillar_weight", len(spec.pillars), priors.pillar_weight)

    def _add_people(self) -> None:
        panel = self.spec.panel
        log_sd = panel.districts["population_log_sd"].fillna(0.0).to_numpy(dtype=float)
        self._uncertain = np.flatnonzero(log_sd > LEAST_POPULATION_ERROR)
        self._log_sd = log_sd[self._uncertain, None]
        people = np.where(panel.people > 0, panel.people, 1.0)
        self._log_people = (np.log(people) - np.log(people).mean())[:, None]
        self.layout.add("population_error", len(self._uncertain))

    def __call__(self, point: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return log density, shape (points,), and gradient, shape (size, points)."""
        values = Values(self.layout, point)
        parts = self._parts(values)
        eta = values.scalar("intercept") + sum(parts["eta"].values())
        pushed = self._push_outcome(values, eta, parts)
        logp = pushed.logp
        for row, name in enumerate(self._dynamics):
            values.push(name, pushed.coefficients[row])
        if self._spread:
            values.push(self._spread, pushed.spread)
        self._exposure.push(values, pushed.log_exposure)
        by_mean, by_other = self._measured.push(values, parts["states"])
        self._push_eta(values, parts, pushed.eta, by_mean)
        left = parts["field"].left + self._exposure.left(values)
        left += sum(pillar.left(values) for pillar in self._pillars)
        return values.finish(logp + by_other + left)

    def _parts(self, values: Values) -> dict[str, Any]:
        states = [pillar.state(values) for pillar in self._pillars]
        eta = {
            "country": self._country(values)[self._country_of],
            "space": np.zeros(values.count),
            "people": self._people(values),
        }
        centred = [
            state - pillar.share @ state
            for pillar, state in zip(self._pillars, states, strict=True)
        ]
        for row, pillar in enumerate(self._pillars):
            eta[pillar.name] = (
                values.vector("pillar_weight")[row % self._weights(values)] * centred[row]
            )
        sd, mixing = values.scalar("field_sd"), self._mixing(values)
        follows = self._space.follows
        rest = values.scalar("intercept") + sum(eta.values()) if follows else eta["space"]
        field = self._space.forward(values.vector("field"), sd, mixing, rest)
        eta["space"] = sd * field.unit
        return {
            "eta": eta,
            "field": field,
            "states": states,
            "centred": centred,
            "log_exposure": self._exposure.forward(values),
        }

    def _mixing(self, values: Values) -> FloatArray:
        return values.scalar("field_mixing") if self._field.mixed else np.zeros(values.count)

    def centred(self, point: FloatArray) -> Chosen:
        """Return the centring that a mode given the hyperparameters asks for.

        Parameters
        ----------
        point
            Shape (size,), of a density without centring.
        """
        values = Values(self.layout, np.repeat(point[:, None], 2, axis=1))
        parts = self._parts(values)
        eta = values.scalar("intercept") + sum(parts["eta"].values())
        step = 1e-4 * np.array([1.0, -1.0])
        pushed = self._push_outcome(values, eta + step, parts)
        ahead, behind = pushed.eta.T
        known = np.maximum((behind - ahead) / 2e-4, 0.0)
        tight = tuple(pillar.name for pillar in self._pillars if pillar.tight(values))
        sd, mixing = values.scalar("field_sd"), self._mixing(values)
        if self._sparse is not None:
            score = (ahead + behind) / 2
            pull = np.divide(score, known, out=np.zeros_like(known), where=known > 0)
            target = eta[:, 0] + pull
            found = Reference(known, target, float(sd[0]), float(mixing[0]))
            ahead, behind = pushed.log_exposure.T
            years = self._exposure.centring(values, np.maximum((behind - ahead) / 2e-4, 0.0))
            return Chosen(Whitened(self._sparse, found), tight, years)
        own = self._field.own
        scale = sd * self._field.spread(mixing)[0]
        raw, known = values.vector("field")[own, 0], self._field.information(known)
        return Chosen(centring(raw, scale[:, 0], known), tight)

    def _push_outcome(self, values: Values, eta: FloatArray, parts: dict[str, Any]) -> Pushed:
        coefficients = (
            np.vstack([values.vector(name) for name in self._dynamics])
            if self._dynamics
            else np.zeros((0, values.count))
        )
        spread = values.scalar(self._spread) if self._spread else np.ones(values.count)
        return self._outcome.push(eta, parts["log_exposure"], coefficients, spread)

    def _weights(self, values: Values) -> int:
        return len(values.vector("pillar_weight"))

    def _country(self, values: Values) -> FloatArray:
        if "country_raw" not in self.layout:
            return np.zeros((1, values.count))
        raw = self._country_basis @ values.vector("country_raw")
        effect: FloatArray = values.scalar("country_sd") * raw
        return effect

    def _people(self, values: Values) -> FloatArray:
        part = (values.scalar("population_power") - 1.0) * self._log_people
        part[self._uncertain] += self._log_sd * values.vector("population_error")
        return part

    def _push_eta(
        self,
        values: Values,
        parts: dict[str, Any],
        grad: FloatArray,
        by_state: list[FloatArray | None],
    ) -> None:
        by_u, by_sd, by_mixing, by_rest = self._space.backward(
            grad, parts["field"], values.scalar("field_sd"), self._mixing(values)
        )
        values.push("field", by_u)
        values.push("field_sd", by_sd)
        if self._field.mixed:
            values.push("field_mixing", by_mixing)
        if by_rest is not None:
            grad = grad + by_rest
        values.push("intercept", grad.sum(axis=0))
        if "country_raw" in self.layout:
            by_raw = self._country_basis.T @ (self._member @ grad)
            values.push("country_raw", values.scalar("country_sd") * by_raw)
            values.push("country_sd", np.einsum("ij,ij->j", by_raw, values.vector("country_raw")))
        values.push("population_power", np.einsum("ij,ij->j", grad, self._log_people * np.ones(1)))
        values.push("population_error", self._log_sd * grad[self._uncertain])
        if not self._pillars:
            return
        weights = values.vector("pillar_weight")
        by_weight = np.zeros((len(self._pillars), values.count))
        for row, pillar in enumerate(self._pillars):
            by_weight[row] = np.einsum("ij,ij->j", grad, parts["centred"][row])
            along = weights[row % len(weights)] * grad
            along = along - pillar.share[:, None] * along.sum(axis=0)
            own = by_state[row]
            pillar.push(values, along if own is None else along + own)
        values.push("pillar_weight", by_weight)

    def expand(self, point: FloatArray, rng: np.random.Generator) -> dict[str, FloatArray]:
        """Return the named quantities of the model at the points, points as the last axis.

        ``rng`` splits the field into its parts where they share a coordinate. A pillar's state
        follows from its part and weight and is left out.
        """
        values = Values(self.layout, point)
        parts = self._parts(values)
        named = {f"part_{name}": part for name, part in parts["eta"].items()}
        named["eta"] = values.scalar("intercept") + sum(parts["eta"].values())
        if self._field.mixed:
            mixing = values.scalar("field_mixing")
            named.update(self._space.split(parts["field"], mixing, rng))
        for pillar in self._pillars:
            named.update(pillar.effects(values))
        if "country_raw" in self.layout:
            named["country_effect"] = self._country(values)
        named.update(self._exposure.expand(values))
        if len(self._uncertain):
            named["population_error"] = values.vector("population_error")
        vectors = ("pillar_weight", *self._measured.blocks)
        for name in self.layout.hyperparameters:
            value = values.vector(name)
            named[name] = value if name in vectors else value[0]
        return named
