"""HXL 1.1: a row of hashtags under the header, with P-codes from the table of districts."""

import csv
import io
from pathlib import Path

import pandas as pd

from threatkit.csvtext import frame_text
from threatkit.data.catalogue import load_catalogue
from threatkit.export.run import Run

_TAGS = {
    "district": "#adm2+code+v_threatkit",
    "pcode": "#adm2+code+v_pcode",
    "name": "#adm2+name+i_en",
    "country": "#country+code+v_iso3",
    "oblast": "#adm1+code+v_iso3166_2",
    "population": "#population",
    "horizon_start": "#date+start",
    "horizon_end": "#date+end",
    "tlp": "#meta+tlp",
    "ocha_sensitivity": "#meta+sensitivity",
    "attribution": "#meta+license",
}


def write_hxl(run: Run, path: Path) -> None:
    """Write CSV with the hashtag row."""
    table = run.table()
    codes = load_catalogue().districts["pcodes"]
    table.insert(0, "pcode", codes.reindex(table.index).astype("string"))
    rows = list(csv.reader(io.StringIO(frame_text(table, name="hxl"))))
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([rows[0], tags(rows[0]), *rows[1:]])
    path.write_text(stream.getvalue(), encoding="utf-8", newline="")


def tags(columns: list[str]) -> list[str]:
    """Return the hashtag of each column."""
    return [_TAGS.get(name) or _tag(name) for name in columns]


def _tag(name: str) -> str:
    base = name.removesuffix("_lo").removesuffix("_hi")
    bound = "+min" if name.endswith("_lo") else "+max" if name.endswith("_hi") else ""
    kind = (
        "#meta"
        if base in pd.Index(["run_id", "ci_prob", "gate_passed", "threatkit"])
        else ("#indicator")
    )
    return f"{kind}+{base}{bound}"
