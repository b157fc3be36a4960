"""A small backtest, made by hand: who said what is known, and nothing is fitted."""

import numpy as np
import pandas as pd
from scipy import stats

from threatkit.evaluate.backtest import REFERENCE
from threatkit.evaluate.forecasters import MODEL, Said
from threatkit.evaluate.outcome import Outcomes
from threatkit.evaluate.stored import Stored, pack
from threatkit.rolling import HINDSIGHT

DISTRICTS = {
    "KG-B-batken": "KGZ",
    "KG-B-leilek": "KGZ",
    "KG-N-naryn": "KGZ",
    "KG-T-talas": "KGZ",
    "TJ-SU-isfara": "TJK",
    "TJ-SU-konibodom": "TJK",
    "TJ-KT-bokhtar": "TJK",
    "UZ-QR-nukus-city": "UZB",
}
PAIRS = np.array([[0, 1], [0, 4], [1, 5], [2, 3], [4, 5], [5, 6]])
YEARS = np.arange(2008, 2026)
ORIGINS = tuple(range(2014, 2025))
LARGEST = 4


def counts() -> np.ndarray:
    """Return what happened, (district, year)."""
    rng = np.random.default_rng(4)
    rate = np.array([0.9, 0.3, 0.05, 0.05, 0.7, 0.2, 0.05, 0.02])
    seen = np.minimum(rng.poisson(rate[:, None], (len(rate), len(YEARS))), LARGEST)
    seen[:, YEARS == 2021] = np.array([2, 1, 0, 0, 0, 0, 0, 0])[:, None]
    seen[:, YEARS == 2022] = np.array([0, 0, 0, 0, 1, 0, 0, 1])[:, None]
    return seen


def outcomes() -> Outcomes:
    part = np.ones((len(DISTRICTS), len(YEARS)))
    part[:, -1] = 0.0
    pmf = np.eye(LARGEST + 1)[counts()]
    pmf[:, -1] = np.nan
    codes = pd.Index(list(DISTRICTS), name="district")
    oblast = ["-".join(code.split("-")[:2]) for code in DISTRICTS]
    frame = pd.DataFrame({"country": list(DISTRICTS.values()), "oblast": oblast}, index=codes)
    return Outcomes(frame, PAIRS, YEARS, pmf, part)


def said(mean: np.ndarray, *, draws: bool = False) -> Said:
    """Return the same Poisson forecast of three years ahead."""
    pmf = stats.poisson.pmf(np.arange(LARGEST + 1), mean[:, None])
    pmf[:, -1] = 1.0 - pmf[:, :-1].sum(axis=1)
    if not draws:
        return Said(np.stack([pmf] * 3), np.empty((3, 0, len(mean))), np.empty(0))
    spread = np.exp(np.random.default_rng(1).normal(0.0, 0.3, (3, 50, len(mean))))
    return Said(np.stack([pmf] * 3), spread * mean, np.full(50, 0.5), "nb1", True)


def stored(*, seed: int = 1, origins: tuple[int, ...] = ORIGINS) -> Stored:
    """Return forecasts: the past mean, a flat rate, the past mean shrunk, and half of that."""
    happened, seen = outcomes(), counts()
    spoken = {}
    for origin in origins:
        past = seen[:, origin >= YEARS].mean(axis=1)
        shrunk = 0.7 * past + 0.3 * past.mean()
        spoken[origin] = {
            "conflictology": said(past),
            "climatology by country": said(np.full(len(past), past.mean())),
            REFERENCE: said(0.8 * past + 0.2 * past.mean()),
            MODEL: said(shrunk, draws=True),
            "model without pillars": said(0.5 * shrunk, draws=True),
        }
    record = {
        "kind": "backtest",
        "threatkit": "0.1.0",
        "began": "2026-11-24T00:00:00+00:00",
        "ended": "2026-11-24T00:10:00+00:00",
        "config": {
            "engine": "laplace",
            "seed": seed,
            "start_year": 2008,
            "event_types": ["armed_clash"],
        },
        "origins": list(origins),
        "horizons": [1, 2, 3],
        "lag_months": 12,
        "hindsight": HINDSIGHT,
        "inputs": {"districts/districts.csv": "a" * 64, "security_events/events.csv": "b" * 64},
        "code": "c" * 16,
    }
    pillars = {o: {"border": 0, "youth": 5 if o > 2017 else 0} for o in origins}
    first = dict.fromkeys(origins, 2008)
    return pack(spoken, happened, first_years=first, pillars=pillars, record=record)
