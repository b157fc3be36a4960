"""Which indicator values speak for a district, and how good they are together."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from threatkit.report.summary import RunFacts
from threatkit.report.words import Evidence

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
    score: Mapping[str, Any], values: pd.DataFrame, rows: list[int], facts: RunFacts
) -> Evidence:
    """Return what the confidence sentence of a district is derived from."""
    information = score.get("information")
    known = information is not None and not pd.isna(information)
    own = values.iloc[rows]
    return Evidence(
        lo=float(score["event_prob_lo"]),
        hi=float(score["event_prob_hi"]),
        information=float(information) if known and information is not None else None,
        local_share=_share(own["area_level"].map(_FINENESS) < 2) if rows else None,
        graded_share=_share(_well_graded(own)) if rows else None,
        median_age_years=_median_age(own, facts) if rows else None,
        skill_measured=facts.skill_measured,
    )


def _share(mask: pd.Series) -> float:
    return float(mask.mean())


def _well_graded(rows: pd.DataFrame) -> pd.Series:
    good_source = rows["reliability"].astype(str).isin(list("ABC"))
    good_item = rows["credibility"].astype(str).str[:1].isin(list("123"))
    return good_source & good_item


def _median_age(rows: pd.DataFrame, facts: RunFacts) -> float | None:
    years = pd.to_numeric(rows["period"].astype(str).str[:4], errors="coerce").to_numpy(float)
    now = facts.as_of.year + facts.as_of.timetuple().tm_yday / 365.25
    ages = now - (years + 0.5)
    return float(np.nanmedian(ages)) if np.isfinite(ages).any() else None
