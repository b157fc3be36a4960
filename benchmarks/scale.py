"""How the fast engine's time and memory grow with the number of districts.

    python benchmarks/scale.py [--districts 500,5000,50000] [--draws 1500] [--side 10] [--seed 1]
                               [--chains N] [--rounds 3] [--largest-map 5000]
                               [--write docs/scale.md]
    python benchmarks/scale.py --gradients [--districts 500,5000,50000]

Regions are grids of squares of 10 km, 97 in 100 cells empty, with one pillar that has a value for
each oblast of ``side`` by ``side`` districts. Each size runs in a process of its own, one after
the other, so that memory is that size's. Timed are: load (outlines read from a GeoPackage, checked,
and their neighbours found), fit (`laplace`), scores, and map (the page of the map, written).
Events and episodes are simulated (not timed). ``--chains`` of each of two blocks: fewer make a
large region fit sooner, on draws that are less sure. ``--write`` puts the table between the
markers of a page; ``--gradients`` only times one gradient on one core.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from threadpoolctl import threadpool_limits

STAGES = ("load", "fit", "scores", "map")
#: Side of a district in metres.
SIDE_M = 10_000.0
MARKS = ("<!-- scale table: begin -->", "<!-- scale table: end -->")


def squares(table: pd.DataFrame, columns: int) -> gpd.GeoDataFrame:
    """Return the districts of a grid as squares of the equal-area plane."""
    from threatkit.geo.boundaries import EQUAL_AREA

    y, x = np.divmod(np.arange(len(table)), columns)
    x, y = (x - x.mean()) * SIDE_M, (y - y.mean()) * SIDE_M
    shapes = shapely.box(x, y, x + SIDE_M, y + SIDE_M)
    held = {"district": table.index, "country": table["country"].to_numpy()}
    return gpd.GeoDataFrame(held, geometry=shapes, crs=EQUAL_AREA)


def page(outlines: gpd.GeoDataFrame, panel: Any, scores: Any, prob: Any) -> str:
    """Return the page of the map."""
    from threatkit.report.map import render_map
    from threatkit.report.summary import RunFacts, Summary, exceedance_counts, level_counts

    districts = panel.districts.assign(oblast_name=panel.districts["oblast"])
    columns = ("area_level", "area_code", "indicator", "title", "pillar", "period", "value", "unit")
    values = pd.DataFrame(
        columns=[*columns, "reliability", "credibility", "source_title", "source_path"]
    )
    names = ("event_id", "district", "date", "type", "summary", "source")
    events = pd.DataFrame(columns=[*names, "latitude", "longitude", "place"])
    crossings = pd.DataFrame(columns=["name", "afghan_side", "latitude", "longitude"])
    facts = RunFacts(
        as_of=panel.as_of,
        start=date(panel.as_of.year + 1, 1, 1),
        end=date(panel.as_of.year + 1, 12, 31),
        ci_prob=0.9,
        horizon_months=12,
        gate_passed=True,
        gate_messages=(),
        data_start=date(int(panel.periods[0]), 1, 1),
        data_end=panel.as_of,
        coverage_notes=(),
        outcome_definition="simulated",
        event_types=("simulated",),
    )
    people = panel.districts["population"].to_numpy(dtype=float)
    afghan = gpd.GeoDataFrame({"name": [], "province": []}, geometry=[], crs="EPSG:4326")
    return render_map(
        Summary(
            scores=scores.districts,
            areas=scores.areas,
            districts=districts,
            geometry=outlines,
            afghan=afghan,
            indicators=values,
            events=events,
            crossings=crossings,
            facts=facts,
            level_counts=level_counts(prob, people),
            exceedance_counts=exceedance_counts(prob),
        )
    )


def simulated(districts: int, chosen: argparse.Namespace) -> tuple[Any, int]:
    """Return a simulated grid of about so many districts, and its number of columns."""
    from threatkit.model.simulate import Truth, simulate_panel

    rows = max(round(np.sqrt(districts / 2)), 2)
    columns = max(round(districts / rows), 2)
    truth = Truth(intercept=-4.5)
    made = simulate_panel(
        rows=rows, columns=columns, seed=chosen.seed, truth=truth, side=chosen.side
    )
    return made, columns


def measure(districts: int, chosen: argparse.Namespace) -> dict[str, Any]:
    """Load, fit, score and draw one region."""
    from threatkit.geo.boundaries import load_boundaries
    from threatkit.geo.graph import build_graph
    from threatkit.model.density import Density
    from threatkit.model.forecast import flat
    from threatkit.model.information import information
    from threatkit.model.laplace import laplace_fit, usual_moves
    from threatkit.model.spec import ModelSpec
    from threatkit.scores import score

    result: dict[str, Any] = {}

    def timed[T](stage: str, action: Callable[[], T]) -> T:
        wall, cpu = time.perf_counter(), time.process_time()
        made = action()
        result[stage] = time.perf_counter() - wall
        result[f"{stage} cpu"] = time.process_time() - cpu
        result[f"{stage} memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        told = (f"{result[f'{stage}{part}']:.1f}" for part in ("", " cpu", " memory"))
        print(f"{districts:,} districts, {stage}: s, cpu s, GB", *told, flush=True)
        return made

    made, columns = simulated(districts, chosen)
    size = result["districts"] = len(made.panel.districts)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "districts.gpkg"
        squares(made.panel.districts, columns).to_file(path)
        outlines, graph = timed("load", lambda: _loaded(load_boundaries, build_graph, path))
    if len(graph.edges) != len(made.panel.graph.edges):
        raise SystemExit(f"{len(graph.edges)} borders, not {len(made.panel.graph.edges)}")
    spec = ModelSpec(made.panel, pillars=("youth",))
    usual = usual_moves(Density(spec))
    moves = replace(usual, chains=chosen.chains or usual.chains, max_rounds=chosen.rounds)
    fitted = timed(
        "fit", lambda: laplace_fit(spec, seed=chosen.seed, draws=chosen.draws, moves=moves)
    )
    scored = timed(
        "scores",
        lambda: score(fitted.forecast, information=information(spec, fitted.draws), learned={}),
    )
    inside, step = 0, 2000
    for start in range(0, len(made.eta), step):
        part = slice(start, start + step)
        low, high = np.quantile(flat(fitted.draws, "eta")[:, part], [0.05, 0.95], axis=0)
        inside += int(((low <= made.eta[part]) & (made.eta[part] <= high)).sum())
    result["inside"] = inside / len(made.eta)
    result["stages"], result["failures"] = fitted.seconds, fitted.diagnostics.failures
    if size <= 1.1 * chosen.largest_map:
        drawn = timed("map", lambda: page(outlines, made.panel, scored, fitted.forecast.event_prob))
        result["bytes"] = len(drawn.encode()) / 1e6
    return result


def gradients(districts: int, chosen: argparse.Namespace) -> None:
    """Print what the density of a region and its gradient at one block's chains cost."""
    from threatkit.model.density import Density
    from threatkit.model.spec import ModelSpec

    begun = time.perf_counter()
    made, _ = simulated(districts, chosen)
    spent = [time.perf_counter() - begun]
    spec = ModelSpec(made.panel, pillars=("youth",))
    plain = Density(spec)
    density = Density(spec, centring=plain.centred(np.zeros(plain.size)))
    spent.append(time.perf_counter() - begun - spent[0])
    points = 0.1 * np.random.default_rng(1).standard_normal((density.size, chosen.chains or 24))
    with threadpool_limits(1):
        density(points)
        begun = time.perf_counter()
        for _ in range(5):
            density(points)
    spent.append((time.perf_counter() - begun) / 5)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{len(made.panel.districts):,} districts, {density.size:,} coordinates: "
        f"panel {spent[0]:.1f} s, density {spent[1]:.1f} s, "
        f"gradient {spent[2]:.4f} s, {memory:.2f} GB",
        flush=True,
    )


def _loaded(load: Any, build: Any, path: Path) -> tuple[Any, Any]:
    outlines = load(path)
    return outlines, build(outlines)


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Return the measurements and the exponents as Markdown."""
    lines = [
        "| districts | load s | fit s | fit cpu s | scores s | map s | map MB | "
        "GB after load / fit / scores | truth in 90% | gate |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for made in rows:
        drawn = (f"{made['map']:.1f}", f"{made['bytes']:.1f}") if "map" in made else ("-", "-")
        memory = " / ".join(f"{made[f'{stage} memory']:.2f}" for stage in STAGES[:3])
        gate = "met" if not made["failures"] else "not met: " + "; ".join(made["failures"])
        lines.append(
            f"| {made['districts']:,} | {made['load']:.1f} | {made['fit']:.1f} | "
            f"{made['fit cpu']:.1f} | {made['scores']:.1f} | {drawn[0]} | {drawn[1]} | {memory} | "
            f"{made['inside']:.1%} | {gate} |"
        )
    lines += ["", "Exponents of growth between one size and the next (processor seconds; peak GB):"]
    lines += [
        "",
        "| from | to | load | fit | scores | map | memory |",
        "|---|---|---|---|---|---|---|",
    ]
    for first, second in pairwise(rows):
        ratio = np.log(second["districts"] / first["districts"])
        names = [*(f"{stage} cpu" for stage in STAGES), "scores memory"]
        grown = [
            f"{np.log(second[name] / first[name]) / ratio:.2f}" if name in second else "-"
            for name in names
        ]
        lines.append(f"| {first['districts']:,} | {second['districts']:,} | {' | '.join(grown)} |")
    return lines


def write(path: Path, lines: list[str]) -> None:
    """Put lines between the markers of a page."""
    text = path.read_text(encoding="utf-8")
    before, rest = text.split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    held = "\n".join([MARKS[0], *lines, MARKS[1]])
    path.write_text(before + held + after, encoding="utf-8")


def main() -> None:
    """Run the sizes asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--districts", default="500,5000,50000")
    parser.add_argument("--draws", type=int, default=1500)
    parser.add_argument("--chains", type=int, help="of a block; the engine's if not given")
    parser.add_argument("--rounds", type=int, default=3, help="of draws, until the gate is met")
    parser.add_argument("--gradients", action="store_true", help="time a gradient, fit nothing")
    parser.add_argument("--side", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--largest-map", type=int, default=5000)
    parser.add_argument("--write", type=Path)
    chosen = parser.parse_args()
    if chosen.gradients:
        for size in (int(part) for part in chosen.districts.split(",")):
            gradients(size, chosen)
        return
    rows = []
    context = multiprocessing.get_context("spawn")
    for size in (int(part) for part in chosen.districts.split(",")):
        with context.Pool(1) as pool:
            rows.append(pool.apply(measure, (size, chosen)))
        print(*table(rows[-1:])[:3], rows[-1]["stages"], sep="\n", flush=True)
    lines = table(rows)
    print(*lines, sep="\n")
    if chosen.write:
        write(chosen.write, lines)


if __name__ == "__main__":
    main()
