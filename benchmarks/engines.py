"""Compare the engines on simulated panels: time, agreement, and the truth, in one run.

    python benchmarks/engines.py [--repeats 3] [--sizes 12x12] [--panels sparse,ordinary]
        [--assessment] [--draws 4000] [--output docs/engines.md]

Panels come from `threatkit.model.simulate`; every figure is of this machine and its load.
Both engines see the same specification; the reference is nuts with four long chains, an exact
fit of its own; the least bulk effective size of all that its gate looks at is printed. ``cpu``
counts all threads. ``--assessment`` adds the shipped data, where the reference is fitted once and
the fast engine once a seed. ``--output`` writes the table between the markers of a document. How
time grows with size: benchmarks/scale.py.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from threatkit.model.fit import Fit, Sampling, fit
from threatkit.model.forecast import flat
from threatkit.model.laplace import laplace_fit
from threatkit.model.simulate import Truth, simulate_panel
from threatkit.model.spec import Likelihood, ModelSpec, make_priors

BEGIN, END = "<!-- engines table: begin -->", "<!-- engines table: end -->"

#: Truths, years, likelihoods and priors of the panels: three nearly empty, one ordinary, whose
#: common level would lie six standard deviations out under the default prior of the intercept.
PANELS: dict[str, tuple[Truth, int, Likelihood, dict[str, str]]] = {
    "sparse": (Truth(intercept=-4.6), 15, "nb1", {}),
    "overdispersed": (Truth(intercept=-4.4, dispersion=1.5), 15, "nb1", {}),
    "no field": (Truth(intercept=-4.4, field_sd=0.05), 15, "nb1", {}),
    "ordinary": (
        Truth(intercept=1.5, dispersion=1e-3, history=0.0),
        2,
        "poisson",
        {"intercept": "normal(1, 1)"},
    ),
}


def timed(run: Callable[[], Fit]) -> tuple[Fit, float, float]:
    """Return a fit with its wall and processor seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    return run(), time.perf_counter() - wall, time.process_time() - cpu


def agreement(ours: Fit, reference: Fit) -> dict[str, float]:
    """Return how far two fits differ, in the reference's posterior sd and relatively."""
    a, b = flat(ours.draws, "eta"), flat(reference.draws, "eta")
    gap = np.abs(a.mean(axis=0) - b.mean(axis=0)) / b.std(axis=0)
    low, high = (np.quantile(x, [0.05, 0.95], axis=0) for x in (a, b))
    width = np.abs((low[1] - low[0]) / (high[1] - high[0]) - 1)
    prob, other = ours.forecast.event_prob.mean(axis=0), reference.forecast.event_prob.mean(axis=0)
    return {
        "mean": float(gap.mean()),
        "worst": float(gap.max()),
        "width": float(width.mean()),
        "width worst": float(width.max()),
        "prob": float(np.abs(prob / other - 1).mean()),
        "hyper": hyperparameters(ours, reference),
    }


def hyperparameters(ours: Fit, reference: Fit) -> float:
    """Return the largest gap of a hyperparameter's mean, in the reference's posterior sd."""
    gaps = []
    for name, row in ours.diagnostics.table.iterrows():
        if name in ("eta", "event_prob") or not np.isfinite(float(row["ess_bulk"])):
            continue
        a, b = flat(ours.draws, str(name)), flat(reference.draws, str(name))
        gaps.append(np.max(np.abs(a.mean(axis=0) - b.mean(axis=0)) / b.std(axis=0)))
    return float(np.max(gaps))


HEAD = (
    "| data | empty cells | seed | nuts, least ESS | nuts, cpu s | laplace, cpu s (wall s) | gates "
    "| mean of eta | 90% width | event probability | worst hyperparameter |"
)


def row(
    label: str,
    empty: float,
    seed: int,
    reference: tuple[Fit, float, float],
    ours: tuple[Fit, float, float],
) -> str:
    """Return one row of the table."""
    gaps = agreement(ours[0], reference[0])
    least = float(reference[0].diagnostics.table["ess_bulk"].min())
    gates = " / ".join(
        "met" if made.diagnostics.passed else "not met" for made in (reference[0], ours[0])
    )
    return (
        f"| {label} | {empty:.1%} | {seed} | {least:,.0f} | {reference[2]:.1f} "
        f"| {ours[2]:.1f} ({ours[1]:.1f}) | {gates} "
        f"| {gaps['mean']:.3f} / {gaps['worst']:.3f} | {gaps['width']:.1%} / "
        f"{gaps['width worst']:.1%} | {gaps['prob']:.1%} | {gaps['hyper']:.3f} |"
    )


def compare(label: str, spec: ModelSpec, seeds: list[int], draws: int) -> list[str]:
    """Fit one specification once by nuts and once a seed by the fast engine."""
    sampling = Sampling(draws=draws, max_rounds=1)
    reference = timed(lambda: fit(spec, seed=seeds[0], sampling=sampling))
    panel = spec.panel
    empty = 1 - len(panel.cells) / (len(panel.districts) * len(panel.periods))
    rows = []
    for seed in seeds:
        ours = timed(lambda seed=seed: laplace_fit(spec, seed=seed))  # type: ignore[misc]
        rows.append(row(label, empty, seed, reference, ours))
        print(rows[-1], *ours[0].diagnostics.failures, sep="\n    ", flush=True)
    return rows


def shipped() -> ModelSpec:
    """Return the specification of the default assessment."""
    from threatkit.config import DEFAULT_EVENT_TYPES
    from threatkit.data.catalogue import load_catalogue
    from threatkit.geo.boundaries import load_boundaries
    from threatkit.geo.graph import build_graph
    from threatkit.model.assemble import Outcome, assemble

    catalogue = load_catalogue()
    graph = build_graph(load_boundaries(codes=catalogue.districts.index))
    return ModelSpec(assemble(catalogue, graph, Outcome(DEFAULT_EVENT_TYPES)))


def write(path: Path, rows: list[str]) -> None:
    """Put the table between the markers of a document."""
    text = path.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    rule = "|".join(["---"] * (HEAD.count("|") - 1))
    table = "\n".join([HEAD, f"|{rule}|", *rows])
    path.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sizes", default="12x12")
    parser.add_argument("--panels", default=",".join(PANELS))
    parser.add_argument("--assessment", action="store_true")
    parser.add_argument("--draws", type=int, default=4000, help="of each of four reference chains")
    parser.add_argument("--output", type=Path)
    chosen: Any = parser.parse_args()
    print(HEAD, flush=True)
    seeds = list(range(1, chosen.repeats + 1))
    rows = (
        compare("default assessment", shipped(), seeds, chosen.draws) if chosen.assessment else []
    )
    for size in chosen.sizes.split(","):
        height, width = (int(part) for part in size.split("x"))
        for name in filter(None, chosen.panels.split(",")):
            truth, years, likelihood, priors = PANELS[name]
            for seed in seeds:
                made = simulate_panel(
                    rows=height, columns=width, years=years, seed=seed, truth=truth
                )
                spec = ModelSpec(
                    made.panel,
                    pillars=("youth",),
                    likelihood=likelihood,
                    priors=make_priors(priors),
                )
                rows += compare(f"{name}, {size}", spec, [seed], chosen.draws)
    if chosen.output:
        write(chosen.output, rows)


if __name__ == "__main__":
    main()
