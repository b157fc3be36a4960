"""What QGIS reads: the style of the levels and a project that shows them."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from threatkit.export.levels import LEVEL_STYLES, OUTLINE, LevelStyle
from threatkit.export.xmltext import document, plain
from threatkit.finished import FinishedRun

_VERSION = "3.34.0"
_LAYER_ID = "threatkit_districts"
_CRS = (
    ("authid", "EPSG:4326"),
    ("srid", "4326"),
    ("srsid", "3452"),
    ("description", "WGS 84"),
    ("projectionacronym", "longlat"),
    ("ellipsoidacronym", "EPSG:7030"),
    ("geographicflag", "true"),
    ("proj4", "+proj=longlat +datum=WGS84 +no_defs"),
)


def style_text() -> str:
    """Return the style of the districts as QML: a rule and a colour for each level."""
    root = ET.Element("qgis", version=_VERSION, styleCategories="Symbology")
    root.append(_renderer())
    _text(root, "layerGeometryType", "2")
    return document(root, head='<!DOCTYPE qgis PUBLIC "http://mrcc.com/qgis.dtd" "SYSTEM">')


def _renderer() -> ET.Element:
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


def write_project(run: FinishedRun, path: Path, data: str, layer: str) -> None:
    """Write a QGIS project that shows one layer of a GeoPackage beside it.

    Parameters
    ----------
    run
        For title, extent and facts.
    path
        The project, ``.qgs``.
    data
        Name of the GeoPackage in the same folder.
    layer
        Name of the layer in it.
    """
    title = (
        f"threatkit {run.facts['run_id']}: {run.facts['horizon_start']} to "
        + (run.facts["horizon_end"])
    )
    source = f"./{data}|layername={layer}"
    root = ET.Element("qgis", version=_VERSION, projectname=plain(title))
    _text(root, "title", title)
    _crs(ET.SubElement(root, "projectCrs"))
    tree = ET.SubElement(root, "layer-tree-group")
    entry = {
        "id": _LAYER_ID,
        "name": "Risk level",
        "checked": "Qt::Checked",
        "expanded": "1",
        "providerKey": "ogr",
        "source": source,
    }
    ET.SubElement(tree, "layer-tree-layer", entry)
    canvas = ET.SubElement(root, "mapcanvas", name="theMapCanvas")
    _text(canvas, "units", "degrees")
    _extent(canvas, run.outlines.total_bounds.tolist())
    _crs(ET.SubElement(canvas, "destinationsrs"))
    _layer(ET.SubElement(root, "projectlayers"), run, source)
    _metadata(ET.SubElement(root, "projectMetadata"), run, title)
    head = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>"
    path.write_bytes(document(root, head=head).encode("utf-8"))


def _layer(parent: ET.Element, run: FinishedRun, source: str) -> None:
    layer = ET.SubElement(parent, "maplayer", type="vector", geometry="Polygon")
    _text(layer, "id", _LAYER_ID)
    _text(layer, "datasource", source)
    _text(layer, "layername", "Risk level")
    _text(layer, "abstract", run.caution)
    _crs(ET.SubElement(layer, "srs"))
    provider = ET.SubElement(layer, "provider", encoding="UTF-8")
    provider.text = "ogr"
    layer.append(_renderer())
    _text(layer, "layerGeometryType", "2")
    _text(layer, "previewExpression", '"name"')
    template = (
        '<b>[% "name" %]</b>, level [% coalesce("risk_level", \'not assessed\') %]<br>'
        'Probability [% round(100 * "event_prob", 2) %]% ([% round(100 * "event_prob_lo", 2) %] '
        'to [% round(100 * "event_prob_hi", 2) %]%)'
    )
    tip = ET.SubElement(layer, "mapTip")
    tip.text = template


def _metadata(parent: ET.Element, run: FinishedRun, title: str) -> None:
    _text(parent, "identifier", run.facts["run_id"])
    _text(parent, "type", "dataset")
    _text(parent, "title", title)
    _text(parent, "abstract", run.caution)
    _text(parent, "rights", run.facts["attribution"])


def _crs(parent: ET.Element) -> None:
    system = ET.SubElement(parent, "spatialrefsys", nativeFormat="Wkt")
    for tag, text in _CRS:
        _text(system, tag, text)


def _extent(parent: ET.Element, bounds: Sequence[float]) -> None:
    extent = ET.SubElement(parent, "extent")
    for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), bounds, strict=True):
        _text(extent, tag, f"{value:.6f}")


def _text(parent: ET.Element, tag: str, text: str) -> None:
    ET.SubElement(parent, tag).text = plain(text)
