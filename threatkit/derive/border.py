"""Write border exposure from the shipped outlines: ``python -m threatkit.derive.border``.

For each district: how far it lies from Afghanistan, how long a border it shares with it, and
how long its borders with districts of other countries are.
"""

import argparse
import csv
import logging
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import pandas as pd

from threatkit.data.schema import VALUES_COLUMNS
from threatkit.geo.boundaries import load_afghan_districts, load_boundaries
from threatkit.geo.distances import afghan_exposure
from threatkit.geo.graph import build_graph
from threatkit.paths import data_dir

log = logging.getLogger(__name__)

PERIOD = "2023"
SOURCE = "threatkit-boundaries"
DISC = "the outline is approximate"
WRITTEN = ("distance_to_afghan_border", "afghan_border_length")


def border_table(boundaries: gpd.GeoDataFrame, afghan: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the three indicators in km, one column each, by district."""
    exposure = afghan_exposure(boundaries, afghan)
    edges = build_graph(boundaries).edges
    across = edges[edges["international"]]
    ends = pd.concat([across.set_index("a")["border_km"], across.set_index("b")["border_km"]])
    total = ends.groupby(level=0).sum().reindex(boundaries.index, fill_value=0.0)
    return pd.DataFrame(
        {
            "distance_to_afghan_border": exposure["distance_km"],
            "afghan_border_length": exposure["border_km"],
            "international_border_length": total,
        }
    )


def rows(table: pd.DataFrame, outline: pd.Series) -> Iterator[tuple[str, ...]]:
    """Yield rows in the form of ``values.csv`` by indicator, then in the order of districts."""
    for indicator in WRITTEN:
        for district, value in table[indicator].items():
            note = DISC if outline[district] == "approximate" else ""
            yield (
                "adm2",
                str(district),
                str(indicator),
                PERIOD,
                f"{value:.1f}",
                "km",
                "A",
                "2",
                SOURCE,
                note,
            )


def derive(path: Path) -> None:
    """Write ``geometry.csv`` from the shipped outlines."""
    boundaries = load_boundaries()
    table = border_table(boundaries, load_afghan_districts())
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((*VALUES_COLUMNS, "note"))
        writer.writerows(rows(table, boundaries["outline"]))


def main() -> None:
    """Run from the command line."""
    default = data_dir("indicators") / "afghan_border" / "geometry.csv"
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=default, help="the file to write")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    derive(options.out)
    log.info("wrote %s", options.out)


if __name__ == "__main__":
    main()
