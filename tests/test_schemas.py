"""The published schemas describe the files, and nothing else can be written."""

from pathlib import Path

import frictionless
import numpy as np
import pandas as pd
import pytest

from threatkit.geo.boundaries import load_boundaries
from threatkit.geo.graph import build_graph
from threatkit.schemas import PARTS, schema, score_columns, table_schema
from threatkit.store import RunFolder

FACTS = {"ci_prob": 0.9, "horizon_months": 12}


def scores(names: list[str]) -> pd.DataFrame:
    """Return a frame of all published columns with values of each column's type."""
    texts = {"name": names, "country": "KGZ", "oblast": "KG-B", "fergana": True}
    index = pd.Index([f"KG-B-d{i}" for i in range(len(names))], name="district")
    columns = {}
    for column in score_columns()[1:]:
        if column in texts:
            columns[column] = texts[column]
        elif column.endswith("_prior"):
            columns[column] = pd.array([True, None], dtype="boolean")
        elif column in ("population", "risk_level", "rank", "rank_lo", "rank_hi"):
            columns[column] = pd.array([3, None], dtype="Int64")
        else:
            columns[column] = np.array([0.25, np.nan])
    return pd.DataFrame(columns, index=index)


def test_a_scores_file_keeps_its_schema(tmp_path: Path) -> None:
    frame = scores(["=cmd|' /C calc'!A0", '<script>"Ўзган"</script>'])
    with RunFolder(tmp_path / "out") as run:
        run.write_frame("scores.csv", frame, schema=schema("scores", frame, facts=FACTS))
    with frictionless.system.use_context(trusted=True):
        described = frictionless.Schema.from_descriptor(
            str(tmp_path / "out" / "scores.schema.json")
        )
        report = frictionless.Resource(
            path=str(tmp_path / "out" / "scores.csv"), schema=described
        ).validate()
    assert report.valid, report.to_summary()
    assert described.custom["threatkit"]["ci_prob"] == 0.9


def test_the_borders_keep_their_schema() -> None:
    edges = build_graph(load_boundaries()).edges
    names = [field["name"] for field in schema("graph", edges)["fields"]]
    assert names == ["a", "b", "border_km", "international"]


def test_an_unpublished_column_is_refused() -> None:
    for column in ("riskindex", "rank_low", "contribution_", "event_prob_prior", "name_hix"):
        with pytest.raises(ValueError, match="published schema"):
            table_schema("scores", [column])
    with pytest.raises(ValueError, match="published schema"):
        table_schema("areas", ["contribution_border"])


def test_every_column_says_what_it_is() -> None:
    fields = table_schema("scores", score_columns(), facts=FACTS)["fields"]
    assert all(field.get("description") for field in fields)
    lower = next(field for field in fields if field["name"] == "event_prob_lo")
    assert lower["description"] == "Lower end of the 90% interval of event_prob."
    assert lower["constraints"] == {"minimum": 0, "maximum": 1}
    assert {f"contribution_{part}_hi" for part in PARTS} <= {field["name"] for field in fields}
    assert table_schema("scores", ["contribution_own_pillar"])["fields"][0]["type"] == "number"
