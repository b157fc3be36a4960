"""How good forecasts have been: a backtest against the baseline to beat, and frozen forecasts.

A backtest is the folder that ``threatkit backtest --out`` wrote, or the table that it printed
with ``--format csv`` or ``json``: one row a half of the origins, a horizon, a forecaster, a score
and what it stands against; ``diff`` is the score less that of the reference, with the ends of its
interval, in thousandths. Of the log score a difference above zero speaks for the model, of Brier
score and CRPS one below zero. The last word is that of the column ``verdict``: better, worse, or
anything else where the intervals hold zero. Only the folder has the cells of the calibration.
"""

import json
import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from threatkit.csvtext import read_frame
from threatkit.data.catalogue import Catalogue
from threatkit.errors import Fault, InvalidInput
from threatkit.evaluate.backtest import REFERENCE
from threatkit.evaluate.forecasters import MODEL
from threatkit.evaluate.ledger import score
from threatkit.evaluate.readout import backtest_table
from threatkit.evaluate.stored import read_stored

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
    cells
        Chance told (prob) and episode seen (event) of each district-year behind them; None
        where only the table is known.
    """

    differences: tuple[Difference, ...]
    origins: str = ""
    expected: float | None = None
    observed: float | None = None
    cells: pd.DataFrame | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Frozen:
    """How forecasts did that were frozen before their first day.

    Attributes
    ----------
    forecasts, scored
        How many there are, and how many of them sources cover by now, if in part.
    expected, observed
        Districts with an episode in those that are scored, as forecast and as seen.
    """

    forecasts: int
    scored: int
    expected: float = 0.0
    observed: float = 0.0


def read_frozen(ledger: Path, catalogue: Catalogue) -> Frozen:
    """Read a ledger of forecasts and score it with the events of a catalogue.

    A forecast that was frozen after its first day is not counted.

    Raises
    ------
    InvalidInput
        If the ledger is missing or was changed.
    """
    table = score(ledger, catalogue)
    ahead = table[table["frozen_ahead"].astype(bool)]
    told = ahead[ahead["districts"] > 0]
    return Frozen(
        len(ahead), len(told), float(told["expected"].sum()), float(told["observed"].sum())
    )


def read_skill(path: Path) -> Skill:
    """Read a backtest: its folder, or its table as CSV or JSON.

    Raises
    ------
    InvalidInput
        If it is missing, or holds no scores of the model against the reference.
    """
    if path.is_dir():
        return _skill_of_folder(path)
    if not path.is_file():
        raise InvalidInput(Fault(str(path), "a record of skill is a file or a folder", "none"))
    try:
        frame = _json_frame(path) if path.suffix == ".json" else read_frame(path)
    except (ValueError, OSError) as error:
        rule = "a record of skill is what 'threatkit backtest --format csv' (or json) prints"
        remedy = "Or give the folder that 'threatkit backtest --out' wrote"
        raise InvalidInput(Fault(str(path), rule, str(error), remedy)) from error
    return skill_of(frame, str(path))


def _json_frame(path: Path) -> pd.DataFrame:
    rows = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("no list of rows")
    return pd.DataFrame(rows)


def _skill_of_folder(folder: Path) -> Skill:
    """Return the record of a stored backtest, with the cells behind its counts."""
    stored = read_stored(folder)
    made = stored.scores()
    skill = skill_of(backtest_table(made, with_pillars=stored.with_pillars()), str(folder))
    half = made.choices() if skill.origins.startswith("to ") else made.locked()
    return replace(skill, cells=half.at(1).of(MODEL)[["prob", "event"]])


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
