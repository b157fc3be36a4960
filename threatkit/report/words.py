"""Numbers in words of the reader's language: chances, levels, places, changes, reasons.

A chance never stands without its interval, a level is never named by a word, and reasons are
associations. All rules are published in ``docs/words.md``; words of likelihood are those of
`threatkit.report.yardstick`, confidence is told by `threatkit.report.confidence`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from threatkit.report.catalogue import Translator, Value, mark, translator
from threatkit.report.confidence import Evidence, confidence_sentence
from threatkit.report.summary import LEVEL_LIMITS
from threatkit.report.yardstick import ICD203, YARDSTICKS, Yardstick

#: Part of the model -> what a reader calls it, as inside a sentence.
PARTS = {
    "border": mark("closeness to Afghanistan"),
    "youth": mark("young people without work"),
    "extremism": mark("extremism cases on record"),
    "people": mark("number of people"),
    "space": mark("place and neighbours"),
    "change": mark("how its level has moved"),
    "history": mark("its own recent record"),
    "country": mark("level of its country"),
    "judgement": mark("an analyst’s judgement"),
    "region": mark("the whole region"),
}
COUNTRIES = {
    "KAZ": mark("Kazakhstan"),
    "KGZ": mark("Kyrgyzstan"),
    "TJK": mark("Tajikistan"),
    "TKM": mark("Turkmenistan"),
    "UZB": mark("Uzbekistan"),
    "AFG": mark("Afghanistan"),
}
#: A part that multiplies the chance by less than a tenth (log scale) is no reason.
LEAST_REASON = 0.1
_MOST_REASONS = 2


def capital(text: str) -> str:
    """Return a text with its first letter large."""
    return text[:1].upper() + text[1:]


@dataclass(frozen=True)
class Phrases:
    """Phrases in one language and one yardstick.

    Attributes
    ----------
    say
        Texts, numbers and dates of the language.
    yardstick
        Key of the scale of likelihood: ``icd203`` or ``phia``.
    """

    say: Translator
    yardstick: str = ICD203.key

    @property
    def scale(self) -> Yardstick:
        """Return the scale of likelihood."""
        return YARDSTICKS[self.yardstick]

    def likelihood(self, prob: float) -> str:
        """Return the word of a chance, see `Yardstick.word`."""
        return self.scale.word(prob, self.say)

    def _count(self, prob: float, base: int) -> str:
        """Return a chance as a whole number out of a base: '3', 'less than 1'."""
        number = prob * base
        if number < 0.5:
            return self.say.t("less than 1")
        if number > base - 0.5:
            return self.say.t("more than {n}", n=base - 1)
        return self.say.number(math.floor(number + 0.5))

    def _end(self, prob: float, base: int) -> str:
        """Return an end of an interval; a language may write it shorter than inside a sentence."""
        number = prob * base
        if number < 0.5:
            return self.say.tc("end of an interval", "less than 1")
        if number > base - 0.5:
            return self.say.tc("end of an interval", "more than {n}", n=base - 1)
        return self.say.number(math.floor(number + 0.5))

    def _ends(self, lo: float, hi: float, base: int) -> tuple[str, str]:
        """Return the ends of an interval; with decimals where they would round to one number."""
        low, high = self._end(lo, base), self._end(hi, base)
        if low == high and lo < hi:
            digits = 1 if round(lo * base, 1) != round(hi * base, 1) else 2
            low, high = (self.say.number(end * base, digits) for end in (lo, hi))
        return low, high

    def chance(self, prob: float, lo: float, hi: float) -> str:
        """Return '3 in 100 (1 to 9)', for a table; under 1 in 100 the base is 1,000."""
        base = base_of(prob)
        low, high = self._ends(lo, hi, base)
        count = self._count(prob, base)
        return self.say.t("{n} in {base} ({low} to {high})", n=count, base=base, low=low, high=high)

    def frequency(self, prob: float, lo: float, hi: float) -> str:
        """Return 'about 3 in 100 (1 to 9 in 100)', for a sentence."""
        base = base_of(prob)
        low, high = self._ends(lo, hi, base)
        count = self._count(prob, base)
        values: dict[str, Value] = {"n": count, "base": base, "low": low, "high": high}
        if 0.5 <= prob * base <= base - 0.5:
            return self.say.t("about {n} in {base} ({low} to {high} in {base})", **values)
        return self.say.t("{n} in {base} ({low} to {high} in {base})", **values)

    def share(self, prob: float) -> str:
        """Return 'in 12 of 100 draws', for what is known by counting draws."""
        return self.say.t("in {n} of 100 draws", n=self._count(prob, 100))

    def sentence(self, prob: float, lo: float, hi: float, *, end: date) -> tuple[str, str]:
        """Return the likelihood word, and what follows its colon in a district's sentence."""
        figure = self.frequency(prob, lo, hi)
        rest = self.say.t(
            "{figure} for at least one episode by {end}.", figure=figure, end=self.say.date(end)
        )
        return capital(self.likelihood(prob)), rest

    def likelihood_sentence(self, prob: float, lo: float, hi: float, *, end: date) -> str:
        """Return the sentence on a district's chance: word, frequency, interval and end."""
        return ": ".join(self.sentence(prob, lo, hi, end=end))

    def level_range(self, level: int) -> str:
        """Return the range of chance of a level: '10 to 25 in 100'."""
        limits = [round(limit * 100) for limit in LEVEL_LIMITS]
        if level == 1:
            return self.say.t("under {n} in 100", n=limits[0])
        if level > len(limits):
            return self.say.t("{n} in 100 or more", n=limits[-1])
        return self.say.t("{low} to {high} in 100", low=limits[level - 2], high=limits[level - 1])

    def level(self, level: int) -> str:
        """Return 'level 4 of 5 (10 to 25 in 100)'."""
        return self.say.t("level {n} of 5 ({range})", n=level, range=self.level_range(level))

    def place(self, lo: int, hi: int, total: int) -> str:
        """Return the interval of a rank: 'between 4 and 31 of 540'; 1 is the highest chance."""
        if lo == hi:
            return self.say.t("{n} of {total}", n=lo, total=total)
        return self.say.t("between {low} and {high} of {total}", low=lo, high=hi, total=total)

    def change(self, before: float, after: float, lo: float, hi: float) -> str:
        """Return 'was 19, is 26 in 100 (9 to 53)'; the interval is of the present chance."""
        base = base_of(max(before, after))
        digits = 1 if round(before * base) == round(after * base) else 0
        was, now, low, high = (
            self.say.number(value * base, digits) for value in (before, after, lo, hi)
        )
        return self.say.t(
            "was {before}, is {after} in {base} ({low} to {high})",
            before=was, after=now, base=base, low=low, high=high,
        )  # fmt: skip

    def people(self, people: float | None, *, status: str = "", year: str = "") -> str:
        """Return the number of people, with its year and how it is known."""
        t = self.say.t
        if people is None or math.isnan(people):
            return t("number of people not known")
        rough = status in ("estimated", "subtracted")
        digits = max(0, len(str(round(people))) - 3)
        number = self.say.number(round(people, -digits) if rough else round(people))
        if status == "subtracted":
            year = ", ".join(filter(None, (t("by subtraction"), year)))
        elif rough:
            year = ", ".join(filter(None, (t("estimated"), year)))
        return t("{n} people ({year})", n=number, year=year) if year else t("{n} people", n=number)

    def rough(self, people: float) -> str:
        """Return a number of people that a forecast speaks of, to two digits."""
        digits = max(0, len(str(round(people))) - 2)
        return self.say.number(round(people, -digits))

    def factor(self, log_value: float) -> str:
        """Return a number on the log scale as a factor."""
        value = math.exp(min(max(log_value, -12.0), 12.0))
        return self.say.number(value, 0 if value >= 10 else 1 if value >= 0.95 else 2)

    def factor_band(self, mean: float, lo: float, hi: float) -> str:
        """Return a contribution as a factor: '1.6 times (1.1 to 2.4)'."""
        if math.isclose(lo, hi, abs_tol=1e-6):
            return self.say.t("{n} times, exactly", n=self.factor(mean))
        low, high = self.factor(lo), self.factor(hi)
        return self.say.t("{n} times ({low} to {high})", n=self.factor(mean), low=low, high=high)

    def part(self, key: str) -> str:
        """Return what a reader calls a part of the model, as a label."""
        return capital(self.part_inside(key))

    def part_inside(self, key: str) -> str:
        """Return what a reader calls a part of the model, inside a sentence."""
        return self.say.t(PARTS[key]) if key in PARTS else key

    def country(self, code: str) -> str:
        """Return the name of a country by its ISO code."""
        return self.say.t(COUNTRIES[code]) if code in COUNTRIES else code

    def reasons(self, parts: Sequence[tuple[str, float]], most: int = _MOST_REASONS) -> str:
        """Name the parts that go with a higher chance, strongest first, as a label.

        Parameters
        ----------
        parts
            Part and its mean contribution on the log scale; `LEAST_REASON` at least counts.
        most
            How many are named.
        """
        names = [self.part_inside(key) for key in raising(parts)[:most]]
        if not names:
            return self.say.t("Nothing measured here goes with a higher chance than usual")
        return capital("; ".join(names))

    def reasons_sentence(self, parts: Sequence[tuple[str, float]]) -> str:
        """Name the same parts in a sentence."""
        names = [self.part_inside(key) for key in raising(parts)[:_MOST_REASONS]]
        if not names:
            return self.say.t("Nothing measured here goes with a higher chance than usual.")
        # Translators: {names} is a list in the nominative; association, never cause.
        return self.say.t("A higher chance is associated with: {names}.", names=self.joined(names))

    def confidence(self, evidence: Evidence) -> str:
        """Return the confidence in its own sentence, see `confidence_sentence`."""
        return confidence_sentence(evidence, self.say)

    def joined(self, items: Sequence[str]) -> str:
        """Join clauses or names as in speech: 'a', 'a and b', 'a, b and c'."""
        if len(items) < 2:
            return "".join(items)
        return self.say.t("{first} and {last}", first=", ".join(items[:-1]), last=items[-1])

    def headline(
        self,
        counts: Sequence[tuple[float, float, float]],
        assessed: int,
        leaders: Sequence[str],
        *,
        months: int,
    ) -> str:
        """Return a page's title: how many districts, with the interval, and which most likely.

        Parameters
        ----------
        counts
            Limit of the chance, lower and upper end of the number of districts at or above it.
            The highest limit whose lower end is at least 1 is told, else the highest whose
            upper end is; so the title never turns on a class that is surely empty.
        assessed
            Districts assessed.
        leaders
            Names of the districts most likely among them.
        months
            Length of the forecast.
        """
        t = self.say.t
        if not leaders:
            return t("No district could be assessed")
        within = t("within a year") if months == 12 else t("within {n} months", n=months)
        values: dict[str, Value] = {"within": within, "names": self.joined(leaders)}
        chosen = told_limit(counts)
        if chosen is None:
            return t("The highest chance of organised violence {within}: {names}", **values)
        limit, lo, hi = round(100 * chosen[0]), round(chosen[1]), round(chosen[2])
        if lo == hi:
            return t(
                "{n} of {total} districts: a chance of {limit} in 100 or more of organised "
                "violence {within}; most likely {names}",
                n=lo, total=assessed, limit=limit, **values,
            )  # fmt: skip
        return t(
            "Between {low} and {high} of {total} districts face a chance of {limit} in 100 or "
            "more of organised violence {within}, most likely {names}",
            low=lo, high=hi, total=assessed, limit=limit, **values,
        )  # fmt: skip


def base_of(prob: float) -> int:
    """Return the base of a natural frequency: under 1 in 100 it is 1,000."""
    return 100 if prob >= 0.01 else 1000


def raising(parts: Sequence[tuple[str, float]]) -> list[str]:
    """Return the parts that raise the chance by a tenth or more, strongest first."""
    up = [item for item in parts if item[1] >= LEAST_REASON]
    return [key for key, _ in sorted(up, key=lambda item: -item[1])]


def told_limit(
    counts: Sequence[tuple[float, float, float]],
) -> tuple[float, float, float] | None:
    """Return the limit that a title tells: the highest that surely, else possibly, is reached."""
    ordered = sorted(counts, reverse=True)
    surely = next((row for row in ordered if row[1] >= 1), None)
    return surely or next((row for row in ordered if row[2] >= 1), None)


#: The phrases of the map, which is in English.
ENGLISH = Phrases(translator())
