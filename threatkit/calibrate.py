"""Calibration of an engine: from a configuration to simulations, ranks, a table and a figure."""

import json
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from threatkit.config import Config
from threatkit.csvtext import frame_text
from threatkit.evaluate.calibration import (
    LEVEL,
    RANKED,
    Design,
    stand_ins,
    table,
    tasks,
    uniformity,
)
from threatkit.evaluate.rankplot import rank_figure
from threatkit.executor import executor, results
from threatkit.finished import json_folder
from threatkit.inputs import load_inputs, make_spec, region_members
from threatkit.model.generate import restrict
from threatkit.model.spec import ModelSpec, make_priors
from threatkit.options import Engine
from threatkit.progress import Progress, SilentProgress
from threatkit.wholefile import write_whole


@dataclass(frozen=True)
class Calibration:
    """What a calibration found.

    Attributes
    ----------
    ranks
        One row a simulation and quantity.
    uniformity
        One row a quantity; see `threatkit.evaluate.calibration.uniformity`.
    record
        Settings, priors, shape, versions, time, and how many fits met the gate.
    """

    ranks: pd.DataFrame
    uniformity: pd.DataFrame
    record: dict[str, Any]


def shape(config: Config, size: str) -> ModelSpec:
    """Return the specification of a calibration: a region's shape, priors that can be simulated.

    Priors of the configuration win over those that stand in for defaults.

    Raises
    ------
    InvalidInput
        If the inputs have faults or no district lies in the region.
    """
    inputs = load_inputs(config)
    spec = make_spec(config, inputs)
    members = region_members(size, inputs.catalogue.districts)
    if len(members) < len(spec.panel.districts):
        panel = restrict(spec.panel, members)
        measured = set(panel.measurements.table["pillar"]) | set(panel.fixed)
        spec = replace(
            spec, panel=panel, pillars=tuple(name for name in spec.pillars if name in measured)
        )
    priors = make_priors({**stand_ins(spec), **config.priors})
    # A cut posterior is no posterior of the joint model: its ranks would not be uniform.
    return replace(spec, priors=priors, judgements=(), feedback="full")


def calibrate(
    config: Config,
    out: Path,
    *,
    engine: Engine = "laplace",
    simulations: int = 100,
    size: str = "central-asia",
    draws: int = 1000,
    seed: int = 20261124,
    workers: int | None = None,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> Calibration:
    """Calibrate an engine; see ``threatkit calibrate``.

    Each simulation is kept in ``out`` as soon as it has ended: the same call goes on where an
    earlier one stopped, and more simulations of the same design add to those that are there.

    Parameters
    ----------
    config
        Data, model and priors.
    out
        Folder of the files.
    engine, simulations, size, draws, seed
        See `Design` and `shape`.
    workers, scheduler
        See `threatkit.executor.executor`.
    progress
        Shows the steps.

    Raises
    ------
    InvalidInput
        If the configuration has faults, or its priors give a panel that cannot be fitted.
    OutputFailed
        If the folder cannot be written.
    """
    progress = progress or SilentProgress()
    with progress.step("Reading indicators and boundaries"):
        spec = shape(config, size)
    design = Design(spec, engine, draws, seed)
    kept = json_folder(Path(out) / "simulations")
    with progress.step("Simulating and fitting") as update:
        todo = tasks(design, simulations)
        with executor(workers=workers, scheduler=scheduler) as pool:
            done = [made for _, made in results(pool, todo, finished=kept, update=update)]
    ranks = table(done)
    found = uniformity(ranks)
    made = Calibration(ranks, found, _record(design, size, done, found))
    write(made, out)
    return made


def _record(
    design: Design, size: str, done: list[dict[str, Any]], found: pd.DataFrame
) -> dict[str, Any]:
    panel = design.spec.panel
    seconds = pd.Series([made["seconds"] for made in done])
    episodes = pd.Series([made["episodes"] for made in done])
    cells = len(panel.districts) * len(panel.periods)
    return {
        "engine": design.engine,
        "simulations": len(done),
        "draws": design.draws,
        "ranked_among": RANKED,
        "seed": design.seed,
        "level": LEVEL,
        "size": size,
        "districts": len(panel.districts),
        "periods": len(panel.periods),
        "cells": cells,
        "indicator_values": len(panel.measurements.table),
        "episodes": {f"q{q:02d}": float(episodes.quantile(q / 100)) for q in (5, 50, 95)},
        "priors": {name: str(prior) for name, prior in vars(design.spec.priors).items()},
        "processor_seconds": {
            "total": round(float(seconds.sum()), 1),
            "median": round(float(seconds.median()), 2),
        },
        "gate_met": sum(bool(made["passed"]) for made in done),
        "not_uniform": list(found.index[~found["uniform"]]),
        "versions": {name: version(name) for name in ("threatkit", "numpy", "scipy", "pymc")},
    }


def write(made: Calibration, out: Path) -> None:
    """Write ranks.csv, uniformity.csv, ecdf.svg and calibration.json, each whole or not at all."""
    texts = {
        "ranks.csv": frame_text(made.ranks),
        "uniformity.csv": frame_text(made.uniformity),
        "ecdf.svg": rank_figure(made.ranks),
        "calibration.json": json.dumps(made.record, indent=1) + "\n",
    }
    for name, text in texts.items():
        write_whole(Path(out) / name, text)
