"""The configuration of an assessment: one frozen value, read from TOML and from options.

A file is checked in whole before anything else is done: unknown keys, wrong types and
values out of range come back together, each with its line.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, cast

from threatkit.errors import Fault, InvalidInput
from threatkit.keys import Origin, Table
from threatkit.options import (
    DEFAULT_EVENT_TYPES,
    ENGINES,
    EVENT_TYPES,
    FEEDBACKS,
    LIKELIHOODS,
    MOVING_PLACES,
    REGION_YEARS,
    SAMPLERS,
    YEAR_EFFECTS,
    Elicitation,
    Engine,
    Feedback,
    Judgement,
    Likelihood,
    ModelOptions,
    MovingPlace,
    RegionYears,
    Sampler,
    SamplingOptions,
    YearEffect,
)

COUNTRIES = ("KAZ", "KGZ", "TJK", "TKM", "UZB")
NAMED_REGIONS = ("central-asia", "fergana")

_OBLAST = re.compile(r"(KZ|KG|TJ|TM|UZ)-[A-Z0-9]{1,3}")


@dataclass(frozen=True)
class Config:
    """Everything that an assessment depends on, besides the data.

    Attributes
    ----------
    region
        ``central-asia``, ``fergana``, an ISO3 country or an ISO 3166-2 oblast.
    as_of
        The last day that is known; None is the last day that the data cover.
    known_then
        Whether indicator values that had not been published by ``as_of`` are held back.
    horizon_months
        Length of the forecast that starts on the day after ``as_of``.
    start_year
        First year of events that is fitted.
    seed
        Of every random number.
    engine
        ``nuts`` (exact, minutes) or ``laplace`` (fast, seconds).
    ci_prob
        Probability inside every interval, 0 to 1.
    indicators
        The user's folders of indicator packages, laid over the shipped ones in this order.
    shipped
        Whether the shipped packages are used.
    boundaries
        The user's outlines of the districts in place of the shipped ones.
    edges
        The user's list of neighbours in place of the borders that the outlines share.
    event_types
        Types of events that count as an episode.
    require_death
        Whether an episode needs at least one death.
    priors
        Prior by name, as text: ``{"field_sd": "pc(3, 0.01)"}``.
    elicited
        Where priors come from that experts were asked for.
    model, sampling, judgements
        See their classes.
    """

    region: str = "central-asia"
    as_of: date | None = None
    known_then: bool = False
    horizon_months: int = 12
    start_year: int = 2005
    seed: int = 20261124
    engine: Engine = "nuts"
    ci_prob: float = 0.9
    indicators: tuple[Path, ...] = ()
    shipped: bool = True
    boundaries: Path | None = None
    edges: Path | None = None
    event_types: tuple[str, ...] = DEFAULT_EVENT_TYPES
    require_death: bool = False
    priors: Mapping[str, str] = field(default_factory=dict)
    elicited: tuple[Elicitation, ...] = ()
    model: ModelOptions = field(default_factory=ModelOptions)
    sampling: SamplingOptions = field(default_factory=SamplingOptions)
    judgements: tuple[Judgement, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the configuration as JSON types; `parse_config` reads it back."""
        plain = json.loads(json.dumps(asdict(self), default=str))
        return {key: value for key, value in plain.items() if value is not None}


def load_config(path: Path | None = None, **overrides: Any) -> Config:
    """Read a configuration.

    Parameters
    ----------
    path
        A TOML file; None starts from the defaults.
    overrides
        Fields of `Config` that replace those of the file; None leaves the file's. The
        sections ``model``, ``sampling`` and ``priors`` take a mapping that is merged. Paths
        given here count from the working folder, those of the file from the file's.

    Raises
    ------
    InvalidInput
        With every unknown key, wrong type and value out of range.
    """
    values, origin = ({}, Origin("configuration", Path())) if path is None else read_toml(path)
    given = {key: _plain(value) for key, value in overrides.items() if value is not None}
    for key in ("indicators", "boundaries", "edges"):
        if key in given:
            entries = given[key] if isinstance(given[key], list) else [given[key]]
            given[key] = [_from_here(entry) for entry in entries]
    merged = dict(values)
    for key, value in given.items():
        old = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(old, Mapping)
        merged[key] = {**old, **value} if both else value  # type: ignore[dict-item]
    faults: list[Fault] = []
    config = _parse(merged, replace(origin, overridden=frozenset(given)), faults)
    if faults:
        raise InvalidInput(faults)
    return config


def parse_config(values: Mapping[str, Any], *, name: str = "configuration") -> Config:
    """Check a configuration given as plain values, such as ``run.json`` keeps.

    Raises
    ------
    InvalidInput
        With every fault; ``name`` stands for the file.
    """
    faults: list[Fault] = []
    config = _parse(values, Origin(name, Path()), faults)
    if faults:
        raise InvalidInput(faults)
    return config


def parse_horizon(text: str) -> int:
    """Return the months of a horizon such as ``12m`` or ``1y``.

    Raises
    ------
    InvalidInput
        If the text is no horizon.
    """
    match = re.fullmatch(r"\s*(\d{1,3})\s*([my])\s*", text.lower())
    months = int(match[1]) * (12 if match[2] == "y" else 1) if match else 0
    if not 1 <= months <= 36:
        rule = "a horizon is 1m to 36m, or 1y to 3y"
        raise InvalidInput(Fault("--horizon", rule, repr(text), "A year is '12m'"))
    return months


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, tuple | list):
        return [_plain(entry) for entry in value]
    return value


def _from_here(entry: Any) -> Any:
    return Path.cwd() / entry if isinstance(entry, str | Path) and str(entry) else entry


def read_toml(path: Path) -> tuple[dict[str, Any], Origin]:
    """Read a TOML file, and say where its values come from.

    Raises
    ------
    InvalidInput
        If the file does not exist, cannot be read or is not TOML.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        remedy = "Give the path of a TOML file, or make a workspace with 'threatkit init DIR'"
        raise InvalidInput(Fault(str(path), "this file does not exist", remedy=remedy)) from None
    except UnicodeDecodeError as error:
        rule = f"a configuration is text in UTF-8, and byte {error.start + 1} is not"
        raise InvalidInput(Fault(str(path), rule, remedy="Save it as UTF-8")) from None
    except OSError as error:
        rule = f"this file cannot be read ({error.strerror})"
        raise InvalidInput(Fault(str(path), rule)) from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        remedy = "Texts stand in quotes, dates and numbers do not"
        raise InvalidInput(Fault(str(path), f"this is not TOML: {error}", remedy=remedy)) from None
    return values, Origin(str(path), path.resolve().parent, text)


def _parse(values: Mapping[str, Any], origin: Origin, faults: list[Fault]) -> Config:
    top = Table(values, origin, faults)
    default = Config()
    as_of = top.day("as_of")
    boundaries = top.paths("boundaries", kind="file")
    edges = top.paths("edges", kind="file")
    priors, elicited = _priors(top), _elicited(top)
    files = [_priors_file(path, faults) for path in top.paths("priors_from", kind="file")]
    for included, sources in reversed(files):
        priors, elicited = {**included, **priors}, (*sources, *elicited)
    config = Config(
        region=_region(top, default.region),
        as_of=as_of,
        known_then=top.flag("known_then", default.known_then),
        horizon_months=top.integer("horizon_months", default.horizon_months, 1, 36),
        start_year=top.integer("start_year", default.start_year, 1992, 2100),
        seed=top.integer("seed", default.seed, 0, 2**32 - 1),
        engine=cast(Engine, top.choice("engine", default.engine, ENGINES)),
        ci_prob=top.number("ci_prob", default.ci_prob, 0.5, 0.99),
        indicators=top.paths("indicators", kind="folder"),
        shipped=top.flag("shipped", default.shipped),
        boundaries=boundaries[0] if boundaries else None,
        edges=edges[0] if edges else None,
        event_types=top.choices("event_types", default.event_types, EVENT_TYPES),
        require_death=top.flag("require_death", default.require_death),
        priors=priors,
        elicited=elicited,
        model=_model(top),
        sampling=read_sampling(top),
        judgements=_judgements(top),
    )
    if as_of is not None and config.start_year > as_of.year:
        top.fault("as_of", f"it lies after start_year, {config.start_year}", str(as_of))
    if not config.shipped and "indicators" not in values:
        remedy = "Give folders in 'indicators', or leave the shipped ones in"
        top.fault("shipped", "without the shipped packages others must be given", remedy=remedy)
    top.close()
    return config


def _region(top: Table, default: str) -> str:
    value = top.text("region", default)
    for form in (value.lower(), value.upper()):
        if form in NAMED_REGIONS or form in COUNTRIES or _OBLAST.fullmatch(form):
            return form
    known = (*NAMED_REGIONS, *COUNTRIES)
    rule = f"a region is one of {', '.join(known)}, or an oblast such as KG-B"
    top.fault("region", rule, value)
    return default


def section(top: Table, key: str) -> Table:
    """Return the table under a header such as ``[model]``; empty where it is not given."""
    value = top.get(key)
    if value is not None and not isinstance(value, Mapping):
        top.fault(key, f"this is a table: a line [{key}] and its keys under it", value)
        value = None
    return Table(value or {}, top.origin, top.faults, header=f"[{key}]")


def _priors(top: Table) -> dict[str, str]:
    table = section(top, "priors")
    return {key: table.text(key) for key in table.values}


def _elicited(top: Table) -> tuple[Elicitation, ...]:
    entries = top.get("elicited")
    if entries is None:
        return ()
    if not isinstance(entries, list | tuple) or not all(isinstance(e, Mapping) for e in entries):
        top.fault("elicited", "each answer of an expert is a table under its own [[elicited]]")
        return ()
    found = []
    for number, entry in enumerate(entries):
        table = Table(entry, top.origin, top.faults, "[[elicited]]", number)
        points = {
            key: table.number(key, 0.0, -1e9, 1e9)
            for key in ("lower", "upper", "mode", "median")
            if entry.get(key) is not None or key in ("lower", "upper")
        }
        elicitation = Elicitation(
            prior=table.text("prior"),
            value=table.text("value"),
            mass=table.number("mass", 0.9, 0.01, 0.999),
            role=table.text("role"),
            made=table.day("made", required=True) or date.min,
            method=table.text("method"),
            note=table.text("note", "") if entry.get("note") else "",
            **points,
        )
        for key in ("mode", "median", "note"):
            table.get(key)
        table.close()
        found.append(elicitation)
    return tuple(found)


def _priors_file(path: Path, faults: list[Fault]) -> tuple[dict[str, str], tuple[Elicitation, ...]]:
    """Read a file that holds priors and where they come from, and nothing else."""
    try:
        values, origin = read_toml(path)
    except InvalidInput as error:
        faults.extend(error.faults)
        return {}, ()
    table = Table(values, origin, faults)
    priors, elicited = _priors(table), _elicited(table)
    table.close()
    return priors, elicited


def _model(top: Table) -> ModelOptions:
    table = section(top, "model")
    default = ModelOptions()
    options = ModelOptions(
        likelihood=cast(Likelihood, table.choice("likelihood", default.likelihood, LIKELIHOODS)),
        year_effect=cast(
            YearEffect, table.choice("year_effect", default.year_effect, YEAR_EFFECTS)
        ),
        region_years=cast(
            RegionYears, table.choice("region_years", default.region_years, REGION_YEARS)
        ),
        groups=_groups(top, table),
        moving_place=cast(
            MovingPlace, table.choice("moving_place", default.moving_place, MOVING_PLACES)
        ),
        epoch_years=table.integer("epoch_years", default.epoch_years, 1, 20),
        history=table.flag("history", default.history),
        spillover=table.flag("spillover", default.spillover),
        afghan_spillover=table.flag("afghan_spillover", default.afghan_spillover),
        pillars=table.flag("pillars", default.pillars),
        feedback=cast(Feedback, table.choice("feedback", default.feedback, FEEDBACKS)),
        international_weight=table.number(
            "international_weight", default.international_weight, 0.0, 1.0
        ),
        detection=table.flag("detection", default.detection),
        partial_coverage=table.number("partial_coverage", default.partial_coverage, 0.01, 1.0),
    )
    table.close()
    return options


def _groups(top: Table, model: Table) -> dict[str, tuple[str, ...]]:
    """Read the table ``[model.groups]``: a name and the areas that it stands for."""
    value = model.get("groups")
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        model.fault("groups", "this is a table: a line [model.groups], then NAME = [AREAS]", value)
        return {}
    table = Table(value, top.origin, top.faults, header="[model.groups]")
    found = {}
    for name in value:
        areas = table.get(name)
        if (
            not isinstance(areas, list | tuple)
            or not areas
            or not all(isinstance(area, str) for area in areas)
        ):
            table.fault(name, "this is a list of at least one area, each a text", areas)
            continue
        found[str(name)] = tuple(areas)
    return found


def read_sampling(top: Table, default: SamplingOptions | None = None) -> SamplingOptions:
    """Read the table ``[sampling]``; keys that are not given are those of the default.

    With a default the areas are a researcher's own, whose model has no cut.
    """
    table = section(top, "sampling")
    cut_minutes = SamplingOptions.cut_budget_minutes
    if default is None:
        cut_minutes = table.number("cut_budget_minutes", cut_minutes, 0.1, 10_000)
    default = default or SamplingOptions()
    options = SamplingOptions(
        chains=table.integer("chains", default.chains, 2, 64),
        tune=table.integer("tune", default.tune, 20, 100_000),
        draws=table.integer("draws", default.draws, 20, 100_000),
        target_accept=table.number("target_accept", default.target_accept, 0.5, 0.999),
        max_rounds=table.integer("max_rounds", default.max_rounds, 1, 20),
        budget_minutes=table.number("budget_minutes", default.budget_minutes, 0.1, 10_000),
        cut_budget_minutes=cut_minutes,
        sampler=cast(Sampler, table.choice("sampler", default.sampler, SAMPLERS)),
    )
    table.close()
    return options


def _judgements(top: Table) -> tuple[Judgement, ...]:
    entries = top.get("judgements")
    if entries is None:
        return ()
    if not isinstance(entries, list | tuple) or not all(isinstance(e, Mapping) for e in entries):
        top.fault("judgements", "each judgement is a table under its own line [[judgements]]")
        return ()
    found = []
    for number, entry in enumerate(entries):
        table = Table(entry, top.origin, top.faults, "[[judgements]]", number)
        valid_from = table.day("valid_from", required=True) or date.min
        valid_until = table.day("valid_until", required=True) or date.max
        judgement = Judgement(
            area=table.text("area"),
            factor=table.number("factor", 1.0, 0.01, 100.0),
            factor_sd=table.number("factor_sd", 0.3, 0.0, 3.0),
            reason=table.text("reason"),
            role=table.text("role"),
            valid_from=valid_from,
            valid_until=valid_until,
        )
        if valid_until < valid_from:
            table.fault("valid_until", f"it lies after valid_from, {valid_from}", str(valid_until))
        if "factor" not in entry:
            table.fault("factor", "this must be given: 2 doubles the expected episodes")
        table.close()
        found.append(judgement)
    return tuple(found)
