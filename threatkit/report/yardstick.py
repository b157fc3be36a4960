"""Words of likelihood: the scales of ICD 203 and of the United Kingdom's PHIA.

Both are standards of intelligence analysis. ICD 203 (Office of the Director of National
Intelligence, Analytic Standards, 2015) runs from 1 to 99 in 100 without a gap. The yardstick of
the Professional Head of Intelligence Assessment leaves gaps between its words on purpose, so
that nobody argues about a point at a limit; a chance in a gap gets no word of its own here, and
both neighbours are named.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from threatkit.report.catalogue import Translator, mark, mark_in

CONTEXT = "likelihood"


@dataclass(frozen=True)
class Band:
    """A word and the chances it stands for, 0 to 1; the lower end belongs to it."""

    lo: float
    hi: float
    word: str


@dataclass(frozen=True)
class Yardstick:
    """A scale of words.

    Attributes
    ----------
    key, name
        As a user and a reader call it.
    source
        Where it is published.
    bands
        Its words, ascending.
    """

    key: str
    name: str
    source: str
    bands: tuple[Band, ...]

    def place(self, prob: float) -> tuple[Band | None, Band | None]:
        """Return the band of a chance twice, or its neighbours where no band holds it.

        The last band holds its upper end; None stands for what lies beyond the scale.
        """
        below: Band | None = None
        for band in self.bands:
            if prob < band.lo:
                return below, band
            if prob < band.hi or (band is self.bands[-1] and prob <= band.hi):
                return band, band
            below = band
        return below, None

    def word(self, prob: float, say: Translator) -> str:
        """Return the word of a chance; in a gap both neighbours; beyond the scale its end."""
        below, above = self.place(prob)
        if below is None:
            return say.t("less than 1 in 100")
        if above is None:
            return say.t("more than 99 in 100")
        low, high = (say.tc(CONTEXT, band.word) for band in (below, above))
        if below is above:
            return low
        return say.t("between “{low}” and “{high}”", low=low, high=high)

    def table(self, say: Translator) -> list[tuple[str, str]]:
        """Return each word with its range: ('unlikely', '20 to 45 in 100')."""
        return [
            (
                say.tc(CONTEXT, band.word),
                say.t(
                    "{low} to {high} in 100", low=round(100 * band.lo), high=round(100 * band.hi)
                ),
            )
            for band in self.bands
        ]

    def note(self, say: Translator) -> str:
        """Return what the scale does where it has no word."""
        if self.bands[0].lo > 0:
            return say.t("Below 1 and above 99 in 100 this scale has no word; none is made up.")
        return say.t("This scale leaves gaps; a chance in a gap is told by both neighbours.")


ICD203 = Yardstick(
    "icd203",
    "ICD 203",
    mark("Office of the Director of National Intelligence (United States), 2015"),
    (
        Band(0.01, 0.05, mark_in("likelihood", "almost no chance")),
        Band(0.05, 0.20, mark_in("likelihood", "very unlikely")),
        Band(0.20, 0.45, mark_in("likelihood", "unlikely")),
        Band(0.45, 0.55, mark_in("likelihood", "roughly even chance")),
        Band(0.55, 0.80, mark_in("likelihood", "likely")),
        Band(0.80, 0.95, mark_in("likelihood", "very likely")),
        Band(0.95, 0.99, mark_in("likelihood", "almost certain")),
    ),
)
PHIA = Yardstick(
    "phia",
    "PHIA",
    mark("Professional Head of Intelligence Assessment (United Kingdom)"),
    (
        Band(0.0, 0.05, mark_in("likelihood", "remote chance")),
        Band(0.10, 0.20, mark_in("likelihood", "highly unlikely")),
        Band(0.25, 0.35, mark_in("likelihood", "unlikely")),
        Band(0.40, 0.50, mark_in("likelihood", "realistic possibility")),
        Band(0.55, 0.75, mark_in("likelihood", "likely or probable")),
        Band(0.80, 0.90, mark_in("likelihood", "highly likely")),
        Band(0.95, 1.0, mark_in("likelihood", "almost certain")),
    ),
)
YARDSTICKS: Mapping[str, Yardstick] = {scale.key: scale for scale in (ICD203, PHIA)}
