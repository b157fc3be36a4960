"""Plain tables: CSV and Parquet."""

import json
from pathlib import Path

from threatkit.csvtext import frame_text
from threatkit.export.run import Run, needed


def write_csv(run: Run, path: Path) -> None:
    """Write CSV in which formula-like text stays text."""
    path.write_text(frame_text(run.table(), name="scores"), encoding="utf-8", newline="")


def write_parquet(run: Run, path: Path) -> None:
    """Write Parquet, with the facts of the run also in the metadata of the file."""
    arrow, parquet = needed("pyarrow"), needed("pyarrow.parquet")
    table = arrow.Table.from_pandas(run.table().reset_index(), preserve_index=False)
    facts = json.dumps(run.facts()).encode()
    parquet.write_table(
        table.replace_schema_metadata({**(table.schema.metadata or {}), b"threatkit": facts}), path
    )
