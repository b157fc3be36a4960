"""Make small data packages in a temporary folder, sound unless a test says otherwise."""

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

VALUES_HEADER = (
    "area_level,area_code,indicator,period,value,unit,reliability,credibility,source_id,note"
)
SOURCES_HEADER = "source_id,title,publisher,path,published,licence,note"
SOURCES = f"{SOURCES_HEADER}\ns1,A survey,Office,https://example.org/s1,2024,facts cited,\n"
DISTRICTS = """\
district,name,country,oblast,oblast_name,fergana,population
KG-B-batken,Batken,KGZ,KG-B,Batken,1,95000
KG-B-leilek,Leilek,KGZ,KG-B,Batken,1,
KG-C-alamudun,Alamudun,KGZ,KG-C,Chuy,0,180000.5
TJ-SU-isfara,Isfara,TJK,TJ-SU,Sughd,1,290000
"""
ROW = "adm1,KG-B,youth_share,2024,31.5,percent,B,2,s1,"
INDICATOR: Mapping[str, Any] = {
    "name": "youth_share",
    "title": "Share of the young",
    "pillar": "youth",
    "direction": "higher_is_worse",
    "unit": "percent",
    "definition": "survey",
    "measure": "share",
    "transform": "logit",
    "minimum": 0,
    "maximum": 100,
    "per": None,
    "use": True,
    "description": "People aged 15 to 29 in all people.",
}


def fields(header: str, types: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """Return the schema's fields for a header, text unless a type is given."""
    kinds = {"value": "number", "credibility": "integer", "population": "number"} | dict(
        types or {}
    )
    return [{"name": name, "type": kinds.get(name, "string")} for name in header.split(",")]


def resource(
    name: str, header: str, types: Mapping[str, str] | None = None, **schema: Any
) -> dict[str, Any]:
    """Return a resource of a descriptor."""
    return {
        "name": name,
        "path": f"{name}.csv",
        "profile": "tabular-data-resource",
        "encoding": "utf-8",
        "schema": {"fields": fields(header, types), **schema},
    }


def descriptor(
    name: str = "youth", *resources: dict[str, Any], indicators: tuple[Any, ...] = (INDICATOR,)
) -> dict[str, Any]:
    """Return a descriptor; by default one with a table of values and its sources."""
    chosen = resources or (
        resource(
            "values",
            VALUES_HEADER,
            foreignKeys=[
                {
                    "fields": "source_id",
                    "reference": {"resource": "sources", "fields": "source_id"},
                }
            ],
        ),
        resource("sources", SOURCES_HEADER, primaryKey="source_id"),
    )
    return {
        "profile": "tabular-data-package",
        "name": name,
        "title": "A package",
        "version": "1.0.0",
        "resources": [deepcopy(item) for item in chosen],
        "threatkit": {"pillar": "youth", "indicators": [dict(item) for item in indicators]},
    }


def write_package(
    folder: Path, content: Mapping[str, Any] | str, files: Mapping[str, str | bytes]
) -> Path:
    """Write a package: its descriptor, and each file as text or bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    (folder / "datapackage.json").write_text(text, encoding="utf-8")
    for name, body in files.items():
        raw = body if isinstance(body, bytes) else body.encode("utf-8")
        (folder / name).write_bytes(raw)
    return folder


def write_values(
    folder: Path,
    *rows: str,
    content: Mapping[str, Any] | None = None,
    sources: str | bytes = SOURCES,
    header: str = VALUES_HEADER,
) -> Path:
    """Write a package with these rows of values; by default one sound row."""
    body = "\n".join([header, *(rows or (ROW,))]) + "\n"
    return write_package(
        folder, content or descriptor(), {"values.csv": body, "sources.csv": sources}
    )


def write_districts(folder: Path, body: str = DISTRICTS) -> Path:
    """Write a package with a table of four districts."""
    header = body.splitlines()[0]
    content = descriptor(
        "districts",
        resource(
            "districts",
            header,
            {"fergana": "boolean", "population_year": "integer"},
            primaryKey="district",
        ),
        indicators=(),
    )
    content["threatkit"]["pillar"] = "context"
    return write_package(folder, content, {"districts.csv": body})
