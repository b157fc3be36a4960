"""Finished runs as the scripts of ``derive`` read them, and frames as Markdown."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import xarray as xr

from threatkit.checks import run_draws, run_spec
from threatkit.export.run import Run, read_run
from threatkit.model.spec import ModelSpec


@dataclass(frozen=True)
class Material:
    """A finished run with its specification and draws."""

    run: Run
    spec: ModelSpec
    draws: xr.Dataset

    @property
    def seed(self) -> int:
        """Return the seed of the run."""
        return int(self.run.record["seed"])


def read(folder: Path) -> Material:
    """Read a finished run."""
    run = read_run(folder)
    return Material(run, run_spec(run), run_draws(folder))


def markdown(frame: pd.DataFrame) -> str:
    """Return a frame as a Markdown table, without its index."""
    lines = ["| " + " | ".join(map(str, frame.columns)) + " |", "|" + "---|" * len(frame.columns)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in frame.itertuples(index=False)]
    return "\n".join(lines)
