"""Brings into ``docs/model.md`` what each choice of graph does to the ranks.

Run it as ``python -m threatkit.derive.graph``: it fits the shipped data on each graph with the
fast engine, a minute or two of processor time, and renews the table between the markers.
"""

import re
from pathlib import Path

import pandas as pd

from threatkit.config import load_config
from threatkit.derive.material import markdown
from threatkit.graphs import GraphComparison, compare_graphs
from threatkit.progress import terminal_progress

PAGE = Path(__file__).resolve().parents[2] / "docs" / "model.md"
BEGIN = "<!-- graphs: begin (python -m threatkit.derive.graph) -->"
END = "<!-- graphs: end -->"


def renew(found: GraphComparison) -> None:
    """Put both tables between the markers."""
    graphs = found.graphs.reset_index()
    graphs["rank_correlation"] = graphs["rank_correlation"].map("{:.3f}".format)
    text = f"{markdown(graphs)}\n\n{markdown(_wide(found.districts))}"
    page = PAGE.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    made = pattern.sub(lambda _: f"{BEGIN}\n{text}\n{END}", page, count=1)
    PAGE.write_text(made, encoding="utf-8")


def _wide(districts: pd.DataFrame) -> pd.DataFrame:
    """Return one row a district, one column a graph; a star marks a move."""
    cells = districts.apply(
        lambda row: (
            f"{row['rank']} ({row['rank_lo']} to {row['rank_hi']}){'*' if row['moved'] else ''}"
        ),
        axis=1,
    )
    names = districts["name"].groupby("district").first()
    graphs = cells.index.get_level_values("graph").unique()
    wide = pd.DataFrame({graph: cells.loc[graph] for graph in graphs})
    wide.insert(0, "district", names.reindex(wide.index))
    return wide


if __name__ == "__main__":
    renew(compare_graphs(load_config(), progress=terminal_progress()))
