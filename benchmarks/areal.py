"""Compare both engines on a researcher's own areas: errors, widths and times, in one run.

    python benchmarks/areal.py [--repeats 3] [--exact 3] [--sets lip,sparse] [--write]
        [--references FOLDER]

The reference of each set is nuts with four chains of 3,000 draws, of another seed, where counts
are sparse of 12,000 or 6,000; with ``--references`` it is kept there, and read where it is
there already. Errors are
in its posterior standard deviations, widths those of 90% intervals relative to its own. ``cpu``
counts the processor seconds of all threads, from the loaded data to the checked draws. With
``--write`` the rows of these sets in docs/areal.md are renewed.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from threatkit.areal.config import ArealConfig
from threatkit.areal.data import ArealData, load_areal
from threatkit.areal.fit import fit_areal
from threatkit.areal.fitted import ArealFit, fixed_parameters
from threatkit.areal.laplace import laplace_areal
from threatkit.areal.simulate import ArealTruth, Simulated, simulate_areas
from threatkit.model.gate import diagnose
from threatkit.model.priors import Prior

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "areal.md"
BEGIN, END = "<!-- begin: benchmarks/areal.py -->", "<!-- end -->"

SPARSE = ArealTruth(mu=-3.0, beta=0.4, sigma=1.0, phi=0.6, extra=0.05)
#: Draws of each of the reference's chains.
DRAWS = {"sparse": 12_000, "wide": 6_000}
Case = tuple[ArealConfig, ArealData]


def lip() -> Case:
    """Return the lip cancer data with three islands."""
    return load_areal(ROOT / "tests" / "data" / "lip_cancer" / "lip.toml")


def _pair(made: Simulated) -> Case:
    return made.config, made.data


def wide() -> Case:
    """Return the sparse set with a prior that hardly bounds the field."""
    made = simulate_areas(20, 25, seed=4, likelihood="nb2", truth=SPARSE)
    priors = {**made.config.priors, "sigma": Prior("half_normal", (2.0,))}
    return replace(made.config, priors=priors), made.data


SETS: dict[str, tuple[str, Callable[[], Case]]] = {
    "lip": ("lip cancer, 56 areas", lip),
    "ordinary": (
        "ordinary, 200 areas, NB2",
        lambda: _pair(
            simulate_areas(
                10, 20, seed=1, likelihood="nb2", truth=ArealTruth(extra=5.0, exposure=10.0)
            )
        ),
    ),
    "groups": (
        "groups, 100 areas, Poisson",
        lambda: _pair(
            simulate_areas(
                10, 10, seed=1, truth=ArealTruth(sigma=0.3, exposure=20.0), groups="bym2"
            )
        ),
    ),
    "sparse": (
        "sparse, 500 areas, NB2",
        lambda: _pair(simulate_areas(20, 25, seed=4, likelihood="nb2", truth=SPARSE)),
    ),
    "wide": ("sparse, 500 areas, sigma half_normal(2)", wide),
}
HEADS = ("set", "engine", "seed", "eta", "worst", "hyper", "worst", "width", "gate", "s", "cpu s")


def timed(run: Callable[[], ArealFit]) -> tuple[ArealFit, float, float]:
    """Return a fit with its wall and processor seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    return run(), time.perf_counter() - wall, time.process_time() - cpu


def _columns(fit: ArealFit, names: tuple[str, ...]) -> np.ndarray:
    """Return draws of variables, shape (draw, quantity)."""
    flat = [fit.draws[n].to_numpy() for n in names]
    return np.hstack([v.reshape(v.shape[0] * v.shape[1], -1) for v in flat])


def gaps(ours: ArealFit, reference: ArealFit, names: tuple[str, ...]) -> tuple[np.ndarray, ...]:
    """Return errors of means, in sd, and of the widths of 90% intervals, relatively."""
    a, b = _columns(ours, names), _columns(reference, names)
    error = np.abs(a.mean(axis=0) - b.mean(axis=0)) / b.std(axis=0)
    wide = [np.diff(np.quantile(x, [0.05, 0.95], axis=0), axis=0)[0] for x in (a, b)]
    return error, np.abs(wide[0] / wide[1] - 1)


def row(
    label: str, engine: str, seed: int, made: tuple[ArealFit, float, float], reference: ArealFit
) -> list[str]:
    """Return one line of the table."""
    fit, wall, cpu = made
    eta, width = gaps(fit, reference, ("eta",))
    hyper, _ = gaps(fit, reference, fit.parameters)
    numbers = (eta.mean(), eta.max(), hyper.mean(), hyper.max(), width.mean())
    gate = "met" if fit.diagnostics.passed else "not met"
    shown = [f"{value:.3f}" for value in numbers]
    return [label, engine, str(seed), *shown, gate, f"{wall:.1f}", f"{cpu:.1f}"]


def reference_of(name: str, case: Case, folder: Path | None) -> tuple[ArealFit, float, float]:
    """Return the exact fit that others are held against, with its seconds."""
    config, data = case
    path = folder / f"{name}.nc" if folder else None
    if path is not None and path.is_file():
        return _read(path, config)
    draws = DRAWS.get(name, 3000)
    sampling = replace(config.sampling, draws=draws, budget_minutes=60.0)
    made = timed(lambda: fit_areal(replace(config, sampling=sampling), data, seed=1001))
    if path is not None:
        kept = made[0].draws.assign(divergent=(("chain", "draw"), made[0].divergent))
        kept.attrs.update(wall=made[1], cpu=made[2])
        kept.to_netcdf(path, engine="h5netcdf")
    return made


def _read(path: Path, config: ArealConfig) -> tuple[ArealFit, float, float]:
    with xr.open_dataset(path, engine="h5netcdf") as kept:
        draws = kept.load()
    divergent = draws["divergent"].to_numpy().astype(bool)
    draws = draws.drop_vars("divergent")
    fields = [str(name) for name in draws.data_vars if "area" in draws[name].dims]
    names = [str(name) for name in draws.data_vars if name not in fields]
    free = [name for name in names if name not in fixed_parameters(config)]
    checked = diagnose(draws, divergent, free, fields=fields)
    fit = ArealFit(draws, divergent, tuple(names), checked, {}, 1001)
    return fit, float(draws.attrs["wall"]), float(draws.attrs["cpu"])


def compare(
    name: str, repeats: int, exact: int, lines: list[list[str]], folder: Path | None
) -> None:
    """Fit one set with both engines, and add and print a line for each fit."""
    label, make = SETS[name]
    config, data = make()
    events = int(np.nansum(data.count))
    label = f"{label}, {(data.count == 0).mean():.0%} zeros, {events:,} events"
    reference, wall, cpu = reference_of(name, (config, data), folder)
    table = reference.diagnostics.table
    least = table[["ess_bulk", "ess_tail"]].astype(float).min(axis=None)
    gate = "met" if reference.diagnostics.passed else "not met"
    told = ["", "", "", "", "", gate, f"{wall:.1f}", f"{cpu:.1f}"]
    lines.append([label, f"reference, ESS {least:,.0f}", "1001", *told])
    print(" | ".join(lines[-1]), flush=True)
    for seed in range(1, repeats + 1):
        engines = [("nuts", fit_areal)] * (seed <= exact) + [("laplace", laplace_areal)]
        for engine, run in engines:
            made = timed(lambda run=run, seed=seed: run(config, data, seed=seed))  # type: ignore[misc]
            lines.append(row(label, engine, seed, made, reference))
            print(" | ".join(lines[-1]), flush=True)


def write(lines: list[list[str]]) -> None:
    """Renew the rows of these sets between the table's marks; others stay."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    table, after = rest.split(END, 1)
    rows = [line.strip("| ").split(" | ") for line in table.strip().splitlines()[2:]]
    rows = [[cell.strip() for cell in line] for line in rows]
    merged: list[list[str]] = []
    for label, _ in SETS.values():
        found = [line for line in lines if line[0].startswith(label)]
        merged += found or [line for line in rows if line[0].startswith(label)]
    shown = ["| " + " | ".join(line) + " |" for line in (HEADS, ["---"] * len(HEADS), *merged)]
    PAGE.write_text("\n".join([f"{before}{BEGIN}", *shown, f"{END}{after}"]), encoding="utf-8")


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--exact", type=int, default=3, help="repeats of nuts beside the reference")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--references", type=Path, help="folder for fits of the exact engine")
    parser.add_argument("--write", action="store_true")
    chosen: Any = parser.parse_args()
    lines: list[list[str]] = []
    print(" | ".join(HEADS))
    for name in chosen.sets.split(","):
        compare(name, chosen.repeats, chosen.exact, lines, chosen.references)
        if chosen.write:
            write(lines)


if __name__ == "__main__":
    main()
