"""The configuration of an assessment: one frozen value, read from TOML and from options.

A file is checked in whole before anything else is done: unknown keys, wrong types and
values out of range come back together, each with its line.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, cast

from threatkit.errors import Fault, InvalidInput
from threatkit.keys import Origin, Table, read_toml
from threatkit.options import (
    DEFAULT_EVENT_TYPES,
    ENGINES,
    EVENT_TYPES,
    Elicitation,
    Engine,
    Judgement,
    ModelOptions,
    SamplingOptions,
)
from threatkit.sections import (
    read_elicited,
    read_judgements,
    read_model,
    read_priors,
    read_priors_file,
    read_sampling,
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


def _parse(values: Mapping[str, Any], origin: Origin, faults: list[Fault]) -> Config:
    top = Table(values, origin, faults)
    default = Config()
    as_of = top.day("as_of")
    boundaries = top.paths("boundaries", kind="file")
    edges = top.paths("edges", kind="file")
    priors, elicited = read_priors(top), read_elicited(top)
    files = [read_priors_file(path, faults) for path in top.paths("priors_from", kind="file")]
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
        model=read_model(top),
        sampling=read_sampling(top),
        judgements=read_judgements(top),
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
