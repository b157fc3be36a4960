"""Writes ``docs/skill.md`` from the shipped data: what simple forecasts achieve one year ahead.

Run it as ``python -m threatkit.derive.skill``; a test holds the page current.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from threatkit.config import load_config
from threatkit.data.catalogue import load_catalogue
from threatkit.evaluate import proper
from threatkit.evaluate.backtest import REFERENCE, Backtest, backtest
from threatkit.evaluate.baselines import GRID, WINDOW, Frequency, Settings, standard_baselines
from threatkit.evaluate.difference import BETTER, WORSE
from threatkit.evaluate.outcome import outcomes
from threatkit.evaluate.readout import differences, readout
from threatkit.evaluate.regression import BOOSTING, Origins, indicator_baselines
from threatkit.geo.boundaries import load_boundaries
from threatkit.geo.graph import build_graph
from threatkit.model.assemble import Outcome

PAGE = Path(__file__).resolve().parents[2] / "docs" / "skill.md"
ORIGINS = range(2011, 2025)
#: Countries whose cells are also scored apart.
APART = ("KAZ", "KGZ", "TJK", "TKM", "UZB")


def page() -> str:
    """Return the page, made from the shipped data."""
    settings = load_config()
    catalogue = load_catalogue()
    graph = build_graph(load_boundaries(codes=catalogue.districts.index))
    rules = Outcome(settings.event_types, start_year=settings.start_year)
    happened = outcomes(catalogue, graph, rules)
    baselines = standard_baselines()
    origins = Origins(catalogue, graph, rules)
    named = {**baselines, **indicator_baselines(origins.panel)}
    made = backtest(happened, ORIGINS, named)
    table = made.table()
    frequency = baselines[REFERENCE]
    chosen = frequency.chosen if isinstance(frequency, Frequency) else {}
    blocks = [
        _head(made, table),
        "## Scores\n\n" + markdown(readout(table)),
        _how_scored(),
        f"## Difference from the {REFERENCE}\n\n"
        "Score of the row less that of the reference in the same cells, in thousandths: for the "
        "log score below zero is worse, for all others above zero is worse. In brackets the "
        "interval of 95% by Student's t over years.\n\n"
        + markdown(differences(table.drop(index=REFERENCE))),
        _reading(table),
        "## By country\n\n" + _by_country(made),
        f"## Reliability of the {REFERENCE}\n\n" + _reliability(made),
        f"## Settings of the {REFERENCE}\n\n" + _settings(chosen),
        _limits(),
    ]
    return "\n\n".join(blocks) + "\n"


def _head(made: Backtest, table: pd.DataFrame) -> str:
    cells, years = int(table["cells"].iloc[0]), sorted(made.cells["year"].unique())
    return f"""# Skill

Made by `python -m threatkit.derive.skill` from the shipped data; a test holds it current.

What follows is the bar that a model has to clear. How the default model of threatkit does in the
same cells is in [skill_model.md](skill_model.md), made from `threatkit backtest`.

**The curated list of events was compiled with hindsight.** These are backcasts: a forecaster of
2015 did not have the list of today, and what is remembered of a year is not what was known in
it. Only forecasts frozen before their time (`threatkit forecast freeze`) are free of that.

Targets are the {len(years)} years {years[0]} to {years[-1]}, each forecast at the end of the year
before from the years since 2005 alone: {cells:,} district-years that a source covers, in
{table["observed"].iloc[0]:.1f} of which an episode happened. The number is not whole because an
episode known to its oblast only is shared among its districts by their people, and a
forecast is scored on the expectation. The past that a forecast is given is, cell by cell, what
the data give when they are cut at the last day of its origin (tested)."""


def _how_scored() -> str:
    window, settings = WINDOW, len(GRID)
    return f"""All in thousandths but the last four columns; in brackets the interval of 95% by
Student's t over years. The log score is better when higher, the average precision too; Brier
score, CRPS (of the number of episodes), ignorance (bits, in the bins of the VIEWS prediction
competition, each distribution standing for 1,000 draws) and the score of 90% intervals are
better when lower. Coverage is that of 90% intervals, which at such rare counts cannot be
near 90%. Expected and observed are numbers of district-years with an episode.

- **zero**: nothing happens anywhere.
- **last value**: what happened in the last covered year.
- **historical mean**: one of the district's past years.
- **climatology by country**: one rate for all districts of a country.
- **conflictology**: one of the district's last {window} years or, where these are empty, of its
  neighbours'.
- **shrunken frequency**: past years with and without an episode, older ones counting less,
  shrunk to the neighbours and the country; which of {settings} settings is chosen at each
  origin on earlier years only.
- **composite index**: indicators scaled from 0 to 10, their mean in each pillar, the geometric
  mean of the pillars, as INFORM makes one; a logistic curve on it, fitted on the past, gives the
  probability.
- **Poisson regression**, **negative binomial regression**: on people and every indicator, with
  a normal penalty.
- **gradient boosting**: {BOOSTING["max_iter"]} boosted trees on people, indicators and recent
  violence in the district and next to it.

The last four know an indicator value from the day on which its source was published: before
2014 that is geometry alone (the border with Afghanistan), and few values come after.

The log score holds every probability between e and 1 - e, where e is one in twice the number of
past district-years: it decides how hard the forecasts that say 0 or 1 are punished (zero, last
value, historical mean, conflictology). Judge these by Brier score and CRPS, which need no such
rule."""


def _reading(table: pd.DataFrame) -> str:
    """Return what may be said of the differences, by the one rule for such words."""
    said: dict[str, list[str]] = {BETTER: [], WORSE: [], "": []}
    for name in table.index.drop(REFERENCE):
        for score, heading in (("log_score", "log score"), ("brier", "Brier"), ("crps", "CRPS")):
            words = str(table.loc[name, f"{score}_verdict"])
            extra = f"; {words.partition(': ')[2]}" if ": " in words else ""
            said[words if words in said else ""].append(f"{name} ({heading}{extra})")
    first = table["log_score"].idxmax()
    return f"""## Reading

By log score {first} comes first. Each forecast was held against the {REFERENCE}
by log score, Brier score and CRPS. A difference counts only where three intervals of 95%
leave zero out on the same side: over years, from drawing country-years again (the widest of
several seeds), and over years without the one that adds most.

- Better: {_list(said[BETTER])}.
- Worse: {_list(said[WORSE])}.
- Not decided: {_list(said[""])}.

With {table["observed"].iloc[0]:.0f} district-years that hold an episode, a few places and years
carry the result; nothing was corrected for the number of comparisons, and years are taken as
if they were independent."""


def _list(names: list[str]) -> str:
    return ", ".join(names) if names else "none"


def _by_country(made: Backtest) -> str:
    rows = []
    shown = (REFERENCE, "conflictology", "climatology by country", "gradient boosting")
    for code in APART:
        part = Backtest(made.cells[made.cells["country"] == code])
        table = part.table(names=shown)
        for name in shown:
            row = readout(table.loc[[name]]).iloc[0]
            rows.append(
                {
                    "country": code,
                    "forecaster": name,
                    **row[["log score", "Brier", "CRPS", "expected", "observed"]],
                }
            )
    return markdown(pd.DataFrame(rows).set_index("country"))


def _reliability(made: Backtest) -> str:
    own = made.of(REFERENCE)
    table = proper.reliability_table(own["prob"].to_numpy(), own["event"].to_numpy())
    shown = pd.DataFrame(
        {
            "cells": table["cells"].map("{:,}".format),
            "mean probability": table["mean_prob"].map("{:.3f}".format),
            "observed share": table["observed"].map("{:.3f}".format),
            "with an episode": table["events"].map("{:.1f}".format),
        }
    )
    shown.index = pd.Index(
        [f"{low:g} to {high:g}" for low, high in zip(table["from"], table["to"], strict=True)],
        name="probability",
    )
    return markdown(shown)


def _settings(chosen: Mapping[int, Settings]) -> str:
    rows = {
        year: {
            "decay a year": f"{s.decay:g}",
            "share of neighbours": f"{s.neighbours:g}",
            "pseudo-years": f"{s.pseudo_years:g}",
        }
        for year, s in sorted(chosen.items())
    }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("origin")
    return "Chosen at each origin on the years up to it:\n\n" + markdown(table)


def _limits() -> str:
    return """## What this cannot say

- Whether the shrunken frequency would have been picked as the one to beat without hindsight: a
  pilot had looked at targets up to 2025, and the range of its settings was widened when the
  choice stood at its edge. The choice within the range uses earlier years only.
- How the forecasts would have done with what was known at the time.
- Much about Turkmenistan, where the press is closed: silence of sources counts as no episode.
- Before 2009 the list is thin and UCDP ends in 2010 here, so the baselines learn early rates
  from other sources than those of the targets.
- A year that a source covers in part is scored on that part, each forecast thinned to it; a
  year that none covers is missing."""


def markdown(frame: pd.DataFrame) -> str:
    """Return a frame as a table in Markdown, its index first."""
    names = [str(frame.index.name or ""), *map(str, frame.columns)]
    numeric = ["---", *("---:" for _ in frame.columns)]
    lines = [names, numeric]
    lines += [
        [str(key), *map(str, row)] for key, row in zip(frame.index, np.asarray(frame), strict=True)
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
