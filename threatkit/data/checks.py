"""What a schema asks of a table: constraints, primary keys and foreign keys."""

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from threatkit.data.schema import Column, ForeignKey
from threatkit.data.tables import FALSE, TRUE, Table, flag
from threatkit.data.wording import listed, meant, numbered_rows
from threatkit.errors import Fault


def schema_faults(table: Table, tables: Mapping[str, Table]) -> list[Fault]:
    """Hold a table against its schema.

    Parameters
    ----------
    table
        The table.
    tables
        All tables of the package by the name of their resource, for foreign keys.
    """
    faults: list[Fault] = []
    for column in table.resource.columns:
        if table.has(column.name):
            faults += _constraint_faults(table, column)
    faults += _primary_key_faults(table)
    for key in table.resource.foreign_keys:
        target = tables.get(key.table)
        if target is not None and table.has(*key.columns) and target.has(*key.target):
            faults += _foreign_key_faults(table, key, target)
    return faults


def _constraint_faults(table: Table, column: Column) -> list[Fault]:
    name, rules = column.name, column.constraints
    text, typed = table.text[name], table.frame[name]
    faults = []
    if rules.get("required") or name in table.resource.primary_key:
        faults += flag(table, text.isna(), name, "the cell is filled", "Fill it in.")
    if rules.get("unique"):
        repeated = text.duplicated(keep=False) & text.notna()
        faults += flag(table, repeated, name, "a value stands once in the column", "Keep one row.")
    if "enum" in rules:
        faults += _enum_faults(table, column)
    if "pattern" in rules:
        pattern = re.compile(rules["pattern"])
        wrong = {cell for cell in text.dropna().unique() if not pattern.fullmatch(cell)}
        rule = f"the value has the form {rules['pattern']}"
        faults += flag(table, text.isin(wrong), name, rule)
    if "minLength" in rules:
        short = text.str.len() < rules["minLength"]
        faults += flag(table, short, name, f"the text has {rules['minLength']} letters or more")
    if "maxLength" in rules:
        long = text.str.len() > rules["maxLength"]
        faults += flag(table, long, name, f"the text has {rules['maxLength']} letters at most")
    for key, side in (("minimum", "at least"), ("maximum", "at most")):
        if key in rules:
            limit = _limit(rules[key], column)
            out = typed < limit if key == "minimum" else typed > limit
            faults += flag(table, out, name, f"the value is {side} {rules[key]}")
    return faults


def _enum_faults(table: Table, column: Column) -> list[Fault]:
    allowed = [str(item) for item in column.constraints["enum"]]
    text = table.text[column.name]
    if column.type in ("number", "integer", "year"):
        numbers = [float(item) for item in allowed]
        typed = table.frame[column.name]
        wrong = ~typed.astype("Float64").isin(numbers) & typed.notna()
    elif column.type == "boolean":
        wrong = ~text.isin([*TRUE, *FALSE]) & text.notna()
    else:
        wrong = ~text.isin(allowed) & text.notna()
    few = listed(allowed) if len(allowed) <= 20 else f"one of {len(allowed)} allowed words"
    rule = f"the value is {few}"
    return flag(table, wrong, column.name, rule, lambda found: meant(found, allowed))


def _limit(given: Any, column: Column) -> Any:
    return pd.Timestamp(given) if column.type == "date" else float(given)


def _primary_key_faults(table: Table) -> list[Fault]:
    return duplicate_faults(table, table.resource.primary_key, "the primary key")


def duplicate_faults(table: Table, columns: tuple[str, ...], what: str) -> list[Fault]:
    """Report rows that agree in all key columns, one fault for each group of them.

    Rows with an empty key cell are left to the other checks.
    """
    if not columns or not table.has(*columns):
        return []
    key = table.text[list(columns)]
    whole = key.notna().all(axis=1)
    key = key[whole]
    repeated = key[key.duplicated(keep=False)]
    return [
        Fault(
            f"{table.where}, {numbered_rows([int(row) for row in rows.index])}",
            f"{what} ({', '.join(columns)}) stands once",
            ", ".join(repr(part) for part in _parts(found)),
            "Keep one of the rows.",
        )
        for found, rows in repeated.groupby(list(columns), sort=False)
    ]


def _parts(found: Any) -> tuple[Any, ...]:
    return found if isinstance(found, tuple) else (found,)


def _foreign_key_faults(table: Table, key: ForeignKey, target: Table) -> list[Fault]:
    cells = table.text[list(key.columns)]
    known = pd.MultiIndex.from_frame(target.text[list(key.target)])
    found = pd.MultiIndex.from_frame(cells)
    wrong = pd.Series(~found.isin(known), index=cells.index) & cells.notna().all(axis=1)
    words = [str(word) for word in target.text[key.target[0]].dropna()]
    return flag(
        table,
        wrong,
        key.columns[0],
        f"the value stands in column '{key.target[0]}' of {target.resource.path}",
        lambda cell: meant(cell, words) or f"Add it to {target.resource.path}.",
    )
