"""Numbers in words: likelihood, natural frequencies, ranks, confidence and reasons.

Likelihood follows ICD 203 (United States, Office of the Director of National Intelligence,
Analytic Standards, 2015). Below 1 in 100 that scale has no word and none is made up: figures in
1,000 are given. A level is never named by a word. Reasons are associations. All rules are
published in ``docs/words.md``.
"""

import math
from dataclasses import dataclass
from datetime import date

from threatkit.report.summary import LEVEL_LIMITS

#: Upper limit of the probability (excluded) and the word, from the bottom of ICD 203.
LIKELIHOOD = (
    (0.05, "almost no chance"),
    (0.20, "very unlikely"),
    (0.45, "unlikely"),
    (0.55, "roughly even chance"),
    (0.80, "likely"),
    (0.95, "very likely"),
    (1.00, "almost certain"),
)
SCALE = "ICD 203"

#: Part of the model -> what a reader calls it.
PART_LABELS = {
    "border": "Closeness to Afghanistan",
    "youth": "Young people without work",
    "extremism": "Extremism cases on record",
    "people": "Number of people",
    "space": "Place and neighbours",
    "change": "How its level has moved",
    "history": "Its own recent record",
    "country": "Level of its country",
    "judgement": "An analyst's judgement",
}

COUNTRIES = {
    "KAZ": "Kazakhstan",
    "KGZ": "Kyrgyzstan",
    "TJK": "Tajikistan",
    "TKM": "Turkmenistan",
    "UZB": "Uzbekistan",
    "AFG": "Afghanistan",
}

#: An interval whose upper end is this many times its lower end is called wide.
WIDE_FACTOR = 10.0
LITTLE_INFORMATION = 0.1
OLD_YEARS = 5.0


def likelihood_word(prob: float) -> str | None:
    """Return the ICD 203 word of a probability, or None outside 1 to 99 in 100."""
    if not 0.01 <= prob <= 0.99:
        return None
    return next(word for limit, word in LIKELIHOOD if prob < limit)


def _count(prob: float, base: int) -> str:
    """Return a probability as a whole number out of a base: '3', 'less than 1'."""
    number = prob * base
    if number < 0.5:
        return "less than 1"
    if number > base - 0.5:
        return f"more than {base - 1:,}"
    return f"{math.floor(number + 0.5):,}"


def _base(prob: float) -> int:
    return 100 if prob >= 0.01 else 1000


def frequency(prob: float) -> str:
    """Return a natural frequency without its interval: 'about 3 in 100'."""
    base = _base(prob)
    count = _count(prob, base)
    about = "" if count.startswith(("less", "more")) else "about "
    return f"{about}{count} in {base:,}"


def frequency_range(lo: float, hi: float, *, base: int = 100) -> str:
    """Return an interval as natural frequencies: '1 to 9 in 100'."""
    low, high = _count(lo, base), _count(hi, base)
    if low == high:
        if low.startswith(("less", "more")):
            return "so is the whole interval"
        low, high = f"{lo * base:.1f}", f"{hi * base:.1f}"
    return f"{low} to {high} in {base:,}"


def frequency_with_interval(prob: float, lo: float, hi: float) -> str:
    """Return 'about 3 in 100 (1 to 9 in 100)'; under 1 in 100 the base is 1,000."""
    return f"{frequency(prob)} ({frequency_range(lo, hi, base=_base(prob))})"


def long_date(day: date) -> str:
    """Return '30 April 2027'."""
    return f"{day.day} {day:%B %Y}"


def likelihood_sentence(prob: float, lo: float, hi: float, *, end: date) -> str:
    """Return the sentence on a district's chance: word, frequency, interval and end."""
    word = likelihood_word(prob)
    if word is None:
        word = "less than 1 in 100" if prob < 0.01 else "more than 99 in 100"
    figure = frequency_with_interval(prob, lo, hi)
    return f"{word[0].upper()}{word[1:]}: {figure} for at least one episode by {long_date(end)}."


def level_range(level: int) -> str:
    """Return the range of chance of a level: '10 to 25 in 100'."""
    limits = [round(limit * 100) for limit in LEVEL_LIMITS]
    if level == 1:
        return f"under {limits[0]} in 100"
    if level == len(limits) + 1:
        return f"{limits[-1]} in 100 or more"
    return f"{limits[level - 2]} to {limits[level - 1]} in 100"


def level_phrase(level: int) -> str:
    """Return 'level 4 of 5 (10 to 25 in 100)'."""
    return f"level {level} of {len(LEVEL_LIMITS) + 1} ({level_range(level)})"


def ordinal(number: int) -> str:
    """Return '1st', '2nd', '11th'."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    if number % 100 in (11, 12, 13):
        ending = "th"
    return f"{number:,}{ending}"


def rank_phrase(lo: int, hi: int, total: int) -> str:
    """Return 'between 4th and 31st of 540'; 1st is the highest chance."""
    if lo == hi:
        return f"{ordinal(lo)} of {total:,}"
    return f"between {ordinal(lo)} and {ordinal(hi)} of {total:,}"


def people_phrase(people: float | None, *, status: str = "", year: str = "") -> str:
    """Return the number of people, with its year and how it is known."""
    if people is None or math.isnan(people):
        return "Number of people not known"
    digits = max(0, len(str(round(people))) - 3)
    known = round(people, -digits) if status in ("estimated", "subtracted") else round(people)
    how = {"estimated": "estimated", "subtracted": "by subtraction"}.get(status, "")
    note = ", ".join(part for part in (how, year) if part)
    return f"{known:,.0f} people" + (f" ({note})" if note else "")


@dataclass(frozen=True)
class Evidence:
    """What a confidence sentence is derived from.

    Attributes
    ----------
    lo, hi
        Interval of the chance.
    information
        How much the district's own cells tell, 0 to 1; None where not known.
    local_share
        Share of the indicators observed for the district or its oblast; None without any.
    graded_share
        Share graded A to C and 1 to 3; None without any.
    median_age_years
        Age of the values at the date of the assessment; None without any.
    skill_measured
        Whether forecasts were scored out of sample.
    """

    lo: float
    hi: float
    information: float | None
    local_share: float | None
    graded_share: float | None
    median_age_years: float | None
    skill_measured: bool = False


def weaknesses(evidence: Evidence) -> tuple[str, ...]:
    """Return what is weak about the evidence, one clause each, by the published rules."""
    rules = (
        (
            evidence.hi > WIDE_FACTOR * max(evidence.lo, 1e-9),
            "the interval is more than tenfold",
        ),
        (
            evidence.information is None or evidence.information < LITTLE_INFORMATION,
            "the district's own record says little",
        ),
        (
            evidence.local_share is None or evidence.local_share < 0.5,
            "most indicators are known only for the whole country",
        ),
        (
            evidence.graded_share is None or evidence.graded_share < 0.5,
            "most sources could not be graded well",
        ),
        (
            evidence.median_age_years is None or evidence.median_age_years > OLD_YEARS,
            "most values are over five years old",
        ),
    )
    return tuple(clause for weak, clause in rules if weak)


def confidence_word(evidence: Evidence) -> str:
    """Return low (three weaknesses or more), moderate, or high (none, and skill measured)."""
    weak = len(weaknesses(evidence))
    if weak >= 3:
        return "low"
    return "high" if weak == 0 and evidence.skill_measured else "moderate"


def join_clauses(clauses: tuple[str, ...] | list[str]) -> str:
    """Join clauses as in speech: 'a', 'a and b', 'a, b and c'."""
    if len(clauses) < 2:
        return "".join(clauses)
    return f"{', '.join(clauses[:-1])} and {clauses[-1]}"


def confidence_sentence(evidence: Evidence) -> str:
    """Return the confidence in its own sentence, with at most two reasons."""
    weak = list(weaknesses(evidence))
    if not evidence.skill_measured:
        weak.append("forecasts of this kind have not been scored yet")
    reason = f": {join_clauses(weak[:2])}" if weak else ""
    return f"Confidence is {confidence_word(evidence)}{reason}."


def factor_phrase(mean: float, lo: float, hi: float) -> str:
    """Return a contribution on the log scale as a factor: '1.6 times (1.1 to 2.4)'."""
    if math.isclose(lo, hi, abs_tol=1e-6):
        return f"{_factor(mean)} times, exactly"
    return f"{_factor(mean)} times ({_factor(lo)} to {_factor(hi)})"


def _factor(log_value: float) -> str:
    value = math.exp(min(max(log_value, -12.0), 12.0))
    if value >= 10:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 0.95 else f"{value:.2f}"


def reasons_sentence(parts: list[tuple[str, float]]) -> str:
    """Name the parts that go with a higher chance, strongest first.

    Parameters
    ----------
    parts
        Part and its mean contribution on the log scale; at least 0.1 (a tenth more) counts.
    """
    up = sorted((item for item in parts if item[1] >= 0.1), key=lambda item: -item[1])
    if not up:
        return "Nothing measured here goes with a higher chance than usual."
    names = [_lower(PART_LABELS.get(name, name)) for name, _ in up[:2]]
    return f"A higher chance is associated with {join_clauses(names)}."


def reasons_short(parts: list[tuple[str, float]]) -> str:
    """Name the same parts as `reasons_sentence`, as a label under a name."""
    up = sorted((item for item in parts if item[1] >= 0.1), key=lambda item: -item[1])
    names = [PART_LABELS.get(name, name) for name, _ in up[:2]]
    return "; ".join(names[:1] + [_lower(name) for name in names[1:]])


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def chance_words(limit: float) -> str:
    """Return a limit of the levels in words: 'a one-in-four chance'."""
    return {
        0.25: "a one-in-four chance",
        0.10: "a one-in-ten chance",
        0.03: "a 3-in-100 chance",
        0.01: "a 1-in-100 chance",
    }.get(limit, f"a chance of {frequency(limit).removeprefix('about ')}")


def count_range(lo: float, hi: float) -> str:
    """Return an interval of counts: 'Between 2 and 8', 'No', '3'."""
    low, high = round(lo), round(hi)
    if low == high:
        return "No" if low == 0 else f"{low:,}"
    return f"Between {low:,} and {high:,}"


def headline(
    counts: list[tuple[float, float, float]], assessed: int, leaders: list[str], *, months: int
) -> str:
    """Return the page's title: how many districts, with the interval, and which most likely.

    Parameters
    ----------
    counts
        Limit of the chance, lower and upper end of the number of districts at or above it.
        The highest limit whose lower end is at least 1 is told, else the highest whose upper
        end is; so the title never turns on a class that is surely empty.
    assessed
        Districts assessed.
    leaders
        Names of the districts most likely among them.
    months
        Length of the forecast.
    """
    within = "a year" if months == 12 else f"{months} months"
    ordered = sorted(counts, reverse=True)
    chosen = next((row for row in ordered if row[1] >= 1), None) or next(
        (row for row in ordered if row[2] >= 1), None
    )
    if chosen is None:
        return _plain_headline(leaders, within)
    limit, lo, hi = chosen
    verb = "faces" if round(lo) == round(hi) == 1 else "face"
    tail = f", {join_clauses(leaders)} most likely among them" if leaders else ""
    return (
        f"{count_range(lo, hi)} of {assessed:,} districts {verb} at least {chance_words(limit)} "
        f"of organised violence within {within}{tail}"
    )


def _plain_headline(leaders: list[str], within: str) -> str:
    if not leaders:
        return "No district could be assessed"
    verb = "has" if len(leaders) == 1 else "have"
    return (
        f"{join_clauses(leaders)} {verb} the highest chance of organised violence within {within}"
    )
