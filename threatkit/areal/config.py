"""The configuration of a fit of a researcher's own areas, as `threatkit fit` reads it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast

from threatkit.errors import Fault
from threatkit.keys import Table, read_toml
from threatkit.model.priors import Prior, parse_prior
from threatkit.options import SamplingOptions
from threatkit.sections import read_sampling, section

Likelihood = Literal["poisson", "nb1", "nb2"]
GroupField = Literal["bym2", "iid"]

LIKELIHOODS = ("poisson", "nb1", "nb2")
GROUP_FIELDS = ("bym2", "iid")

#: Prior by name: its default and the numbers that it may be on.
PRIORS: Mapping[str, tuple[Prior, str]] = MappingProxyType(
    {
        "intercept": (Prior("normal", (0.0, 5.0)), "real"),
        "beta": (Prior("normal", (0.0, 1.0)), "real"),
        "sigma": (Prior("pc", (1.0, 0.01)), "positive"),
        "phi": (Prior("beta", (0.5, 0.5)), "unit"),
        "size": (Prior("gamma", (2.0, 0.5)), "positive"),
        "dispersion": (Prior("exponential", (0.5,)), "positive"),
    }
)
#: The same for a covariate known with error.
GROUP_PRIORS: Mapping[str, tuple[Prior, str]] = MappingProxyType(
    {
        "lam": (Prior("half_normal", (20.0,)), "positive"),
        "c": (Prior("normal", (0.0, 100.0)), "real"),
        "phi_z": (Prior("beta", (0.5, 0.5)), "unit"),
    }
)
#: Small steps and patience: the spread of the field may be a ridge that reaches zero.
SAMPLING = SamplingOptions(tune=1000, target_accept=0.98, max_rounds=6)


@dataclass(frozen=True)
class Areas:
    """Which files hold the areas, and which columns are what.

    Attributes
    ----------
    counts
        A CSV with one row an area.
    area, count, exposure
        Its columns: code of the area, number of events, what that number is proportional to.
    edges
        A CSV of neighbours, columns ``from`` and ``to``; None where polygons are given.
    polygons
        A vector file of outlines; None where edges are given.
    key
        The attribute of an outline that holds the code of its area.
    """

    counts: Path
    area: str
    count: str
    exposure: str
    edges: Path | None = None
    polygons: Path | None = None
    key: str = "area"


@dataclass(frozen=True)
class Groups:
    """A covariate known with error for some areas and for the means of groups of areas.

    Attributes
    ----------
    covariate
        Its column; the standard error is in the column of that name with ``_se``.
    table
        A CSV with a row for each group that is known; None where only areas are known.
    group, weight
        Columns of the counts: name of an area's group, weight in the group's mean.
    form
        Prior of the latent covariate: ``bym2`` or ``iid``, of unit variance.
    priors
        Of ``lam``, ``c`` and ``phi_z``.
    """

    covariate: str
    table: Path | None = None
    group: str = ""
    weight: str = ""
    form: GroupField = "bym2"
    priors: Mapping[str, Prior] = field(default_factory=dict)


@dataclass(frozen=True)
class ArealConfig:
    """Everything that a fit depends on, besides the data and the seed.

    Attributes
    ----------
    areas
        Files and columns.
    likelihood
        Of the counts.
    covariates
        Columns of the counts that are known without error.
    priors
        By the names of `PRIORS`.
    groups
        The covariate known with error, if there is one.
    sampling
        How long the sampler runs.
    values
        The file's own content, for the record.
    """

    areas: Areas
    likelihood: Likelihood = "poisson"
    covariates: tuple[str, ...] = ()
    priors: Mapping[str, Prior] = field(default_factory=dict)
    groups: Groups | None = None
    sampling: SamplingOptions = SAMPLING
    values: Mapping[str, Any] = field(default_factory=dict)


def read_config(path: Path, faults: list[Fault]) -> ArealConfig | None:
    """Read a configuration, and add its faults to a list.

    Returns
    -------
    The configuration, with defaults in the place of what is wrong; None where the files of
    the areas are not known.

    Raises
    ------
    InvalidInput
        If the file does not exist, cannot be read or is not TOML.
    """
    values, origin = read_toml(path)
    top = Table(values, origin, faults)
    areas = _areas(top)
    model = section(top, "model")
    likelihood = model.choice("likelihood", "poisson", LIKELIHOODS)
    covariates = _names(model, "covariates")
    model.close()
    groups = _groups(top)
    if groups is not None and groups.covariate in covariates:
        model.fault(
            "covariates",
            "a covariate is known without error here, or with error under [groups]",
            groups.covariate,
            "Take it out of one of the two",
        )
    priors = _priors(section(top, "priors"), PRIORS)
    sampling = read_sampling(top, SAMPLING)
    top.close()
    if areas is None:
        return None
    return ArealConfig(
        areas, cast(Likelihood, likelihood), covariates, priors, groups, sampling, values
    )


def _areas(top: Table) -> Areas | None:
    if "areas" not in top.values:
        top.get("areas")
        remedy = "Write a line [areas], and under it counts, count, exposure, and edges or polygons"
        top.fault("areas", "this table must be given", remedy=remedy)
        return None
    table = section(top, "areas")
    counts = _file(table, "counts", required=True)
    edges = _file(table, "edges")
    polygons = _file(table, "polygons")
    areas = Areas(
        counts or Path(),
        area=table.text("area", "area"),
        count=table.text("count"),
        exposure=table.text("exposure"),
        edges=edges,
        polygons=polygons,
        key=table.text("id", "area"),
    )
    given = [key for key in ("edges", "polygons") if key in table.values]
    if len(given) != 1:
        table.fault(
            "edges",
            "neighbours come from edges or from polygons, one of the two",
            " and ".join(given) or "neither",
            "Give 'edges', a CSV with columns from and to, or 'polygons', a file of outlines",
        )
    columns = [name for name in (areas.area, areas.count, areas.exposure) if name]
    if len(set(columns)) < len(columns):
        table.fault("count", "area, count and exposure are different columns", columns)
    table.close()
    return areas if counts and areas.count and areas.exposure else None


def _file(table: Table, key: str, *, required: bool = False) -> Path | None:
    value = table.get(key)
    if value is None and not required:
        return None
    if not isinstance(value, str) or not value.strip():
        table.fault(key, "this is the path of a file and must be given", value)
        return None
    found = table.paths(key, kind="file")
    return found[0] if found else None


def _names(table: Table, key: str) -> tuple[str, ...]:
    value = table.get(key)
    if value is None:
        return ()
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        table.fault(key, "this is a list of names of columns", value)
        return ()
    if len(set(names)) < len(names):
        table.fault(key, "no column stands twice", names)
    return tuple(dict.fromkeys(names))


def _groups(top: Table) -> Groups | None:
    if "groups" not in top.values:
        top.get("groups")
        return None
    table = section(top, "groups")
    covariate = table.text("covariate")
    source = _file(table, "table")
    with_table = "table" in table.values
    needed: Callable[[str], str] = table.text if with_table else lambda key: table.text(key, "")
    group, weight = needed("group"), needed("weight")
    form = table.choice("field", "bym2", GROUP_FIELDS)
    priors = _priors(table, GROUP_PRIORS)
    if "table" not in table.values:
        for key in ("group", "weight"):
            if key in table.values:
                table.fault(key, "this belongs to a table of groups", remedy="Give 'table' as well")
    table.close()
    if not covariate:
        return None
    return Groups(covariate, source, group, weight, cast(GroupField, form), priors)


def _priors(table: Table, known: Mapping[str, tuple[Prior, str]]) -> dict[str, Prior]:
    """Read the priors of a table; where it holds nothing else, name unknown keys."""
    priors: dict[str, Prior] = {}
    for name, (default, support) in known.items():
        text = table.text(name, str(default))
        parsed = parse_prior(text, where="", support=support)
        if isinstance(parsed, Fault):
            table.fault(name, parsed.rule, text, parsed.remedy)
            parsed = default
        priors[name] = parsed
    if known is PRIORS:
        table.close()
    return priors
