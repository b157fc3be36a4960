"""HXL 1.1: a row of hashtags under the header, with P-codes from the table of districts."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from threatkit.csvtext import frame_text
from threatkit.export.run import Run
from threatkit.paths import data_dir

_TAGS: Mapping[str, str] = {
    "district": "#adm2+code+v_threatkit",
    "pcodes": "#adm2+code+list+v_pcode",
    "name": "#adm2+name+i_en",
    "country": "#country+code+v_iso3",
    "oblast": "#adm1+code+v_iso3166_2",
    "population": "#population+num",
    "as_of": "#date+as_of",
    "horizon_start": "#date+start",
    "horizon_end": "#date+end",
    "ci_prob": "#meta+ci_prob+num",
    **{
        name: f"#meta+{name}"
        for name in (
            *("fergana", "run_id", "threatkit", "gate_passed", "tlp", "ocha_sensitivity"),
            "attribution",
        )
    },
}


def write_hxl(run: Run, path: Path) -> None:
    """Write CSV with the hashtag row; several P-codes of one district are joined by ``|``."""
    frame = run.table().reset_index()
    frame.insert(1, "pcodes", frame["district"].map(pcodes()).astype("string"))
    rows = list(csv.reader(io.StringIO(frame_text(frame, name=path.name))))
    stream = io.StringIO()
    tags = [hxl_tag(name) for name in rows[0]]
    csv.writer(stream, lineterminator="\n").writerows([rows[0], tags, *rows[1:]])
    path.write_bytes(stream.getvalue().encode("utf-8"))


def hxl_tag(column: str) -> str:
    """Return the hashtag of a column: a figure is ``#indicator``, its ends ``+lo`` and ``+hi``."""
    if column in _TAGS:
        return _TAGS[column]
    for end in ("lo", "hi"):
        if column.endswith(f"_{end}"):
            return f"#indicator+{column.removesuffix(f'_{end}')}+{end}+num"
    if column.endswith("_prior"):
        return f"#meta+{column}"
    return f"#indicator+{column}+num"


def pcodes() -> dict[str, str]:
    """Return the P-codes by district of the shipped table; codes of districts are stable."""
    path = data_dir("indicators") / "districts" / "districts.csv"
    frame = pd.read_csv(path, dtype=str, usecols=["district", "pcodes"], index_col="district")
    return {str(code): str(value) for code, value in frame["pcodes"].dropna().items()}
