"""Simulation studies from known parameters; the tables of docs/studies.md.

    python benchmarks/studies.py [--repeats 60] [--workers 1]
                                 [--only uneven,detection,terms,likelihoods]

Each replication is kept under ``out/studies``, so that the same command goes on where it was
stopped. Data are drawn by `threatkit.model.generate`, fits are the fast engine's.
"""

import argparse
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from threatkit.calibrate import shape
from threatkit.config import Config
from threatkit.evaluate.calibration import Design, simulate, stand_ins, table
from threatkit.evaluate.proper import crps_draws
from threatkit.executor import Task, executor, results
from threatkit.finished import code_version, fingerprint, json_folder
from threatkit.model.ensemble import Moves
from threatkit.model.forecast import flat, forecast
from threatkit.model.generate import generate
from threatkit.model.laplace import laplace_fit
from threatkit.model.panel import Measurements, Panel, area_weights
from threatkit.model.simulate import simulate_panel
from threatkit.model.spec import ModelSpec, Priors, make_priors
from threatkit.options import Likelihood
from threatkit.progress import terminal_progress

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "studies.md"
SEED = 20261124
DRAWS = 1000
MOVES = Moves(max_rounds=1, blocks=1)

FloatArray = NDArray[np.float64]
Row = dict[str, float | str]

# -- Missing and uneven data ------------------------------------------------------------------

TREATMENTS = {
    "model": "levels, errors and gaps as they are",
    "errors ignored": "levels and gaps as they are, every error as if graded A1",
    "group's value copied": "each district gets its finest area's value as exact; gaps the mean",
    "means filled in": "districts with a value of their own keep it as exact; the others the mean",
}
#: What is known of each country's districts: level, share of the areas known, error.
KNOWN = (("adm2", 0.6, 0.15), ("adm1", 1.0, 0.35), ("adm1", 0.5, 0.8), ("adm0", 1.0, 0.55))
WEIGHT = 0.6


def uneven_panel() -> Panel:
    """Return a grid of four countries in which an indicator is known in four ways."""
    panel = simulate_panel(rows=8, columns=8, countries=4, years=15, seed=1).panel
    rng = np.random.default_rng(SEED)
    rows: list[dict[str, Any]] = []
    column = {"adm2": None, "adm1": "oblast", "adm0": "country"}
    for country, (level, share, error) in zip(panel.countries, KNOWN, strict=True):
        own = panel.districts[panel.districts["country"] == country]
        name = column[level]
        codes = np.unique(own.index if name is None else own[name])
        kept = rng.choice(codes, size=round(share * len(codes)), replace=False)
        rows += [
            {"area_level": level, "area_code": code, "error_sd": error} for code in sorted(kept)
        ]
    made = pd.DataFrame(rows).assign(pillar="youth", indicator="youth_rate", x=0.0)
    made = made.assign(count=np.nan, people=np.nan, expected=np.nan)
    return replace(panel, measurements=Measurements(made, area_weights(made, panel.districts)))


def uneven_spec() -> ModelSpec:
    """Return the model of the study: one pillar, no moving terms, no year effect."""
    spec = ModelSpec(
        uneven_panel(),
        pillars=("youth",),
        year_effect="none",
        history=False,
        spillover=False,
        detection=False,
    )
    fixed = {"loading": "fixed(1)", "definition_level": "fixed(0)"}
    wide = {"pillar_weight": "half_normal(1)", "intercept": _wide_intercept(spec, 1.0)}
    return replace(spec, priors=make_priors({**stand_ins(spec), **fixed, **wide}))


def _wide_intercept(spec: ModelSpec, shift: float) -> str:
    """Return a wide prior about an intercept that gives more episodes than a calibration's."""
    centre = float(make_priors(stand_ins(spec)).intercept.values[0])
    return f"normal({centre + shift:g}, 1.5)"


def uneven_truth(spec: ModelSpec) -> Priors:
    """Return the known parameters."""
    values = {
        "field_sd": 0.4,
        "field_mixing": 0.5,
        "dispersion": 0.3,
        "pillar_weight": WEIGHT,
        "indicator_sd": 0.2,
        "intercept": float(spec.priors.intercept.values[0]),
    }
    return Priors(**_others(spec.priors, values) | _picked(values))


def _fixed(values: Mapping[str, float]) -> dict[str, str]:
    return {name: f"fixed({value:g})" for name, value in values.items()}


def _others(priors: Priors, values: Mapping[str, float]) -> dict[str, Any]:
    return {name: prior for name, prior in vars(priors).items() if name not in values}


def treated(spec: ModelSpec, treatment: str) -> ModelSpec:
    """Return the specification as somebody would fit it under a treatment."""
    panel = spec.panel
    rows, weights = panel.measurements.table, panel.measurements.weights
    if treatment == "model":
        return spec
    if treatment == "errors ignored":
        exact = rows.assign(error_sd=np.hypot(0.1, 0.1))
        return replace(spec, panel=replace(panel, measurements=Measurements(exact, weights)))
    levels = ("adm2",) if treatment == "means filled in" else ("adm0", "adm1", "adm2")
    filled = np.full(len(panel.districts), np.nan)
    for level in levels:
        for at in np.flatnonzero(rows["area_level"] == level):
            filled[weights[at] > 0] = rows["x"].iloc[at]
    filled = np.where(np.isnan(filled), np.nanmean(filled), filled)
    empty = Measurements(rows.head(0), weights[:0])
    return replace(spec, panel=replace(panel, measurements=empty, fixed={"youth": filled}))


def uneven(number: int) -> dict[str, Any]:
    """Fit one simulated panel under each treatment."""
    base = uneven_spec()
    made = generate(base, seed=[SEED, 1, number], priors=uneven_truth(base))
    spec = replace(made.spec, priors=base.priors)
    eta = made.truth["eta"].to_numpy()[0, 0]
    prob = forecast(spec, made.truth, seed=1).event_prob[0]
    rows: list[Row] = []
    for treatment in TREATMENTS:
        fitted = laplace_fit(treated(spec, treatment), seed=number, draws=DRAWS, moves=MOVES)
        weight = flat(fitted.draws, "pillar_weight")
        rows += [
            _scored(treatment, "weight", weight, np.array([WEIGHT])),
            _scored(treatment, "log rate", flat(fitted.draws, "eta"), eta),
            _scored(treatment, "event probability", fitted.forecast.event_prob, prob),
        ]
    return {"rows": rows}


def _scored(treatment: str, quantity: str, draws: FloatArray, truth: FloatArray) -> Row:
    low, high = np.quantile(draws, [0.05, 0.95], axis=0)
    gap = draws.mean(axis=0) - truth
    return {
        "treatment": treatment,
        "quantity": quantity,
        "bias": float(gap.mean()),
        "rmse": float(np.sqrt((gap**2).mean())),
        "covered": float(((low <= truth) & (truth <= high)).mean()),
        "crps": float(crps_draws(draws, truth).mean()),
    }


def uneven_table(done: list[dict[str, Any]]) -> str:
    """Return the table of the study."""
    frame = pd.DataFrame([row for made in done for row in made["rows"]])
    rows = []
    for quantity, scale in (("weight", 1), ("log rate", 1), ("event probability", 100)):
        base = frame[(frame["quantity"] == quantity) & (frame["treatment"] == "model")]
        for treatment in TREATMENTS:
            own = frame[(frame["quantity"] == quantity) & (frame["treatment"] == treatment)]
            worse = own["crps"].to_numpy() - base["crps"].to_numpy()
            rows.append(
                {
                    "quantity": quantity + (" (points of 100)" if scale == 100 else ""),
                    "treatment": treatment,
                    "bias": _with_error(scale * own["bias"]),
                    "covered by 90%": _with_error(100 * own["covered"], 0),
                    "CRPS": _with_error(scale * own["crps"]),
                    "CRPS less the model's": ""
                    if treatment == "model"
                    else _with_error(scale * worse),
                }
            )
    return _markdown(pd.DataFrame(rows))


# -- Detection --------------------------------------------------------------------------------

DETECTED = -0.7
YEARS = 16
DESIGNS = {
    "staggered": "half of the countries partly covered early, the others late",
    "all at once": "every country partly covered in the first half",
    "one country, some years": "one country partly covered, in the first half only",
    "one country, always": "one country partly covered throughout",
}
PRIOR_SDS = (0.5, 1.5)


def detection_spec(design: str, sd: float) -> ModelSpec:
    """Return the model: one regime of partial coverage, its level prior centred at nought."""
    panel = simulate_panel(rows=8, columns=8, countries=4, years=YEARS, seed=1).panel
    partial = np.zeros((4, YEARS), dtype=bool)
    half = YEARS // 2
    match design:
        case "staggered":
            partial[:2, :half] = partial[2:, half:] = True
        case "all at once":
            partial[:, :half] = True
        case "one country, some years":
            partial[0, :half] = True
        case _:
            partial[0] = True
    panel = replace(panel, regimes=("curated", "curated_partial"), regime=partial.astype(np.intp))
    spec = ModelSpec(panel, pillars=(), history=False, spillover=False, detection=True)
    level = {"detection_curated_partial": f"normal(0, {sd:g})", "country_sd": "fixed(1.5)"}
    wide = {"intercept": _wide_intercept(spec, 0.7)}
    return replace(spec, priors=make_priors({**stand_ins(spec), **level, **wide}))


def detection(design: str, sd: float, number: int) -> dict[str, Any]:
    """Fit one panel in which half of the episodes are seen under partial coverage."""
    spec = detection_spec(design, sd)
    values = {
        "field_sd": 0.6,
        "field_mixing": 0.5,
        "dispersion": 0.3,
        "year_sd": 0.3,
        "detection_curated_partial": DETECTED,
    }
    values["intercept"] = float(spec.priors.intercept.values[0])
    truth = Priors(**_others(spec.priors, values) | _picked(values))
    made = generate(spec, seed=[SEED, 2, number], priors=truth)
    fitted = laplace_fit(
        replace(made.spec, priors=spec.priors), seed=number, draws=DRAWS, moves=MOVES
    )
    level = flat(fitted.draws, "detection_curated_partial")
    low, high = np.quantile(level, [0.05, 0.95])
    return {
        "design": design,
        "sd": sd,
        "mean": float(level.mean()),
        "spread": float(level.std()),
        "covered": float(low <= DETECTED <= high),
        "episodes": int(made.spec.panel.cells["count"].sum()),
    }


def _picked(values: Mapping[str, float]) -> dict[str, Any]:
    made = make_priors(_fixed(values))
    return {name: getattr(made, name) for name in values}


def detection_table(done: list[dict[str, Any]]) -> str:
    """Return the table of the study."""
    frame = pd.DataFrame(done)
    rows = []
    for design, told in DESIGNS.items():
        for sd in PRIOR_SDS:
            own = frame[(frame["design"] == design) & (frame["sd"] == sd)]
            rows.append(
                {
                    "partial coverage": f"{design}: {told}",
                    "prior sd": f"{sd:g}",
                    "posterior mean": _with_error(own["mean"]),
                    "posterior sd": f"{own['spread'].mean():.2f}",
                    "narrowed by": f"{100 * (1 - own['spread'].mean() / sd):.0f}%",
                    "covered by 90%": _with_error(100 * own["covered"], 0),
                }
            )
    return _markdown(pd.DataFrame(rows))


# -- Terms ------------------------------------------------------------------------------------

#: Known parameters: every term nearly absent, and every term at work.
LEVELS: Mapping[str, Mapping[str, float]] = {
    "absent": {
        "history": 0.0,
        "spillover": 0.0,
        "year_sd": 0.05,
        "field_sd": 0.1,
        "pillar_weight": 0.05,
    },
    "at work": {
        "history": 0.2,
        "spillover": 0.15,
        "year_sd": 0.4,
        "field_sd": 0.8,
        "pillar_weight": 0.5,
    },
}
SHARED = {
    "country_sd": 0.7,
    "field_mixing": 0.7,
    "dispersion": 0.4,
    "detection_both": 0.2,
    "detection_curated_partial": -0.7,
}


def terms(design: Design, number: int) -> dict[str, Any]:
    """Fit one panel of the valley's shape with the default priors."""
    return simulate(design, number)


def terms_design(level: str) -> Design:
    """Return the study of one level: the valley's shape, default terms and default priors."""
    spec = shape(Config(), "fergana")
    values = {**SHARED, **LEVELS[level]}
    values["intercept"] = float(spec.priors.intercept.values[0])
    truth = Priors(**_others(Priors(), values) | _picked(values))
    return Design(replace(spec, priors=Priors()), "laplace", DRAWS, SEED + 3, truth)


def terms_table(done: Mapping[str, list[dict[str, Any]]]) -> str:
    """Return bias and coverage of every term at both levels."""
    rows = []
    names = ("history", "spillover", "year_sd", "field_sd", "field_mixing", "dispersion")
    weights = ("pillar_weight[border]", "pillar_weight[youth]", "pillar_weight[extremism]")
    for level, made in done.items():
        frame = table(made)
        for name in (*names, *weights, "eta mean"):
            own = frame[frame["quantity"] == name]
            gap = own["mean"] - own["truth"]
            inside = (own["q05"] <= own["truth"]) & (own["truth"] <= own["q95"])
            rows.append(
                {
                    "terms": level,
                    "parameter": name,
                    "truth": f"{own['truth'].mean():.2f}",
                    "posterior mean": f"{own['mean'].mean():.2f}",
                    "posterior sd": f"{own['sd'].mean():.2f}",
                    "bias": _with_error(gap),
                    "covered by 90%": _with_error(100 * inside.astype(float), 0),
                }
            )
    return _markdown(pd.DataFrame(rows))


# -- Likelihoods ------------------------------------------------------------------------------

#: Laws of the counts, each with the parameter of its spread at a known value.
LAWS: Mapping[str, Mapping[str, float]] = {
    "poisson": {},
    "nb1": {"dispersion": 0.4},
    "nb2": {"size": 0.5},
    "bernoulli": {},
}
CALLED = {"poisson": "Poisson", "nb1": "NB1", "nb2": "NB2", "bernoulli": "Bernoulli"}
#: Parameters that every likelihood has, looked at beside rates and probabilities.
ANY_LAW = ("history", "spillover", "year_sd", "field_sd")


def law_spec(law: str) -> tuple[ModelSpec, Priors]:
    """Return the model under a law, with default priors, and its known parameters."""
    spec = replace(shape(Config(), "fergana"), likelihood=cast(Likelihood, law))
    values = {**SHARED, **LEVELS["at work"], **LAWS[law]}
    values["intercept"] = float(spec.priors.intercept.values[0])
    truth = Priors(**_others(Priors(), values) | _picked(values))
    return replace(spec, priors=Priors()), truth


def likelihoods(law: str, spec: ModelSpec, truth: Priors, number: int) -> dict[str, Any]:
    """Draw one panel under a law, fit it with every likelihood, and hold both to the truth."""
    made = generate(spec, seed=[SEED, 4, number], priors=truth)
    future = forecast(made.spec, made.truth, seed=number)
    rows: list[dict[str, float | str]] = []
    for name in LAWS:
        own = replace(made.spec, priors=spec.priors, likelihood=cast(Likelihood, name))
        fitted = laplace_fit(own, seed=number, draws=DRAWS, moves=MOVES)
        found = {of: flat(fitted.draws, of) for of in (*ANY_LAW, "eta")}
        true = {of: flat(made.truth, of)[0] for of in found}
        looked = {of: (found[of][:, None], np.atleast_1d(true[of])) for of in ANY_LAW}
        looked["log rate"] = found["eta"], true["eta"]
        looked["event probability"] = 100 * fitted.forecast.event_prob, 100 * future.event_prob[0]
        for of, (draws, at) in looked.items():
            low, high = np.quantile(draws, [0.05, 0.95], axis=0)
            rows.append(
                {
                    "fit": name,
                    "quantity": of,
                    "bias": float((draws.mean(axis=0) - at).mean()),
                    "covered": float(((low <= at) & (at <= high)).mean()),
                }
            )
    return {"law": law, "episodes": int(made.spec.panel.cells["count"].sum()), "rows": rows}


def likelihoods_table(done: list[dict[str, Any]]) -> str:
    """Return bias and coverage of each likelihood's fits under each law."""
    frame = pd.DataFrame([{"law": one["law"], **row} for one in done for row in one["rows"]])
    rows = []
    for law in LAWS:
        for name in LAWS:
            own = frame[(frame["law"] == law) & (frame["fit"] == name)]
            cells = {"counts drawn from": CALLED[law], "fitted as": CALLED[name]}
            for of in ("log rate", "event probability", *ANY_LAW):
                row = own[own["quantity"] == of]
                bias = _with_error(row["bias"], 1 if of == "event probability" else 2)
                cells[of] = f"{bias}, {100 * row['covered'].mean():.0f}"
            rows.append(cells)
    return _markdown(pd.DataFrame(rows))


# -- Page -------------------------------------------------------------------------------------


def _with_error(values: pd.Series | FloatArray, digits: int = 3) -> str:
    """Return a mean with its Monte Carlo standard error."""
    array = np.asarray(values, dtype=float)
    error = array.std(ddof=1) / np.sqrt(len(array))
    return f"{array.mean():.{digits}f} ({error:.{digits}f})"


def _markdown(frame: pd.DataFrame) -> str:
    lines = ["| " + " | ".join(frame.columns) + " |", "|" + "---|" * len(frame.columns)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in frame.itertuples(index=False)]
    return "\n".join(lines)


def put(page: Path, name: str, text: str) -> None:
    """Put a table between its markers."""
    begin, end = f"<!-- {name}: begin (python benchmarks/studies.py) -->", f"<!-- {name}: end -->"
    before = page.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    page.write_text(pattern.sub(f"{begin}\n{text}\n{end}", before, count=1), encoding="utf-8")


def run(name: str, todo: list[Task[dict[str, Any]]], workers: int | None) -> list[dict[str, Any]]:
    """Do the replications of a study and return them in order."""
    kept = json_folder(ROOT / "out" / "studies" / name)
    with (
        terminal_progress().step(name) as update,
        executor(workers=workers) as pool,
    ):
        done = dict(results(pool, todo, finished=kept, update=update))
    return [done[task.name] for task in todo]


def main() -> None:
    """Run the studies and renew the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=60)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--only", default="uneven,detection,terms,likelihoods")
    chosen: Any = parser.parse_args()
    key = fingerprint(code_version(), Path(__file__).read_bytes())
    count = range(chosen.repeats)
    told: dict[str, Callable[[], str]] = {
        "uneven": lambda: uneven_table(
            run("uneven", [Task(f"r{n:04d}", uneven, (n,), key=key) for n in count], chosen.workers)
        ),
        "detection": lambda: detection_table(
            run(
                "detection",
                [
                    Task(f"{i}-{sd:g}-{n:04d}", detection, (design, sd, n), key=key)
                    for i, design in enumerate(DESIGNS)
                    for sd in PRIOR_SDS
                    for n in count
                ],
                chosen.workers,
            )
        ),
        "terms": lambda: terms_table(
            {
                level: run(
                    "terms",
                    [
                        Task(f"{level.replace(' ', '-')}-{n:04d}", terms, (design, n), key=key)
                        for n in count
                    ],
                    chosen.workers,
                )
                for level, design in ((level, terms_design(level)) for level in LEVELS)
            }
        ),
        "likelihoods": lambda: likelihoods_table(
            run(
                "likelihoods",
                [
                    Task(f"{law}-{n:04d}", likelihoods, (law, *made, n), key=key)
                    for law, made in ((law, law_spec(law)) for law in LAWS)
                    for n in count
                ],
                chosen.workers,
            )
        ),
    }
    for name in chosen.only.split(","):
        text = told[name]()
        print(text, flush=True)
        put(PAGE, name, text)


if __name__ == "__main__":
    main()
