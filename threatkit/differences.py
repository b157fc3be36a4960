"""What differs between the data of two runs: values, definitions, events, other tables."""

import pandas as pd

from threatkit.keptinputs import VALUES, KeptInputs

_KEY = ("package", "indicator", "area_level", "area_code", "period", "source_id")
_TOLD = ("value", "unit", "reliability", "credibility")


def differing_indicators(old: KeptInputs, new: KeptInputs) -> list[str]:
    """Return the indicators whose values or definitions differ, sorted."""
    changed = set(changed_values(old, new)["indicator"])
    names = {*old.definitions, *new.definitions}
    changed |= {n for n in names if old.definitions.get(n) != new.definitions.get(n)}
    return sorted(changed)


def same_table(old: KeptInputs, new: KeptInputs, name: str) -> bool:
    """Return whether both have a table with the same rows, in whatever order."""
    one, other = old.tables.get(name), new.tables.get(name)
    if one is None or other is None:
        return one is other
    return list(one) == list(other) and sorted(_texts(one)) == sorted(_texts(other))


def _texts(frame: pd.DataFrame) -> list[str]:
    return [repr(row) for row in frame.astype(object).itertuples(index=False, name=None)]


def changed_values(old: KeptInputs, new: KeptInputs) -> pd.DataFrame:
    """Return the values of indicators that were added, removed or changed.

    Columns package, indicator, area_level, area_code, period, source_id, change, before and
    after; the last two are texts of value, unit and grade.
    """
    return _changed(old.tables[VALUES], new.tables[VALUES], _KEY, _TOLD)


def changed_events(old: KeptInputs, new: KeptInputs) -> pd.DataFrame:
    """Return the events that were added, removed or changed; columns event_id, change."""
    found = [kept.tables.get("events", pd.DataFrame({"event_id": []})) for kept in (old, new)]
    told = tuple(dict.fromkeys(c for frame in found for c in frame if c != "event_id"))
    frames = [frame.reindex(columns=["event_id", *told]) for frame in found]
    return _changed(frames[0], frames[1], ("event_id",), told).drop(columns=["before", "after"])


def _changed(
    old: pd.DataFrame, new: pd.DataFrame, key: tuple[str, ...], told: tuple[str, ...]
) -> pd.DataFrame:
    before, after = _lines(old, key, told), _lines(new, key, told)
    rows = [
        (
            *at,
            "added" if at not in before else "removed" if at not in after else "changed",
            before.get(at, ""),
            after.get(at, ""),
        )
        for at in sorted({*before, *after})
        if before.get(at) != after.get(at)
    ]
    return pd.DataFrame(rows, columns=[*key, "change", "before", "after"], dtype="str")


def _lines(
    frame: pd.DataFrame, key: tuple[str, ...], told: tuple[str, ...]
) -> dict[tuple[str, ...], str]:
    """Return what a row says by its key; rows of one key are joined."""
    lines: dict[tuple[str, ...], list[str]] = {}
    for row in frame[[*key, *told]].astype(object).fillna("").itertuples(index=False, name=None):
        text = " ".join(str(value) for value in row[len(key) :] if value != "")
        lines.setdefault(tuple(map(str, row[: len(key)])), []).append(text)
    return {at: "; ".join(sorted(texts)) for at, texts in lines.items()}
