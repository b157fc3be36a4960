"""A QGIS project (.qgz) and the GeoPackage beside it, coloured by level."""

import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

from threatkit.export.run import Run
from threatkit.export.vector import LAYER, style, write_gpkg


def write_qgis(run: Run, path: Path) -> None:
    """Write the project, and beside it the GeoPackage that it shows."""
    data = path.with_suffix(".gpkg")
    write_gpkg(run, data)
    look = style()
    drawn = look[look.index("<renderer-v2") : look.index("</qgis>")]
    facts = run.facts()
    title = escape(f"threatkit {facts['run_id']}, {facts['tlp']}")
    source = f"./{data.name}|layername={LAYER}"
    text = (
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>"
        f'<qgis version="3.34" projectname="threatkit"><title>{title}</title>'
        '<layer-tree-group><layer-tree-layer id="scores" name="Level of risk" '
        f'providerKey="ogr" source="{escape(source)}" checked="Qt::Checked"/></layer-tree-group>'
        '<projectlayers><maplayer type="vector" geometry="Polygon"><id>scores</id>'
        f"<datasource>{escape(source)}</datasource><layername>Level of risk</layername>"
        f'<provider encoding="UTF-8">ogr</provider>{drawn}</maplayer></projectlayers></qgis>'
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(path.with_suffix(".qgs").name, text)
