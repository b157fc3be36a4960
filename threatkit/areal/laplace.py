"""The fast engine for own areas: Gaussian approximations, corrected by many short chains.

A Laplace approximation, integrated over the few hyperparameters, is right where counts are
large and wrong where they are few. Here it gives the coordinates: each part of the field is
moved and scaled by a Gaussian approximation of its posterior at the current hyperparameters
(`threatkit.areal.reference`), and what the approximation misses is sampled. Where counts are
large little is missed, and a thousand gradients are enough; nothing is compiled.
"""

import logging
import time
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from threatkit.areal.config import ArealConfig
from threatkit.areal.data import ArealData
from threatkit.areal.density import ArealDensity
from threatkit.areal.fitted import ArealFit, effects, fixed_parameters, parameters, refuse_many
from threatkit.areal.herd import Herd
from threatkit.model.chains import Update
from threatkit.model.ensemble import Moves, grouped
from threatkit.model.error import Shape, measure

logger = logging.getLogger(__name__)

FloatArray = NDArray[np.float64]

#: Points kept of each chain; later rounds keep as many, further apart.
KEPT = 32
#: The coordinates are good: fewer moves than the main model's lead to the bulk.
MOVES = Moves(settle=10, adapt=8)
#: Effective draws that more rounds are spent on, beyond those that the gate asks for.
WANTED = 400


@dataclass(frozen=True)
class _Names:
    """Which variables a fit holds."""

    parameters: list[str]
    free: list[str]
    fields: list[str]


def laplace_areal(
    config: ArealConfig, data: ArealData, *, seed: int, update: Update | None = None
) -> ArealFit:
    """Fit a configuration with the fast engine.

    The same seed, inputs and versions give the same draws, whatever the number of cores.
    Rounds of sampling double in length, each forgets those before; they end when the gate is
    met with `WANTED` effective draws, or when ``max_rounds`` or ``budget_minutes`` of the
    configuration's sampling are spent.

    Parameters
    ----------
    config, data
        As from `threatkit.areal.data.load_areal`.
    seed
        Of everything random.
    update
        Called after each round.

    Returns
    -------
    ArealFit
        A ``chain`` is a group of short chains, one after the other.

    Raises
    ------
    InvalidInput
        If there are more areas than a dense field takes.
    """
    refuse_many(data)
    begun = time.monotonic()
    with threadpool_limits(1):
        density = ArealDensity(config, data)
    prepared = time.monotonic() - begun
    herd = Herd(density, seed=seed, moves=MOVES)
    fixed = fixed_parameters(config)
    reported = parameters(config, data)
    names = _Names(
        reported,
        [name for name in reported if name not in fixed],
        ["eta"] if data.groups is None else ["eta", "z"],
    )
    for number in range(config.sampling.max_rounds):
        herd.run(KEPT, every=2**number)
        made = _collect(data, herd, names, seed)
        if update is not None:
            update(number + 1, config.sampling.max_rounds, "rounds")
        table = made.diagnostics.table
        enough = table[["ess_bulk", "ess_tail"]].astype(float).min(axis=None) > WANTED
        spent = (time.monotonic() - begun) / 60 > config.sampling.budget_minutes
        if (made.diagnostics.passed and enough) or spent:
            break
        logger.info("round %d is not enough; jumps taken: %.3f", number + 1, herd.accepted)
    made.seconds.update({"prepare": prepared, **herd.seconds})
    return made


def _collect(data: ArealData, herd: Herd, names: _Names, seed: int) -> ArealFit:
    """Bring the points of all chains into one container, and hold it to the gate."""
    draws = _container(data, herd, names)
    flags = grouped(herd.divergent())
    shape = Shape(herd.kept, herd.copies)
    checked = measure(draws, flags, names.free, shape, fields=names.fields)
    return ArealFit(draws, flags, tuple(names.parameters), checked, {}, seed)


def _container(data: ArealData, herd: Herd, names: _Names) -> xr.Dataset:
    """Return the draws under the names and dims of `threatkit.areal.model`."""
    points = herd.points()
    kept, _, chains = points.shape
    held: dict[str, FloatArray] = {}
    for number, point in enumerate(points):
        for name, value in herd.density.expand(point).items():
            if name not in held:
                held[name] = np.empty((kept, chains, *value.shape[:-1]))
            held[name][number] = np.moveaxis(value, -1, 0)
    own = {"eta": ("area",), "z": ("area",), "beta": ("covariate",)}
    variables = {
        name: (("chain", "draw", *own.get(name, ())), grouped(held[name]))
        for name in (*names.parameters, *names.fields)
    }
    coords = {"area": list(data.areas), "covariate": effects(data)}
    used = {dim for dims, _ in variables.values() for dim in dims}
    return xr.Dataset(variables, coords={k: v for k, v in coords.items() if k in used})
