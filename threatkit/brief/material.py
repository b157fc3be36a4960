"""What a report is made of: a finished run, its draws, its data, and what it is compared with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from threatkit.archive import read_forecast
from threatkit.brief.skill import Frozen, Skill, read_frozen, read_skill
from threatkit.compare import compare_runs
from threatkit.config import Config, parse_config
from threatkit.data.catalogue import Catalogue
from threatkit.errors import Fault, InvalidInput
from threatkit.export.run import Run, read_run
from threatkit.geo.graph import Graph
from threatkit.inputs import Inputs, load_inputs, make_spec
from threatkit.report.gather import summarise
from threatkit.report.series import oblast_series
from threatkit.report.summary import Summary
from threatkit.scores import Scores

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class DataPackage:
    """A data package as the report cites it.

    Attributes
    ----------
    name, title, version
        Of the package.
    licences
        Title and address of each licence.
    sources
        Title and address of each source.
    """

    name: str
    title: str
    version: str
    licences: tuple[tuple[str, str], ...]
    sources: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Material:
    """All that a report is made of.

    Attributes
    ----------
    summary
        Frames and facts of the run.
    codes
        The districts that are assessed.
    prob
        Draws of their chance, shape (draw, district).
    record
        What ``run.json`` holds.
    neighbours
        District -> neighbours with the length of the border in km, longest first.
    packages
        Data packages of the run.
    drifted
        Inputs that have changed since the run was made.
    changes
        Index district; the columns of `threatkit.compare.compare_runs`. None without a
        previous run.
    previous
        Record of the previous run.
    skill
        How good the forecasts have been; None where that is not known.
    frozen
        How forecasts did that were frozen before their time; None where there is no ledger.
    series
        Observed and replicated episodes by oblast and year, see `oblast_series`; None where the
        data are no longer those of the run.
    """

    summary: Summary
    codes: tuple[str, ...]
    prob: FloatArray
    record: Mapping[str, Any]
    neighbours: Mapping[str, list[tuple[str, float]]] = field(default_factory=dict)
    packages: tuple[DataPackage, ...] = ()
    drifted: tuple[str, ...] = ()
    changes: pd.DataFrame | None = None
    previous: Mapping[str, Any] = field(default_factory=dict)
    skill: Skill | None = None
    frozen: Frozen | None = None
    series: pd.DataFrame | None = None

    def people(self) -> FloatArray:
        """Return the people of the assessed districts; not a number where unknown."""
        column = pd.to_numeric(self.summary.scores.loc[list(self.codes), "population"])
        return np.asarray(column.astype("float64"))


def gather_material(
    folder: Path,
    *,
    previous: Path | None = None,
    skill: Path | None = None,
    ledger: Path | None = None,
) -> Material:
    """Read a finished run and all that a report says of it.

    Parameters
    ----------
    folder
        The run.
    previous
        An earlier run, for what changed since.
    skill
        A backtest, see `threatkit.brief.skill`.
    ledger
        Forecasts that were frozen, see `threatkit.evaluate.ledger`.

    Raises
    ------
    InvalidInput
        If a run is missing, broken or of another series of versions, if its data are gone, or
        if the two runs cannot be compared.
    """
    run = read_run(folder)
    config = parse_config(run.record["config"], name=f"{folder}/run.json")
    inputs = load_inputs(config)
    _check_districts(run, inputs.catalogue.districts.index)
    made, _, _ = read_forecast(folder / "posterior.nc")
    scores = Scores(run.scores, run.areas, pd.DataFrame(), float(run.record["ci_prob"]))
    summary = summarise(config, inputs.catalogue, inputs.boundaries, made, scores, run.record)
    assessed = run.scores.index[run.scores["event_prob"].notna()]
    before = read_run(previous) if previous is not None else None
    drifted = drifted_inputs(run.record["inputs"], inputs.hashes)
    return Material(
        summary=summary,
        codes=tuple(str(code) for code in assessed),
        prob=made.event_prob[:, made.districts.index.get_indexer(assessed)],
        record=run.record,
        neighbours=neighbours_of(inputs.graph),
        packages=package_facts(inputs.catalogue),
        drifted=drifted,
        changes=compare_runs(before, run).districts if before is not None else None,
        previous=before.record if before is not None else {},
        skill=read_skill(skill) if skill is not None else None,
        frozen=read_frozen(ledger, inputs.catalogue) if ledger is not None else None,
        series=None if drifted else fitted_series(folder, config, inputs),
    )


def fitted_series(folder: Path, config: Config, inputs: Inputs) -> pd.DataFrame:
    """Return what was seen and what the fitted model replicates in each oblast and year."""
    with xr.open_datatree(folder / "posterior.nc", engine="h5netcdf") as tree:
        draws = tree["posterior"].to_dataset().load()
    return oblast_series(make_spec(config, inputs), draws, ci_prob=config.ci_prob)


def _check_districts(run: Run, known: pd.Index) -> None:
    """Refuse a run whose districts are not those of the data as they lie here now."""
    missing = run.scores.index.difference(known)
    if len(missing):
        raise InvalidInput(
            Fault(
                str(run.folder),
                "the districts of a run are in the table of districts",
                f"{len(missing)} unknown, among them {', '.join(missing[:3])}",
                "Give the packages with which the run was made, or run 'assess' again",
            )
        )


def neighbours_of(graph: Graph) -> dict[str, list[tuple[str, float]]]:
    """Return the neighbours of each district, those with the longest border first."""
    around: dict[str, list[tuple[str, float]]] = {code: [] for code in graph.districts}
    for a, b, km in graph.edges[["a", "b", "border_km"]].itertuples(index=False):
        around[a].append((b, float(km)))
        around[b].append((a, float(km)))
    return {code: sorted(ends, key=lambda end: (-end[1], end[0])) for code, ends in around.items()}


def package_facts(catalogue: Catalogue) -> tuple[DataPackage, ...]:
    """Return what is cited of each data package."""
    sources = catalogue.sources
    return tuple(
        DataPackage(
            package.name,
            str(package.title),
            str(package.version),
            tuple(
                (str(item.get("title") or item.get("name", "")), str(item.get("path", "")))
                for item in package.descriptor.get("licenses", [])
            ),
            tuple(
                (str(title), str(path))
                for title, path in sources.loc[
                    sources["package"] == package.name, ["title", "path"]
                ].itertuples(index=False)
            ),
        )
        for package in catalogue.packages
    )


def drifted_inputs(recorded: Mapping[str, str], present: Mapping[str, str]) -> tuple[str, ...]:
    """Return the inputs whose content is not that with which the run was made."""
    names = {*recorded, *present}
    return tuple(sorted(name for name in names if recorded.get(name) != present.get(name)))
