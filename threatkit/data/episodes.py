"""From reports of violence to episodes, cells and regimes of sources: the outcome.

An episode is organised violence at a known date and district. Reports in one district
whose dates lie within 14 days of each other, in a chain, are one episode; so are reports of
one hand-made group in one district. A report that is known to the oblast only is spread
over the oblast's districts by their people. Two sources are joined by episodes: those of
UCDP that the curated list has too are counted once.
"""

from collections.abc import Collection, Iterable
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from threatkit.errors import Fault, InvalidInput
from threatkit.options import DEFAULT_EVENT_TYPES

GAP_DAYS = 14
REGIMES = ("both", "curated", "curated_partial", "ucdp", "none")
COLUMNS = ["episode_id", "district", "start", "end", "weight", "event_ids", "fatalities_best"]

_NEEDED = ("event_id", "date_start", "area_code", "event_type")


def episodes(
    events: pd.DataFrame,
    *,
    districts: pd.DataFrame,
    types: Collection[str] = DEFAULT_EVENT_TYPES,
    require_death: bool = False,
    as_of: date,
) -> pd.DataFrame:
    """Merge reports into episodes, one row an episode and district.

    Parameters
    ----------
    events
        Reports, one a row, with the columns of ``events.csv``. Rows of level ``point`` whose
        code is not a district (the Afghan side) are context and left out.
    districts
        All districts of the countries, index ``district``, columns country, oblast and
        population. Weights need all of them: choose a region afterwards.
    types
        The types of event that count; others are left out before reports are chained.
    require_death
        Keep only episodes with a known death. Deaths that are not known, or are counted in
        the row of another district, count as no death known.
    as_of
        The last day that is known. A report is known once its date is sure to have passed
        (a date known to the month passes with the month); an end after this day is cut.

    Returns
    -------
    Columns episode_id, district, start, end (days), weight, event_ids (a tuple) and
    fatalities_best (sum of the reports; where a report has no best figure its low one; NaN
    where none is known), sorted by start and district. The weight is 1 for an episode known
    to its district. One known to its oblast or country only has a row for each of its
    districts under one episode_id, weighted by people (districts of unknown population take
    the mean of the known ones); its weights sum to 1, less those of districts that have an
    episode of their own within 14 days, with which it would be one.

    Raises
    ------
    InvalidInput
        If columns are missing, or dates or areas cannot be read; all faults at once.
    """
    reports = _reports(events, districts, types, as_of)
    merged = _merge(reports)
    if require_death:
        merged = merged[merged["fatalities_best"] > 0]
    is_district = merged["area"].isin(districts.index)
    own = merged[is_district].assign(district=lambda t: t["area"], weight=1.0)
    wide = merged[~is_district]
    spread = _spread(wide[~_known_already(wide, own, districts)], districts)
    spread = spread[~_near_own(spread, own)]
    table = pd.concat([own, spread], ignore_index=True) if len(spread) else own
    table = table.assign(episode_id=table["area"] + ":" + table["start"].dt.strftime("%Y-%m-%d"))
    return table.sort_values(["start", "district", "episode_id"], ignore_index=True)[COLUMNS]


def cells(
    episodes: pd.DataFrame,
    ucdp_episodes: pd.DataFrame,
    *,
    districts: pd.DataFrame | Collection[str],
    years: Iterable[int],
    require_death: bool = False,
    as_of: date | None = None,
) -> pd.DataFrame:
    """Count episodes by district and year, the uncertain ones as alternatives.

    Parameters
    ----------
    episodes
        What :func:`episodes` returned; the year of an episode is that of its start.
    ucdp_episodes
        Columns district, period, episodes and episodes_also_curated (with ``require_death``
        also deadly and deadly_also_curated), one row a district and year. An episode that
        the curated list has too, of whatever type, is not added again.
    districts, years
        The districts (codes, or a table indexed by them) and years to count.
    require_death
        Count of UCDP only the episodes with a death by its best figure.
    as_of
        Leave out years of UCDP that end after this day, since its figures are by year.

    Returns
    -------
    Columns district, period (year), count and weight, sorted; only cells that are not surely
    zero. The weights of a cell sum to 1: a cell with k certain episodes and one of weight w
    has the rows (k, 1 - w) and (k + 1, w); several uncertain ones are taken as independent.
    """
    codes = districts.index if isinstance(districts, pd.DataFrame) else pd.Index(list(districts))
    span = sorted(set(years))
    table = episodes.assign(period=pd.DatetimeIndex(episodes["start"]).year)
    table = table[table["district"].isin(codes) & table["period"].isin(span)]
    key = ["district", "period"]
    sure = table[table["weight"] >= 1].groupby(key).size()
    extra = _ucdp_only(ucdp_episodes, codes, span, require_death, as_of)
    base = sure.add(extra, fill_value=0).astype(np.int64)
    unsure = {
        cell: part["weight"].to_numpy(np.float64)
        for cell, part in table[table["weight"] < 1].sort_values("weight").groupby(key)
    }
    rows = [
        (district, period, int(base.get((district, period), 0)) + more, weight)
        for district, period in sorted(set(base[base > 0].index) | set(unsure))
        for more, weight in enumerate(_alternatives(unsure.get((district, period))))
    ]
    result = pd.DataFrame(rows, columns=["district", "period", "count", "weight"])
    return result.astype(
        {"district": "str", "period": np.int64, "count": np.int64, "weight": np.float64}
    )


def regimes(
    coverage: pd.DataFrame,
    countries: Iterable[str],
    years: Iterable[int],
    *,
    as_of: date | None = None,
) -> pd.DataFrame:
    """Say for each country and year which sources cover it.

    Parameters
    ----------
    coverage
        Columns source, country, period, coverage, from and until, as in ``coverage.csv``.
    countries, years
        What to list; a country and year absent from the table is not covered.
    as_of
        Where time stops, if before the end of the coverage.

    Returns
    -------
    Columns country, period, regime and exposure, in the order given. The regime is ``both``
    (UCDP and the curated list cover or partly cover), ``curated``, ``curated_partial``,
    ``ucdp`` or ``none``; in ``none`` a zero is missing. The exposure is the share of the
    year's days for which any source covers the country, 0 to 1.
    """
    table = coverage.assign(period=coverage["period"].astype(np.int64))
    wide = (
        table.set_index(["country", "period", "source"])["coverage"]
        .unstack("source", fill_value="none")
        .reindex(columns=["curated", "ucdp"], fill_value="none")
    )
    index = pd.MultiIndex.from_product([list(countries), list(years)], names=["country", "period"])
    wide = wide.reindex(index, fill_value="none")
    curated, ucdp = wide["curated"].to_numpy(), wide["ucdp"].to_numpy() != "none"
    regime = np.select(
        [ucdp & (curated != "none"), curated == "covered", curated == "partial", ucdp],
        ["both", "curated", "curated_partial", "ucdp"],
        "none",
    )
    exposure = _exposure(table, as_of).reindex(index, fill_value=0.0).to_numpy(np.float64)
    regime = np.where(exposure > 0, regime, "none")
    return index.to_frame(index=False).assign(regime=regime, exposure=exposure)


def chain(area: pd.Series, start: pd.Series, end: pd.Series) -> pd.Series:
    """Return the number of the chain, in its area, to which each report belongs.

    Parameters
    ----------
    area, start, end
        Of each report: its area, first and last day. One index for all three.

    Returns
    -------
    The number of each report's chain, with the index given; the order of reports does not
    change which of them share a chain.
    """
    table = pd.DataFrame({"area": area, "start": start, "end": end})
    table = table.sort_values(["area", "start", "end"])
    reach = table.groupby("area")["end"].cummax().shift()
    new = (table["area"] != table["area"].shift()) | (
        table["start"] - reach > pd.Timedelta(days=GAP_DAYS)
    )
    return new.cumsum().reindex(area.index)


def day_bounds(text: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return the first and last day that ISO dates can mean; months and years are allowed.

    A text that is no date gives NaT; timestamps are days already.
    """
    if pd.api.types.is_datetime64_any_dtype(text):
        day = text.dt.normalize()
        return day, day.copy()
    text = text.astype("string").str.strip()
    first = pd.to_datetime(text, format="%Y-%m-%d", errors="coerce")
    last = first.copy()
    for pattern, form, offset in (
        (r"\d{4}-\d{2}", "%Y-%m", pd.offsets.MonthEnd(0)),
        (r"\d{4}", "%Y", pd.offsets.YearEnd(0)),
    ):
        here = text.str.fullmatch(pattern).fillna(value=False).to_numpy(bool)
        if here.any():
            begin = pd.to_datetime(text[here], format=form, errors="coerce")
            first[here] = begin
            last[here] = begin + offset
    return first, last


def _reports(
    events: pd.DataFrame, districts: pd.DataFrame, types: Collection[str], as_of: date
) -> pd.DataFrame:
    missing = [name for name in _NEEDED if name not in events.columns]
    if missing:
        raise InvalidInput(
            Fault("events", f"the table has the columns {', '.join(_NEEDED)}",
                  f"without {', '.join(missing)}", "Add them.")
        )  # fmt: skip
    table = events[events["event_type"].isin(set(types))]
    first, sure = day_bounds(table["date_start"])
    _check_dates(table, first)
    ends = table.get("date_end", pd.Series("", index=table.index))
    _, last = day_bounds(ends)
    until = pd.Timestamp(as_of)
    low = _number(table, "fatalities_low")
    reports = pd.DataFrame(
        {
            "event_id": table["event_id"].astype("str"),
            "area": table["area_code"].astype("str"),
            "start": first,
            "end": np.minimum(last.where(last.notna(), sure).clip(lower=sure), until),
            "fatalities_best": _number(table, "fatalities_best").fillna(low),
            "group": table.get("episode_group", pd.Series("", index=table.index))
            .fillna("")
            .astype("str"),
        }
    )
    inside = reports["area"].isin(_members(districts).index)
    return reports[inside & (sure <= until)]


def _check_dates(table: pd.DataFrame, first: pd.Series) -> None:
    bad = table[first.isna()]
    if len(bad):
        raise InvalidInput(
            Fault(
                f"events, event {event}, column 'date_start'",
                "a date is written YYYY-MM-DD, or YYYY-MM where only the month is known",
                repr(text),
                "Mend the date or leave the row out.",
            )
            for event, text in zip(bad["event_id"], bad["date_start"], strict=True)
        )


def _number(table: pd.DataFrame, name: str) -> pd.Series:
    if name not in table.columns:
        return pd.Series(np.nan, index=table.index)
    return pd.to_numeric(table[name], errors="coerce").astype(np.float64)


def _merge(reports: pd.DataFrame) -> pd.DataFrame:
    """Join reports that chain in time, or share a group, in one area."""
    labels = chain(reports["area"], reports["start"], reports["end"]).to_numpy(np.int64)
    grouped = (reports["group"] != "").to_numpy(bool)
    if grouped.any():
        names = reports.loc[grouped, "area"] + "|" + reports.loc[grouped, "group"]
        groups, _ = pd.factorize(names)
        size = int(labels.max()) + 1
        nodes = size + int(groups.max()) + 1
        edges = coo_array(
            (np.ones(len(groups)), (labels[grouped], size + groups)), shape=(nodes, nodes)
        )
        _, component = connected_components(edges, directed=False)
        labels = component[labels]
    ordered = reports.assign(label=labels).sort_values(["start", "event_id"])
    by_label = ordered.groupby("label", sort=False)
    return by_label.agg(
        area=("area", "first"),
        start=("start", "min"),
        end=("end", "max"),
        event_ids=("event_id", tuple),
        fatalities_best=("fatalities_best", lambda deaths: deaths.sum(min_count=1)),
        groups=("group", lambda names: frozenset(names) - {""}),
    ).reset_index(drop=True)


def _members(districts: pd.DataFrame) -> pd.DataFrame:
    """List for each area (district, oblast, country) its districts and their shares."""
    people = districts["population"].astype(np.float64)
    parts = [pd.DataFrame({"area": districts.index, "district": districts.index, "weight": 1.0})]
    for level in ("oblast", "country"):
        area = districts[level]
        known = people.fillna(people.groupby(area).transform("mean")).fillna(1.0)
        weight = known / known.groupby(area).transform("sum")
        parts.append(
            pd.DataFrame({"area": area.to_numpy(), "district": districts.index, "weight": weight})
        )
    return pd.concat(parts, ignore_index=True).set_index("area")


def _known_already(
    wide: pd.DataFrame, own: pd.DataFrame, districts: pd.DataFrame
) -> NDArray[np.bool_]:
    """Mark wide episodes of which an episode of one of its districts is known to be part."""
    known = np.zeros(len(wide), dtype=bool)
    members = _members(districts)["district"]
    for position, row in enumerate(wide.itertuples()):
        if not row.groups:
            continue
        near = own[own["district"].isin(set(members.loc[[row.area]])) & _within(own, row)]
        known[position] = any(row.groups & groups for groups in near["groups"])
    return known


def _within(own: pd.DataFrame, row: object) -> pd.Series:
    gap = pd.Timedelta(days=GAP_DAYS)
    start, end = row.start, row.end  # type: ignore[attr-defined]
    return (own["start"] - end <= gap) & (start - own["end"] <= gap)


def _spread(wide: pd.DataFrame, districts: pd.DataFrame) -> pd.DataFrame:
    members = _members(districts)
    return wide.join(members, on="area").reset_index(drop=True)


def _near_own(spread: pd.DataFrame, own: pd.DataFrame) -> NDArray[np.bool_]:
    pairs = (
        spread[["district", "start", "end"]]
        .reset_index(names="row")
        .merge(own[["district", "start", "end"]], on="district", suffixes=("", "_own"))
    )
    gap = pd.Timedelta(days=GAP_DAYS)
    near = (pairs["start_own"] - pairs["end"] <= gap) & (pairs["start"] - pairs["end_own"] <= gap)
    return np.asarray(spread.index.isin(pairs.loc[near, "row"]), dtype=np.bool_)


def _ucdp_only(
    table: pd.DataFrame,
    codes: pd.Index,
    years: Collection[int],
    require_death: bool,
    as_of: date | None,
) -> pd.Series:
    number, also = (
        ("deadly", "deadly_also_curated")
        if require_death
        else ("episodes", "episodes_also_curated")
    )
    period = table["period"].astype(np.int64)
    keep = table["district"].isin(codes) & period.isin(list(years))
    if as_of is not None:
        keep &= period <= (as_of + pd.Timedelta(days=1)).year - 1
    part = table[keep].assign(period=period)
    count = part[number].astype(np.int64) - part[also].astype(np.int64)
    return count.groupby([part["district"], part["period"]]).sum()


def _alternatives(weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Return the probabilities of 0, 1, ... happening among independent episodes."""
    result = np.ones(1)
    for weight in weights if weights is not None else ():
        result = np.convolve(result, (1.0 - weight, weight))
    return result


def _exposure(table: pd.DataFrame, as_of: date | None) -> pd.Series:
    covered = table[table["coverage"] != "none"]
    begin = pd.to_datetime(covered["from"])
    until = pd.to_datetime(covered["until"])
    if as_of is not None:
        until = until.clip(upper=pd.Timestamp(as_of))
    days = ((until - begin).dt.days + 1).clip(lower=0)
    length = covered["period"].map(lambda y: 366 if pd.Timestamp(y, 1, 1).is_leap_year else 365)
    share = days / length
    return share.groupby([covered["country"], covered["period"]]).max()
