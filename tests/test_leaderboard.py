"""The leaderboard: one content, two forms, and words that only the verdict decides."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from stored_backtests import DISTRICTS, ORIGINS, counts, outcomes, stored

from threatkit.cli import threatkit
from threatkit.evaluate.backtest import REFERENCE, active
from threatkit.evaluate.forecasters import MODEL
from threatkit.evaluate.leaderboard import HINDSIGHT, Section, leaderboard
from threatkit.evaluate.leaderpage import html_page, markdown_page
from threatkit.evaluate.stored import FILE, write_stored


@pytest.fixture(scope="module")
def sections() -> list[Section]:
    return leaderboard(stored())


def section(sections: list[Section], title: str) -> Section:
    return next(one for one in sections if one.title.startswith(title))


def test_active_cells_are_those_with_a_recent_episode_in_or_next_to_them() -> None:
    seen, known = counts(), outcomes().until(2016)
    recent = (seen[:, 4:9] > 0).any(axis=1)
    expected = recent.copy()
    for one, other in known.pairs:
        expected[one] |= recent[other]
        expected[other] |= recent[one]
    np.testing.assert_array_equal(active(known), expected)
    assert 0 < expected.sum() < len(DISTRICTS)


def test_scored_cells_add_up() -> None:
    cells = stored().scores().cells
    np.testing.assert_allclose(cells["crps"], cells["brier"] + cells["twcrps"])
    assert (cells["prob_2"] <= cells["prob"]).all()
    assert set(cells["active"]) == {True, False}


def test_the_pit_of_a_backtest_sums_to_one_a_cell() -> None:
    made = stored()
    frame = made.pit(MODEL)
    bins = [column for column in frame.columns if isinstance(column, int)]
    np.testing.assert_allclose(frame[bins].sum(axis=1), 1.0)
    cells = made.scores().at(1).of(MODEL)
    assert len(frame) == len(cells)
    assert frame["active"].tolist() == cells["active"].tolist()


def test_hindsight_stands_with_every_table_and_picture(sections: list[Section]) -> None:
    tables = [table for one in sections for table in one.tables]
    pictures = [picture for one in sections for picture in one.pictures]
    assert len(pictures) == 3
    assert len(tables) > 8
    assert all(HINDSIGHT in one.caption for one in [*tables, *pictures])


def test_halves_countries_and_active_cells_stand_apart(sections: list[Section]) -> None:
    assert {"One year ahead, origins to 2017", "One year ahead, origins from 2018"} <= {
        one.title for one in sections
    }
    countries = section(sections, "By country").tables[0].frame
    assert f"KGZ, origins from 2018: {MODEL}" in countries.index
    assert f"TJK, origins to 2017: {MODEL}" in countries.index
    assert "UZB, origins to 2017: conflictology" not in countries.index
    assert len(section(sections, "Active").tables[0].frame) == 6


def test_other_seeds_stand_beside_this_run_at_the_same_origins() -> None:
    other = stored(seed=7, origins=ORIGINS[:3])
    frame = section(leaderboard(stored(), [other]), "Other seeds").tables[0].frame
    mine, theirs = frame.index
    assert mine.startswith("laplace, seed 1, 3 origins from 2014 (origins to 2017)")
    assert theirs.startswith("laplace, seed 7, 3 origins from 2014 (origins to 2017)")
    assert (frame.loc[mine] == frame.loc[theirs]).all()
    assert not [one for one in leaderboard(stored()) if one.title.startswith("Other seeds")]


def test_the_words_are_those_of_the_verdict(sections: list[Section]) -> None:
    half = stored().scores().at(1).locked()
    row = half.table().loc["climatology by country"]
    shown = section(sections, "One year ahead, origins from").tables[1].frame
    cell = shown.loc["climatology by country", "log score"]
    assert cell.startswith(f"{1000 * row['log_score_diff']:+.2f} [")
    assert cell.endswith(row["log_score_verdict"])
    assert REFERENCE not in shown.index
    assert "model without pillars" not in shown.index, "of fewer origins"
    claims = re.findall(r"\b(better|worse|not decided)\b", " ".join(shown.to_numpy().ravel()))
    assert len(claims) == shown.size


def test_parts_of_the_brier_score_sum_to_it_in_the_table(sections: list[Section]) -> None:
    frame = section(sections, "Parts of").tables[0].frame.astype(float)
    total = frame["reliability"] - frame["resolution"] + frame["uncertainty"] + frame["within"]
    np.testing.assert_allclose(frame["Brier"], total, atol=0.025)
    assert len(frame) == 8


def test_a_part_about_pillars_counts_only_where_values_were_known(
    sections: list[Section],
) -> None:
    tables = section(sections, "The model without").tables
    assert len(tables) == 1, "no value was known at the origins to 2017"
    text = section(sections, "The model without").texts[-1]
    cells = tables[0].frame.drop(columns="origins").to_numpy().ravel()
    decided = sum(not str(cell).rsplit("] ")[-1].startswith("not decided") for cell in cells)
    assert text == f"{decided} of 3 comparisons are decided."
    later = [origin for origin in ORIGINS if 2017 < origin < 2024]
    assert tables[0].frame.loc["model without pillars", "origins"] == str(len(later))


def test_shocks_that_were_missed_are_said_like_those_that_were_seen(
    sections: list[Section],
) -> None:
    part = section(sections, "Known shocks")
    cases, each = part.tables[0].frame, part.tables[1].frame
    assert list(cases.index) == [
        *("Kyrgyz-Tajik border 2021", "Karakalpakstan 2022", "Kyrgyz-Tajik border 2022"),
    ]
    for text in cases[[MODEL, REFERENCE, "conflictology"]].to_numpy().ravel():
        assert re.match(r"(seen|missed): rank [\d.]+ of 8, [\d.]+", text), text
    assert set(each["word"]) <= {"seen", "missed"}
    opening = " ".join(sections[0].texts)
    for name in (MODEL, REFERENCE):
        assert re.search(rf"{name}: seen \d of 3; missed ", opening)


def test_the_page_is_one_strict_file(sections: list[Section]) -> None:
    text = html_page(sections)
    assert "default-src 'none'; style-src 'sha256-" in text.replace("&#x27;", "'")
    assert "<script" not in text
    assert " style=" not in text
    assert not re.search(r"(src|href)=\"(?!#)", text)
    assert text.count("<svg") == 3
    assert "prefers-color-scheme:dark" in text


def test_the_command_writes_both_forms(tmp_path: Path, sections: list[Section]) -> None:
    folder = tmp_path / "backtest"
    folder.mkdir()
    write_stored(stored(), folder / FILE)
    absent = ["leaderboard", str(folder), "-o", str(tmp_path / "no" / "one.html")]
    assert CliRunner().invoke(threatkit, absent).exit_code == 1, "a folder that does not exist"
    for name, count in (("one.html", 1), ("two.md", 4)):
        out = tmp_path / name.partition(".")[0] / name
        out.parent.mkdir()
        made = CliRunner().invoke(threatkit, ["leaderboard", str(folder), "-o", str(out)])
        assert made.exit_code == 0, made.output
        assert len(list(out.parent.iterdir())) == count
    text = (tmp_path / "two" / "two.md").read_text(encoding="utf-8")
    for name in re.findall(r"\]\(([\w./-]+\.svg)\)", text):
        assert (tmp_path / "two" / name).stat().st_size < 100_000
    assert text == markdown_page(sections, pictures="two-")
    bad = CliRunner().invoke(threatkit, ["leaderboard", str(folder), "-o", "x.pdf"])
    assert bad.exit_code == 3
    assert ".html or .md" in bad.stderr


def test_a_backtest_of_baselines_alone_is_no_error() -> None:
    made = stored()
    names = [n for n in made.data["forecaster"].to_numpy() if not str(n).startswith("model")]
    few = type(made)(made.data.sel(forecaster=names))
    sections = leaderboard(few)
    assert isinstance(section(sections, "One year ahead").tables[0].frame, pd.DataFrame)
    assert not [one for one in sections if one.title.startswith("The model without")]
