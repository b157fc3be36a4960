"""Pictures of matplotlib as plain SVG that a strict page can hold.

No script, no inline style (a page's policy forbids it), no date, no metadata; text stays text,
in the fonts of the reader's system. Ink takes the colour of the text around it, and the ground
carries the class ``ground``, so that a page can darken both.
"""

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

INK = "#010203"
GROUND = "#fdfeff"
FONTS = "system-ui, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"
_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_FONT = re.compile(r"^(?P<style>italic )?(?P<weight>bold |\d{3} )?(?P<size>[\d.]+)px")
_NUMBER = re.compile(r"-?\d+\.\d+")
_DROPPED = frozenset({"stroke-miterlimit", "font", "font-family"})
_SETTINGS: dict[str, Any] = {
    "path.simplify": False,
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 11.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.facecolor": GROUND,
    "axes.facecolor": "none",
    "lines.solid_capstyle": "butt",
    "axes.unicode_minus": True,
}


@contextmanager
def drawing() -> Iterator[None]:
    """Draw inside it with the settings of the report, whatever those of the caller are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)  # type: ignore[arg-type]
        yield


def svg_text(figure: Figure, *, key: str, title: str, caption: str) -> str:
    """Return a figure as SVG: one element that can stand in a page or in a file.

    Parameters
    ----------
    figure
        A figure made inside `drawing`.
    key
        Makes the identifiers of this picture differ from those of others in the page.
    title, caption
        Told to screen readers and to whoever opens the file alone.
    """
    stream = io.BytesIO()
    mpl.rcParams["svg.hashsalt"] = key
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(stream, format="svg", metadata=nothing)
    root = ET.fromstring(stream.getvalue())  # noqa: S314 - our own output of a moment ago
    _strip(root)
    _rename(root, key)
    for element in root.iter():
        _unstyle(element)
    _head(root, key, title, caption)
    ET.register_namespace("", _SVG)
    ET.register_namespace("xlink", _XLINK)
    return ET.tostring(root, encoding="unicode") + "\n"


def _strip(root: ET.Element) -> None:
    """Take metadata, style sheets and comments away."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"):
                parent.remove(child)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == f"{{{_SVG}}}defs" and not len(child):
                parent.remove(child)


def _rename(root: ET.Element, key: str) -> None:
    """Keep only the identifiers that are used, under names of this picture's own."""
    text = " ".join(value for element in root.iter() for value in element.attrib.values())
    used = {*re.findall(r"url\(#([^)]+)\)", text), *re.findall(r"(?:^| )#(\S+)", text)}
    names = {old: f"{key}-{number}" for number, old in enumerate(sorted(used))}
    for element in root.iter():
        own = element.attrib.pop("id", None)
        if own in names:
            element.set("id", names[own])
        for name, value in element.attrib.items():
            if name == f"{{{_XLINK}}}href":
                element.set(name, f"#{names[value[1:]]}")
            elif value.startswith("url(#"):
                element.set(name, f"url(#{names[value[5:-1]]})")


def _unstyle(element: ET.Element) -> None:
    """Turn a style into presentation attributes, and shorten numbers."""
    for declaration in element.attrib.pop("style", "").split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name == "font":
            _font(element, value)
        if name and name not in _DROPPED:
            element.set(name, value)
    if element.get("transform", "").startswith("rotate(-0 "):
        del element.attrib["transform"]
    for name, value in list(element.attrib.items()):
        element.set(name, _shown(name, value))
    if element.get("fill") == GROUND:
        element.set("fill", "#ffffff")
        element.set("class", "ground")


def _font(element: ET.Element, value: str) -> None:
    found = _FONT.match(value)
    if found is None:
        raise ValueError(f"a font that is not understood: {value}")
    element.set("font-size", found["size"])
    if found["weight"]:
        element.set("font-weight", found["weight"].strip())


def _shown(name: str, value: str) -> str:
    if value == INK:
        return "currentColor"
    if name in ("d", "x", "y", "transform", "width", "height", "points", "viewBox"):
        value = _NUMBER.sub(lambda number: f"{float(number[0]):.1f}".removesuffix(".0"), value)
        return " ".join(value.split()) if name == "d" else value
    return value


def _head(root: ET.Element, key: str, title: str, caption: str) -> None:
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("class", "plot")
    root.set("role", "img")
    root.set("aria-labelledby", f"{key}-title {key}-about")
    root.set("color", "#1f1d1a")
    root.set("font-family", FONTS)
    root.set("stroke-linejoin", "round")
    for number, (tag, text) in enumerate((("title", title), ("desc", caption))):
        child = ET.Element(f"{{{_SVG}}}{tag}", {"id": f"{key}-{'about' if number else 'title'}"})
        child.text = text
        root.insert(number, child)
