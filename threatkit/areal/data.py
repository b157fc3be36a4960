"""The data of a fit: counts, exposure, covariates and neighbours of a researcher's own areas."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from threatkit.areal.config import ArealConfig, read_config
from threatkit.areal.groups import SE, GroupData, read_groups
from threatkit.areal.neighbours import describe, read_polygons
from threatkit.data.edges import read_edges
from threatkit.data.plain import PlainTable, codes, flag, numbers, read_plain
from threatkit.errors import Fault, InvalidInput
from threatkit.geo.graph import Graph

FloatArray = NDArray[np.float64]

#: A covariate whose part that the others do not give is smaller than this is collinear.
COLLINEAR = 1e-7


@dataclass(frozen=True)
class ArealData:
    """Checked data of N areas.

    Attributes
    ----------
    graph
        Areas, in the order of the counts, and their neighbours.
    count
        Shape (N,), events; NaN where they are not known.
    exposure
        Shape (N,), what the number of events is proportional to; 0 where it is not known.
    covariates
        Shape (N, P), index area: standardised to mean 0 and population sd 1.
    groups
        What is known of a covariate known with error.
    notes
        What a reader of the results must know, as sentences.
    """

    graph: Graph
    count: FloatArray
    exposure: FloatArray
    covariates: pd.DataFrame
    groups: GroupData | None = None
    notes: tuple[str, ...] = ()

    @property
    def areas(self) -> tuple[str, ...]:
        """Return the codes of the areas."""
        return self.graph.districts

    @property
    def observed(self) -> NDArray[np.bool_]:
        """Return which areas have a count and an exposure, shape (N,)."""
        return np.isfinite(self.count) & (self.exposure > 0)


def load_areal(path: Path) -> tuple[ArealConfig, ArealData]:
    """Read a configuration and the files that it names.

    Raises
    ------
    InvalidInput
        With every fault of the configuration and of the files.
    """
    faults: list[Fault] = []
    config = read_config(path, faults)
    data = None if config is None else read_data(config, faults)
    if faults or config is None or data is None:
        raise InvalidInput(faults)
    return config, data


def read_data(config: ArealConfig, faults: list[Fault]) -> ArealData | None:
    """Read and check the files of a configuration, and add their faults to a list.

    Returns
    -------
    The data, or None where something is wrong.
    """
    before = len(faults)
    areas, groups = config.areas, config.groups
    columns = [areas.area, areas.count, areas.exposure, *config.covariates]
    if groups is not None:
        columns += [groups.covariate, groups.covariate + SE]
        columns += [groups.group, groups.weight] if groups.table else []
    table = read_plain(areas.counts, columns, faults)
    if table is None:
        return None
    names = codes(table, areas.area, faults, thing="an area")
    count, exposure = _outcome(table, areas.count, areas.exposure, faults)
    covariates = _covariates(table, config.covariates, names, faults)
    known = names[(names != "") & ~names.duplicated()]
    graph = _graph(config, known, faults)
    measured = None if groups is None else read_groups(table, groups, known, faults)
    if len(faults) > before or graph is None:
        return None
    notes = _notes(count, exposure, graph)
    return ArealData(graph, count, np.nan_to_num(exposure), covariates, measured, notes)


def _outcome(
    table: PlainTable, count: str, exposure: str, faults: list[Fault]
) -> tuple[FloatArray, FloatArray]:
    """Return the counts and the exposure, and tell where they contradict each other."""
    y = numbers(table, count, faults, what="a whole number of events")
    e = numbers(table, exposure, faults, what="an exposure, such as people or expected events")
    flag(table, y < 0, count, "a count is not negative", faults)
    fraction = np.isfinite(y) & (y != np.round(y))
    remedy = "Give events themselves, not a rate or a weighted number"
    flag(table, fraction, count, "a count is a whole number", faults, remedy)
    flag(table, e < 0, exposure, "an exposure is not negative", faults)
    written = table.text[exposure].to_numpy() != ""
    flag(
        table,
        np.isfinite(y) & np.isnan(e) & ~(written & (table.text[exposure] != "NA").to_numpy()),
        exposure,
        "an area with a count has an exposure",
        faults,
        "Give it, or empty the count as well: the area is then predicted",
    )
    flag(
        table,
        (y > 0) & (e == 0),
        exposure,
        "an area with events has an exposure above 0",
        faults,
        "Where nobody is exposed no event can happen: correct one of the two",
    )
    return y, e


def _covariates(
    table: PlainTable, columns: Sequence[str], names: pd.Index, faults: list[Fault]
) -> pd.DataFrame:
    """Return the standardised covariates; a constant or collinear one is a fault."""
    found: dict[str, FloatArray] = {}
    for column in columns:
        before = len(faults)
        values = numbers(table, column, faults)
        remedy = "Fill it in, leave the covariate out, or describe it under [groups]"
        empty = np.isnan(values) & (len(faults) == before)
        flag(table, empty, column, "a covariate is known in every area", faults, remedy)
        if len(faults) > before:
            continue
        spread = values.std()
        if spread <= 1e-9 * max(np.abs(values).max(), 1e-300):
            rule = "a covariate differs between areas"
            remedy = "Leave it out: the intercept says the same"
            where = f"{table.where}, column '{column}'"
            faults.append(Fault(where, rule, f"{values[0]:g} everywhere", remedy))
            continue
        found[column] = (values - values.mean()) / spread
    frame = pd.DataFrame(found, index=pd.Index(names, name="area"), dtype=np.float64)
    faults += _collinear(table, frame)
    return frame


def _collinear(table: PlainTable, frame: pd.DataFrame) -> list[Fault]:
    """Name covariates that are a combination of those that stand before them."""
    values = frame.to_numpy()
    faults: list[Fault] = []
    for place in range(1, values.shape[1]):
        earlier, own = values[:, :place], values[:, place]
        weights, *_ = np.linalg.lstsq(earlier, own, rcond=1e-10)
        rest = own - earlier @ weights
        if np.linalg.norm(rest) <= COLLINEAR * np.linalg.norm(own):
            involved = [str(c) for c in frame.columns[:place][np.abs(weights) > COLLINEAR]]
            faults.append(
                Fault(
                    f"{table.where}, column '{frame.columns[place]}'",
                    "a covariate is no combination of the others",
                    f"it follows from {', '.join(involved)}",
                    "Leave one of them out",
                )
            )
    return faults


def _graph(config: ArealConfig, areas: pd.Index, faults: list[Fault]) -> Graph | None:
    if config.areas.edges is not None:
        return read_edges(config.areas.edges, areas, faults)
    if config.areas.polygons is not None:
        return read_polygons(config.areas.polygons, config.areas.key, areas, faults)
    return None


def _notes(count: FloatArray, exposure: FloatArray, graph: Graph) -> tuple[str, ...]:
    observed = np.isfinite(count) & (np.nan_to_num(exposure) > 0)
    notes = [f"{describe(graph)}; events: {count[observed].sum():,.0f}"]
    if not observed.any():
        notes.append(
            "no area has a count and an exposure: the posterior is the prior's, in everything"
        )
    elif not count[observed].any():
        notes.append(
            "no event in any area: how low the rates are, and every difference between areas, is "
            "the prior's; the data say only that the rates are not high"
        )
    missing = int((~observed).sum())
    if missing and observed.any():
        notes.append(
            f"areas without a count or exposure: {missing:,}; their eta is predicted from "
            "covariates, neighbours and the prior"
        )
    if not len(graph.edges):
        notes.append("no area has a neighbour: phi is the prior's")
    if len(graph.districts) == 1:
        notes.append("one area: mu and its own effect are told apart by their priors only")
    return tuple(notes)
