"""How sure one may be of what is said of a district: by published rules, in its own sentence.

The rules are those of ``docs/words.md``. Confidence speaks of the evidence and never of the
chance: a low chance may be held with high confidence, and the other way round.
"""

from dataclasses import dataclass

from threatkit.report.catalogue import Translator, mark

#: An interval whose upper end is this many times its lower end is called wide.
WIDE_FACTOR = 10.0
LITTLE_INFORMATION = 0.1
OLD_YEARS = 5.0
#: A level that holds less of the draws than this is not settled.
SETTLED = 0.6
#: Weaknesses from which confidence is low.
MANY = 4
#: Two models differ where the chance of one is more than this many times that of the other.
APART_FACTOR = 2.0
_NAMED = 2


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
    level_prob
        Share of the draws in the level that is told, 0 to 1; None where not known.
    covered_share
        Share of the years of the assessment in which the list of events covers the country in
        full; None where not known.
    apart
        Ratio, 1 or more, of the chances that two engines or models give; None where only one
        was run.
    """

    lo: float
    hi: float
    information: float | None
    local_share: float | None
    graded_share: float | None
    median_age_years: float | None
    skill_measured: bool = False
    level_prob: float | None = None
    covered_share: float | None = None
    apart: float | None = None


#: What is weak, in the order in which it is told.
APART = mark("two models disagree")
UNSETTLED = mark("its level is not settled")
WIDE = mark("the interval is more than tenfold")
SILENT = mark("the district’s own record says little")
THIN = mark("events of its country are covered only in part")
COARSE = mark("most indicators are known only for the whole country")
UNGRADED = mark("most sources could not be graded well")
OLD = mark("most values are over five years old")
UNSCORED = mark("forecasts of this kind have not been scored yet")


def weaknesses(evidence: Evidence) -> tuple[str, ...]:
    """Return what is weak about the evidence, one clause each, untranslated."""
    rules = (
        (evidence.apart is not None and evidence.apart > APART_FACTOR, APART),
        (evidence.level_prob is not None and evidence.level_prob < SETTLED, UNSETTLED),
        (evidence.hi > WIDE_FACTOR * max(evidence.lo, 1e-9), WIDE),
        (_below(evidence.information, LITTLE_INFORMATION), SILENT),
        (evidence.covered_share is not None and evidence.covered_share < 0.5, THIN),
        (_below(evidence.local_share, 0.5), COARSE),
        (_below(evidence.graded_share, 0.5), UNGRADED),
        (_below(_negative(evidence.median_age_years), -OLD_YEARS), OLD),
    )
    return tuple(clause for weak, clause in rules if weak)


def _below(value: float | None, limit: float) -> bool:
    """Return whether a figure falls short of a limit; what is not known does."""
    return value is None or value < limit


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


def confidence_grade(evidence: Evidence) -> str:
    """Return low, moderate or high by the published rules.

    Low: `MANY` weaknesses or more, or two models that disagree. High: no weakness, and the
    forecasts were scored out of sample. Moderate: all else.
    """
    weak = weaknesses(evidence)
    if len(weak) >= MANY or APART in weak:
        return "low"
    return "high" if not weak and evidence.skill_measured else "moderate"


def confidence_sentence(evidence: Evidence, say: Translator) -> str:
    """Return the confidence in its own sentence, with at most two reasons."""
    weak = list(weaknesses(evidence))
    if not evidence.skill_measured:
        weak.append(UNSCORED)
    told = "; ".join(say.t(clause) for clause in weak[:_NAMED])
    grade = confidence_grade(evidence)
    if grade == "low":
        return say.t("Confidence is low: {reasons}.", reasons=told)
    if grade == "moderate":
        return say.t("Confidence is moderate: {reasons}.", reasons=told)
    return say.t("Confidence is high.")
