"""The style of the levels as QGIS reads it (QML): a rule and a colour for each."""

from xml.etree import ElementTree as ET

from threatkit.export.levels import LEVEL_STYLES, OUTLINE, LevelStyle
from threatkit.export.xmltext import add_text, document

QGIS = "3.34.0"


def style_text() -> str:
    """Return the style of the districts as QML: a rule and a colour for each level."""
    root = ET.Element("qgis", version=QGIS, styleCategories="Symbology")
    root.append(renderer())
    add_text(root, "layerGeometryType", "2")
    return document(root, head='<!DOCTYPE qgis PUBLIC "http://mrcc.com/qgis.dtd" "SYSTEM">')


def renderer() -> ET.Element:
    """Return the element that colours by level."""
    renderer = ET.Element(
        "renderer-v2",
        type="RuleRenderer",
        symbollevels="0",
        forceraster="0",
        enableorderby="0",
        referencescale="-1",
    )
    rules = ET.SubElement(renderer, "rules", key="{levels}")
    symbols = ET.SubElement(renderer, "symbols")
    for place, style in enumerate(LEVEL_STYLES):
        rule = {
            "key": f"{{level-{style.number}}}",
            "filter": f'"risk_level" = {style.number}' if style.number else '"risk_level" IS NULL',
            "label": style.label,
            "symbol": str(place),
        }
        ET.SubElement(rules, "rule", rule)
        symbols.append(_symbol(place, style))
    return renderer


def _symbol(place: int, style: LevelStyle) -> ET.Element:
    symbol = ET.Element(
        "symbol", type="fill", name=str(place), alpha="1", clip_to_extent="1", force_rhr="0"
    )
    layer = ET.SubElement(
        symbol, "layer", {"class": "SimpleFill", "enabled": "1", "locked": "0", "pass": "0"}
    )
    options = ET.SubElement(layer, "Option", type="Map")
    values = {
        "color": _rgba(style.colour),
        "style": "solid",
        "outline_color": _rgba(OUTLINE),
        "outline_style": "solid",
        "outline_width": "0.1",
        "outline_width_unit": "MM",
        "joinstyle": "bevel",
    }
    for name, value in values.items():
        ET.SubElement(options, "Option", type="QString", name=name, value=value)
    for name, value in values.items():
        ET.SubElement(layer, "prop", k=name, v=value)
    return symbol


def _rgba(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"{red},{green},{blue},255"
