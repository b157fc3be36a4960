"""What the first screen says: the finding, the districts that matter, what changed, how good."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from threatkit.brief.districts import change_text
from threatkit.brief.material import Material
from threatkit.brief.names import LONGEST, clean, short
from threatkit.brief.skill import Difference
from threatkit.report.catalogue import SOURCE, mark
from threatkit.report.shapes import Plane
from threatkit.report.summary import LEVEL_LIMITS, PARTS
from threatkit.report.words import COUNTRIES, Phrases, capital
from threatkit.scores import interval

LEADERS = 2
MATTER = 5
_TOLD_CHANGES = 2


def limit_counts(material: Material) -> list[tuple[float, int, int]]:
    """Return for each limit of the levels, the highest first, the interval of the districts."""
    rows = []
    for limit in reversed(LEVEL_LIMITS):
        count = (material.prob >= limit).sum(axis=1)
        lo, hi = interval(count[:, None].astype(float), material.summary.facts.ci_prob)
        rows.append((limit, int(np.floor(lo[0])), int(np.ceil(hi[0]))))
    return rows


def title(material: Material, names: Mapping[str, str], phrases: Phrases) -> str:
    """Return the finding: how many districts reach a limit, and which most likely."""
    return phrases.headline(
        limit_counts(material),
        len(material.codes),
        [short(names[code]) for code in leading(material)[:LEADERS]],
        months=material.summary.facts.horizon_months,
    )


def leading(material: Material) -> list[str]:
    """Return the assessed districts by mean chance, the highest first."""
    scores = material.summary.scores.loc[list(material.codes)]
    return [str(c) for c in scores.sort_values("event_prob", ascending=False, kind="stable").index]


def rules(material: Material, plane: Plane, phrases: Phrases) -> list[dict[str, Any]]:
    """Return the lists of five districts by each rule that a reader may choose.

    Returns
    -------
    One entry a rule: its key, label and explanation, and rows of code, figure and reason.
    """
    t = phrases.say.t
    months = material.summary.facts.horizon_months
    found = [
        {
            "key": "chance",
            "label": t("by chance"),
            "text": t("Highest chance of at least one episode in {n} months.", n=months),
            "rows": _by_chance(material, plane, phrases),
        },
        {
            "key": "people",
            "label": t("by people exposed"),
            "text": t("Most people times chance: who would live where an episode happens."),
            "rows": _by_people(material, plane, phrases),
        },
    ]
    if material.changes is not None:
        found.append(
            {
                "key": "change",
                "label": t("by change"),
                "text": t("Largest change of the chance that is more than noise; others after."),
                "rows": _by_change(material, plane, phrases),
            }
        )
    return found


def _reason(row: "pd.Series[Any]", phrases: Phrases) -> str:
    parts = [p for p in PARTS if f"contribution_{p}" in row.index]
    return phrases.reasons([(part, float(row[f"contribution_{part}"])) for part in parts])


def _by_chance(material: Material, plane: Plane, phrases: Phrases) -> list[list[str]]:
    scores = material.summary.scores
    codes = [code for code in leading(material) if code not in plane.hosts][:MATTER]
    return [
        [
            code,
            phrases.chance(
                *(float(scores.loc[code, f"event_prob{end}"]) for end in ("", "_lo", "_hi"))
            ),
            _reason(scores.loc[code], phrases),
        ]
        for code in codes
    ]


def _by_people(material: Material, plane: Plane, phrases: Phrases) -> list[list[str]]:
    scores, people = material.summary.scores, material.people()
    mean = np.nan_to_num(material.prob.mean(axis=0) * people, nan=-1.0)
    rows: list[list[str]] = []
    for i in np.argsort(-mean, kind="stable"):
        code = material.codes[i]
        if code in plane.hosts or len(rows) == MATTER or mean[i] < 0:
            continue
        lo, hi = interval(material.prob[:, [i]] * people[i], material.summary.facts.ci_prob)
        figure = phrases.say.t(
            "{n} people ({low} to {high})",
            n=phrases.rough(float(mean[i])),
            low=phrases.rough(float(lo[0])),
            high=phrases.rough(float(hi[0])),
        )
        chance = phrases.chance(
            *(float(scores.loc[code, f"event_prob{end}"]) for end in ("", "_lo", "_hi"))
        )
        why = phrases.say.t(
            "{people} live here; chance {chance}",
            people=phrases.rough(float(people[i])),
            chance=chance,
        )
        rows.append([code, figure, why])
    return rows


def changed(material: Material, plane: Plane) -> pd.DataFrame:
    """Return the changes of shown districts: more than noise first, the largest first."""
    assert material.changes is not None  # noqa: S101  the callers ask first
    frame = material.changes[~material.changes.index.isin(list(plane.hosts))]
    order = np.lexsort((-frame["change"].abs(), ~frame["more_than_noise"].astype(bool)))
    return frame.iloc[order]


def _by_change(material: Material, plane: Plane, phrases: Phrases) -> list[list[str]]:
    rows = []
    for code, row in changed(material, plane).head(MATTER).iterrows():
        part = row["part"]
        why = moved(row, phrases)
        if isinstance(part, str):
            why = phrases.say.t(
                "{moved}; most in: {part}", moved=why, part=phrases.part_inside(part)
            )
        rows.append([str(code), change_text(row, phrases), why])
    return rows


def moved(row: "pd.Series[Any]", phrases: Phrases) -> str:
    """Return how likely it is that the chance rose or fell, or that this is noise."""
    t, rise = phrases.say.t, float(row["rise_prob"])
    if not bool(row["more_than_noise"]):
        return t("within the noise")
    word = phrases.likelihood(max(rise, 1 - rise))
    if rise > 0.5:
        return t("rose ({word})", word=word)
    return t("fell ({word})", word=word)


def what_changed(
    material: Material, plane: Plane, names: Mapping[str, str], phrases: Phrases
) -> list[str]:
    """Return what the first screen says of the change since the previous run."""
    t = phrases.say.t
    if material.changes is None:
        return [t("No earlier run was given to compare with.")]
    frame = changed(material, plane)
    real = frame[frame["more_than_noise"].astype(bool)]
    lines = [
        t(
            "{name} {moved}: {change}.",
            name=short(names[str(code)]),
            moved=moved(row, phrases),
            change=change_text(row, phrases),
        )
        for code, row in real.head(_TOLD_CHANGES).iterrows()
    ]
    lines.append(
        t(
            "In {n} of {total} districts the change is within the noise.",
            n=len(frame) - len(real),
            total=len(frame),
        )
    )
    return lines


def how_good(material: Material, phrases: Phrases) -> list[str]:
    """Return what the first screen says of past forecasts, without any claim beyond them."""
    t, skill = phrases.say.t, material.skill
    ahead = how_ahead(material, phrases)
    if skill is None:
        return [
            ahead,
            t(
                "On past years, with a list made in hindsight, the default model could not be "
                "told apart from a district’s own past frequency."
            ),
        ]
    verdicts = {item.verdict for item in skill.differences}
    if verdicts == {"better"}:
        first = t("Better than past frequency, by every score.")
    elif "better" in verdicts and "worse" not in verdicts:
        first = t("Better than past frequency by some scores; by others not to be told apart.")
    elif "worse" in verdicts:
        first = t("Worse than past frequency by at least one score.")
    else:
        first = t("Not to be told apart from past frequency.")
    lines = [first, "; ".join(difference_text(item, phrases) for item in skill.differences) + "."]
    if skill.expected is not None and skill.observed is not None:
        lines.append(
            t(
                "District-years with an episode: {expected} expected, {observed} seen.",
                expected=round(skill.expected),
                observed=round(skill.observed),
            )
        )
    return [*lines, ahead]


def how_ahead(material: Material, phrases: Phrases) -> str:
    """Return how forecasts did that were frozen before their time, in one sentence."""
    t, frozen = phrases.say.t, material.frozen
    if frozen is None or not frozen.forecasts:
        return t("Not yet measured on forecasts made before their time.")
    if not frozen.scored:
        return t(
            "Forecasts frozen before their time: {n}. None can be scored yet.", n=frozen.forecasts
        )
    return t(
        "Forecasts frozen before their time: {n}, scored so far: {scored}. Districts with an "
        "episode: {expected} expected, {observed} seen.",
        n=frozen.forecasts,
        scored=frozen.scored,
        expected=phrases.say.number(frozen.expected, 0 if frozen.expected >= 10 else 1),
        observed=phrases.say.number(frozen.observed),
    )


#: How a note of a run begins -> what a reader is told. Other notes are shown as they are.
_NOTES = {
    "no episode in the years covered": mark(
        "No episode of violence is on record in the years covered. How low the chances are, and "
        "every difference between districts, comes from assumptions of the model, not from data."
    ),
}


def notes(material: Material, phrases: Phrases) -> list[tuple[str, str]]:
    """Return what a reader must know of the run first: each note with its language."""
    told = []
    for note in map(str, material.record.get("notes") or ()):
        own = next((text for start, text in _NOTES.items() if note.startswith(start)), None)
        if own is not None:
            told.append((phrases.say.t(own), phrases.say.lang))
        else:
            told.append((capital(clean(note, 400)).rstrip(".") + ".", SOURCE))
    return told


def score_name(score: str, phrases: Phrases) -> str:
    """Return what a score is called."""
    t = phrases.say.t
    return {"log score": t("log score"), "Brier": t("Brier score"), "CRPS": t("CRPS")}[score]


def difference_text(item: Difference, phrases: Phrases) -> str:
    """Return a difference in thousandths with its interval; above zero is better."""
    diff, lo, hi = (_signed(x, phrases) for x in (item.diff, item.lo, item.hi))
    return phrases.say.t(
        "{score} {diff} thousandths ({low} to {high})",
        score=score_name(item.score, phrases),
        diff=diff,
        low=lo,
        high=hi,
    )


def _signed(value: float, phrases: Phrases) -> str:
    sign = "+" if value >= 0 else "−"
    return f"{sign}{phrases.say.number(abs(value), 1)}"


def not_for(phrases: Phrases) -> list[str]:
    """Return what the report must not be used for."""
    t = phrases.say.t
    return [
        t("Decisions about a person, a family or a community: it scores areas."),
        t("The date or place of an attack: it gives a chance for a whole period."),
        t("Proof of a cause: official “extremism” counts also cover peaceful dissent."),
        t("Ranking two districts whose intervals overlap."),
    ]


def kicker(material: Material, phrases: Phrases) -> str:
    """Return the line above the title: region, districts, period."""
    summary = material.summary
    t, facts = phrases.say.t, summary.facts
    return t(
        "{region} · {n} of {total} districts assessed · {start} to {end} · known up to {as_of}",
        region=region_name(material, phrases),
        n=len(material.codes),
        total=len(summary.districts),
        start=phrases.say.date(facts.start),
        end=phrases.say.date(facts.end),
        as_of=phrases.say.date(facts.as_of),
    )


def compared_date(material: Material, phrases: Phrases) -> str:
    """Return the date up to which the earlier run knew; empty without one."""
    known = material.previous.get("as_of")
    return phrases.say.date(date.fromisoformat(str(known))) if known else ""


def region_name(material: Material, phrases: Phrases, *, short: bool = False) -> str:
    """Return the name of the region in the reader's language."""
    t, region = phrases.say.t, material.summary.region
    if region == "Central Asia and the Fergana Valley":
        return t("Central Asia") if short else t("Central Asia and the Fergana Valley")
    if region == "Fergana Valley":
        return t("Fergana Valley")
    codes = {name: code for code, name in COUNTRIES.items()}
    return phrases.country(codes[region]) if region in codes else clean(region, LONGEST)
