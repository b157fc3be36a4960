"""The layout of the VIEWS competition: written, read, and scored twice by different hands."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from stored_backtests import DISTRICTS, counts, stored

from threatkit.cli import threatkit
from threatkit.errors import InvalidInput
from threatkit.evaluate.stored import FILE, write_stored
from threatkit.export.competition import (
    ACTUALS,
    competition_draws,
    competition_scores,
    read_competition,
    write_competition,
)

pytest.importorskip("pyarrow", reason="the layout is Parquet")
MADE = stored()
#: As the competition's evaluation has them: the lower edge of each bin.
EDGES = [0, 0.5, 2.5, 5.5, 10.5, 25.5, 50.5, 100.5, 250.5, 500.5, 1000.5]


def competition_ignorance(draws: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Return minus log2 of the share of draws in the bin of the outcome, one added to each bin."""
    said = np.digitize(draws, EDGES)
    found = np.digitize(seen, EDGES)
    same = [(row == bin_).sum() + 1 for row, bin_ in zip(said, found, strict=True)]
    return -np.log2(np.array(same) / (draws.shape[1] + len(EDGES)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("views")
    write_competition(MADE, made, ["model", "conflictology"])
    return made


def test_ours_and_an_independent_implementation_agree(folder: Path) -> None:
    scoringrules = pytest.importorskip("scoringrules", reason="a check against another library")
    for name in ("model", "conflictology"):
        for year in (2016, 2021, 2024):
            draws = read_competition(folder / name, year)
            actuals = read_competition(folder / ACTUALS, year)
            ours = competition_scores(draws, actuals)
            wide = draws.pivot_table(index="priogrid_gid", columns="draw", values="outcome")
            table = wide.to_numpy(dtype=float)
            seen = actuals.set_index("priogrid_gid")["outcome"].loc[wide.index].to_numpy(float)
            crps = scoringrules.crps_ensemble(seen, table, estimator="nrg")
            lo, hi = np.quantile(table, [0.05, 0.95], axis=1)
            mis = scoringrules.interval_score(seen, lo, hi, 0.1)
            close = {"rtol": 1e-9, "atol": 1e-9}
            np.testing.assert_allclose(ours["crps"], crps, **close)
            np.testing.assert_allclose(ours["mis"], mis, **close)
            np.testing.assert_allclose(ours["ign"], competition_ignorance(table, seen), **close)
            assert ours.index.names == ["month_id", "priogrid_gid"]


def test_large_counts_fall_into_the_bins_of_the_competition() -> None:
    rng = np.random.default_rng(3)
    table = rng.negative_binomial(0.2, 0.001, (12, 200))
    seen = np.array([0, 1, 2, 3, 5, 6, 25, 26, 100, 101, 1000, 1500])
    gid = np.arange(1, 13)
    draws = pd.DataFrame(
        {
            "month_id": 469,
            "priogrid_gid": np.repeat(gid, 200),
            "draw": np.tile(np.arange(200), 12),
            "outcome": table.ravel(),
        }
    )
    actuals = pd.DataFrame({"month_id": 469, "priogrid_gid": gid, "outcome": seen})
    ours = competition_scores(draws, actuals)
    np.testing.assert_allclose(ours["ign"], competition_ignorance(table, seen), rtol=1e-9)


def test_the_layout_is_that_of_the_competition(folder: Path) -> None:
    file = folder / "model" / "pgm" / "window=Y2021" / "predictions_2021.parquet"
    frame = pd.read_parquet(file, partitioning=None)
    assert list(frame.columns) == ["month_id", "priogrid_gid", "draw", "outcome"]
    assert set(frame["month_id"]) == {(2021 - 1980) * 12 + 1}
    assert frame.groupby("priogrid_gid").size().eq(1000).all()
    assert all(kind.kind == "i" for kind in frame.dtypes)
    actuals = read_competition(folder / ACTUALS, 2021)
    assert list(actuals.columns) == ["month_id", "priogrid_gid", "outcome"]
    np.testing.assert_array_equal(actuals["outcome"], counts()[:, 13])
    numbered = pd.read_csv(folder / "districts.csv")
    assert dict(zip(numbered["priogrid_gid"], numbered["district"], strict=True)) == dict(
        enumerate(DISTRICTS, start=1)
    )


def test_draws_follow_the_distribution_that_was_said() -> None:
    draws = competition_draws(MADE, "model", 2021)
    none = draws["outcome"].eq(0).groupby(draws["priogrid_gid"]).mean().to_numpy()
    said = MADE.pmf("model", 2020)[0][:, 0]
    np.testing.assert_allclose(none, said, atol=5 * np.sqrt(0.25 / 1000))
    pd.testing.assert_frame_equal(draws, competition_draws(MADE, "model", 2021))


def test_what_is_no_certain_count_of_a_whole_year_is_left_out(folder: Path) -> None:
    assert not (folder / "model" / "pgm" / "window=Y2025").exists(), "no source covers it"
    data = MADE.data.copy(deep=True)
    data["outcome"][0, 13] = np.array([0.5, 0.5, 0, 0, 0])
    data["part"][1, 13] = 0.5
    draws = competition_draws(type(MADE)(data), "model", 2021)
    assert sorted(set(draws["priogrid_gid"])) == [3, 4, 5, 6, 7, 8]


def test_what_does_not_fit_is_one_clear_error(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="a forecaster of the backtest"):
        write_competition(MADE, tmp_path, ["nobody"])
    with pytest.raises(InvalidInput, match="0 tables"):
        read_competition(folder / "model", 1999)
    draws = read_competition(folder / "model", 2021)
    actuals = read_competition(folder / ACTUALS, 2021)
    with pytest.raises(InvalidInput, match="8 and 7 units"):
        competition_scores(draws, actuals.iloc[1:])


def test_the_command_writes_it(tmp_path: Path) -> None:
    write_stored(MADE, tmp_path / FILE)
    options = ["leaderboard", str(tmp_path), "--views", str(tmp_path / "views")]
    made = CliRunner().invoke(threatkit, options)
    assert made.exit_code == 0, made.output
    assert len(list((tmp_path / "views").glob("*/pgm/window=Y2021/*.parquet"))) == 6
    nothing = CliRunner().invoke(threatkit, ["leaderboard", str(tmp_path)])
    assert nothing.exit_code == 2
