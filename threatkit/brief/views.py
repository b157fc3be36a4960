"""The views of the map: what each shows, its classes and their counts, and what it found.

A view is data: for each district a class (or none), a hatch or none, and a text; so that the
script of the page paints and counts, and knows no rule. Exceedance and single draws, which move
under the reader's hand, are counted in the page from the draws themselves.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from threatkit.brief.findings import leading
from threatkit.brief.material import Material
from threatkit.brief.names import short
from threatkit.brief.quantise import scale_point
from threatkit.report.confidence import SETTLED
from threatkit.report.summary import LEVELS, level_counts
from threatkit.report.words import Phrases

#: Widths of the interval on the score of 0 to 10 (a level is 2 wide): narrow, wide, beyond.
NARROW, WIDE = 4.0, 5.0
#: Chance of lying in the highest tenth, between the classes of the place.
PLACES = (0.1, 0.5, 0.9)
#: Factors between the classes of a contribution.
FACTORS = (1 / 3, 0.8, 1.25, 3.0)
#: Changes of the chance, in parts of the earlier one, between the classes of the change.
CHANGES = (-0.33, -0.1, 0.1, 0.5)


@dataclass(frozen=True)
class Class:
    """A class of a view: its style, its label and, where it has one, its range."""

    style: str
    label: str
    note: str = ""

    def record(self) -> dict[str, str]:
        """Return the class as JSON types."""
        return {"style": self.style, "label": self.label, "note": self.note}


Rows = Sequence[Mapping[str, Any]]


def build_views(
    material: Material, rows: Rows, names: Mapping[str, str], parts: Sequence[str], phrases: Phrases
) -> list[dict[str, Any]]:
    """Return the views in the order of the tabs."""
    views = [
        _level(material, rows, phrases),
        _chance(material, rows, names, phrases),
        _exceedance(phrases),
        _certainty(rows, phrases),
        _place(rows, phrases),
        _reasons(rows, parts, phrases),
    ]
    if material.changes is not None:
        views.append(_change(rows, phrases))
    return [*views, _draws(phrases)]


def _view(
    key: str,
    label: str,
    rows: Rows,
    classes: Sequence[Class],
    sort: Callable[[Mapping[str, Any]], tuple[int, int]],
    **more: Any,
) -> dict[str, Any]:
    """Return a view with the class and hatch of each district: -1 for no class."""
    sorted_ = [sort(row) if row["level"] is not None else (-1, 0) for row in rows]
    return {
        "key": key,
        "label": label,
        "classes": [item.record() for item in classes],
        "of": [number for number, _ in sorted_],
        "hatch": [hatch for _, hatch in sorted_],
        **more,
    }


def assessed(rows: Rows) -> list[Mapping[str, Any]]:
    """Return the rows of districts that are assessed."""
    return [row for row in rows if row["level"] is not None]


def level_classes(phrases: Phrases) -> list[Class]:
    """Return the five levels."""
    t = phrases.say.t
    return [Class(f"k{n}", t("Level {n}", n=n), phrases.level_range(n)) for n in LEVELS]


def _level(material: Material, rows: Rows, phrases: Phrases) -> dict[str, Any]:
    known = assessed(rows)
    unsettled = sum(row["sure"] < SETTLED for row in known)
    t = phrases.say.t
    return _view(
        "level",
        t("Level"),
        rows,
        level_classes(phrases),
        lambda row: (row["level"] - 1, int(row["sure"] < SETTLED)),
        finding=t(
            "In {n} of {total} districts the level is not settled", n=unsettled, total=len(known)
        ),
        meaning=t(
            "Chance of at least one episode, by level. Hatched: the level shown holds under 60 "
            "of 100 draws. Counted over all draws, with interval."
        ),
        counts=_level_bands(material, phrases),
    )


def _level_bands(material: Material, phrases: Phrases) -> list[list[Any]]:
    """Return for each level the mean number of districts and people, and their intervals."""
    if not material.codes:
        return []
    counts = level_counts(material.prob, material.people(), ci_prob=material.summary.facts.ci_prob)
    number = phrases.say.number
    rows = []
    for level in LEVELS:
        row = counts.loc[level]
        people = [row["people_mean"] / 1e6, row["people_lo"] / 1e6, row["people_hi"] / 1e6]
        digits = 1 if people[2] < 100 else 0
        rows.append(
            [
                round(float(row["mean"]), 1),
                f"{number(row['lo'])}–{number(row['hi'])}",
                round(float(people[0]), 2),
                f"{number(people[1], digits)}–{number(people[2], digits)}",
            ]
        )
    return rows


def _chance(
    material: Material, rows: Rows, names: Mapping[str, str], phrases: Phrases
) -> dict[str, Any]:
    t, order = phrases.say.t, leading(material)
    steps = 20
    top = {row["code"]: row for row in rows}.get(order[0]) if order else None
    told = (
        t("{name} has the highest chance: {chance}", name=short(names[order[0]]),
          chance=top["chance"])
        if top is not None
        else t("No district could be assessed")
    )  # fmt: skip
    return _view(
        "chance",
        t("Chance"),
        rows,
        [Class(f"c{n}", "") for n in range(steps)],
        lambda row: (min(steps - 1, int(scale_point(row["p"][0]) / 100 * steps)), 0),
        finding=told,
        meaning=t(
            "Chance of at least one episode by {end}, mean over all draws, on an even scale.",
            end=phrases.say.date(material.summary.facts.end),
        ),
        ticks=[
            [20 * (n + 1), phrases.say.t("{n} in 100", n=limit)]
            for n, limit in enumerate((1, 3, 10, 25))
        ],
    )


def _exceedance(phrases: Phrases) -> dict[str, Any]:
    t = phrases.say.t
    labels = [
        t("under 10 in 100 draws"),
        t("10 to 33"),
        t("33 to 67"),
        t("67 to 90"),
        t("90 or more"),
    ]
    return {
        "key": "above",
        "label": t("Threshold"),
        "classes": [Class(f"e{i + 1}", text).record() for i, text in enumerate(labels)],
        "limits": [0.1, 1 / 3, 2 / 3, 0.9],
        "meaning": t(
            "How many of 100 draws lie at or above the threshold. Drag it, or use the arrow keys."
        ),
    }


def _width(row: Mapping[str, Any]) -> float:
    return float(row["s"][2] - row["s"][1]) / 10


def _certainty(rows: Rows, phrases: Phrases) -> dict[str, Any]:
    t, known = phrases.say.t, assessed(rows)

    def sort(row: Mapping[str, Any]) -> tuple[int, int]:
        level, width = row["level"], _width(row)
        if width < NARROW:
            return level - 1, 0
        if width < WIDE:
            return 5 + (0 if level <= 2 else 1 if level == 3 else 2), 0
        return 8, 0

    wide = sum(_width(row) >= WIDE for row in known)
    classes = [
        *(Class(f"k{n}", t("level {n}", n=n)) for n in LEVELS),
        Class("v1", t("level 1 or 2")),
        Class("v2", t("about level 3")),
        Class("v3", t("level 4 or 5")),
        Class("v4", t("hardly known")),
    ]
    return _view(
        "certainty",
        t("Certainty"),
        rows,
        classes,
        sort,
        finding=t(
            "In {n} of {total} districts the interval spans more than half of the score",
            n=wide,
            total=len(known),
        ),
        meaning=t(
            "The less certain, the fewer colours. The interval on the score of 0 to 10 is under "
            "4 wide (all levels told apart), under 5, or wider."
        ),
        bands=[t("interval under 4"), t("4 to 5"), t("5 or wider")],
    )


def _place(rows: Rows, phrases: Phrases) -> dict[str, Any]:
    t, known = phrases.say.t, assessed(rows)
    sure = sum(row["top"] >= PLACES[2] for row in known)
    may = sum(PLACES[0] <= row["top"] < PLACES[2] for row in known)
    classes = [
        Class("e1", t("under 10 in 100")),
        Class("e2", t("10 to 50")),
        Class("e4", t("50 to 90")),
        Class("e5", t("90 or more")),
    ]
    return _view(
        "place",
        t("Place"),
        rows,
        classes,
        lambda row: (int(np.searchsorted(PLACES, row["top"], side="right")), 0),
        finding=t(
            "{n} districts are surely among the highest tenth; {may} may be", n=sure, may=may
        ),
        meaning=t(
            "Chance of a place among the highest tenth. Point at a district for its place with "
            "interval; outlined: places that overlap with it."
        ),
        overlap=True,
    )


def _reasons(rows: Rows, parts: Sequence[str], phrases: Phrases) -> dict[str, Any]:
    t, known = phrases.say.t, assessed(rows)
    labels = (
        t("a third or less"),
        t("⅓ to 0.8 times"),
        t("about the same"),
        t("1.25 to 3 times"),
        t("3 times or more"),
    )
    choices = []
    for number, part in enumerate(parts):
        up = sum(row["parts"][number][1] > 0 for row in known)
        down = sum(row["parts"][number][2] < 0 for row in known)
        choices.append(
            {
                "label": phrases.part(part),
                "finding": t(
                    "{part}: goes with more in {up}, with less in {down} of {total} districts",
                    part=phrases.part(part),
                    up=up,
                    down=down,
                    total=len(known),
                ),
            }
        )
    return {
        "key": "reasons",
        "label": t("Reasons"),
        "classes": [Class(f"d{i + 1}", label).record() for i, label in enumerate(labels)],
        "factors": [round(float(np.log(x)), 4) for x in FACTORS],
        "choices": choices,
        "meaning": t(
            "Times the usual number of episodes; counted where the whole interval lies on one "
            "side. Hatched: set by assumption."
        ),
    }


def _change(rows: Rows, phrases: Phrases) -> dict[str, Any]:
    t = phrases.say.t
    known = [row for row in assessed(rows) if row["change"] is not None]
    real = sum(row["change"][3] for row in known)

    def sort(row: Mapping[str, Any]) -> tuple[int, int]:
        if row["change"] is None:
            return -1, 0
        moved = row["change"][1]
        before = max(row["p"][0] - moved, 1e-6)
        number = int(np.searchsorted(CHANGES, moved / before, side="right"))
        return number, int(not row["change"][3])

    labels = (
        t("a third less or lower"),
        t("lower by a tenth or more"),
        t("about the same"),
        t("higher by a tenth or more"),
        t("half as much again or higher"),
    )
    return _view(
        "change",
        t("Change"),
        rows,
        [Class(f"d{i + 1}", label) for i, label in enumerate(labels)],
        sort,
        finding=t(
            "In {n} of {total} districts the chance changed by more than noise",
            n=real,
            total=len(known),
        ),
        meaning=t("Change of the chance since the earlier run. Hatched: within the noise."),
    )


def _draws(phrases: Phrases) -> dict[str, Any]:
    t = phrases.say.t
    return {
        "key": "draws",
        "label": t("Draws"),
        "classes": [item.record() for item in level_classes(phrases)],
        "meaning": t(
            "Each draw is one map that the data allow. Step through them: what stays is known, "
            "what flickers is not."
        ),
    }
