"""A small report's material: the run of `report_fixtures` with draws, neighbours and changes."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from tests.report_fixtures import LONG, NASTY, ROWS, draws, small_summary
from threatkit.brief.material import DataPackage, Material
from threatkit.brief.skill import Difference, Skill
from threatkit.report.plots import Figure

CODES = tuple(row[0] for row in ROWS[:-1])
#: A picture that would run a script if it were part of the page.
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20" onload="window.pwned=1">'
    "<script>window.pwned=1</script><rect width='40' height='20' style='fill:#777'/></svg>"
)


FIGURES = (Figure("ranks", NASTY, "What is drawn.", SVG, "a,b\n1,2\n"),)


def changes() -> pd.DataFrame:
    """Return the change of each assessed district: the third rose, the others hardly moved."""
    now = draws()[:, : len(CODES)].mean(axis=0)
    frame = pd.DataFrame({"event_prob_after": now}, index=pd.Index(CODES, name="district"))
    frame["event_prob_before"] = now * np.array([1, 1, 0.5, 1, 1, 1, 1])
    for end, factor in (("_lo", 0.7), ("_hi", 1.4)):
        frame[f"event_prob_after{end}"] = now * factor
    frame["change"] = frame["event_prob_after"] - frame["event_prob_before"]
    frame["rise_prob"] = [0.5, 0.5, 0.97, 0.5, 0.5, 0.5, 0.5]
    frame["more_than_noise"] = frame["rise_prob"] > 0.95
    frame["part"] = "border"
    return frame


def record() -> dict[str, Any]:
    """Return what a report reads of a run's record, with a name that tries to be markup."""
    return {
        "run_id": "20260430-0123abcd-1",
        "made": "2026-05-02T10:00:00+00:00",
        "seed": 1,
        "config": {"engine": "laplace"},
        "versions": {"threatkit": "0.1.0"},
        "diagnostics": {"quantities": {NASTY: {"rhat": 1.0, "worst": NASTY}}},
        "model": {"priors": {"intercept": "normal(-4, 2)"}},
    }


def small_material(**given: Any) -> Material:
    """Return the material of a small report."""
    material = Material(
        summary=small_summary(),
        codes=CODES,
        prob=draws()[:, : len(CODES)],
        record=record(),
        neighbours={
            "KG-B-batken": [("TJ-SU-isfara", 55.0), ("KG-B-leylek", 41.2)],
            "TJ-SU-isfara": [("KG-B-batken", 55.0)],
        },
        packages=(
            DataPackage(
                "mine",
                NASTY,
                "1.0.0",
                ((NASTY, "javascript:alert(1)"),),
                ((NASTY, "https://example.org/?a=1&b=2"), (LONG, "")),
            ),
        ),
        drifted=(NASTY,),
        changes=changes(),
        previous={"run_id": "20251130-0123abcd-1", "as_of": "2025-11-30"},
    )
    return replace(material, **given)


def some_skill(verdict: str = "") -> Skill:
    """Return a record of skill in which the log score has the verdict that is given."""
    return Skill(
        (
            Difference("log score", 2.0, -1.0, 5.0, verdict),
            Difference("Brier", 0.1, -0.4, 0.5, ""),
            Difference("CRPS", 0.1, -0.6, 0.7, ""),
        ),
        origins="from 2018",
        expected=100.2,
        observed=78.0,
    )
