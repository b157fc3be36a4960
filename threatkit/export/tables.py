"""Scores as tables: CSV, Parquet and CSV with HXL hashtags."""

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from threatkit.csvtext import frame_text
from threatkit.export.libraries import optional_library
from threatkit.finished import FinishedRun
from threatkit.paths import data_dir

#: Column -> HXL 1.1 hashtag and attributes; contributions follow by rule.
_TAGS: Mapping[str, str] = {
    "district": "#adm2+code+v_threatkit",
    "pcodes": "#adm2+code+list+v_pcode",
    "name": "#adm2+name+i_en",
    "country": "#country+code+v_iso3",
    "oblast": "#adm1+code+v_iso3166_2",
    "fergana": "#meta+fergana",
    "population": "#population+num",
    "run_id": "#meta+run_id",
    "made_by": "#meta+made_by",
    "as_of": "#date+as_of",
    "horizon_start": "#date+start",
    "horizon_end": "#date+end",
    "ci_prob": "#meta+ci_prob+num",
    "gate_passed": "#meta+gate_passed",
    "attribution": "#meta+attribution",
}


def with_facts(run: FinishedRun) -> pd.DataFrame:
    """Return the scores with the facts of the run as columns of every row."""
    return run.scores.assign(**run.facts)


def write_csv(run: FinishedRun, path: Path) -> None:
    """Write the scores with the facts as columns; texts are guarded as in ``scores.csv``."""
    path.write_bytes(frame_text(with_facts(run), name=path.name).encode("utf-8"))


def write_parquet(run: FinishedRun, path: Path) -> None:
    """Write the scores as Parquet, the facts as columns and in the metadata of the schema."""
    arrow = optional_library("pyarrow", "Parquet")
    parquet = optional_library("pyarrow.parquet", "Parquet")
    table = arrow.Table.from_pandas(with_facts(run).reset_index(), preserve_index=False)
    told = {**run.facts, "caution": run.caution}
    metadata = {**(table.schema.metadata or {}), b"threatkit": json.dumps(told).encode()}
    parquet.write_table(table.replace_schema_metadata(metadata), path, compression="zstd")


def write_hxl(run: FinishedRun, path: Path) -> None:
    """Write CSV with a row of HXL 1.1 hashtags and the P-codes of each district."""
    frame = with_facts(run).reset_index()
    frame.insert(1, "pcodes", frame["district"].map(pcodes()))
    rows = list(csv.reader(io.StringIO(frame_text(frame, name=path.name))))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerow([hxl_tag(column) for column in rows[0]])
    writer.writerows(rows[1:])
    path.write_bytes(stream.getvalue().encode("utf-8"))


def hxl_tag(column: str) -> str:
    """Return the HXL hashtag of a column of the scores.

    Figures are ``#indicator`` with the name of the figure; the ends of an interval add
    ``+lo`` or ``+hi``, the figure itself neither.
    """
    if column in _TAGS:
        return _TAGS[column]
    for end in ("lo", "hi"):
        if column.endswith(f"_{end}"):
            return f"#indicator+{column.removesuffix(f'_{end}')}+{end}+num"
    if column.endswith("_prior"):
        return f"#meta+{column}"
    return f"#indicator+{column}+num"


def pcodes() -> dict[str, str]:
    """Return the P-codes of each district of the shipped table, several joined by ``|``."""
    path = data_dir("indicators") / "districts" / "districts.csv"
    frame = pd.read_csv(path, dtype=str, usecols=["district", "pcodes"], index_col="district")
    return {str(code): str(value) for code, value in frame["pcodes"].dropna().items()}
