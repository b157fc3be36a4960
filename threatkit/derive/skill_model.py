"""Writes ``docs/skill_model.md`` from a finished backtest: the model beside the baselines.

``python -m threatkit.derive.skill_model FOLDER``, the folder that ``threatkit backtest`` wrote.
"""

import sys
from pathlib import Path

import pandas as pd

from threatkit.derive.skill import markdown
from threatkit.evaluate.backtest import LAST_CHOICE, REFERENCE, Backtest
from threatkit.evaluate.forecasters import ABLATIONS, ABOUT_PILLARS, MODEL
from threatkit.evaluate.stored import Stored, read_stored

PAGE = Path(__file__).resolve().parents[2] / "docs" / "skill_model.md"
_SCORES = {"log_score": "log score", "brier": "Brier", "crps": "CRPS"}
_HINDSIGHT = (
    "*Backcasts from a list that was compiled with hindsight. Score less that of the "
    "{reference} in the same cells, in thousandths, with the interval of 95% over years.*"
)


def page(stored: Stored) -> str:
    """Return the page."""
    made = stored.scores()
    halves = {
        f"Origins to {LAST_CHOICE}: choices may rest on these": made.choices(),
        f"Origins from {LAST_CHOICE + 1}: as they fell": made.locked(),
    }
    blocks = [_head(stored, made)]
    for title, half in halves.items():
        if len(half.cells):
            blocks += [f"## {title}", _against(half, REFERENCE)]
    if set(ABLATIONS) & set(made.cells["forecaster"]):
        blocks += ["## The model without each of its parts", _parts(stored, made)]
    blocks += ["## By country, one year ahead, all origins", _countries(made), _limits()]
    return "\n\n".join(blocks) + "\n"


def _head(stored: Stored, made: Backtest) -> str:
    record = stored.record
    origins = record["origins"]
    failed = stored.gates_not_met()
    gate = ", ".join(f"{name} at {origin}" for name, origin in failed) or "none"
    without = ", ".join(str(o) for o in origins if o not in stored.with_pillars())
    pillars = (
        "Origins at which no indicator of a pillar but geometry had been published, where pillars "
        f"do not count: {without or 'none'}."
    )
    parts = set(ABLATIONS) & set(made.cells["forecaster"])
    given = "" if parts else " --no-ablations"
    own = made.of(MODEL)
    own = own[own["horizon"] == own["horizon"].min()]
    return f"""# Skill of the model

Made by `python -m threatkit.derive.skill_model` from a backtest of the default assessment
(`threatkit backtest --origins {origins[0]}:{origins[-1]}{given}`,
engine {record["config"]["engine"]}, threatkit {record["threatkit"]}, {record["ended"][:10]});
[backtest.md](backtest.md) says what an origin knows and when a difference is called one.
The baselines by themselves stand in [skill.md](skill.md).

**{record["hindsight"]}** {pillars} Fits that did not meet the gate: {gate}.

One year ahead the model expected {own["prob"].sum():.1f} district-years with an episode and
{own["event"].sum():.1f} were seen."""


def _against(made: Backtest, reference: str) -> str:
    """Return the differences from a reference at every horizon."""
    parts = []
    for horizon in sorted(made.cells["horizon"].unique()):
        table = made.at(int(horizon)).table(reference=reference)
        years = "year" if horizon == 1 else "years"
        seen = f"{table['observed'].max():.1f} of {table['cells'].max():,} district-years"
        title = f"### {horizon} {years} ahead ({seen} with an episode)"
        shown = _shown(table.drop(index=reference), table.loc[reference])
        parts += [title, _HINDSIGHT.format(reference=reference), markdown(shown)]
    return "\n\n".join(parts)


def _shown(table: pd.DataFrame, base: pd.Series | None = None) -> pd.DataFrame:
    shown = pd.DataFrame(index=table.index)
    for score, heading in _SCORES.items():
        name = heading if base is None else f"{heading} (reference {1000 * base[score]:.2f})"
        shown[name] = [_difference(row, score) for _, row in table.iterrows()]
    shown["expected"] = table["expected"].map("{:.1f}".format)
    return shown


def _difference(row: pd.Series, score: str) -> str:
    mean, lo, hi = (1000 * row[f"{score}_diff{end}"] for end in ("", "_lo", "_hi"))
    return f"{mean:+.2f} [{lo:+.2f}, {hi:+.2f}] {row[f'{score}_verdict']}"


def _parts(stored: Stored, made: Backtest) -> str:
    """Return what leaving a part out changes, on the origins on which choices may rest."""
    one = made.at(1).choices()
    tables = []
    for name in ABLATIONS:
        cells = one
        if name in ABOUT_PILLARS:
            cells = one.where(one.cells["origin"].isin(stored.with_pillars()))
        if (cells.cells["forecaster"] == name).any():
            tables.append(cells.table(reference=MODEL, names=[name]))
    note = _HINDSIGHT.format(reference=MODEL) if tables else "No origin to compare."
    return f"{note} One year ahead, origins to {LAST_CHOICE}.\n\n" + (
        markdown(_shown(pd.concat(tables))) if tables else ""
    )


def _countries(made: Backtest) -> str:
    one = made.at(1)
    rows = {}
    for code in sorted(one.cells["country"].unique()):
        table = one.where(one.cells["country"] == code).table(names=[MODEL])
        row = _shown(table).iloc[0]
        row["observed"] = f"{table.loc[MODEL, 'observed']:.1f}"
        rows[code] = row
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("country")
    return _HINDSIGHT.format(reference=REFERENCE) + "\n\n" + markdown(frame)


def _limits() -> str:
    return """## What this cannot say

- What a forecaster would have known: the list of events is today's, and so are the populations of
  districts.
- Much from few episodes: with some five districts a year, one year or one country can carry a
  mean. Read the intervals, not the means.
- Targets two and three years ahead overlap, and years are taken as independent.
- Nothing is corrected for the number of comparisons; a pilot on the same events had been seen by
  those who chose the terms of the model."""


if __name__ == "__main__":
    PAGE.write_text(page(read_stored(Path(sys.argv[1]))), encoding="utf-8")
