"""Finished runs of a few districts, made from numbers and not by a fit."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr
from shapely.geometry import Polygon, box

from threatkit import __version__
from threatkit.archive import write_draws
from threatkit.config import load_config
from threatkit.model.forecast import Forecast, event_probability
from threatkit.pipeline import scores_geojson
from threatkit.schemas import schema
from threatkit.scores import score
from threatkit.store import RunFolder

CHAINS, DRAWS = 2, 150
#: Names that try what formats might run, break on or forbid.
NAMES = (
    *(
        "Batken",
        "<script>alert('x')</script> & \"co\"",
        "=HYPERLINK(1)",
        "bell\x07 and \u202eright",
    ),
    *("Ош, шаар", "x" * 300),
)
CODES = (
    *("KG-B-batken", "KG-B-kadamjay", "KG-B-leylek"),
    *("TJ-SU-isfara", "TJ-SU-asht", "TJ-SU-ayni"),
)
#: The district without people, hence not assessed, and the one without outline.
UNKNOWN, UNDRAWN = CODES[5], CODES[4]


def tiny_forecast(*, seed: int = 0, lift: float = 0.0) -> Forecast:
    """Return draws in which the border's part of the first district is lifted."""
    rng = np.random.default_rng(seed)
    size, number = CHAINS * DRAWS, len(CODES)
    people = np.array([100_000.0] * 5 + [np.nan])
    border = rng.normal(0, 0.1, (size, number))
    border[:, 0] += lift
    parts = {"border": border, "people": np.zeros((size, number))}
    expected = np.exp(np.linspace(-6, 0, number) + border)
    spread = np.abs(rng.normal(0.5, 0.1, size)) + 0.01
    prob = event_probability(expected, spread, "nb1")
    districts = pd.DataFrame(
        {
            "name": NAMES,
            "country": ["KGZ"] * 3 + ["TJK"] * 3,
            "oblast": ["KG-B"] * 3 + ["TJ-SU"] * 3,
            "oblast_name": ["Batken"] * 3 + ["Sughd"] * 3,
            "fergana": [True] * number,
            "population": people,
        },
        index=pd.Index(CODES, name="district"),
    )
    return Forecast(
        expected=expected,
        unjudged=expected,
        hazard=expected,
        event_prob=prob,
        unjudged_prob=prob,
        parts=parts,
        dispersion=spread,
        likelihood="nb1",
        districts=districts,
        start=date(2026, 5, 1),
        end=date(2027, 4, 30),
    )


def tiny_outlines() -> gpd.GeoDataFrame:
    """Return squares, one of them with a hole."""
    shapes: list[Polygon] = [box(70 + i, 40, 71 + i, 41) for i in range(len(CODES))]
    shapes[0] = shapes[0].difference(box(70.4, 40.4, 70.6, 40.6))
    frame = gpd.GeoDataFrame(
        {"outline": "source"},
        geometry=shapes,
        index=pd.Index(CODES, name="district"),
        crs="EPSG:4326",
    )
    return frame.drop(UNDRAWN)


def tiny_record(**changes: Any) -> dict[str, Any]:
    """Return a record as a run writes it, of what exports and comparisons read."""
    config = load_config(None).as_dict()
    record = {
        "run_id": "20260430-0123abcd-1",
        "threatkit": __version__,
        "made": "2026-05-02T10:00:00+00:00",
        "config": config,
        "as_of": "2026-04-30",
        "forecast": {"start": "2026-05-01", "end": "2027-04-30", "months": 12},
        "ci_prob": 0.9,
        "seed": 1,
        "versions": {"threatkit": __version__},
        "inputs": {"districts/datapackage.json": "a" * 64, "mine/datapackage.json": "b" * 64},
        "model": {"pillars": ["border"], "priors": {"intercept": "normal(-4, 2)"}},
        "diagnostics": {"passed": True, "failures": []},
    }
    return {**record, **changes}


def write_run(folder: Path, made: Forecast | None = None, **changes: Any) -> Path:
    """Write a finished run and return its folder."""
    forecast = tiny_forecast() if made is None else made
    record = tiny_record(**changes)
    number = len(CODES)
    learned = {"border": np.ones(number)}
    scores = score(forecast, information=np.zeros(number), learned=learned)
    coords = {"district": list(CODES)}
    eta = (("chain", "draw", "district"), np.zeros((CHAINS, DRAWS, number)))
    fit = SimpleNamespace(
        draws=xr.Dataset({"eta": eta}, coords=coords),
        divergent=np.zeros((CHAINS, DRAWS), dtype=bool),
        forecast=forecast,
        seed=1,
    )
    facts = {"ci_prob": 0.9}
    with RunFolder(folder) as run:
        for name, frame in (("scores", scores.districts), ("areas", scores.areas)):
            run.write_frame(f"{name}.csv", frame, schema=schema(name, frame, facts=facts))
        text = scores_geojson(scores.districts, tiny_outlines(), facts)
        run.write_text("scores.geojson", text)
        run.write_netcdf(
            "posterior.nc",
            lambda path: write_draws(
                path,
                fit,  # type: ignore[arg-type]
                information=np.zeros(number),
                learned=learned,
            ),
        )
        run.write_json("run.json", record)
    return folder


def change_record(folder: Path, **changes: Any) -> Path:
    """Change the record of a finished run."""
    path = folder / "run.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**record, **changes}), encoding="utf-8")
    return folder


def poisson(made: Forecast) -> Forecast:
    """Return the forecast as a Poisson model gives it."""
    return replace(made, likelihood="poisson", dispersion=np.zeros_like(made.dispersion))
