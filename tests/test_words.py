"""Words for numbers: the scale, natural frequencies, ranks, confidence, headlines."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threatkit.report import words

END = date(2027, 4, 30)


@pytest.mark.parametrize(
    ("prob", "word"),
    [
        (0.0, None),
        (0.0099, None),
        (0.01, "almost no chance"),
        (0.05, "very unlikely"),
        (0.29, "unlikely"),
        (0.5, "roughly even chance"),
        (0.55, "likely"),
        (0.8, "very likely"),
        (0.95, "almost certain"),
        (0.995, None),
    ],
)
def test_likelihood_follows_the_scale(prob: float, word: str | None) -> None:
    assert words.likelihood_word(prob) == word


@pytest.mark.parametrize(
    ("prob", "lo", "hi", "text"),
    [
        (0.03, 0.01, 0.09, "about 3 in 100 (1 to 9 in 100)"),
        (0.03, 0.001, 0.09, "about 3 in 100 (less than 1 to 9 in 100)"),
        (0.004, 0.001, 0.012, "about 4 in 1,000 (1 to 12 in 1,000)"),
        (0.0001, 0.0, 0.0002, "less than 1 in 1,000 (so is the whole interval)"),
        (0.02, 0.018, 0.022, "about 2 in 100 (1.8 to 2.2 in 100)"),
        (0.999, 0.9, 1.0, "more than 99 in 100 (90 to more than 99 in 100)"),
    ],
)
def test_natural_frequencies(prob: float, lo: float, hi: float, text: str) -> None:
    assert words.frequency_with_interval(prob, lo, hi) == text


def test_sentence_has_word_figure_interval_and_end() -> None:
    assert words.likelihood_sentence(0.29, 0.18, 0.45, end=END) == (
        "Unlikely: about 29 in 100 (18 to 45 in 100) for at least one episode by 30 April 2027."
    )


def test_below_the_scale_no_word_is_made_up() -> None:
    sentence = words.likelihood_sentence(0.004, 0.001, 0.012, end=END)
    assert sentence.startswith("Less than 1 in 100: about 4 in 1,000")


def test_levels_are_ranges_and_never_words() -> None:
    assert words.level_phrase(4) == "level 4 of 5 (10 to 25 in 100)"
    assert words.level_phrase(1) == "level 1 of 5 (under 1 in 100)"
    assert words.level_phrase(5) == "level 5 of 5 (25 in 100 or more)"
    known = [word for _, word in words.LIKELIHOOD]
    assert not any(word in words.level_phrase(level) for level in range(1, 6) for word in known)


@pytest.mark.parametrize(
    ("number", "text"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (112, "112th"), (23, "23rd")],
)
def test_ordinals(number: int, text: str) -> None:
    assert words.ordinal(number) == text


def test_ranks_are_intervals() -> None:
    assert words.rank_phrase(4, 31, 540) == "between 4th and 31st of 540"


def test_people() -> None:
    assert words.people_phrase(None) == "Number of people not known"
    assert words.people_phrase(91_983, status="official", year="2021") == "91,983 people (2021)"
    assert words.people_phrase(91_983, status="estimated") == "92,000 people (estimated)"


STRONG = words.Evidence(0.02, 0.08, 0.4, 0.8, 0.9, 2.0, skill_measured=True)


def test_confidence_is_high_only_when_skill_is_measured() -> None:
    unmeasured = words.Evidence(0.02, 0.08, 0.4, 0.8, 0.9, 2.0)
    assert words.confidence_sentence(STRONG) == "Confidence is high."
    assert words.confidence_word(unmeasured) == "moderate"
    assert "have not been scored" in words.confidence_sentence(unmeasured)


def test_confidence_falls_with_what_is_missing() -> None:
    empty = words.Evidence(0.001, 0.2, None, None, None, None)
    assert words.confidence_word(empty) == "low"
    assert len(words.weaknesses(empty)) == 5
    assert words.weaknesses(STRONG) == ()


def test_likelihood_and_confidence_never_share_a_sentence() -> None:
    sentence = words.confidence_sentence(STRONG).lower()
    assert not any(word in sentence for _, word in words.LIKELIHOOD)


def test_reasons_are_associations() -> None:
    sentence = words.reasons_sentence([("border", 0.6), ("youth", 0.2), ("people", -0.4)])
    assert sentence == (
        "A higher chance is associated with closeness to Afghanistan and young people without work."
    )
    assert "associated" not in words.reasons_sentence([("border", 0.0)])
    assert words.factor_phrase(0.693, 0.1, 1.2) == "2.0 times (1.1 to 3.3)"
    assert words.factor_phrase(-0.22, -0.22, -0.22) == "0.80 times, exactly"


@pytest.mark.parametrize(
    ("counts", "start"),
    [
        (
            [(0.25, 2, 8), (0.1, 20, 40)],
            "Between 2 and 8 of 519 districts face at least a one-in-four",
        ),
        (
            [(0.25, 0, 2), (0.1, 3, 9)],
            "Between 3 and 9 of 519 districts face at least a one-in-ten",
        ),
        (
            [(0.25, 0, 0), (0.1, 0, 2)],
            "Between 0 and 2 of 519 districts face at least a one-in-ten",
        ),
        ([(0.25, 1, 1)], "1 of 519 districts faces at least"),
        ([], "Batken has the highest chance of organised violence within a year"),
    ],
)
def test_headline(counts: list[tuple[float, float, float]], start: str) -> None:
    assert words.headline(counts, 519, ["Batken"], months=12).startswith(start)


def test_headline_without_any_district() -> None:
    assert words.headline([], 0, [], months=6) == "No district could be assessed"


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_every_probability_has_words(values: list[float]) -> None:
    lo, prob, hi = sorted(values)
    sentence = words.likelihood_sentence(prob, lo, hi, end=END)
    assert "nan" not in sentence
    assert sentence.endswith("by 30 April 2027.")
