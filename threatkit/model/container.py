"""Draws of the fast engine, under the names and dims of `threatkit.model.build.build`.

They are gathered move by move, so that a long region's points need not be held beside them.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from threatkit.model.course import movement_coords
from threatkit.model.density import Density
from threatkit.model.ensemble import grouped
from threatkit.model.spec import ModelSpec

FloatArray = NDArray[np.float64]

#: Districts beyond which draws are kept in single precision: seven digits, half the memory.
LARGEST_DOUBLE = 10_000


class Container:
    """The draws of an ensemble, which grow with it."""

    def __init__(self, spec: ModelSpec, density: Density, rng: np.random.Generator) -> None:
        """Start without a draw.

        Parameters
        ----------
        spec
            The specification that is sampled.
        density
            Its density, in the coordinates of the points.
        rng
            Splits the field into its parts where they share a coordinate.
        """
        self._spec, self._density, self._rng = spec, density, rng
        self._held: dict[str, FloatArray] = {}
        self._divergent: list[NDArray[np.bool_]] = []

    def add(self, moves: Iterator[tuple[FloatArray, NDArray[np.bool_]]], count: int) -> None:
        """Add ``count`` moves: points of shape (size, chains) and which of them diverged."""
        first = len(self._divergent)
        for number, (points, divergent) in enumerate(moves, first):
            self._divergent.append(divergent)
            for name, value in self._density.expand(points, self._rng).items():
                shape = (points.shape[1], first + count, *value.shape[:-1])
                room = self._room(name, shape)
                whole = np.broadcast_to(value, (*value.shape[:-1], points.shape[1]))
                room[:, number] = np.moveaxis(whole, -1, 0)

    def _room(self, name: str, shape: tuple[int, ...]) -> FloatArray:
        """Return the array of a variable, shape (chain, move, ...), with room for all moves."""
        held = self._held.get(name)
        if held is None or held.shape != shape:
            long = int(np.prod(shape[2:])) > LARGEST_DOUBLE
            room = np.empty(shape, dtype=np.float32 if long else np.float64)
            if held is not None:
                room[:, : held.shape[1]] = held
            self._held[name] = room
        return self._held[name]

    @property
    def hyperparameters(self) -> Sequence[str]:
        """Return the variables with a prior of their own."""
        return self._density.layout.hyperparameters

    def divergent(self) -> NDArray[np.bool_]:
        """Return which draws diverged, shape (chain, draw)."""
        return grouped(np.stack(self._divergent))

    def draws(self) -> xr.Dataset:
        """Return the draws; a chain is one of `threatkit.model.ensemble.GROUPS`."""
        spec, panel = self._spec, self._spec.panel
        data = {}
        for name, held in self._held.items():
            own = _dims(name, held.ndim - 2)
            data[name] = (("chain", "draw", *own), grouped(np.moveaxis(held, 0, 1)))
        modes = self._held["modes"].shape[-1] if "modes" in self._held else 0
        coords = {
            "district": list(panel.districts.index),
            "country": list(panel.countries),
            "oblast": list(panel.oblasts),
            "period": [int(year) for year in panel.periods],
            "pillar": list(spec.pillars),
            "indicator": self._density.indicators,
            "mode": list(range(modes)),
        }
        coords |= movement_coords(spec)
        used = {dim for names, _ in data.values() for dim in names}
        return xr.Dataset(data, {name: at for name, at in coords.items() if name in used})


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
