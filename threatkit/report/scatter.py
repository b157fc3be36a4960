"""Each pillar's contribution to the chance, against the indicator that tells most values apart."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from threatkit.report.catalogue import Translator
from threatkit.report.picture import COOL, WARM, Drawn, Figure, canvas_of, finished, percent
from threatkit.report.svg import INK
from threatkit.report.words import Phrases

FloatArray = NDArray[np.float64]


def pillar_scatters(run: Drawn, phrases: Phrases) -> list[Figure | None]:
    """Draw each pillar's contribution against the indicator that is known in most areas."""
    if run.values is None or run.values.empty:
        return []
    pillars = [
        str(pillar)
        for pillar in dict.fromkeys(run.values["pillar"])
        if f"contribution_{pillar}" in run.scores
    ]
    return [_pillar(run, pillar, phrases) for pillar in pillars]


def _pillar(run: Drawn, pillar: str, phrases: Phrases) -> Figure | None:
    say, name = phrases.say, f"contribution_{pillar}"
    frame = _spoken(run, pillar)
    if frame is None:
        return None
    low, high = np.exp(np.nanquantile(run.scores[name].astype(float), [0.05, 0.95]))
    canvas, axes = canvas_of(3.9)
    own = frame["area_level"] != "adm0"
    for held, colour in ((frame[~own], COOL), (frame[own], WARM)):
        x, y = held["value"], np.exp(held[name])
        ends = np.exp(held[[f"{name}_lo", f"{name}_hi"]])
        axes.plot(*_bars(x, ends), color=colour, alpha=0.3, linewidth=0.8)
        axes.plot(*_bars(x, pd.concat([y, y], axis=1)), color=colour, linewidth=4,
                  solid_capstyle="round")  # fmt: skip
    axes.set_yscale("log")
    bottom, top = np.exp(frame[[f"{name}_lo", f"{name}_hi"]].to_numpy()).min(), axes.get_ylim()[1]
    ticks = [t for t in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0) if bottom <= t <= top]
    axes.set_yticks(ticks, [say.number(t, 0 if t >= 1 else 1) for t in ticks])
    axes.set_yticks([], minor=True)
    axes.axhline(1.0, color=INK, linewidth=0.7, alpha=0.5)
    axes.set_ylabel(say.t("Times the usual number of episodes"))
    title_of = str(frame["title"].iloc[0])
    axes.set_xlabel(f"{title_of} ({frame['unit'].iloc[0]})")
    ticks_x = axes.get_xticks()
    limits = axes.get_xlim()
    axes.set_xticks(ticks_x, [_plain(say, tick, ticks_x) for tick in ticks_x])
    axes.set_xlim(limits)
    _key(axes, own.to_numpy(dtype=bool), say)
    canvas.subplots_adjust(left=0.1, right=0.98, top=0.9, bottom=0.15)
    title = say.t(
        "{part}: 9 in 10 districts lie between {low} and {high} times the usual number",
        part=phrases.part(pillar),
        low=_factor(say, low),
        high=_factor(say, high),
    )
    caption = say.t(
        "A dot is a district, its line the {ci}% interval of the contribution. {own} of {total} "
        "districts have a value of their own or of their oblast; the others have that of their "
        "country. Association, not cause.",
        ci=percent(run),
        own=int(own.sum()),
        total=len(frame),
    )
    kept = ["indicator", "area_level", "value", "unit", name, f"{name}_lo", f"{name}_hi"]
    return finished(canvas, f"pillar-{pillar}", title, caption, frame[kept])


def _spoken(run: Drawn, pillar: str) -> pd.DataFrame | None:
    """Return the districts with the value that speaks for each, of the indicator known best."""
    assert run.values is not None  # noqa: S101 - the caller asks first
    rows = run.values[(run.values["pillar"] == pillar) & run.values["value"].notna()]
    scores = run.scores[run.scores[f"contribution_{pillar}"].notna()]
    best: pd.DataFrame | None = None
    for _, own in rows.groupby("indicator"):
        by_area = own.drop_duplicates("area_code", keep="last").set_index("area_code")
        keys = pd.DataFrame(
            {"adm2": scores.index, "adm1": scores["oblast"], "adm0": scores["country"]},
            index=scores.index,
        )
        code = keys["adm2"].where(keys["adm2"].isin(by_area.index))
        for level in ("adm1", "adm0"):
            code = code.fillna(keys[level].where(keys[level].isin(by_area.index)))
        code = code.dropna()
        told = by_area.loc[code].set_axis(code.index)
        frame = scores.loc[code.index].join(
            told[["indicator", "title", "area_level", "value", "unit"]]
        )
        frame["value"] = frame["value"].astype(float)
        if frame["value"].nunique() >= 3 and (best is None or _seen(frame) > _seen(best)):
            best = frame
    return best


def _seen(frame: pd.DataFrame) -> tuple[int, int]:
    """Return what an indicator is preferred by: distinct values, then districts with a value."""
    return int(frame["value"].nunique()), len(frame)


def _bars(x: pd.Series, ends: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
    """Return vertical strokes as one broken line, which is far smaller than one line each."""
    gap = np.full(len(x), np.nan)
    across = np.column_stack([x, x, gap]).ravel()
    return across, np.column_stack([ends.to_numpy(), gap]).ravel()


def _key(axes: Axes, own: NDArray[np.bool_], say: Translator) -> None:
    labels = []
    if own.any():
        labels.append((WARM, say.t("known for the district or its oblast")))
    if not own.all():
        labels.append((COOL, say.t("known only for the country")))
    for number, (colour, label) in enumerate(labels):
        x = 0.5 * number
        axes.plot([x + 0.008], [1.07], "o", color=colour, markersize=6, clip_on=False,
                  transform=axes.transAxes)  # fmt: skip
        axes.text(x + 0.025, 1.07, label, va="center", transform=axes.transAxes)


def _factor(say: Translator, value: float) -> str:
    return say.number(value, 1 if value >= 0.95 else 2)


def _plain(say: Translator, value: float, ticks: Sequence[float] | NDArray[Any]) -> str:
    step = abs(float(ticks[1] - ticks[0])) if len(ticks) > 1 else 1.0
    return say.number(value, max(0, -int(np.floor(np.log10(step)))) if step < 1 else 0)
