"""From a configuration to the inputs that it names, checked, and to the model's specification."""

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from threatkit.columns import columns
from threatkit.config import Config
from threatkit.data.catalogue import Catalogue, load_catalogue
from threatkit.data.edges import read_edges
from threatkit.errors import Fault, InvalidInput
from threatkit.evaluate.knowledge import known_at
from threatkit.geo.boundaries import load_boundaries
from threatkit.geo.graph import Graph, build_graph
from threatkit.model.assemble import Outcome, assemble, last_covered_day
from threatkit.model.spec import ModelSpec, Priors, make_priors
from threatkit.paths import data_dir

logger = logging.getLogger(__name__)

#: Tables that the model reads, beside values, with the columns that it does not leave out.
_TABLES = {
    "events": (
        *("event_id", "date_start", "date_end", "area_level", "area_code", "event_type"),
        *("fatalities_low", "fatalities_best", "episode_group"),
    ),
    "districts": (
        *("district", "name", "country", "oblast", "oblast_name", "fergana"),
        *("population", "population_log_sd"),
    ),
    "ucdp_episodes": (),
    "afghan_side": (),
    "national_population": (),
    "coverage": (),
}


@dataclass(frozen=True)
class Inputs:
    """Everything that is read before a model is made.

    Attributes
    ----------
    catalogue
        Checked data packages.
    boundaries
        Outlines of the districts, index ``district``.
    graph
        Borders between them.
    hashes
        SHA-256 of every file that was read.
    """

    catalogue: Catalogue
    boundaries: gpd.GeoDataFrame
    graph: Graph
    hashes: Mapping[str, str]

    def kept(self) -> dict[str, Any]:
        """Return what the model reads, as JSON types; `threatkit.keptinputs` reads it back."""
        values = self.catalogue.values.drop(columns=["note", "file", "row"])
        tables = {"values": values, "edges": self.graph.edges}
        for name, wanted in _TABLES.items():
            if self.catalogue.has_table(name):
                frame = self.catalogue.table(name)
                chosen = [c for c in frame if not wanted or c in wanted]
                traced = [] if wanted else ["package", "file", "row", "reason"]
                tables[name] = frame[chosen].drop(columns=traced, errors="ignore")
        declared = {
            str(item["name"]): {**item, "package": package.name}
            for package in reversed(self.catalogue.packages)
            for item in package.indicators
        }
        return {
            "format": 1,
            "tables": {name: columns(frame) for name, frame in sorted(tables.items())},
            "definitions": dict(sorted(declared.items())),
            "outlined": list(self.graph.districts),
        }


def load_inputs(config: Config) -> Inputs:
    """Read and check data packages and boundaries.

    With ``known_then`` the catalogue has no indicator value that had not been published by the
    date of the assessment.

    Raises
    ------
    InvalidInput
        With every fault of the packages, or of the boundaries.
    """
    catalogue = load_catalogue(config.indicators, shipped=config.shipped)
    if config.known_then:
        catalogue = known_at(catalogue, config.as_of or last_covered_day(catalogue.coverage))
    codes = catalogue.districts.index
    boundaries = load_boundaries(config.boundaries, codes=codes)
    hashes = dict(catalogue.hashes)
    if config.boundaries is not None:
        hashes["boundaries"] = _sha256(config.boundaries)
    else:
        shipped = data_dir("maps") / "boundaries" / "districts.geojson"
        hashes["maps/boundaries/districts.geojson"] = _sha256(shipped)
    if config.edges is None:
        return Inputs(catalogue, boundaries, build_graph(boundaries), hashes)
    hashes["edges"] = _sha256(config.edges)
    return Inputs(catalogue, boundaries, own_graph(config.edges, boundaries), hashes)


def own_graph(edges: Path, boundaries: gpd.GeoDataFrame) -> Graph:
    """Return the graph of a user's list of neighbours; a border without length is NaN.

    Raises
    ------
    InvalidInput
        With every fault of the list.
    """
    faults: list[Fault] = []
    countries = boundaries["country"].to_numpy(dtype=object)
    graph = read_edges(
        edges, boundaries.index, faults, countries=countries, of="that have an outline"
    )
    if graph is None:
        raise InvalidInput(faults)
    return graph


def make_spec(config: Config, inputs: Inputs) -> ModelSpec:
    """Return the specification of a configuration on its inputs.

    Raises
    ------
    InvalidInput
        With every prior, judgement or setting that breaks a rule.
    """
    faults: list[Fault] = []
    with _gathered(faults):
        region_members(config.region, inputs.catalogue.districts)
    priors = Priors()
    with _gathered(faults):
        priors = make_priors(config.priors)
    with _gathered(faults):
        spec = _spec(config, inputs, priors)
    if faults:
        raise InvalidInput(faults)
    for note in spec.notes:
        logger.warning("%s", note)
    return spec


@contextmanager
def _gathered(faults: list[Fault]) -> Iterator[None]:
    """Keep the faults of a check and go on to the next, so that all come at once."""
    try:
        yield
    except InvalidInput as error:
        faults.extend(error.faults)


def _spec(config: Config, inputs: Inputs, priors: Priors) -> ModelSpec:
    outcome = Outcome(
        event_types=config.event_types,
        require_death=config.require_death,
        start_year=config.start_year,
        as_of=config.as_of,
    )
    panel = assemble(inputs.catalogue, inputs.graph, outcome)
    options = config.model
    held = set(panel.fixed) | set(panel.measurements.table["pillar"])
    order = ("border", "youth", "extremism")
    named = [*(name for name in order if name in held), *sorted(held - set(order))]
    return ModelSpec(
        panel,
        priors=priors,
        likelihood=options.likelihood,
        year_effect=options.year_effect,
        region_years=options.region_years,
        groups=options.groups,
        moving_place=options.moving_place,
        epoch_years=options.epoch_years,
        pillars=tuple(named) if options.pillars else (),
        history=options.history,
        spillover=options.spillover,
        afghan_spillover=options.afghan_spillover,
        detection=options.detection,
        partial_coverage=options.partial_coverage,
        feedback=options.feedback,
        international_weight=options.international_weight,
        horizon_months=config.horizon_months,
        judgements=config.judgements,
    )


def region_members(region: str, districts: pd.DataFrame) -> Sequence[str]:
    """Return the codes of the districts of a region.

    Raises
    ------
    InvalidInput
        If no district belongs to it.
    """
    if region == "central-asia":
        return list(districts.index)
    if region == "fergana":
        return list(districts.index[districts["fergana"].astype(bool)])
    inside = (districts["country"] == region) | (districts["oblast"] == region)
    if not inside.any():
        known = sorted({*districts["country"], *districts["oblast"]})
        raise InvalidInput(
            Fault(
                f"region '{region}'",
                f"a region is central-asia, fergana or one of {', '.join(known)}",
                "no district in it",
            )
        )
    return list(districts.index[inside])


def _sha256(path: Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
