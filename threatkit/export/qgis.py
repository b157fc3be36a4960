"""A QGIS project and the GeoPackage beside it, coloured by level."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from threatkit.export.run import Run
from threatkit.export.style import QGIS, renderer
from threatkit.export.vector import LAYER, write_gpkg
from threatkit.export.xmltext import add_text, document

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


def write_qgis(run: Run, path: Path) -> None:
    """Write the project, and beside it the GeoPackage of the same name that it shows.

    A name in ``.qgs`` gives plain XML, any other the zipped form ``.qgz``.
    """
    data = path.with_suffix(".gpkg")
    write_gpkg(run, data)
    text = project_text(run, data.name)
    if path.suffix == ".qgs":
        path.write_bytes(text.encode("utf-8"))
        return
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(path.with_suffix(".qgs").name, text)


def project_text(run: Run, data: str) -> str:
    """Return the project as XML; ``data`` is the GeoPackage's name in the same folder."""
    facts = run.facts()
    title = f"threatkit {facts['run_id']}: {facts['horizon_start']} to {facts['horizon_end']}"
    source = f"./{data}|layername={LAYER}"
    root = ET.Element("qgis", version=QGIS, projectname="threatkit")
    add_text(root, "title", title)
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
    add_text(canvas, "units", "degrees")
    _extent(canvas, run.outlines.total_bounds.tolist())
    _crs(ET.SubElement(canvas, "destinationsrs"))
    _layer(ET.SubElement(root, "projectlayers"), run, source)
    _metadata(ET.SubElement(root, "projectMetadata"), run, title)
    head = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>"
    return document(root, head=head)


def _layer(parent: ET.Element, run: Run, source: str) -> None:
    layer = ET.SubElement(parent, "maplayer", type="vector", geometry="Polygon")
    add_text(layer, "id", _LAYER_ID)
    add_text(layer, "datasource", source)
    add_text(layer, "layername", "Risk level")
    add_text(layer, "abstract", run.caution())
    _crs(ET.SubElement(layer, "srs"))
    provider = ET.SubElement(layer, "provider", encoding="UTF-8")
    provider.text = "ogr"
    layer.append(renderer())
    add_text(layer, "layerGeometryType", "2")
    add_text(layer, "previewExpression", '"name"')
    template = (
        '<b>[% "name" %]</b>, level [% coalesce("risk_level", \'not assessed\') %]<br>'
        'Probability [% round(100 * "event_prob", 2) %]% ([% round(100 * "event_prob_lo", 2) %] '
        'to [% round(100 * "event_prob_hi", 2) %]%)'
    )
    tip = ET.SubElement(layer, "mapTip")
    tip.text = template


def _metadata(parent: ET.Element, run: Run, title: str) -> None:
    add_text(parent, "identifier", run.facts()["run_id"])
    add_text(parent, "type", "dataset")
    add_text(parent, "title", title)
    add_text(parent, "abstract", run.caution())
    add_text(parent, "rights", run.facts()["attribution"])


def _crs(parent: ET.Element) -> None:
    system = ET.SubElement(parent, "spatialrefsys", nativeFormat="Wkt")
    for tag, text in _CRS:
        add_text(system, tag, text)


def _extent(parent: ET.Element, bounds: Sequence[float]) -> None:
    extent = ET.SubElement(parent, "extent")
    for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), bounds, strict=True):
        add_text(extent, tag, f"{value:.6f}")
