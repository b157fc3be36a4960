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
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from threatkit.errors import GateNotMet
from threatkit.model.chains import Update
from threatkit.model.container import Container
from threatkit.model.density import Density
from threatkit.model.ensemble import LONG, LONGEST, Ensemble, Moves
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
#: Districts up to which chains move as `LONG` says, beyond as `LONGEST`.
LARGEST_LONG = 10_000


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
    moves = moves or usual_moves(first)
    known = _centring(first)
    del first
    ensemble = Ensemble(lambda: Density(spec, centring=known), seed=seed, moves=moves)
    held = Container(spec, ensemble.targets[0], np.random.default_rng([seed, 3]))
    checking = 0.0
    for number in range(1, moves.max_rounds + 1):
        added = ensemble.extend(draws)
        begun = time.monotonic()
        held.add(ensemble.drain(), added)
        result = _judged(spec, ensemble, held, seed)
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


def usual_moves(density: Density) -> Moves:
    """Return how chains move in a region of this size."""
    if not density.whitens:
        return Moves()
    return LONG if len(density.spec.panel.districts) <= LARGEST_LONG else LONGEST


def _judged(spec: ModelSpec, ensemble: Ensemble[Density], held: Container, seed: int) -> Fit:
    """Make the forecast of the draws so far, and hold both to the gate."""
    data, flags = held.draws(), held.divergent()
    made = forecast(spec, data, seed=seed)
    prob = made.event_prob.reshape(data.sizes["chain"], data.sizes["draw"], -1)
    shape = Shape(ensemble.kept, ensemble.copies)
    checked = measure(data, flags, held.hyperparameters, shape, event_prob=prob)
    return Fit(spec, data, flags, made, checked, {}, seed)
