"""Sampling of a researcher's own areas by NUTS, until the gate is met or the budget is spent."""

import logging
import time
from dataclasses import asdict, replace

from threadpoolctl import threadpool_limits

from threatkit.areal.config import ArealConfig
from threatkit.areal.data import ArealData
from threatkit.areal.fitted import ArealFit, fixed_parameters, parameters, refuse_many
from threatkit.areal.model import build_areal
from threatkit.model.chains import Sampling, Update
from threatkit.model.gate import LARGEST_DIVERGENT, diagnose
from threatkit.model.samplers import prepare
from threatkit.options import SamplingOptions

logger = logging.getLogger(__name__)

#: Where draws diverge the chains begin again, this much closer to an acceptance of one.
SMALLER_STEPS = 5.0


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
    refuse_many(data)
    # Linear algebra on several threads adds in another order: the draws would depend on how
    # many cores there are. The chains run side by side and need the cores themselves.
    with threadpool_limits(limits=1):
        return _sample(config, data, seed, update)


def _sample(config: ArealConfig, data: ArealData, seed: int, update: Update | None) -> ArealFit:
    begun = time.monotonic()
    model = build_areal(config, data)
    kept = [str(variable.name) for variable in [*model.free_RVs, *model.deterministics]]
    fitted = replace(config, sampling=SamplingOptions(), values={})
    start = prepare(model, kept, config.sampling.sampler, [fitted, data])
    compile_seconds = time.monotonic() - begun
    names = parameters(config, data)
    strict = [name for name in names if name not in fixed_parameters(config)]
    fields = ["eta"] if data.groups is None else ["eta", "z"]
    plain = Sampling(**asdict(config.sampling))
    careful = replace(plain, target_accept=1.0 - (1.0 - plain.target_accept) / SMALLER_STEPS)
    for sampling in (plain, careful):
        sampler = start(sampling, seed, update)
        try:
            for number in range(1, sampling.max_rounds + 1):
                draws, divergent = sampler.until(number * sampling.draws)
                draws = draws[[*names, *fields]]
                checked = diagnose(draws, divergent, strict, fields=fields)
                spent = (time.monotonic() - begun) / 60 > sampling.budget_minutes
                diverged = checked.divergent_share > LARGEST_DIVERGENT
                if checked.passed or spent or (diverged and sampling is plain):
                    break
                logger.info("the gate is not met after %d draws a chain", draws.sizes["draw"])
        finally:
            sampler.close()
        if spent or not diverged:
            break
        logger.info("draws diverged: the chains begin again with smaller steps")
    seconds = {"compile": compile_seconds, "sample": time.monotonic() - begun - compile_seconds}
    return ArealFit(draws, divergent, tuple(names), checked, seconds, seed)
