"""A backtest in sentences: what may be said of the model against the forecast to beat."""

from collections.abc import Iterator

import pandas as pd

from threatkit.evaluate import leaderwords as words
from threatkit.evaluate.backtest import LAST_CHOICE, REFERENCE, Backtest
from threatkit.evaluate.difference import BETTER, OPEN, WORSE
from threatkit.evaluate.forecasters import MODEL
from threatkit.evaluate.readout import HEADINGS, SCALE
from threatkit.evaluate.shocks import summary

#: Scores of which sentences and small tables speak.
FEW = ("log_score", "brier", "crps")
#: Forecasters that stand beside the model where a table has to be small.
BESIDE = (REFERENCE, "conflictology", "gradient boosting")
#: Countries whose cells are scored by themselves against every forecaster in `BESIDE`.
APART = ("KGZ", "TJK")
HALVES = (f"to {LAST_CHOICE}", f"from {LAST_CHOICE + 1}")


def halves_of(made: Backtest) -> Iterator[tuple[str, Backtest]]:
    """Yield both halves of the origins that have cells, by their names."""
    pairs = zip(HALVES, (made.choices(), made.locked()), strict=True)
    return ((name, half) for name, half in pairs if len(half.cells))


def country(half: Backtest, code: str) -> Backtest:
    """Return the cells of one country."""
    return half.where(half.cells["country"] == code)


def reading(label: str, half: Backtest) -> str:
    """Return one sentence on the model against the reference, by the one rule for words."""
    if half.cells.empty or MODEL not in set(half.cells["forecaster"]):
        return ""
    row = half.table(names=[MODEL]).loc[MODEL]
    said = [f"{HEADINGS[s]} {difference_text(row, s)}" for s in FEW]
    kinds = {str(row[f"{s}_verdict"]).partition(":")[0] for s in FEW}
    if kinds == {OPEN}:
        claim = f"no difference from the {REFERENCE} can be claimed"
    elif BETTER in kinds and WORSE in kinds:
        claim = "better by some scores and worse by others"
    elif kinds == {BETTER} or kinds == {WORSE}:
        claim = f"the model is {next(iter(kinds))} than the {REFERENCE} by all three scores"
    else:
        side = BETTER if BETTER in kinds else WORSE
        named = [HEADINGS[s] for s in FEW if row[f"{s}_verdict"] == side]
        claim = f"the model is {side} by {' and '.join(named)}, and the rest is not decided"
    seen = f"{row['observed']:.1f} district-years with an episode, {row['expected']:.1f} expected"
    return f"{label}: {claim} ({'; '.join(said)}; {seen})."


def claims(made: Backtest) -> str:
    """Return every comparison of the model with the reference that is a claim, either way."""
    if not {MODEL, REFERENCE} <= set(made.cells["forecaster"]):
        return ""
    found: dict[str, list[str]] = {BETTER: [], WORSE: []}
    total = 0
    for step in sorted(made.cells["horizon"].unique()):
        for name, half in halves_of(made.at(int(step))):
            lively = half.cells["active"].astype(bool)
            kinds = {"all cells": half, "active cells": half.where(lively)}
            codes = half.cells["country"].astype(str).unique()
            kinds |= {code: country(half, code) for code in sorted(codes)}
            for label, cells in kinds.items():
                if cells.cells.empty:
                    continue
                row = cells.table(names=[MODEL]).loc[MODEL]
                for score in FEW:
                    total += 1
                    word = str(row[f"{score}_verdict"])
                    if word in found:
                        found[word].append(f"{label} {name}, year {step} ({HEADINGS[score]})")
    told = {word: "; ".join(which) or "none" for word, which in found.items()}
    return words.CLAIMS.format(total=total, better=told[BETTER], worse=told[WORSE])


def shocks_told(table: pd.DataFrame) -> str:
    """Return how many of the known shocks each forecaster saw, and which it missed."""
    short = summary(table)
    said = []
    for name in (MODEL, *BESIDE):
        own = short[short["forecaster"] == name]
        if len(own):
            missed = [f"{r.shock} {r.year}" for r in own[~own["seen"]].itertuples()]
            said.append(
                f"{name}: seen {int(own['seen'].sum())} of {len(own)}; missed "
                f"{', '.join(missed) or 'none'}"
            )
    return f"Known shocks, a year before. {'. '.join(said)}." if said else ""


def difference_text(row: "pd.Series[float]", score: str) -> str:
    """Return a difference in thousandths, its interval and what may be said of it."""
    value, lo, hi = (SCALE * float(row[f"{score}_diff{end}"]) for end in ("", "_lo", "_hi"))
    span = f" [{lo:+.2f}, {hi:+.2f}]" if lo == lo else ""
    return f"{value:+.2f}{span} {row[f'{score}_verdict']}"
