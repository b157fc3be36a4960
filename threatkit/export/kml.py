"""KML 2.2 with a style for each level and the figures in words; all text is escaped."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from threatkit.export.run import LEVELS, Run
from threatkit.export.words import district_text

_SPACE = "http://www.opengis.net/kml/2.2"
_CONTROL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_kml(run: Run, path: Path) -> None:
    """Write KML; a district without outline is a placemark without geometry."""
    ET.register_namespace("", _SPACE)
    root = ET.Element(f"{{{_SPACE}}}kml")
    document = _add(root, "Document")
    _add(document, "name", f"threatkit {run.facts()['run_id']}")
    for level, (_, colour) in LEVELS.items():
        _style(document, f"level{level}", "cc" + colour[5:7] + colour[3:5] + colour[1:3])
    _style(document, "none", "00ffffff")
    layer = run.layer()
    for _, row in layer.iterrows():
        mark = _add(document, "Placemark")
        _add(mark, "name", str(row["name"]))
        _add(mark, "description", district_text(run, row))
        level = row["risk_level"]
        _add(mark, "styleUrl", f"#level{level}" if level in LEVELS else "#none")
        if row.geometry is not None:
            _shape(mark, row.geometry)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _add(parent: ET.Element, tag: str, text: str | None = None) -> ET.Element:
    child = ET.SubElement(parent, f"{{{_SPACE}}}{tag}")
    child.text = None if text is None else _CONTROL.sub("\ufffd", text)
    return child


def _style(document: ET.Element, name: str, colour: str) -> None:
    style = _add(document, "Style")
    style.set("id", name)
    _add(_add(style, "LineStyle"), "color", "ff5a5a5a")
    _add(_add(style, "PolyStyle"), "color", colour)


def _shape(mark: ET.Element, shape: Any) -> None:
    parent = _add(mark, "MultiGeometry")
    for part in getattr(shape, "geoms", [shape]):
        polygon = _add(parent, "Polygon")
        for ring, side in ((part.exterior, "outer"), *((r, "inner") for r in part.interiors)):
            text = " ".join(f"{x:.6f},{y:.6f}" for x, y, *_ in ring.coords)
            edge = _add(_add(polygon, f"{side}BoundaryIs"), "LinearRing")
            _add(edge, "coordinates", text)
