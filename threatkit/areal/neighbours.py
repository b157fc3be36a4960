"""Who borders whom among a researcher's own areas, from outlines, and what the graph is like."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from threatkit.data.plain import SHOWN
from threatkit.data.wording import meant
from threatkit.errors import Fault, InvalidInput
from threatkit.geo.boundaries import load_boundaries
from threatkit.geo.graph import Graph, build_graph


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
