"""The copy of its inputs that a fit of own areas keeps: what the model reads, and no more.

Columns of the user's files that no model reads are not in it.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from threatkit.areal.config import ArealConfig, Areas, Groups
from threatkit.areal.data import ArealData
from threatkit.areal.groups import GroupData
from threatkit.columns import columns, frame
from threatkit.geo.graph import Graph
from threatkit.model.priors import Prior
from threatkit.options import SamplingOptions

_FORMAT = 1


def kept(config: ArealConfig, data: ArealData) -> dict[str, Any]:
    """Return a configuration and its data as JSON types; `restored` reads them back."""
    groups, measured = config.groups, data.groups
    outcome = pd.DataFrame({"area": data.areas, "count": data.count, "exposure": data.exposure})
    return {
        "format": _FORMAT,
        "config": {
            "likelihood": config.likelihood,
            "covariates": list(config.covariates),
            "priors": _plain_priors(config.priors),
            "sampling": asdict(config.sampling),
        },
        "groups": None
        if groups is None
        else {
            **{name: getattr(groups, name) for name in ("covariate", "group", "weight", "form")},
            "priors": _plain_priors(groups.priors),
        },
        "areas": columns(outcome),
        "covariates": columns(data.covariates),
        "edges": columns(data.graph.edges),
        "measured": None if measured is None else _plain_groups(measured),
        "notes": list(data.notes),
    }


def restored(plain: Mapping[str, Any]) -> tuple[ArealConfig, ArealData]:
    """Return the configuration and the data of what `kept` made; the files are not named.

    Raises
    ------
    ValueError, KeyError, TypeError
        If it is of another format.
    """
    if plain["format"] != _FORMAT:
        raise ValueError(f"format {plain['format']!r}, known is {_FORMAT}")
    given, groups, measured = plain["config"], plain["groups"], plain["measured"]
    config = ArealConfig(
        Areas(Path(), "area", "count", "exposure"),
        given["likelihood"],
        tuple(given["covariates"]),
        _priors(given["priors"]),
        None if groups is None else Groups(**{**groups, "priors": _priors(groups["priors"])}),
        SamplingOptions(**given["sampling"]),
    )
    areas = frame(plain["areas"])
    codes = tuple(str(code) for code in areas["area"])
    covariates = frame(plain["covariates"])
    covariates.index = pd.Index(codes, name="area")
    data = ArealData(
        Graph(codes, frame(plain["edges"])),
        areas["count"].to_numpy(dtype=float),
        areas["exposure"].to_numpy(dtype=float),
        covariates,
        None if measured is None else _groups(measured, len(codes)),
        tuple(plain["notes"]),
    )
    return config, data


def _plain_priors(priors: Mapping[str, Prior]) -> dict[str, Any]:
    return {name: [prior.family, *prior.values] for name, prior in priors.items()}


def _priors(plain: Mapping[str, Any]) -> dict[str, Prior]:
    return {name: Prior(family, tuple(values)) for name, (family, *values) in plain.items()}


def _plain_groups(measured: GroupData) -> dict[str, Any]:
    row, area = np.nonzero(measured.weight)
    return {
        "name": measured.name,
        "x": measured.x.tolist(),
        "se": measured.se.tolist(),
        "area": measured.area.tolist(),
        "group": list(measured.group),
        "weight": [row.tolist(), area.tolist(), measured.weight[row, area].tolist()],
    }


def _groups(plain: Mapping[str, Any], areas: int) -> GroupData:
    row, area, value = plain["weight"]
    weight = np.zeros((len(plain["group"]), areas))
    weight[row, area] = value
    return GroupData(
        plain["name"],
        np.asarray(plain["x"], dtype=float),
        np.asarray(plain["se"], dtype=float),
        np.asarray(plain["area"], dtype=np.intp),
        weight,
        tuple(plain["group"]),
    )
