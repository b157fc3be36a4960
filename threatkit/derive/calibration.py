"""Brings calibrations into ``docs/calibration.md``.

Run it as ``python -m threatkit.derive.calibration DIR...``. Each DIR is a folder that
``threatkit calibrate`` has filled: its figure is drawn beside the page, its numbers go into the
tables between the markers.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from threatkit.evaluate.rankplot import rank_figure

PAGE = Path(__file__).resolve().parents[2] / "docs" / "calibration.md"
FIGURES = PAGE.parent / "calibration"
#: Quantities of the second table.
SHOWN = (
    *("intercept", "dispersion", "history", "spillover", "year_sd", "field_sd", "field_mixing"),
    *("pillar_weight[border]", "pillar_weight[youth]", "pillar_weight[extremism]"),
    *("detection_both", "detection_curated_partial", "eta mean", "expected in all"),
    "log_likelihood",
)


def renew(folders: list[Path]) -> None:
    """Renew tables and figures of the page from the folders, in their order."""
    FIGURES.mkdir(exist_ok=True)
    runs = {folder.name: _read(folder) for folder in folders}
    for folder in folders:
        figure = rank_figure(pd.read_csv(folder / "ranks.csv"))
        (FIGURES / f"{folder.name}.svg").write_text(figure, encoding="utf-8")
    _put("summary", _summary(runs))
    _put("parameters", _parameters(runs))
    _put("figures", _figures(runs))


def _read(folder: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    record = json.loads((folder / "calibration.json").read_text(encoding="utf-8"))
    return record, pd.read_csv(folder / "uniformity.csv", index_col="quantity")


def _summary(runs: dict[str, tuple[dict[str, Any], pd.DataFrame]]) -> str:
    rows = []
    for name, (record, found) in runs.items():
        episodes, least = record["episodes"], found[["p_value", "p_adjusted"]].min()
        rows.append(
            {
                "run": name,
                "engine": record["engine"],
                "districts x years": f"{record['districts']} x {record['periods']}",
                "simulations": str(record["simulations"]),
                "episodes, 5 to 95 in 100": f"{episodes['q05']:.0f} to {episodes['q95']:.0f}",
                "quantities": str(len(found)),
                "not uniform": str(len(record["not_uniform"])),
                "least p, adjusted": f"{least['p_value']:.4f}, {least['p_adjusted']:.2f}",
                "90% intervals that hold the truth": f"{100 * found['coverage_90'].mean():.1f}%",
                "processor s a simulation": f"{record['processor_seconds']['median']:.1f}",
            }
        )
    return _markdown(pd.DataFrame(rows))


def _parameters(runs: dict[str, tuple[dict[str, Any], pd.DataFrame]]) -> str:
    rows = []
    for name, (_, found) in runs.items():
        for quantity in SHOWN:
            if quantity in found.index:
                row = found.loc[quantity]
                rows.append(
                    {
                        "run": name,
                        "quantity": quantity,
                        "p": f"{row['p_value']:.3f}",
                        "mean rank": f"{row['mean_rank']:.3f}",
                        "spread of ranks": f"{row['spread_rank']:.2f}",
                        "bias (error)": f"{row['bias']:.3f} ({row['bias_se']:.3f})",
                        "covered by 90%": f"{100 * row['coverage_90']:.0f}",
                    }
                )
    return _markdown(pd.DataFrame(rows))


def _figures(runs: dict[str, tuple[dict[str, Any], pd.DataFrame]]) -> str:
    return "\n\n".join(
        f"![Empirical distributions of ranks less the uniform one, {name}](calibration/{name}.svg)"
        for name in runs
    )


def _markdown(frame: pd.DataFrame) -> str:
    lines = ["| " + " | ".join(frame.columns) + " |", "|" + "---|" * len(frame.columns)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in frame.itertuples(index=False)]
    return "\n".join(lines)


def _put(name: str, text: str) -> None:
    """Put a text between its markers."""
    begin = f"<!-- {name}: begin (python -m threatkit.derive.calibration) -->"
    end = f"<!-- {name}: end -->"
    page = PAGE.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    made = pattern.sub(lambda _: f"{begin}\n{text}\n{end}", page, count=1)
    PAGE.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    renew([Path(name) for name in sys.argv[1:]])
