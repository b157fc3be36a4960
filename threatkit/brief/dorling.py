"""One circle a district, its area by population, kept near its place (a Dorling cartogram).

Dorling 1996, Area Cartograms, CATMOD 59. Circles that overlap are pushed apart and each is drawn
back a little to where it belongs, until none overlap by much; all at once and without chance, so
that one run gives one picture.
"""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

ROUNDS = 300
#: Rounds after which it is looked anew who stands near whom.
_LOOK = 15
#: Share of the frame's smaller side squared that all circles cover together.
COVER = 0.24
#: Radius, as a share of the largest, below which no circle falls: it must be seen and hit.
LEAST = 0.12
#: Radius, as a share of the largest, where the number of people is not known.
UNKNOWN = 0.14


def radii(people: FloatArray, area: float) -> FloatArray:
    """Return radii whose circles cover `COVER` of an area.

    Parameters
    ----------
    people
        Shape (district,); not a number where unknown.
    area
        Of the frame, in squares of the unit in which radii are wanted.
    """
    known = np.nan_to_num(people, nan=0.0)
    root = np.sqrt(np.maximum(known, 0.0))
    largest = root.max(initial=0.0)
    if largest == 0.0:
        root, largest = np.ones_like(root), 1.0
    root = np.where(np.isnan(people), UNKNOWN * largest, np.maximum(root, LEAST * largest))
    return np.asarray(root * np.sqrt(COVER * area / (np.pi * np.sum(root**2))))


def spread(at: FloatArray, radius: FloatArray, *, rounds: int = ROUNDS) -> FloatArray:
    """Return where the circles come to rest, shape (district, 2).

    Parameters
    ----------
    at
        Where they belong, shape (district, 2).
    radius
        Shape (district,), in the unit of ``at``.
    rounds
        How often all are moved.
    """
    place, number = at.astype(float).copy(), len(at)
    reach = radius[:, None] + radius[None, :]
    slack = float(radius.max(initial=0.0))
    for round_ in range(rounds):
        if round_ % _LOOK == 0:
            gap = place[:, None, :] - place[None, :, :]
            far = np.hypot(gap[..., 0], gap[..., 1])
            one, other = np.nonzero(np.triu(far < reach + slack, 1))
            weight = radius[other] ** 2 / (radius[one] ** 2 + radius[other] ** 2)
        apart = place[one] - place[other]
        length = np.maximum(np.hypot(apart[:, 0], apart[:, 1]), 1e-9)
        over = np.maximum(reach[one, other] - length, 0.0) / length
        pull = 0.05 * max(0.0, 1 - 1.5 * round_ / rounds) * (at - place)
        for axis in (0, 1):
            push = 0.5 * over * apart[:, axis]
            place[:, axis] += np.bincount(one, push * weight, number)
            place[:, axis] -= np.bincount(other, push * (1 - weight), number)
        place += pull
    return place


def circles(at: FloatArray, people: FloatArray) -> list[list[int]]:
    """Return x, y and radius of a circle for each place, in whole steps of the grid.

    Parameters
    ----------
    at
        Points in the districts, shape (district, 2), in steps of the grid.
    people
        Shape (district,).
    """
    if len(at) == 0:
        return []
    low, high = at.min(axis=0), at.max(axis=0)
    side = float(max(np.prod(np.maximum(high - low, 1.0)), 1.0))
    radius = radii(people, side)
    place = spread(at, radius)
    return [
        [round(float(x)), round(float(y)), max(1, round(float(r)))]
        for (x, y), r in zip(place, radius, strict=True)
    ]
