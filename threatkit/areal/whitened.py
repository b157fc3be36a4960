"""Normal variables sampled about what data say of them roughly, at many points at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Pulled:
    """Derivatives of the density by what normal variables were made from."""

    free: FloatArray
    sd: FloatArray
    information: FloatArray
    pull: FloatArray


class Whitened:
    """Independent normal variables, moved and scaled by what data say of them roughly.

    With w = 1 / (1 + sd^2 information), the share of the prior's variance that is left, a
    variable is ``sd (sd w pull + sqrt(w) free)``. Nothing is divided by sd, which may be zero.

    Attributes
    ----------
    left
        Shape (points,), the sum of the variances that are left.
    values
        Shape (variable, points), once they are placed.
    logp
        Shape (points,), their log prior density with the Jacobian.
    """

    def __init__(self, sd: FloatArray, information: FloatArray) -> None:
        self._sd, self._information = sd, information
        self._w = 1.0 / (1.0 + sd**2 * information)
        self.left: FloatArray = np.einsum("ij,ij,ij->j", sd, sd, self._w)

    def place(self, free: FloatArray, pull: FloatArray) -> FloatArray:
        """Place the variables and return them, given free coordinates and what pulls at them."""
        self._free, self._pull = free, pull
        self._root = np.sqrt(self._w)
        self._unit = self._sd * self._w * pull + self._root * free
        self.values: FloatArray = self._sd * self._unit
        self.logp: FloatArray = 0.5 * (np.log(self._w) - self._unit**2).sum(axis=0)
        return self.values

    def line(self, pull: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return start and slope, by the free coordinates, of the values and of values / sd."""
        middle, root = self._sd * self._w * pull, np.sqrt(self._w)
        return self._sd * middle, self._sd * root, middle, root

    def by_pull(self, grad: FloatArray) -> FloatArray:
        """Return the derivative by the pull, given that of the rest by the values."""
        result: FloatArray = (self._sd * grad - self._unit) * self._sd * self._w
        return result

    def pull(self, grad: FloatArray, by_left: FloatArray | float = 0.0) -> Pulled:
        """Return all derivatives.

        Parameters
        ----------
        grad
            Shape (variable, points), of the rest of the density by the values.
        by_left
            Shape (points,), of the rest by the variance that is left of each variable.
        """
        sd, w = self._sd, self._w
        by_unit = sd * grad - self._unit
        by_w = by_unit * (sd * self._pull + 0.5 * self._free / self._root) + 0.5 / w
        by_w += by_left * sd**2
        lost = by_w * w**2
        by_sd = grad * self._unit + by_unit * w * self._pull
        by_sd += 2.0 * sd * (by_left * w - lost * self._information)
        return Pulled(by_unit * self._root, by_sd, -lost * sd**2, by_unit * sd * w)
