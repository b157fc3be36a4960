"""The interactive map of a run, as one HTML text.

folium makes the two map objects (the region and the Fergana Valley) and the frames upon them;
page, styles and scripts are ours, since folium's own page loads libraries from elsewhere.
``docs/map.md`` says how the two are joined and why.
"""

from typing import Any

import folium
import pandas as pd
from branca.element import Figure, MacroElement
from folium.template import Template

from threatkit.report.page import assemble, part
from threatkit.report.payload import build_payload
from threatkit.report.summary import LEVELS, Summary
from threatkit.report.words import ENGLISH

MAX_LEADERS = 2


class PlaneMap(folium.Map):
    """A folium map on the equal-area plane: no tiles, and no library but Leaflet."""

    def __init__(self, key: str) -> None:
        super().__init__(
            location=(0.0, 0.0),
            tiles=None,
            crs="Simple",
            zoom_start=-12,
            zoom_control=False,
            attribution_control=False,
            zoom_snap=0,
            zoom_delta=0.75,
            wheel_px_per_zoom_level=90,
            keyboard=False,
            box_zoom=False,
            scroll_wheel_zoom=False,
            bounce_at_zoom_limits=False,
            zoom_animation=False,
            fade_animation=False,
        )
        self._name, self._id = "map", key
        self.default_js, self.default_css = [], []


class DistrictFrame(MacroElement):
    """Districts, borders and labels on a map; the shapes are read from the page's data."""

    def __init__(self, frame: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name, self._id = "frame", frame
        self.frame = frame
        self._template = Template(part("templates/frame.js.j2"))


def maps_script() -> str:
    """Return the script, made by folium, that makes the two map objects and their frames."""
    figure = Figure()
    for key in ("region", "valley"):
        plane = PlaneMap(key)
        figure.add_child(plane, name=key)
        plane.add_child(DistrictFrame(key))
    for child in list(figure._children.values()):
        child.render()
    return str(figure.script.render())


def render_map(summary: Summary) -> str:
    """Return the map of a run as one HTML text that needs and fetches nothing else."""
    payload = build_payload(summary)
    return assemble("map.html.j2", _context(summary), payload=payload, maps_script=maps_script())


def _context(summary: Summary) -> dict[str, Any]:
    facts = summary.facts
    scores = summary.scores
    assessed = int(scores["risk_level"].notna().sum())
    day = ENGLISH.say.date
    return {
        "facts": facts,
        "region": summary.region,
        "title": page_title(summary),
        "period": f"{day(facts.start)} to {day(facts.end)}",
        "as_of": day(facts.as_of),
        "data_period": f"{day(facts.data_start)} to {day(facts.data_end)}",
        "assessed": f"{assessed:,}",
        "unassessed": f"{len(summary.districts) - assessed:,}",
        "ci": round(facts.ci_prob * 100),
        "scale": ENGLISH.scale.name,
        "likelihood": ENGLISH.scale.table(ENGLISH.say),
        "levels": [(level, ENGLISH.level_range(level)) for level in LEVELS],
        "event_types": ENGLISH.joined([name.replace("_", " ") for name in facts.event_types]),
        "judged": bool(facts.judgements),
    }


def page_title(summary: Summary) -> str:
    """Return the finding that heads the page."""
    scores = summary.scores[summary.scores["risk_level"].notna()]
    counts: list[tuple[float, float, float]] = []
    if summary.exceedance_counts is not None:
        counts = [
            (float(str(limit)), float(row["lo"]), float(row["hi"]))
            for limit, row in summary.exceedance_counts.iterrows()
        ]
    return ENGLISH.headline(
        counts,
        len(scores),
        _leaders(summary, scores),
        months=summary.facts.horizon_months,
    )


def _leaders(summary: Summary, scores: pd.DataFrame) -> list[str]:
    ordered = scores.sort_values("event_prob", ascending=False, kind="stable")
    codes = ordered.index[:MAX_LEADERS]
    return [str(summary.districts.loc[code, "name"]) for code in codes]
