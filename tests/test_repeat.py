"""Runs are repeated from what they keep: the same draws, or how far they lie apart."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner, Result
from tiny_runs import change_record, write_run

from threatkit.archive import draws_tree, write_tree
from threatkit.areal.data import load_areal
from threatkit.areal.kept import kept, restored
from threatkit.cli import threatkit
from threatkit.columns import columns, frame
from threatkit.config import load_config
from threatkit.errors import InvalidInput
from threatkit.inputs import load_inputs, make_spec
from threatkit.keptinputs import parse_kept
from threatkit.machine import machine, versions
from threatkit.model.compiled import fingerprint
from threatkit.pipeline import fit_spec
from threatkit.repeat import compared, repeat
from threatkit.store import KEPT, packed, unpacked

CONFIG = """
[areas]
counts = "counts.csv"
count = "count"
exposure = "expected"
edges = "edges.csv"
[model]
likelihood = "nb2"
covariates = ["x"]
[priors]
beta = "normal(0.123456789, 1)"
[groups]
covariate = "w"
table = "groups.csv"
group = "group"
weight = "people"
"""


def tree(seed: int, shift: float = 0.0, draws: int = 200) -> xr.DataTree:
    rng = np.random.default_rng(seed)
    x = rng.normal(shift, 1, (4, draws, 5)).astype(np.float32)
    posterior = xr.Dataset({"x": (("chain", "draw", "place"), x)})
    flags = xr.Dataset({"diverging": (("chain", "draw"), np.zeros((4, draws), dtype=bool))})
    return xr.DataTree.from_dict({"posterior": posterior, "sample_stats": flags})


def test_the_same_draws_are_the_same() -> None:
    table = compared(tree(1), tree(1))
    assert list(table.index) == ["x", "sample_stats/diverging"]
    assert table["same"].all()
    assert (table["same_share"] == 1).all()
    assert (table[["largest_sd", "mean_sd", "mean_errors"]] == 0).all(axis=None)


def test_one_bit_is_found() -> None:
    other = tree(1)
    values = other["posterior"]["x"].to_numpy()
    values[2, 7, 3] = np.nextafter(values[2, 7, 3], np.float32(9))
    row = compared(tree(1), other).loc["x"]
    assert not row["same"]
    assert row["same_share"] == pytest.approx(1 - 1 / values.size, abs=1e-12)
    assert 0 < row["largest_sd"] < 1e-6


def test_other_draws_of_one_posterior_and_of_another() -> None:
    row = compared(tree(1), tree(2)).loc["x"]
    assert not row["same"]
    assert row["mean_errors"] < 2.5
    assert row["largest_sd"] > 1
    moved = compared(tree(1), tree(2, shift=1.0)).loc["x"]
    assert moved["mean_errors"] > 10
    assert moved["mean_sd"] == pytest.approx(1, abs=0.2)


def test_longer_chains_and_missing_quantities_are_not_the_same() -> None:
    longer = tree(1)
    whole = tree(1, draws=200)
    longer["posterior"] = xr.DataTree(whole["posterior"].to_dataset().isel(draw=slice(150)))
    row = compared(whole, longer).loc["x"]
    assert not row["same"]
    assert row["same_share"] == 1
    del longer["posterior"]["x"]
    assert not compared(whole, longer).loc["x", "same"]
    assert compared(whole, longer).loc["x", "same_share"] == 0


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Return the configuration of twelve areas in a row."""
    rng = np.random.default_rng(4)
    names = [f"a{number}" for number in range(12)]
    counts = pd.DataFrame(
        {
            "area": names,
            "count": rng.poisson(3, 12),
            "expected": 3.0 + rng.random(12) / 3,
            "x": rng.normal(size=12),
            "w": [*rng.normal(10, 2, 6), *[np.nan] * 6],
            "w_se": [*[1.0] * 6, *[np.nan] * 6],
            "group": ["g"] * 6 + ["h"] * 6,
            "people": rng.integers(10, 99, 12),
            "secret": "not read",
        }
    )
    counts.loc[3, "count"] = np.nan
    counts.to_csv(tmp_path / "counts.csv", index=False)
    pd.DataFrame({"from": names[:-1], "to": names[1:]}).to_csv(tmp_path / "edges.csv", index=False)
    (tmp_path / "groups.csv").write_text("group,w,w_se\nh,11.3,0.7\n")
    (tmp_path / "fit.toml").write_text(CONFIG)
    return tmp_path / "fit.toml"


def test_what_a_fit_keeps_is_what_it_read(own: Path) -> None:
    config, data = load_areal(own)
    stored = packed(kept(config, data))
    assert b"not read" not in unpacked_bytes(stored)
    again, same = restored(unpacked(stored))
    assert fingerprint(same) == fingerprint(data)
    pd.testing.assert_frame_equal(same.covariates, data.covariates)
    pd.testing.assert_frame_equal(same.graph.edges, data.graph.edges)
    assert again.priors == config.priors
    assert again.sampling == config.sampling
    assert config.groups is not None
    assert again.groups == replace(config.groups, table=None)
    assert (again.likelihood, again.covariates) == (config.likelihood, config.covariates)


def unpacked_bytes(content: bytes) -> bytes:
    return json.dumps(unpacked(content)).encode()


def test_frames_come_back_without_a_loss() -> None:
    given = pd.DataFrame(
        {"a": [0.1, np.nan], "b": ["x", None], "c": pd.to_datetime(["2020-01-01", None]), "d": 7}
    )
    pd.testing.assert_frame_equal(frame(json.loads(json.dumps(columns(given)))), given)


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(threatkit, [str(word) for word in words])


@pytest.mark.integration
def test_a_fit_of_own_areas_is_repeated(own: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    made = call("fit", own, "--engine", "laplace", "--seed", "3", "--out", run)
    assert made.exit_code in (0, 4), made.stderr
    record = json.loads((run / "run.json").read_text())
    assert record["command"] == f"threatkit fit {own} --engine laplace --seed 3 --out {run}"
    assert record["machine"]["architecture"]
    assert {"numpy", "scipy", "numba", "arviz"} <= set(record["versions"])
    assert KEPT in record["files"]
    for name in ("counts.csv", "edges.csv", "groups.csv", "fit.toml"):
        (own.parent / name).unlink()

    again = call("repeat", run, "--format", "json")
    assert again.exit_code == 0, again.stderr
    told = json.loads(again.stdout)
    assert told["same"] is True
    assert told["surroundings"] == []
    assert "the same, bit for bit" in again.stderr

    change_record(run, seed=4, versions={**record["versions"], "numpy": "1.0"})
    other = call("repeat", run, "--out", tmp_path / "again", "--format", "csv")
    assert other.exit_code == 5
    assert f"numpy: 1.0 then, {np.__version__} now" in other.stderr
    kept_record = json.loads((tmp_path / "again" / "run.json").read_text())
    assert kept_record["same"] is False
    assert kept_record["quantities"]["eta"]["same_share"] < 0.5
    assert kept_record["quantities"]["eta"]["mean_errors"] < 3
    with xr.open_datatree(tmp_path / "again" / "posterior.nc", engine="h5netcdf") as draws:
        assert draws["posterior"]["eta"].sizes["area"] == 12
    assert call("repeat", run, "--out", run).exit_code == 3

    (run / "posterior.nc").write_bytes(b"other")
    with pytest.raises(InvalidInput, match="as the run wrote it"):
        repeat(run)
    (run / KEPT).unlink()
    with pytest.raises(InvalidInput, match=KEPT):
        repeat(run)


def one_country(plain: dict[str, Any], country: str) -> dict[str, Any]:
    """Return the kept inputs of one country alone."""
    districts = frame(plain["tables"]["districts"])
    inside = districts[districts["country"] == country]
    codes = set(inside["district"])
    edges = frame(plain["tables"]["edges"])
    return {
        **plain,
        "tables": {
            **plain["tables"],
            "districts": columns(inside),
            "edges": columns(edges[edges["a"].isin(codes) & edges["b"].isin(codes)]),
        },
        "outlined": [code for code in plain["outlined"] if code in codes],
    }


@pytest.mark.integration
def test_an_assessment_is_repeated(tmp_path: Path) -> None:
    config = replace(load_config(None), engine="laplace", region="KGZ")
    config = replace(config, model=replace(config.model, pillars=False))
    plain = one_country(load_inputs(config).kept(), "KGZ")
    fitted = fit_spec(make_spec(config, parse_kept(plain).inputs()), config)
    as_of = fitted.spec.panel.as_of.isoformat()
    run = write_run(tmp_path / "run", config=json.loads(json.dumps(config.as_dict(), default=str)))
    change_record(run, as_of=as_of, versions=versions(), machine=machine(), devices=["cpu"])
    write_tree(run / "posterior.nc", draws_tree(fitted))
    (run / KEPT).write_bytes(packed(plain))
    found = repeat(run)
    assert found.same
    assert {"eta", "forecast/event_prob", "sample_stats/diverging"} <= set(found.table.index)
    assert found.surroundings.empty
    (run / KEPT).write_bytes(packed({**plain, "format": 2}))
    with pytest.raises(InvalidInput, match="copy of its inputs"):
        repeat(run)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    assert call("repeat", tmp_path / "nowhere").exit_code == 3
    assert call("repeat", tmp_path).exit_code == 3


#: Fits a small panel by both engines and prints a digest of the draws of each.
DIGESTS = """
import hashlib, os, sys
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[1])])
from threatkit.model.fit import Sampling, fit
from threatkit.model.laplace import laplace_fit
from threatkit.model.simulate import simulate_panel
from threatkit.model.spec import ModelSpec
panel = simulate_panel(rows=3, columns=4, years=6, seed=2).panel
spec = ModelSpec(panel, pillars=("youth",))
short = Sampling(chains=3, tune=100, draws=60, max_rounds=1)
for made in (fit(spec, seed=5, sampling=short), laplace_fit(spec, seed=5, draws=256)):
    for values in (made.draws["eta"].to_numpy(), made.forecast.event_prob):
        print(hashlib.sha256(values.tobytes()).hexdigest())
"""


@pytest.mark.integration
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be chosen here")
def test_one_core_and_thread_give_the_draws_of_several() -> None:
    def digests(cores: int) -> list[str]:
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(cores))
        done = subprocess.run(
            [sys.executable, "-c", DIGESTS, str(cores)],
            env={**os.environ, **threads},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    one, several = digests(1), digests(2)
    assert len(set(one)) == 4
    assert one == several
