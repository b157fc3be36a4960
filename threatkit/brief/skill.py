"""How good forecasts have been: the table of a backtest, against the baseline to beat.

The file is what ``threatkit backtest --format csv`` prints: one row a half of the origins, a
horizon, a forecaster, a score and what it stands against; ``diff`` is the score less that of the
reference, with the ends of its interval, in thousandths. Of the log score a difference above
zero speaks for the model, of Brier score and CRPS one below zero. The last word is that of the
column ``verdict``: better, worse, or nothing where the intervals hold zero.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from threatkit.csvtext import read_frame
from threatkit.errors import Fault, InvalidInput

MODEL = "model"
REFERENCE = "shrunken frequency"
SCORES = ("log score", "Brier", "CRPS")
#: Scores of which more is better.
_POSITIVE = ("log score",)
_COLUMNS = (
    *("origins", "horizon", "forecaster", "score", "against"),
    *("mean", "diff", "diff_lo", "diff_hi", "verdict"),
)


@dataclass(frozen=True)
class Difference:
    """How far the model differs from the reference by one score, in thousandths.

    Attributes
    ----------
    score
        One of `SCORES`.
    diff, lo, hi
        The difference and its interval, turned so that above zero is better.
    verdict
        ``better``, ``worse`` or empty, as the backtest has it.
    """

    score: str
    diff: float
    lo: float
    hi: float
    verdict: str


@dataclass(frozen=True)
class Skill:
    """A record of skill.

    Attributes
    ----------
    differences
        One a score.
    origins
        From which origins: those on which no choice rests where there are any.
    expected, observed
        District-years with an episode, as forecast and as seen; None where not recorded.
    """

    differences: tuple[Difference, ...]
    origins: str = ""
    expected: float | None = None
    observed: float | None = None


def read_skill(path: Path) -> Skill:
    """Read the table of a backtest.

    Raises
    ------
    InvalidInput
        If the file is missing, or holds no scores of the model against the reference.
    """
    if not path.is_file():
        raise InvalidInput(Fault(str(path), "a record of skill is a file", "none"))
    try:
        frame = read_frame(path)
    except (ValueError, OSError) as error:
        rule = "a record of skill is the CSV that 'threatkit backtest --format csv' prints"
        raise InvalidInput(Fault(str(path), rule, str(error))) from error
    return skill_of(frame, str(path))


def skill_of(frame: pd.DataFrame, name: str) -> Skill:
    """Return the record of a table of a backtest, one year ahead.

    Raises
    ------
    InvalidInput
        If a column is missing, or the rows of the model.
    """
    lacking = [column for column in _COLUMNS if column not in frame]
    if lacking:
        raise InvalidInput(
            Fault(name, "the table of a backtest has its columns", f"no {', '.join(lacking)}")
        )
    rows = frame[(frame["forecaster"] == MODEL) & (frame["horizon"] == 1)]
    against = rows[rows["against"].eq(REFERENCE) & rows["score"].isin(SCORES)]
    if against.empty:
        found = ", ".join(sorted(set(frame["forecaster"].astype(str)))) or "no row"
        rule = f"it scores the forecaster '{MODEL}' against '{REFERENCE}', one year ahead"
        raise InvalidInput(Fault(name, rule, found))
    half = str(against["origins"].iloc[-1])
    told = against[against["origins"] == half].drop_duplicates("score").set_index("score")
    counts = rows[rows["origins"] == half].drop_duplicates("score").set_index("score")["mean"]
    return Skill(
        tuple(_difference(score, told.loc[score]) for score in SCORES if score in told.index),
        half,
        _number(counts.get("expected")),
        _number(counts.get("observed")),
    )


def _difference(score: str, row: "pd.Series[float]") -> Difference:
    diff, lo, hi = (float(row[name]) for name in ("diff", "diff_lo", "diff_hi"))
    if score not in _POSITIVE:
        diff, lo, hi = -diff, -hi, -lo
    verdict = str(row["verdict"]) if isinstance(row["verdict"], str) else ""
    return Difference(score, diff, lo, hi, verdict)


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(float(value)) else float(value)
