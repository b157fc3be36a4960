"""The sections of a configuration: model, sampling, priors, what experts and analysts judged.

Each reader takes the table above its section, notes every fault on the way and returns options that
hold whatever was given without fault.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import cast

from threatkit.errors import Fault, InvalidInput
from threatkit.keys import Table, read_toml
from threatkit.options import (
    FEEDBACKS,
    LIKELIHOODS,
    MOVING_PLACES,
    REGION_YEARS,
    SAMPLERS,
    YEAR_EFFECTS,
    Elicitation,
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


def section(top: Table, key: str) -> Table:
    """Return the table under a header such as ``[model]``; empty where it is not given."""
    value = top.get(key)
    if value is not None and not isinstance(value, Mapping):
        top.fault(key, f"this is a table: a line [{key}] and its keys under it", value)
        value = None
    return Table(value or {}, top.origin, top.faults, header=f"[{key}]")


def read_priors(top: Table) -> dict[str, str]:
    """Read the table ``[priors]``: prior by name, as text."""
    table = section(top, "priors")
    return {key: table.text(key) for key in table.values}


def read_elicited(top: Table) -> tuple[Elicitation, ...]:
    """Read the tables ``[[elicited]]``: where priors come from that experts were asked for."""
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


def read_priors_file(
    path: Path, faults: list[Fault]
) -> tuple[dict[str, str], tuple[Elicitation, ...]]:
    """Read a file that holds priors and where they come from, and nothing else."""
    try:
        values, origin = read_toml(path)
    except InvalidInput as error:
        faults.extend(error.faults)
        return {}, ()
    table = Table(values, origin, faults)
    priors, elicited = read_priors(table), read_elicited(table)
    table.close()
    return priors, elicited


def read_model(top: Table) -> ModelOptions:
    """Read the table ``[model]``; keys that are not given are those of the default."""
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


def read_judgements(top: Table) -> tuple[Judgement, ...]:
    """Read the tables ``[[judgements]]``."""
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
