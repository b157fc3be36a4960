"""Which indicator values speak for a district, and how good they are together."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import pandas as pd

from threatkit.report.confidence import Evidence
from threatkit.report.summary import RunFacts

LEVEL_WORDS = {
    "adm2": "for this district",
    "point": "for this district",
    "adm1": "known only for the oblast",
    "adm0": "known only for the whole country",
}
_FINENESS = {"point": 0, "adm2": 0, "adm1": 1, "adm0": 2}


def latest_values(indicators: pd.DataFrame) -> pd.DataFrame:
    """Return for each area and indicator its latest value, with a fresh index."""
    if indicators.empty:
        return indicators.reset_index(drop=True)
    ordered = indicators.assign(_period=indicators["period"].astype(str)).sort_values(
        ["area_code", "indicator", "_period"], kind="stable"
    )
    last = ordered.drop_duplicates(["area_code", "indicator"], keep="last")
    return last.drop(columns="_period").reset_index(drop=True)


def values_by_district(values: pd.DataFrame, districts: pd.DataFrame) -> dict[str, list[int]]:
    """Return for each district the rows that speak for it: the finest level of each indicator."""
    rows: dict[str, list[int]] = {}
    by_area: dict[str, list[int]] = {}
    for position, area in enumerate(values.get("area_code", pd.Series(dtype=str)).astype(str)):
        by_area.setdefault(area, []).append(position)
    names = values.get("indicator", pd.Series(dtype=str)).astype(str).to_numpy()
    for code, place in districts.iterrows():
        chosen: dict[str, int] = {}
        for area in (str(code), str(place["oblast"]), str(place["country"])):
            for position in by_area.get(area, []):
                chosen.setdefault(names[position], position)
        rows[str(code)] = sorted(chosen.values(), key=lambda position: names[position])
    return rows


def evidence_of(
    score: Mapping[str, Any], own: Sequence[Mapping[str, Any]], facts: RunFacts
) -> Evidence:
    """Return what the confidence sentence of a district is derived from.

    Parameters
    ----------
    score
        Its row of the scores.
    own
        The values that speak for it, see `values_by_district`.
    facts
        Facts of the run.
    """
    return Evidence(
        lo=float(score["event_prob_lo"]),
        hi=float(score["event_prob_hi"]),
        information=_number(score.get("information")),
        local_share=_share([_FINENESS.get(str(row["area_level"]), 2) < 2 for row in own]),
        graded_share=_share([_well_graded(row) for row in own]),
        median_age_years=_median_age(own, facts),
        skill_measured=facts.skill_measured,
        level_prob=_number(score.get("level_prob")),
        covered_share=facts.covered.get(str(score.get("country"))),
    )


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def _share(marks: Sequence[bool]) -> float | None:
    return sum(marks) / len(marks) if marks else None


def _well_graded(row: Mapping[str, Any]) -> bool:
    return str(row["reliability"]) in tuple("ABC") and str(row["credibility"])[:1] in tuple("123")


def _median_age(own: Sequence[Mapping[str, Any]], facts: RunFacts) -> float | None:
    years = [int(text) for row in own if (text := str(row["period"])[:4]).isdigit()]
    now = facts.as_of.year + facts.as_of.timetuple().tm_yday / 365.25
    return median(now - (year + 0.5) for year in years) if years else None
