"""The table of a backtest as people read it: thousandths, each with its interval."""

from collections.abc import Collection, Iterator

import pandas as pd

from threatkit.evaluate.backtest import LAST_CHOICE, REFERENCE, Backtest
from threatkit.evaluate.forecasters import ABLATIONS, ABOUT_PILLARS, MODEL

#: Score -> heading; all are in thousandths.
HEADINGS = {
    "log_score": "log score",
    "brier": "Brier",
    "brier_2": "Brier of two or more",
    "crps": "CRPS",
    "twcrps": "twCRPS",
    "ignorance": "ignorance",
    "interval_score": "interval score",
}
SCALE = 1000.0


def readout(table: pd.DataFrame) -> pd.DataFrame:
    """Return the means of a table of `Backtest.table` with their intervals, as text."""
    shown = pd.DataFrame(index=table.index)
    for score, heading in HEADINGS.items():
        shown[heading] = _with_interval(table, score)
    shown["average precision"] = table["average_precision"].map("{:.3f}".format)
    shown["coverage"] = table["coverage"].map("{:.3f}".format)
    shown["expected"] = table["expected"].map("{:.1f}".format)
    shown["observed"] = table["observed"].map("{:.1f}".format)
    return shown


def differences(table: pd.DataFrame) -> pd.DataFrame:
    """Return the differences from the reference with their intervals, as text."""
    shown = pd.DataFrame(index=table.index)
    for score, heading in HEADINGS.items():
        shown[heading] = _with_interval(table, f"{score}_diff")
    return shown


def by_score(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row a score and forecaster.

    Returns
    -------
    DataFrame
        Index score. Columns forecaster, mean, lo, hi and, less the reference, diff, diff_lo,
        diff_hi (over years), diff_lo_cy, diff_hi_cy (over country-years), rest, rest_lo,
        rest_hi (without the heaviest year), all in thousandths; heaviest, verdict; average
        precision and the expected and observed numbers of district-years with an episode as
        they are, without intervals.
    """
    parts = []
    for score, heading in HEADINGS.items():
        part = table[[f"{score}{end}" for end in _ENDS]] * SCALE
        words = table[[f"{score}_diff_heaviest", f"{score}_verdict"]]
        named = part.set_axis(list(_ENDS.values()), axis=1)
        named[["heaviest", "verdict"]] = words.to_numpy()
        parts.append(named.assign(score=heading))
    parts += [
        pd.DataFrame({"mean": table[name], "score": name.replace("_", " ")})
        for name in ("average_precision", "expected", "observed")
    ]
    shown = pd.concat([part.reset_index() for part in parts], ignore_index=True)
    shown["verdict"] = shown["verdict"].fillna("")
    shown["heaviest"] = shown["heaviest"].astype("Float64").astype("Int64")
    return shown.set_index("score")[["forecaster", *_ENDS.values(), "heaviest", "verdict"]]


_ENDS = {
    "": "mean",
    "_lo": "lo",
    "_hi": "hi",
    "_diff": "diff",
    "_diff_lo": "diff_lo",
    "_diff_hi": "diff_hi",
    "_diff_lo_cy": "diff_lo_cy",
    "_diff_hi_cy": "diff_hi_cy",
    "_diff_rest": "rest",
    "_diff_rest_lo": "rest_lo",
    "_diff_rest_hi": "rest_hi",
}
#: Scores and columns of the table for people; all are in the other formats.
_SHORT_SCORES = ("log score", "Brier", "CRPS")
_SHORT_COLUMNS = (
    *("origins", "horizon", "forecaster", "score", "mean", "lo", "hi"),
    *("against", "diff", "diff_lo", "diff_hi", "verdict"),
)


def backtest_table(
    made: Backtest, *, with_pillars: Collection[int], short: bool = False
) -> pd.DataFrame:
    """Return the scores of a backtest, one row a half, horizon, forecaster and score.

    Every forecaster stands against the shrunken frequency; the model without a part stands
    against the model too.

    Parameters
    ----------
    made
        The backtest.
    with_pillars
        Origins at which indicator values of a pillar had been published: on these alone the
        model without pillars stands against the model.
    short
        Only the scores and columns that fit a terminal.

    Returns
    -------
    DataFrame
        Columns origins ("to 2017": choices may rest on them; "from 2018"), horizon (years
        ahead), score and against, and the columns of `by_score`.
    """
    parts = []
    halves = ((f"to {LAST_CHOICE}", made.choices()), (f"from {LAST_CHOICE + 1}", made.locked()))
    for label, half in halves:
        for horizon in sorted(half.cells["horizon"].unique()):
            for against, table in _tables(half.at(int(horizon)), with_pillars):
                rows = by_score(table).reset_index()
                parts.append(rows.assign(origins=label, horizon=horizon, against=against))
    if not parts:
        return pd.DataFrame(columns=list(_SHORT_COLUMNS))
    shown = pd.concat(parts, ignore_index=True)
    if short:
        return shown.loc[shown["score"].isin(_SHORT_SCORES), list(_SHORT_COLUMNS)]
    first = ["origins", "horizon", "forecaster", "score", "against"]
    return shown[[*first, *shown.columns.difference(first, sort=False)]]


def _tables(made: Backtest, with_pillars: Collection[int]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the reference and the table of each comparison."""
    names = list(made.cells["forecaster"].unique())
    if REFERENCE in names:
        yield REFERENCE, made.table()
    if MODEL not in names:
        return
    for name in ABLATIONS:
        cells = made
        if name in ABOUT_PILLARS:
            cells = made.where(made.cells["origin"].isin(list(with_pillars)))
        if name in names and len(cells.cells):
            yield MODEL, cells.table(reference=MODEL, names=[name])


def _with_interval(table: pd.DataFrame, name: str) -> list[str]:
    columns = (table[name], table[f"{name}_lo"], table[f"{name}_hi"])
    return [
        f"{mean * SCALE:.2f}" + (f" [{lo * SCALE:.2f}, {hi * SCALE:.2f}]" if lo == lo else "")
        for mean, lo, hi in zip(*columns, strict=True)
    ]
