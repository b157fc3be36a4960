"""Leakage: what looks into the future is found, and what does not is left alone."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from threatkit.cli import threatkit
from threatkit.config import Config
from threatkit.errors import InvalidInput
from threatkit.evaluate import leakage
from threatkit.evaluate.leakage import CLEAN, LEAK, UNTESTED, find
from threatkit.inputs import Inputs, load_inputs
from threatkit.model.assemble import Outcome, assemble

RULES = Outcome(Config().event_types, start_year=2005)
SERIES = "youth_unemployment_rate_15_24_modelled"


@cache
def inputs() -> Inputs:
    return load_inputs(Config())


@cache
def shipped() -> pd.DataFrame:
    return find(inputs().catalogue, inputs().graph, RULES, [2018])


def with_values(change) -> object:
    """Return the shipped catalogue with the values of one indicator changed."""
    catalogue = inputs().catalogue
    packages = []
    for package in catalogue.packages:
        tables = dict(package.tables)
        for name, frame in tables.items():
            if name == "values" and (frame["indicator"] == SERIES).any():
                tables[name] = change(frame.copy())
        packages.append(replace(package, tables=tables))
    return replace(catalogue, packages=tuple(packages))


def test_the_shipped_data_leak_only_the_later_figures_of_national_populations() -> None:
    leaks = shipped()[shipped()["verdict"] == LEAK]
    assert set(leaks["indicator"]) == {"people by year"}
    assert set(shipped()["check"]) == {"removal", "publication", "calendar"}
    assert (shipped()["verdict"] == CLEAN).sum() > 15


def test_going_by_periods_alone_lets_in_what_was_published_later() -> None:
    found = find(inputs().catalogue, inputs().graph, RULES, [2018], as_published=False)
    late = found[(found["check"] == "publication") & (found["verdict"] == LEAK)]
    assert len(late) >= 3
    assert (late["areas"] > 0).all()
    assert late["found"].str.contains("published later").all()


def test_an_indicator_made_of_next_years_episodes_is_found() -> None:
    panel = assemble(inputs().catalogue, inputs().graph, RULES)
    country = panel.districts["country"].to_numpy(dtype=str)[panel.cells["district"]]
    year = panel.periods[panel.cells["period"]]
    episodes = panel.cells["count"].groupby([country, year]).sum()

    def foresee(frame: pd.DataFrame) -> pd.DataFrame:
        own = frame["indicator"] == SERIES
        following = frame.loc[own, "period"].str[:4].astype(int) + 1
        keys = zip(frame.loc[own, "area_code"], following, strict=True)
        frame.loc[own, "value"] = [float(np.log1p(episodes.get(key, 0))) for key in keys]
        return frame

    found = find(with_values(foresee), inputs().graph, RULES, [2018])
    calendar = found[found["check"] == "calendar"].set_index("indicator")
    assert calendar.loc[SERIES, "verdict"] == LEAK
    assert calendar.drop(SERIES)["verdict"].isin([CLEAN, UNTESTED]).all()
    before = shipped()[shipped()["check"] == "calendar"].set_index("indicator")
    assert before.loc[SERIES, "verdict"] == CLEAN


def test_a_panel_that_changes_when_later_data_are_removed_is_found() -> None:
    panel = assemble(inputs().catalogue, inputs().graph, RULES)
    table = panel.measurements.table.copy()
    name = str(table["indicator"].iloc[0])
    first = table.index[table["indicator"] == name][0]
    table.loc[first, "x"] += 0.01
    moved = replace(panel, measurements=replace(panel.measurements, table=table))
    rows = pd.DataFrame(list(leakage._removal(panel, moved, 2018)), columns=leakage.COLUMNS)
    found = rows.set_index("indicator")
    assert found.loc[name, "verdict"] == LEAK
    assert found.loc[name, "areas"] == 1
    assert (found.drop(name)["verdict"] == CLEAN).all()


def test_no_origin_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="at least one origin"):
        find(inputs().catalogue, inputs().graph, RULES, [])


def test_the_command_says_what_leaks_by_its_exit_code() -> None:
    done = CliRunner().invoke(
        threatkit, ["leakage", "--origins", "2018", "--by-period", "--format", "csv"]
    )
    assert "leak" in done.stdout
    assert "looks found a leak" in done.stderr
