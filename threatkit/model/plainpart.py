"""The plain part of a whitened field, centred in full by what the data say of each district.

With the structured part v, the scales a of it and w of the plain part t, and data of precision
K that point to tau about r + a v + w t, r being the rest of the log rate,

    t = K w (tau - r - a v) / q + u / sqrt(q),  q = 1 + K w^2,

makes u standard normal at every w where the data are normal (doi:10.1214/088342307000000014).
A pass each way over all districts and points, compiled: in numpy it takes a dozen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

#: Where a product is taken the logarithm of; a factor more does not overflow it.
LARGEST_PRODUCT = 1e150


@dataclass(frozen=True)
class PlainPart:
    """What the data say of each district.

    Attributes
    ----------
    precision
        Shape (district,): K, at least 0.
    aim
        Shape (district,): K tau.
    island
        Shape (district,): where the plain part has the whole variance at any mixing.
    """

    precision: FloatArray
    aim: FloatArray
    island: NDArray[np.bool_]

    def forward(
        self,
        u: FloatArray,
        v: FloatArray,
        rest: FloatArray,
        sd: FloatArray,
        mixing: FloatArray,
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return t, the whole field, and what the priors of u leave out of that of t.

        Parameters
        ----------
        u, v, rest
            Shape (district, points).
        sd, mixing
            Shape (points,), mixing between 0 and 1.
        """
        t, unit, left = np.empty_like(v), np.empty_like(v), np.zeros(v.shape[1])
        _passes()[0](
            (self.precision, self.aim, self.island), (sd, mixing), u, v, rest, (t, unit, left)
        )
        return t, unit, left

    def backward(
        self,
        grad: FloatArray,
        place: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
        sd: FloatArray,
        mixing: FloatArray,
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return the derivatives by u, v, the rest (by way of t), sd and mixing.

        Parameters
        ----------
        grad
            Shape (district, points): the derivative by sd times the whole field.
        place
            u, v, the rest and t of `forward`.
        sd, mixing
            As there.
        """
        by_u, by_v, by_rest = (np.empty_like(grad) for _ in range(3))
        by_sd, by_mixing = np.zeros(grad.shape[1]), np.zeros(grad.shape[1])
        _passes()[1](
            (self.precision, self.aim, self.island),
            (sd, mixing),
            grad,
            place,
            (by_u, by_v, by_rest, by_sd, by_mixing),
        )
        return by_u, by_v, by_rest, by_sd, by_mixing


@cache
def _passes() -> tuple[Callable[..., None], Callable[..., None]]:
    """Compile both passes, which takes two seconds and lets other threads go on."""
    from numba import njit

    @njit(nogil=True, error_model="numpy")
    def forward(known: Any, scales: Any, u: Any, v: Any, rest: Any, out: Any) -> None:
        precision, aim, island = known
        sd, mixing = scales
        t, unit, left = out
        root, mixed = np.sqrt(mixing), np.sqrt(1 - mixing)
        whole, product = np.ones_like(sd), np.ones_like(sd)
        for i in range(v.shape[0]):
            k, own = precision[i], whole if island[i] else mixed
            for p in range(v.shape[1]):
                w = sd[p] * own[p]
                q = 1 + k * w * w
                c = 1 / np.sqrt(q)
                gap = aim[i] - k * (rest[i, p] + sd[p] * root[p] * v[i, p])
                at = w * gap * c * c + u[i, p] * c
                t[i, p] = at
                unit[i, p] = own[p] * at + root[p] * v[i, p]
                left[p] += 0.5 * (u[i, p] * u[i, p] - at * at)
                product[p] *= q
            # One logarithm a few districts, before their product overflows.
            if product.max() > LARGEST_PRODUCT:
                left -= 0.5 * np.log(product)
                product[:] = 1.0
        left -= 0.5 * np.log(product)

    @njit(nogil=True, error_model="numpy")
    def backward(known: Any, scales: Any, grad: Any, place: Any, out: Any) -> None:
        precision, aim, island = known
        sd, mixing = scales
        u, v, rest, t = place
        by_u, by_v, by_rest, by_sd, by_mixing = out
        root, mixed = np.sqrt(mixing), np.sqrt(1 - mixing)
        whole, none, slopes = np.ones_like(sd), np.zeros_like(sd), -0.5 / mixed
        for i in range(v.shape[0]):
            k = precision[i]
            own, slope = (whole, none) if island[i] else (mixed, slopes)
            for p in range(v.shape[1]):
                g = grad[i, p]
                w, a = sd[p] * own[p], sd[p] * root[p]
                c = 1 / np.sqrt(1 + k * w * w)
                by_t = w * g - t[i, p]
                by_u[i, p] = by_t * c + u[i, p]
                along = by_t * c * c
                gap = aim[i] - k * (rest[i, p] + a * v[i, p])
                by_w = along * (gap * (2 * c * c - 1) - k * w * u[i, p] * c) - k * w * c * c
                by_w += g * t[i, p]
                by_rest[i, p] = -along * k * w
                by_a = v[i, p] * (g + by_rest[i, p])
                by_v[i, p] = a * (g + by_rest[i, p])
                by_sd[p] += by_w * own[p] + by_a * root[p]
                by_mixing[p] += sd[p] * (by_w * slope[p] + by_a * 0.5 / root[p])

    return forward, backward
