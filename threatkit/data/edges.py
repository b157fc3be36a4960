"""A user's own list of borders: from, to and, where it is known, the length of the border."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from threatkit.data.plain import SHOWN, PlainTable, flag, header, numbers, positions, read_plain
from threatkit.errors import Fault
from threatkit.geo.graph import Graph

FROM, TO, LENGTH = "from", "to", "border_km"


def read_edges(
    path: Path,
    areas: pd.Index,
    faults: list[Fault],
    *,
    countries: NDArray[np.object_] | None = None,
    of: str = "of the counts",
) -> Graph | None:
    """Read neighbours from a CSV with columns ``from`` and ``to``, each pair once, either way.

    Parameters
    ----------
    path
        The file; a header without rows means that no area has a neighbour. A column
        ``border_km`` may give lengths of borders, for every pair or, left empty, for none.
    areas
        Codes of all areas, in the order of the counts.
    faults
        Grows with every area that is unknown, loop, repeated pair and wrong length.
    countries
        Country of each area; pairs are international where it differs.
    of
        Whose areas they are, for messages.

    Returns
    -------
    The graph, with ``border_km`` NaN where the file does not give it; None after a fault.
    """
    measured = LENGTH in header(path)
    columns = (FROM, TO, LENGTH) if measured else (FROM, TO)
    table = read_plain(path, columns, faults, may_be_empty=True)
    if table is None:
        return None
    before = len(faults)
    rule = f"an edge joins two areas {of}"
    start, end = (positions(table, side, areas, faults, rule=rule) for side in (FROM, TO))
    known = (start >= 0) & (end >= 0)
    flag(
        table, known & (start == end), TO, "an edge joins two different areas", faults, "Delete it"
    )
    _flag_repeated(table, start, end, known, len(areas), faults)
    given = measured and bool(table.text[LENGTH].str.strip().ne("").any())
    length = numbers(table, LENGTH, faults) if given else None
    if length is not None:
        rule = "a border has a length above 0 km"
        flag(table, ~(length > 0), LENGTH, rule, faults, "Give it in every row, or in none")
    if len(faults) > before:
        return None
    return edge_graph(areas, start, end, length=length, countries=countries)


def _flag_repeated(
    table: PlainTable,
    start: NDArray[np.intp],
    end: NDArray[np.intp],
    known: NDArray[np.bool_],
    size: int,
    faults: list[Fault],
) -> None:
    pair = pd.Series(np.minimum(start, end).astype(np.int64) * size + np.maximum(start, end))
    again = pair.duplicated().to_numpy() & known & (start != end)
    rows = np.flatnonzero(again)
    rule = "each pair of neighbours stands in one row, either way round"
    if not len(rows):
        return
    first = pair.drop_duplicates().reset_index().set_index(0)["index"]
    for row in rows[:SHOWN]:
        earlier = table.text.index[first[pair[row]]]
        cells = table.text.iloc[row]
        faults.append(
            Fault(
                f"{table.where}, row {table.text.index[row]}",
                rule,
                f"'{cells[FROM]}' and '{cells[TO]}', which stand in row {earlier} already",
                "Delete one of the two rows",
            )
        )
    if len(rows) > SHOWN:
        more = f"{len(rows) - SHOWN:,} more repeated pairs"
        faults.append(Fault(table.where, rule, more, "Keep one row of each pair"))


def edge_graph(
    areas: pd.Index,
    start: NDArray[np.intp],
    end: NDArray[np.intp],
    *,
    length: NDArray[np.float64] | None = None,
    countries: NDArray[np.object_] | None = None,
) -> Graph:
    """Return the graph of areas joined by edges, given as positions among the areas."""
    names = np.asarray(areas, dtype=object)
    one, two = names[start], names[end]
    swap = np.asarray(one > two, dtype=bool)
    edges = pd.DataFrame(
        {
            "a": np.where(swap, two, one),
            "b": np.where(swap, one, two),
            "border_km": np.nan if length is None else length,
            "international": False if countries is None else countries[start] != countries[end],
        }
    )
    edges = edges.sort_values(["a", "b"]).reset_index(drop=True)
    return Graph(tuple(str(name) for name in names), edges)
