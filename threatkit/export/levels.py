"""Colours, names and limits of the levels, the same in every styled format."""

from dataclasses import dataclass

import pandas as pd

from threatkit.scores import LEVEL_LIMITS, LEVELS

_COLOURS = ("#eee6d6", "#e7b26b", "#c67102", "#963800", "#562224")
_NO_COLOUR = "#ffffff"
OUTLINE = "#6b6b6b"
NOT_ASSESSED = "not assessed"


@dataclass(frozen=True)
class LevelStyle:
    """How one level is shown; number is 0 for districts not assessed."""

    number: int
    colour: str
    label: str


def _labels() -> list[str]:
    limits = [f"{100 * limit:g}%" for limit in LEVEL_LIMITS]
    return [
        f"1: below {limits[0]}",
        *(f"{i + 2}: {limits[i]} to {limits[i + 1]}" for i in range(3)),
        f"5: {limits[3]} or more",
    ]


LEVEL_STYLES = (
    *(
        LevelStyle(number, colour, label)
        for number, colour, label in zip(LEVELS, _COLOURS, _labels(), strict=True)
    ),
    LevelStyle(0, _NO_COLOUR, NOT_ASSESSED),
)


def level_style(level: object) -> LevelStyle:
    """Return the style of a level; a missing one is not assessed."""
    number = 0 if pd.isna(level) else int(level)  # type: ignore[call-overload]
    return next(style for style in LEVEL_STYLES if style.number == number)
