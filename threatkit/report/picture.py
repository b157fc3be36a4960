"""What the pictures of a report share: what they are drawn from, and what they become."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from threatkit.csvtext import frame_text
from threatkit.report.svg import svg_text

#: Of at least 3 to 1 against white and against black, and different in lightness.
WARM, COOL = "#c67102", "#5b82b5"
#: Of every picture, in inches of 72 units.
WIDTH = 8.9


@dataclass(frozen=True)
class Figure:
    """A picture of the report.

    Attributes
    ----------
    id
        A name for files and anchors.
    title, caption
        The finding, and what is drawn.
    svg, csv
        The picture and its numbers.
    """

    id: str
    title: str
    caption: str
    svg: str
    csv: str


@dataclass(frozen=True)
class Drawn:
    """What the pictures of a run are drawn from.

    Attributes
    ----------
    scores
        Index district; the columns of the published schema ``scores``.
    names, oblasts
        District and oblast -> name in the reader's language.
    ci_prob
        Mass of the intervals.
    check
        Statistic -> observed, posterior_q05, posterior_q50, posterior_q95, as ``run.json``
        keeps them; empty where the run has none.
    values
        Newest indicator values: area_level, area_code, indicator, title, pillar, value, unit.
    series
        See `threatkit.report.series.oblast_series`; None where it cannot be made.
    cells
        Scored cells of a backtest of the model: prob (told) and event (seen, 0 to 1); None
        without a backtest.
    """

    scores: pd.DataFrame
    names: Mapping[str, str]
    oblasts: Mapping[str, str]
    ci_prob: float
    check: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    values: pd.DataFrame | None = None
    series: pd.DataFrame | None = None
    cells: pd.DataFrame | None = None


def finished(canvas: Canvas, key: str, title: str, caption: str, frame: pd.DataFrame) -> Figure:
    """Return a drawn canvas as a picture with its numbers."""
    svg = svg_text(canvas, key=key, title=title, caption=caption)
    return Figure(key, title, caption, svg, frame_text(frame, name=key))


def canvas_of(height: float) -> tuple[Canvas, Axes]:
    """Return a canvas of the common width, its height in inches, and its one pair of axes."""
    canvas = Canvas(figsize=(WIDTH, height))
    return canvas, canvas.add_subplot()


def percent(run: Drawn) -> int:
    """Return the mass of the intervals, in 100."""
    return round(100 * run.ci_prob)


def short(text: str, most: int = 28) -> str:
    """Return a name that fits; one that is too long ends in dots, and is whole in the CSV."""
    clean = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    clean = clean.replace("$", "\\$")
    return clean if len(clean) <= most else f"{clean[: most - 1]}…"
