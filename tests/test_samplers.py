"""The exact engine's samplers agree, and compiled models serve later runs with the same draws."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr

from threatkit.config import load_config
from threatkit.errors import InvalidInput
from threatkit.model import samplers
from threatkit.model.chains import Sampling
from threatkit.model.compiled import CACHE, _read, cache_folder, compile_model, fingerprint
from threatkit.model.fit import fit
from threatkit.model.samplers import prepare, prepare_with_data
from threatkit.model.simulate import simulate_panel
from threatkit.model.spec import ModelSpec, make_priors

SHORT = Sampling(chains=2, tune=150, draws=150, max_rounds=2)
#: More than numba writes into code: a megabyte.
WIDE = np.linspace(-1.0, 1.0, 140_000)


def toy() -> pm.Model:
    """Two normals of known moments, and a constant that is too large to be compiled in."""
    with pm.Model(coords={"pair": ["a", "b"]}) as model:
        x = pm.Normal("x", [1.0, -2.0], [0.5, 2.0], dims="pair")
        pm.Deterministic("twice", 2 * x, dims="pair")
        pm.Potential("nothing", (WIDE * x[0]).sum())
    return model


@pytest.fixture(scope="module")
def small() -> ModelSpec:
    panel = simulate_panel(rows=3, columns=4, years=6, seed=2).panel
    return ModelSpec(panel, pillars=("youth",))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "made" / "here"
    monkeypatch.setenv(CACHE, str(folder))
    return folder


def run(name: str, rounds: int, seed: int = 3) -> tuple[xr.Dataset, np.ndarray]:
    start = prepare(toy(), ["x", "twice"], name, ["toy"])
    chains = start(replace(SHORT, sampler=name), seed, None)
    try:
        for number in range(1, rounds + 1):
            looked = chains.until(number * SHORT.draws)
    finally:
        chains.close()
    return looked


@pytest.mark.integration
@pytest.mark.parametrize("name", ["nutpie", "pymc", "numpyro"])
def test_every_sampler_finds_the_posterior_and_goes_on(name: str) -> None:
    if name == "numpyro":
        pytest.importorskip("numpyro")
    draws, divergent = run(name, rounds=2)
    assert dict(draws["twice"].sizes) == {"chain": 2, "draw": 300, "pair": 2}
    assert list(draws["pair"].to_numpy()) == ["a", "b"]
    assert divergent.shape == (2, 300)
    assert not divergent.any()
    flat = draws["x"].to_numpy().reshape(-1, 2)
    # At least 60 effective draws of 600: five standard errors of the mean are 0.65 sd.
    np.testing.assert_allclose((flat.mean(axis=0) - [1, -2]) / [0.5, 2], 0, atol=0.65)
    np.testing.assert_allclose(flat.std(axis=0) / [0.5, 2], 1, atol=0.4)
    np.testing.assert_allclose(draws["twice"], 2 * draws["x"], rtol=1e-12)
    again, _ = run(name, rounds=1)
    np.testing.assert_array_equal(again["x"], draws["x"].isel(draw=slice(150)))


def test_a_sampler_that_is_not_installed_is_refused(
    small: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samplers, "find_spec", lambda name: None)
    with pytest.raises(InvalidInput, match=r"threatkit\[numpyro\]"):
        fit(small, seed=1, sampling=replace(SHORT, sampler="numpyro"))
    with pytest.raises(InvalidInput, match="sampler"):
        load_config(None, sampling={"sampler": "gibbs"})
    assert load_config(None, sampling={"sampler": "pymc"}).sampling.sampler == "pymc"


def test_jax_is_loaded_only_when_asked_for() -> None:
    code = "import sys, threatkit.model.fit; sys.exit('jaxlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.integration
def test_compiled_code_serves_again_with_the_same_draws(
    cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fresh, _ = run("nutpie", rounds=1)
    (kept,) = cache.glob("*.model")
    assert kept.stat().st_mode & 0o077 == 0
    with caplog.at_level("INFO", logger="threatkit.model.compiled"):
        found, _ = run("nutpie", rounds=1)
    assert "compiled code of an earlier run serves" in caplog.text
    np.testing.assert_array_equal(fresh["x"], found["x"])
    content = kept.read_bytes()
    for damaged in (content[:-1], content[:-1] + b"\0", b"", b"\0" * 40):
        kept.write_bytes(damaged)
        assert _read(kept) is None
    assert "damaged" in caplog.text


@pytest.mark.integration
def test_data_change_without_compiling_again(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The same code, made now or found, samples about the data that it is given."""
    looks = []
    for _ in range(2):
        with pm.Model() as model:
            centre = pm.Data("held_centre", np.zeros(2))
            pm.Normal("x", centre, 0.5, shape=2)
        with caplog.at_level("INFO", logger="threatkit.model.compiled"):
            given = prepare_with_data(model, ["x"], "nutpie", ["data"])
        for about in ([4.0, -3.0], [-7.0, 9.0]):
            chains = given({"held_centre": np.array(about)})(SHORT, 3, None)
            draws, _ = chains.until(SHORT.draws)
            chains.close()
            mean = draws["x"].mean(("chain", "draw")).to_numpy()
            np.testing.assert_allclose(mean, about, atol=0.33)
            looks.append(draws["x"].to_numpy())
        assert ("compiled code of an earlier run serves" in caplog.text) == (len(looks) == 4)
    assert len(list(cache.glob("*.model"))) == 1
    np.testing.assert_array_equal(looks[0], looks[2])
    np.testing.assert_array_equal(looks[1], looks[3])
    with pytest.raises(KeyError, match="Unknown"):
        given({"other": np.zeros(2)})


def test_the_cache_can_be_named_and_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE, "off")
    assert cache_folder() is None
    monkeypatch.setenv(CACHE, "/somewhere")
    assert cache_folder() == Path("/somewhere")
    monkeypatch.delenv(CACHE)
    found = cache_folder()
    assert found is not None
    assert found.parts[-2:] == ("threatkit", "compiled")


def test_a_folder_that_cannot_be_written_costs_only_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv(CACHE, str(blocked / "below"))
    assert compile_model(toy(), ["x"], ["toy"]).n_dim == 2


def test_the_key_sees_every_change(small: ModelSpec) -> None:
    same = simulate_panel(rows=3, columns=4, years=6, seed=2).panel
    assert fingerprint(ModelSpec(same, pillars=("youth",))) == fingerprint(small)
    cells = same.cells.assign(count=same.cells["count"] + 1)
    others = [
        replace(small, panel=replace(same, cells=cells)),
        replace(small, priors=make_priors({"history": "normal(0, 0.6)"})),
        replace(small, international_weight=0.5),
        replace(small, history=False),
    ]
    keys = {fingerprint(spec) for spec in [small, *others]}
    assert len(keys) == 1 + len(others)
    assert fingerprint(pd.Series([1, 2])) != fingerprint(pd.Series([1, 3]))
    with pytest.raises(TypeError, match="no digest"):
        fingerprint(object())
