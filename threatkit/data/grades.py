"""What an Admiralty grade and an age are worth: the error of an indicator's value.

The grade follows the NATO scheme (AJP-2.1): reliability of the source A-F, credibility of
the item 1-6. F and 6 say that nothing can be judged; that is wide, not worst. The table is
a stated judgement in units of the indicator's standard deviation over areas; it is shipped,
shown in ``docs/model.md`` and can be replaced in the specification.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

RELIABILITY_SD: Mapping[str, float] = MappingProxyType(
    {"A": 0.10, "B": 0.20, "C": 0.35, "D": 0.55, "E": 0.80, "F": 0.60}
)
CREDIBILITY_SD: Mapping[str, float] = MappingProxyType(
    {"1": 0.10, "2": 0.20, "3": 0.35, "4": 0.55, "5": 0.80, "6": 0.60}
)
#: Drift of the true value away from an old figure, per square root of a year.
DRIFT_SD_PER_ROOT_YEAR = 0.20


def error_sd(
    reliability: pd.Series, credibility: pd.Series, age_years: pd.Series
) -> NDArray[np.float64]:
    """Return the observation error of each value.

    Independent errors of source and item, and a random walk of the true value since the
    value was measured, add as variances.

    Parameters
    ----------
    reliability, credibility
        Grades A-F and 1-6, shape (n,).
    age_years
        Years from the end of the value's period to the assessment; negative counts as 0.

    Returns
    -------
    ndarray
        Standard deviations, shape (n,), in units of the indicator's sd over areas.
    """
    source = reliability.map(dict(RELIABILITY_SD)).to_numpy(dtype=float)
    item = credibility.astype(str).map(dict(CREDIBILITY_SD)).to_numpy(dtype=float)
    age = np.clip(age_years.to_numpy(dtype=float), 0, None)
    result: NDArray[np.float64] = np.sqrt(source**2 + item**2 + DRIFT_SD_PER_ROOT_YEAR**2 * age)
    return result
