"""The page of skill is made from a backtest and agrees with the shipped data."""

import re

import pandas as pd
from stored_backtests import stored

from threatkit.config import load_config
from threatkit.data.catalogue import load_catalogue
from threatkit.derive.skill import DOCS, PAGE, pages
from threatkit.evaluate.backtest import LAST_CHOICE, REFERENCE, Backtest, scored
from threatkit.evaluate.baselines import standard_baselines
from threatkit.evaluate.leaderboard import HINDSIGHT
from threatkit.evaluate.outcome import outcomes
from threatkit.geo.boundaries import load_boundaries
from threatkit.geo.graph import build_graph
from threatkit.model.assemble import Outcome
from threatkit.report.gather import SKILL


def test_the_page_says_how_it_was_made_and_what_is_missing() -> None:
    made = pages(stored())
    text = made[PAGE.name]
    assert "--origins 2014:2024 --horizon 1..3 --no-ablations" in text
    assert "Not run: model with cut feedback, model without history, model without space." in text
    named = re.findall(r"\]\((images/[\w-]+\.svg)\)", text)
    assert sorted(named) == sorted(set(made) - {PAGE.name})
    assert len(named) == 3


def test_the_shipped_page_agrees_with_the_shipped_data() -> None:
    settings = load_config()
    catalogue = load_catalogue()
    graph = build_graph(load_boundaries(codes=catalogue.districts.index))
    happened = outcomes(catalogue, graph, Outcome(settings.event_types, start_year=2005))
    say = standard_baselines()[REFERENCE]
    parts: list[pd.DataFrame] = []
    for origin in range(LAST_CHOICE + 1, 2025):
        history = happened.history(origin, settings.start_year)
        parts += scored(REFERENCE, origin, say(history)[None], happened, history=history)
    row = Backtest(pd.concat(parts, ignore_index=True)).table().loc[REFERENCE]
    text = PAGE.read_text(encoding="utf-8")
    section = text.split(f"## One year ahead, origins from {LAST_CHOICE + 1}")[1]
    line = next(one for one in section.split("\n") if one.startswith(f"| {REFERENCE} |"))
    cells = [cell.strip() for cell in line.split("|")]
    for place, score in ((2, "log_score"), (3, "brier"), (4, "crps"), (5, "twcrps")):
        said = f"{1000 * row[score]:.2f} ["
        assert cells[place].startswith(said), "run a backtest and python -m threatkit.derive.skill"


def test_the_shipped_page_has_its_pictures_and_its_caution() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in re.findall(r"\]\((images/[\w-]+\.svg)\)", text):
        assert (DOCS / name).stat().st_size < 100_000
    tables = len(re.findall(r"^\| ---", text, flags=re.M))
    assert text.count(HINDSIGHT) == tables + 3, "one under each table and picture"


def _half(name: str) -> dict[str, float]:
    """Return the figures of one half's opening line in docs/skill.md."""
    found = re.search(
        rf"^- Origins {name}: .*\(log score ([-+\d.]+) \[([-+\d.]+), ([-+\d.]+)\] .*; "
        r"([\d.]+) district-years with an episode, ([\d.]+) expected\)",
        (DOCS / "skill.md").read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    assert found, f"no line for the origins {name}"
    names = ("mean", "lo", "hi", "seen", "expected")
    return dict(zip(names, map(float, found.groups()), strict=True))


def test_the_figures_of_the_readme_and_the_map_are_those_of_the_page() -> None:
    early, late = _half("to 2017"), _half("from 2018")
    readme = " ".join((DOCS.parent / "README.md").read_text(encoding="utf-8").split())
    assert (
        f"its log score is {early['mean']:.1f} thousandths better on the origins 2004 to 2017 "
        f"(95% interval {early['lo']:.1f} to {early['hi']:.1f}) and {late['mean']:.1f} on 2018 to "
        f"2024 ({late['lo']:.1f} to {late['hi']:.1f})"
    ) in readme
    seen, expected = early["seen"] + late["seen"], early["expected"] + late["expected"]
    assert f"It expected {expected:.0f} district-years" in SKILL
    assert f"where {seen:.0f} were seen" in SKILL
    assert f"from 2019 on, {late['expected']:.0f} where {late['seen']:.0f} were seen" in SKILL
    assert early["lo"] < 0 < early["hi"], "then the words of both no longer hold"
    assert late["lo"] < 0 < late["hi"], "then the words of both no longer hold"
