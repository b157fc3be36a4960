"""The report without a browser: draws on their edges, circles, marking, names, words, faults."""

import html
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.report_fixtures import LONG, NASTY, QUOTES, RTL, failed_summary
from tests.report_material import CODES, FIGURES, changes, record, small_material, some_skill
from tests.stored_backtests import stored
from tests.tiny_runs import change_record, write_run
from threatkit.brief import findings
from threatkit.brief.dorling import circles
from threatkit.brief.figures import draw_figures
from threatkit.brief.marking import marking
from threatkit.brief.names import clean, other_names, shown_name
from threatkit.brief.page import Options, render_report
from threatkit.brief.pdf import find_browser
from threatkit.brief.quantise import EDGES, bins, decode, encode, level_edges, scale_point, thin
from threatkit.brief.skill import Frozen, read_skill, skill_of
from threatkit.brief.tables import record_table
from threatkit.brief.text import check_text
from threatkit.cli import threatkit
from threatkit.errors import InvalidInput
from threatkit.evaluate.readout import backtest_table
from threatkit.evaluate.stored import write_stored
from threatkit.export.marking import COLOURS
from threatkit.report.catalogue import translator
from threatkit.report.shapes import build_plane
from threatkit.report.summary import LEVEL_LIMITS
from threatkit.report.words import Phrases
from threatkit.scores import risk_index, risk_level

PHRASES = Phrases(translator("en"))


def data_of(page: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert found is not None
    loaded: dict[str, object] = json.loads(found.group(1))
    return loaded


def test_edges_hold_the_limits_and_fit_a_byte() -> None:
    assert list(EDGES) == sorted(set(EDGES))
    assert len(EDGES) < 256
    assert [EDGES[edge] for edge in level_edges()] == list(LEVEL_LIMITS)


@given(st.lists(st.floats(1e-6, 0.999), min_size=1, max_size=30))
def test_a_threshold_and_a_level_are_counted_without_rounding(values: list[float]) -> None:
    prob = np.array(values)[:, None]
    kept = decode(encode(prob), 1)[:, 0]
    for number, edge in enumerate(EDGES):
        assert ((kept > number) == (prob[:, 0] >= edge)).all()
    level = np.searchsorted(level_edges(), kept, side="left") + 1
    assert (level == risk_level(prob[:, 0])).all()


def test_draws_are_thinned_evenly() -> None:
    assert thin(np.arange(10.0)[:, None], 4)[:, 0].tolist() == [0, 3, 6, 9]
    assert len(thin(np.zeros((3, 2)), 4)) == 3
    assert bins(np.array([[0.0, 1.0]])).tolist() == [[0, len(EDGES)]]


def test_the_axis_is_that_of_the_score() -> None:
    for prob in (0.0005, 0.001, 0.005, 0.03, 0.2, 0.79, 0.95):
        assert scale_point(prob) == pytest.approx(10 * float(risk_index(prob)), abs=0.06)


def test_circles_do_not_overlap_by_much_and_stay_near() -> None:
    rng = np.random.default_rng(3)
    at = rng.uniform(0, 10_000, (60, 2))
    people = rng.uniform(1e4, 1e6, 60)
    people[7] = np.nan
    made = np.array(circles(at, people), dtype=float)
    x, y, r = made.T
    gap = np.hypot(x[:, None] - x, y[:, None] - y) - (r[:, None] + r)
    np.fill_diagonal(gap, 0)
    assert gap.min() > -0.25 * r.max()
    assert np.hypot(*(made[:, :2] - at).T).mean() < 1_500
    big, small = np.nanargmax(people), np.nanargmin(people)
    assert (r[big] / r[small]) ** 2 == pytest.approx(people[big] / people[small], rel=0.4)
    assert circles(at, people) == circles(at, people)
    assert circles(np.zeros((0, 2)), np.zeros(0)) == []


@pytest.mark.parametrize("level", list(COLOURS))
def test_marking_stands_on_the_page_and_in_its_print(level: str) -> None:
    page = render_report(small_material(), Options(tlp=level))
    label = marking(level, translator("en").t).label
    assert label == f"TLP:{level}"
    assert page.count(f"{label}</span>") == 2
    assert f'content: "{label}"' in page
    assert COLOURS[level] in page


def test_texts_lose_what_turns_or_hides_and_keep_the_rest() -> None:
    assert clean("a\x07b\u202ec\u200bd\ne\u2028f") == "a bcd e f"
    assert clean(RTL).startswith("\u2068")
    assert clean(RTL).endswith("\u2069")
    assert clean(LONG, 20) == "Ab" * 9 + "A…"
    assert clean("Сўх ғӣқӯҳҷ ʻ ňýş") == "Сўх ғӣқӯҳҷ ʻ ňýş"
    assert clean(None) == ""


@pytest.mark.parametrize(
    ("lang", "shown"),
    [("en", "Isfara"), ("ru", "Исфара"), ("tg", "Исфара (тоҷ.)"), ("uz", "Isfara")],
)
def test_a_district_is_named_in_the_readers_language(lang: str, shown: str) -> None:
    place = {
        "name": "Isfara",
        "name_ru": "Исфара",
        "name_local": "Исфара (тоҷ.)",
        "names_other": "Isfara City|Исфара",
        "country": "TJK",
    }
    assert shown_name("TJ-SU-isfara", place, lang) == shown
    assert shown not in other_names(place, shown)
    assert len(other_names(place, shown)) == 3


@pytest.mark.parametrize("audience", ["policy", "analyst"])
def test_names_and_titles_stay_text(audience: str) -> None:
    page = render_report(small_material(), Options(audience=audience), FIGURES)  # type: ignore[arg-type]
    head, _, rest = page.partition("<body>")
    assert "<script>window" not in rest
    assert "<img src=x" not in page
    assert page.count("<script") == 2
    assert page.count("</script>") == 2
    assert "unsafe-inline" not in head
    assert "default-src 'none'" in html.unescape(head)
    for text in (NASTY, QUOTES):
        assert text not in page
    assert '" onload="' not in page
    assert '<a href="javascript' not in page


def test_the_page_names_no_address_that_it_would_fetch() -> None:
    page = render_report(small_material(), figures=FIGURES)
    tags = re.sub(r"<script.*?</script>", "", page, flags=re.S)
    loading = re.findall(r"<(?:link|iframe|object|embed|script|img)\b[^>]*>", tags)
    assert all('src="data:image/svg+xml;base64,' in tag for tag in loading)
    assert len(loading) == 1
    assert "@import" not in page


def test_the_title_counts_with_an_interval() -> None:
    material = small_material()
    names = {code: code for code in CODES}
    told = findings.title(material, names, PHRASES)
    # At 0.25 the lower end is 0: the highest limit that surely has a district is 0.10.
    count = (material.prob >= 0.1).sum(axis=1)
    lo, hi = np.floor(np.quantile(count, 0.05)), np.ceil(np.quantile(count, 0.95))
    assert told.startswith(f"Between {lo:.0f} and {hi:.0f} of 7 districts")
    assert "10 in 100 or more" in told
    assert "KG-B-batken" in told


def test_five_are_chosen_by_each_rule() -> None:
    material = small_material()
    lists = findings.rules(material, build_plane(material.summary), PHRASES)
    assert [rule["key"] for rule in lists] == ["chance", "people", "change"]
    assert lists[0]["rows"][0][0] == "KG-B-batken"
    assert lists[2]["rows"][0][0] == "KG-B-batken"
    assert all(len(rule["rows"]) == 5 for rule in lists)
    assert all("TJ-SU-ashtcity" not in [row[0] for row in rule["rows"]] for rule in lists)
    assert "was 1" in lists[2]["rows"][0][1]
    assert len(findings.rules(small_material(changes=None), build_plane(material.summary),
                              PHRASES)) == 2  # fmt: skip


def test_noise_is_told_as_noise() -> None:
    material = small_material()
    names = {code: code for code in CODES}
    told = findings.what_changed(material, build_plane(material.summary), names, PHRASES)
    assert told[0].startswith("KG-B-batken rose")
    assert told[-1] == "In 5 of 6 districts the change is within the noise."
    calm = changes().assign(more_than_noise=False)
    told = findings.what_changed(
        small_material(changes=calm), build_plane(material.summary), names, PHRASES
    )
    assert told == ["In 6 of 6 districts the change is within the noise."]


def test_no_skill_is_claimed_that_was_not_measured() -> None:
    assert findings.how_good(small_material(), PHRASES)[0].startswith("Not yet measured")
    told = findings.how_good(small_material(skill=some_skill()), PHRASES)
    assert told[0] == "Not to be told apart from past frequency."
    assert "log score +2.0 thousandths (−1.0 to +5.0)" in told[1]
    assert "100 expected, 78 seen" in told[2]
    told = findings.how_good(small_material(skill=some_skill("better")), PHRASES)
    assert told[0].startswith("Better than past frequency by some scores")


def _skill_frame() -> pd.DataFrame:
    rows = [
        {"origins": half, "horizon": step, "forecaster": "model", "score": score,
         "against": "shrunken frequency", "mean": 5.0, "diff": diff, "diff_lo": diff - 2,
         "diff_hi": diff + 2, "verdict": ""}
        for half, diff in (("to 2017", 9.0), ("from 2018", 1.0))
        for step in (1, 2)
        for score in ("log score", "Brier", "CRPS", "expected", "observed")
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_differences_are_turned_so_that_more_is_better(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    _skill_frame().to_csv(path, index=False)
    skill = read_skill(path)
    log, brier, _ = skill.differences
    assert skill.origins == "from 2018"
    assert (log.diff, log.lo, log.hi) == (1.0, -1.0, 3.0)
    assert (brier.diff, brier.lo, brier.hi) == (-1.0, -3.0, 1.0)
    assert (skill.expected, skill.observed) == (5.0, 5.0)


def test_a_backtest_is_its_folder_or_its_table(tmp_path: Path) -> None:
    made = stored()
    write_stored(made, tmp_path / "backtest.nc")
    table = backtest_table(made.scores(), with_pillars=made.with_pillars())
    table.to_csv(tmp_path / "table.csv", index=False)
    table.to_json(tmp_path / "table.json", orient="records")
    folder, csv, rows = (read_skill(tmp_path / name) for name in ("", "table.csv", "table.json"))
    for other in (csv, rows):
        assert other.origins == folder.origins == "from 2018"
        assert other.cells is None
        assert [item.verdict for item in other.differences] == [
            item.verdict for item in folder.differences
        ]
        assert other.differences[0].diff == pytest.approx(folder.differences[0].diff)
    assert folder.cells is not None
    assert folder.cells["prob"].sum() == pytest.approx(folder.expected)
    assert folder.cells["event"].sum() == pytest.approx(folder.observed)
    drawn = [figure.id for figure in draw_figures(small_material(skill=folder), "en")]
    assert "calibration" in drawn
    assert "calibration" not in [figure.id for figure in draw_figures(small_material(), "en")]


def test_what_is_no_backtest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"backtest\.nc"):
        read_skill(tmp_path)
    (tmp_path / "table.json").write_text('{"a": 1}')
    with pytest.raises(InvalidInput, match="no list of rows"):
        read_skill(tmp_path / "table.json")
    with pytest.raises(InvalidInput, match="none"):
        read_skill(tmp_path / "nothing.csv")


@pytest.mark.parametrize(
    ("frozen", "told"),
    [
        (None, "Not yet measured on forecasts made before their time."),
        (Frozen(0, 0), "Not yet measured on forecasts made before their time."),
        (Frozen(2, 0), "Forecasts frozen before their time: 2. None can be scored yet."),
        (
            Frozen(3, 2, 12.4, 9.0),
            "Forecasts frozen before their time: 3, scored so far: 2. Districts with an "
            "episode: 12 expected, 9 seen.",
        ),
    ],
)
def test_frozen_forecasts_are_one_sentence(frozen: Frozen | None, told: str) -> None:
    assert findings.how_good(small_material(frozen=frozen), PHRASES)[0] == told
    assert findings.how_good(small_material(frozen=frozen, skill=some_skill()), PHRASES)[-1] == told


def test_notes_of_a_run_stand_on_the_first_screen() -> None:
    note = "no episode in the years covered: how low the rates are is what the priors say"
    material = small_material(record={**record(), "notes": [note, f"odd {NASTY}"]})
    page = render_report(material, Options(lang="ru"))
    front = page[page.index('<div class="front">') : page.index('<div class="rest">')]
    assert "не отмечено ни одного эпизода" in front
    assert '<p lang="en">Odd ' in front
    assert note not in page
    assert 'role="note"' not in render_report(small_material())


def test_the_method_says_what_of_the_past_is_reproduced() -> None:
    assert check_text(small_material(), PHRASES) == []
    row = {"observed": 30.0, "posterior_q05": 20.0, "posterior_q50": 31.0, "posterior_q95": 40.0}
    check = {"episodes": row, "districts with an episode": row | {"observed": 20.0}}
    checked = small_material(record={**record(), "predictive_check": check})
    (all_held,) = check_text(checked, PHRASES)
    assert "2 of 2 features of what was seen" in all_held
    assert all_held.endswith("That tests the fit, not the forecast.")
    check["episodes"] = row | {"observed": 41.0}
    page = render_report(checked)
    assert "1 of 2 features of what was seen" in page
    assert "Outside lie: episodes in all.</p>" in page


def test_analysts_see_how_a_pillar_drifted() -> None:
    drift = {"mean_shift": 0.31, "largest_oblast": "KG-B", "largest_shift": -1.25}
    material = small_material(record={**record(), "pillar_drift": {"drift": {"youth": drift}}})
    page = render_report(material, Options(audience="analyst"))
    parts = {part["key"]: part for part in data_of(page)["parts"]}  # type: ignore[attr-defined]
    assert "by 0.31 standard deviations" in parts["youth"]["drift"]
    assert "−1.25; above zero is worse" in parts["youth"]["drift"]
    assert [key for key, part in parts.items() if "drift" in part] == ["youth"]
    assert "pillar_drift.drift" in page
    policy = data_of(render_report(material))["parts"]
    assert all("drift" not in part for part in policy)  # type: ignore[attr-defined]


def test_a_table_without_the_model_is_refused() -> None:
    with pytest.raises(InvalidInput, match="'model'"):
        skill_of(_skill_frame().assign(forecaster="zero"), "table.csv")
    with pytest.raises(InvalidInput, match="diff_lo"):
        skill_of(_skill_frame().drop(columns="diff_lo"), "table.csv")


def test_a_failed_run_says_so_first() -> None:
    page = render_report(small_material(summary=failed_summary()))
    assert "This run must not be used." in page
    assert page.index('role="alert"') < page.index("<main")


def test_analysts_get_all_figures_and_policymakers_words() -> None:
    policy = render_report(small_material())
    analyst = render_report(small_material(), Options(audience="analyst"))
    assert "Diagnostics and parameters" not in policy
    assert "rhat" not in policy
    assert "diagnostics.quantities" in analyst
    assert "Draws in this level, of 100" in analyst


def test_a_record_that_is_missing_makes_no_table() -> None:
    assert record_table(None, "x") is None
    assert record_table({}, "x") is None
    table = record_table({"a": "normal(0, 1)", "b": {"mean": 0.123456}}, "prior")
    assert table is not None
    assert list(table.head) == ["prior", "value", "mean"]
    assert table.rows[1] == ["b", "", "0.1235"]


def test_the_yardstick_changes_the_words() -> None:
    one, other = (
        data_of(render_report(small_material(), Options(yardstick=name)))["districts"]
        for name in ("icd203", "phia")
    )
    assert isinstance(one, dict)
    assert isinstance(other, dict)
    assert one["word"] != other["word"]
    assert one["p"] == other["p"]


def test_a_run_of_an_older_version_is_refused_with_the_reason(tmp_path: Path) -> None:
    folder = change_record(write_run(tmp_path / "run"), threatkit="0.0.3")
    result = CliRunner().invoke(threatkit, ["report", str(folder), "-o", str(tmp_path / "r.html")])
    assert result.exit_code == 3
    assert "0.0.3" in result.output
    assert not (tmp_path / "r.html").exists()


def test_districts_unknown_to_the_data_are_told(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    result = CliRunner().invoke(threatkit, ["report", str(folder), "-o", str(tmp_path / "r.html")])
    assert result.exit_code == 3
    assert "table of districts" in result.output


def test_without_a_browser_there_is_no_pdf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THREATKIT_BROWSER", "no-such-browser")
    with pytest.raises(InvalidInput, match="no-such-browser"):
        find_browser()
