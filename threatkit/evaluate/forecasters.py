"""Who forecasts at an origin: simple forecasts, regressions, and the model with and without parts.

Each function here is a piece of work that any process can do from its arguments alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from threatkit.evaluate.baselines import Baseline, Frequency, standard_baselines
from threatkit.evaluate.counts import count_pmf
from threatkit.evaluate.outcome import Outcomes
from threatkit.evaluate.regression import indicator_baselines
from threatkit.model.course import recorded
from threatkit.model.forecast import event_probability, yearly
from threatkit.model.panel import Panel
from threatkit.model.priors import Prior
from threatkit.model.spec import ModelSpec

if TYPE_CHECKING:
    from threatkit.model.fit import Fit

FloatArray = NDArray[np.float64]

#: From a specification to another of the same panel.
type Change = Callable[[ModelSpec], ModelSpec]

MODEL = "model"
#: So many draws of the expected numbers are kept beside the distributions.
KEPT_DRAWS = 400
#: Standard deviation of the place effect where it is left out.
_NO_FIELD = Prior("fixed", (0.01,))


@dataclass(frozen=True)
class Said:
    """What one forecaster said at one origin.

    Attributes
    ----------
    pmf
        Shape (horizon, N, K + 1): distributions of the counts of whole calendar years after
        the origin, the last bin open. Counts are of what the sources record.
    expected
        Shape (horizon, S, N): draws of the expected counts of the same; empty where there are
        none.
    dispersion
        Shape (S,): with each draw NB1's dispersion or NB2's size.
    likelihood
        Of a count given its expectation; empty where there are no draws.
    passed
        Whether the diagnostics gate was met; None where there is no gate.
    note
        What else there is to say: settings that were chosen, why the gate was not met.
    """

    pmf: FloatArray
    expected: FloatArray
    dispersion: FloatArray
    likelihood: str = ""
    passed: bool | None = None
    note: str = ""

    def event_prob_interval(self, prob: float = 0.9) -> FloatArray:
        """Return the interval over draws of the chance of an episode, (horizon, N, 2).

        NaN where a forecast has no draws.
        """
        steps, size = self.pmf.shape[:2]
        if not self.expected.size:
            return np.full((steps, size, 2), np.nan)
        tail = (1 - prob) / 2
        chances = [
            event_probability(mean, self.dispersion, self.likelihood) for mean in self.expected
        ]
        return np.stack([np.quantile(one, [tail, 1 - tail], axis=0).T for one in chances])


def _without_space(spec: ModelSpec) -> ModelSpec:
    return replace(spec, priors=replace(spec.priors, field_sd=_NO_FIELD))


def _without_pillars(spec: ModelSpec) -> ModelSpec:
    return replace(spec, pillars=())


def _without_history(spec: ModelSpec) -> ModelSpec:
    return replace(spec, history=False, spillover=False, afghan_spillover=False)


def _with_cut_feedback(spec: ModelSpec) -> ModelSpec:
    return replace(spec, feedback="cut")


#: The model with one of its parts left out: name -> change of its specification.
ABLATIONS: Mapping[str, Change] = {
    "model without space": _without_space,
    "model without pillars": _without_pillars,
    "model without history": _without_history,
    "model with cut feedback": _with_cut_feedback,
}
#: Forecasters that differ from the model by the pillars alone: compared with it only at origins
#: at which indicator values of a pillar had been published.
ABOUT_PILLARS = frozenset({"model without pillars", "model with cut feedback"})


def baselines_of(panel: Panel) -> dict[str, Baseline]:
    """Return all forecasts that are not of the model, with the indicators of one origin."""
    return {**standard_baselines(), **indicator_baselines(lambda _: panel)}


def say_baselines(history: Outcomes, panel: Panel, horizons: int) -> dict[str, Said]:
    """Return what the baselines say at an origin: the same for every year ahead.

    Parameters
    ----------
    history
        What the origin knows.
    panel
        Of the same years, with the indicator values known at the origin.
    horizons
        Number of years ahead.
    """
    made = {}
    nothing = np.zeros((horizons, 0, len(history.districts)))
    for name, baseline in baselines_of(panel).items():
        pmf = np.broadcast_to(baseline(history), (horizons, *history.pmf.shape[::2]))
        note = ""
        if isinstance(baseline, Frequency):
            chosen = baseline.chosen[int(history.years[-1])]
            note = (
                f"decay {chosen.decay:g}, share of neighbours {chosen.neighbours:g}, "
                f"pseudo-years {chosen.pseudo_years:g}"
            )
        made[name] = Said(pmf, nothing, np.zeros(0), note=note)
    return made


def said_of_fit(spec: ModelSpec, fitted: "Fit", largest: int) -> Said:
    """Return what a fit says that the sources will record in each year of its horizon.

    The baselines speak of nothing else, and it is what happened as far as anyone can say. Where
    a country is covered in part, the model holds that more happens than is listed: its forecast
    is lowered to the part that its fit takes as seen (`threatkit.model.course.recorded`).

    Parameters
    ----------
    spec
        What was fitted; its horizon is a whole number of years after the end of a year.
    fitted
        The fit.
    largest
        Last bin of the counts.
    """
    seen = recorded(spec, fitted.draws)
    years = [seen * mean for mean in yearly(spec, fitted.draws, seed=fitted.seed)]
    dispersion = fitted.forecast.dispersion
    pmf = np.stack([count_pmf(mean, dispersion, spec.likelihood, largest) for mean in years])
    thin = max(len(dispersion) // KEPT_DRAWS, 1)
    return Said(
        pmf,
        np.stack([mean[::thin][:KEPT_DRAWS] for mean in years]),
        dispersion[::thin][:KEPT_DRAWS],
        spec.likelihood,
        fitted.diagnostics.passed,
        "; ".join(fitted.diagnostics.failures),
    )
