"""The log posterior density of own areas with its gradient, by hand, at many points at once.

The same model as `threatkit.areal.model` in the same coordinates (`threatkit.areal.reference`):
the structured part in the graph's eigenvectors, then the plain part area by area, each shifted
and scaled by a Gaussian approximation of its conditional posterior, which for dense data is the
centred form and for sparse data the non-centred one; and the level of the mean in the place of
the intercept. Hyperparameters are standard normal before the data, or nearly so
(`threatkit.model.coordinates`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from threatkit.areal.conditional import NODES, Pieces
from threatkit.areal.config import ArealConfig
from threatkit.areal.counts import Counts
from threatkit.areal.data import ArealData
from threatkit.areal.latent import Latent, LatentState
from threatkit.areal.reference import outcome_reference
from threatkit.areal.spectrum import spectrum
from threatkit.areal.whitened import Pulled, Whitened
from threatkit.model.coordinates import Layout, Values, move
from threatkit.model.priors import Prior

FloatArray = NDArray[np.float64]

#: Coordinates of a prior between which a starting value is looked for.
_REACH = 6.0
#: Distance of the two starts from the rough fit, in prior standard deviations.
APART = 1.0
#: Share of areas without an event from which on counts are sparse.
MOSTLY = 0.5
#: Nearest that a mixing comes to 0 and 1.
LEAST = 1e-10


class ArealDensity:
    """Log density of a configuration and its data at points of shape (size, points).

    It keeps nothing between calls, so that threads may share it.

    Attributes
    ----------
    layout
        Where each parameter's coordinates stand.
    """

    def __init__(self, config: ArealConfig, data: ArealData) -> None:
        self._config, self._data = config, data
        self._basis = spectrum(data.graph)
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
        self._modes = self._basis.modes.T @ design
        self._plain = np.where(self._basis.alone, 0.0, 1.0)[:, None]
        self._level = config.priors["intercept"].family == "normal"
        self.layout = Layout()
        self._lay_out()

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
        add("modes", self._basis.modes.shape[1])
        add("own", len(self._data.areas))

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

    @property
    def jumping(self) -> NDArray[np.intp]:
        """Return the coordinates of the level, the field's spread and the overdispersion."""
        names = [n for n in ("mu", "sigma", "phi", self._extra) if n in self.layout.slots]
        return np.array([self.layout.slots[name].start for name in names], dtype=np.intp)

    @property
    def sparse(self) -> bool:
        """Return whether most counts are 0."""
        empty = self._data.count[self._data.observed] == 0
        return bool(empty.sum() > MOSTLY * len(empty))

    def starts(self) -> tuple[FloatArray, FloatArray]:
        """Return where to look for modes: a small field and a large one, about the rough fit.

        With a small field the counts' own overdispersion is large, and the other way round.
        """
        fixed = self._rough.fixed
        known = {"mu": fixed[:1], "beta": fixed[1:], "sigma": np.array([self._rough.sigma])}
        if self._latent is not None:
            reference = self._latent.reference
            known |= {"lam": np.array([reference.spread]), "c": np.array([reference.centre])}
        start = np.zeros(self.size)
        for name, prior in self.layout.priors.items():
            if name in known:
                start[self.layout.slots[name]] = [coordinate(prior, v) for v in known[name]]
        small, large = start.copy(), start.copy()
        apart = {"sigma": 1.0, "dispersion": -1.0, "size": 1.0}
        for name, sign in apart.items():
            if name in self.layout.slots:
                small[self.layout.slots[name]] -= sign * APART
                large[self.layout.slots[name]] += sign * APART
        return small, large

    def __call__(self, point: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return log density, shape (points,), and gradient, shape (size, points)."""
        values = Values(self.layout, point)
        made = self._make(values)
        logp, by_eta, by_extra = self._counts.push(made.eta, made.extra)
        logp = logp + made.structured.logp + made.own.logp
        for name in ("modes", "own"):
            logp = logp + 0.5 * (values.vector(name) ** 2).sum(axis=0)
        # The plain part is shifted by all else of eta: its derivatives come first.
        by_own = made.own.by_pull(by_eta)
        by_rest = by_eta - by_own * made.weight
        along = self._basis.modes.T @ by_rest
        by_shift = -made.gain * self._rough.whitening.precision[:, None]
        by_shift *= made.structured.by_pull(along)
        by_mu = by_rest.sum(axis=0) + self._modes[:, 0] @ by_shift
        by_lift: FloatArray | float = 0.0
        if self._level:
            (tilt, slope), (own, own_slope) = self._tilt(made.mu), self._tilt(values.scalar("mu"))
            logp = logp + tilt - own
            by_mu = by_mu + slope
            by_lift = -by_mu * 0.5 / len(by_eta)
            values.push("mu", by_mu - own_slope)
        else:
            values.push("mu", by_mu)
        self._push_effects(values, made, by_rest, by_shift)
        if self._latent is not None and made.latent is not None:
            weight = values.vector("beta")[-1]
            by_z = weight * (self._basis.vectors.T @ by_rest)
            by_z[: len(by_shift)] += weight * by_shift
            logp = logp + self._latent.push(values, made.latent, by_z)
        by_scale = made.structured.pull(along, by_lift), made.own.pull(by_eta, by_lift)
        self._push_spread(values, made, by_scale, by_extra)
        return values.finish(logp)

    def plain(self, point: FloatArray) -> Pieces:
        """Return the conditional densities of the plain part's coordinates, given all others.

        They are independent of each other. Shape (N, points).
        """
        made = self._make(Values(self.layout, point))
        start, slope, unit, root = made.own.line(made.weight * made.missing)
        rest = made.eta - made.own.values
        first, step = NODES[0], NODES[1] - NODES[0]
        lines = self._counts.along(rest + start + slope * first, slope * step, made.extra)
        table = np.empty((len(NODES), *rest.shape))
        for row, node in zip(table, NODES, strict=True):
            np.subtract(next(lines), 0.5 * (unit + root * node) ** 2, out=row)
        return Pieces(table)

    def _push_effects(
        self,
        values: Values,
        made: "_Made",
        by_rest: FloatArray,
        by_shift: FloatArray,
    ) -> None:
        known = self._known
        by_beta = self._x.T @ by_rest + self._modes[:, 1 : 1 + known].T @ by_shift
        if made.latent is not None and made.z is not None:
            by_last = np.einsum("ij,ij->j", by_rest, made.z)
            count = len(by_shift)
            by_last += np.einsum("ij,ij->j", by_shift, made.latent.values[:count])
            by_beta = np.vstack([by_beta, by_last])
        if len(by_beta):
            values.push("beta", by_beta)

    def _push_spread(
        self, values: Values, made: "_Made", by_scale: tuple[Pulled, Pulled], by_extra: FloatArray
    ) -> None:
        """Push what the two parts' standard deviations and the information depend on."""
        structured, own = by_scale
        rough, sigma, phi = self._rough, values.scalar("sigma"), made.phi
        precision = rough.whitening.precision[:, None]
        by_gain = structured.information * precision + structured.pull * made.pulling
        by_bare = by_gain * made.gain**2  # by -(1 / gain), that is by -(1/T + P var)
        by_variance = -(by_bare * precision).sum(axis=0)
        values.push("modes", self._turn(structured.free) + values.vector("modes"))
        values.push("own", own.free + values.vector("own"))
        root = np.sqrt(self._basis.structured_variance)[:, None]
        by_both = np.einsum("ij,ij->j", structured.sd, np.broadcast_to(root, structured.sd.shape))
        by_plain = np.einsum("ij,ij->j", own.sd, np.broadcast_to(self._plain, own.sd.shape))
        by_island = own.sd.sum(axis=0) - by_plain
        values.push(
            "sigma",
            np.sqrt(phi) * by_both
            + np.sqrt(1 - phi) * by_plain
            + by_island
            + 2 * sigma * (1 - phi) * by_variance,
        )
        by_phi = 0.5 * sigma * (by_both / np.sqrt(phi) - by_plain / np.sqrt(1 - phi))
        values.push("phi", by_phi - sigma**2 * by_variance)
        if self._extra:
            by_trust = by_bare.sum(axis=0) / made.trust**2
            by_weight = own.information + own.pull * made.missing
            by_own = np.einsum("ij,ij->j", by_weight, rough.weight_slope(made.extra))
            values.push(self._extra, by_extra + by_trust * rough.trust_slope(made.extra) + by_own)

    def _turn(self, grad: FloatArray) -> FloatArray:
        rotation = self._rough.whitening.rotation
        return grad if rotation is None else rotation.T @ grad

    def _make(self, values: Values) -> "_Made":
        known, modes, rough = self._known, self._modes, self._rough
        points, bend = values.count, self._rough.whitening
        extra = values.scalar(self._extra) if self._extra else np.ones(points)
        sigma, phi = values.scalar("sigma"), np.clip(values.scalar("phi"), LEAST, 1 - LEAST)
        # Standard deviations of the parts, and what the data say roughly of either.
        sd = sigma * np.sqrt(phi) * np.sqrt(self._basis.structured_variance)[:, None]
        own_sd = np.where(self._plain > 0, sigma * np.sqrt(1 - phi), sigma)
        trusted = rough.trust(extra)
        precision = bend.precision[:, None]
        gain = 1.0 / (1.0 / trusted + precision * sigma**2 * (1 - phi))
        weight = rough.weight(extra)
        structured, own = Whitened(sd, gain * precision), Whitened(own_sd, weight)
        mu = values.scalar("mu")
        if self._level:
            mu = mu - 0.5 * (structured.left + own.left) / len(own_sd)
        beta = values.vector("beta") if "beta" in self.layout else np.zeros((0, points))
        beta = np.broadcast_to(beta, (known + (self._latent is not None), points))
        shift = modes[:, :1] * (mu - rough.fixed[0])
        shift = shift + modes[:, 1 : 1 + known] @ (beta[:known] - rough.fixed[1 : 1 + known, None])
        latent, z = None, None
        if self._latent is not None:
            latent = self._latent.at(values)
            z = self._basis.vectors @ latent.values
            shift = shift + beta[-1] * latent.values[: len(shift)] - rough.fixed[-1] * modes[:, -1:]
        pulling = bend.pull[:, None] - precision * shift
        free = values.vector("modes")
        free = free if bend.rotation is None else bend.rotation @ free
        rest = mu + self._x @ beta[:known]
        rest = rest + self._basis.modes @ structured.place(free, gain * pulling)
        if z is not None:
            rest = rest + beta[-1] * z
        missing = rough.target[:, None] - rest
        eta = rest + own.place(values.vector("own"), weight * missing)
        return _Made(
            eta, mu, phi, extra, trusted, gain, pulling, weight, missing, structured, own, latent, z
        )

    def _tilt(self, mu: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the log prior density of mu, up to a constant, and its derivative."""
        centre, sd = self._config.priors["intercept"].values
        return -0.5 * ((mu - centre) / sd) ** 2, -(mu - centre) / sd**2

    def expand(self, point: FloatArray) -> dict[str, FloatArray]:
        """Return parameters, ``eta`` and ``z`` at the points, points as the last axis."""
        values = Values(self.layout, point)
        made = self._make(values)
        hidden = ("modes", "own", "z_modes")
        names = [n for n in (*self.layout.slots, *self.layout.fixed) if n not in hidden]
        named = {name: values.vector(name) for name in names}
        held = {name: value if name == "beta" else value[0] for name, value in named.items()}
        if "beta" in held:
            effects = self._known + (self._latent is not None)
            held["beta"] = np.broadcast_to(held["beta"], (effects, values.count))
        held["mu"], held["eta"] = made.mu, made.eta
        if made.z is not None:
            held["z"] = made.z
        return held


@dataclass(frozen=True)
class _Made:
    """What a point's parameters make."""

    eta: FloatArray
    mu: FloatArray
    phi: FloatArray
    extra: FloatArray
    trust: FloatArray
    gain: FloatArray
    pulling: FloatArray
    weight: FloatArray
    missing: FloatArray
    structured: Whitened
    own: Whitened
    latent: LatentState | None
    z: FloatArray | None


def coordinate(prior: Prior, value: float) -> float:
    """Return the coordinate at which a prior's parameter has a value, within reach."""

    def above(u: float) -> float:
        return float(move(prior, np.array([u])).value[0]) - value

    if above(-_REACH) >= 0:
        return -_REACH
    if above(_REACH) <= 0:
        return _REACH
    return float(brentq(above, -_REACH, _REACH, xtol=1e-3))
