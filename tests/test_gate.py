"""The gate: it opens for good draws and names what is wrong with bad ones."""

import numpy as np
import xarray as xr

from threatkit.model.gate import diagnose


def draws(*, bad: str = "") -> tuple[xr.Dataset, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    eta = rng.normal(np.linspace(-8, 0, 30), 0.5, (4, 800, 30))
    weight = rng.normal(0, 1, (4, 800))
    divergent = np.zeros((4, 800), dtype=bool)
    if bad == "chains":
        weight[0] += 3
    if bad == "slow":
        weight = np.cumsum(weight, axis=1) * 0.05
    if bad == "district":
        eta[0, :, 7] += 4
    if bad == "divergent":
        divergent[:, :10] = True
    dataset = xr.Dataset(
        {"weight": (("chain", "draw"), weight), "eta": (("chain", "draw", "district"), eta)},
        coords={"district": [f"D{i:02d}" for i in range(30)]},
    )
    return dataset, divergent, 1 - np.exp(-np.exp(eta))


def failures(bad: str = "") -> tuple[str, ...]:
    dataset, divergent, prob = draws(bad=bad)
    return diagnose(dataset, divergent, ["weight"], event_prob=prob).failures


def test_good_draws_pass() -> None:
    assert failures() == ()


def test_chains_that_disagree_are_named() -> None:
    assert any("R-hat of weight" in line for line in failures("chains"))


def test_slow_chains_are_named() -> None:
    assert any("ESS of weight" in line for line in failures("slow"))


def test_a_bad_district_is_named() -> None:
    assert any("D07" in line for line in failures("district"))


def test_divergences_are_counted() -> None:
    assert any("diverged" in line for line in failures("divergent"))
