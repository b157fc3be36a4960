"""Scores of districts and areas, always from draws and never from means.

The level has fixed limits in the probability of at least one episode, so that it means the
same in every run; the index runs through the same limits. Higher is worse throughout.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from threatkit.model.forecast import Forecast, event_probability

FloatArray = NDArray[np.float64]

#: Limits between the five levels: chance of at least one episode within twelve months.
LEVEL_LIMITS = (0.01, 0.03, 0.10, 0.25)
LEVELS = (1, 2, 3, 4, 5)
_INDEX_PROB = (0.001, *LEVEL_LIMITS, 0.80)
_INDEX_VALUE = (0.0, 2.0, 4.0, 6.0, 8.0, 10.0)
#: A contribution is set by the prior where the data have moved it by less than this, 0 to 1;
#: a sd narrowed by a tenth, or a mean moved by 0.45 prior sds, is 0.2.
LEAST_LEARNED = 0.2
#: Parts that are given, not estimated: no prior can set them.
KNOWN_PARTS = frozenset({"people", "judgement"})


@dataclass(frozen=True)
class Scores:
    """Scores of one run.

    Attributes
    ----------
    districts
        Index district; the columns of the published schema ``scores``.
    areas
        Index area; the columns of the published schema ``areas``.
    level_counts
        Level -> mean, lo and hi of the number of districts in it.
    ci_prob
        Mass of every interval.
    """

    districts: pd.DataFrame
    areas: pd.DataFrame
    level_counts: pd.DataFrame
    ci_prob: float


def risk_index(prob: FloatArray | float) -> FloatArray:
    """Return the 0-10 index: piecewise linear in log p through the limits of the levels."""
    clipped = np.clip(prob, _INDEX_PROB[0], _INDEX_PROB[-1])
    return np.interp(np.log(clipped), np.log(_INDEX_PROB), _INDEX_VALUE)


def risk_level(prob: FloatArray) -> NDArray[np.intp]:
    """Return the level 1-5 of a probability; a limit belongs to the level above it."""
    return np.searchsorted(LEVEL_LIMITS, prob, side="right") + 1


def level_probs(prob: FloatArray) -> FloatArray:
    """Return P(level) over draws, shape (N, 5), from draws of shape (S, N)."""
    level = risk_level(prob)
    return np.stack([(level == number).mean(axis=0) for number in LEVELS], axis=1)


def interval(values: FloatArray, ci_prob: float) -> tuple[FloatArray, FloatArray]:
    """Return the equal-tailed interval over the first axis."""
    tail = (1 - ci_prob) / 2
    lo, hi = np.quantile(values, [tail, 1 - tail], axis=0)
    return lo, hi


def ranks(prob: FloatArray) -> FloatArray:
    """Return ranks within each draw, 1 is the highest probability, shape (S, N)."""
    result = np.empty_like(prob)
    place = np.arange(1, prob.shape[1] + 1)
    for row, own in zip(result, prob, strict=True):
        row[np.argsort(-own, kind="stable")] = place
    return result


def top_decile_prob(rank: FloatArray) -> FloatArray:
    """Return the share of draws in which a district is in the top tenth, shape (N,)."""
    held = max(round(rank.shape[1] / 10), 1)
    share: FloatArray = (rank <= held).mean(axis=0)
    return share


def score(
    forecast: Forecast,
    *,
    information: FloatArray,
    learned: Mapping[str, FloatArray],
    members: Sequence[str] | None = None,
    ci_prob: float = 0.9,
) -> Scores:
    """Return the scores of the districts of a region and of its areas.

    Parameters
    ----------
    forecast
        Draws of the forecast.
    information
        Shape (N,): of each district's own record.
    learned
        Part -> shape (N,): how far each contribution has moved from its prior, 0 to 1, to
        mark those that the prior sets.
    members
        District codes of the region; ranks are within it. All by default.
    ci_prob
        Mass of the intervals.

    Districts of unknown population are in the table and carry no score.
    """
    districts = forecast.districts
    kept = districts.index if members is None else districts.index.intersection(list(members))
    position = districts.index.get_indexer(kept)
    known = forecast.people[position] > 0
    assessed = position[known]
    frame = _identity(districts.loc[kept])
    columns = {
        **_risk(forecast.event_prob[:, assessed], ci_prob),
        **_rates(forecast, assessed, ci_prob),
        **_places(forecast.event_prob[:, assessed], ci_prob),
        "information": information[assessed],
        **_parts(forecast, learned, assessed, ci_prob),
        **_unjudged(forecast, assessed, ci_prob),
    }
    table = pd.DataFrame(columns, index=kept[known]).reindex(kept)
    integers = ["risk_level", "rank", "rank_lo", "rank_hi"]
    table[integers] = table[integers].round().astype("Int64")
    marks = [name for name in table if name.endswith("_prior")]
    table[marks] = table[marks].astype("boolean")
    counts = _level_counts(forecast.event_prob[:, assessed], ci_prob)
    return Scores(
        pd.concat([frame, table], axis=1),
        area_scores(forecast, kept, ci_prob=ci_prob),
        counts,
        ci_prob,
    )


def _identity(districts: pd.DataFrame) -> pd.DataFrame:
    frame = districts[["name", "country", "oblast", "fergana", "population"]].copy()
    frame["population"] = frame["population"].round().astype("Int64")
    return frame


def _banded(name: str, values: FloatArray, ci_prob: float) -> dict[str, FloatArray]:
    lo, hi = interval(values, ci_prob)
    return {name: values.mean(axis=0), f"{name}_lo": lo, f"{name}_hi": hi}


def _risk(prob: FloatArray, ci_prob: float) -> dict[str, FloatArray]:
    """Return index, level and probability; index and level are of the probability shown."""
    shown = _banded("event_prob", prob, ci_prob)
    levels = level_probs(prob)
    level = risk_level(shown["event_prob"])
    return {
        "risk_index": risk_index(shown["event_prob"]),
        "risk_index_lo": risk_index(shown["event_prob_lo"]),
        "risk_index_hi": risk_index(shown["event_prob_hi"]),
        "risk_level": level.astype(float),
        "level_prob": levels[np.arange(len(level)), level - 1],
        **{f"level_{number}_prob": levels[:, number - 1] for number in LEVELS},
        **shown,
    }


def _rates(forecast: Forecast, position: NDArray[np.intp], ci_prob: float) -> dict[str, FloatArray]:
    years = ((forecast.end - forecast.start).days + 1) / 365.25
    people = forecast.people[position] / 100_000
    return _banded("rate_per_100k", forecast.expected[:, position] / people / years, ci_prob)


def _places(prob: FloatArray, ci_prob: float) -> dict[str, FloatArray]:
    rank = ranks(prob)
    lo, hi = interval(rank, ci_prob)
    shown = pd.Series(-prob.mean(axis=0)).rank(method="first").to_numpy()
    return {
        "rank": shown,
        "rank_lo": np.minimum(np.floor(lo), shown),
        "rank_hi": np.maximum(np.ceil(hi), shown),
        "top_decile_prob": top_decile_prob(rank),
    }


def _parts(
    forecast: Forecast,
    learned: Mapping[str, FloatArray],
    position: NDArray[np.intp],
    ci_prob: float,
) -> dict[str, FloatArray]:
    columns: dict[str, FloatArray] = {}
    for name, values in forecast.parts.items():
        own = values[:, position]
        columns |= _banded(f"contribution_{name}", own, ci_prob)
        mark = np.zeros(len(position))
        if name in learned and name not in KNOWN_PARTS:
            mark = (learned[name][position] < LEAST_LEARNED).astype(float)
        columns[f"contribution_{name}_prior"] = mark
    return columns


def _unjudged(
    forecast: Forecast, position: NDArray[np.intp], ci_prob: float
) -> dict[str, FloatArray]:
    if "judgement" not in forecast.parts:
        return {}
    return _banded("event_prob_unjudged", forecast.unjudged_prob[:, position], ci_prob)


def _level_counts(prob: FloatArray, ci_prob: float) -> pd.DataFrame:
    level = risk_level(prob)
    counts = np.stack([(level == number).sum(axis=1) for number in LEVELS], axis=1).astype(float)
    lo, hi = interval(counts, ci_prob)
    return pd.DataFrame(
        {"mean": counts.mean(axis=0), "lo": np.floor(lo), "hi": np.ceil(hi)},
        index=pd.Index(LEVELS, name="level"),
    )


def area_scores(forecast: Forecast, members: pd.Index, *, ci_prob: float) -> pd.DataFrame:
    """Return the scores of oblasts, countries, the Fergana Valley and the region.

    An area's expected number is the sum over its districts in each draw; probability, level
    and index follow from that sum. An index is never summed or averaged.
    """
    districts = forecast.districts
    inside = np.asarray(districts.index.isin(members)) & (forecast.people > 0)
    groups: list[tuple[str, str, str, NDArray[np.bool_]]] = [
        ("all", "region", "All districts of the assessment", inside)
    ]
    valley = inside & districts["fergana"].to_numpy(dtype=bool)
    if valley.any() and not (valley == inside).all():
        groups.append(("fergana", "region", "Fergana Valley", valley))
    for level, column in (("adm0", "country"), ("adm1", "oblast")):
        codes = districts[column].to_numpy(dtype=str)
        names = _area_names(districts, column)
        groups += [
            (code, level, names.get(code, code), inside & (codes == code))
            for code in sorted(set(codes[inside]))
        ]
    rows = [_area_row(forecast, group, ci_prob) for group in groups]
    frame = pd.DataFrame(rows).set_index("area")
    for name in ("risk_level", "districts", "population"):
        frame[name] = frame[name].astype("Int64")
    return frame


def _area_names(districts: pd.DataFrame, column: str) -> Mapping[str, str]:
    if column == "country":
        return {
            "KAZ": "Kazakhstan",
            "KGZ": "Kyrgyzstan",
            "TJK": "Tajikistan",
            "TKM": "Turkmenistan",
            "UZB": "Uzbekistan",
        }
    if "oblast_name" not in districts:
        return {}
    return dict(zip(districts["oblast"], districts["oblast_name"].astype(str), strict=True))


def _area_row(
    forecast: Forecast,
    group: tuple[str, str, str, NDArray[np.bool_]],
    ci_prob: float,
) -> dict[str, object]:
    code, level, name, mask = group
    hazard = forecast.hazard[:, mask].sum(axis=1, keepdims=True)
    prob = event_probability(hazard, forecast.dispersion, forecast.likelihood)
    expected = _banded(
        "expected_episodes", forecast.expected[:, mask].sum(axis=1)[:, None], ci_prob
    )
    values = {**_risk(prob, ci_prob), **expected}
    keep = [key for key in values if not (key.startswith("level_") and key != "level_prob")]
    return {
        "area": code,
        "area_level": level,
        "name": name,
        "districts": int(mask.sum()),
        "population": round(float(forecast.people[mask].sum())),
        **{key: float(values[key][0]) for key in keep},
    }
