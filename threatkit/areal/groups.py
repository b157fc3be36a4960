"""What is known, with error, of a covariate: in some areas, and as means over groups of areas."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from threatkit.areal.config import Groups
from threatkit.data.plain import PlainTable, codes, flag, header, numbers, positions, read_plain
from threatkit.errors import Fault

FloatArray = NDArray[np.float64]

#: The column of a standard error is named as its value's column, with this behind.
SE = "_se"
#: The column of a table of groups that names them, unless it is called as in the counts.
KEY = "group"


@dataclass(frozen=True)
class GroupData:
    """M values of a covariate, of single areas first and of groups then.

    Attributes
    ----------
    name
        The covariate.
    x, se
        Shape (M,), the values and their standard errors, in the unit of the file.
    area
        Shape (K,), positions of the areas of the first K values.
    weight
        Shape (M - K, N), the share of each area in the mean of each group; rows sum to 1.
    group
        Names of the groups, shape (M - K,).
    """

    name: str
    x: FloatArray
    se: FloatArray
    area: NDArray[np.intp]
    weight: FloatArray
    group: tuple[str, ...]


def read_groups(
    table: PlainTable, groups: Groups, areas: pd.Index, faults: list[Fault]
) -> GroupData | None:
    """Read what is known of the covariate in areas and in groups.

    Parameters
    ----------
    table
        The counts, with the covariate's columns.
    groups
        Which columns and which table.
    areas
        Codes of all areas.
    faults
        Grows with every fault.
    """
    before = len(faults)
    x, se = _measured(table, groups.covariate, faults)
    area = np.flatnonzero(np.isfinite(x) & np.isfinite(se))
    names: tuple[str, ...] = ()
    weight = np.zeros((0, len(areas)))
    group_x, group_se = np.zeros(0), np.zeros(0)
    if groups.table is not None:
        read = _read_table(table, groups, faults)
        if read is not None:
            names, group_x, group_se, weight = read
    if len(faults) > before:
        return None
    if not len(area) and not len(names):
        rule = "a covariate known with error is known somewhere"
        where = f"{table.where}, column '{groups.covariate}'"
        faults.append(Fault(where, rule, "in no area and no group", "Take [groups] out"))
        return None
    return GroupData(
        groups.covariate,
        np.concatenate([x[area], group_x]),
        np.concatenate([se[area], group_se]),
        area,
        weight,
        names,
    )


def _measured(table: PlainTable, column: str, faults: list[Fault]) -> tuple[FloatArray, FloatArray]:
    """Return values and standard errors; a value without its error is a fault."""
    before = len(faults)
    x, se = numbers(table, column, faults), numbers(table, column + SE, faults)
    if len(faults) == before:
        rule = "a value has its standard error beside it, and an error its value"
        flag(table, np.isfinite(x) & np.isnan(se), column + SE, rule, faults)
        flag(table, np.isnan(x) & np.isfinite(se), column, rule, faults)
    remedy = "A value known exactly is a covariate under [model]"
    flag(table, se <= 0, column + SE, "a standard error is above 0", faults, remedy)
    return x, se


def _read_table(
    counts: PlainTable, groups: Groups, faults: list[Fault]
) -> tuple[tuple[str, ...], FloatArray, FloatArray, FloatArray] | None:
    """Return names, values, standard errors and weights of the groups that are known."""
    source = groups.table
    if source is None:
        return None
    before = len(faults)
    key = groups.group if groups.group in header(source) else KEY
    table = read_plain(source, (key, groups.covariate, groups.covariate + SE), faults)
    if table is None:
        return None
    names = codes(table, key, faults, thing="a group")
    x, se = _measured(table, groups.covariate, faults)
    members = pd.Index(counts.text[groups.group])
    positions(
        table,
        key,
        members.unique(),
        faults,
        rule=f"a group is one of column '{groups.group}' of {counts.where}",
    )
    place = names.get_indexer(members) if names.is_unique else np.full(len(members), -1)
    people = _weights(counts, groups.weight, place >= 0, faults)
    if len(faults) > before:
        return None
    weight = np.zeros((len(names), len(members)))
    inside = np.flatnonzero(place >= 0)
    weight[place[inside], inside] = people[inside]
    total = weight.sum(axis=1)
    for row in np.flatnonzero(total <= 0):
        where = f"{counts.where}, column '{groups.weight}'"
        rule = "the weights of a group's areas have a sum above 0"
        faults.append(Fault(where, rule, f"0 in group '{names[row]}'"))
    known = np.isfinite(x)
    if len(faults) > before:
        return None
    shares = weight[known] / total[known, None]
    return tuple(str(name) for name in names[known]), x[known], se[known], shares


def _weights(
    counts: PlainTable, column: str, needed: NDArray[np.bool_], faults: list[Fault]
) -> FloatArray:
    before = len(faults)
    weight = numbers(counts, column, faults)
    flag(counts, weight < 0, column, "a weight is not negative", faults)
    if len(faults) == before:
        rule = "an area of a group has a weight"
        flag(counts, needed & np.isnan(weight), column, rule, faults)
    return weight
