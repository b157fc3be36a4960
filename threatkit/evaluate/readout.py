"""The table of a backtest as people read it: thousandths, each with its interval."""

import pandas as pd

#: Score -> heading; all are in thousandths.
HEADINGS = {
    "log_score": "log score",
    "brier": "Brier",
    "crps": "CRPS",
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
    """Return one row a score and baseline, narrow enough for a terminal.

    Returns
    -------
    DataFrame
        Columns score, baseline, mean, lo, hi and, less the reference, diff, diff_lo and
        diff_hi, in thousandths; average precision and the expected and observed numbers of
        district-years with an episode as they are, without intervals.
    """
    ends = ("", "_lo", "_hi", "_diff", "_diff_lo", "_diff_hi")
    names = ("mean", "lo", "hi", "diff", "diff_lo", "diff_hi")
    parts = []
    for score, heading in HEADINGS.items():
        part = table[[f"{score}{end}" for end in ends]] * SCALE
        parts.append(part.set_axis(names, axis=1).assign(score=heading))
    parts += [
        pd.DataFrame({"mean": table[name], "score": name.replace("_", " ")})
        for name in ("average_precision", "expected", "observed")
    ]
    shown = pd.concat([part.reset_index() for part in parts], ignore_index=True)
    return shown.set_index("score")[["baseline", *names]]


def _with_interval(table: pd.DataFrame, name: str) -> list[str]:
    columns = (table[name], table[f"{name}_lo"], table[f"{name}_hi"])
    return [
        f"{mean * SCALE:.2f}" + (f" [{lo * SCALE:.2f}, {hi * SCALE:.2f}]" if lo == lo else "")
        for mean, lo, hi in zip(*columns, strict=True)
    ]
