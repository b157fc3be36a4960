"""Plain tables: CSV and Parquet."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from threatkit.csvtext import frame_text
from threatkit.export.run import Run, needed


def write_csv(run: Run, path: Path) -> None:
    """Write CSV in which formula-like text stays text."""
    path.write_bytes(frame_text(run.table(), name=path.name).encode("utf-8"))


def write_parquet(run: Run, path: Path) -> None:
    """Write Parquet, with the facts of the run also in the metadata of the file."""
    write_arrow(run.table().reset_index(), path, {**run.facts(), "caution": run.caution()})


def write_arrow(frame: pd.DataFrame, path: Path, told: Mapping[str, Any]) -> None:
    """Write a frame as Parquet with an object in the key ``threatkit`` of its metadata."""
    arrow, parquet = needed("pyarrow"), needed("pyarrow.parquet")
    table = arrow.Table.from_pandas(frame, preserve_index=False)
    metadata = {**(table.schema.metadata or {}), b"threatkit": json.dumps(dict(told)).encode()}
    parquet.write_table(table.replace_schema_metadata(metadata), path, compression="zstd")
