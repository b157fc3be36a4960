"""The sentences of a leaderboard that do not depend on its numbers."""

import pandas as pd

from threatkit.evaluate.backtest import LAST_CHOICE, RECENT
from threatkit.evaluate.baselines import GRID, WINDOW
from threatkit.evaluate.pool import GEOMETRIC, POOL
from threatkit.evaluate.regression import BOOSTING
from threatkit.evaluate.shocks import TOP_PART

OPENING = (
    "The forecast to beat is the {reference}. A difference counts only where three intervals of "
    "95% leave zero out on the same side: over years, from drawing country-years again, and over "
    "years without the one that adds most. Everything else is not decided, and that is no claim "
    "of equal skill either. For the log score above zero speaks for the row; for all others below "
    "zero does."
)
CLAIMS = (
    "Of {total} comparisons of the model with it (cells, halves, years ahead and three scores) the "
    "model is called better in: {better}. Worse in: {worse}. With so many, some come by chance."
)
CHOICE = (
    f"Choices may rest on these: terms, priors and settings were looked at up to {LAST_CHOICE}."
)
LOCKED = (
    "As they fell, with no choice made on them. The list of events, and a pilot, had been seen "
    "before, so that they are no blind test."
)
DIFFERENCE = (
    "Thousandths, interval of 95% over years, and what may be said. Log score: above zero is "
    "better; all others: below zero is better."
)
ACTIVE = (
    f"Cells whose district or a neighbour had an episode in the last {RECENT} years, as far as "
    "the origin knew; one year ahead."
)
PARTS = (
    "Each row is the model with one part left out or changed, against the whole model: worse "
    "means that the part helps, better that it hurts. What differs by pillars alone is compared "
    "only at origins at which indicator values had been published; the column origins counts them."
)
BRIER_PARTS = (
    "Thousandths: reliability (lower is better), resolution (higher is better), uncertainty (of "
    "the outcome), and what is left within bands; Brier = reliability - resolution + uncertainty "
    "+ within. One year ahead, for one episode or more and for two or more."
)
AGAIN = (
    "The same backtest with another seed, or by the other engine at some of its origins, each "
    "beside the run of this page at the same origins, one year ahead: what differs is Monte Carlo "
    "error, and the engine's own."
)
SHOCKS = (
    "What was said at the end of the year before of the districts that the events name. Seen: the "
    f"district stood in the top {100 * TOP_PART:g} in 100 of all districts by chance of an "
    "episode. The cases are ones that a reader will ask about, so that this is no measure of "
    "skill, and many were hit because they often are."
)
CASES = (
    "Of the districts hit, the one ranked highest: seen or missed, its rank, its chance in 100 "
    "(with the interval of 90% where a forecast has draws), and how many of those hit were seen."
)
PILLARS = (
    "Where a pillar had no value, it does not count at that origin; border alone is geometry, "
    "which is always known."
)
SCORES = (
    "All in thousandths but average precision, coverage and numbers. Log score of whether there "
    "was an episode, probabilities held between e and 1 - e, e one in twice the past "
    "district-years: it decides how hard forecasts that say 0 or 1 are punished. Brier score of "
    "the same. CRPS of the number of episodes; twCRPS, its part above one: how many, not whether "
    "any. Ignorance in bits, in the bins of the VIEWS prediction competition, each distribution "
    "standing for 1,000 draws. Interval score and coverage of 90% intervals; at such rare counts "
    "coverage cannot be near 90%.",
    "An episode known to its oblast only is shared among its districts by their people, and a "
    "forecast is scored on the expectation. A year that a source covers in part is scored on that "
    "part, every forecast thinned to it; a year that none covers is missing, never zero. What is "
    "scored is what goes on record. Where the list covers a country in part (Turkmenistan), the "
    "model holds that more happens than is listed: its forecast is lowered here to the part that "
    "its fit takes as seen, half by default, while an assessment speaks of full coverage.",
    "- zero: nothing happens anywhere.\n"
    "- last value: what happened in the last covered year.\n"
    "- historical mean: one of the district's past years.\n"
    "- climatology by country: one rate for all districts of a country.\n"
    f"- conflictology: one of the district's last {WINDOW} years or, where these are empty, of "
    "its neighbours'.\n"
    "- shrunken frequency: past years with and without an episode, older ones counting less, "
    f"shrunk to the neighbours and the country; which of {len(GRID)} settings is chosen at each "
    "origin on earlier years only.\n"
    "- composite index: indicators scaled from 0 to 10, their mean in each pillar, the geometric "
    "mean of pillars, as INFORM makes one; a logistic curve on it, fitted on the past.\n"
    "- Poisson regression, negative binomial regression: on people and every indicator, with a "
    "normal penalty.\n"
    f"- gradient boosting: {BOOSTING['max_iter']} boosted trees on people, indicators and recent "
    "violence in the district and next to it.\n"
    f"- {POOL}: a weighted mean of the two distributions, its weight learnt at each origin on "
    f"earlier targets only; {GEOMETRIC}: the root of their product, with equal weights, which "
    "learns nothing.",
    "What this cannot say: how the forecasts would have done with what was known at the time; "
    "much about Turkmenistan, where the press is closed and little goes on record; much "
    "from so few episodes, where one year or one country can carry a result. Targets two and "
    "three years ahead overlap, years are taken as independent, and nothing is corrected for the "
    "number of comparisons. Early years rest on other sources than late ones.",
)


def chance(row: "pd.Series[float]") -> str:
    """Return a chance in 100, with its interval where there is one."""
    text = f"{100 * row['prob']:.1f}"
    if row["prob_lo"] == row["prob_lo"]:
        text += f" [{100 * row['prob_lo']:.1f}, {100 * row['prob_hi']:.1f}]"
    return text


def placed(row: "pd.Series[float]") -> str:
    """Return what was said of the district hit that a forecaster ranked highest."""
    word = "seen" if row["seen"] else "missed"
    many = f"; {row['among_top']:g} of {row['hit']:g}" if row["hit"] > 1 else ""
    return f"{word}: rank {row['rank']:g} of {row['districts']}, {chance(row)}{many}"
