"""Sampling of a researcher's own areas by NUTS, until the gate is met or the budget is spent."""

import logging
import time
from dataclasses import asdict, dataclass

import numpy as np
import nutpie
import xarray as xr
from numpy.typing import NDArray

from threatkit.areal.config import ArealConfig
from threatkit.areal.data import ArealData
from threatkit.areal.model import build_areal, fixed_parameters, parameters
from threatkit.errors import Fault, InvalidInput
from threatkit.model.chains import Chains, Sampling, Update
from threatkit.model.gate import Diagnostics, diagnose

logger = logging.getLogger(__name__)

#: The field's eigenvectors are a dense matrix, of 200 MB at this number of areas.
MOST_AREAS = 5_000


@dataclass(frozen=True)
class ArealFit:
    """A fit of a researcher's own areas.

    Attributes
    ----------
    draws
        Posterior draws of the parameters, ``eta`` and ``z``; dims chain, draw, ...
    divergent
        Shape (chain, draw).
    parameters
        Names of the parameters, in the order in which they are reported.
    diagnostics
        Against the gate.
    seconds
        Time of compilation and of sampling.
    seed
        Of the chains.
    """

    draws: xr.Dataset
    divergent: NDArray[np.bool_]
    parameters: tuple[str, ...]
    diagnostics: Diagnostics
    seconds: dict[str, float]
    seed: int


def fit_areal(
    config: ArealConfig, data: ArealData, *, seed: int, update: Update | None = None
) -> ArealFit:
    """Sample the posterior of a configuration and hold it to the gate.

    Parameters
    ----------
    config, data
        As from `threatkit.areal.data.load_areal`.
    seed
        Of the chains.
    update
        Called while sampling.

    Raises
    ------
    InvalidInput
        If there are more areas than the exact engine takes.
    ThreatkitError
        If the sampler fails to start or to go on.
    """
    _refuse_many(data)
    begun = time.monotonic()
    compiled = nutpie.compile_pymc_model(build_areal(config, data))
    compile_seconds = time.monotonic() - begun
    logger.info("compiled %d unknowns in %.0f s", compiled.n_dim, compile_seconds)
    names = parameters(config, data)
    strict = [name for name in names if name not in fixed_parameters(config)]
    fields = ["eta"] if data.groups is None else ["eta", "z"]
    sampling = Sampling(**asdict(config.sampling))
    sampler = Chains(compiled, sampling, seed, update)
    try:
        for kept in range(1, sampling.max_rounds + 1):
            draws, divergent = sampler.until(kept * sampling.draws)
            draws = draws[[*names, *fields]]
            checked = diagnose(draws, divergent, strict, fields=fields)
            spent = (time.monotonic() - begun) / 60
            if checked.passed or spent > sampling.budget_minutes:
                break
            logger.info("the gate is not met after %d draws a chain", kept * sampling.draws)
    finally:
        sampler.close()
    seconds = {"compile": compile_seconds, "sample": time.monotonic() - begun - compile_seconds}
    return ArealFit(draws, divergent, tuple(names), checked, seconds, seed)


def _refuse_many(data: ArealData) -> None:
    if len(data.areas) > MOST_AREAS:
        raise InvalidInput(
            Fault(
                "--engine nuts",
                f"the exact engine takes at most {MOST_AREAS:,} areas",
                f"{len(data.areas):,}",
                "Fit a part of them, or join small areas",
            )
        )
