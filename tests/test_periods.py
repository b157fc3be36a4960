"""Periods: what each form spans, and what is refused with which advice."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threatkit.data.periods import date_problem, parse_period, period_bounds, period_problem
from threatkit.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "start", "end", "kind"),
    [
        ("2024", date(2024, 1, 1), date(2024, 12, 31), "year"),
        ("2024-Q1", date(2024, 1, 1), date(2024, 3, 31), "quarter"),
        ("2023-Q4", date(2023, 10, 1), date(2023, 12, 31), "quarter"),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29), "month"),
        ("2024-05-17", date(2024, 5, 17), date(2024, 5, 17), "day"),
        ("2021-07-03/2021-07-04", date(2021, 7, 3), date(2021, 7, 4), "interval"),
        ("2019/2021", date(2019, 1, 1), date(2021, 12, 31), "interval"),
        ("2020-Q3/2021-02", date(2020, 7, 1), date(2021, 2, 28), "interval"),
    ],
)
def test_forms(text, start, end, kind):
    period = parse_period(text)
    assert (period.start, period.end, period.kind, period.text) == (start, end, kind, text)
    assert period_bounds(text) == (start, end)


@pytest.mark.parametrize(
    ("text", "rule", "remedy"),
    [
        ("2024Q1", "a period is a year", "Did you mean 2024-Q1?"),
        ("Q3 2024", "a period is a year", "Did you mean 2024-Q3?"),
        ("2024-5", "a period is a year", "Did you mean 2024-05?"),
        ("05.2024", "a period is a year", "Did you mean 2024-05?"),
        ("17.05.2024", "a period is a year", "Did you mean 2024-05-17?"),
        ("2024/05", "a period is a year", "Did you mean 2024-05?"),
        ("2019-2021", "a period is a year", "Did you mean 2019/2021?"),
        ("2024.0", "a period is a year", "Did you mean 2024?"),
        (" 2024", "a period is a year", "Did you mean 2024?"),
        ("2024-Q5", "a period is a year", ""),
        ("2024/2025/2026", "a period is a year", ""),
        ("soon", "a period is a year", ""),
        ("", "a period is a year", ""),
        ("٢٠٢٤", "a period is a year", ""),
        ("2024-13", "names a month or day that exists", "Check the month and the day."),
        ("2023-02-29", "names a month or day that exists", "Check the month and the day."),
        ("0204", "the year of a period lies between 1900 and 2100", ""),
        ("2021/2019", "an interval ends on or after", "Write 2019/2021 if"),
    ],
)
def test_refusals(text, rule, remedy):
    with pytest.raises(InvalidInput) as caught:
        period_bounds(text)
    (fault,) = caught.value.faults
    assert rule in fault.rule
    assert fault.found == repr(text)
    assert fault.remedy.startswith(remedy)
    assert bool(fault.remedy) == bool(remedy)


@pytest.mark.parametrize("text", ["2024", "2024-05", "2024-05-17"])
def test_dates(text):
    assert date_problem(text) is None


@pytest.mark.parametrize(
    ("text", "rule", "remedy"),
    [
        ("2024-Q1", "a date is a day", ""),
        ("2024/2025", "a date is a day", ""),
        ("17.05.2024", "a date is a day", "Did you mean 2024-05-17?"),
        ("2024-05-32", "a period names a month or day that exists", "Check"),
    ],
)
def test_dates_refused(text, rule, remedy):
    found = date_problem(text)
    assert found is not None
    assert found[0].startswith(rule)
    assert found[1].startswith(remedy)


def test_middle():
    assert parse_period("2023").middle == date(2023, 7, 2)
    assert parse_period("2023").middle_year == pytest.approx(2023.5)
    assert parse_period("2023/2024").middle_year == pytest.approx(2024.0, abs=0.002)
    assert parse_period("2024-02").days == 29


@given(st.dates(date(1900, 1, 1), date(2100, 12, 31)), st.integers(0, 400))
def test_any_interval_of_days_reads_back(start, days):
    end = min(date.fromordinal(start.toordinal() + days), date(2100, 12, 31))
    period = parse_period(f"{start.isoformat()}/{end.isoformat()}")
    assert (period.start, period.end) == (start, end)
    assert period.start <= period.middle <= period.end


@given(st.text(max_size=24))
def test_any_text_is_a_period_or_has_a_fault(text):
    if period_problem(text) is None:
        start, end = period_bounds(text)
        assert start <= end
    else:
        with pytest.raises(InvalidInput):
            parse_period(text)
