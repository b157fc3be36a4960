"""Priors as text: ``half_normal(1)``, ``pc(3, 0.01)``; parsed, checked, then given to PyMC.

A prior is written the same way in a configuration, in a specification and in a report, so
that what was believed can be read without the code.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from threatkit.errors import Fault

_TEXT = re.compile(r"^\s*([a-z_0-9]+)\s*\(([^()]*)\)\s*$")


@dataclass(frozen=True)
class Family:
    """A prior family: the names of its parameters, which must be positive, its sd."""

    parameters: tuple[str, ...]
    positive: tuple[str, ...]
    sd: Callable[..., float]
    support: str = "real"


def _beta_sd(alpha: float, beta: float) -> float:
    return math.sqrt(alpha * beta / ((alpha + beta) ** 2 * (alpha + beta + 1)))


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "normal": Family(("mu", "sd"), ("sd",), lambda _, sd: sd),
        "half_normal": Family(
            ("sd",), ("sd",), lambda sd: sd * math.sqrt(1 - 2 / math.pi), "positive"
        ),
        "exponential": Family(("rate",), ("rate",), lambda rate: 1 / rate, "positive"),
        "pc": Family(("u", "p"), ("u", "p"), lambda u, p: -u / math.log(p), "positive"),
        "gamma": Family(
            ("shape", "rate"),
            ("shape", "rate"),
            lambda shape, rate: math.sqrt(shape) / rate,
            "positive",
        ),
        "lognormal": Family(
            ("mu", "sd"),
            ("sd",),
            lambda mu, sd: math.sqrt(math.expm1(sd**2)) * math.exp(mu + sd**2 / 2),
            "positive",
        ),
        "beta": Family(("alpha", "beta"), ("alpha", "beta"), _beta_sd, "unit"),
        "fixed": Family(("value",), (), lambda _: 0.0),
    }
)


@dataclass(frozen=True)
class Prior:
    """One prior distribution.

    Attributes
    ----------
    family
        A key of `FAMILIES`. ``pc(u, p)`` is the penalised-complexity prior of a standard
        deviation, exponential with P(sd > u) = p (doi:10.1214/16-STS576).
    values
        Its parameters, in the family's order.
    """

    family: str
    values: tuple[float, ...]

    def __str__(self) -> str:
        return f"{self.family}({', '.join(f'{value:g}' for value in self.values)})"

    @property
    def sd(self) -> float:
        """Return the standard deviation of the prior."""
        return FAMILIES[self.family].sd(*self.values)

    def logpdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """Return the log density at each value; 0 everywhere for a fixed value."""
        if self.family == "fixed":
            return np.zeros(np.shape(x))
        density: NDArray[np.float64] = np.asarray(self.frozen().logpdf(x), dtype=float)
        return density

    def frozen(self) -> Any:
        """Return the distribution as scipy has it.

        Raises
        ------
        ValueError
            For a fixed value, which has no density.
        """
        from scipy import stats

        a, *rest = self.values
        match self.family:
            case "normal":
                return stats.norm(a, rest[0])
            case "half_normal":
                return stats.halfnorm(scale=a)
            case "exponential":
                return stats.expon(scale=1 / a)
            case "pc":
                return stats.expon(scale=-a / math.log(rest[0]))
            case "gamma":
                return stats.gamma(a, scale=1 / rest[0])
            case "lognormal":
                return stats.lognorm(rest[0], scale=math.exp(a))
            case "beta":
                return stats.beta(a, rest[0])
            case _:
                raise ValueError(f"{self} has no density")

    def variable(self, name: str, **kwargs: Any) -> Any:
        """Return a PyMC variable of this prior; call it inside a ``pm.Model``."""
        import pymc as pm
        import pytensor.tensor as pt

        a, *rest = self.values
        match self.family:
            case "fixed":
                dims = kwargs.get("dims")
                shape = () if dims is None else (len(pm.modelcontext(None).coords[dims]),)
                return pt.full(shape, a)
            case "normal":
                return pm.Normal(name, a, rest[0], **kwargs)
            case "half_normal":
                return pm.HalfNormal(name, a, **kwargs)
            case "exponential":
                return pm.Exponential(name, lam=a, **kwargs)
            case "pc":
                return pm.Exponential(name, lam=-math.log(rest[0]) / a, **kwargs)
            case "gamma":
                return pm.Gamma(name, alpha=a, beta=rest[0], **kwargs)
            case "lognormal":
                return pm.LogNormal(name, a, rest[0], **kwargs)
            case _:
                return pm.Beta(name, a, rest[0], **kwargs)


def parse_prior(text: str, *, where: str, support: str = "real") -> Prior | Fault:
    """Parse a prior, or return the fault that it has.

    Parameters
    ----------
    text
        ``family(number, ...)``.
    where
        The name shown in the fault, such as ``[priors] w``.
    support
        ``real`` takes any family, ``positive`` one on the positive numbers (or ``unit``),
        ``unit`` only ``beta``; ``fixed`` serves everywhere within the support.
    """
    match = _TEXT.match(text)
    names = ", ".join(sorted(FAMILIES))
    if match is None or match[1] not in FAMILIES:
        return Fault(where, f"a prior is FAMILY(NUMBERS), with FAMILY one of {names}", repr(text))
    family = FAMILIES[match[1]]
    try:
        values = tuple(float(part) for part in match[2].split(","))
    except ValueError:
        return Fault(where, f"the parameters of {match[1]} are numbers", repr(text))
    if len(values) != len(family.parameters):
        return Fault(where, f"{match[1]} takes {', '.join(family.parameters)}", repr(text))
    given = dict(zip(family.parameters, values, strict=True))
    if not all(math.isfinite(value) for value in values):
        return Fault(where, "the parameters of a prior are finite", repr(text))
    if any(given[name] <= 0 for name in family.positive):
        return Fault(where, f"{', '.join(family.positive)} of {match[1]} is above 0", repr(text))
    if match[1] == "pc" and given["p"] >= 1:
        return Fault(where, "the probability p of pc(u, p) lies between 0 and 1", repr(text))
    return _within(Prior(match[1], values), support, where, text)


def _within(prior: Prior, support: str, where: str, text: str) -> Prior | Fault:
    if prior.family == "fixed":
        (value,) = prior.values
        inside = {"real": True, "positive": value > 0, "unit": 0 <= value <= 1}[support]
    else:
        given = FAMILIES[prior.family].support
        allowed = {
            "real": ("real", "positive", "unit"),
            "positive": ("positive", "unit"),
            "unit": ("unit",),
        }
        inside = given in allowed[support]
    if inside:
        return prior
    return Fault(where, f"this parameter takes a prior on {support} numbers", repr(text))
