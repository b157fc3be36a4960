"""The exact engine against the textbook's BYM2, and the default fit on several seeds.

    python benchmarks/nuts.py [--repeats 3] [--ways ours,pm.sample,pymc] [--seeds 1:5]
        [--results out/benchmarks/nuts] [--output docs/engines.md]

``--repeats`` samples the shipped default assessment on seeds 1, 2, ... in three ways, side by
side: ``ours`` as it ships; ``pm.sample`` as it comes, which picks nutpie; and ``pymc``,
``pm.sample(nuts_sampler="pymc")``. The last two sample the textbook's BYM2: an ICAR field with a
soft sum to zero and a normal part, both non-centred. All else is `threatkit.model.build` in each:
priors, collapsed likelihood, country, year, pillars, history. ``--draws`` and ``--tune`` shorten
``pymc`` alone. ``--seeds`` fits the default assessment by `threatkit.model.fit.fit` on each seed,
once with an empty cache of compiled code and then with a full one.

Each measurement is a process of its own and is kept in ``--results``; one that is there, of the
same model and settings, is not repeated. ``--output`` writes the tables between the markers of a
document.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from engines import shipped

ROOT = Path(__file__).resolve().parent.parent
WAYS = ("ours", "pm.sample", "pymc")
#: What the numbers to reach ask for: ours over each of the others.
ASKED = {"pm.sample": 3, "pymc": 10}
MARKERS = "<!-- nuts {}: {} -->"
Result = dict[str, Any]


def textbook(spec: Any) -> Callable[[Any], Any]:
    """Return the structured part of the textbook: ICAR, softly summing to zero, scaled."""
    import pymc as pm

    def structured(basis: Any) -> Any:
        pairs = spec.panel.graph.pairs()
        adjacency = np.zeros((len(basis.scale), len(basis.scale)), dtype=int)
        adjacency[pairs[:, 0], pairs[:, 1]] = adjacency[pairs[:, 1], pairs[:, 0]] = 1
        return pm.ICAR("phi", W=adjacency, dims="district") / np.sqrt(basis.scale)

    return structured


def sample(way: str, seed: int, draws: int, tune: int) -> Result:
    """Sample the default assessment one way and measure the draws."""
    from threatkit.model.build import build
    from threatkit.model.fit import hyperparameters

    spec = shipped()
    ours = build(spec)
    names = hyperparameters(ours)
    if way == "ours":
        return measured(*_ours(spec, ours, seed), names)
    model = build(spec, structured=textbook(spec))
    return measured(*_theirs(way, model, names, seed, draws, tune), names)


def _ours(spec: Any, model: Any, seed: int) -> tuple[Any, float, float]:
    """Sample as `threatkit.model.chains` does, and keep the warm-up's statistics."""
    import nutpie
    from threadpoolctl import threadpool_limits

    from threatkit.model.chains import Sampling
    from threatkit.model.compiled import compile_model
    from threatkit.model.fit import stored

    how = Sampling()
    with threadpool_limits(limits=1):
        begun = time.perf_counter()
        compiled = compile_model(
            model, stored(model), [replace(spec, horizon_months=12, judgements=())]
        )
        ready = time.perf_counter()
        tree = nutpie.sample(
            compiled,
            draws=how.draws,
            tune=how.tune,
            chains=how.chains,
            cores=how.chains,
            seed=seed,
            target_accept=how.target_accept,
            save_warmup=True,
            progress_bar=False,
        )
    return tree, ready - begun, time.perf_counter() - ready


def _theirs(
    way: str, model: Any, names: Sequence[str], seed: int, draws: int, tune: int
) -> tuple[Any, float, float]:
    """Sample by ``pm.sample`` with its own defaults, but for what is stored, shown, and the cores.

    PyMC counts the cores that the processor has and not the threads that they run; it would leave
    one of a machine's two to the others.
    """
    import pymc as pm

    chosen = {"nuts_sampler": "pymc", "draws": draws, "tune": tune} if way == "pymc" else {}
    begun = time.perf_counter()
    tree = pm.sample(
        model=model,
        chains=4,
        cores=min(4, os.cpu_count() or 1),
        random_seed=seed,
        var_names=[*names, "eta"],
        discard_tuned_samples=False,
        compute_convergence_checks=False,
        progressbar=False,
        **chosen,
    )
    sampling = float(tree["posterior"].attrs["sampling_time"])
    return tree, time.perf_counter() - begun - sampling, sampling


def measured(tree: Any, compiling: float, sampling: float, names: Sequence[str]) -> Result:
    """Return what is kept of a sampled posterior."""
    from arviz_stats import ess, mcse, rhat

    draws, kept, warm = (
        tree[group].to_dataset() for group in ("posterior", "sample_stats", "warmup_sample_stats")
    )
    sizes = {name: float(np.nanmin(ess(draws[name], method="bulk"))) for name in [*names, "eta"]}
    steps, before = (float(stats["n_steps"].sum()) for stats in (kept, warm))
    worst = min(names, key=lambda name: sizes[name])
    eta = draws["eta"]
    return {
        "compile": compiling,
        "sampling": sampling,
        "tune": warm.sizes["draw"],
        "draws": draws.sizes["draw"],
        "gradients": steps / kept["n_steps"].size,
        "share": steps / (steps + before),
        "cost": 2e3 * sampling / (steps + before),
        "hyper": sizes[worst],
        "worst": worst,
        "eta": sizes["eta"],
        "rhat": max(float(np.nanmax(rhat(draws[name]))) for name in [*names, "eta"]),
        "divergent": int(kept["diverging"].sum()),
        "mean": eta.mean(("chain", "draw")).to_numpy().tolist(),
        "sd": eta.std(("chain", "draw")).to_numpy().tolist(),
        "error": np.asarray(mcse(eta, method="mean")).tolist(),
    }


def default_fit(seed: int) -> Result:
    """Fit the default assessment as a run does."""
    from threatkit.model.fit import fit

    spec = shipped()
    begun = time.perf_counter()
    made = fit(spec, seed=seed)
    wall = time.perf_counter() - begun
    table = made.diagnostics.table
    return {
        **made.seconds,
        "fit": wall,
        "draws": made.draws.sizes["draw"],
        "bulk": float(table["ess_bulk"].astype(float).min()),
        "tail": float(table["ess_tail"].astype(float).min()),
        "rhat": float(table["rhat"].astype(float).max()),
        "divergent": int(made.divergent.sum()),
        "failures": list(made.diagnostics.failures),
    }


def settings(way: str, draws: int, tune: int) -> str:
    """Return a digest of what a result depends on beside its seed."""
    sources = sorted((ROOT / "threatkit" / "model").glob("*.py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources))
    versions = [version(name) for name in ("pymc", "pytensor", "nutpie", "numba", "numpy")]
    digest.update(repr([versions, (draws, tune) if way == "pymc" else ()]).encode())
    return digest.hexdigest()[:16]


def held(folder: Path, way: str, seed: int, draws: int, tune: int) -> Result:
    """Return a result, measured in a process of its own unless it is kept already."""
    path, key = folder / f"{way}-{seed}.json", settings(way, draws, tune)
    if path.exists() and (found := json.loads(path.read_text()))["key"] == key:
        return dict(found)
    cache = folder / "compiled"
    if way == "cold":
        shutil.rmtree(cache, ignore_errors=True)
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, __file__, "--one", way, *map(str, (seed, draws, tune))],
        env={**os.environ, "THREATKIT_CACHE": str(cache.resolve())},
        stdout=subprocess.PIPE,
        check=True,
    )
    whole = time.perf_counter() - begun
    made = {"key": key, "way": way, "seed": seed, "whole": whole, **json.loads(done.stdout)}
    path.with_suffix(".part").write_text(json.dumps(made))
    path.with_suffix(".part").replace(path)
    print({k: v for k, v in made.items() if not isinstance(v, list)}, flush=True)
    return made


def rates(result: Result) -> tuple[float, float]:
    """Return the least ESS a second of sampling, and a second after the warm-up."""
    least = min(result["hyper"], result["eta"])
    return least / result["sampling"], least / (result["sampling"] * result["share"])


def gap(ours: Result, other: Result) -> tuple[float, float, float]:
    """Return how far two means of eta lie apart: mean in sd, mean square and worst in errors."""
    apart = np.asarray(ours["mean"]) - np.asarray(other["mean"])
    z = apart / np.hypot(ours["error"], other["error"])
    relative = float(np.mean(np.abs(apart) / np.asarray(other["sd"])))
    return relative, float(np.sqrt(np.mean(z**2))), float(np.abs(z).max())


def compared(repeats: Iterable[dict[str, Result]]) -> list[str]:
    """Return the table of the ways, and that of the ratios."""
    lines = [
        "| sampled | seed | tune + draws | compile s | sampling s | gradients a draw | ms a "
        "gradient | least ESS: hyperparameters (of) / eta | R-hat | divergent | ESS a second: "
        "with warm-up / after it | mean of eta from ours: sd / errors (root mean square, worst) |",
        "|" + "---|" * 12,
    ]
    ratios: dict[str, list[tuple[float, float]]] = {}
    for repeat in repeats:
        for way, r in repeat.items():
            whole, after = rates(r)
            apart = ""
            if way in ASKED:
                near = gap(repeat["ours"], r)
                apart = f"{near[0]:.3f} / {near[1]:.2f}, {near[2]:.1f}"
                mine = rates(repeat["ours"])
                ratios.setdefault(way, []).append((mine[0] / whole, mine[1] / after))
            lines.append(
                f"| {way} | {r['seed']} | {r['tune']} + {r['draws']} | {r['compile']:.0f} | "
                f"{r['sampling']:.1f} | {r['gradients']:.0f} | {r['cost']:.2f} | "
                f"{r['hyper']:.0f} (`{r['worst']}`) / {r['eta']:.0f} | {r['rhat']:.3f} | "
                f"{r['divergent']} | {whole:.2f} / {after:.2f} | {apart} |"
            )
    lines += ["", "| ratio | asked | with warm-up, each seed | after it, each seed |"]
    lines += ["|" + "---|" * 4]
    for way, pairs in ratios.items():
        each = [", ".join(f"{value:.1f}" for value in side) for side in zip(*pairs, strict=True)]
        lines.append(f"| ours over {way} | {ASKED[way]} | {each[0]} | {each[1]} |")
    return lines


def fitted(results: Iterable[Result]) -> list[str]:
    """Return the table of default fits."""
    lines = [
        "| code | seed | gate | draws a chain | least ESS: bulk / tail | R-hat | divergent | "
        "compile s | sample and check s | fit s | process s |",
        "|" + "---|" * 11,
    ]
    lines += [
        f"| {r['way']} | {r['seed']} | {'; '.join(r['failures']) or 'met'} | {r['draws']} | "
        f"{r['bulk']:.0f} / {r['tail']:.0f} | {r['rhat']:.3f} | {r['divergent']} | "
        f"{r['compile']:.1f} | {r['sample']:.1f} | {r['fit']:.1f} | {r['whole']:.1f} |"
        for r in results
    ]
    return lines


def write(path: Path, name: str, lines: Sequence[str]) -> None:
    """Put lines between the markers of a document."""
    text = path.read_text(encoding="utf-8")
    begin, end = (MARKERS.format(name, side) for side in ("begin", "end"))
    before, rest = text.split(begin)
    after = rest.split(end)[1]
    body = "\n".join(lines)
    path.write_text(f"{before}{begin}\n{body}\n{end}{after}", encoding="utf-8")


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=0)
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--tune", type=int, default=1000)
    parser.add_argument("--seeds")
    parser.add_argument("--results", type=Path, default=ROOT / "out" / "benchmarks" / "nuts")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    chosen: Any = parser.parse_args()
    if chosen.one:
        way, (seed, draws, tune) = chosen.one[0], map(int, chosen.one[1:])
        made = sample(way, seed, draws, tune) if way in WAYS else default_fit(seed)
        print(json.dumps(made))
        return
    chosen.results.mkdir(parents=True, exist_ok=True)
    how = (chosen.draws, chosen.tune)
    tables: dict[str, list[str]] = {}
    if chosen.repeats:
        seeds, ways = range(1, chosen.repeats + 1), chosen.ways.split(",")
        tables["textbook"] = compared(
            [{way: held(chosen.results, way, seed, *how) for way in ways} for seed in seeds]
        )
    if chosen.seeds:
        first, last = (int(part) for part in chosen.seeds.split(":"))
        cold = held(chosen.results, "cold", first, *how)
        warm = [held(chosen.results, "warm", seed, *how) for seed in range(first, last + 1)]
        tables["default"] = fitted([cold, *warm])
    for name, lines in tables.items():
        print(*lines, sep="\n")
        if chosen.output:
            write(chosen.output, name, lines)


if __name__ == "__main__":
    main()
