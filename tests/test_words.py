"""Every sentence that the reader sees: rules of words, and what must never be said."""

import itertools
import re
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from threatkit.report.catalogue import LANGUAGES, translator
from threatkit.report.confidence import (
    Evidence,
    confidence_grade,
    confidence_sentence,
    weaknesses,
)
from threatkit.report.words import ENGLISH, PARTS, Phrases
from threatkit.report.yardstick import ICD203, PHIA, YARDSTICKS

END = date(2027, 4, 30)
SAY = ENGLISH.say
EVERY = [Phrases(translator(lang), key) for lang in LANGUAGES for key in YARDSTICKS]
NAMES = [f"{phrases.say.lang}-{phrases.yardstick}" for phrases in EVERY]


@pytest.mark.parametrize(
    ("prob", "word"),
    [
        (0.0, "less than 1 in 100"),
        (0.0099, "less than 1 in 100"),
        (0.01, "almost no chance"),
        (0.05, "very unlikely"),
        (0.29, "unlikely"),
        (0.5, "roughly even chance"),
        (0.55, "likely"),
        (0.8, "very likely"),
        (0.95, "almost certain"),
        (0.99, "almost certain"),
        (0.995, "more than 99 in 100"),
    ],
)
def test_icd203_has_no_gap_and_two_ends(prob: float, word: str) -> None:
    assert ICD203.word(prob, SAY) == word


@pytest.mark.parametrize(
    ("prob", "word"),
    [
        (0.0, "remote chance"),
        (0.004, "remote chance"),
        (0.05, "between “remote chance” and “highly unlikely”"),
        (0.07, "between “remote chance” and “highly unlikely”"),
        (0.10, "highly unlikely"),
        (0.22, "between “highly unlikely” and “unlikely”"),
        (0.30, "unlikely"),
        (0.40, "realistic possibility"),
        (0.52, "between “realistic possibility” and “likely or probable”"),
        (0.60, "likely or probable"),
        (0.93, "between “highly likely” and “almost certain”"),
        (1.0, "almost certain"),
    ],
)
def test_phia_has_gaps_and_names_both_neighbours(prob: float, word: str) -> None:
    assert PHIA.word(prob, SAY) == word


@pytest.mark.parametrize("key", YARDSTICKS)
def test_bands_ascend_and_do_not_overlap(key: str) -> None:
    bands = YARDSTICKS[key].bands
    assert len({band.word for band in bands}) == len(bands) == 7
    assert all(a.lo < a.hi <= b.lo for a, b in itertools.pairwise(bands))


@pytest.mark.parametrize("phrases", EVERY, ids=NAMES)
def test_words_of_likelihood_stay_distinct_and_in_order(phrases: Phrases) -> None:
    told = [word for word, _ in phrases.scale.table(phrases.say)]
    assert len({word.casefold() for word in told}) == 7
    middles = [phrases.likelihood((band.lo + band.hi) / 2) for band in phrases.scale.bands]
    assert middles == told
    grid = [phrases.likelihood(prob) for prob in np.linspace(0.01, 0.99, 393)]
    runs = [word for word, _ in itertools.groupby(grid)]
    assert len(runs) == len(set(runs)), "a word comes back after another"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((0.03, 0.01, 0.09), "about 3 in 100 (1 to 9 in 100)"),
        ((0.03, 0.001, 0.09), "about 3 in 100 (less than 1 to 9 in 100)"),
        ((0.004, 0.001, 0.012), "about 4 in 1,000 (1 to 12 in 1,000)"),
        ((0.0001, 0.00001, 0.0002), "less than 1 in 1,000 (0.0 to 0.2 in 1,000)"),
        ((0.02, 0.018, 0.022), "about 2 in 100 (1.8 to 2.2 in 100)"),
        ((0.999, 0.9, 1.0), "more than 99 in 100 (90 to more than 99 in 100)"),
    ],
)
def test_natural_frequencies(values: tuple[float, float, float], text: str) -> None:
    assert ENGLISH.frequency(*values) == text


def test_a_table_has_the_short_form() -> None:
    assert ENGLISH.chance(0.03, 0.01, 0.09) == "3 in 100 (1 to 9)"
    assert ENGLISH.share(0.12) == "in 12 of 100 draws"


def test_sentence_has_word_figure_interval_and_end() -> None:
    assert ENGLISH.likelihood_sentence(0.29, 0.18, 0.45, end=END) == (
        "Unlikely: about 29 in 100 (18 to 45 in 100) for at least one episode by 30 April 2027."
    )


def test_below_the_scale_no_word_is_made_up() -> None:
    sentence = ENGLISH.likelihood_sentence(0.004, 0.001, 0.012, end=END)
    assert sentence.startswith("Less than 1 in 100: about 4 in 1,000")


@pytest.mark.parametrize("phrases", EVERY, ids=NAMES)
def test_levels_are_ranges_and_never_words(phrases: Phrases) -> None:
    known = [word for word, _ in phrases.scale.table(phrases.say)]
    levels = [phrases.level(level) for level in range(1, 6)]
    assert len(set(levels)) == 5
    assert not any(word in level for level in levels for word in known)


def test_levels_in_english() -> None:
    assert ENGLISH.level(4) == "level 4 of 5 (10 to 25 in 100)"
    assert ENGLISH.level(1) == "level 1 of 5 (under 1 in 100)"
    assert ENGLISH.level(5) == "level 5 of 5 (25 in 100 or more)"


def test_ranks_are_intervals() -> None:
    assert ENGLISH.place(4, 31, 540) == "between 4 and 31 of 540"
    assert ENGLISH.place(4, 4, 1540) == "4 of 1,540"


def test_a_change_does_not_read_as_an_interval() -> None:
    assert ENGLISH.change(0.19, 0.26, 0.09, 0.53) == "was 19, is 26 in 100 (9 to 53)"
    assert ENGLISH.change(0.191, 0.194, 0.09, 0.53) == "was 19.1, is 19.4 in 100 (9.0 to 53.0)"
    assert ENGLISH.change(0.002, 0.004, 0.001, 0.009) == "was 2, is 4 in 1,000 (1 to 9)"


def test_people() -> None:
    assert ENGLISH.people(None) == "number of people not known"
    assert ENGLISH.people(91_983, status="official", year="2021") == "91,983 people (2021)"
    assert ENGLISH.people(91_983, status="estimated") == "92,000 people (estimated)"
    told = ENGLISH.people(91_983, status="subtracted", year="2021")
    assert told == "92,000 people (by subtraction, 2021)"
    assert ENGLISH.rough(91_983) == "92,000"


STRONG = Evidence(
    *(0.02, 0.08, 0.4, 0.8, 0.9, 2.0),
    skill_measured=True,
    level_prob=0.9,
    covered_share=0.9,
    apart=1.2,
)


def test_confidence_is_high_only_when_skill_is_measured() -> None:
    unmeasured = replace(STRONG, skill_measured=False)
    assert confidence_sentence(STRONG, SAY) == "Confidence is high."
    assert confidence_grade(unmeasured) == "moderate"
    assert "have not been scored" in confidence_sentence(unmeasured, SAY)


@pytest.mark.parametrize(
    "change",
    [
        {"hi": 0.3},
        {"information": 0.05},
        {"information": None},
        {"local_share": 0.2},
        {"graded_share": 0.2},
        {"median_age_years": 9.0},
        {"median_age_years": None},
        {"level_prob": 0.4},
        {"covered_share": 0.1},
    ],
)
def test_one_weakness_makes_confidence_moderate(change: dict[str, float | None]) -> None:
    weak = replace(STRONG, **change)  # type: ignore[arg-type]
    assert len(weaknesses(weak)) == 1
    assert confidence_grade(weak) == "moderate"


def test_confidence_falls_with_what_is_missing() -> None:
    empty = Evidence(0.001, 0.2, None, None, None, None)
    assert confidence_grade(empty) == "low"
    assert len(weaknesses(empty)) == 5
    assert weaknesses(STRONG) == ()


def test_models_that_disagree_make_confidence_low() -> None:
    apart = replace(STRONG, apart=3.0)
    assert confidence_sentence(apart, SAY) == "Confidence is low: two models disagree."


def evidences() -> list[Evidence]:
    """Return evidence of every grade with every weakness."""
    rng = np.random.default_rng(3)
    lo, hi = np.sort(rng.random((2, 40)), axis=0)
    shares = rng.random((5, 40))
    return [
        STRONG,
        Evidence(0.001, 0.2, None, None, None, None),
        *(
            Evidence(
                lo[i], hi[i], *shares[:3, i], 10 * shares[3, i],
                skill_measured=i % 2 == 0, level_prob=shares[4, i],
                covered_share=shares[2, i], apart=1 + 2 * shares[3, i] if i % 3 else None,
            )
            for i in range(40)
        ),
    ]  # fmt: skip


def told_sentences(phrases: Phrases) -> list[str]:
    """Return many sentences of every kind."""
    rng = np.random.default_rng(11)
    told = [phrases.confidence(evidence) for evidence in evidences()]
    for _ in range(60):
        lo, prob, hi = np.sort(rng.beta(0.3, 0.8, 3))
        told.append(phrases.likelihood_sentence(prob, lo, hi, end=END))
        told.append(phrases.change(lo, prob, lo, hi))
        parts = list(zip(PARTS, rng.normal(0.2, 0.5, len(PARTS)), strict=True))
        told.append(phrases.reasons_sentence(parts))
        told.append(phrases.headline([(0.25, round(9 * lo), round(9 * hi))], 519, ["A", "B"],
                                     months=int(rng.integers(1, 24))))  # fmt: skip
    return told


@pytest.mark.parametrize("phrases", EVERY, ids=NAMES)
def test_likelihood_and_confidence_never_share_a_sentence(phrases: Phrases) -> None:
    heads = {phrases.confidence(e).split(":")[0].rstrip(".").casefold() for e in evidences()}
    assert len(heads) == 3
    words = [word.casefold() for word, _ in phrases.scale.table(phrases.say)]
    kinds = set()
    for told in told_sentences(phrases):
        for sentence in re.split(r"(?<=[.!?])\s", told):
            text = sentence.casefold()
            likely, sure = (any(word in text for word in held) for held in (words, heads))
            assert not (likely and sure), sentence
            kinds.add((likely, sure))
    assert {(True, False), (False, True)} <= kinds, "the check has seen neither"


@pytest.mark.parametrize("phrases", EVERY, ids=NAMES)
def test_sentences_are_finished(phrases: Phrases) -> None:
    for told in told_sentences(phrases):
        assert "{" not in told
        assert "nan" not in told.casefold().split()
        assert len(told.split()) <= 30, told


def test_causes_are_never_claimed() -> None:
    for told in told_sentences(ENGLISH):
        assert not re.search(r"because|due to|caus|leads to|drive", told), told


def test_reasons_are_associations() -> None:
    parts = [("border", 0.6), ("youth", 0.2), ("people", -0.4)]
    assert ENGLISH.reasons_sentence(parts) == (
        "A higher chance is associated with: closeness to Afghanistan and young people without "
        "work."
    )
    assert ENGLISH.reasons(parts) == "Closeness to Afghanistan; young people without work"
    assert "associated" not in ENGLISH.reasons_sentence([("border", 0.0)])
    assert ENGLISH.factor_band(0.693, 0.1, 1.2) == "2.0 times (1.1 to 3.3)"
    assert ENGLISH.factor_band(-0.22, -0.22, -0.22) == "0.80 times, exactly"


@pytest.mark.parametrize(
    ("counts", "start"),
    [
        (
            [(0.25, 2, 8), (0.1, 20, 40)],
            "Between 2 and 8 of 519 districts face a chance of 25 in 100 or more of organised "
            "violence within a year, most likely Batken",
        ),
        ([(0.25, 0, 2), (0.1, 3, 9)], "Between 3 and 9 of 519 districts face a chance of 10 in"),
        ([(0.25, 0, 0), (0.1, 0, 2)], "Between 0 and 2 of 519 districts face a chance of 10 in"),
        ([(0.25, 1, 1)], "1 of 519 districts: a chance of 25 in 100 or more"),
        ([], "The highest chance of organised violence within a year: Batken"),
    ],
)
def test_headline(counts: list[tuple[float, float, float]], start: str) -> None:
    assert ENGLISH.headline(counts, 519, ["Batken"], months=12).startswith(start)


def test_headline_without_any_district() -> None:
    assert ENGLISH.headline([], 0, [], months=6) == "No district could be assessed"


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3), st.sampled_from(EVERY))
def test_every_probability_has_words(values: list[float], phrases: Phrases) -> None:
    lo, prob, hi = sorted(values)
    sentence = phrases.likelihood_sentence(prob, lo, hi, end=END)
    assert "nan" not in sentence.split()
    assert phrases.say.date(END) in sentence
