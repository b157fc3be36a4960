"""The figures of ``docs/model.md``: each takes arrays or frames and returns SVG text."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import gaussian_kde

from threatkit.evaluate.predictive import LIMITS, OTHER, SAME, Checked
from threatkit.evaluate.rankplot import plain_svg
from threatkit.model.priors import Prior

FloatArray = NDArray[np.float64]

BLUE, RED, GREY, PALE = "#4d6a8a", "#b2182b", "#888888", "#d9d9d9"
SETTINGS: Mapping[str, Any] = {
    "svg.hashsalt": "threatkit",
    "svg.fonttype": "none",
    "font.size": 8.0,
    "axes.titlesize": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
#: So many draws are shown as points.
MOST_POINTS = 300


@contextmanager
def _settings() -> Iterator[None]:
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(SETTINGS)  # type: ignore[arg-type]
        yield


def _grid(
    rows: int, columns: int, height: float, *, sharex: bool = False, sharey: bool = False
) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(9, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=sharex, sharey=sharey)
    return figure, list(axes.ravel())


def digits(value: float) -> str:
    """Return three digits, or all before the point."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def expected_years(
    regions: Mapping[str, tuple[FloatArray, FloatArray, FloatArray]],
) -> str:
    """Return distributions of episodes a year: before data, after, and as seen.

    Parameters
    ----------
    regions
        Region -> episodes of simulated years before and after the fit, and of the years seen.
    """
    with _settings():
        figure, axes = _grid(1, len(regions), 2.8, sharey=True)
        for axis, (name, sets) in zip(axes, regions.items(), strict=True):
            for values, colour, label in zip(
                sets, (GREY, BLUE, RED), ("before data", "after", "years seen"), strict=True
            ):
                at, count = np.unique(values, return_counts=True)
                share = count.cumsum() / count.sum()
                axis.step(at, share, where="post", color=colour, linewidth=1.6, label=label)
            axis.set_xscale("symlog", linthresh=10, linscale=1.0)
            axis.set_xlim(0, 3000)
            axis.set_xticks(
                [0, 5, 10, 30, 100, 300, 1000], ["0", "5", "10", "30", "100", "300", "1000"]
            )
            axis.set_title(name)
            axis.set_xlabel("episodes a year")
        axes[0].set_ylabel("share of years with at most so many")
        axes[0].legend(frameon=False, loc="lower right")
        return plain_svg(figure)


def years_by_country(checked: Checked, countries: Sequence[str], years: FloatArray) -> str:
    """Return episodes by country and year: seen, and the intervals of both replications."""
    tail = 100 * (1 - checked.ci_prob) / 2
    with _settings():
        figure, axes = _grid(2, 3, 4.6, sharex=True)
        for number, axis in enumerate(axes):
            whole = number == len(countries)
            seen, same, other = (
                values.sum(axis=1) if whole else values[:, number]
                for values in (checked.observed, checked.made[SAME], checked.made[OTHER])
            )
            low, high = np.percentile(same, [tail, 100 - tail], axis=0)
            axis.fill_between(years, low, high, color=BLUE, alpha=0.3, linewidth=0, step="mid")
            for edge in np.percentile(other, [tail, 100 - tail], axis=0):
                axis.step(years, edge, where="mid", color=GREY, linewidth=0.8)
            axis.vlines(years, 0, seen.mean(axis=0), color=RED, linewidth=2.5)
            axis.set_title("all" if whole else countries[number])
            axis.set_ylim(0)
        figure.supylabel("episodes")
        return plain_svg(figure)


def features(table: pd.DataFrame) -> str:
    """Return p-values of all features, both kinds of replication, with the figures beside."""
    with _settings():
        figure, (axis,) = _grid(1, 1, 0.7 + 0.21 * len(table))
        y = np.arange(len(table))[::-1]
        for low, high in ((0, LIMITS[0]), (LIMITS[1], 1)):
            axis.axvspan(low, high, color=PALE, linewidth=0)
        axis.plot(table[f"{SAME}_p"], y, "o", color=BLUE, markersize=5, label="same years")
        axis.plot(table[f"{OTHER}_p"], y, "D", color=RED, markersize=5, markerfacecolor="none",
                  label="other years")  # fmt: skip
        axis.set_yticks(y, [f"{name} ({row['about']})" for name, row in table.iterrows()])
        axis.tick_params(axis="y", length=0)
        for at, (_, row) in zip(y, table.iterrows(), strict=True):
            told = [digits(row[key]) for key in ("observed", f"{OTHER}_lo", f"{OTHER}_hi")]
            axis.text(1.03, at, f"{told[0]} seen; {told[1]} to {told[2]}", va="center")
        axis.set_xlim(0, 1)
        axis.set_xlabel("p: probability that replications have more of it than was seen")
        axis.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
        return plain_svg(figure)


def shapes(checked: Checked, tail: Mapping[str, FloatArray], shown: Sequence[str]) -> str:
    """Return the tail of districts, Moran's I by draw, and histograms of some features.

    Parameters
    ----------
    checked
        The checks.
    tail
        ``least`` -> numbers of episodes, ``seen`` and, for each kind of replication, shape
        (S, number): districts with so many or more.
    shown
        Features of the histograms.
    """
    with _settings():
        figure, axes = _grid(2, 3, 4.8)
        at = tail["least"]
        low, high = np.percentile(tail[OTHER], [5, 95], axis=0)
        axes[0].fill_between(at, np.maximum(low, 0.5), np.maximum(high, 0.5), color=BLUE,
                             alpha=0.3, linewidth=0)  # fmt: skip
        axes[0].plot(at, np.maximum(tail["seen"].mean(axis=0), 0.5), "o-", color=RED, markersize=3)
        axes[0].set_yscale("log")
        axes[0].set_xticks([1, 5, 10, 15])
        axes[0].set_yticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
        axes[0].set_yticks([], minor=True)
        axes[0].set_title("districts with so many episodes or more")
        name = "Moran's I of residuals"
        real, made = checked.seen[name], checked.replicated[SAME][name]
        points = slice(0, MOST_POINTS)
        axes[1].plot(real[points], made[points], "o", color=BLUE, markersize=2, alpha=0.5)
        ends = [min(real.min(), made.min()), max(real.max(), made.max())]
        axes[1].plot(ends, ends, color=GREY, linewidth=0.8)
        axes[1].set_xlabel("of the data")
        axes[1].set_ylabel("replicated, same years")
        axes[1].set_title(f"{name}, by draw")
        for axis, feature in zip(axes[2:], shown, strict=True):
            values = {kind: checked.replicated[kind][feature] for kind in (SAME, OTHER)}
            seen = float(np.median(checked.seen[feature]))
            top = max(seen, *(float(np.quantile(part, 0.995)) for part in values.values()))
            whole = all(float(v).is_integer() for v in values[SAME][:20])
            step = max(1.0, np.ceil(top / 40)) if whole else (top or 1.0) / 30
            bins = np.arange(-0.5 if whole else 0.0, top + 2 * step, step)
            for kind, colour in ((SAME, BLUE), (OTHER, GREY)):
                count, edges = np.histogram(values[kind], bins=bins)
                axis.stairs(count, edges, color=colour, linewidth=1.2, label=f"{kind} years")
            axis.axvline(seen, color=RED, linewidth=2)
            axis.set_title(feature)
            axis.set_yticks([])
        axes[2].legend(frameon=False)
        return plain_svg(figure)


def densities(priors: Mapping[str, Prior], draws: Mapping[str, FloatArray]) -> str:
    """Return prior and posterior density of hyperparameters, a panel each."""
    columns = 5
    rows = -(-len(draws) // columns)
    with _settings():
        figure, axes = _grid(rows, columns, 1.7 * rows)
        for axis, (name, values) in zip(axes, draws.items(), strict=False):
            prior = priors[name].frozen()
            low, high = prior.ppf([0.001, 0.995])
            at = np.linspace(min(low, values.min()), max(high, np.quantile(values, 0.999)), 81)
            known = prior.pdf(at)
            axis.fill_between(at, np.where(np.isfinite(known), known, 0), color=PALE, linewidth=0)
            axis.plot(at, _density(values, at, prior.support()), color=BLUE, linewidth=1.4)
            axis.set_title(name)
            axis.set_yticks([])
            axis.set_ylim(0)
        for axis in axes[len(draws) :]:
            axis.set_axis_off()
        return plain_svg(figure)


def _density(values: FloatArray, at: FloatArray, support: tuple[float, float]) -> FloatArray:
    """Return a kernel density, mirrored at the ends of the support."""
    low, high = support
    kernel = gaussian_kde(values)
    total = kernel(at)
    for end in (low, high):
        if np.isfinite(end):
            total = total + kernel(2 * end - at)
    return np.asarray(np.where((at >= low) & (at <= high), total, 0.0))


def sensitivity(frame: pd.DataFrame, noise: Mapping[str, float]) -> str:
    """Return how far quantities move as priors and data are scaled, a row each."""
    with _settings():
        figure, (axis,) = _grid(1, 1, 0.9 + 0.2 * len(frame))
        y = np.arange(len(frame))[::-1]
        axis.axvline(0.05, color=GREY, linewidth=0.8)
        for name, colour, marker in (("prior", RED, "D"), ("likelihood", BLUE, "o")):
            axis.axvline(noise[name], color=colour, linewidth=0.8, linestyle=":")
            axis.plot(np.maximum(frame[name], 0.003), y, marker, color=colour, markersize=5,
                      label=name, linestyle="none")  # fmt: skip
        axis.set_xscale("log")
        axis.set_xticks([0.01, 0.03, 0.1, 0.3, 1], ["0.01", "0.03", "0.1", "0.3", "1"])
        axis.set_xticks([], minor=True)
        axis.set_yticks(y, list(frame.index))
        axis.tick_params(axis="y", length=0)
        axis.set_xlabel("sensitivity to power scaling")
        axis.legend(frameon=False)
        return plain_svg(figure)


def agreement(exact: Mapping[str, FloatArray], fast: Mapping[str, FloatArray]) -> str:
    """Return the two engines side by side: means, their difference in sd, ratio of widths."""
    with _settings():
        figure, axes = _grid(1, 3, 2.9)
        axes[0].plot(exact["mean"], fast["mean"], "o", color=BLUE, markersize=2)
        ends = [exact["mean"].min(), exact["mean"].max()]
        axes[0].plot(ends, ends, color=GREY, linewidth=0.8)
        axes[0].set_xlabel("mean of eta, nuts")
        axes[0].set_ylabel("mean of eta, laplace")
        gap = (fast["mean"] - exact["mean"]) / exact["sd"]
        axes[1].hist(gap, bins=list(np.linspace(-0.3, 0.3, 41)), color=BLUE)
        axes[1].set_xlabel("laplace less nuts, in sd of nuts")
        axes[1].set_ylabel("districts")
        axes[2].hist(
            fast["width"] / exact["width"], bins=list(np.linspace(0.75, 1.25, 41)), color=BLUE
        )
        axes[2].axvline(1, color=GREY, linewidth=0.8)
        axes[2].set_xlabel("90% widths, laplace over nuts")
        return plain_svg(figure)


def information(values: Mapping[str, FloatArray], parts: Mapping[str, FloatArray]) -> str:
    """Return distributions over districts of the information and of what was learned of parts."""
    with _settings():
        figure, axes = _grid(1, 2, 2.9, sharey=True)
        for axis, sets in zip(axes, (values, parts), strict=True):
            for number, (name, own) in enumerate(sets.items()):
                at = np.sort(own)
                share = np.arange(1, len(at) + 1) / len(at)
                axis.step(at, share, where="post", linewidth=1.4, label=name,
                          color=(BLUE, RED, GREY, "#1b7837", "#e08214", "#762a83")[number % 6],
                          linestyle="-" if number < 6 else ":")  # fmt: skip
            axis.set_xlim(0, 1)
            axis.legend(frameon=False, fontsize=7)
        axes[1].axvline(0.2, color=GREY, linewidth=0.8, linestyle=":")
        axes[0].set_xlabel("information of a district's own record")
        axes[1].set_xlabel("what was learned of a contribution")
        axes[0].set_ylabel("share of districts with at most so much")
        return plain_svg(figure)


def drift(pillars: Mapping[str, pd.DataFrame]) -> str:
    """Return each oblast's state of a pillar: from the indicators alone, and in the joint fit.

    Parameters
    ----------
    pillars
        Pillar -> index oblast; alone, lo, hi, joint.
    """
    with _settings():
        figure, axes = _grid(1, len(pillars), 3.2)
        for axis, (name, frame) in zip(axes, pillars.items(), strict=True):
            axis.hlines(frame["joint"], frame["lo"], frame["hi"], color=PALE, linewidth=1)
            axis.plot(frame["alone"], frame["joint"], "o", color=BLUE, markersize=3)
            ends = [frame[["alone", "joint"]].min().min(), frame[["alone", "joint"]].max().max()]
            axis.plot(ends, ends, color=GREY, linewidth=0.8)
            gap = (frame["joint"] - frame["alone"]).abs().sort_values(ascending=False)
            for code in gap.index[:3]:
                at = frame.loc[code]
                axis.annotate(str(code), (at["alone"], at["joint"]), xytext=(3, 3),
                              textcoords="offset points")  # fmt: skip
            axis.set_title(name)
            axis.set_xlabel("state of an oblast, indicators alone (90%)")
        axes[0].set_ylabel("in the joint fit")
        return plain_svg(figure)
