"""The figure of a calibration: empirical distributions of ranks, less the uniform one."""

import io
import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from threatkit.evaluate.calibration import RANKED
from threatkit.evaluate.uniformity import band, counts_below

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Panels of the figure: title, and what the names of its quantities begin with.
GROUPS = (
    ("outcome", ("intercept", "dispersion", "size", "history", "spillover", "afghan", "year_sd")),
    ("space and people", ("field", "country", "population")),
    ("detection", ("detection",)),
    ("pillars", ("pillar", "youth", "extremism", "border")),
    ("loadings", ("loading",)),
    ("definitions", ("definition_level",)),
    ("errors of indicators", ("indicator_sd",)),
    ("log rates", ("eta",)),
    ("forecasts and likelihood", ("event_prob", "expected", "log_likelihood")),
)
_STRAY = "#b2182b"
_PLAIN = "#4d6a8a"


def rank_figure(ranks: pd.DataFrame, *, prob: float = 0.95) -> str:
    """Return the figure as SVG text, the same for the same ranks.

    Each line is one quantity: the share of its ranks below a point, less that of uniform ranks.
    The band holds a whole line of uniform ranks with probability ``prob``; a line that leaves it
    is red, and by chance one in twenty does.
    """
    import matplotlib
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(ranks["quantity"]))
    grouped = [(title, [n for n in names if n.startswith(starts)]) for title, starts in GROUPS]
    rest = [n for n in names if not any(n in members for _, members in grouped)]
    grouped = [(t, members) for t, members in [*grouped, ("others", rest)] if members]
    rows = -(-len(grouped) // 3)
    with matplotlib.rc_context({"svg.hashsalt": "threatkit", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 2.4 * rows), layout="constrained")
        axes = np.atleast_1d(figure.subplots(rows, 3, sharex=True, sharey=True)).ravel()
        for axis, (title, members) in zip(axes, grouped, strict=False):
            _draw(axis, title, [ranks[ranks["quantity"] == name] for name in members], prob)
        for axis in axes[len(grouped) :]:
            axis.set_axis_off()
        figure.supxlabel("rank of the truth among posterior draws, 0 to 1", fontsize=9)
        figure.supylabel("share of ranks below, less the uniform share", fontsize=9)
        return plain_svg(figure)


def plain_svg(figure: "Figure") -> str:
    """Return a figure as SVG text without a date; call it with ``svg.hashsalt`` set."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    # A tenth of a point is finer than the eye; the digits behind it are most of the file.
    short = re.sub(
        r' (d|x|y)="[^"]*"',
        lambda found: re.sub(r"(\.\d)\d+", r"\1", found[0]),
        stream.getvalue(),
    )
    return "\n".join(line.rstrip() for line in short.splitlines()) + "\n"


def _draw(axis: object, title: str, members: list[pd.DataFrame], prob: float) -> None:
    number = len(members[0])
    held = band(number, RANKED, prob=prob)
    axis.fill_between(  # type: ignore[attr-defined]
        held.at, held.lower - held.at, held.upper - held.at, color="#d9d9d9", linewidth=0
    )
    for member in members:
        share = counts_below(member["rank"].to_numpy(dtype=np.intp), RANKED) / len(member)
        stray = bool(((share < held.lower) | (share > held.upper)).any())
        axis.plot(  # type: ignore[attr-defined]
            held.at[::2], (share - held.at)[::2], color=_STRAY if stray else _PLAIN, linewidth=0.8
        )
    axis.set_title(f"{title} ({len(members)})", fontsize=9)  # type: ignore[attr-defined]
    axis.tick_params(labelsize=7)  # type: ignore[attr-defined]
