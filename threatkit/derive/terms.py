"""Writes the comparison of likelihoods and terms in ``docs/model.md``.

    python -m threatkit.derive.terms [--origins 2007:2017] [--keep DIR] [--workers N]
                                     [--only terms,pillars]

Every form of the model is fitted by the fast engine at every origin on what was known then, and
scored on the next year; the default's pillars are looked at once more at the origins that knew any
value of them. Fits are kept in DIR, so that a run that was stopped goes on. Origins after
`LAST_CHOICE` are refused: they are left for the test of skill.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from threatkit.cli.baselines import Origins
from threatkit.config import Config
from threatkit.derive.architecture import renewed
from threatkit.errors import Fault, InvalidInput
from threatkit.evaluate.backtest import LAST_CHOICE, Backtest
from threatkit.evaluate.difference import compare, verdict
from threatkit.evaluate.forecasters import ABLATIONS, ABOUT_PILLARS, MODEL, Change
from threatkit.evaluate.stored import Stored
from threatkit.executor import executor
from threatkit.model.priors import Prior
from threatkit.model.spec import ModelSpec
from threatkit.progress import terminal_progress
from threatkit.rolling import Plan, known_at_origins, run

PAGE = Path(__file__).resolve().parents[2] / "docs" / "model.md"
#: Declared groups of districts for the years of regions.
GROUPS = {"valley": ("fergana",), "panj": ("TJ-GB", "TJ-KT")}
SCORES = ("log_score", "crps", "brier")


def marks(name: str) -> tuple[str, str]:
    """Return the lines of the page between which a table stands."""
    return (f"<!-- {name}: begin (python -m threatkit.derive.terms) -->", f"<!-- {name}: end -->")


def bare(spec: ModelSpec) -> ModelSpec:
    """Return the model of people and countries alone."""
    return replace(
        spec,
        priors=replace(spec.priors, field_sd=Prior("fixed", (0.01,))),
        likelihood="nb1",
        year_effect="none",
        region_years="none",
        moving_place="none",
        pillars=(),
        history=False,
        spillover=False,
        afghan_spillover=False,
        detection=False,
        feedback="full",
    )


def _placed(spec: ModelSpec) -> ModelSpec:
    return replace(bare(spec), priors=spec.priors)


def _bordered(spec: ModelSpec) -> ModelSpec:
    held = [name for name in ("border",) if name in spec.panel.fixed]
    return replace(_placed(spec), pillars=tuple(held))


def core(spec: ModelSpec) -> ModelSpec:
    """Return the form that all others are compared with."""
    return replace(_bordered(spec), year_effect="white")


def _with(**changes: object) -> Change:
    return lambda spec: replace(core(spec), **changes)  # type: ignore[arg-type]


def _pillars(spec: ModelSpec) -> ModelSpec:
    return replace(core(spec), pillars=spec.pillars)


def _free_people(spec: ModelSpec) -> ModelSpec:
    made = core(spec)
    return replace(made, priors=replace(made.priors, population_power=Prior("normal", (1.0, 0.3))))


CORE = "place, border, year"
#: The ladder, one term more on each rung, up to the form that all are compared with.
LADDER: Mapping[str, Change] = {
    "people and country": bare,
    "+ place": _placed,
    "+ border": _bordered,
    CORE: core,
}
#: One change each to that form.
CHANGES: Mapping[str, Change] = {
    "with Poisson": _with(likelihood="poisson"),
    "with NB2": _with(likelihood="nb2"),
    "with Bernoulli": _with(likelihood="bernoulli"),
    "with a random walk of years": _with(year_effect="walk"),
    "+ youth and extremism": _pillars,
    "+ own history": _with(history=True),
    "+ history and spillover": _with(history=True, spillover=True),
    "+ detection": _with(detection=True),
    "+ years of countries": _with(region_years="country"),
    "+ years of groups": _with(region_years="groups", groups=GROUPS),
    "+ moving place": _with(moving_place="oblast"),
    "+ free power of people": _free_people,
}
#: The default with another feedback or without pillars: origins with indicator values alone.
OF_PILLARS: Mapping[str, Change] = {name: ABLATIONS[name] for name in sorted(ABOUT_PILLARS)}
LABELS = {
    MODEL: "the default",
    "model with cut feedback": "the default, cut feedback",
    "model without pillars": "the default without pillars",
}


def table(made: Backtest, stored: Stored, names: Sequence[str], against: str) -> list[str]:
    """Return the lines of a table: one form a line, each against one of them."""
    failed = [name for name, _ in stored.gates_not_met()]
    head = "| form | log score | difference | CRPS | difference | Brier | difference "
    lines = [
        f"{head}| expected | seen | reading of the log score | gate not met |",
        "| --- " + "| ---: " * 8 + "| --- | ---: |",
    ]
    base = made.of(against)
    year, country = base["year"].to_numpy(), base["country"].to_numpy(dtype=str)
    for name in names:
        own = made.of(name)
        label = LABELS.get(name, name)
        cells = [label]
        reading = ""
        for score in SCORES:
            values = 1000 * own[score].to_numpy()
            less = compare(values, 1000 * base[score].to_numpy(), year, country)
            cells.append(f"{values.mean():.2f}")
            over = less.over_years
            cells.append(
                "" if name == against else f"{over.mean:+.2f} [{over.lo:+.2f}, {over.hi:+.2f}]"
            )
            if score == "log_score" and name != against:
                reading = verdict(less, higher_is_better=True)
        cells += [f"{own['prob'].sum():.1f}", f"{own['event'].sum():.1f}", reading]
        lines.append(f"| {' | '.join(cells)} | {failed.count(name)} |")
    return lines


def forms_section(stored: Stored) -> str:
    """Return the table of all forms with its head."""
    origins = stored.data["origin"].to_numpy()
    years = f"{origins[0] + 1} to {origins[-1] + 1}"
    return "\n".join(
        [
            f"One year ahead, targets {years}: {len(origins)} origins, each fitted by the fast "
            "engine on what was known at its end. Scores in thousandths; a difference is that of "
            f'the row less the form "{CORE}" in the same cells, with the interval of 95% by '
            "Student's t over years; for the log score above zero is better, for CRPS and Brier "
            "below zero. Likelihood NB1 where none is named. The list of events was compiled "
            "with hindsight, and most indicator values were published after these origins.",
            "",
            *table(stored.scores().at(1), stored, [*LADDER, *CHANGES, MODEL], CORE),
        ]
    )


def pillars_section(stored: Stored) -> str:
    """Return the table of the default and its pillars, at origins that knew their values."""
    years = [int(year) for year in stored.data["origin"].to_numpy()]
    return "\n".join(
        [
            f"The default, and its pillars, at the origins {years[0]} to {years[-1]}, targets "
            f"{years[0] + 1} to {years[-1] + 1}: at those before them no value of youth or "
            "extremism had been published. A difference is that of the row less the default.",
            "",
            *table(stored.scores().at(1), stored, [MODEL, *OF_PILLARS], MODEL),
        ]
    )


def main() -> None:
    """Fit what is not fitted yet, and renew the sections."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--origins", default="2007:2017")
    parser.add_argument("--keep", type=Path, default=Path("out/terms"))
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--only", default="terms,pillars", help="which of the two tables")
    given = parser.parse_args()
    origins = tuple(Origins().convert(given.origins, None, None))
    if origins[-1] > LAST_CHOICE:
        raise InvalidInput(
            Fault(
                f"the origin {origins[-1]}",
                f"choices rest on origins up to {LAST_CHOICE}",
                str(origins[-1]),
            )
        )
    for name in given.only.split(","):
        variants = {"terms": {**LADDER, **CHANGES}, "pillars": OF_PILLARS}[name]
        plan = Plan(Config(engine="laplace"), origins, (1,), variants=variants, baselines=False)
        if name == "pillars":
            held = [at.year for at in known_at_origins(plan) if any(at.pillars.values())]
            plan = replace(plan, origins=tuple(held))
        pool = executor(workers=given.workers)
        stored = run(plan, given.keep / name, pool, progress=terminal_progress())
        text = forms_section(stored) if name == "terms" else pillars_section(stored)
        before = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(renewed("docs/model.md", before, marks(name), text), encoding="utf-8")


if __name__ == "__main__":
    main()
