"""What a fit of own areas is: draws, parameters and diagnostics, whatever engine made them."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from threatkit.areal.config import ArealConfig
from threatkit.areal.counts import OVERDISPERSION
from threatkit.areal.data import ArealData
from threatkit.errors import Fault, InvalidInput
from threatkit.model.gate import Diagnostics

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
        Against the engine's gate.
    seconds
        Wall time of each step.
    seed
        Of the chains.
    """

    draws: xr.Dataset
    divergent: NDArray[np.bool_]
    parameters: tuple[str, ...]
    diagnostics: Diagnostics
    seconds: dict[str, float]
    seed: int


def effects(data: ArealData) -> list[str]:
    """Return the names of the coefficients beta, in their order."""
    names = [str(name) for name in data.covariates.columns]
    return names if data.groups is None else [*names, data.groups.name]


def fixed_parameters(config: ArealConfig) -> set[str]:
    """Return the names of the parameters that have one value and no distribution."""
    priors = dict(config.priors) | ({} if config.groups is None else dict(config.groups.priors))
    names = {name for name, prior in priors.items() if prior.family == "fixed"}
    return {"mu" if name == "intercept" else name for name in names}


def parameters(config: ArealConfig, data: ArealData) -> list[str]:
    """Return the names of the parameters that are reported, in their order."""
    names = ["mu", *(["beta"] if effects(data) else []), "sigma", "phi"]
    if config.likelihood in OVERDISPERSION:
        names.append(OVERDISPERSION[config.likelihood])
    if config.groups is not None:
        names += ["lam", "c", *(["phi_z"] if config.groups.form == "bym2" else [])]
    return names


def refuse_many(data: ArealData) -> None:
    """Refuse more areas than a dense field takes.

    Raises
    ------
    InvalidInput
        If there are more than `MOST_AREAS`.
    """
    if len(data.areas) > MOST_AREAS:
        raise InvalidInput(
            Fault(
                "threatkit fit",
                f"a fit takes at most {MOST_AREAS:,} areas",
                f"{len(data.areas):,}",
                "Fit a part of them, or join small areas",
            )
        )
