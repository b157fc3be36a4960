"""How the fast engine's time and memory grow with the number of districts.

    python benchmarks/scale.py [--districts 500,5000,50000] [--draws 1000] [--side 2] [--seed 1]

Regions are grids from `threatkit.model.simulate`, 97 in 100 cells empty, with one pillar that
has a value for each oblast of ``side`` by ``side`` districts. Each size runs in a process of
its own, one after the other, so that memory is that size's. Prints, for each, wall and
processor seconds of panel, fit and scores, the peak of resident memory, whether the gate was
met and how often the truth lies in the 90% interval; last, the exponents of growth.
"""

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

STAGES = ("panel", "fit", "scores")


def measure(districts: int, draws: int, side: int, seed: int) -> dict[str, Any]:
    """Simulate, fit and score one region."""
    from threatkit.model.forecast import flat
    from threatkit.model.information import information
    from threatkit.model.laplace import laplace_fit
    from threatkit.model.simulate import Truth, simulate_panel
    from threatkit.model.spec import ModelSpec
    from threatkit.scores import score

    rows = max(round(np.sqrt(districts / 2)), 2)
    columns = max(round(districts / rows), 2)
    result: dict[str, Any] = {"districts": rows * columns}

    def timed[T](stage: str, action: Callable[[], T]) -> T:
        wall, cpu = time.perf_counter(), time.process_time()
        made = action()
        result[stage] = time.perf_counter() - wall
        result[f"{stage} cpu"] = time.process_time() - cpu
        return made

    truth = Truth(intercept=-4.5)
    made = timed(
        "panel",
        lambda: simulate_panel(rows=rows, columns=columns, seed=seed, truth=truth, side=side),
    )
    spec = ModelSpec(made.panel, pillars=("youth",))
    fitted = timed("fit", lambda: laplace_fit(spec, seed=seed, draws=draws))
    timed(
        "scores",
        lambda: score(fitted.forecast, information=information(spec, fitted.draws), learned={}),
    )
    low, high = np.quantile(flat(fitted.draws, "eta"), [0.05, 0.95], axis=0)
    result["inside"] = float(((low <= made.eta) & (made.eta <= high)).mean())
    result["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    result["stages"] = fitted.seconds
    result["failures"] = fitted.diagnostics.failures
    return result


def line(made: dict[str, Any]) -> str:
    """Return one row of the table."""
    times = " ".join(f"{made[s]:7.1f} {made[s + ' cpu']:7.1f}" for s in STAGES)
    gate = "met" if not made["failures"] else "NOT MET"
    return f"{made['districts']:9d} {times} {made['memory']:7.2f} {made['inside']:7.1%} {gate:>8s}"


def exponents(rows: list[dict[str, Any]]) -> list[str]:
    """Return the exponent of each quantity between one size and the next."""
    lines = []
    for first, second in pairwise(rows):
        ratio = np.log(second["districts"] / first["districts"])
        grown = {
            name: np.log(second[name] / first[name]) / ratio
            for name in ("panel cpu", "fit cpu", "scores cpu", "memory")
        }
        told = ", ".join(f"{name} {value:.2f}" for name, value in grown.items())
        lines.append(f"{first['districts']} to {second['districts']}: {told}")
    return lines


def main() -> None:
    """Run the sizes asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--districts", default="500,5000")
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--side", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    chosen: Any = parser.parse_args()
    heads = " ".join(f"{stage:>7s} {'cpu':>7s}" for stage in STAGES)
    print(f"{'districts':>9s} {heads} {'GB':>7s} {'inside':>7s} {'gate':>8s}", flush=True)
    rows = []
    context = multiprocessing.get_context("spawn")
    for size in (int(part) for part in chosen.districts.split(",")):
        with context.Pool(1) as pool:
            arguments = (size, chosen.draws, chosen.side, chosen.seed)
            rows.append(pool.apply(measure, arguments))
        print(line(rows[-1]), flush=True)
        print("          ", rows[-1]["stages"], *rows[-1]["failures"], sep="\n  ", flush=True)
    print(*exponents(rows), sep="\n")


if __name__ == "__main__":
    main()
