"""Figures in words of the reader's language: chances, levels, places, reasons, confidence.

The rules are those of ``docs/words.md``. A likelihood and a confidence never share a sentence,
and a chance never stands without its interval.
"""

import math
from dataclasses import dataclass
from datetime import date

from threatkit.brief.speech import Translator
from threatkit.report import words
from threatkit.report.summary import LEVEL_LIMITS
from threatkit.report.words import Evidence

#: A part that multiplies the chance by less than this (log scale) is no reason.
LEAST_REASON = 0.1
YARDSTICKS = ("icd203", "phia")


@dataclass(frozen=True)
class Phrases:
    """Phrases in one language and one yardstick.

    Attributes
    ----------
    say
        Texts, numbers and dates of the language.
    yardstick
        ``icd203`` (United States) or ``phia`` (United Kingdom).
    """

    say: Translator
    yardstick: str = "icd203"

    def scale(self) -> list[tuple[float, float, str]]:
        """Return the yardstick: lower end, upper end and word, ascending.

        Raises
        ------
        KeyError
            If the yardstick is unknown.
        """
        t = self.say.t
        if self.yardstick == "icd203":
            return [
                (0.01, 0.05, t("almost no chance")),
                (0.05, 0.20, t("very unlikely")),
                (0.20, 0.45, t("unlikely")),
                (0.45, 0.55, t("roughly even chance")),
                (0.55, 0.80, t("likely")),
                (0.80, 0.95, t("very likely")),
                (0.95, 0.99, t("almost certain")),
            ]
        if self.yardstick == "phia":
            return [
                (0.0, 0.05, t("remote chance")),
                (0.10, 0.20, t("highly unlikely")),
                (0.25, 0.35, t("unlikely")),
                (0.40, 0.50, t("realistic possibility")),
                (0.55, 0.75, t("likely or probable")),
                (0.80, 0.90, t("highly likely")),
                (0.95, 1.0, t("almost certain")),
            ]
        raise KeyError(self.yardstick)

    def likelihood(self, prob: float) -> str:
        """Return the word of a chance; outside of the yardstick its end, in figures.

        Between two bands of PHIA, which leaves gaps, the nearer band gives the word.
        """
        scale = self.scale()
        if prob < scale[0][0]:
            return self.say.t("less than 1 in 100")
        if self.yardstick == "icd203" and prob > scale[-1][1]:
            return self.say.t("more than 99 in 100")
        for (_, high, word), (low, _, _) in zip(scale, scale[1:], strict=False):
            if prob < (high + low) / 2:
                return word
        return scale[-1][2]

    def _count(self, prob: float, base: int) -> str:
        number = prob * base
        if number < 0.5:
            return self.say.t("less than 1")
        if number > base - 0.5:
            return self.say.t("more than {n}", n=self.say.number(base - 1))
        return self.say.number(math.floor(number + 0.5))

    def chance(self, prob: float, lo: float, hi: float) -> str:
        """Return 'about 3 in 100 (1 to 9)'; under 1 in 100 the base is 1,000."""
        t, base = self.say.t, 100 if prob >= 0.01 else 1000
        low, high, mid = (self._count(x, base) for x in (lo, hi, prob))
        whole = self.say.number(base)
        if low == high:
            low, high = (self.say.number(x * base, 1) for x in (lo, hi))
        if prob * base < 0.5:
            return t("under 1 in {base} (up to {high})", base=whole, high=high)
        return t("{n} in {base} ({low} to {high})", n=mid, base=whole, low=low, high=high)

    def sentence(self, prob: float, lo: float, hi: float, *, end: date) -> tuple[str, str]:
        """Return the likelihood word, and what follows it in the sentence of a district."""
        figure = self.chance(prob, lo, hi)
        rest = self.say.t(
            "{figure} for at least one episode by {end}.", figure=figure, end=self.say.date(end)
        )
        return capital(self.likelihood(prob)), rest

    def level_range(self, level: int) -> str:
        """Return the range of chance of a level: '10 to 25 in 100'."""
        t, limits = self.say.t, [round(limit * 100) for limit in LEVEL_LIMITS]
        if level == 1:
            return t("under {n} in 100", n=limits[0])
        if level > len(limits):
            return t("{n} in 100 or more", n=limits[-1])
        return t("{low} to {high} in 100", low=limits[level - 2], high=limits[level - 1])

    def level(self, level: int) -> str:
        """Return 'level 4 of 5 (10 to 25 in 100)'."""
        return self.say.t("level {n} of 5 ({range})", n=level, range=self.level_range(level))

    def place(self, lo: int, hi: int, total: int) -> str:
        """Return the interval of a rank: 'between 4 and 31 of 540'."""
        number = self.say.number
        if lo == hi:
            return self.say.t("{n} of {total}", n=number(lo), total=number(total))
        return self.say.t(
            "between {low} and {high} of {total}",
            low=number(lo),
            high=number(hi),
            total=number(total),
        )

    def people(self, people: float | None, *, status: str = "", year: str = "") -> str:
        """Return the number of people, with its year and how it is known."""
        t = self.say.t
        if people is None or math.isnan(people):
            return t("number of people not known")
        digits = max(0, len(str(round(people))) - 3)
        rough = status in ("estimated", "subtracted")
        number = self.say.number(round(people, -digits) if rough else round(people))
        if rough and year:
            return t("{n} people (estimated, {year})", n=number, year=year)
        if rough:
            return t("{n} people (estimated)", n=number)
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
        """Return what a reader calls a part of the model."""
        t = self.say.t
        labels = {
            "border": t("Closeness to Afghanistan"),
            "youth": t("Young people without work"),
            "extremism": t("Extremism cases on record"),
            "people": t("Number of people"),
            "space": t("Place and neighbours"),
            "history": t("Its own recent record"),
            "country": t("Level of its country"),
            "judgement": t("An analyst’s judgement"),
            "region": t("The whole region"),
        }
        return labels.get(key, key)

    def country(self, code: str) -> str:
        """Return the name of a country by its ISO code."""
        t = self.say.t
        names = {
            "KAZ": t("Kazakhstan"),
            "KGZ": t("Kyrgyzstan"),
            "TJK": t("Tajikistan"),
            "TKM": t("Turkmenistan"),
            "UZB": t("Uzbekistan"),
            "AFG": t("Afghanistan"),
        }
        return names.get(code, code)

    def reasons(self, parts: list[tuple[str, float]], most: int = 2) -> str:
        """Name the parts that go with a higher chance, strongest first, as a label."""
        up = sorted((item for item in parts if item[1] >= LEAST_REASON), key=lambda item: -item[1])
        if not up:
            return self.say.t("Nothing measured here goes with a higher chance than usual")
        return "; ".join([self.part(up[0][0]), *(lower(self.part(key)) for key, _ in up[1:most])])

    def confidence(self, evidence: Evidence) -> str:
        """Return the confidence in its own sentence, with at most two reasons."""
        t = self.say.t
        told = {
            "the interval is more than tenfold": t("the interval is more than tenfold"),
            "the district's own record says little": t("the district’s own record says little"),
            "most indicators are known only for the whole country": t(
                "most indicators are known only for the whole country"
            ),
            "most sources could not be graded well": t("most sources could not be graded well"),
            "most values are over five years old": t("most values are over five years old"),
        }
        weak = [told[clause] for clause in words.weaknesses(evidence)]
        if not evidence.skill_measured:
            weak.append(t("forecasts of this kind have not been scored yet"))
        grade = words.confidence_word(evidence)
        sentence = {
            "low": t("Confidence is low"),
            "moderate": t("Confidence is moderate"),
            "high": t("Confidence is high"),
        }[grade]
        return f"{sentence}: {'; '.join(weak[:2])}." if weak else f"{sentence}."

    def joined(self, items: list[str]) -> str:
        """Join two or more names as in speech."""
        if len(items) < 2:
            return "".join(items)
        return self.say.t("{first} and {last}", first=", ".join(items[:-1]), last=items[-1])


def capital(text: str) -> str:
    """Return a text with its first letter large."""
    return text[:1].upper() + text[1:]


def lower(text: str) -> str:
    """Return a text with its first letter small."""
    return text[:1].lower() + text[1:]
