"""A STIX 2.1 bundle: a location and a note for each district, and the marking of the run.

``confidence`` of a note is the probability that its level is right, in 0 to 100, named on the
DNI Scale (STIX 2.1, appendix A); it is not the probability of an event, and the note says so.
"""

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from threatkit.export.marking import stix_marking
from threatkit.export.run import Run, needed
from threatkit.export.words import district_text

SCALE = "DNI Scale (STIX 2.1, appendix A)"
#: Highest confidence that appendix A counts to each value of the DNI Scale.
_DNI = (
    (9, "Almost No Chance / Remote"),
    (19, "Very Unlikely / Highly Improbable"),
    (39, "Unlikely / Improbable"),
    (59, "Roughly Even Chance / Roughly Even Odds"),
    (79, "Likely / Probable"),
    (89, "Very Likely / Highly Probable"),
    (100, "Almost Certain / Nearly Certain"),
)
#: Of objects that are the same in every run: author, extension and, but for changes, districts.
_FIRST = "2026-01-01T00:00:00Z"
_SPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "threatkit.invalid")
EXTENSION = f"extension-definition--{uuid.uuid5(_SPACE, 'extension-definition/scores')}"
_ALPHA_2 = {"KAZ": "KZ", "KGZ": "KG", "TJK": "TJ", "TKM": "TM", "UZB": "UZ"}
_FIGURES = (
    *("risk_index", "risk_index_lo", "risk_index_hi", "risk_level", "level_prob"),
    *("event_prob", "event_prob_lo", "event_prob_hi", "rank", "rank_lo", "rank_hi"),
    "top_decile_prob",
)


def dni_value(confidence: int) -> str:
    """Return the value on the DNI Scale of a confidence of 0 to 100."""
    return next(words for limit, words in _DNI if confidence <= limit)


def write_stix(run: Run, path: Path) -> None:
    """Write the bundle; identifiers follow from the run and the district."""
    text = stix_bundle(run, needed("stix2")).serialize(ensure_ascii=False)
    path.write_bytes(f"{text}\n".encode())


def stix_bundle(run: Run, stix: Any) -> Any:
    """Return the bundle: author, markings, extension, then two objects a district."""
    facts = run.facts()
    made = pd.Timestamp(str(run.record["made"])).to_pydatetime()
    times = {"created": made, "modified": made}
    fixed = {"created": _FIRST, "modified": _FIRST}
    author = stix.Identity(
        id=_fixed_id("identity", "threatkit"),
        name="threatkit",
        identity_class="system",
        **fixed,
    )
    statement = stix.MarkingDefinition(
        id=_id(run, "marking-definition", "attribution"),
        created=made,
        created_by_ref=author.id,
        definition_type="statement",
        definition=stix.StatementMarking(statement=f"{run.caution()} {facts['attribution']}"),
    )
    extension = stix.ExtensionDefinition(
        id=EXTENSION,
        name="threatkit scores",
        description="Figures of a district with the ends of their intervals, and facts of the run.",
        schema="Properties, named as in scores.csv: " + ", ".join((*_FIGURES, *_told(run))),
        version="1.0.0",
        extension_types=["property-extension"],
        created_by_ref=author.id,
        **fixed,
    )
    tlp = stix_marking(run.tlp, stix)
    markings = [tlp.id, statement.id]
    common = {"created_by_ref": author.id, "object_marking_refs": markings}
    objects = [tlp, author, statement, extension]
    points = run.outlines.representative_point()
    for row in run.scores.reset_index().to_dict("records"):
        place = _place(row, points.get(row["district"]))
        location = stix.Location(created=_FIRST, modified=made, **place, **common)
        objects += [location, stix.Note(**_note(run, row, location.id), **common, **times)]
    return stix.Bundle(objects=objects, id=_id(run, "bundle", "scores"))


def _told(run: Run) -> dict[str, Any]:
    return {key: value for key, value in run.facts().items() if key != "attribution"}


def _place(row: Mapping[Any, Any], point: Any) -> dict[str, Any]:
    place: dict[str, Any] = {
        "id": _fixed_id("location", row["district"]),
        "name": str(row["name"]),
        "region": "central-asia",
        "administrative_area": str(row["oblast"]),
        "external_references": [{"source_name": "threatkit", "external_id": row["district"]}],
    }
    if row["country"] in _ALPHA_2:
        place["country"] = _ALPHA_2[row["country"]]
    if point is not None and not point.is_empty:
        place |= {"latitude": round(point.y, 5), "longitude": round(point.x, 5)}
    return place


def _note(run: Run, row: Mapping[Any, Any], location: str) -> dict[str, Any]:
    said = district_text(run, row)
    given: dict[str, Any] = {}
    if run.gate_passed and not pd.isna(row["level_prob"]):
        given["confidence"] = min(max(round(100 * float(row["level_prob"])), 1), 99)
        said += (
            f" Confidence {given['confidence']} of 100 that this level is right: "
            f"{dni_value(given['confidence'])}, {SCALE}."
        )
    figures = {name: _plain(row[name]) for name in _FIGURES if not pd.isna(row[name])}
    return {
        "id": _id(run, "note", row["district"]),
        "abstract": f"Risk of organised violence: {row['name']}",
        "content": said,
        "object_refs": [location],
        "labels": ["forecast", *([] if run.gate_passed else ["gate-not-met", "do-not-use"])],
        "extensions": {
            EXTENSION: {
                "extension_type": "property-extension",
                "confidence_scale": SCALE,
                **_told(run),
                **figures,
            }
        },
        **given,
    }


def _plain(value: Any) -> float | int:
    return float(value) if isinstance(value, float) else int(value)


def _id(run: Run, kind: str, name: str) -> str:
    return _fixed_id(kind, f"{run.record['run_id']}/{run.record['made']}/{name}")


def _fixed_id(kind: str, name: str) -> str:
    return f"{kind}--{uuid.uuid5(_SPACE, f'{kind}/{name}')}"
