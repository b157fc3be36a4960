"""Writes the tables of ``docs/improvements.md``: what was tried to make the model better.

    python -m threatkit.derive.improvements [--origins 2004:2016] [--keep DIR] [--workers N]

Every form is fitted by the fast engine at every origin on what was known then, and scored on the
next year beside the model, the baselines and the pools. Fits are kept in DIR, so that a run that
was stopped goes on. An origin whose next year lies after `LAST_CHOICE` is refused: those years are
left for the test of skill.
"""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from threatkit.cli.baselines import Origins
from threatkit.config import Config
from threatkit.derive.architecture import renewed
from threatkit.errors import Fault, InvalidInput
from threatkit.evaluate.backtest import LAST_CHOICE, REFERENCE, Backtest, scored
from threatkit.evaluate.forecasters import MODEL, Change
from threatkit.evaluate.pool import GEOMETRIC, POOL
from threatkit.evaluate.reading import FEW, difference_text
from threatkit.evaluate.readout import HEADINGS, SCALE
from threatkit.evaluate.stored import Stored
from threatkit.executor import executor
from threatkit.model.panel import Panel, neighbour_mean
from threatkit.model.priors import Prior
from threatkit.model.spec import ModelSpec
from threatkit.progress import terminal_progress
from threatkit.rolling import Plan, run

FloatArray = NDArray[np.float64]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "improvements.md"
_BY = "(python -m threatkit.derive.improvements) -->"
TRIED = (f"<!-- tried: begin {_BY}", "<!-- tried: end -->")
WHERE = (f"<!-- where: begin {_BY}", "<!-- where: end -->")
POWER = (f"<!-- power: begin {_BY}", "<!-- power: end -->")
#: What a year counts against the one after it, where the past fades in the likelihood.
KEEP = 0.9
#: Years after which the memory of an episode has faded to 1/e, in the longer memory.
LONG_YEARS = 5.0
#: Districts named on either side.
_NAMED = 6
#: Chances between which cells are summed.
BANDS = (0.0, 0.002, 0.005, 0.01, 0.05, 0.1, 0.2, 1.0)
#: Years that are scored once, at the end; and years beyond which counting is idle.
FEW_YEARS, MOST_YEARS = 7, 500


def fading_past(spec: ModelSpec) -> ModelSpec:
    """Return the model with a likelihood that weighs a year less the older it is.

    Exposure and weight of every cell are multiplied by `KEEP` to the power of its age: a power
    prior (doi:10.1214/ss/1009212673) but for the second and further episodes of a cell.
    """
    panel = spec.panel
    weight = KEEP ** (panel.periods[-1] - panel.periods).astype(float)
    cells = panel.cells.copy()
    cells["weight"] = cells["weight"] * weight[cells["period"].to_numpy(dtype=int)]
    faded = replace(panel, cells=cells, exposure_years=panel.exposure_years * weight)
    return replace(spec, panel=faded)


def long_memory(spec: ModelSpec) -> ModelSpec:
    """Return the model with a longer memory of own and near episodes, and wider priors for it."""
    panel = spec.panel
    count = np.zeros((len(panel.districts), len(panel.periods)))
    cells = panel.cells
    place = (cells["district"].to_numpy(dtype=int), cells["period"].to_numpy(dtype=int))
    np.add.at(count, place, (cells["count"] * cells["weight"]).to_numpy(dtype=float))
    years = np.arange(len(panel.periods) + 1)[None, :] - np.arange(len(panel.periods))[:, None]
    age = years - 0.5
    own = count @ np.where(age > 0, np.exp(-np.clip(age, 0.0, None) / LONG_YEARS), 0.0)
    wide = Prior("normal", (0.0, 1.0))
    return replace(
        spec,
        panel=replace(panel, history=own, spillover=neighbour_mean(panel.graph, own)),
        priors=replace(spec.priors, history=wide, spillover=wide),
    )


def crossings(panel: Panel) -> FloatArray:
    """Return the log length of each district's border with other countries of the region.

    Standardised, shape (district,).
    """
    pairs = panel.graph.pairs()
    km = panel.graph.edges["border_km"].fillna(0.0).to_numpy(dtype=float)
    abroad = panel.country_of[pairs[:, 0]] != panel.country_of[pairs[:, 1]]
    length = np.zeros(len(panel.districts))
    for side in (0, 1):
        np.add.at(length, pairs[abroad, side], km[abroad])
    logged = np.log1p(length)
    spread = float(logged.std())
    return (logged - logged.mean()) / (spread if spread > 0 else 1.0)


def _with_crossings(spec: ModelSpec) -> ModelSpec:
    fixed = {**spec.panel.fixed, "crossings": crossings(spec.panel)}
    return replace(
        spec, panel=replace(spec.panel, fixed=fixed), pillars=(*spec.pillars, "crossings")
    )


def _hints(spec: ModelSpec) -> ModelSpec:
    power = Prior("normal", (1.0, 0.3))
    return replace(
        spec,
        moving_place="oblast",
        history=False,
        spillover=False,
        priors=replace(spec.priors, population_power=power),
    )


#: Fixed before any of them was fitted; one change each to the default.
FORMS: Mapping[str, Change] = {
    "the past fades in the likelihood": fading_past,
    "memory of five years": long_memory,
    "borders between the countries": _with_crossings,
    "moving place, free power of people, no history": _hints,
}
#: Pools that are looked at here only: name -> forecasters of equal weight.
MEANS: Mapping[str, tuple[str, ...]] = {
    "half model, half frequency": (MODEL, REFERENCE),
    "mean of both and gradient boosting": (MODEL, REFERENCE, "gradient boosting"),
}
_ROWS = (REFERENCE, MODEL, POOL, GEOMETRIC, *MEANS, *FORMS)


def with_means(stored: Stored) -> Backtest:
    """Return the scored cells of the next year, with the pools of equal weights."""
    happened, made = stored.outcomes(), [stored.scores().at(1).cells]
    for origin in stored.data["origin"].to_numpy().tolist():
        history = happened.until(origin).since(int(stored.data["first_year"].sel(origin=origin)))
        for name, of in MEANS.items():
            said = np.mean([stored.pmf(one, origin)[:1] for one in of], axis=0)
            made += scored(name, origin, said, happened, history=history)
    return Backtest(pd.concat(made, ignore_index=True))


def tried(made: Backtest, failed: list[str]) -> Iterator[str]:
    """Yield the lines of the table of all that was tried."""
    against = {name: made.table(reference=name, names=list(_ROWS)) for name in (REFERENCE, MODEL)}
    columns = [f"{HEADINGS[s]} less {name}" for name in against for s in FEW]
    yield f"| forecaster | log score | {' | '.join(columns)} | expected | gate not met |"
    yield "| --- | ---: |" + " --- |" * len(columns) + " ---: | ---: |"
    for name in _ROWS:
        own = against[REFERENCE].loc[name]
        cells = [name, f"{SCALE * own['log_score']:.2f}"]
        for reference, table in against.items():
            same = name == reference
            cells += ["" if same else difference_text(table.loc[name], s) for s in FEW]
        cells += [f"{own['expected']:.1f}", str(failed.count(name))]
        yield f"| {' | '.join(cells)} |"


def where(made: Backtest) -> Iterator[str]:
    """Yield tables of where the model gains on the frequency and loses to it."""
    own, base = (made.of(name).reset_index(drop=True) for name in (MODEL, REFERENCE))
    less = own[["year", "country", "district", "event"]].assign(
        model=own["prob"],
        frequency=base["prob"],
        log=own["log_score"] - base["log_score"],
        brier=own["brier"] - base["brier"],
    )
    calm = np.where(less["event"] > 0, "with an episode", "without")
    head = "seen | expected by the model | by the frequency | log score | Brier |"
    band = pd.cut(less["model"], BANDS).map(lambda one: f"{one.left:g} to {one.right:g}")
    keys = {"cells": calm, "said by the model": band, "country": less["country"]}
    for label, key in (*keys.items(), ("year", less["year"])):
        yield from _sums(f"| {label} | {head}", less.groupby(key))
    by_district = less.groupby("district")[["event", "model", "frequency", "log", "brier"]].sum()
    order = by_district.sort_values("log")
    ends = pd.concat([order.tail(_NAMED)[::-1], order.head(_NAMED)[::-1]])
    yield from _lines(f"| district | {head}", ends)


def _sums(head: str, groups: "pd.api.typing.DataFrameGroupBy") -> Iterator[str]:
    return _lines(head, groups[["event", "model", "frequency", "log", "brier"]].sum())


def _lines(head: str, sums: pd.DataFrame) -> Iterator[str]:
    yield from (head, "| --- |" + " ---: |" * 5)
    for label, row in sums.iterrows():
        said = " | ".join(f"{row[name]:.1f}" for name in ("event", "model", "frequency"))
        yield f"| {label} | {said} | {row['log']:+.2f} | {row['brier']:+.2f} |"
    yield ""


def years_needed(mean: float, spread: float, *, chance: float = 0.8) -> int | None:
    """Return how many years a 95% interval needs to leave zero out; None beyond `MOST_YEARS`.

    Parameters
    ----------
    mean, spread
        Of the yearly means, taken as normal.
    chance
        With which it is to leave zero out.
    """
    years = (n for n in range(3, MOST_YEARS + 1) if decided(mean, spread, n) >= chance)
    return next(years, None)


def decided(mean: float, spread: float, years: int) -> float:
    """Return the chance that Student's 95% interval over so many years leaves zero out."""
    limit = float(stats.t.ppf(0.975, years - 1))
    shift = mean / spread * np.sqrt(years)
    test = stats.nct(years - 1, shift)
    return float(test.sf(limit) + test.cdf(-limit))


def power(made: Backtest) -> Iterator[str]:
    """Yield a table of how many years a decision would take."""
    yield f"| less {REFERENCE} | mean of years | their sd | decided in {FEW_YEARS} | years needed |"
    yield "| --- |" + " ---: |" * 4
    base = made.of(REFERENCE)
    for name in (MODEL, POOL, GEOMETRIC):
        for score in FEW:
            less = made.of(name)[score].to_numpy() - base[score].to_numpy()
            by_year = SCALE * pd.Series(less).groupby(base["year"].to_numpy()).mean()
            mean, spread = float(by_year.mean()), float(by_year.std())
            needed = years_needed(mean, spread)
            label = f"{name}, {HEADINGS[score]}"
            told = f"more than {MOST_YEARS}" if needed is None else str(needed)
            share = f"{decided(mean, spread, FEW_YEARS):.2f}"
            yield f"| {label} | {mean:+.2f} | {spread:.2f} | {share} | {told} |"


def sections(stored: Stored) -> tuple[str, ...]:
    """Return what stands between each pair of marks."""
    made = with_means(stored)
    origins, own = stored.data["origin"].to_numpy(), made.of(MODEL)
    failed = [name for name, _ in stored.gates_not_met()]
    first = [
        f"One year ahead, targets {origins[0] + 1} to {origins[-1] + 1}: {len(own):,} "
        f"district-years, {own['event'].sum():.1f} with an episode. Thousandths; a difference is "
        "that of the row less the forecaster named, with the interval of 95% over years and what "
        "may be said of it ([backtest.md](backtest.md)). Log score: above zero is better; Brier "
        "and CRPS: below zero is better. The list of events was compiled with hindsight.",
        "",
        *tried(made, failed),
    ]
    second = [
        "Sums over cells of the score of the model less that of the frequency: log score in nats, "
        "above zero is better; Brier, below zero is better. The same cells as above.",
        "",
        *where(made),
    ]
    third = [
        "If the yearly means were normal with the mean and the spread seen here: the chance that "
        f"{FEW_YEARS} years give an interval of 95% that leaves zero out, and the years after "
        "which the chance is 0.8.",
        "",
        *power(made),
    ]
    return "\n".join(first), "\n".join(second).rstrip("\n"), "\n".join(third)


def main() -> None:
    """Fit what is not fitted yet, and renew the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--origins", default=f"2004:{LAST_CHOICE - 1}")
    parser.add_argument("--keep", type=Path, default=Path("out/improvements"))
    parser.add_argument("--workers", type=int, default=None)
    given = parser.parse_args()
    origins = tuple(Origins().convert(given.origins, None, None))
    if origins[-1] >= LAST_CHOICE:
        raise InvalidInput(
            Fault(
                f"the origin {origins[-1]}",
                f"choices rest on targets up to {LAST_CHOICE}, and so on origins before it",
                str(origins[-1]),
            )
        )
    plan = Plan(Config(engine="laplace"), origins, (1,), variants=FORMS)
    stored = run(plan, given.keep, executor(workers=given.workers), progress=terminal_progress())
    text = PAGE.read_text(encoding="utf-8")
    for marks, made in zip((TRIED, WHERE, POWER), sections(stored), strict=True):
        text = renewed("docs/improvements.md", text, marks, made)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
