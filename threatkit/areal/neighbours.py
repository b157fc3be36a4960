"""Who borders whom among a researcher's own areas: from a list of pairs or from outlines."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from threatkit.areal.tables import SHOWN, PlainTable, flag, positions, read_plain
from threatkit.data.wording import meant
from threatkit.errors import Fault, InvalidInput
from threatkit.geo.boundaries import load_boundaries
from threatkit.geo.graph import Graph, build_graph

FROM, TO = "from", "to"


def read_edges(path: Path, areas: pd.Index, faults: list[Fault]) -> Graph | None:
    """Read neighbours from a CSV with columns ``from`` and ``to``, each pair once.

    Parameters
    ----------
    path
        The file; a header without rows means that no area has a neighbour.
    areas
        Codes of all areas, in the order of the counts.
    faults
        Grows with every area that is unknown, loop and repeated pair.
    """
    table = read_plain(path, (FROM, TO), faults, may_be_empty=True)
    if table is None:
        return None
    before = len(faults)
    rule = "an edge joins two areas of the counts"
    start, end = (positions(table, end, areas, faults, rule=rule) for end in (FROM, TO))
    known = (start >= 0) & (end >= 0)
    flag(
        table, known & (start == end), TO, "an edge joins two different areas", faults, "Delete it"
    )
    _flag_repeated(table, start, end, known, len(areas), faults)
    if len(faults) > before:
        return None
    return edge_graph(areas, start, end)


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


def edge_graph(areas: pd.Index, start: NDArray[np.intp], end: NDArray[np.intp]) -> Graph:
    """Return the graph of areas joined by edges, given as positions among the areas."""
    names = np.asarray(areas, dtype=object)
    one, two = names[start], names[end]
    swap = np.asarray(one > two, dtype=bool)
    edges = pd.DataFrame(
        {
            "a": np.where(swap, two, one),
            "b": np.where(swap, one, two),
            "border_km": np.nan,
            "international": False,
        }
    )
    edges = edges.sort_values(["a", "b"]).reset_index(drop=True)
    return Graph(tuple(str(name) for name in names), edges)


def read_polygons(path: Path, key: str, areas: pd.Index, faults: list[Fault]) -> Graph | None:
    """Find neighbours from outlines: areas that share a border of at least 100 m.

    Parameters
    ----------
    path
        A vector file with one feature an area.
    key
        The attribute that holds the code.
    areas
        Codes of all areas, in the order of the counts.
    faults
        Grows with every fault of the outlines, and with areas that are in one file only.
    """
    try:
        outlines = load_boundaries(path, key=key)
    except InvalidInput as error:
        faults += error.faults
        return None
    before = len(faults)
    without = areas.difference(outlines.index)
    unknown = outlines.index.difference(areas)
    rule = "each area of the counts has an outline"
    faults += [
        Fault(f"{path.name}, '{key}'", rule, f"none for '{code}'") for code in without[:SHOWN]
    ]
    if len(without) > SHOWN:
        faults.append(Fault(path.name, rule, f"none for {len(without) - SHOWN:,} more"))
    rule = "each outline is that of an area of the counts"
    words = [str(code) for code in areas]
    faults += [
        Fault(f"{path.name}, '{key}'", rule, f"'{code}'", meant(code, words))
        for code in unknown[:SHOWN]
    ]
    if len(unknown) > SHOWN:
        faults.append(Fault(path.name, rule, f"{len(unknown) - SHOWN:,} more"))
    if len(faults) > before:
        return None
    ordered = outlines.loc[list(areas)]
    return build_graph(ordered, projection=_local_projection(ordered))


def _local_projection(outlines: gpd.GeoDataFrame) -> str:
    """Return an equal-area projection centred on the outlines, in metres."""
    west, south, east, north = outlines.total_bounds
    centre = f"+lat_0={(south + north) / 2:.4f} +lon_0={(west + east) / 2:.4f}"
    return f"+proj=laea {centre} +datum=WGS84 +units=m"


def describe(graph: Graph) -> str:
    """Say in a sentence how many areas, edges, parts and islands a graph has."""
    n, pairs = len(graph.districts), graph.pairs()
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    parts, label = connected_components(links, directed=False)
    islands = int((np.bincount(label, minlength=1) == 1).sum())
    return (
        f"areas: {n:,}; pairs of neighbours: {len(pairs):,}; connected parts: "
        f"{parts - islands:,}; islands: {islands:,}"
    )
