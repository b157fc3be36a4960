"""The pictures of the report: each with its finding as title, and its numbers as CSV.

Lines and dots are labelled where they are and need no legend; colours are told apart by
colour-blind readers and in grey. What a run does not hold is not drawn.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from scipy.stats import beta

from threatkit.evaluate.proper import reliability_table
from threatkit.report.catalogue import Translator, mark
from threatkit.report.picture import (
    COOL,
    WARM,
    WIDTH,
    Drawn,
    Figure,
    canvas_of,
    finished,
    percent,
    short,
)
from threatkit.report.scatter import pillar_scatters
from threatkit.report.svg import INK, drawing
from threatkit.report.words import Phrases

__all__ = ["Drawn", "Figure", "figures"]

_MOST_RANKS = 25
_MOST_OBLASTS = 9
#: What the predictive check counts, as a reader calls it.
STATISTICS = {
    "episodes": mark("episodes in all"),
    "district-years with an episode": mark("district-years with an episode"),
    "districts with an episode": mark("districts with an episode"),
    "most episodes in a district and year": mark("most episodes in a district and year"),
    "most episodes in a district": mark("most episodes in a district"),
    "episodes in the busiest year": mark("episodes in the busiest year"),
    "share of episodes in the busiest 2 in 100 districts": mark(
        "share of episodes in the busiest 2 in 100 districts"
    ),
    "districts hit in two years running": mark("district-years hit two years running"),
}


def figures(run: Drawn, translator: Translator) -> list[Figure]:
    """Return the pictures that a run can show, in the order of the report."""
    phrases = Phrases(translator)
    with drawing():
        made = [
            rank_forest(run, phrases),
            *pillar_scatters(run, phrases),
            oblast_years(run, phrases),
            predictive(run, phrases),
            calibration(run, phrases),
        ]
    return [figure for figure in made if figure is not None]


def rank_forest(run: Drawn, phrases: Phrases) -> Figure | None:
    """Draw the interval of the place of the districts that stand highest."""
    say = phrases.say
    known = run.scores[run.scores["rank"].notna()].sort_values("rank")
    if known.empty:
        return None
    columns = ["rank", "rank_lo", "rank_hi"]
    frame = known[columns].astype(float).head(_MOST_RANKS)
    first = int((known["rank_lo"] == 1).sum())
    canvas, axes = canvas_of(1.1 + 0.26 * len(frame))
    y = np.arange(len(frame))[::-1]
    axes.hlines(y, frame["rank_lo"], frame["rank_hi"], color=COOL, linewidth=4)
    axes.plot(frame["rank"], y, "o", color=INK, markersize=5, linestyle="none")
    axes.set_xscale("log")
    axes.set_xlim(0.85, max(2.0, float(frame["rank_hi"].max()) * 2.2))
    _places(axes, say)
    for at, (_, row) in zip(y, frame.iterrows(), strict=True):
        ends = [say.number(row[name]) for name in ("rank_lo", "rank_hi")]
        axes.text(row["rank_hi"] * 1.06, at, "–".join(dict.fromkeys(ends)), va="center")
    axes.set_yticks(y, [short(run.names.get(str(c), str(c))) for c in frame.index])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(say.t("Place by chance; 1 is the highest"))
    canvas.subplots_adjust(left=0.27, right=0.97, top=0.99, bottom=0.75 / (1.1 + 0.26 * len(frame)))
    title = say.tn(
        "One district alone may hold the first place",
        "Any of {n} districts may hold the first place",
        first,
    )
    caption = say.t(
        "The {shown} districts that stand highest of {total}: dot, place by the mean chance; bar, "
        "{ci}% interval of the place.",
        shown=len(frame),
        total=len(known),
        ci=percent(run),
    )
    names = [run.names.get(str(code), str(code)) for code in known.index]
    told = known[columns].assign(name=names)[["name", *columns]]
    return finished(canvas, "ranks", title, caption, told)


def _places(axes: Axes, say: Translator) -> None:
    ticks = [tick for tick in (1, 3, 10, 30, 100, 300, 1000) if tick <= axes.get_xlim()[1]]
    axes.set_xticks(ticks, [say.number(tick) for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.grid(axis="x", color=INK, alpha=0.15, linewidth=0.6)
    axes.set_axisbelow(True)


def oblast_years(run: Drawn, phrases: Phrases) -> Figure | None:
    """Draw episodes by year in the oblasts that saw most, with what the model replicates."""
    say = phrases.say
    if run.series is None or run.series.empty:
        return None
    series = run.series[run.series["covered"]]
    total = series.groupby("oblast")["observed"].sum().sort_values(ascending=False, kind="stable")
    shown = [str(code) for code in total.index[:_MOST_OBLASTS] if total[code] > 0]
    if not shown:
        return None
    rows = -(-len(shown) // 3)
    canvas = Canvas(figsize=(WIDTH, 0.5 + 1.75 * rows))
    grid = canvas.subplots(rows, 3, sharex=True, sharey=True, squeeze=False).ravel()
    held = series[series["oblast"].isin(shown)]
    top = float(held[["observed", "hi"]].max().max()) + 1.2
    for axes, code in zip(grid, shown, strict=False):
        own = held[held["oblast"] == code]
        axes.fill_between(own["year"], own["lo"], own["hi"], color=COOL, alpha=0.3, linewidth=0)
        axes.plot(own["year"], own["expected"], color=COOL, linewidth=1.8)
        axes.vlines(own["year"], 0, own["observed"], color=WARM, linewidth=3)
        axes.text(0.0, 1.0, short(run.oblasts.get(code, code), 26), va="top", fontweight="bold",
                  transform=axes.transAxes)  # fmt: skip
        axes.set_ylim(0, top)
        axes.tick_params(length=2)
        years = [int(year) for year in own["year"]]
        ends = [years[0], years[len(years) // 2], years[-1]]
        axes.set_xticks(ends, [str(year) for year in ends])
        step = 2 if top < 9 else 5
        axes.set_yticks(range(0, int(top), step), [say.number(n) for n in range(0, int(top), step)])
    for axes in grid[len(shown) :]:
        axes.set_visible(False)
    canvas.subplots_adjust(left=0.05, right=0.98, top=0.97, bottom=0.3 / (0.5 + 1.75 * rows),
                           hspace=0.22, wspace=0.12)  # fmt: skip
    hit = series[series["observed"] > 0]
    inside = (hit["observed"] >= hit["lo"]) & (hit["observed"] <= hit["hi"])
    title = say.t(
        "{n} of {total} oblast-years with an episode lie within what the fitted model replicates",
        n=int(inside.sum()),
        total=len(hit),
    )
    caption = say.t(
        "Episodes a year in the {shown} oblasts that saw most: bars, observed; line and band, mean "
        "and {ci}% interval of replications. This checks the fit, not the forecast.",
        shown=len(shown),
        ci=percent(run),
    )
    return finished(canvas, "oblasts", title, caption, run.series)


def missed(check: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return which statistics lie outside the middle 90% of replications, by a run's record."""
    return [
        name
        for name, row in check.items()
        if not row["posterior_q05"] <= row["observed"] <= row["posterior_q95"]
    ]


def predictive(run: Drawn, phrases: Phrases) -> Figure | None:
    """Draw what was observed beside what the fitted model replicates, one row a statistic."""
    say = phrases.say
    if not run.check:
        return None
    frame = pd.DataFrame.from_dict(run.check, orient="index").rename_axis("statistic")
    ends = [f"posterior_q{q}" for q in ("05", "50", "95")]
    low, mid, high = (frame[name].to_numpy(dtype=float) for name in ends)
    seen = frame["observed"].to_numpy(dtype=float)
    scale = np.where(mid > 0, mid, 1.0)
    canvas, axes = canvas_of(0.9 + 0.36 * len(frame))
    y = np.arange(len(frame))[::-1]
    axes.hlines(y, low / scale, high / scale, color=COOL, linewidth=6, alpha=0.8)
    axes.plot(seen / scale, y, "D", color=WARM, markersize=6, linestyle="none",
              markeredgecolor=INK, markeredgewidth=0.8)  # fmt: skip
    right = max(float((high / scale).max()), float((seen / scale).max()))
    for at, values in zip(y, zip(seen, low, high, strict=True), strict=True):
        digits = 2 if 0 < values[2] <= 1 else 0
        text = [say.number(value, digits) for value in values]
        told = say.t("{seen} seen; {low} to {high}", seen=text[0], low=text[1], high=text[2])
        axes.text(right * 1.03, at, told, va="center")
    axes.set_xlim(0, right * 1.55)
    labels = [say.t(STATISTICS[str(n)]) if n in STATISTICS else str(n) for n in frame.index]
    axes.set_yticks(y, [_wrapped(label) for label in labels])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    ticks = [tick for tick in (0, 0.5, 1, 1.5, 2, 2.5, 3) if tick <= right]
    axes.set_xticks(ticks, [say.number(tick, 1) for tick in ticks])
    axes.grid(axis="x", color=INK, alpha=0.15, linewidth=0.6)
    axes.set_xlabel(say.t("Times the median of the replications"))
    canvas.subplots_adjust(left=0.34, right=0.99, top=0.98, bottom=0.62 / (0.9 + 0.36 * len(frame)))
    title = say.t(
        "{n} of {total} features of the past lie within what the model replicates",
        n=len(frame) - len(missed(run.check)),
        total=len(frame),
    )
    caption = say.t(
        "Posterior predictive check: diamond, observed; bar, middle 90% of replications by the "
        "fitted model. This checks the fit, not the forecast."
    )
    return finished(canvas, "predictive", title, caption, frame)


def calibration(run: Drawn, phrases: Phrases) -> Figure | None:
    """Draw what was forecast against what was seen, from the cells of a backtest."""
    say = phrases.say
    if run.cells is None or run.cells.empty:
        return None
    prob, event = (run.cells[name].to_numpy(dtype=float) for name in ("prob", "event"))
    frame = reliability_table(prob, event)
    hits, misses = frame["events"], frame["cells"] - frame["events"]
    frame["lo"] = beta.ppf(0.05, hits + 0.5, misses + 0.5)
    frame["hi"] = beta.ppf(0.95, hits + 0.5, misses + 0.5)
    canvas, axes = canvas_of(4.6)
    floor = max(float(min(frame["lo"].min(), frame["mean_prob"].min())) / 1.5, 1e-4)
    axes.plot([floor, 1], [floor, 1], color=INK, linewidth=0.8, alpha=0.6)
    axes.vlines(frame["mean_prob"], np.maximum(frame["lo"], floor), frame["hi"], color=COOL,
                linewidth=3)  # fmt: skip
    axes.plot(frame["mean_prob"], np.maximum(frame["observed"], floor), "o", color=WARM,
              markersize=7, markeredgecolor=INK, markeredgewidth=0.8)  # fmt: skip
    for row in frame.itertuples():
        seen, cells = say.number(float(row.events)), say.number(int(row.cells))
        axes.annotate(say.t("{n} of {total}", n=seen, total=cells), (row.mean_prob, row.hi),
                      xytext=(0, 4), textcoords="offset points", ha="center")  # fmt: skip
    for axis in ("x", "y"):
        getattr(axes, f"set_{axis}scale")("log")
        getattr(axes, f"set_{axis}lim")(floor, 1.6)
        ticks = [tick for tick in (0.001, 0.01, 0.03, 0.1, 0.3, 1.0) if tick >= floor]
        texts = [say.number(100 * tick, 1 if tick < 0.01 else 0) for tick in ticks]
        getattr(axes, f"set_{axis}ticks")(ticks, texts)
        getattr(axes, f"set_{axis}ticks")([], minor=True)
    axes.set_xlabel(say.t("Forecast chance, in 100"))
    axes.set_ylabel(say.t("Seen, in 100"))
    canvas.subplots_adjust(left=0.09, right=0.98, top=0.98, bottom=0.13)
    title = say.t(
        "District-years with an episode: {expected} expected, {observed} seen.",
        expected=round(prob.sum()),
        observed=round(event.sum()),
    ).removesuffix(".")
    caption = say.t(
        "Forecasts made one year ahead from the past alone. Dot, share seen in a band of "
        "forecasts; line, its 90% interval, with cells taken as independent; on the slope, "
        "forecast and seen agree."
    )
    return finished(canvas, "calibration", title, caption, frame)


def _wrapped(text: str, most: int = 34) -> str:
    """Break a label once, where it is long."""
    if len(text) <= most:
        return text
    at = text.rfind(" ", 0, most)
    return text if at < 0 else f"{text[:at]}\n{text[at + 1 :]}"
