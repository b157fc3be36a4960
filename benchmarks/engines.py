"""Compare the engines on simulated panels: time, agreement, and the truth, in one run.

    python benchmarks/engines.py [--repeats 3] [--sizes 8x8,16x16] [--scale 50x100]

Panels come from `threatkit.model.simulate`; every figure is of this machine and its load.
Both engines see the same specification; the reference is nuts with 4 x 2,000 draws.
``cpu`` counts all threads. ``--assessment`` compares on the shipped data instead.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from threatkit.model.fit import Fit, Sampling, fit
from threatkit.model.forecast import flat
from threatkit.model.laplace import laplace_fit
from threatkit.model.simulate import Truth, simulate_panel
from threatkit.model.spec import ModelSpec

#: Intercepts, likelihoods and years of the panels: three nearly empty, one ordinary.
PANELS = {
    "sparse": (Truth(intercept=-4.2), 15, "nb1"),
    "overdispersed": (Truth(intercept=-4.0, dispersion=1.5), 15, "nb1"),
    "no field": (Truth(intercept=-4.0, field_sd=0.05), 15, "nb1"),
    "ordinary": (Truth(intercept=1.5, dispersion=1e-3, history=0.0), 2, "poisson"),
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
    sd, same = flat(ours.draws, "field_sd"), flat(reference.draws, "field_sd")
    return {
        "mean": float(gap.mean()),
        "worst": float(gap.max()),
        "width": float(width.mean()),
        "width worst": float(width.max()),
        "prob": float(np.abs(prob / other - 1).mean()),
        "field_sd": float(abs(sd.mean() - same.mean()) / same.std()),
    }


def line(name: str, made: Fit, wall: float, cpu: float, gaps: dict[str, float]) -> str:
    """Return one row of the table."""
    figures = " ".join(f"{value:11.3f}" for value in gaps.values())
    gate = "met" if made.diagnostics.passed else "NOT MET"
    return f"{name:34s} {wall:7.1f} {cpu:7.1f} {gate:>8s} {figures}"


def compare(label: str, spec: ModelSpec, seed: int) -> None:
    """Fit one specification with both engines and print a row for each."""
    sampling = Sampling(draws=2000, max_rounds=1)
    reference, wall, cpu = timed(lambda: fit(spec, seed=seed, sampling=sampling))
    print(line(f"{label} nuts", reference, wall, cpu, {}), flush=True)
    ours, wall, cpu = timed(lambda: laplace_fit(spec, seed=seed))
    print(line(f"{label} laplace", ours, wall, cpu, agreement(ours, reference)), flush=True)


def grow(rows: int, columns: int) -> None:
    """Fit one large panel with the fast engine."""
    made = simulate_panel(rows=rows, columns=columns, seed=1, truth=Truth(intercept=-4.5))
    spec = ModelSpec(made.panel, pillars=("youth",))
    ours, wall, cpu = timed(lambda: laplace_fit(spec, seed=1, draws=2000))
    low, high = np.quantile(flat(ours.draws, "eta"), [0.05, 0.95], axis=0)
    inside = ((low <= made.eta) & (made.eta <= high)).mean()
    print(line(f"{rows * columns} districts laplace", ours, wall, cpu, {"inside 90%": inside}))
    print(ours.seconds, *ours.diagnostics.failures, sep="\n")


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


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sizes", default="10x10")
    parser.add_argument("--panels", default=",".join(PANELS))
    parser.add_argument("--scale", default="")
    parser.add_argument("--assessment", action="store_true")
    chosen: Any = parser.parse_args()
    heads = ("mean", "worst", "width", "width worst", "prob", "field_sd")
    print(f"{'panel':34s} {'wall s':>7s} {'cpu s':>7s} {'gate':>8s}", *(f"{h:>11s}" for h in heads))
    if chosen.scale:
        grow(*(int(part) for part in chosen.scale.split("x")))
        return
    for seed in range(1, chosen.repeats + 1):
        if chosen.assessment:
            compare(f"assessment {seed}", shipped(), seed)
            continue
        for size in chosen.sizes.split(","):
            rows, columns = (int(part) for part in size.split("x"))
            for name in chosen.panels.split(","):
                truth, years, likelihood = PANELS[name]
                made = simulate_panel(
                    rows=rows, columns=columns, years=years, seed=seed, truth=truth
                )
                spec = ModelSpec(made.panel, pillars=("youth",), likelihood=likelihood)  # type: ignore[arg-type]
                empty = 1 - len(made.panel.cells) / (rows * columns * years)
                compare(f"{name} {size} {empty:.1%} empty {seed}", spec, seed)


if __name__ == "__main__":
    main()
