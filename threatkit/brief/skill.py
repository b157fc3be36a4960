"""How good forecasts have been: the mean scores of a backtest, against the baseline to beat.

The file is the table that ``threatkit backtest`` writes: one row a forecast (column
``baseline``), for each score its mean, the difference from the reference in the same cells
(``_diff``) and the ends of its interval (``_diff_lo``, ``_diff_hi``). From the log score a
difference above zero speaks for the model, from Brier score and CRPS one below zero.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from threatkit.csvtext import read_frame
from threatkit.errors import Fault, InvalidInput

#: Names under which the model itself may stand in the table.
MODEL_NAMES = ("model", "threatkit")
SCORES = ("log_score", "brier", "crps")
#: Scores of which more is better.
_POSITIVE = ("log_score",)


@dataclass(frozen=True)
class Difference:
    """The mean score of the model, and how far it differs from the reference.

    Attributes
    ----------
    score
        One of `SCORES`.
    value
        Mean score of the model.
    diff, lo, hi
        Difference from the reference and its interval, turned so that above zero is better.
    """

    score: str
    value: float
    diff: float
    lo: float
    hi: float

    @property
    def verdict(self) -> str:
        """Return whether the interval speaks: better, worse or open."""
        if self.lo > 0:
            return "better"
        return "worse" if self.hi < 0 else "open"


@dataclass(frozen=True)
class Skill:
    """A record of skill.

    Attributes
    ----------
    differences
        One a score.
    expected, observed
        District-years with an episode, as forecast and as seen; None where not recorded.
    years
        Number of years that were forecast; None where not recorded.
    """

    differences: tuple[Difference, ...]
    expected: float | None = None
    observed: float | None = None
    years: int | None = None


def read_skill(path: Path) -> Skill:
    """Read the table of a backtest.

    Raises
    ------
    InvalidInput
        If the file is missing, or lacks the model's row or a score.
    """
    if not path.is_file():
        raise InvalidInput(
            Fault(str(path), "a record of skill is the table of a backtest", "no such file")
        )
    try:
        frame = read_frame(path)
    except (ValueError, OSError) as error:
        raise InvalidInput(
            Fault(str(path), "a record of skill is a table in CSV", str(error))
        ) from error
    return skill_of(frame, str(path))


def skill_of(frame: pd.DataFrame, name: str) -> Skill:
    """Return the record of a table of a backtest.

    Raises
    ------
    InvalidInput
        If the model's row or a column is missing.
    """
    columns = [f"{score}{end}" for score in SCORES for end in ("", "_diff", "_diff_lo", "_diff_hi")]
    lacking = [column for column in ("baseline", *columns) if column not in frame]
    if lacking:
        raise InvalidInput(
            Fault(name, "the table of a backtest has its columns", f"no {', '.join(lacking)}")
        )
    rows = frame[frame["baseline"].isin(MODEL_NAMES)]
    if len(rows) != 1:
        found = ", ".join(map(str, frame["baseline"])) or "no row"
        raise InvalidInput(
            Fault(name, f"one row is that of the model ({' or '.join(MODEL_NAMES)})", found)
        )
    row = rows.iloc[0]
    return Skill(
        tuple(_difference(score, row) for score in SCORES),
        _number(row, "expected"),
        _number(row, "observed"),
        None if _number(row, "years") is None else round(float(row["years"])),
    )


def _difference(score: str, row: "pd.Series[float]") -> Difference:
    diff, lo, hi = (float(row[f"{score}{end}"]) for end in ("_diff", "_diff_lo", "_diff_hi"))
    if score not in _POSITIVE:
        diff, lo, hi = -diff, -hi, -lo
    return Difference(score, float(row[score]), diff, lo, hi)


def _number(row: "pd.Series[float]", name: str) -> float | None:
    value = float(row[name]) if name in row else math.nan
    return None if math.isnan(value) else value
