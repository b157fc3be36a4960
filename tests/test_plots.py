"""The pictures of the report: what they say, and that a strict page can hold them."""

import io
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from report_fixtures import LONG, NASTY, QUOTES, small_summary

from threatkit.model.simulate import Truth, simulate_panel
from threatkit.model.spec import ModelSpec
from threatkit.report.catalogue import LANGUAGES, translator
from threatkit.report.plots import Drawn, Figure, figures
from threatkit.report.series import oblast_series
from threatkit.report.svg import GROUND, INK

EN = translator("en")
ROW = ("observed", "posterior_q05", "posterior_q50", "posterior_q95")


def drawn() -> Drawn:
    """Return what the pictures of the small run are drawn from; all kinds are there."""
    summary = small_summary()
    values = summary.indicators.copy()
    extra = [values.iloc[[2]].assign(area_code=code, value=50.0 * number)
             for number, code in enumerate(summary.scores.index[:5])]  # fmt: skip
    years = np.arange(2005, 2013)
    series = pd.DataFrame(
        {
            "oblast": np.repeat(["KG-B", "UZ-FA"], 8),
            "year": np.tile(years, 2),
            "observed": [0, 1, 4, 0, 0, 2, 0, 1] + [0] * 7 + [1],
            "expected": 0.8,
            "lo": 0.0,
            "hi": 3.0,
            "covered": True,
        }
    )
    rng = np.random.default_rng(5)
    prob = rng.beta(0.3, 6, 2000)
    cells = pd.DataFrame({"prob": prob, "event": (rng.random(2000) < prob).astype(float)})
    return Drawn(
        scores=summary.scores,
        names=summary.districts["name"].to_dict(),
        oblasts={"KG-B": QUOTES, "UZ-FA": "Fergana"},
        ci_prob=0.9,
        check={
            "episodes": dict(zip(ROW, (20.0, 12.0, 19.0, 30.0), strict=True)),
            "districts with an episode": dict(zip(ROW, (9.0, 3.0, 5.0, 7.0), strict=True)),
        },
        values=pd.concat([values, *extra], ignore_index=True),
        series=series,
        cells=cells,
    )


@pytest.fixture(scope="module")
def made() -> dict[str, Figure]:
    return {figure.id: figure for figure in figures(drawn(), EN)}


def test_every_picture_is_there_once(made: dict[str, Figure]) -> None:
    assert list(made) == ["ranks", "pillar-border", "oblasts", "predictive", "calibration"]


def test_titles_are_findings_from_the_figures(made: dict[str, Figure]) -> None:
    known = small_summary().scores
    first = int((known["rank_lo"] == 1).sum())
    expected = "One district alone" if first == 1 else f"Any of {first} districts"
    assert made["ranks"].title.startswith(expected)
    assert made["oblasts"].title.startswith("4 of 5 oblast-years with an episode")
    assert made["predictive"].title.startswith("1 of 2 features")
    cells = drawn().cells
    assert cells is not None
    told, seen = round(cells["prob"].sum()), round(cells["event"].sum())
    assert made["calibration"].title.endswith(f"{told} expected, {seen} seen")


def test_captions_name_interval_and_association(made: dict[str, Figure]) -> None:
    assert "90%" in made["ranks"].caption
    assert "Association, not cause" in made["pillar-border"].caption
    for key in ("oblasts", "predictive"):
        assert "the fit, not the forecast" in made[key].caption


def test_what_a_run_lacks_is_not_drawn() -> None:
    bare = replace(drawn(), check={}, values=None, series=None, cells=None)
    assert [figure.id for figure in figures(bare, EN)] == ["ranks"]
    empty = replace(bare, scores=drawn().scores.assign(rank=pd.NA))
    assert figures(empty, EN) == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_strict_page_can_hold_the_pictures(lang: str) -> None:
    seen: set[str] = set()
    for figure in figures(drawn(), translator(lang)):
        root = ET.fromstring(figure.svg)
        assert root.get("role") == "img"
        told = {element.get("id"): element.text for element in root.iter() if element.get("id")}
        assert told[f"{figure.id}-title"] == figure.title
        for element in root.iter():
            assert element.tag.rpartition("}")[2] not in ("script", "style", "metadata", "image")
            assert not any(name == "style" or name.startswith("on") for name in element.attrib)
            own = element.get("id")
            if own is not None:
                assert own not in seen, "two pictures share an identifier"
                seen.add(own)
        used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', figure.svg))
        assert used <= seen
        assert not re.search(r"https?://(?!www\.w3\.org)", figure.svg)
        assert INK not in figure.svg
        assert GROUND not in figure.svg
        assert 'class="ground"' in figure.svg


def test_names_cannot_break_a_picture(made: dict[str, Figure]) -> None:
    svg = made["ranks"].svg
    root = ET.fromstring(svg)
    texts = [element.text or "" for element in root.iter() if element.tag.endswith("}text")]
    assert any(text.startswith(NASTY[:20]) for text in texts)
    assert any(text.endswith("…") and text.startswith(LONG[:20]) for text in texts)
    assert "<script" not in svg


def test_a_dollar_is_no_formula_and_controls_are_dropped() -> None:
    run = drawn()
    names = {**run.names, "KG-B-batken": "cost $5$ here", "UZ-FA-sokh": "bell\x07 \u202eleft"}
    (ranks,) = figures(replace(run, names=names, check={}, values=None, series=None, cells=None),
                       EN)  # fmt: skip
    assert "cost $5$ here" in ranks.svg
    assert "bell left" in ranks.svg


def test_the_same_run_gives_the_same_bytes(made: dict[str, Figure]) -> None:
    with mpl.rc_context({"font.size": 30.0, "svg.fonttype": "path"}):
        again = figures(drawn(), EN)
        assert mpl.rcParams["font.size"] == 30.0
    assert [figure.svg for figure in again] == [figure.svg for figure in made.values()]


def test_numbers_can_be_read_back(made: dict[str, Figure]) -> None:
    ranks = pd.read_csv(io.StringIO(made["ranks"].csv)).set_index("district")
    known = small_summary().scores["rank"].dropna()
    assert ranks["rank"].to_dict() == known.astype(int).to_dict()
    assert LONG in set(ranks["name"]), "a name that is cut in the picture is whole here"
    cells = pd.read_csv(io.StringIO(made["calibration"].csv))
    assert cells["cells"].sum() == 2000
    assert ((cells["lo"] < cells["observed"]) | (cells["events"] == 0)).all()
    assert ((cells["observed"] < cells["hi"]) | (cells["events"] == cells["cells"])).all()
    assert all(low <= high for low, high in pairwise(cells["mean_prob"]))


def test_a_whole_region_stays_small() -> None:
    """As many districts as the region has, each with its own value."""
    run = drawn()
    one = run.scores.loc[["KG-B-batken"]]
    rng = np.random.default_rng(1)
    number = 541
    scores = pd.concat([one] * number)
    scores.index = pd.Index([f"D{n:03}" for n in range(number)], name="district")
    for part in ("", "_lo", "_hi"):
        scores[f"contribution_border{part}"] = rng.normal(0, 0.3, number)
    assert run.values is not None
    values = pd.concat([run.values.iloc[[2]]] * number, ignore_index=True).assign(
        area_code=scores.index, value=rng.uniform(0, 2000, number)
    )
    for figure in figures(replace(run, scores=scores, values=values), EN):
        assert len(figure.svg) < 60_000, figure.id


def test_series_count_what_was_seen() -> None:
    truth = Truth(pillar_weight={"youth": 0.5}, intercept=-1.0, history=0.0)
    panel = simulate_panel(rows=4, columns=4, years=12, seed=3, truth=truth).panel
    spec = ModelSpec(panel=panel, pillars=(), history=False, spillover=False, year_effect="none")
    shape = (1, 200, len(panel.districts))
    draws = xr.Dataset(
        {
            "eta": (("chain", "draw", "district"), np.full(shape, -1.0)),
            "dispersion": (("chain", "draw"), np.full(shape[:2], 0.3)),
        }
    )
    series = oblast_series(spec, draws, size=200, seed=1)
    cells = panel.cells["count"] * panel.cells["weight"]
    assert series["observed"].sum() == pytest.approx(cells.sum())
    assert len(series) == len(panel.oblasts) * len(panel.periods)
    assert (series["lo"] <= series["hi"]).all()
    inside = series["expected"].between(series["lo"], series["hi"])
    assert inside[series["expected"] > 1].all()
