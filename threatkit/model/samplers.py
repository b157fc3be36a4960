"""The samplers of the exact engine: nutpie, NumPyro and PyMC's own, looked at alike."""

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
import pymc as pm
import xarray as xr
from numpy.typing import NDArray

from threatkit.errors import Fault, InvalidInput
from threatkit.model.chains import Chains, Sampling, Update
from threatkit.model.compiled import compile_model

logger = logging.getLogger(__name__)


class Sampler(Protocol):
    """Chains that can be looked at at fixed lengths."""

    def until(self, kept: int) -> tuple[xr.Dataset, NDArray[np.bool_]]:
        """Return the first ``kept`` draws of each chain, and which of them diverged."""

    def close(self) -> None:
        """Stop."""


#: Starts chains: how to sample, seed, what to call while sampling.
Starter = Callable[[Sampling, int, Update | None], Sampler]


def prepare(model: pm.Model, names: Sequence[str], sampler: str, inputs: Sequence[Any]) -> Starter:
    """Make a model ready for a sampler; nutpie's is compiled, the others compile as they start.

    Parameters
    ----------
    model
        What to sample.
    names
        Variables that are kept.
    sampler
        ``nutpie``, ``numpyro`` or ``pymc``.
    inputs
        What the model was made from, by which compiled code is found again.

    Raises
    ------
    InvalidInput
        If the sampler is not installed.
    """
    require(sampler)
    if sampler != "nutpie":
        return lambda sampling, seed, update: Blocks(model, names, sampling, seed, update)
    compiled = compile_model(model, names, inputs)
    logger.info("%d unknowns", compiled.n_dim)
    return lambda sampling, seed, update: Chains(compiled, sampling, seed, update)


def prepare_with_data(
    model: pm.Model, names: Sequence[str], sampler: str, inputs: Sequence[Any]
) -> Callable[[Mapping[str, NDArray[np.float64]]], Starter]:
    """Make a model ready whose data change from fit to fit, and are not compiled in.

    Parameters
    ----------
    model
        What to sample; its data (`pymc.Data`) only give the shapes, as none may be kept from
        one run to the next.
    names, sampler
        As for `prepare`.
    inputs
        What the model was made from, but for its data.

    Returns
    -------
    Callable
        From the data, name -> values, to what starts chains.

    Raises
    ------
    InvalidInput
        See `require_data`.
    """
    require_data(sampler)
    compiled = compile_model(model, names, inputs)
    logger.info("%d unknowns", compiled.n_dim)

    def given(data: Mapping[str, NDArray[np.float64]]) -> Starter:
        own = compiled.with_data(**data)
        return lambda sampling, seed, update: Chains(own, sampling, seed, update)

    return given


def require_data(sampler: str) -> None:
    """Check that a sampler takes new data without compiling anew.

    Raises
    ------
    InvalidInput
        If it does not: NumPyro writes data into its code, PyMC's own compiles for each call.
    """
    if sampler != "nutpie":
        raise InvalidInput(
            Fault(
                f"--sampler {sampler} with --feedback cut",
                "a cut samples the outcome anew for each draw of the pillars, and of the exact "
                "engine's samplers nutpie alone takes them without compiling each time",
                sampler,
                "Use --sampler nutpie, or --engine laplace, which has samplers of its own",
            )
        )


def require(sampler: str) -> None:
    """Check that a sampler is installed, before anything else is done.

    Raises
    ------
    InvalidInput
        If it is not.
    """
    missing = [name for name in ("jax", "numpyro") if find_spec(name) is None]
    if sampler == "numpyro" and missing:
        raise InvalidInput(
            Fault(
                "--sampler numpyro",
                "NumPyro and JAX come with the extra 'numpyro'",
                f"{' and '.join(missing)} not installed",
                "Install threatkit[numpyro], and JAX for your GPU; or use nutpie",
            )
        )


def devices(sampler: str) -> list[str]:
    """Return the devices that a sampler runs on, for the record."""
    if sampler != "numpyro":
        return ["cpu"]
    import jax

    return [f"{device.platform}: {device.device_kind}" for device in jax.devices()]


class Blocks:
    """Chains of a sampler that cannot be paused: each look that asks for more adds a block.

    A block goes on from the last draw of each chain and adapts anew before it keeps draws, so
    that the chains are as long as if they had never stopped.
    """

    def __init__(
        self,
        model: pm.Model,
        names: Sequence[str],
        sampling: Sampling,
        seed: int,
        update: Update | None,
    ) -> None:
        self._model = model
        self._names = list(names)
        self._sampling = sampling
        self._seed = seed
        self._update = update
        self._draws: list[xr.Dataset] = []
        self._divergent: list[NDArray[np.bool_]] = []

    def until(self, kept: int) -> tuple[xr.Dataset, NDArray[np.bool_]]:
        """Return the first ``kept`` draws of each chain, and which of them diverged."""
        have = sum(block.sizes["draw"] for block in self._draws)
        chains = self._sampling.chains
        if have < kept:
            if self._update is not None:
                self._update(have * chains, kept * chains, self._sampling.sampler)
            self._add(kept - have)
        if self._update is not None:
            self._update(kept * chains, kept * chains, self._sampling.sampler)
        draws = xr.concat(self._draws, dim="draw").assign_coords(draw=np.arange(max(have, kept)))
        divergent = np.concatenate(self._divergent, axis=1)
        return draws.isel(draw=slice(kept)), divergent[:, :kept]

    def _add(self, count: int) -> None:
        seed = int(np.random.SeedSequence([self._seed, len(self._draws)]).generate_state(1)[0])
        starts = self._last() if self._draws else None
        sampled = _numpyro if self._sampling.sampler == "numpyro" else _pymc
        tree = sampled(self._model, self._names, self._sampling, count, seed, starts)
        self._draws.append(tree["posterior"].to_dataset())
        self._divergent.append(tree["sample_stats"]["diverging"].to_numpy().astype(bool))

    def _last(self) -> list[dict[str, NDArray[np.float64]]]:
        """Return where each chain stands, by the names of the free variables."""
        last = self._draws[-1].isel(draw=-1)
        free = [str(variable.name) for variable in self._model.free_RVs]
        return [
            {name: last[name].isel(chain=chain).to_numpy() for name in free}
            for chain in range(self._sampling.chains)
        ]

    def close(self) -> None:
        """Do nothing: no block runs between looks."""


def _numpyro(
    model: pm.Model, names: list[str], sampling: Sampling, count: int, seed: int, starts: Any
) -> Any:
    import jax
    import numpyro
    from pymc.sampling.jax import sample_numpyro_nuts

    # A processor is one device unless JAX is told otherwise before it starts; chains that run
    # side by side want one each. A GPU runs all chains as one.
    numpyro.set_host_device_count(sampling.chains)
    enough = jax.local_device_count() >= sampling.chains
    return sample_numpyro_nuts(
        draws=count,
        tune=sampling.tune,
        chains=sampling.chains,
        target_accept=sampling.target_accept,
        random_seed=seed,
        initvals=starts,
        jitter=starts is None,
        model=model,
        var_names=names,
        progressbar=False,
        compute_convergence_checks=False,
        chain_method="parallel" if enough else "vectorized",
    )


def _pymc(
    model: pm.Model, names: list[str], sampling: Sampling, count: int, seed: int, starts: Any
) -> Any:
    with warnings.catch_warnings():
        # The chains are processes of their own and share no thread with this one.
        warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork")
        return pm.sample(
            draws=count,
            tune=sampling.tune,
            chains=sampling.chains,
            target_accept=sampling.target_accept,
            random_seed=seed,
            initvals=starts,
            init="auto" if starts is None else "adapt_diag",
            model=model,
            var_names=names,
            nuts_sampler="pymc",
            progressbar=False,
            compute_convergence_checks=False,
        )
