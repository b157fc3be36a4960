"""A backtest: what each origin knew, what is kept of a stopped run, and what may be said of it."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy import stats

from threatkit import rolling
from threatkit.cli import threatkit
from threatkit.config import Config
from threatkit.data.catalogue import load_catalogue
from threatkit.errors import InvalidInput, OutputFailed
from threatkit.evaluate import difference
from threatkit.evaluate.backtest import REFERENCE
from threatkit.evaluate.counts import count_pmf
from threatkit.evaluate.difference import (
    BETTER,
    OPEN,
    WORSE,
    Difference,
    Interval,
    compare,
    resampled,
    student,
    verdict,
)
from threatkit.evaluate.forecasters import ABLATIONS, MODEL, Said
from threatkit.evaluate.knowledge import known_at, pillar_values, published_later
from threatkit.evaluate.readout import backtest_table
from threatkit.evaluate.stored import FILE, read_stored
from threatkit.inputs import Inputs, load_inputs, make_spec
from threatkit.model.check import prior_draws
from threatkit.model.forecast import forecast, yearly
from threatkit.model.spec import ModelSpec
from threatkit.record import past_notes
from threatkit.rolling import FORECASTS, Plan, run


def test_a_change_of_the_code_that_forecasts_is_seen() -> None:
    folder = Path(rolling.__file__).parent
    for part in rolling._CODE:
        assert (folder / part).is_dir() or (folder / f"{part}.py").is_file(), part
    steps = (
        *(rolling.load_inputs, rolling.make_spec, rolling.fit_spec, rolling.known_at),
        *(rolling.outcomes, rolling.said_of_fit, rolling.say_baselines),
    )
    for step in steps:
        name = step.__module__.removeprefix("threatkit.").replace(".", "/")
        assert any(name == part or name.startswith(f"{part}/") for part in rolling._CODE), name


# ------------------------------------------------------------------ what was known


@cache
def inputs() -> Inputs:
    return load_inputs(Config())


def spec_at(year: int, **options) -> ModelSpec:
    config = Config(as_of=date(year, 12, 31), start_year=year - 7, **options)
    catalogue = known_at(inputs().catalogue, date(year, 12, 31))
    return make_spec(config, replace(inputs(), catalogue=catalogue))


def test_a_value_is_known_once_it_is_published_and_not_before() -> None:
    catalogue = load_catalogue()
    dates = catalogue.sources.set_index(["package", "source_id"])["published"].astype(str)
    values = catalogue.values.join(dates, on=["package", "source_id"])
    dated = values[values["published"].str.match(r"\d{4}") & (values["area_level"] != "adm2")]
    late = dated[dated["period"].str[-4:] < dated["published"].str[:4]]
    assert len(late) > 100, "many values describe a year before that of their publication"
    for year in (2014, 2019, 2025):
        known = known_at(catalogue, date(year, 12, 31)).values
        wanted = dated[dated["published"].str[:4].astype(int) <= year]
        held = known.merge(dated[["file", "row", "package"]])
        assert len(held) == len(wanted)
        assert held["value"].sum() == pytest.approx(wanted["value"].sum())
    at_2010 = known_at(catalogue, date(2010, 12, 31))
    assert len(at_2010.values) < len(catalogue.values)
    assert len(at_2010.events) == len(catalogue.events), "events are cut by date, not here"


def test_a_value_without_a_date_of_publication_waits_for_the_lag() -> None:
    catalogue = load_catalogue()
    undated = replace(
        catalogue,
        packages=tuple(
            replace(
                package,
                tables={
                    name: frame.assign(published=None) if name == "sources" else frame
                    for name, frame in package.tables.items()
                },
            )
            for package in catalogue.packages
        ),
    )
    for lag, last in ((0, "2015"), (12, "2014"), (24, "2013")):
        values = known_at(undated, date(2015, 12, 31), lag_months=lag).values
        dated = values.loc[values["area_level"] != "adm2", "period"]
        assert dated[dated.str.fullmatch(r"\d{4}")].max() == last


def test_an_assessment_of_the_past_tells_its_hindsight_or_is_without() -> None:
    day = date(2016, 12, 31)
    config = Config(as_of=day)
    spec = make_spec(config, inputs())
    late, total = published_later(inputs().catalogue, spec.panel)
    assert 0 < late < total == len(spec.panel.measurements.table)
    (note,) = past_notes(inputs(), spec.panel)
    assert f"{late} of the {total} indicator values" in note
    assert str(day) in note
    then = load_inputs(replace(config, known_then=True))
    held = make_spec(config, then)
    assert published_later(then.catalogue, held.panel) == (0, pillar_total(held))
    assert 0 < pillar_total(held) < total
    assert past_notes(then, held.panel) == ()
    known = known_at(inputs().catalogue, day)
    pd.testing.assert_frame_equal(then.catalogue.values, known.values)
    # Today nothing is hindsight, whatever was published after the last event.
    assert past_notes(inputs(), make_spec(Config(), inputs()).panel) == ()


def pillar_total(spec: ModelSpec) -> int:
    return sum(pillar_values(spec.panel).values())


def test_early_origins_have_geometry_and_no_other_pillar() -> None:
    assert pillar_values(spec_at(2010).panel) == {"border": 0}
    later = spec_at(2016)
    assert pillar_values(later.panel)["youth"] > 0
    assert set(later.pillars) == {"border", "youth", "extremism"}
    assert spec_at(2010).pillars == ("border",)


# ------------------------------------------------------------------ distributions


@pytest.mark.parametrize("likelihood", ["nb1", "nb2", "poisson"])
def test_counts_are_the_mixture_of_the_textbook_distributions(likelihood: str) -> None:
    rng = np.random.default_rng(2)
    mean, spread = rng.gamma(1.0, 0.7, (6, 4)), rng.gamma(2.0, 0.4, 6)
    counts = np.arange(12)
    shape = {"nb1": mean / spread[:, None], "nb2": np.broadcast_to(spread[:, None], mean.shape)}
    if likelihood == "poisson":
        expected = stats.poisson.pmf(counts, mean[..., None]).mean(axis=0)
    else:
        size = shape[likelihood][..., None]
        prob = size / (size + mean[..., None])
        expected = stats.nbinom.pmf(counts, size, prob).mean(axis=0)
    made = count_pmf(mean, spread, likelihood, 12)
    np.testing.assert_allclose(made[:, :12], expected, rtol=1e-10)
    np.testing.assert_allclose(made.sum(axis=1), 1.0)


def test_the_years_of_a_horizon_sum_to_the_forecast() -> None:
    spec = spec_at(2016, horizon_months=36)
    draws = prior_draws(spec, seed=4, draws=50)
    years = yearly(spec, draws, seed=7)
    assert len(years) == 3
    np.testing.assert_allclose(sum(years), forecast(spec, draws, seed=7).unjudged)
    bernoulli = count_pmf(years[0], np.zeros(50), "bernoulli", 3)
    assert (bernoulli[:, 2:] == 0).all()


# ------------------------------------------------------------------ differences and words


def test_the_interval_over_years_is_students() -> None:
    rng = np.random.default_rng(3)
    means = rng.normal(size=9)
    year = np.repeat(np.arange(9), 40)
    within = rng.normal(size=(9, 40))
    score = (means[:, None] + within - within.mean(axis=1, keepdims=True)).ravel()
    made = student(score, year)
    lo, hi = stats.ttest_1samp(means, 0).confidence_interval(0.95)
    np.testing.assert_allclose([made.mean, made.lo, made.hi], [means.mean(), lo, hi])
    assert np.isnan(student(score[year == 0], year[year == 0]).lo)


def test_pieces_drawn_again_give_the_spread_of_their_mean() -> None:
    rng = np.random.default_rng(4)
    means = rng.normal(size=200)
    made = resampled(np.repeat(means, 3), np.repeat(np.arange(200), 3))
    half = 1.96 * means.std() / np.sqrt(200)
    assert made.mean - made.lo == pytest.approx(half, rel=0.1)
    one = resampled(means, np.arange(200), seeds=[1])
    assert one.lo >= made.lo
    assert one.hi <= made.hi


def test_one_heavy_year_is_no_claim() -> None:
    rng = np.random.default_rng(5)
    year, country = np.repeat(np.arange(2012, 2026), 40), np.tile(list("ABCD"), 140)
    steady = 1.0 + 0.3 * rng.normal(size=len(year))
    zero = np.zeros(len(year))
    assert verdict(compare(steady, zero, year, country), higher_is_better=True) == BETTER
    assert verdict(compare(steady, zero, year, country), higher_is_better=False) == WORSE
    noise = rng.normal(size=len(year))
    spike = noise + np.where(year == 2022, 60.0, 0.0)
    made = compare(spike, zero, year, country)
    assert made.heaviest == 2022
    assert verdict(made, higher_is_better=True).startswith(OPEN)


def test_the_words_follow_all_three_intervals() -> None:
    yes, no = Interval(1.0, 0.5, 1.5), Interval(1.0, -0.1, 2.1)
    down = Interval(-1.0, -1.5, -0.5)
    none = Interval(1.0, float("nan"), float("nan"))
    say = {
        (yes, yes, yes): BETTER,
        (no, yes, yes): OPEN,
        (yes, no, yes): OPEN,
        (yes, yes, no): f"{OPEN}: it hangs on 2022",
        (yes, yes, down): f"{OPEN}: it hangs on 2022",
        (yes, down, yes): OPEN,
        (none, none, none): OPEN,
        (down, down, down): WORSE,
    }
    for (years, pieces, rest), words in say.items():
        made = Difference(years, pieces, 2022, rest)
        assert verdict(made, higher_is_better=True) == words


def test_pure_noise_is_rarely_called_a_difference() -> None:
    rng = np.random.default_rng(6)
    year, country = np.repeat(np.arange(12), 20), np.tile(list("ABCDE"), 48)
    claims = 0
    for _ in range(200):
        shared = rng.normal(size=12)[year]
        made = compare(shared + rng.normal(size=len(year)), np.zeros(len(year)), year, country)
        claims += verdict(made, higher_is_better=True) in (BETTER, WORSE)
    assert claims <= 16, "over 8 in 100"


# ------------------------------------------------------------------ runs


@contextmanager
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def quick(called: list[str], fail: str = ""):
    """Return a forecaster in the model's place that needs no fit: past episodes per year."""

    def say(name: str, spec: ModelSpec, config: Config, largest: int) -> dict[str, Said]:
        called.append(f"{name} {spec.panel.as_of.year}")
        if called[-1] == fail:
            raise OutputFailed("the machine stopped here")
        panel = spec.panel
        seen = np.zeros(len(panel.districts))
        np.add.at(seen, panel.cells["district"], panel.cells["count"] * panel.cells["weight"])
        mean = (seen + 0.02) / len(panel.periods) * (0.5 if name != MODEL else 1.0)
        steps = spec.horizon_months // 12
        pmf = count_pmf(mean[None], np.array([0.5]), "nb1", largest)
        draws = np.broadcast_to(mean, (steps, 1, len(mean)))
        return {name: Said(np.stack([pmf] * steps), draws, np.array([0.5]), "nb1", True)}

    return say


PLAN = Plan(Config(), (2016, 2024), (1, 2, 3))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a backtest that was stopped once and gone on with."""
    out = tmp_path_factory.mktemp("backtest") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rolling, "load_inputs", lambda config: inputs())
        first: list[str] = []
        stopped = "model without history 2016"
        patch.setattr(rolling, "_say_model", quick(first, fail=stopped))
        with pytest.raises(OutputFailed, match="stopped here"):
            run(PLAN, out, threads())
        assert stopped in first
        assert not (out / FILE).exists()
        kept = {path.name.rsplit("-", 1)[0] for path in (out / FORECASTS).iterdir()}
        assert kept >= {"2016-model", "2016-model_without_space"}
        second: list[str] = []
        patch.setattr(rolling, "_say_model", quick(second))
        run(PLAN, out, threads())
        fits = {f"{name} {year}" for name in (MODEL, *ABLATIONS) for year in PLAN.origins}
        done = {f"{name} {year}" for year, name in (part.split("-") for part in kept)}
        assert set(second) == fits - {name.replace("_", " ") for name in done}
        third: list[str] = []
        patch.setattr(rolling, "_say_model", quick(third))
        run(PLAN, out, threads())
        assert not third
        other = replace(PLAN, config=Config(seed=1), variants={})
        run(other, out.with_name("other"), threads())
        assert sorted(third) == ["model 2016", "model 2024"]
    return out


def test_what_is_stored_is_read_back_and_scored(finished: Path) -> None:
    stored = read_stored(finished)
    cells = stored.scores().cells
    assert set(cells["forecaster"]) == {*stored.data["forecaster"].to_numpy()}
    assert {MODEL, REFERENCE, "gradient boosting", "zero", *ABLATIONS} <= set(cells["forecaster"])
    assert not cells[["prob", "event", "log_score", "crps"]].isna().any().any()
    one = cells.query("forecaster == @MODEL and origin == 2016 and horizon == 2")
    assert (one["year"] == 2018).all()
    np.testing.assert_allclose(
        one["prob"].to_numpy(), 1 - stored.pmf(MODEL, 2016)[1][:, 0][: len(one)], atol=1e-12
    )
    assert stored.record["hindsight"].startswith("The curated list")
    assert stored.with_pillars() == [2016, 2024]
    assert stored.gates_not_met() == []


def test_years_that_no_source_covers_are_missing(finished: Path) -> None:
    stored = read_stored(finished)
    assert stored.missing().to_numpy().tolist() == [[2024, 3, 2027]]
    cells = stored.scores().cells
    assert cells["year"].max() == 2026
    running = cells[cells["year"] == 2026]
    assert running["part"].between(0.3, 0.4).all()


def test_halves_stand_apart_and_parts_stand_against_the_model(finished: Path) -> None:
    stored = read_stored(finished)
    table = backtest_table(stored.scores(), with_pillars=stored.with_pillars())
    assert set(table["origins"]) == {"to 2017", "from 2018"}
    against = table[table["against"] == MODEL]
    assert set(against["forecaster"]) == set(ABLATIONS)
    none = backtest_table(stored.scores(), with_pillars=[])
    assert "model without pillars" not in set(none.loc[none["against"] == MODEL, "forecaster"])
    words = set(table["verdict"])
    assert words <= {"", "better", "worse"} | {w for w in words if w.startswith("not decided")}


def test_a_folder_without_a_backtest_is_told(tmp_path: Path, finished: Path) -> None:
    with pytest.raises(InvalidInput, match="does not exist"):
        read_stored(tmp_path)
    data = read_stored(finished).data
    data.attrs["format"] = 0
    data.to_netcdf(tmp_path / FILE, engine="h5netcdf")
    with pytest.raises(InvalidInput, match="format 1"):
        read_stored(tmp_path)


def test_origins_outside_the_data_are_one_error_before_any_work(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(InvalidInput) as caught:
        run(replace(PLAN, origins=(1985, 2016, 2031)), out, threads())
    assert "the origin 1985" in str(caught.value)
    assert "the origin 2031" in str(caught.value)
    assert not out.exists()


def test_the_command_refuses_what_cannot_be(tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "out")]
    for options, code, words in (
        (["--horizon", "0..2"], 2, "1..3 or 1"),
        (["--origins", "2010:2004"], 2, "no range of years"),
        (["--workers", "0"], 3, "at least 1"),
        (["--workers", "2", "--scheduler", "tcp://127.0.0.1:1"], 3, "has its own"),
    ):
        run_ = CliRunner().invoke(threatkit, ["backtest", *options, *out])
        assert run_.exit_code == code, run_.output
        assert words in run_.stderr


@pytest.mark.integration
def test_the_command_fits_and_scores(tmp_path: Path) -> None:
    config = tmp_path / "one.toml"
    config.write_text("[model]\npillars = false\nhistory = false\nspillover = false\n")
    options = ["--origins", "2024", "--horizon", "1", "--no-ablations", "--workers", "1"]
    out = ["--out", str(tmp_path / "out"), "--format", "csv"]
    made = CliRunner().invoke(threatkit, ["backtest", str(config), *options, *out])
    assert made.exit_code == 0, made.output
    rows = pd.read_csv(pd.io.common.StringIO(made.stdout))
    own = rows.query("forecaster == 'model' and score == 'expected'")["mean"].item()
    assert 1 < own < 20
    assert "compiled with hindsight" in made.stderr
    assert set(rows["origins"]) == {"from 2018"}
    assert difference.BETTER not in set(rows["verdict"]), "one year decides nothing"
