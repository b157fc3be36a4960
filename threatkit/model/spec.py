"""The model's specification: what is fitted, with every prior, before any sampling.

A `ModelSpec` is data: frozen, comparable, free of PyMC. `threatkit.model.build` turns it
into a model; `threatkit.model.forecast` turns its draws into expected episodes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threatkit.errors import Fault, InvalidInput
from threatkit.model.panel import Panel
from threatkit.model.priors import Prior, parse_prior
from threatkit.options import Feedback, Judgement, Likelihood, MovingPlace, RegionYears, YearEffect

__all__ = [
    "Judgement",
    "ModelSpec",
    "Priors",
    "indicator_names",
    "judged_districts",
    "make_priors",
    "prior_support",
]


@dataclass(frozen=True)
class Priors:
    """Every prior of the model, with its default and, in the comment, its reason.

    Standard deviations that five countries cannot identify are fixed, as a pilot on the
    real events showed that they must be.
    """

    # About one episode a year in fifteen million people, within a factor of seven either way:
    # for the region's eighty million, one to forty a year, as outside open war.
    intercept: Prior = Prior("normal", (-5.0, 1.0))
    # Five countries do not identify their own spread; a country is within 1/7 to 7 of the middle.
    country_sd: Prior = Prior("fixed", (1.0,))
    # Two districts alike in all else may differ fifty times, hardly more.
    field_sd: Prior = Prior("half_normal", (1.0,))
    # Share of the field's variance that is shared with neighbours.
    field_mixing: Prior = Prior("beta", (1.0, 1.0))
    # Year-to-year factor over the whole region.
    year_sd: Prior = Prior("half_normal", (0.5,))
    # Deviation of a country, or declared group of districts, in a year: as variable as the
    # region's.
    region_year_sd: Prior = Prior("half_normal", (0.5,))
    # Half of that deviation is left a year later, give or take.
    region_year_persistence: Prior = Prior("beta", (2.0, 2.0))
    # The level of an oblast moves within 1/4 to 4, less than districts differ.
    place_epoch_sd: Prior = Prior("half_normal", (0.7,))
    # Half of that movement is left an epoch later, give or take.
    place_epoch_persistence: Prior = Prior("beta", (2.0, 2.0))
    # Clustering of episodes: variance = (1 + dispersion) mean.
    dispersion: Prior = Prior("half_normal", (1.0,))
    # NB2's size: variance = mean + mean^2 / size.
    size: Prior = Prior("gamma", (2.0, 0.5))
    # A sd of a pillar multiplies the rate by 1 to 4; never negative: its sign is declared.
    pillar_weight: Prior = Prior("half_normal", (0.7,))
    # Spread of a pillar between countries, and between oblasts of a country: about one in all.
    pillar_country_sd: Prior = Prior("fixed", (0.7,))
    pillar_oblast_sd: Prior = Prior("fixed", (0.7,))
    # Spread of a pillar inside an oblast; only where an indicator is known by district.
    pillar_district_sd: Prior = Prior("fixed", (0.5,))
    # How strongly an indicator follows its pillar; positive by the declared direction.
    loading: Prior = Prior("lognormal", (0.0, 0.5))
    # Level of an indicator's definition (survey, registered, modelled).
    definition_level: Prior = Prior("normal", (0.0, 0.5))
    # What an indicator measures beside its pillar.
    indicator_sd: Prior = Prior("half_normal", (0.5,))
    # Effect of the logarithm of recent own and neighbouring episodes.
    history: Prior = Prior("normal", (0.0, 0.5))
    spillover: Prior = Prior("normal", (0.0, 0.5))
    afghan_spillover: Prior = Prior("normal", (0.0, 0.5))
    # Log detection against full coverage by the curated list alone.
    detection_both: Prior = Prior("normal", (0.2, 0.3))
    detection_curated_partial: Prior = Prior("normal", (-0.7, 0.5))
    detection_ucdp: Prior = Prior("normal", (-0.3, 0.5))
    # Power of the population in the expected number of episodes; 1 is proportional.
    population_power: Prior = Prior("fixed", (1.0,))


#: Names of the priors that take positive numbers only, and of those on the unit interval.
_POSITIVE = frozenset(
    {
        *("country_sd", "field_sd", "year_sd", "dispersion", "size", "pillar_weight"),
        *("pillar_country_sd", "pillar_oblast_sd", "pillar_district_sd", "loading"),
        *("indicator_sd", "population_power", "region_year_sd", "place_epoch_sd"),
    }
)
_UNIT = frozenset({"field_mixing", "region_year_persistence", "place_epoch_persistence"})


@dataclass(frozen=True)
class ModelSpec:
    """One model of one panel.

    Attributes
    ----------
    panel
        Districts, outcome and indicators.
    priors
        Every prior.
    likelihood
        Of the episodes in a district and year.
    year_effect
        ``white`` is independent between years, ``walk`` a random walk, both sum to zero.
    region_years
        Deviations by year, which fade from year to year, of each ``country`` or of declared
        ``groups`` of districts; ``none`` leaves them out.
    groups
        Name -> areas (district, oblast, country, border such as KGZ-TJK, or ``fergana``) of
        the declared groups; districts in none of them are one more group, the rest.
    moving_place
        ``oblast``: the level of each oblast moves from epoch to epoch, beside the lasting
        place effect; ``none`` leaves that out.
    epoch_years
        Length of an epoch; the last one ends with the last year of the outcome.
    pillars
        Names of the pillars whose weights are estimated.
    history, spillover, afghan_spillover, detection
        Whether the term is in the model.
    feedback
        ``full``: one joint fit, in which episodes inform the pillars; ``cut``: the pillars are
        as their indicators alone have them (`threatkit.model.cut`).
    partial_coverage
        Part of the episodes that is taken as seen, without levels of detection, where sources
        cover a country in part; above 0, at most 1.
    international_weight
        Weight of a border between two countries in the spatial field; at any other than 1
        the field sums to zero in each country.
    horizon_months
        Length of the forecast that starts on the day after the panel's ``as_of``.
    judgements
        Applied to the forecast only; the fit does not see them.
    """

    panel: Panel
    priors: Priors = field(default_factory=Priors)
    likelihood: Likelihood = "nb1"
    year_effect: YearEffect = "white"
    region_years: RegionYears = "none"
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    moving_place: MovingPlace = "none"
    epoch_years: int = 4
    pillars: tuple[str, ...] = ("border", "youth", "extremism")
    history: bool = True
    spillover: bool = True
    afghan_spillover: bool = False
    detection: bool = False
    partial_coverage: float = 0.5
    feedback: Feedback = "full"
    international_weight: float = 1.0
    horizon_months: int = 12
    judgements: tuple[Judgement, ...] = ()

    def __post_init__(self) -> None:
        faults = [*_choice_faults(self), *_group_faults(self), *_judgement_faults(self)]
        if faults:
            raise InvalidInput(faults)

    @property
    def field_arguments(self) -> dict[str, Any]:
        """Return the arguments of `field.field_basis`, and of `sparsefield.make_field`."""
        return {
            "graph": self.panel.graph,
            "international_weight": self.international_weight,
            "country": None if self.international_weight == 1 else self.panel.country_of,
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what a reader must know of the data before any result, a sentence each."""
        if len(self.panel.cells):
            return ()
        return (
            "no episode in the years covered: how low the rates are, and every difference between "
            "districts, is what the priors say; the data say only that the rates are not high",
        )


def _choice_faults(spec: ModelSpec) -> list[Fault]:
    faults: list[Fault] = []
    if not 1 <= spec.horizon_months <= 36:
        faults.append(
            Fault("horizon", "a forecast is 1 to 36 months long", f"{spec.horizon_months}")
        )
    if not 0 <= spec.international_weight <= 1:
        faults.append(
            Fault(
                "[model] international_weight",
                "the weight of an international border lies between 0 and 1",
                f"{spec.international_weight:g}",
            )
        )
    if not 0 < spec.partial_coverage <= 1:
        faults.append(
            Fault(
                "[model] partial_coverage",
                "the part that is seen lies above 0 and is at most 1",
                f"{spec.partial_coverage:g}",
            )
        )
    known = set(spec.panel.fixed) | set(spec.panel.measurements.table["pillar"])
    faults += [
        Fault(f"pillar '{name}'", "a pillar has at least one indicator in use", "none")
        for name in spec.pillars
        if name not in known
    ]
    return faults


def judged_districts(panel: Panel, area: str) -> NDArray[np.bool_]:
    """Return which districts a judgement's area holds, shape (district,)."""
    districts = panel.districts
    inside = (
        (districts.index == area)
        | (districts["oblast"] == area).to_numpy()
        | (districts["country"] == area).to_numpy()
    )
    parts = area.split("-")
    if len(parts) == 2 and set(parts) <= set(panel.countries) and parts[0] != parts[1]:
        country = districts["country"].to_numpy(dtype=str)
        pairs = panel.graph.pairs()
        sides = np.sort(country[pairs], axis=1)
        touching = pairs[(sides == sorted(parts)).all(axis=1)]
        inside = np.isin(np.arange(len(districts)), touching)
    return np.asarray(inside, dtype=bool)


def group_members(
    panel: Panel, groups: Mapping[str, tuple[str, ...]]
) -> dict[str, NDArray[np.bool_]]:
    """Return which districts each declared group holds, shape (district,)."""
    return {
        name: np.asarray(np.any([_in_area(panel, area) for area in areas], axis=0), dtype=bool)
        for name, areas in groups.items()
    }


def _in_area(panel: Panel, area: str) -> NDArray[np.bool_]:
    if area == "fergana" and "fergana" in panel.districts:
        return np.asarray(panel.districts["fergana"], dtype=bool)
    return judged_districts(panel, area)


def _group_faults(spec: ModelSpec) -> list[Fault]:
    faults: list[Fault] = []
    where = "[model.groups]"
    if spec.region_years == "groups" and not spec.groups:
        faults.append(Fault(where, "region_years = 'groups' needs at least one group", "none"))
    if not 1 <= spec.epoch_years <= 20:
        rule = "an epoch is 1 to 20 years long"
        faults.append(Fault("[model] epoch_years", rule, f"{spec.epoch_years}"))
    for name, areas in spec.groups.items():
        for area in areas:
            if not _in_area(spec.panel, area).any():
                rule = (
                    "an area is a district, an oblast, a country, a border such as KGZ-TJK, or "
                    "fergana"
                )
                faults.append(Fault(f"{where} '{name}'", rule, repr(area)))
    held = np.array(list(group_members(spec.panel, spec.groups).values()))
    if len(held) and (twice := np.flatnonzero(held.sum(axis=0) > 1)).size:
        shown = ", ".join(str(spec.panel.districts.index[at]) for at in twice[:5])
        found = f"{len(twice)} districts are in two, such as {shown}"
        faults.append(Fault(where, "a district is in one group only", found))
    return faults


def _judgement_faults(spec: ModelSpec) -> list[Fault]:
    faults: list[Fault] = []
    for number, judgement in enumerate(spec.judgements, start=1):
        where = f"judgement {number} ({judgement.area})"
        if not judged_districts(spec.panel, judgement.area).any():
            faults.append(
                Fault(
                    where,
                    "a judgement names a district, an oblast (ISO 3166-2), a country (ISO3) or "
                    "a border (two ISO3 codes, KGZ-TJK)",
                    repr(judgement.area),
                    "'threatkit graph' and 'threatkit indicators show districts' list the codes",
                )
            )
        if judgement.factor <= 0:
            faults.append(Fault(where, "a factor is above 0", f"{judgement.factor:g}"))
        if judgement.factor_sd < 0:
            faults.append(Fault(where, "factor_sd is not negative", f"{judgement.factor_sd:g}"))
        if judgement.valid_until < judgement.valid_from:
            faults.append(Fault(where, "it ends after it begins", f"{judgement.valid_until}"))
    return faults


def prior_support(name: str) -> str:
    """Return the numbers that a prior takes: ``real``, ``positive`` or ``unit``."""
    return "positive" if name in _POSITIVE else "unit" if name in _UNIT else "real"


def make_priors(texts: Mapping[str, str]) -> Priors:
    """Return the default priors with those given as text in their place.

    Raises
    ------
    InvalidInput
        With every unknown name and every text that is no prior.
    """
    names = [f.name for f in fields(Priors)]
    parsed: dict[str, Prior] = {}
    faults: list[Fault] = []
    for name, text in texts.items():
        where = f"[priors] {name}"
        if name not in names:
            faults.append(Fault(where, f"a prior is one of {', '.join(sorted(names))}", repr(name)))
            continue
        prior = parse_prior(text, where=where, support=prior_support(name))
        if isinstance(prior, Fault):
            faults.append(prior)
        else:
            parsed[name] = prior
    if faults:
        raise InvalidInput(faults)
    return Priors(**parsed)


def indicator_names(spec: ModelSpec) -> Sequence[str]:
    """Return the measured indicators of the pillars in the model, sorted."""
    table = spec.panel.measurements.table
    return sorted(table.loc[table["pillar"].isin(spec.pillars), "indicator"].unique())
