"""The log posterior density of own areas with its gradient, by hand, at many points at once.

The same model as `threatkit.areal.model` in the same coordinates of the field: each eigenvector's
coefficient is shifted and scaled by a Gaussian approximation of its conditional posterior, which
for dense data is the centred form and for sparse data the non-centred one. Hyperparameters are
standard normal before the data, or nearly so (`threatkit.model.coordinates`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from threatkit.areal.config import ArealConfig
from threatkit.areal.counts import Counts
from threatkit.areal.data import ArealData
from threatkit.areal.reference import (
    GroupReference,
    Reference,
    group_reference,
    outcome_reference,
    shares,
)
from threatkit.areal.spectrum import LEAST_VARIANCE, Spectrum, Whitening, spectrum
from threatkit.model.coordinates import Layout, Values, move
from threatkit.model.priors import Prior

FloatArray = NDArray[np.float64]

#: Coordinates of a prior between which a starting value is looked for.
_REACH = 6.0


@dataclass
class Spread:
    """Standard deviations of a BYM2 field's coefficients, and their derivatives."""

    basis: Spectrum

    def __post_init__(self) -> None:
        own = np.where(self.basis.island, 1.0, 0.0)
        self._level = LEAST_VARIANCE + own + (1.0 - own)
        self._slope = (1.0 - own) * (self.basis.variance - 1.0)

    def forward(self, mixing: FloatArray) -> FloatArray:
        """Return the standard deviations at sigma = 1, shape (N, points)."""
        result: FloatArray = np.sqrt(self._level[:, None] + self._slope[:, None] * mixing)
        return result

    def backward(self, grad: FloatArray, relative: FloatArray) -> FloatArray:
        """Return the derivative by the mixing, given the one by the standard deviations."""
        result: FloatArray = 0.5 * np.einsum("ij,i,ij->j", grad, self._slope, 1.0 / relative)
        return result


@dataclass(frozen=True)
class Pulled:
    """Derivatives of the density by what a field's coefficients were made from."""

    free: FloatArray
    sd: FloatArray
    scale: FloatArray
    trust: FloatArray


class Coefficients:
    """A field's coefficients at given points, by the change of variables of a `Whitening`.

    With w = 1 / (1 + trust scale^2 sd^2 precision), the share of the prior's variance that is
    left, a coefficient is ``sd (trust scale sd w q + sqrt(w) free)``, where q is what the data
    pull at. Nothing is divided by sd, which may be zero.

    Attributes
    ----------
    lift
        Shape (points,): half the mean variance that is left, by which the logarithm of a mean
        exceeds the mean of logarithms.
    values
        Shape (N, points), once `place` has been called.
    logp
        Shape (points,), log prior density of the values with the Jacobian.
    """

    def __init__(
        self, bend: Whitening, sd: FloatArray, scale: FloatArray, trust: FloatArray
    ) -> None:
        self._bend, self._sd, self._scale, self._trust = bend, sd, scale, trust
        self._precision = bend.precision[:, None]
        self._left = 1.0 / (1.0 + trust * scale**2 * sd**2 * self._precision)
        self.lift: FloatArray = 0.5 * (sd**2 * self._left).mean(axis=0)

    def place(self, free: FloatArray, shift: FloatArray) -> None:
        """Place the coefficients, given the free coordinates and how much lower data point."""
        sd, left = self._sd, self._left
        self._turned = free if self._bend.rotation is None else self._bend.rotation @ free
        self._pull = self._bend.pull[:, None] - self._precision * shift
        self._root = np.sqrt(left)
        self._unit = self._trust * self._scale * sd * left * self._pull + self._root * self._turned
        self.values: FloatArray = sd * self._unit
        self.logp: FloatArray = 0.5 * (np.log(left) - self._unit**2).sum(axis=0)
        self._by_unit = np.empty_like(sd)

    def shift_slope(self, grad: FloatArray) -> FloatArray:
        """Return the derivative by the shift, given that of the rest by the values."""
        self._by_unit = self._sd * grad - self._unit
        gain = -self._trust * self._scale * self._sd * self._left
        result: FloatArray = self._precision * self._by_unit * gain
        return result

    def pull(self, grad: FloatArray, by_lift: FloatArray | float = 0.0) -> Pulled:
        """Return the other derivatives, given those of the rest by values and lift.

        `shift_slope` comes first, with the same ``grad``.
        """
        sd, scale, trust, left = self._sd, self._scale, self._trust, self._left
        by_unit = self._by_unit
        by_left = by_unit * (trust * scale * sd * self._pull + 0.5 * self._turned / self._root)
        by_left += 0.5 / left + by_lift * (0.5 / len(sd)) * sd**2
        lost = -by_left * left**2 * self._precision
        drawn = by_unit * self._pull * left
        free = by_unit * self._root
        by_sd = grad * self._unit + trust * scale * drawn + 2.0 * trust * scale**2 * sd * lost
        return Pulled(
            free if self._bend.rotation is None else self._bend.rotation.T @ free,
            by_sd + by_lift / len(sd) * sd * left,
            (trust * sd * drawn + 2.0 * trust * scale * sd**2 * lost).sum(axis=0),
            (scale * sd * drawn + scale**2 * sd**2 * lost).sum(axis=0),
        )


class ArealDensity:
    """Log density of a configuration and its data at points of shape (size, points).

    Attributes
    ----------
    layout
        Where each parameter's coordinates stand.
    start
        Shape (size,), where the search for the mode begins: the rough fit.
    """

    def __init__(self, config: ArealConfig, data: ArealData) -> None:
        self._config, self._data = config, data
        self._basis = spectrum(data.graph)
        self._spread = Spread(self._basis)
        self._counts = Counts(config.likelihood, data.count, data.exposure, data.observed)
        self._extra = self._counts.parameter
        self._x = data.covariates.to_numpy()
        self._known = self._x.shape[1]
        self._latent = None if data.groups is None else Latent(config, data, self._basis)
        columns = [np.ones((len(data.areas), 1)), self._x]
        if self._latent is not None:
            columns.append(self._latent.reference.field[:, None])
        design = np.hstack(columns)
        self._rough = outcome_reference(data, self._basis, design, config.likelihood)
        self._modes = self._basis.vectors.T @ design
        self.layout = Layout()
        #: mu is told from the level of the mean, which the counts hold whatever sigma is.
        self._level = config.priors["intercept"].family == "normal"
        self._lay_out()
        self.start = self._begin()

    def _lay_out(self) -> None:
        priors, add = self._config.priors, self.layout.add
        add("mu", prior=priors["intercept"])
        effects = self._known + (self._latent is not None)
        if effects:
            add("beta", effects, priors["beta"])
        add("sigma", prior=priors["sigma"])
        add("phi", prior=priors["phi"])
        if self._extra:
            add(self._extra, prior=priors[self._extra])
        if self._latent is not None:
            self._latent.lay_out(self.layout)
        add("modes", len(self._basis.variance))

    @property
    def size(self) -> int:
        """Return the number of coordinates."""
        return self.layout.size

    @property
    def curved(self) -> NDArray[np.intp]:
        """Return the coordinates of the parameters that scale others."""
        names = [n for n in ("sigma", "phi", self._extra, "lam", "phi_z") if n in self.layout.slots]
        rows = [np.arange(self.size)[self.layout.slots[name]] for name in names]
        return np.concatenate(rows) if rows else np.zeros(0, dtype=np.intp)

    def _begin(self) -> FloatArray:
        fixed = self._rough.fixed
        known = {"mu": fixed[:1], "beta": fixed[1:], "sigma": np.array([self._rough.sigma])}
        if self._latent is not None:
            reference = self._latent.reference
            known |= {"lam": np.array([reference.spread]), "c": np.array([reference.centre])}
        start = np.zeros(self.size)
        for name, prior in self.layout.priors.items():
            if name in known:
                start[self.layout.slots[name]] = [coordinate(prior, v) for v in known[name]]
        return start

    def __call__(self, point: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return log density, shape (points,), and gradient, shape (size, points)."""
        values = Values(self.layout, point)
        made = self._field(values)
        logp, by_eta, by_extra = self._counts.push(made.eta, made.extra)
        logp = logp + made.field.logp + 0.5 * (values.vector("modes") ** 2).sum(axis=0)
        along = self._basis.vectors.T @ by_eta
        by_shift = made.field.shift_slope(along)
        by_mu = by_eta.sum(axis=0) + self._modes[:, 0] @ by_shift
        if self._level:
            prior, own = self._tilt(made.mu), self._tilt(values.scalar("mu"))
            logp = logp + prior[0] - own[0]
            by_mu = by_mu + prior[1]
            values.push("mu", by_mu - own[1])
            pulled = made.field.pull(along, -by_mu)
        else:
            values.push("mu", by_mu)
            pulled = made.field.pull(along)
        values.push("modes", pulled.free + values.vector("modes"))
        sigma = values.scalar("sigma")
        values.push("sigma", np.einsum("ij,ij->j", pulled.sd, made.relative))
        values.push("phi", self._spread.backward(sigma * pulled.sd, made.relative))
        if self._extra:
            by_trust = self._trust_slope(made.extra) * pulled.trust
            values.push(self._extra, by_extra + by_trust)
        known = self._known
        by_beta = self._x.T @ by_eta + self._modes[:, 1 : 1 + known].T @ by_shift
        if self._latent is not None and made.latent is not None:
            by_b = along + by_shift
            by_last = np.einsum("ij,ij->j", by_b, made.latent.values)
            by_beta = np.vstack([by_beta, by_last])
            by_b = values.vector("beta")[-1] * by_b
            logp = logp + self._latent.push(values, made.latent, by_b)
        if len(by_beta):
            values.push("beta", by_beta)
        return values.finish(logp)

    def _field(self, values: Values) -> "_Made":
        known, modes, rough = self._known, self._modes, self._rough
        points = values.count
        extra = values.scalar(self._extra) if self._extra else np.ones(points)
        relative = self._spread.forward(values.scalar("phi"))
        field = Coefficients(
            rough.whitening,
            values.scalar("sigma") * relative,
            np.ones(points),
            self._trust(extra),
        )
        mu = values.scalar("mu")
        if self._level:
            mu = mu - field.lift
        beta = values.vector("beta") if "beta" in self.layout else np.zeros((0, points))
        beta = np.broadcast_to(beta, (self._known + (self._latent is not None), points))
        shift = modes[:, :1] * (mu - rough.fixed[0])
        shift = shift + modes[:, 1 : 1 + known] @ (beta[:known] - rough.fixed[1 : 1 + known, None])
        latent = None
        if self._latent is not None:
            latent = self._latent.at(values)
            shift = shift + beta[-1] * latent.values - rough.fixed[-1] * modes[:, -1:]
        field.place(values.vector("modes"), shift)
        total = field.values if latent is None else field.values + beta[-1] * latent.values
        eta = mu + self._x @ beta[:known] + self._basis.vectors @ total
        return _Made(eta, mu, extra, relative, field, latent)

    def _tilt(self, mu: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the log prior density of mu, up to a constant, and its derivative."""
        centre, sd = self._config.priors["intercept"].values
        return -0.5 * ((mu - centre) / sd) ** 2, -(mu - centre) / sd**2

    def _trust(self, extra: FloatArray) -> FloatArray:
        """Return the information of the counts over what the rough fit takes it to be."""
        likelihood, mean = self._config.likelihood, self._rough.mean
        if not self._extra or not mean.any():
            return np.ones_like(extra)
        typical = np.sum(mean * shares(likelihood, mean))
        share = shares(likelihood, mean[:, None], extra)
        result: FloatArray = (mean[:, None] * share).sum(axis=0) / typical
        return result

    def _trust_slope(self, extra: FloatArray) -> FloatArray:
        likelihood, mean = self._config.likelihood, self._rough.mean
        if not mean.any():
            return np.zeros_like(extra)
        typical = np.sum(mean * shares(likelihood, mean))
        share = shares(likelihood, mean[:, None], extra)
        slope = -(share**2) if likelihood == "nb1" else mean[:, None] * share**2 / extra**2
        result: FloatArray = (mean[:, None] * slope).sum(axis=0) / typical
        return result

    def expand(self, point: FloatArray) -> dict[str, FloatArray]:
        """Return parameters, ``eta`` and ``z`` at the points, points as the last axis."""
        values = Values(self.layout, point)
        made = self._field(values)
        names = [*self.layout.slots, *self.layout.fixed]
        named = {n: values.vector(n) for n in names if n not in ("modes", "z_modes")}
        held = {name: value if name == "beta" else value[0] for name, value in named.items()}
        if "beta" in held:
            effects = self._known + (self._latent is not None)
            held["beta"] = np.broadcast_to(held["beta"], (effects, values.count))
        held["mu"], held["eta"] = made.mu, made.eta
        if made.latent is not None:
            held["z"] = self._basis.vectors @ made.latent.values
        return held


@dataclass(frozen=True)
class _Made:
    """What a point's parameters make."""

    eta: FloatArray
    mu: FloatArray
    extra: FloatArray
    relative: FloatArray
    field: Coefficients
    latent: "LatentState | None"


@dataclass(frozen=True)
class LatentState:
    """The latent covariate at given points."""

    coefficients: Coefficients
    relative: FloatArray

    @property
    def values(self) -> FloatArray:
        """Return its coefficients in the graph's eigenvectors, shape (N, points)."""
        return self.coefficients.values


class Latent:
    """A covariate known with error: its field, and what was measured of it."""

    def __init__(self, config: ArealConfig, data: ArealData, basis: Spectrum) -> None:
        if config.groups is None or data.groups is None:
            raise ValueError("data of groups need a configuration of groups")
        self._priors, groups = config.groups.priors, data.groups
        self._mixed = config.groups.form == "bym2"
        self._spread = Spread(basis)
        typical = basis.relative_variance(0.5) if self._mixed else np.ones(len(basis.variance))
        self.reference: GroupReference = group_reference(groups, basis, typical)
        self._rows = np.vstack([basis.vectors[groups.area], groups.weight @ basis.vectors])
        self._mean_of = basis.vectors.sum(axis=0)
        self._x, self._precision = groups.x[:, None], groups.se[:, None] ** -2.0

    def lay_out(self, layout: Layout) -> None:
        """Append the blocks of the latent covariate."""
        layout.add("lam", prior=self._priors["lam"])
        layout.add("c", prior=self._priors["c"])
        if self._mixed:
            layout.add("phi_z", prior=self._priors["phi_z"])
        layout.add("z_modes", len(self._mean_of))

    def at(self, values: Values) -> LatentState:
        """Return the latent covariate at the points."""
        points = values.count
        if self._mixed:
            relative = self._spread.forward(values.scalar("phi_z"))
        else:
            relative = np.ones((len(self._mean_of), points))
        shift = self._mean_of[:, None] * (values.scalar("c") - self.reference.centre)
        bend, lam = self.reference.whitening, values.scalar("lam")
        made = Coefficients(bend, relative, lam, np.ones(points))
        made.place(values.vector("z_modes"), shift)
        return LatentState(made, relative)

    def push(self, values: Values, state: LatentState, by_values: FloatArray) -> FloatArray:
        """Add what was measured; return its log density with that of the field.

        ``by_values`` are the derivatives of the rest of the density by the coefficients.
        """
        lam, b, free = values.scalar("lam"), state.values, values.vector("z_modes")
        mean = self._rows @ b
        gap = self._precision * (self._x - lam * mean - values.scalar("c"))
        missed = (self._x - lam * mean - values.scalar("c")) * gap
        grad = by_values + lam * (self._rows.T @ gap)
        by_shift = state.coefficients.shift_slope(grad)
        pulled = state.coefficients.pull(grad)
        values.push("z_modes", pulled.free + free)
        if self._mixed:
            values.push("phi_z", self._spread.backward(pulled.sd, state.relative))
        values.push("lam", np.einsum("ij,ij->j", gap, mean) + pulled.scale)
        values.push("c", gap.sum(axis=0) + self._mean_of @ by_shift)
        logp: FloatArray = state.coefficients.logp - 0.5 * missed.sum(axis=0)
        return logp + 0.5 * (free**2).sum(axis=0)


def coordinate(prior: Prior, value: float) -> float:
    """Return the coordinate at which a prior's parameter has a value, within reach."""

    def above(u: float) -> float:
        return float(move(prior, np.array([u])).value[0]) - value

    if above(-_REACH) >= 0:
        return -_REACH
    if above(_REACH) <= 0:
        return _REACH
    return float(brentq(above, -_REACH, _REACH, xtol=1e-3))
