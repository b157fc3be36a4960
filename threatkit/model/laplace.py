"""The fast engine: from a Laplace approximation to the exact posterior in seconds.

A Laplace approximation alone is not usable where 99 in 100 cells are empty: its means are off
by half a posterior standard deviation. It is a good map, though: in its coordinates the
posterior is nearly round, and short Hamiltonian trajectories of a few dozen chains in step
(`threatkit.model.ensemble`) cross it in a few steps. So the approximation is corrected
by sampling, its error is Monte Carlo error, and that is what its gate bounds
(`threatkit.model.error`).
"""

import time
from dataclasses import replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from threatkit.errors import GateNotMet
from threatkit.model.chains import Update
from threatkit.model.course import movement_coords
from threatkit.model.density import Density
from threatkit.model.ensemble import LONG, Ensemble, Moves, grouped
from threatkit.model.error import Shape, measure
from threatkit.model.fit import Fit
from threatkit.model.forecast import forecast
from threatkit.model.mode import find_mode
from threatkit.model.spec import ModelSpec
from threatkit.model.states import latent_pillars
from threatkit.model.whitening import Chosen

FloatArray = NDArray[np.float64]

#: Draws of a round. The slowest hyperparameter has about a sixth as many effective ones.
DRAWS = 1500
#: Districts beyond which draws are kept in single precision: seven digits, half the memory.
LARGEST_DOUBLE = 10_000


def laplace_fit(
    spec: ModelSpec,
    *,
    seed: int,
    draws: int = DRAWS,
    strict: bool = False,
    update: Update | None = None,
    moves: Moves | None = None,
) -> Fit:
    """Fit a specification with the fast engine.

    The same seed, inputs and versions give the same draws, whatever the number of cores.

    Parameters
    ----------
    spec
        What to fit; see `threatkit.model.density` for the model.
    seed
        Of everything random.
    draws
        Draws of one round, over all chains.
    strict
        Refuse a fit that does not meet the gate.
    update
        Called after each round.
    moves
        How the chains move; by the size of the region if None.

    Returns
    -------
    Fit
        As `threatkit.model.fit.fit` gives it. ``draws`` holds eta, its parts, pillars, year and
        country effects and all hyperparameters; not the standard normal coordinates behind
        them. A ``chain`` is one of `threatkit.model.ensemble.GROUPS` groups of short chains,
        one after the other.

    Raises
    ------
    GateNotMet
        With ``strict``, if the gate is not met.
    """
    if spec.feedback == "cut" and latent_pillars(spec):
        from threatkit.model.cut import laplace_cut

        return laplace_cut(spec, seed=seed, draws=draws, strict=strict, update=update, moves=moves)
    first = Density(spec)
    moves = moves or (LONG if first.whitens else Moves())
    known = _centring(first)
    ensemble = Ensemble(lambda: Density(spec, centring=known), seed=seed, moves=moves)
    checking = 0.0
    for number in range(1, moves.max_rounds + 1):
        ensemble.extend(draws)
        begun = time.monotonic()
        result = _collect(spec, ensemble, seed)
        checking += time.monotonic() - begun
        if update is not None:
            update(number * draws, moves.max_rounds * draws, "draws")
        if result.diagnostics.passed:
            break
    if strict and not result.diagnostics.passed:
        raise GateNotMet("; ".join(result.diagnostics.failures))
    return replace(result, seconds={**ensemble.seconds, "check": checking})


def _centring(density: Density) -> Chosen:
    """Return the centring, from a first mode without it."""
    with threadpool_limits(1):
        mode = find_mode(density, np.zeros(density.size), held=density.curved)
        return density.centred(mode)


def _collect(spec: ModelSpec, ensemble: Ensemble[Density], seed: int) -> Fit:
    """Bring the points of all blocks into one container, and hold it to the gate."""
    density = ensemble.targets[0]
    data = container(spec, density, ensemble.points(), np.random.default_rng([seed, 3]))
    flags = grouped(ensemble.divergent())
    made = forecast(spec, data, seed=seed)
    prob = made.event_prob.reshape(data.sizes["chain"], data.sizes["draw"], -1)
    names = density.layout.hyperparameters
    shape = Shape(ensemble.kept, ensemble.copies)
    checked = measure(data, flags, names, shape, event_prob=prob)
    return Fit(spec, data, flags, made, checked, {}, seed)


def container(
    spec: ModelSpec, density: Density, points: FloatArray, rng: np.random.Generator
) -> xr.Dataset:
    """Return the draws under the names and dims of `threatkit.model.build.build`."""
    kept, _, chains = points.shape
    held: dict[str, FloatArray] = {}
    for move in range(kept):
        for name, value in density.expand(points[move], rng).items():
            if name not in held:
                long = value.size // value.shape[-1] > LARGEST_DOUBLE
                kind = np.float32 if long else np.float64
                held[name] = np.empty((kept, chains, *value.shape[:-1]), dtype=kind)
            held[name][move] = np.moveaxis(
                np.broadcast_to(value, (*value.shape[:-1], chains)), -1, 0
            )
    data = {}
    modes = held["modes"].shape[-1] if "modes" in held else 0
    for name in list(held):
        value = held.pop(name)
        own = _dims(name, value.ndim - 2)
        data[name] = (("chain", "draw", *own), grouped(value))
    panel = spec.panel
    coords = {
        "district": list(panel.districts.index),
        "country": list(panel.countries),
        "oblast": list(panel.oblasts),
        "period": [int(year) for year in panel.periods],
        "pillar": list(spec.pillars),
        "indicator": density.indicators,
        "mode": list(range(modes)),
    }
    coords |= movement_coords(spec)
    used = {dim for names, _ in data.values() for dim in names}
    coords = {name: values for name, values in coords.items() if name in used}
    return xr.Dataset(data, coords=coords)


#: Dims of the variables that have any; parts and pillars are over districts.
_DIMS = {
    "eta": "district",
    "structured": "district",
    "modes": "mode",
    "country_effect": "country",
    "year_effect": "period",
    "pillar_weight": "pillar",
    "loading": "indicator",
    "definition_level": "indicator",
    "indicator_sd": "indicator",
}


def _dims(name: str, count: int) -> tuple[str, ...]:
    if not count:
        return ()
    if name in ("region_year", "place_epoch"):
        return (f"{name}_start", f"{name}_group")
    if name.startswith(("part_", "z_")):
        return ("district",)
    last = name.rsplit("_", 1)[-1]
    return (_DIMS.get(name, last if last in _LEVELS else f"{name}_dim_0"),)


_LEVELS = ("country", "oblast", "district")
