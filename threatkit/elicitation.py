"""Priors that are asked of experts: quantiles in, prior out, kept with role and date.

Of all distributions of a family that hold the stated probability between the stated bounds,
the one of maximum entropy says least beyond what the expert said. PreliZ finds it
(doi:10.21105/joss.05499); families of one parameter need no search.
"""

import ast
import inspect
import math
import warnings
from collections.abc import Mapping
from dataclasses import fields
from datetime import date

import numpy as np
import pandas as pd

from threatkit.errors import Fault, InvalidInput
from threatkit.keys import meant
from threatkit.model.priors import FAMILIES, Prior
from threatkit.model.spec import Priors, make_priors, prior_support
from threatkit.options import Elicitation

#: Families that an upper bound alone settles.
ONE_PARAMETER = ("half_normal", "exponential", "pc")
#: Families that PreliZ fits: its class, and our parameters from its.
TWO_PARAMETERS: Mapping[str, str] = {
    "normal": "Normal",
    "gamma": "Gamma",
    "lognormal": "LogNormal",
    "beta": "Beta",
}
#: A prior must hold the mass that was asked for up to this, and the mode or median up to
#: this part of the distance between the bounds.
TOLERANCE = 0.01
_CHECKED_POINTS = (0.05, 0.5, 0.95)


def prior_reasons() -> dict[str, str]:
    """Return the reason of each default prior, as it stands beside it in the source."""
    source = inspect.getsource(Priors)
    lines = source.splitlines()
    (body,) = ast.parse(source).body
    reasons: dict[str, str] = {}
    last = ""
    for node in body.body if isinstance(body, ast.ClassDef) else []:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            above = node.lineno - 2
            comment: list[str] = []
            while lines[above].strip().startswith("#"):
                comment.insert(0, lines[above].strip().lstrip("#").strip())
                above -= 1
            last = " ".join(comment) or last
            reasons[node.target.id] = last
    return reasons


def prior_table(priors: Priors | None = None) -> pd.DataFrame:
    """Return every prior: what is used, its quantiles, what it may be, the default's reason.

    Parameters
    ----------
    priors
        Those of a configuration; None takes the defaults.
    """
    used, default = priors or Priors(), Priors()
    reasons = prior_reasons()
    rows = []
    for name in (field.name for field in fields(Priors)):
        prior: Prior = getattr(used, name)
        own: Prior = getattr(default, name)
        if prior.family == "fixed":
            points = dict.fromkeys(("q05", "q50", "q95"), prior.values[0])
        else:
            values = prior.frozen().ppf(_CHECKED_POINTS)
            points = dict(zip(("q05", "q50", "q95"), map(float, values), strict=True))
        rows.append(
            {
                "prior": name,
                "value": str(prior),
                "default": str(own),
                "family": prior.family,
                "support": prior_support(name),
                **points,
                "reason": reasons[name] if prior == own else "given in the configuration",
            }
        )
    return pd.DataFrame(rows).set_index("prior")


def default_family(name: str, lower: float) -> str:
    """Return the family that a prior takes where none is named."""
    support = prior_support(name)
    if support == "positive":
        return "half_normal" if lower <= 0 else "lognormal"
    return "beta" if support == "unit" else "normal"


def elicit(
    name: str,
    *,
    lower: float | None = None,
    upper: float,
    mass: float = 0.9,
    mode: float | None = None,
    median: float | None = None,
    family: str | None = None,
    role: str,
    made: date,
    note: str = "",
) -> Elicitation:
    """Return the prior that says what an expert said, and no more.

    Parameters
    ----------
    name
        A prior of `threatkit.model.spec.Priors`.
    lower, upper
        Bounds of the quantity, in its own unit; a quantity above 0 may leave ``lower`` out.
    mass
        Probability between them, 0 to 1.
    mode, median
        The most likely or the middle value, at most one of them; only for families of two
        parameters.
    family
        A key of `threatkit.model.priors.FAMILIES`; None takes normal on the whole line,
        half_normal or (with a lower bound above 0) lognormal above 0, beta between 0 and 1.
    role
        In which role the expert spoke: ``border analyst``. Never a person's name.
    made
        When.
    note
        What else was said.

    Raises
    ------
    InvalidInput
        With every answer that breaks a rule, or if no distribution of the family says this.
    """
    faults = _name_faults(name) or _faults(name, lower, upper, mass, mode, median, family)
    faults += [
        Fault(f"--{key}", "this is a text on one line, of characters that can be printed", repr(v))
        for key, v, empty in (("role", role, False), ("note", note, True))
        if not v.isprintable() or (not v.strip() and not empty)
    ]
    if faults:
        raise InvalidInput(faults)
    least = 0.0 if lower is None else lower
    chosen = family or default_family(name, least)
    if chosen in ONE_PARAMETER:
        prior, method = _by_upper_bound(chosen, upper, mass), "upper bound"
    else:
        statistic = {"mode": mode, "median": median}
        prior, method = _by_entropy(chosen, least, upper, mass, statistic)
    value = str(prior)
    make_priors({name: value})
    _verify(prior, least, upper, mass, mode, median)
    return Elicitation(
        prior=name,
        value=value,
        lower=least,
        upper=upper,
        mass=mass,
        mode=mode,
        median=median,
        role=role.strip(),
        made=made,
        method=method,
        note=note.strip(),
    )


def _name_faults(name: str) -> list[Fault]:
    known = [field.name for field in fields(Priors)]
    if name in known:
        return []
    remedy = meant(name, known) or "'threatkit priors show' lists them"
    return [Fault(repr(name), "no prior has this name", remedy=remedy)]


def _faults(
    name: str,
    lower: float | None,
    upper: float,
    mass: float,
    mode: float | None,
    median: float | None,
    family: str | None,
) -> list[Fault]:
    support = prior_support(name)
    given = {"--lower": lower, "--upper": upper, "--mode": mode, "--median": median}
    points = {key: value for key, value in given.items() if value is not None}
    faults = [
        Fault(key, "this is a finite number", f"{value:g}")
        for key, value in points.items()
        if not math.isfinite(value)
    ]
    if faults:
        return faults
    if lower is None and support == "real":
        faults.append(Fault("--lower", f"{name} may be negative, so a lower bound must be given"))
    least = 0.0 if lower is None else lower
    if not least < upper:
        faults.append(Fault("--upper", "it lies above the lower bound", f"{upper:g}"))
    if not 0.01 <= mass <= 0.999:
        faults.append(Fault("--mass", "a probability from 0.01 to 0.999", f"{mass:g}"))
    faults += _support_faults(name, support, points)
    if mode is not None and median is not None:
        faults.append(Fault("--mode, --median", "at most one of the two is given"))
    inside: list[str] = [key for key in ("--mode", "--median") if key in points]
    faults += [
        Fault(key, "it lies between the two bounds", f"{points[key]:g}")
        for key in inside
        if not least < points[key] < upper
    ]
    return faults + _family_faults(family or default_family(name, least), support, least, inside)


def _support_faults(name: str, support: str, points: Mapping[str, float]) -> list[Fault]:
    low, high = {"real": (-math.inf, math.inf), "positive": (0, math.inf)}.get(support, (0, 1))
    words = {"positive": "positive", "unit": "between 0 and 1"}
    return [
        Fault(key, f"{name} is {words[support]}", f"{value:g}")
        for key, value in points.items()
        if not low <= value <= high
    ]


def _family_faults(family: str, support: str, lower: float, inside: list[str]) -> list[Fault]:
    known = (*ONE_PARAMETER, *TWO_PARAMETERS)
    if family not in known:
        rule = f"a family that can be elicited is one of {', '.join(sorted(known))}"
        return [Fault("--family", rule, repr(family), meant(family, known))]
    faults: list[Fault] = []
    own = FAMILIES[family].support
    wide = {"real": ("real", "positive", "unit"), "positive": ("positive", "unit")}
    if own not in wide.get(support, ("unit",)):
        faults.append(Fault("--family", f"the prior takes {support} numbers", repr(family)))
    if own in ("positive", "unit") and lower < 0:
        faults.append(Fault("--lower", f"{family} has no values below 0", f"{lower:g}"))
    if family in ONE_PARAMETER:
        remedy = "Use lognormal or gamma for a quantity that is not close to 0"
        if lower != 0:
            rule = f"{family} has one parameter, which the upper bound settles: it is 0"
            faults.append(Fault("--lower", rule, f"{lower:g}", remedy))
        rule = f"{family} has one parameter, which the upper bound settles: leave it out"
        faults += [Fault(key, rule, remedy=remedy) for key in inside]
    return faults


def _by_upper_bound(family: str, upper: float, mass: float) -> Prior:
    from scipy import stats

    if family == "pc":
        return Prior("pc", (rounded(upper), rounded(1 - mass)))
    if family == "exponential":
        return Prior("exponential", (rounded(-math.log1p(-mass) / upper),))
    return Prior("half_normal", (rounded(upper / float(stats.halfnorm.ppf(mass))),))


def _by_entropy(
    family: str, lower: float, upper: float, mass: float, statistic: Mapping[str, float | None]
) -> tuple[Prior, str]:
    try:
        import preliz
    except ImportError:
        remedy = "Install it with: pip install 'threatkit[elicit]'"
        fault = Fault(f"family '{family}'", "PreliZ finds its parameters", remedy=remedy)
        raise InvalidInput(fault) from None
    distribution = getattr(preliz, TWO_PARAMETERS[family])()
    fixed = next(((key, value) for key, value in statistic.items() if value is not None), None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        preliz.maxent(distribution, lower, upper, mass, fixed_stat=fixed, plot=False)
    values = tuple(rounded(float(value)) for value in distribution.params)
    if not all(map(math.isfinite, values)) or any(
        value <= 0
        for key, value in zip(FAMILIES[family].parameters, values, strict=True)
        if key in FAMILIES[family].positive
    ):
        raise InvalidInput(_no_such(family, "no parameters were found"))
    return Prior(family, values), f"maximum entropy (PreliZ {preliz.__version__})"


def rounded(value: float) -> float:
    """Return a number with four significant digits: no expert gives more."""
    return float(f"{value:.4g}")


def _no_such(family: str, found: str) -> Fault:
    remedy = "Leave out --mode or --median, widen the bounds, or take another --family"
    return Fault(f"family '{family}'", "one of its distributions says this", found, remedy)


def _verify(
    prior: Prior,
    lower: float,
    upper: float,
    mass: float,
    mode: float | None,
    median: float | None,
) -> None:
    """Hold the prior to the answers, by scipy and not by what found it."""
    frozen = prior.frozen()
    held = float(frozen.cdf(upper) - frozen.cdf(lower))
    if abs(held - mass) > TOLERANCE:
        found = f"{prior} with {held:.3f} between the bounds and not {mass:g}"
        raise InvalidInput(_no_such(prior.family, found))
    near = TOLERANCE * (upper - lower)
    if median is not None and abs(float(frozen.median()) - median) > near:
        found = f"{prior} with the median {float(frozen.median()):.3g} and not {median:g}"
        raise InvalidInput(_no_such(prior.family, found))
    if mode is not None:
        grid = np.linspace(lower, upper, 2001)
        peak = float(grid[np.argmax(frozen.logpdf(grid))])
        if abs(peak - mode) > near:
            found = f"{prior} with the mode {peak:.3g} and not {mode:g}"
            raise InvalidInput(_no_such(prior.family, found))
