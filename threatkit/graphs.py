"""What the choice of graph does to the ranks: the same data fitted on several graphs."""

from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import KDTree
from scipy.stats import spearmanr

from threatkit.config import Config
from threatkit.data.edges import edge_graph
from threatkit.executor import Task, executor, results
from threatkit.geo.boundaries import EQUAL_AREA
from threatkit.geo.graph import Graph, build_graph
from threatkit.inputs import load_inputs, make_spec, own_graph, region_members
from threatkit.pipeline import fit_spec
from threatkit.progress import Progress, SilentProgress
from threatkit.scores import interval, ranks

FloatArray = NDArray[np.float64]

NEIGHBOURS = 6
SHARED, DOMESTIC, NEAREST, OWN = "shared", "domestic", f"nearest-{NEIGHBOURS}", "own"
#: Graph -> weight of international borders; None is that of the configuration.
WEIGHTS: dict[str, float | None] = {
    SHARED: None,
    DOMESTIC: None,
    "weight-0.5": 0.5,
    "weight-0.1": 0.1,
    NEAREST: None,
}
#: Random pairs of draws, one of each graph, in which ranks are compared.
PAIRS = 4000


@dataclass(frozen=True)
class Ranked:
    """The ranks under one graph.

    Attributes
    ----------
    districts
        Codes of the assessed districts of the region.
    names
        Their names.
    edges
        Number of pairs of neighbours.
    prob
        Shape (draw, district): chance of an episode.
    gate_passed
        Whether the fit may be used.
    """

    districts: tuple[str, ...]
    names: tuple[str, ...]
    edges: int
    prob: FloatArray
    gate_passed: bool


@dataclass(frozen=True)
class GraphComparison:
    """What each graph does to the ranks.

    Attributes
    ----------
    graphs
        Index graph; ``edges``; ``rank_correlation`` (Spearman) with the graph of shared
        borders over all districts; ``top_ten_changed``, how many of its top ten leave it;
        ``moved``, how many districts move by more than the posterior's own uncertainty;
        ``largest_move`` in ranks; ``gate_passed``.
    districts
        Index graph and district, for the top districts of any graph; ``name``, ``rank`` (of
        the mean chance, as in scores.csv) and its interval; ``higher_prob``, P(higher rank than
        under the shared borders), from pairs of draws; ``moved``, whether that
        lies outside the interval's tails.
    """

    graphs: pd.DataFrame
    districts: pd.DataFrame


def nearest_graph(boundaries: gpd.GeoDataFrame, count: int = NEIGHBOURS) -> Graph:
    """Return the graph in which each district neighbours the ``count`` nearest, either way.

    Nearness is that of points inside the districts; there are no lengths of borders.
    """
    points = boundaries.geometry.to_crs(EQUAL_AREA).representative_point()
    place = np.column_stack([points.x, points.y])
    count = min(count, len(place) - 1)
    near = KDTree(place).query(place, k=count + 1)[1][:, 1:]
    pairs = np.stack([np.repeat(np.arange(len(place)), count), near.ravel()], axis=1)
    pairs = np.unique(np.sort(pairs, axis=1), axis=0)
    countries = boundaries["country"].to_numpy(dtype=object)
    return edge_graph(boundaries.index, pairs[:, 0], pairs[:, 1], countries=countries)


def make_graph(name: str, config: Config, boundaries: gpd.GeoDataFrame) -> Graph:
    """Return a graph by its name; ``own`` is the configuration's list of neighbours."""
    if name == OWN and config.edges is not None:
        return own_graph(config.edges, boundaries)
    if name == NEAREST:
        return nearest_graph(boundaries)
    graph = build_graph(boundaries)
    if name != DOMESTIC:
        return graph
    inland = graph.edges[~graph.edges["international"].to_numpy(dtype=bool)]
    return replace(graph, edges=inland.reset_index(drop=True))


def rank_under(name: str, config: Config) -> Ranked:
    """Fit a configuration with the fast engine on a graph, and rank the region's districts."""
    weight = WEIGHTS.get(name)
    if weight is not None:
        config = replace(config, model=replace(config.model, international_weight=weight))
    config = replace(config, engine="laplace")
    inputs = load_inputs(replace(config, edges=None))
    inputs = replace(inputs, graph=make_graph(name, config, inputs.boundaries))
    fitted = fit_spec(make_spec(config, inputs), config)
    made = fitted.forecast
    members = region_members(config.region, made.districts)
    inside = np.asarray(made.districts.index.isin(list(members)) & (made.people > 0))
    kept = made.districts[inside]
    return Ranked(
        tuple(map(str, kept.index)),
        tuple(map(str, kept["name"])),
        len(inputs.graph.edges),
        made.event_prob[:, inside],
        fitted.diagnostics.passed,
    )


def compare_graphs(
    config: Config,
    *,
    top: int = 10,
    workers: int | None = None,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> GraphComparison:
    """Fit on every graph and compare the ranks.

    Parameters
    ----------
    config
        What to assess; where it has ``edges``, that graph is among them.
    top
        So many districts of highest rank under each graph are told.
    workers, scheduler
        See `threatkit.executor.executor`.
    progress
        Shows the fits.

    Raises
    ------
    InvalidInput
        If the inputs have faults, before any fit.
    """
    names = [*WEIGHTS, *([OWN] if config.edges is not None else [])]
    make_spec(config, load_inputs(config))
    progress = progress or SilentProgress()
    tasks = [Task(name, rank_under, (name, config)) for name in names]
    with (
        progress.step("Fitting on each graph") as update,
        executor(workers=workers, scheduler=scheduler) as pool,
    ):
        found = dict(results(pool, tasks, update=update))
    return compare_ranks(
        {name: found[name] for name in names}, top=top, ci_prob=config.ci_prob, seed=config.seed
    )


def compare_ranks(
    found: dict[str, Ranked], *, top: int, ci_prob: float, seed: int
) -> GraphComparison:
    """Compare ranks with those under the shared borders; see `GraphComparison`."""
    base = found[SHARED]
    tables = {name: _table(base, one, ci_prob, seed) for name, one in found.items()}
    first = tables[SHARED]["rank"]
    graphs = pd.DataFrame(
        {
            name: {
                "edges": found[name].edges,
                "rank_correlation": float(spearmanr(first, table["rank"]).statistic),
                "top_ten_changed": int(((first <= 10) & (table["rank"] > 10)).sum()),
                "moved": int(table["moved"].sum()),
                "largest_move": int((table["rank"] - first).abs().max()),
                "gate_passed": found[name].gate_passed,
            }
            for name, table in tables.items()
        }
    ).T.infer_objects()
    told = pd.concat([table["rank"] <= top for table in tables.values()], axis=1).any(axis=1)
    order = first[told].sort_values().index
    districts = pd.concat(
        {name: table.loc[order] for name, table in tables.items()}, names=["graph", "district"]
    )
    graphs.index.name = "graph"
    return GraphComparison(graphs, districts)


def _table(base: Ranked, one: Ranked, ci_prob: float, seed: int) -> pd.DataFrame:
    """Return ranks with intervals by district, and how they compare with the shared borders'."""
    rng = np.random.default_rng(seed)
    rank = ranks(one.prob)
    before = ranks(base.prob)[rng.integers(len(base.prob), size=PAIRS)]
    after = rank[rng.integers(len(rank), size=PAIRS)]
    higher = (after < before).mean(axis=0) + (after == before).mean(axis=0) / 2
    lo, hi = interval(rank, ci_prob)
    shown = pd.Series(-one.prob.mean(axis=0)).rank(method="first").to_numpy()
    tail = (1 - ci_prob) / 2
    table = pd.DataFrame(
        {
            "name": one.names,
            "rank": shown.astype(int),
            "rank_lo": np.minimum(np.floor(lo), shown).astype(int),
            "rank_hi": np.maximum(np.ceil(hi), shown).astype(int),
            "higher_prob": higher,
            "moved": (higher < tail) | (higher > 1 - tail),
        },
        index=pd.Index(one.districts, name="district"),
    )
    return table.loc[list(base.districts)]
