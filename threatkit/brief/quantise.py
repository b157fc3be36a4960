"""Draws in one byte each, on edges that hold every threshold a reader may choose.

The edges are round probabilities and hold the limits of the levels. A draw is kept as the number
of edges that do not exceed it, so that for each threshold on offer, and for each level, the page
counts exactly what the kept draws say: nothing is lost to rounding.
"""

import base64

import numpy as np
from numpy.typing import NDArray

from threatkit.report.summary import LEVEL_LIMITS

FloatArray = NDArray[np.float64]

#: Draws that are kept in the page.
MOST_DRAWS = 1000
#: Steps between edges, in hundredths of one in a hundred: from, to, step.
_STEPS = ((10, 100, 2), (100, 300, 5), (300, 1000, 10), (1000, 2500, 50), (2500, 8000, 100))


def _edges() -> tuple[float, ...]:
    whole = [number for low, high, step in _STEPS for number in range(low, high, step)]
    return tuple(number / 10_000 for number in [*whole, _STEPS[-1][1]])


#: Probabilities between which a reader may choose; ascending, 0.001 to 0.8.
EDGES = _edges()


def level_edges() -> list[int]:
    """Return for each limit of the levels the number of the edge that equals it."""
    return [EDGES.index(limit) for limit in LEVEL_LIMITS]


def thin(draws: FloatArray, most: int = MOST_DRAWS) -> FloatArray:
    """Return at most so many draws, evenly spaced over all of them.

    Parameters
    ----------
    draws
        Shape (draw, district).
    most
        How many to keep.
    """
    if len(draws) <= most:
        return draws
    return np.asarray(draws[np.linspace(0, len(draws) - 1, most).round().astype(int)])


def bins(draws: FloatArray) -> NDArray[np.uint8]:
    """Return for each draw the number of edges at or below it, shape as given."""
    return np.searchsorted(np.array(EDGES), draws, side="right").astype(np.uint8)


def encode(draws: FloatArray) -> str:
    """Return draws of shape (draw, district) as base64 of bytes, district by district."""
    return base64.b64encode(np.ascontiguousarray(bins(draws).T).tobytes()).decode("ascii")


def decode(text: str, districts: int) -> NDArray[np.uint8]:
    """Return the bins of `encode`, shape (draw, district)."""
    return np.frombuffer(base64.b64decode(text), dtype=np.uint8).reshape(districts, -1).T


def scale_point(prob: float) -> float:
    """Return the place of a probability on an axis of five equal levels, 0 to 100.

    The axis is that of the score from 0 to 10: linear in the logarithm between its knots.
    """
    knots = (0.001, *LEVEL_LIMITS, 0.8)
    logs = np.log(np.array(knots))
    at = np.interp(np.log(max(prob, knots[0])), logs, np.linspace(0, 100, len(knots)))
    return round(float(at), 1)


def dot_quantiles(draws: FloatArray, dots: int = 20) -> list[float]:
    """Return the middles of equally likely parts of one district's draws, ascending."""
    return [float(x) for x in np.quantile(draws, (np.arange(dots) + 0.5) / dots)]
