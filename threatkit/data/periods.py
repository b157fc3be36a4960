"""Periods as the data packages write them: year, quarter, month, day or interval.

======================== ============================
``2024``                 a year
``2024-Q1``              a quarter
``2024-05``              a month
``2024-05-17``           a day
``2021-07-03/2021-07-04`` an interval, both ends included
======================== ============================

The ends of an interval may themselves be years, quarters, months or days.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

from threatkit.errors import Fault, InvalidInput

PeriodKind = Literal["year", "quarter", "month", "day", "interval"]

FIRST_YEAR = 1900
LAST_YEAR = 2100
RULE = (
    "a period is a year (2024), quarter (2024-Q1), month (2024-05), day (2024-05-17) "
    "or interval (2021-07-03/2021-07-04)"
)
DATE_RULE = "a date is a day (2024-05-17), or a month (2024-05) or year (2024) if no more is known"

_SIMPLE = re.compile(r"([0-9]{4})(?:-Q([1-4])|-([0-9]{2})(?:-([0-9]{2}))?)?")
_LOOSE_QUARTER = re.compile(r"([0-9]{4})[ ._/-]?[Qq]([1-4])|[Qq]([1-4])[ ._/-]?([0-9]{4})")
_LOOSE_YEAR_FIRST = re.compile(r"([0-9]{4})[ ._/-]([0-9]{1,2})(?:[ ._/-]([0-9]{1,2}))?")
_LOOSE_YEAR_LAST = re.compile(r"(?:([0-9]{1,2})[ ./-])?([0-9]{1,2})[ ./-]([0-9]{4})")
_LOOSE_YEAR_RANGE = re.compile(r"([0-9]{4}) ?[-–—] ?([0-9]{4})")
_DECIMAL_YEAR = re.compile(r"([0-9]{4})\.0+")


@dataclass(frozen=True, order=True)
class Period:
    """A stretch of days.

    Attributes
    ----------
    start
        The first day.
    end
        The last day, included.
    text
        The period as it was written.
    kind
        What was written: year, quarter, month, day or interval.
    """

    start: date
    end: date
    text: str
    kind: PeriodKind

    @property
    def days(self) -> int:
        """Return the number of days, both ends included."""
        return (self.end - self.start).days + 1

    @property
    def middle(self) -> date:
        """Return the day in the middle, the earlier of two."""
        return self.start + timedelta(days=(self.days - 1) // 2)

    @property
    def middle_year(self) -> float:
        """Return the middle of the stretch in years: 2024-07-02 noon is about 2024.5."""
        whole = (self.start.toordinal() + self.end.toordinal() + 1) / 2
        year = date.fromordinal(int(whole)).year
        first = date(year, 1, 1).toordinal()
        return year + (whole - first) / (date(year, 12, 31).toordinal() - first + 1)


@lru_cache(maxsize=65536)
def parse_period(text: str) -> Period:
    """Read a period.

    Parameters
    ----------
    text
        The period, written as the module says.

    Raises
    ------
    InvalidInput
        If the text is no period, the day does not exist, the year lies outside 1900 to
        2100, or an interval ends before it starts.
    """
    problem = period_problem(text)
    if problem is not None:
        raise InvalidInput(
            Fault(where="period", rule=problem[0], found=repr(text), remedy=problem[1])
        )
    if "/" in text:
        first, last = (_simple(part) for part in text.split("/"))
        return Period(first.start, last.end, text, "interval")
    return _simple(text)


def period_bounds(text: str) -> tuple[date, date]:
    """Return the first and the last day of a period, both included.

    Raises
    ------
    InvalidInput
        If the text is no period.
    """
    period = parse_period(text)
    return period.start, period.end


@lru_cache(maxsize=65536)
def period_problem(text: str) -> tuple[str, str] | None:
    """Say what is wrong with a period, or return None where nothing is.

    Returns
    -------
    The broken rule and the way out, or None.
    """
    parts = text.split("/")
    if len(parts) > 2 or not all(_SIMPLE.fullmatch(part) for part in parts):
        return RULE, _hint(text)
    bounds = []
    for part in parts:
        year = int(part[:4])
        if not FIRST_YEAR <= year <= LAST_YEAR:
            return f"the year of a period lies between {FIRST_YEAR} and {LAST_YEAR}", ""
        try:
            bounds.append(_simple(part))
        except ValueError:
            return "a period names a month or day that exists", "Check the month and the day."
    if len(bounds) == 2 and bounds[1].end < bounds[0].start:
        return (
            "an interval ends on or after the day it starts",
            f"Write {parts[1]}/{parts[0]} if the ends were swapped.",
        )
    return None


@lru_cache(maxsize=65536)
def date_problem(text: str) -> tuple[str, str] | None:
    """Say what is wrong with a date that may be known to its month or year only.

    Returns
    -------
    The broken rule and the way out, or None.
    """
    problem = period_problem(text)
    if problem is not None and problem[0] != RULE:
        return problem
    if problem is not None or "/" in text or "Q" in text:
        return DATE_RULE, _hint(text)
    return None


def _simple(text: str) -> Period:
    match = _SIMPLE.fullmatch(text)
    if match is None:
        raise ValueError(text)
    year, quarter, month, day = (None if g is None else int(g) for g in match.groups())
    if year is None:
        raise ValueError(text)
    if day is not None and month is not None:
        exact = date(year, month, day)
        return Period(exact, exact, text, "day")
    if month is not None:
        return Period(date(year, month, 1), _month_end(year, month), text, "month")
    if quarter is not None:
        last = 3 * quarter
        return Period(date(year, last - 2, 1), _month_end(year, last), text, "quarter")
    return Period(date(year, 1, 1), date(year, 12, 31), text, "year")


def _month_end(year: int, month: int) -> date:
    if not 1 <= month <= 12:
        raise ValueError(month)
    return date(year, month, monthrange(year, month)[1])


def _hint(text: str) -> str:
    """Guess what was meant, and offer it only if the guess is itself a period."""
    bare = text.strip()
    guess = ""
    if _SIMPLE.fullmatch(bare):
        guess = bare
    elif match := _DECIMAL_YEAR.fullmatch(bare):
        guess = match[1]
    elif match := _LOOSE_YEAR_RANGE.fullmatch(bare):
        guess = f"{match[1]}/{match[2]}"
    elif match := _LOOSE_QUARTER.fullmatch(bare):
        guess = f"{match[1] or match[4]}-Q{match[2] or match[3]}"
    elif match := _LOOSE_YEAR_FIRST.fullmatch(bare):
        guess = "-".join([match[1], *(f"{int(g):02d}" for g in match.groups()[1:] if g)])
    elif match := _LOOSE_YEAR_LAST.fullmatch(bare):
        day = f"-{int(match[1]):02d}" if match[1] else ""
        guess = f"{match[3]}-{int(match[2]):02d}{day}"
    if guess and guess != text and period_problem(guess) is None:
        return f"Did you mean {guess}?"
    return ""
