"""Writes the checks of the shipped assessment into ``docs/model.md``: numbers and figures.

    python -m threatkit.derive.checks RUN [--laplace RUN] [--size N]

RUN is a finished run of the default assessment by the exact engine (``threatkit assess --out
RUN``), the other one the same by the fast engine. Nothing is fitted here. Figures go to
``docs/model/``, numbers between the markers of the page.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from threatkit.checks import run_draws
from threatkit.derive import checkplots
from threatkit.derive.architecture import renewed
from threatkit.derive.material import Material, markdown, read
from threatkit.derive.replications import predictive_section
from threatkit.model.check import prior_draws
from threatkit.model.expectation import without_memory, year_counts
from threatkit.model.forecast import flat, simulate_counts
from threatkit.model.replicate import completed_counts
from threatkit.model.states import oblast_means
from threatkit.scores import KNOWN_PARTS, LEAST_LEARNED

FloatArray = NDArray[np.float64]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "model.md"
FIGURES = PAGE.parent / "model"
#: Hyperparameters of the outcome, each with a panel of its own.
SHOWN = ("intercept", "field_sd", "field_mixing", "year_sd", "dispersion", "history", "spillover")
PRIOR_DRAWS = 2000


def prior_section(made: Material, known: dict[str, str]) -> str:
    """Draw what is expected of a year before and after data; return the table."""
    spec, panel = made.spec, made.spec.panel
    prior = prior_draws(spec, draws=PRIOR_DRAWS, seed=made.seed)
    before = year_counts(without_memory(spec), prior, seed=made.seed)
    forecast = run_draws(made.run.folder, "forecast")
    expected, spread = flat(forecast, "expected"), flat(forecast, "dispersion")
    rng = np.random.default_rng([made.seed, 3])
    after = simulate_counts(expected, spread, spec.likelihood, rng)
    seen = completed_counts(spec, size=1, seed=made.seed)[0]
    whole = panel.periods < panel.as_of.year
    valley = panel.districts["fergana"].astype(bool).to_numpy()
    everywhere = np.ones(len(valley), dtype=bool)
    regions = {
        name: (
            before[:, inside].sum(axis=1),
            after[:, inside].sum(axis=1),
            seen[inside][:, whole].sum(axis=0),
        )
        for name, inside in (("Central Asia", everywhere), ("Fergana Valley", valley))
    }
    known["prior"] = checkplots.expected_years(regions)
    rows = [
        {
            "episodes a year": name,
            **{
                f"{stage}, {p} in 100": f"{np.percentile(values, p):.0f}"
                for stage, values in zip(("before", "after"), sets[:2], strict=True)
                for p in (5, 50, 95)
            },
            f"seen, {panel.periods[whole][0]} to {panel.periods[whole][-1]}": (
                f"{sets[2].min():.0f} to {sets[2].max():.0f}, mean {sets[2].mean():.1f}"
            ),
            "years seen that the prior's 90% holds": _held(sets[2], sets[0]),
        }
        for name, sets in regions.items()
    ]
    return markdown(pd.DataFrame(rows))


def _held(seen: FloatArray, made: FloatArray) -> str:
    low, high = np.percentile(made, [5, 95])
    return f"{((seen >= low) & (seen <= high)).sum()} of {len(seen)}"


def hyperparameter_section(made: Material, known: dict[str, str]) -> str:
    """Draw prior and posterior of the hyperparameters and their sensitivity; return the table."""
    draws = {name: flat(made.draws, name) for name in SHOWN if name in made.draws}
    priors = {name: getattr(made.spec.priors, name) for name in draws}
    weights = flat(made.draws, "pillar_weight")
    for number, pillar in enumerate(made.spec.pillars):
        name = f"pillar_weight[{pillar}]"
        draws[name], priors[name] = weights[:, number], made.spec.priors.pillar_weight
    known["hyperparameters"] = checkplots.densities(priors, draws)
    leaning = pd.DataFrame.from_dict(made.run.record["prior_sensitivity"]["quantities"], "index")
    results = leaning.index[leaning["kind"] == "result"]
    shown = leaning.loc[[*results, *(name for name in draws if name in leaning.index)]]
    noise = {name: float(leaning[f"{name}_noise"].iloc[0]) for name in ("prior", "likelihood")}
    known["sensitivity"] = checkplots.sensitivity(shown, noise)
    rows = []
    for name, values in draws.items():
        frozen = priors[name].frozen()
        before, after = frozen.ppf([0.05, 0.5, 0.95]), np.percentile(values, [5, 50, 95])
        moved = leaning.loc[name]
        rows.append(
            {
                "name": f"`{name}`",
                "prior, 5, 50, 95 in 100": ", ".join(f"{x:.2f}" for x in before),
                "posterior": ", ".join(f"{x:.2f}" for x in after),
                "sd, posterior over prior": f"{values.std() / priors[name].sd:.2f}",
                "sensitivity to priors": f"{moved['prior']:.3f}",
                "to data": f"{moved['likelihood']:.3f}",
                "diagnosis": moved["diagnosis"],
            }
        )
    rest = leaning.drop(index=shown.index)
    strong = rest[rest["diagnosis"] != "not sensitive"]
    lines = [
        f"Results of a run: {_results(leaning.loc[results])}.",
        "",
        markdown(pd.DataFrame(rows)),
        "",
        f"Of the {len(rest)} parameters of the indicators, {len(strong)} lean on their priors, "
        f"{(strong['diagnosis'] == _STRONG).sum()} of them because the data say little.",
    ]
    return "\n".join(lines)


_STRONG = "strong priors or weak data"


def _results(frame: pd.DataFrame) -> str:
    return "; ".join(
        f"{name}, {row['prior']:.3f} to priors (most to `{row['strongest']}`) and "
        f"{row['likelihood']:.3f} to data, {row['diagnosis']}"
        for name, row in frame.iterrows()
    )


def learned_section(made: Material, known: dict[str, str]) -> str:
    """Draw the information of districts and of parts; return what the priors set."""
    table = run_draws(made.run.folder, "districts").to_dataframe()
    table = table.loc[list(made.spec.panel.districts.index)]
    hit = completed_counts(made.spec, size=1, seed=made.seed)[0].sum(axis=1) > 0
    own = table["information"].to_numpy()
    prefix = "learned_"
    parts = {
        name.removeprefix(prefix): table[name].to_numpy()
        for name in table
        if str(name).startswith(prefix) and str(name).removeprefix(prefix) not in KNOWN_PARTS
    }
    groups = {"districts with an episode": own[hit], "districts without": own[~hit]}
    known["information"] = checkplots.information(groups, parts)
    rows = [
        {
            "contribution": name,
            "median over districts": f"{np.median(values):.2f}",
            "set by the prior": f"{(values < LEAST_LEARNED).sum()} of {len(values)} districts",
        }
        for name, values in parts.items()
    ]
    told = [f"{name}, {np.median(values):.2f}" for name, values in groups.items()]
    return f"Median information: {'; '.join(told)}.\n\n{markdown(pd.DataFrame(rows))}"


def drift_section(made: Material, known: dict[str, str]) -> str:
    """Draw how far the episodes pull the pillars; return the table of the run."""
    record = made.run.record["pillar_drift"]
    forecast = run_draws(made.run.folder, "forecast")
    area = oblast_means(made.spec)
    weights = flat(made.draws, "pillar_weight")
    frames = {}
    for number, pillar in enumerate(made.spec.pillars):
        if pillar not in record["states"]:
            continue
        part = flat(forecast, f"contribution_{pillar}")
        state = (part / np.maximum(weights[:, [number]], 1e-300)).mean(axis=0)
        alone = pd.DataFrame.from_dict(record["states"][pillar], orient="index")
        alone = alone.loc[list(made.spec.panel.oblasts)].rename(columns={"mean": "alone"})
        frames[pillar] = alone.assign(joint=area @ state)
    known["drift"] = checkplots.drift(frames)
    rows = [
        {
            "pillar": name,
            "mean shift, sd": f"{row['mean_shift']:.2f}",
            "largest shift": f"{row['largest_shift']:+.2f} ({row['largest_oblast']}: "
            f"{row['state_alone']:.2f} to {row['state_joint']:.2f})",
            "correlation": f"{row['correlation']:.2f}",
        }
        for name, row in record["drift"].items()
    ]
    return markdown(pd.DataFrame(rows))


def engine_section(exact: Material, fast: Material, known: dict[str, str]) -> str:
    """Draw the agreement of both engines; return it in numbers."""
    sides = {}
    for name, made in (("exact", exact), ("fast", fast)):
        eta = flat(made.draws, "eta")
        low, high = np.percentile(eta, [5, 95], axis=0)
        chance = flat(run_draws(made.run.folder, "forecast"), "event_prob").mean(axis=0)
        sides[name] = {
            "mean": eta.mean(axis=0),
            "sd": eta.std(axis=0),
            "width": high - low,
            "chance": chance,
        }
    one, two = sides["exact"], sides["fast"]
    known["engines"] = checkplots.agreement(one, two)
    gap = np.abs(two["mean"] - one["mean"]) / one["sd"]
    width, chance = (np.abs(two[key] / one[key] - 1) for key in ("width", "chance"))
    rows = [
        {"quantity": label, "mean over districts": f"{v.mean():.3f}", "largest": f"{v.max():.3f}"}
        for label, v in (
            ("mean of eta, gap in sd", gap),
            ("90% width of eta, relative gap", width),
            ("event probability, relative gap", chance),
        )
    ]
    gates = [
        f"{name}: gate {'met' if made.run.gate_passed else 'NOT met'}, "
        f"{made.draws.sizes['chain'] * made.draws.sizes['draw']} draws"
        for name, made in (("nuts", exact), ("laplace", fast))
    ]
    gates[0] += f", least effective size of a log rate {_least_ess(exact.run.record):.0f}"
    return f"{'; '.join(gates)}.\n\n{markdown(pd.DataFrame(rows))}"


def _least_ess(record: Mapping[str, Any]) -> float:
    row = record["diagnostics"]["quantities"]["eta"]
    return min(float(row["ess_bulk"]), float(row["ess_tail"]))


def renew(sections: Mapping[str, str], figures: Mapping[str, str]) -> None:
    """Write the figures, and the sections between their marks."""
    FIGURES.mkdir(exist_ok=True)
    for name, svg in figures.items():
        (FIGURES / f"{name}.svg").write_text(svg, encoding="utf-8")
    text = PAGE.read_text(encoding="utf-8")
    for name, made in sections.items():
        marks = (
            f"<!-- {name}: begin (python -m threatkit.derive.checks) -->",
            f"<!-- {name}: end -->",
        )
        text = renewed(PAGE.name, text, marks, made)
    PAGE.write_text(text, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Renew figures and sections from finished runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--laplace", type=Path)
    parser.add_argument("--size", type=int, default=1000)
    given = parser.parse_args(arguments)
    made = read(given.run)
    figures: dict[str, str] = {}
    sections = {
        "prior": prior_section(made, figures),
        "predictive": predictive_section(made, given.size, figures),
        "hyperparameters": hyperparameter_section(made, figures),
        "learned": learned_section(made, figures),
        "drift": drift_section(made, figures),
    }
    if given.laplace:
        sections["engines"] = engine_section(made, read(given.laplace), figures)
    renew(sections, figures)


if __name__ == "__main__":
    main()
