"""KML 2.2 with a style for each level and the figures in words; all text is escaped."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from threatkit.csvtext import cell_text
from threatkit.export.levels import LEVEL_STYLES, OUTLINE, level_style
from threatkit.export.run import Run
from threatkit.export.words import district_text
from threatkit.export.xmltext import add_text, document, plain

_SPACE = "http://www.opengis.net/kml/2.2"


def write_kml(run: Run, path: Path) -> None:
    """Write KML; a district without an outline is a placemark without geometry."""
    root = ET.Element("kml", xmlns=_SPACE)
    page = ET.SubElement(root, "Document")
    facts = run.facts()
    add_text(page, "name", f"threatkit {facts['run_id']}")
    add_text(page, "description", f"{run.caution()}\n{facts['attribution']}")
    for style in LEVEL_STYLES:
        _style(page, f"level-{style.number}", style.colour)
    _data(page, facts.items())
    outlines = run.outlines.reindex(run.scores.index)
    told = {name: facts[name] for name in ("ci_prob", "gate_passed", "tlp")}
    for row, outline in zip(run.scores.reset_index().to_dict("records"), outlines, strict=True):
        _placemark(page, run, {**row, **told}, outline)
    path.write_bytes(document(root).encode("utf-8"))


def _style(parent: ET.Element, name: str, colour: str) -> None:
    style = ET.SubElement(parent, "Style", id=name)
    line = ET.SubElement(style, "LineStyle")
    add_text(line, "color", _abgr(OUTLINE, "ff"))
    add_text(line, "width", "0.5")
    add_text(ET.SubElement(style, "PolyStyle"), "color", _abgr(colour, "d9"))


def _abgr(colour: str, alpha: str) -> str:
    """Return a colour as KML writes it: opacity, blue, green, red."""
    return f"{alpha}{colour[5:7]}{colour[3:5]}{colour[1:3]}"


def _placemark(parent: ET.Element, run: Run, row: Mapping[Any, Any], outline: Any) -> None:
    mark = ET.SubElement(parent, "Placemark")
    add_text(mark, "name", row["name"])
    add_text(mark, "description", district_text(run, row))
    span = ET.SubElement(mark, "TimeSpan")
    add_text(span, "begin", run.record["forecast"]["start"])
    add_text(span, "end", run.record["forecast"]["end"])
    add_text(mark, "styleUrl", f"#level-{level_style(row['risk_level']).number}")
    _data(mark, row.items())
    if outline is not None and not outline.is_empty:
        shapes = ET.SubElement(mark, "MultiGeometry")
        for polygon in getattr(outline, "geoms", [outline]):
            shape = ET.SubElement(shapes, "Polygon")
            _ring(shape, "outerBoundaryIs", polygon.exterior)
            for hole in polygon.interiors:
                _ring(shape, "innerBoundaryIs", hole)


def _ring(parent: ET.Element, tag: str, ring: Any) -> None:
    around = ET.SubElement(ET.SubElement(parent, tag), "LinearRing")
    add_text(around, "coordinates", " ".join(f"{x:.6f},{y:.6f}" for x, y, *_ in ring.coords))


def _data(parent: ET.Element, values: Iterable[tuple[Any, Any]]) -> None:
    extended = ET.SubElement(parent, "ExtendedData")
    for name, value in values:
        if text := cell_text(value):
            add_text(ET.SubElement(extended, "Data", name=plain(name)), "value", text)
