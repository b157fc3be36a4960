"""The command ``check`` and the page of the checks, on a run made from numbers and not by a fit."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner
from tiny_runs import change_record, write_run

from threatkit.checks import check_run, run_spec
from threatkit.cli import threatkit
from threatkit.config import Config
from threatkit.derive import checks
from threatkit.derive.material import read
from threatkit.derive.replications import predictive_section
from threatkit.export.run import read_run
from threatkit.inputs import load_inputs
from threatkit.store import KEPT, packed

SIZE = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run of the shipped inputs whose draws know each district's own rate."""
    made = write_run(tmp_path_factory.mktemp("checked") / "run")
    (made / KEPT).write_bytes(packed(load_inputs(Config()).kept()))
    panel = run_spec(read_run(made)).panel
    rng = np.random.default_rng(1)
    seen = np.bincount(
        panel.cells["district"],
        panel.cells["count"] * panel.cells["weight"],
        minlength=len(panel.districts),
    )
    years = panel.exposure_years[panel.country_of].sum(axis=1) * np.maximum(panel.people, 1e-3)
    eta = np.log((seen + 0.002) / years) + 0.2 * rng.standard_normal((2, SIZE, len(seen)))
    one = ("chain", "draw")
    draws = xr.Dataset(
        {
            "eta": ((*one, "district"), eta),
            "year_effect": ((*one, "period"), np.zeros((2, SIZE, len(panel.periods)))),
            "year_sd": (one, np.full((2, SIZE), 0.3)),
            "dispersion": (one, np.full((2, SIZE), 0.5)),
            "history": (one, np.zeros((2, SIZE))),
            "spillover": (one, np.zeros((2, SIZE))),
        },
        coords={"district": list(panel.districts.index)},
    )
    with xr.open_datatree(made / "posterior.nc", engine="h5netcdf") as tree:
        kept = {name: tree[name].to_dataset().load() for name in ("forecast", "districts")}
    (made / "posterior.nc").unlink()
    tree = xr.DataTree.from_dict({"posterior": draws, **kept})
    tree.to_netcdf(made / "posterior.nc", engine="h5netcdf")
    return made


def test_the_command_tells_what_is_missed(folder: Path) -> None:
    done = CliRunner().invoke(threatkit, ["check", str(folder), "--size", "60", "--format", "json"])
    assert done.exit_code == 0, done.output
    rows = {row["feature"]: row for row in json.loads(done.stdout)}
    found = check_run(read_run(folder), size=60)
    assert rows.keys() == set(found.about)
    assert rows["episodes"]["observed"] == np.median(found.seen["episodes"])
    assert rows["episodes"]["finding"] == "reproduced"
    # Years of one level, as the draws have them, cannot make 2010 and 2022.
    assert rows["variance over mean of years"]["finding"] == "more than the model makes"
    first, *missed = done.stderr.splitlines()
    held = sum(row["finding"] == "reproduced" for row in rows.values())
    assert first.startswith(f"{held} of {len(rows)} features of the data lie within")
    assert any(line.startswith("Variance over mean of years: ") for line in missed)


def test_a_run_that_did_not_meet_its_gate_exits_with_4(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "bad"
    other.mkdir()
    for path in folder.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    change_record(other, diagnostics={"passed": False, "failures": ["R-hat"]})
    done = CliRunner().invoke(threatkit, ["check", str(other), "--size", "50", "--format", "csv"])
    assert done.exit_code == 4
    assert "do not use the checks" in done.stderr
    assert done.stdout.startswith("feature,about,observed,same_lo")


def test_a_run_whose_inputs_are_gone_is_refused(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "lost"
    other.mkdir()
    for path in folder.iterdir():
        if path.name != KEPT:
            (other / path.name).write_bytes(path.read_bytes())
    done = CliRunner().invoke(threatkit, ["check", str(other)])
    assert done.exit_code == 3
    assert "keeps no copy of its inputs" in done.stderr


def test_the_page_takes_checks_and_figures(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "model.md"
    marks = "<!-- predictive: {} -->"
    lead = marks.format("begin (python -m threatkit.derive.checks)")
    page.write_text(f"before\n{lead}\nold\n{marks.format('end')}\nafter\n", encoding="utf-8")
    monkeypatch.setattr(checks, "PAGE", page)
    monkeypatch.setattr(checks, "FIGURES", tmp_path / "model")
    figures: dict[str, str] = {}
    section = predictive_section(read(folder), 50, figures)
    checks.renew({"predictive": section}, figures)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert re.search(r"\| episodes \| level \| 154 \|", text)
    for name in ("features", "years", "shapes"):
        svg = (tmp_path / "model" / f"{name}.svg").read_text(encoding="utf-8")
        assert "<svg" in svg
        assert "<dc:date>" not in svg
        assert len(svg) < 200_000


def test_the_page_of_the_model_has_its_figures(repository: Path) -> None:
    text = (repository / "docs" / "model.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"\(model/([a-z-]+)\.svg\)", text))
    kept = {path.stem for path in (repository / "docs" / "model").glob("*.svg")}
    assert shown == kept
