"""The variance of places, parted into that between and that within countries."""

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from threatkit.record import place_variance


def test_the_two_parts_are_those_of_an_analysis_of_variance() -> None:
    country_of = np.array([0, 0, 0, 1, 1])
    rng = np.random.default_rng(3)
    country = np.array([1.0, -1.0])[country_of] * np.ones((2, 50, 1))
    space = rng.normal(0, 0.5, (2, 50, 5))
    dims = ("chain", "draw", "district")
    draws = xr.Dataset({"part_country": (dims, country), "part_space": (dims, space)})
    panel = SimpleNamespace(country_of=country_of)
    spec = SimpleNamespace(panel=panel, international_weight=0.1)
    found = place_variance(SimpleNamespace(draws=draws, spec=spec), 0.9)
    total = (country + space).var(axis=-1).mean()
    between, within = found["between_countries"], found["within_countries"]
    assert between["mean"] + within["mean"] == pytest.approx(total)
    # Two countries of 3 and 2 at 1 and -1: 0.96, and sampling noise of the field's means.
    assert between["mean"] == pytest.approx(0.96 + 0.25 * 0.2, abs=0.1)
    assert within["mean"] == pytest.approx(0.25 * 0.6, abs=0.05)
    assert between["lo"] < between["mean"] < between["hi"]
    assert found["international_weight"] == 0.1
