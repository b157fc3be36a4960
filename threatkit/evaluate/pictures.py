"""The pictures of a leaderboard: reliability, the PIT, and skill by origin."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator
from scipy.stats import beta

from threatkit.evaluate.backtest import HIGHER_IS_BETTER, REFERENCE, Backtest
from threatkit.evaluate.forecasters import MODEL
from threatkit.evaluate.proper import reliability_table
from threatkit.evaluate.stored import Stored
from threatkit.report.svg import INK, drawing, svg_text

WARM, COOL = "#c67102", "#5b82b5"
#: Forecasters in the pictures, each with its colour.
SHOWN = {MODEL: WARM, REFERENCE: COOL}
_FLOOR = 5e-4
_TICKS = (0.001, 0.01, 0.1, 1.0)


@dataclass(frozen=True)
class Picture:
    """A picture with what it shows.

    Attributes
    ----------
    key
        A name for files.
    title, caption
        What is seen, and how it was drawn.
    svg
        One element.
    """

    key: str
    title: str
    caption: str
    svg: str


def pictures(stored: Stored, made: Backtest, hindsight: str) -> list[Picture]:
    """Return the pictures of a backtest, one year ahead.

    Parameters
    ----------
    stored
        The backtest.
    made
        Its scored cells.
    hindsight
        Sentence that stands under every picture.
    """
    first = made.at(1)
    names = [name for name in SHOWN if name in set(first.cells["forecaster"])]
    if not names:
        return []
    with drawing():
        return [
            _reliability(first, names, hindsight),
            _pit(stored, names, hindsight),
            _by_origin(first, names, hindsight),
        ]


def _reliability(made: Backtest, names: Sequence[str], hindsight: str) -> Picture:
    canvas = Canvas(figsize=(8.9, 4.2))
    axes = canvas.subplots(1, 2, sharex=True, sharey=True)
    for axis, (label, part) in zip(axes, _parts(made), strict=True):
        axis.plot([_FLOOR, 1], [_FLOOR, 1], color=INK, linewidth=0.8, alpha=0.6)
        for place, name in enumerate(names):
            own = part.of(name)
            if own.empty:
                continue
            table = reliability_table(own["prob"].to_numpy(), own["event"].to_numpy())
            hits, misses = table["events"], table["cells"] - table["events"]
            lo, hi = (beta.ppf(q, hits + 0.5, misses + 0.5) for q in (0.05, 0.95))
            at = np.maximum(table["mean_prob"], _FLOOR) * (1.0 + 0.08 * place)
            axis.vlines(at, np.maximum(lo, _FLOOR), np.maximum(hi, _FLOOR), color=SHOWN[name])
            axis.plot(at, np.maximum(table["observed"], _FLOOR), "os"[place], color=SHOWN[name],
                      label=name)  # fmt: skip
        axis.set_title(label, loc="left", fontsize=11)
        for direction in ("x", "y"):
            getattr(axis, f"set_{direction}scale")("log")
            getattr(axis, f"set_{direction}lim")(_FLOOR, 1.3)
            getattr(axis, f"set_{direction}ticks")(_TICKS, [f"{100 * t:g}" for t in _TICKS])
            getattr(axis, f"set_{direction}ticks")([], minor=True)
        axis.set_xlabel("Forecast chance, in 100")
    axes[0].set_ylabel("Seen, in 100")
    axes[0].legend(loc="upper left", frameon=False)
    canvas.subplots_adjust(left=0.08, right=0.98, top=0.92, bottom=0.13, wspace=0.08)
    caption = (
        "Forecasts of an episode one year ahead, all origins. Mark: share seen in a band of "
        "forecasts; line: its interval of 90%, with cells taken as independent, so that it is too "
        f"short. On the slope, forecast and seen agree. {hindsight}"
    )
    return _finish(canvas, "reliability", "Was what was said as frequent as it was said?", caption)


def _pit(stored: Stored, names: Sequence[str], hindsight: str) -> Picture:
    canvas = Canvas(figsize=(8.9, 3.6))
    axes = canvas.subplots(1, 2)
    cells = {name: stored.pit(name) for name in names}
    for axis, (label, only) in zip(axes, (("All cells", False), ("Active cells", True)),
                                   strict=True):  # fmt: skip
        for name, frame in cells.items():
            rows = frame[frame["active"]] if only else frame
            bins = [column for column in frame.columns if isinstance(column, int)]
            share = rows[bins].mean(axis=0).to_numpy()
            axis.stairs(share * len(bins), np.linspace(0, 1, len(bins) + 1), color=SHOWN[name],
                        linewidth=1.8, label=name, baseline=None)  # fmt: skip
        axis.axhline(1.0, color=INK, linewidth=0.8, alpha=0.6)
        axis.margins(y=0.25)
        axis.set_title(label, loc="left", fontsize=11)
        axis.set_xlabel("PIT")
    axes[0].set_ylabel("Density; 1 if calibrated")
    axes[0].legend(loc="upper left", frameon=False)
    canvas.subplots_adjust(left=0.08, right=0.98, top=0.9, bottom=0.15, wspace=0.14)
    caption = (
        "Non-randomised histogram of the probability integral transform of counts, one year "
        "ahead, all origins. Nearly all cells are calm, so that the histogram over all of them is "
        "flat whatever one does: look at the active ones. High on the right: more came than was "
        f"expected. The upright axis does not begin at zero. {hindsight}"
    )
    return _finish(canvas, "pit", "Where in its forecast did the outcome fall?", caption)


def _by_origin(made: Backtest, names: Sequence[str], hindsight: str) -> Picture:
    canvas = Canvas(figsize=(8.9, 4.6))
    axes = canvas.subplots(2, 1, sharex=True)
    for axis, (score, label) in zip(
        axes, (("log_score", "log score"), ("crps", "CRPS")), strict=True
    ):
        _origin_bars(axis, made, score, names)
        axis.set_ylabel(f"{label}: better than\nthe {REFERENCE}", fontsize=10)
    axes[-1].set_xlabel("Year that was forecast")
    canvas.subplots_adjust(left=0.13, right=0.98, top=0.97, bottom=0.11, hspace=0.12)
    caption = (
        f"Score of the model less that of the {REFERENCE} in the same cells, by target year, one "
        "year ahead, in thousandths, turned so that up is better. One tall bar alone decides "
        f"nothing. {hindsight}"
    )
    return _finish(canvas, "origins", "In which years was the model better?", caption)


def _origin_bars(axis: Axes, made: Backtest, score: str, names: Sequence[str]) -> None:
    cell = ["origin", "horizon", "district"]
    sign = 1.0 if score in HIGHER_IS_BETTER else -1.0
    if len(names) < len(SHOWN):
        return
    one, other = (made.of(name).set_index(cell) for name in (MODEL, REFERENCE))
    joined = one[[score, "year"]].join(other[score].rename("base"), how="inner")
    less = 1000.0 * sign * (joined[score] - joined["base"])
    mean = less.groupby(joined["year"]).mean()
    colours = [WARM if value > 0 else COOL for value in mean]
    axis.bar(mean.index.to_numpy(), mean.to_numpy(), color=colours, width=0.7)
    axis.axhline(0.0, color=INK, linewidth=0.8)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))


def _parts(made: Backtest) -> list[tuple[str, Backtest]]:
    lively: pd.Series[bool] = made.cells["active"].astype(bool)
    return [("All cells", made), ("Active cells", made.where(lively))]


def _finish(canvas: Canvas, key: str, title: str, caption: str) -> Picture:
    text = svg_text(canvas, key=f"skill-{key}", title=title, caption=caption)
    return Picture(key, title, caption, text)
