"""What happened in each district and year, and where nobody can say.

An outcome is a distribution over counts of episodes: nearly always one certain count, but an
episode known to its oblast only leaves a district with two or more possible ones. Where no
source covers a country in a year, or nobody lives in a district, it is missing, never zero.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from threatkit.data.catalogue import Catalogue
from threatkit.errors import Fault, InvalidInput
from threatkit.geo.graph import Graph
from threatkit.model.assemble import Outcome, assemble, covered_years

FloatArray = NDArray[np.float64]

#: Distributions of counts reach at least to this count; the last bin is open.
LARGEST = 20
#: An origin knows at least this many years, if the data reach back so far.
PAST = 8


@dataclass(frozen=True)
class Outcomes:
    """Outcomes of N districts in Y calendar years.

    Attributes
    ----------
    districts
        Index district; country and oblast.
    pairs
        Shape (border, 2): positions of neighbouring districts.
    years
        Shape (Y,), consecutive and ascending.
    pmf
        Shape (N, Y, K + 1): probability of each count of episodes; NaN where missing.
    part
        Shape (N, Y): part of the year that a source covers, 0 to 1; 0 where missing.
    """

    districts: pd.DataFrame
    pairs: NDArray[np.int_]
    years: NDArray[np.int_]
    pmf: FloatArray
    part: FloatArray

    @property
    def event(self) -> FloatArray:
        """Return the probability that at least one episode happened, shape (N, Y)."""
        return 1.0 - self.pmf[..., 0]

    @property
    def covered(self) -> NDArray[np.bool_]:
        """Return where an outcome is known, shape (N, Y)."""
        return self.part > 0

    def until(self, year: int) -> "Outcomes":
        """Return what had happened up to the end of a year: the history of an origin.

        Raises
        ------
        InvalidInput
            If the year lies outside the data.
        """
        if not self.years[0] <= year <= self.years[-1]:
            raise InvalidInput(
                Fault(
                    f"the origin {year}",
                    f"an origin lies within the years of the data, {self.years[0]} to "
                    f"{self.years[-1]}",
                    str(year),
                    "Choose other origins",
                )
            )
        last = year - int(self.years[0]) + 1
        return replace(
            self,
            years=self.years[:last],
            pmf=self.pmf[:, :last],
            part=self.part[:, :last],
        )

    def since(self, year: int) -> "Outcomes":
        """Return what happened from a year on; all of it if the year lies before the data."""
        first = max(year - int(self.years[0]), 0)
        return replace(
            self, years=self.years[first:], pmf=self.pmf[:, first:], part=self.part[:, first:]
        )

    def history(self, origin: int, start_year: int | None = None) -> "Outcomes":
        """Return what an origin knows: from ``start_year`` on, but at least `PAST` years.

        Raises
        ------
        InvalidInput
            If the origin lies outside the data.
        """
        known = self.until(origin)
        return known if start_year is None else known.since(first_year(origin, start_year))

    def target(self, year: int) -> tuple[FloatArray, FloatArray]:
        """Return the outcome of a year, (N, K + 1), and the part that is covered, (N,).

        Raises
        ------
        InvalidInput
            If the year lies outside the data, or no source covers any district in it.
        """
        column = year - int(self.years[0])
        if not 0 <= column < len(self.years) or not self.covered[:, column].any():
            raise InvalidInput(
                Fault(
                    f"the outcome of {year}",
                    "a source covers some district in a year that is scored; one that none "
                    "covers is missing, not zero",
                    "none",
                    f"Choose origins whose next year lies within {self.years[0]} to "
                    f"{self.years[-1]} and is covered",
                )
            )
        return self.pmf[:, column], self.part[:, column]


def first_year(origin: int, start_year: int) -> int:
    """Return the first year that an origin knows: `PAST` years are its least."""
    return min(start_year, origin - PAST + 1)


def outcomes(catalogue: Catalogue, graph: Graph, rules: Outcome) -> Outcomes:
    """Return the outcomes of a catalogue over the districts of a graph.

    Parameters
    ----------
    catalogue
        Checked data packages.
    graph
        Borders of the districts that have an outline.
    rules
        What counts as an episode, and from which year to which day.

    Raises
    ------
    InvalidInput
        If no source covers any part of the years asked for.
    """
    panel = assemble(catalogue, graph, rules)
    covered = covered_years(catalogue.coverage, panel.countries, panel.periods, panel.as_of)
    part = np.where(panel.regime >= 0, covered, 0.0)[panel.country_of]
    part[panel.people <= 0] = 0.0
    top = int(panel.cells["count"].max()) if len(panel.cells) else 1
    pmf = np.zeros((*part.shape, max(top, LARGEST) + 1))
    pmf[..., 0] = 1.0
    district, period = (panel.cells[name].to_numpy(dtype=int) for name in ("district", "period"))
    pmf[district, period] = 0.0
    np.add.at(pmf, (district, period, panel.cells["count"].to_numpy(dtype=int)),
              panel.cells["weight"].to_numpy(dtype=float))  # fmt: skip
    pmf[part <= 0] = np.nan
    return Outcomes(
        districts=panel.districts[["country", "oblast"]],
        pairs=np.asarray(graph.pairs(), dtype=int),
        years=panel.periods,
        pmf=pmf,
        part=part,
    )
