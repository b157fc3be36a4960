"""The record of forecasts: chained, verified, scored; missing where nothing is known."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from threatkit.brief.skill import Frozen, read_frozen
from threatkit.cli import threatkit
from threatkit.config import DEFAULT_EVENT_TYPES
from threatkit.data.catalogue import Catalogue, load_catalogue
from threatkit.errors import GateNotMet, InvalidInput
from threatkit.evaluate import ledger as record
from threatkit.evaluate.record import summary
from threatkit.evaluate.window import window
from threatkit.model.forecast import Forecast

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@cache
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Return a maker of finished runs; the draws are made here, not fitted."""
    districts = catalogue().districts.iloc[::40]

    def read(path: Path) -> tuple[Forecast, np.ndarray, dict[str, np.ndarray]]:
        start, end = (date.fromisoformat(day) for day in path.read_text().split()[:2])
        draws = np.random.default_rng(1).uniform(0.01, 0.2, size=(50, len(districts)))
        zeros = np.zeros(50)
        made = Forecast(
            draws, draws, draws, draws, draws, {}, zeros, "poisson", districts, start, end
        )
        return made, np.zeros(len(districts)), {}

    monkeypatch.setattr("threatkit.archive.read_forecast", read)

    def make(start: str, end: str, *, passed: bool = True) -> Path:
        folder = tmp_path / f"run-{start}-{end}"
        folder.mkdir()
        draws = f"{start} {end}\n".encode()
        (folder / "posterior.nc").write_bytes(draws)
        content = {
            "run_id": f"run-{start}",
            "as_of": start,
            "config": {"event_types": list(DEFAULT_EVENT_TYPES), "require_death": False},
            "inputs": {"events.csv": "0" * 64},
            "diagnostics": {"passed": passed},
            "files": {"posterior.nc": hashlib.sha256(draws).hexdigest()},
        }
        (folder / "run.json").write_text(json.dumps(content))
        return folder

    return make


@pytest.fixture
def kept(run: Callable[..., Path], tmp_path: Path) -> Path:
    """Return a ledger of four forecasts."""
    path = tmp_path / "record" / "ledger.jsonl"
    for year in (2021, 2022, 2025, 2027):
        record.freeze(run(f"{year}-01-01", f"{year}-12-31"), path, now=NOW)
    return path


def test_a_whole_ledger_passes(kept: Path) -> None:
    lines = record.verify(kept)
    assert [line["line"] for line in lines] == [1, 2, 3, 4]
    assert lines[0]["previous"] == record.GENESIS
    assert record.verify(kept, head=lines[1]["hash"]) == lines
    assert all(0 < p < 1 for p in lines[0]["forecast"]["event_prob"].values())


def edit(lines: list[str]) -> list[str]:
    line = json.loads(lines[1])
    code = next(iter(line["forecast"]["event_prob"]))
    line["forecast"]["event_prob"][code] = 0.99
    lines[1] = record._text(line)
    return lines


def edit_and_hash(lines: list[str]) -> list[str]:
    line = json.loads(edit(lines)[1])
    line["hash"] = record.line_hash(line)
    lines[1] = record._text(line)
    return lines


def hash_again_to_the_end(lines: list[str]) -> list[str]:
    previous, result = record.GENESIS, []
    for number, text in enumerate(edit(lines), start=1):
        line: dict[str, Any] = json.loads(text) | {"previous": previous, "line": number}
        line["hash"] = previous = record.line_hash(line)
        result.append(record._text(line))
    return result


@pytest.mark.parametrize(
    "tamper",
    [
        edit,
        edit_and_hash,
        hash_again_to_the_end,
        lambda lines: lines[1:],
        lambda lines: [lines[0], *lines[2:]],
        lambda lines: lines[:-1],
        lambda lines: [lines[0], lines[2], lines[1], lines[3]],
        lambda lines: [*lines, lines[-1]],
        lambda lines: [*lines, "{}"],
        lambda lines: [*lines, "not json"],
        lambda lines: [*lines[:-1], lines[-1].replace('"line":4', '"line":NaN')],
        lambda lines: [*lines[:-1], lines[-1].replace('"line":4', '"line":1e999')],
        lambda lines: [*lines[:-1], "[" * 100_000],
        lambda lines: [*lines[:-1], lines[-1].replace('"run-', '"\\ud800')],
        lambda lines: [lines[0].replace(":", ": ", 1), *lines[1:]],
        lambda lines: [],
    ],
)
def test_any_change_is_found(kept: Path, tamper: Callable[[list[str]], list[str]]) -> None:
    lines = tamper(kept.read_text(encoding="utf-8").splitlines())
    kept.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"ledger\.jsonl"):
        record.verify(kept)
    found = CliRunner().invoke(threatkit, ["forecast", "verify", "--ledger", str(kept)])
    assert found.exit_code == 3


def test_every_byte_counts(kept: Path) -> None:
    content = kept.read_bytes()
    for place in np.random.default_rng(5).integers(0, len(content), size=60):
        changed = bytearray(content)
        changed[place] ^= 1
        kept.write_bytes(bytes(changed))
        with pytest.raises(InvalidInput):
            record.verify(kept)


def test_a_published_head_outlives_both_files(run: Callable[..., Path], kept: Path) -> None:
    published = record.verify(kept)[-1]["hash"]
    kept.unlink()
    kept.with_name("ledger.jsonl.head").unlink()
    record.freeze(run("2023-01-01", "2023-12-31"), kept, now=NOW)
    record.verify(kept)
    with pytest.raises(InvalidInput, match="published head"):
        record.verify(kept, head=published)


def test_a_changed_ledger_takes_no_more(run: Callable[..., Path], kept: Path) -> None:
    before = kept.read_text(encoding="utf-8").splitlines()[:-1]
    kept.write_text("".join(line + "\n" for line in before), encoding="utf-8")
    with pytest.raises(InvalidInput, match="removed from the end"):
        record.freeze(run("2023-01-01", "2023-12-31"), kept)
    kept.unlink()
    with pytest.raises(InvalidInput, match="no such file"):
        record.freeze(run("2024-01-01", "2024-12-31"), kept)


def test_what_is_not_frozen(run: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with pytest.raises(GateNotMet):
        record.freeze(run("2024-01-01", "2024-12-31", passed=False), path)
    good = run("2025-01-01", "2025-12-31")
    record.freeze(good, path)
    with pytest.raises(InvalidInput, match="a run is frozen once"):
        record.freeze(good, path)
    other = run("2026-01-01", "2026-12-31")
    (other / "posterior.nc").write_bytes(b"2026-01-01 2026-12-30\n")
    with pytest.raises(InvalidInput, match="that the run recorded"):
        record.freeze(other, path)
    with pytest.raises(InvalidInput, match="begin with a dot"):
        record.freeze(good, tmp_path / ".ledger")
    assert len(record.verify(path)) == 1


def seen_part(said: dict[str, Any]) -> np.ndarray:
    """Return the part of all episodes that goes on record: half in Turkmenistan by default."""
    partly = np.array([code.startswith("TM-") for code in said["event_prob"]])
    assert 0 < partly.sum() < len(partly)
    return np.where(partly, 0.5, 1.0)


def test_a_line_that_states_no_partial_coverage_is_scored_as_it_stands(
    run: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = record.forecast_of
    stripped = ("partial_coverage",)
    path = tmp_path / "ledger.jsonl"
    new = record.freeze(run("2022-01-01", "2022-12-31"), path)["forecast"]
    monkeypatch.setattr(
        record,
        "forecast_of",
        lambda run: {key: value for key, value in whole(run).items() if key not in stripped},
    )
    old = record.freeze(run("2021-01-01", "2021-12-31"), path)["forecast"]
    assert new["partial_coverage"] == 0.5
    assert "partial_coverage" not in old
    expected = record.score(path, catalogue())["expected"]
    assert expected[2] == pytest.approx(sum(old["event_prob"].values()))
    assert expected[1] < expected[2] - 0.01


def test_scores_of_the_record(kept: Path) -> None:
    table = record.score(kept, catalogue())
    assert list(table["status"]) == ["covered", "covered", "covered", "not covered yet"]
    assert table.loc[4, ["brier", "log_score", "expected", "observed"]].isna().all()
    said = record.verify(kept)[1]["forecast"]
    happened = window(
        catalogue(),
        list(said["event_prob"]),
        start=date(2022, 1, 1),
        end=date(2022, 12, 31),
        event_types=said["event_types"],
        require_death=False,
    )
    prob = 1 - (1 - np.array(list(said["event_prob"].values()))) ** seen_part(said)
    by_hand = np.mean(
        happened.event * (1 - prob) ** 2 + (1 - happened.event) * prob**2  # all days covered
    )
    assert table.loc[2, "brier"] == pytest.approx(by_hand)
    assert not table["frozen_ahead"].iloc[0]
    assert table["frozen_ahead"].iloc[3]


def test_a_report_counts_only_what_was_frozen_ahead(
    run: Callable[..., Path], kept: Path, tmp_path: Path
) -> None:
    assert read_frozen(kept, catalogue()) == Frozen(1, 0)
    path = tmp_path / "ahead.jsonl"
    record.freeze(run("2023-01-01", "2023-12-31"), path, now=datetime(2022, 12, 1, tzinfo=UTC))
    record.freeze(run("2024-01-01", "2024-12-31"), path, now=NOW)
    told = read_frozen(path, catalogue())
    first = record.score(path, catalogue()).loc[1]
    assert (told.forecasts, told.scored) == (1, 1)
    assert (told.expected, told.observed) == (first["expected"], first["observed"])
    assert told.expected > 0


def test_a_window_that_is_covered_in_part(run: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    said = record.freeze(run("2026-01-01", "2026-12-31"), path)["forecast"]
    row = record.score(path, catalogue()).loc[1]
    prob = 1 - (1 - np.array(list(said["event_prob"].values()))) ** seen_part(said)
    assert row["status"] == "partly covered"
    assert row["expected"] == pytest.approx((1 - (1 - prob) ** (120 / 365)).sum())


def test_a_window_knows_what_the_years_know() -> None:
    codes = list(catalogue().districts.index)
    made = window(
        catalogue(),
        [*codes, "XX-unknown"],
        start=date(2022, 1, 1),
        end=date(2022, 12, 31),
        event_types=DEFAULT_EVENT_TYPES,
        require_death=False,
    )
    event = pd.Series(made.event[:-1], index=codes)
    assert np.isnan(made.event[-1])
    assert event["KG-B-batken"] == 1.0
    assert made.part[:-1].min() == 1.0
    country = catalogue().districts["country"].reindex(codes)
    assert set(country[made.partly[:-1]]) == {"TKM"}, "the list covers it in part"
    assert made.partly.sum() == (country == "TKM").sum()
    half = window(
        catalogue(),
        codes,
        start=date(2026, 1, 1),
        end=date(2026, 12, 31),
        event_types=DEFAULT_EVENT_TYPES,
        require_death=False,
    )
    np.testing.assert_allclose(half.part, 120 / 365)


def test_the_commands(run: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "made" / "ledger.jsonl"
    folder = run("2024-01-01", "2024-12-31")
    frozen = CliRunner().invoke(
        threatkit, ["forecast", "freeze", str(folder), "--ledger", str(path)]
    )
    assert frozen.exit_code == 0, frozen.output
    checked = CliRunner().invoke(
        threatkit,
        ["forecast", "verify", "--ledger", str(path), "--head", frozen.stdout.strip()],
    )
    assert checked.exit_code == 0
    assert checked.stdout == frozen.stdout
    scored = CliRunner().invoke(
        threatkit, ["forecast", "score", "--ledger", str(path), "--format", "json"]
    )
    assert json.loads(scored.stdout)[0]["status"] == "covered"
    none = CliRunner().invoke(
        threatkit, ["forecast", "verify", "--ledger", str(tmp_path / "none.jsonl")]
    )
    assert none.exit_code == 3


def test_a_ledger_that_cannot_be_written(run: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folder = run("2024-01-01", "2024-12-31")
    path = str(tmp_path / "file" / "ledger.jsonl")
    done = CliRunner().invoke(threatkit, ["forecast", "freeze", str(folder), "--ledger", path])
    assert done.exit_code == 1
    assert "give another file with --ledger" in done.stderr
    assert "--out" not in done.stderr


def test_the_record_is_plain_data(kept: Path, tmp_path: Path) -> None:
    told = summary(kept, catalogue())
    assert told == json.loads(json.dumps(told, allow_nan=False))
    assert (told["frozen"], told["ahead"], told["scored"]) == (4, 1, 0)
    assert told["head"] == record.verify(kept)[-1]["hash"]
    by_line = {row["line"]: row for row in told["forecasts"]}
    assert by_line[1]["brier"] == record.score(kept, catalogue()).loc[1, "brier"]
    assert by_line[4]["brier"] is None
    assert by_line[4]["status"] == "not covered yet"
    plain = summary(kept)
    assert [row["frozen_ahead"] for row in plain["forecasts"]] == [
        row["frozen_ahead"] for row in told["forecasts"]
    ]
    assert plain["scored"] == 0
    assert {row["status"] for row in plain["forecasts"]} == {"not scored"}
    assert summary(tmp_path / "none.jsonl") == {
        "head": None,
        "frozen": 0,
        "ahead": 0,
        "scored": 0,
        "forecasts": [],
    }
    kept.unlink()
    with pytest.raises(InvalidInput, match="a ledger exists"):
        summary(kept)
