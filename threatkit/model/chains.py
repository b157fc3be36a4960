"""Chains of NUTS that run in the background and are looked at at fixed lengths."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import nutpie
import xarray as xr
from numpy.typing import NDArray

from threatkit.errors import ThreatkitError

#: Called with (draws done, draws planned, note) while sampling.
Update = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Sampling:
    """How to sample.

    Attributes
    ----------
    chains, tune, draws
        Chains, and warm-up and kept draws of each chain in the first round.
    target_accept
        Target acceptance of the step size.
    max_rounds
        The chains grow to at most ``max_rounds * draws`` kept draws.
    budget_minutes
        No further round is begun after this time.
    cut_budget_minutes
        With cut feedback no further draw of the pillars is begun after this time.
    sampler
        ``nutpie``, ``numpyro`` or ``pymc``.
    """

    chains: int = 4
    tune: int = 500
    draws: int = 1500
    target_accept: float = 0.9
    max_rounds: int = 3
    budget_minutes: float = 10.0
    cut_budget_minutes: float = 20.0
    sampler: str = "nutpie"


class Chains:
    """Chains that run in the background and can be looked at at fixed lengths.

    All chains run at once, on however many cores there are, so that all have the length
    that is looked at.
    """

    def __init__(self, compiled: Any, sampling: Sampling, seed: int, update: Update | None) -> None:
        self._sampling = sampling
        self._update = update
        self._done = [0] * sampling.chains
        self._result: xr.DataTree | None = None
        self._resting = False
        self._running = nutpie.sample(
            compiled,
            draws=sampling.max_rounds * sampling.draws,
            tune=sampling.tune,
            chains=sampling.chains,
            cores=sampling.chains,
            seed=seed,
            target_accept=sampling.target_accept,
            save_warmup=False,
            progress_bar=False,
            progress_callback=self._note,
            blocking=False,
        )

    def _note(self, chains: list[Any]) -> None:
        self._done = [int(chain.finished_draws) for chain in chains]

    def until(self, kept: int) -> tuple[xr.Dataset, NDArray[np.bool_]]:
        """Wait until each chain has ``kept`` draws; return them and the divergences.

        The chains rest from here to the next call: what looks at them has all the cores.
        """
        if self._resting:
            self._running.resume()
            self._resting = False
        target = self._sampling.tune + kept
        while self._result is None and min(self._done) < target:
            if self._finished():
                break
            time.sleep(0.1)
            self._tell(target)
        self._rest()
        tree = self._inspect()
        posterior = tree["posterior"].to_dataset()
        if posterior.sizes["draw"] < kept:
            raise ThreatkitError(
                f"the sampler stopped after {posterior.sizes['draw']} of {kept} draws a chain; "
                "run again with another seed, and with THREATKIT_DEBUG=1 to see the traceback"
            )
        divergent = tree["sample_stats"]["diverging"].isel(draw=slice(kept)).to_numpy()
        return posterior.isel(draw=slice(kept)), divergent.astype(bool)

    def _finished(self) -> bool:
        try:
            return bool(self._running.is_finished)
        except TimeoutError:  # nutpie's way of saying "not yet"
            return False

    def _rest(self) -> None:
        if not self._finished():
            self._running.pause()
            self._resting = True

    def _tell(self, target: int) -> None:
        if self._update is not None:
            chains = self._sampling.chains
            done = sum(min(chain, target) for chain in self._done)
            self._update(done, target * chains, "draws")

    def _inspect(self) -> xr.DataTree:
        if self._result is not None:
            return self._result
        if self._finished():
            self._result = self._running.wait()
            return self._result
        running: xr.DataTree = self._running.inspect()
        return running

    def close(self) -> None:
        """Stop the chains; harmless when they have ended."""
        if self._result is None:
            self._running.cancel()
