"""Writes ``docs/outputs.md`` and the priors in ``docs/configuration.md`` from the code.

Run it as ``python -m threatkit.derive.reference``; a test holds both current.
"""

from pathlib import Path

from threatkit.derive.architecture import renewed
from threatkit.elicitation import prior_reasons
from threatkit.model.spec import Priors
from threatkit.schemas import PARTS, TITLES, score_columns, table_schema

DOCS = Path(__file__).resolve().parents[2] / "docs"
OUTPUTS = DOCS / "outputs.md"
CONFIGURATION = DOCS / "configuration.md"
BEGIN = "<!-- priors: begin (python -m threatkit.derive.reference) -->"
END = "<!-- priors: end -->"

HEAD = """# Outputs

Made from `threatkit/schemas.py` by `python -m threatkit.derive.reference`; a test holds it
current.

A run's folder holds `scores.csv`, `areas.csv` (each with its Frictionless table schema beside
it, `scores.schema.json`, `areas.schema.json`), `scores.geojson` (the same columns with the
outline), `posterior.nc` (the draws), `map.html` and `run.json` (versions, seed, configuration,
hashes of all inputs and outputs, diagnostics), and `inputs.json.gz`: what the model reads of the
inputs (values and definitions of indicators, events, coverage, people, borders; no free texts),
from which `threatkit compare --why` and `threatkit repeat` fit anew. They appear together when the
run is complete.

## A run can be repeated

The same seed, inputs, versions and processor give the same draws, bit for bit, whatever the number
of cores and threads. `threatkit repeat RUN` fits a run again from `run.json` and `inputs.json.gz`
alone and tells for each quantity whether its draws are the same: exit code 0 if all are, 5 if not.
Other versions or another processor may round otherwise in a last place; a chain then takes another
path, and `repeat` tells how far the two sets of draws lie apart: `mean_errors` is near 1 where both
are draws of one posterior. With `--out DIR` the draws of the repeat and what was found are kept.

`run.json` holds for this, beside `config`, `seed`, `as_of` and the hashes of `inputs` and `files`:

| key | what |
|---|---|
| `command` | the command line as it was typed; null where a program called the library |
| `versions` | of every package that draws depend on; JAX and NumPyro where they sampled |
| `python`, `machine` | interpreter, system, processor, cores, threads, linear algebra |
| `devices` | what the sampler ran on |

Chains are cut at fixed lengths and never by the clock, but no further round of draws is begun after
`budget_minutes`: where that ended a run, a slower or faster machine may end with more or fewer
draws. Those that both have are compared, and the run counts as not repeated.

No name of a machine or of its user is recorded. A run of `threatkit fit` is repeated in the same
way.

## The files

CSV files are UTF-8 with LF line ends. Numbers have six significant digits, and one decimal from
100,000 on; an empty cell is a missing value; truth is `true` or `false`. A text that a
spreadsheet would run as a formula (it begins with `=`, `+`, `-`, `@`, a tab or a carriage
return) has one apostrophe in front; `threatkit.csvtext.read_frame` takes it away again.

`_lo` and `_hi` are the ends of an equal-tailed interval; its probability is `ci_prob` in the
schema file and in `run.json`, 90% by default.
"""


def outputs_page() -> str:
    """Return the page of outputs."""
    columns = {
        "scores": score_columns(),
        "areas": [
            *("area", "area_level", "name", "districts", "population"),
            *("risk_index", "risk_level", "level_prob", "event_prob", "expected_episodes"),
        ],
        "graph": ["a", "b", "border_km", "international"],
    }
    triples = {name[:-3] for names in columns.values() for name in names if name.endswith("_lo")}
    triples |= {"risk_index", "event_prob", "expected_episodes"}
    parts = [HEAD]
    for name, title in TITLES.items():
        parts.append(
            f"## {name}\n\n{title}.\n\n| column | type | unit | meaning |\n|---|---|---|---|"
        )
        for field in table_schema(name, columns[name])["fields"]:
            if field["name"].endswith(("_lo", "_hi")):
                continue
            shown = f"`{field['name']}`"
            if field["name"] in triples:
                shown += ", `_lo`, `_hi`"
            cells = (shown, field["type"], field.get("unit", ""), field.get("description", ""))
            parts.append(f"| {' | '.join(cells)} |")
        parts.append("")
    parts.append(f"The parts of a score are {', '.join(f'{k} ({v})' for k, v in PARTS.items())}.")
    parts.append("A part that is not in a run's model has no columns.\n")
    return "\n".join(parts)


def prior_list() -> str:
    """Return the priors with their defaults and the reasons that the source gives."""
    defaults = vars(Priors())
    rows = ["| prior | default | meaning |", "|---|---|---|"]
    last = ""
    for name, reason in prior_reasons().items():
        meaning = "As above." if reason == last else reason
        rows.append(f"| `{name}` | `{defaults[name]}` | {meaning} |")
        last = reason
    return "\n".join(rows)


def configuration_page(text: str) -> str:
    """Return the configuration page with the list of priors made again.

    Raises
    ------
    ValueError
        If the page lacks the two marks between which the list stands.
    """
    return renewed(CONFIGURATION.name, text, (BEGIN, END), prior_list())


if __name__ == "__main__":
    OUTPUTS.write_text(outputs_page(), encoding="utf-8")
    CONFIGURATION.write_text(
        configuration_page(CONFIGURATION.read_text(encoding="utf-8")), encoding="utf-8"
    )
