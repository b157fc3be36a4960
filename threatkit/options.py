"""The parts of a configuration: terms of the model, length of sampling, judgements, words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Likelihood = Literal["nb1", "nb2", "poisson", "bernoulli"]
YearEffect = Literal["white", "walk", "none"]
RegionYears = Literal["none", "country", "groups"]
MovingPlace = Literal["none", "oblast"]
Feedback = Literal["full", "cut"]
Engine = Literal["nuts", "laplace"]
Sampler = Literal["nutpie", "numpyro", "pymc"]

LIKELIHOODS = ("nb1", "nb2", "poisson", "bernoulli")
YEAR_EFFECTS = ("white", "walk", "none")
REGION_YEARS = ("none", "country", "groups")
MOVING_PLACES = ("none", "oblast")
FEEDBACKS = ("full", "cut")
ENGINES = ("nuts", "laplace")
SAMPLERS = ("nutpie", "numpyro", "pymc")

#: Every type of event; those of `DEFAULT_EVENT_TYPES` count as an episode by default.
EVENT_TYPES = (
    "armed_clash",
    "border_clash",
    "terrorist_attack",
    "cross_border_fire",
    "remote_violence",
    "violent_unrest",
    "armed_robbery_smuggling_clash",
    "counterterror_operation",
    "prison_riot",
)
DEFAULT_EVENT_TYPES = tuple(name for name in EVENT_TYPES if name != "prison_riot")


@dataclass(frozen=True)
class ModelOptions:
    """Which terms are in the model.

    Attributes
    ----------
    likelihood
        Of the episodes in a district and year.
    year_effect
        ``white`` is independent between years, ``walk`` a random walk.
    region_years
        Whether each ``country``, or each of the declared ``groups``, has years of its own.
    groups
        Name -> areas: districts, oblasts, countries, borders (KGZ-TJK) or ``fergana``.
    moving_place
        Whether the level of each ``oblast`` moves from epoch to epoch.
    epoch_years
        Length of such an epoch.
    history, spillover, afghan_spillover, pillars, detection
        Whether the term is in the model.
    partial_coverage
        Part of the episodes taken as seen where coverage is partial and detection is off.
    feedback
        Whether episodes inform the pillars (``full``) or not (``cut``).
    international_weight
        Weight of a border between two countries in the spatial field, 0 to 1.
    """

    likelihood: Likelihood = "nb1"
    year_effect: YearEffect = "white"
    region_years: RegionYears = "none"
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    moving_place: MovingPlace = "none"
    epoch_years: int = 4
    history: bool = True
    spillover: bool = True
    afghan_spillover: bool = False
    pillars: bool = True
    feedback: Feedback = "full"
    international_weight: float = 1.0
    detection: bool = False
    partial_coverage: float = 0.5


@dataclass(frozen=True)
class SamplingOptions:
    """How long the sampler runs.

    Attributes
    ----------
    chains, tune, draws
        Number of chains, and of iterations of each, for adaptation and kept.
    target_accept
        Acceptance probability that the step size aims at.
    max_rounds
        How often the chains may be run, longer each time, until the gate is met.
    budget_minutes
        No further round starts after this long.
    cut_budget_minutes
        With cut feedback of the exact engine, which fits the outcome to one draw of the pillars
        after another: no further one is begun after this long.
    sampler
        Of the exact engine: ``nutpie``, ``numpyro`` (a GPU where JAX sees one) or ``pymc``.
    """

    chains: int = 4
    tune: int = 500
    draws: int = 1500
    target_accept: float = 0.9
    max_rounds: int = 3
    budget_minutes: float = 10.0
    cut_budget_minutes: float = 20.0
    sampler: Sampler = "nutpie"


@dataclass(frozen=True)
class Judgement:
    """An analyst's dated judgement that the model cannot know: a treaty, a reform.

    Attributes
    ----------
    area
        District, ISO 3166-2 or ISO3 code, or a border as two ISO3 codes, ``KGZ-TJK``: the
        districts of both countries that touch it.
    factor
        Multiplies the expected number of episodes; above 1 is worse.
    factor_sd
        Standard deviation of the factor's logarithm.
    reason, role
        Why, and in which role it was judged (never a person's name).
    valid_from, valid_until
        First and last day on which it holds.
    """

    area: str
    factor: float
    factor_sd: float
    reason: str
    role: str
    valid_from: date
    valid_until: date


@dataclass(frozen=True)
class Elicitation:
    """Where a prior comes from that an expert was asked for.

    Attributes
    ----------
    prior
        Its name.
    value
        The prior as text: ``lognormal(-0.9, 0.35)``.
    lower, upper, mass
        The expert expects the quantity between them with this probability.
    role
        In which role the expert spoke (never a person's name).
    made
        When.
    method
        How the prior follows from the answers.
    mode, median
        The most likely value or the middle one, where it was given.
    note
        What else was said; may be empty.
    """

    prior: str
    value: str
    lower: float
    upper: float
    mass: float
    role: str
    made: date
    method: str
    mode: float | None = None
    median: float | None = None
    note: str = ""
