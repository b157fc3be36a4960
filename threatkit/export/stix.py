"""A STIX 2.1 bundle: a location and a note for each district, and the marking of the run.

``confidence`` of a note is the probability of its level in 0 to 100 (STIX appendix A), not the
probability of an event; the note says so.
"""

import uuid
from pathlib import Path

from threatkit.export.run import Run, needed
from threatkit.export.words import district_text

_SPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
_SCALE = (
    " The confidence of this note is the probability that the level is right, as a number of 0 "
    "to 100 on the scale None / Low / Med / High of STIX 2.1, appendix A."
)


def write_stix(run: Run, path: Path) -> None:
    """Write the bundle; identifiers follow from the run and the district."""
    stix = needed("stix2")
    facts, made = run.facts(), str(run.record["made"]).replace("+00:00", "Z")
    author = stix.Identity(
        id=_id("identity", "threatkit"),
        name="threatkit",
        identity_class="system",
        created=made,
        modified=made,
    )
    common = {
        "created": made,
        "modified": made,
        "created_by_ref": author.id,
        "object_marking_refs": [stix.TLP_AMBER],
    }
    objects = [stix.TLP_AMBER, author]
    layer = run.layer()
    points = layer.geometry.representative_point()
    for district, row in layer.iterrows():
        place = (
            {}
            if points[district] is None
            else {
                "latitude": round(points[district].y, 5),
                "longitude": round(points[district].x, 5),
            }
        )
        location = stix.Location(
            id=_id("location", str(district)),
            name=str(row["name"]),
            country=str(district)[:2],
            administrative_area=str(row["oblast"]),
            **place,
            **common,
        )
        sure = row["level_prob"]
        note = stix.Note(
            id=_id("note", f"{facts['run_id']}/{district}"),
            abstract=f"Risk of {row['name']}",
            content=district_text(run, row) + _SCALE,
            object_refs=[location.id],
            **({} if sure != sure else {"confidence": round(100 * sure)}),
            **common,
        )
        objects += [location, note]
    text = stix.Bundle(objects=objects, id=_id("bundle", facts["run_id"])).serialize(indent=1)
    path.write_text(text, encoding="utf-8")


def _id(kind: str, key: str) -> str:
    return f"{kind}--{uuid.uuid5(_SPACE, f'threatkit/{kind}/{key}')}"
