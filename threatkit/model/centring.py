"""Coordinates between non-centred and centred, by what the data say of each.

A coefficient w e with e standard normal and scale w is sampled best as e where data hold it
little, and as itself where they hold it tightly. With P the data's precision about it and t
the value they point to, its conditional posterior is nearly normal, and

    e = P t w / q + u / sqrt(q),  q = 1 + P w^2,

makes u standard normal at every w (doi:10.1214/088342307000000014). It is a change of
variables with its Jacobian: the posterior is exact however rough P and t are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

#: Least P w^2 somewhere for which a block is centred at all.
LEAST_KNOWN = 0.5


@dataclass(frozen=True)
class Centring:
    """What the data say of a block of coefficients.

    Attributes
    ----------
    precision
        Shape (n,): P, at least 0.
    target
        Shape (n,): t.
    """

    precision: FloatArray
    target: FloatArray

    def forward(self, u: FloatArray, w: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return e, shape (n, points), and what replacing its prior by u's leaves out.

        Parameters
        ----------
        u
            Shape (n, points), taken to be standard normal by the caller.
        w
            Shape (n, points), positive.
        """
        p = self.precision[:, None]
        q = 1 + p * w**2
        e = p * self.target[:, None] * w / q + u / np.sqrt(q)
        left = 0.5 * (u**2 - e**2 - np.log(q)).sum(axis=0)
        return e, left

    def backward(
        self, by_e: FloatArray, e: FloatArray, u: FloatArray, w: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the derivatives by u and w of a function of e and of what was left out."""
        p = self.precision[:, None]
        t = self.target[:, None]
        q = 1 + p * w**2
        c = 1 / np.sqrt(q)
        by_e = by_e - e
        slope = p * t * c**2 * (1 - 2 * p * w**2 * c**2) - u * p * w * c**3
        return by_e * c + u, by_e * slope - p * w * c**2


def centring(mode: FloatArray, scale: FloatArray, precision: FloatArray) -> Centring | None:
    """Return the centring that a mode of e points to; None where the data say little.

    Parameters
    ----------
    mode
        Shape (n,): e at the mode given the hyperparameters.
    scale
        Shape (n,): w there.
    precision
        Shape (n,): of the data about w e.
    """
    known = precision * scale**2
    if not (known > LEAST_KNOWN).any():
        return None
    precision = np.where(known > 0.01, precision, 0.0)
    factor = np.divide(1 + known, known, out=np.zeros_like(known), where=precision > 0)
    return Centring(precision, mode * scale * factor)
