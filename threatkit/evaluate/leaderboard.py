"""What a backtest says, as sections of texts, tables and pictures: the one content of all pages.

`threatkit.evaluate.difference.verdict` alone decides the words for a difference; a sentence on
hindsight stands with every table and picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from threatkit.evaluate import leaderwords as words
from threatkit.evaluate.backtest import REFERENCE, Backtest
from threatkit.evaluate.difference import BETTER, WORSE
from threatkit.evaluate.forecasters import ABLATIONS, ABOUT_PILLARS, MODEL
from threatkit.evaluate.pictures import Picture, pictures
from threatkit.evaluate.pool import POOL
from threatkit.evaluate.proper import brier_parts
from threatkit.evaluate.reading import (
    APART,
    BESIDE,
    FEW,
    HALVES,
    claims,
    country,
    difference_text,
    halves_of,
    reading,
    shocks_told,
)
from threatkit.evaluate.readout import HEADINGS, SCALE
from threatkit.evaluate.shocks import summary, told
from threatkit.evaluate.stored import Stored

#: Stands with every table and picture.
HINDSIGHT = "Backcasts, from a list of events compiled with hindsight."
#: Scores of the tables of differences.
_SCORES = ("log_score", "brier", "crps", "twcrps", "ignorance")
#: Texts of a table: row -> column -> cell.
Rows = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes
    ----------
    caption
        What it shows, and how.
    frame
        Its cells; the name of the index heads the first column.
    """

    caption: str
    frame: pd.DataFrame


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes
    ----------
    title
        Its heading.
    texts
        Paragraphs; one whose lines begin with ``- `` is a list.
    tables, pictures
        What follows them.
    """

    title: str
    texts: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()


def leaderboard(stored: Stored, again: Sequence[Stored] = ()) -> list[Section]:
    """Return what a backtest says; the first section is the title and the reading.

    Parameters
    ----------
    stored
        The backtest.
    again
        The same with other seeds, or by the other engine at some of its origins.
    """
    made = stored.scores()
    first = made.at(1)
    halves = dict(halves_of(first))
    shocks = told(stored)
    sections = [
        _opening(stored, made, halves, shocks),
        *(_half(name, half) for name, half in halves.items()),
        _ahead(made),
        _active(halves),
        _countries(halves),
        _parts(stored, halves),
        _decomposed(halves),
        _again(stored, again),
        _shocks(shocks),
        Section("Pictures", pictures=tuple(pictures(stored, made, HINDSIGHT))),
        _provenance(stored),
        Section("How to read it", words.SCORES),
    ]
    return [replace(s, tables=tuple(_closed(t) for t in s.tables)) for s in sections
            if s.texts or s.tables or s.pictures]  # fmt: skip


def _closed(table: Table) -> Table:
    return Table(f"{table.caption} {HINDSIGHT}", table.frame)


def _opening(
    stored: Stored, made: Backtest, halves: dict[str, Backtest], shocks: pd.DataFrame
) -> Section:
    record = stored.record
    lines = []
    for name, half in halves.items():
        if MODEL in set(half.cells["forecaster"]) and REFERENCE in set(half.cells["forecaster"]):
            lines.append(reading(f"Origins {name}", half))
            lines += [
                reading(f"Origins {name}, {code} by itself", country(half, code)) for code in APART
            ]
            active = half.where(half.cells["active"].astype(bool))
            lines.append(reading(f"Origins {name}, active cells alone", active))
    texts = [
        f"{record['hindsight']} Only forecasts frozen before their time are free of that.",
        words.OPENING.format(reference=REFERENCE),
        "\n".join(f"- {line}" for line in lines if line),
        claims(made),
    ]
    if len(shocks):
        texts.append(shocks_told(shocks))
    return Section("Skill", tuple(text for text in texts if text))


def _half(name: str, half: Backtest) -> Section:
    # Ablations about pillars have fewer origins: their means do not compare with the others'.
    half = half.where(~half.cells["forecaster"].isin(list(ABLATIONS)))
    table = half.table()
    years, cells = half.cells["year"], int(table["cells"].max())
    note = words.CHOICE if name == HALVES[0] else words.LOCKED
    shown = pd.DataFrame(index=table.index)
    for score in ("log_score", "brier", "crps", "twcrps", "ignorance", "interval_score"):
        shown[HEADINGS[score]] = [_mean(row, score) for _, row in table.iterrows()]
    for column, form in (("average_precision", ".3f"), ("coverage", ".3f"), ("expected", ".1f")):
        shown[column.replace("_", " ")] = [f"{value:{form}}" for value in table[column]]
    caption = (
        f"Scores one year ahead, targets {years.min()} to {years.max()}: {cells:,} district-years, "
        f"{table['observed'].max():.1f} with an episode. In thousandths but the last three "
        "columns, with intervals of 95% over years."
    )
    return Section(
        f"One year ahead, origins {name}",
        (note,),
        (Table(caption, shown), _differences(half, f"Less the score of the {REFERENCE}.")),
    )


def _differences(
    made: Backtest,
    caption: str,
    *,
    reference: str = REFERENCE,
    names: Sequence[str] | None = None,
    scores: Sequence[str] = _SCORES,
) -> Table:
    """Return differences from a reference, with their intervals and what may be said of them."""
    present = [str(name) for name in made.cells["forecaster"].unique()]
    wanted = [n for n in (names or present) if n in present and n != reference]
    table = made.table(reference=reference, names=wanted) if wanted else pd.DataFrame()
    rows = {
        name: {HEADINGS[s]: difference_text(row, s) for s in scores}
        for name, row in table.iterrows()
    }
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("forecaster")
    return Table(f"{caption} {words.DIFFERENCE}", frame)


def _ahead(made: Backtest) -> Section:
    steps = [int(step) for step in sorted(made.cells["horizon"].unique()) if step > 1]
    rows: Rows = {}
    for step in steps:
        for name, half in halves_of(made.at(step)):
            rows |= _rows(f"{step} years, origins {name}", half, (MODEL, POOL))
    return _section(
        "Two and three years ahead",
        rows,
        "The model and its pool with the frequency, years ahead and half.",
    )


def _active(halves: dict[str, Backtest]) -> Section:
    rows: Rows = {}
    names = (MODEL, *BESIDE, "climatology by country", "Poisson regression")
    for name, half in halves.items():
        rows |= _rows(f"origins {name}", half.where(half.cells["active"].astype(bool)), names)
    return _section("Active cells apart", rows, words.ACTIVE)


def _countries(halves: dict[str, Backtest]) -> Section:
    rows: Rows = {}
    codes = sorted({str(code) for half in halves.values() for code in half.cells["country"]})
    for code in sorted(codes, key=lambda one: (one not in APART, one)):
        names = (MODEL, POOL, *BESIDE) if code in APART else (MODEL,)
        for name, half in halves.items():
            rows |= _rows(f"{code}, origins {name}", country(half, code), names)
    return _section("By country", rows, "One year ahead, each country by itself.")


def _rows(label: str, made: Backtest, names: Sequence[str]) -> Rows:
    """Return the rows of some forecasters in one selection of cells, labelled by both."""
    present = set(made.cells["forecaster"])
    wanted = [name for name in names if name in present and name != REFERENCE]
    if REFERENCE not in present or not wanted:
        return {}
    table = made.table(names=wanted)
    return {
        f"{label}: {name}": {
            "seen": f"{row['observed']:.1f} of {row['cells']:,}",
            "expected": f"{row['expected']:.1f}",
            **{HEADINGS[score]: difference_text(row, score) for score in FEW},
        }
        for name, row in table.iterrows()
    }


def _section(title: str, rows: Rows, caption: str) -> Section:
    if not rows:
        return Section(title)
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("cells and forecaster")
    text = f"{caption} Less the score of the {REFERENCE}. {words.DIFFERENCE}"
    return Section(title, (), (Table(text, frame),))


def _parts(stored: Stored, halves: dict[str, Backtest]) -> Section:
    """Return the model without each of its parts, against the model."""
    tables = []
    known = stored.with_pillars()
    for name, half in halves.items():
        frames = []
        for part in ABLATIONS:
            cells = half
            if part in ABOUT_PILLARS:
                cells = half.where(half.cells["origin"].isin(known))
            if {part, MODEL} <= set(cells.cells["forecaster"]):
                table = _differences(cells, "", reference=MODEL, names=[part], scores=FEW)
                frames.append(table.frame.assign(origins=str(cells.of(part)["origin"].nunique())))
        if frames:
            caption = f"Origins {name}, one year ahead. Less the score of the model."
            tables.append(Table(f"{caption} {words.DIFFERENCE}", pd.concat(frames)))
    texts = [str(cell) for table in tables for cell in table.frame.to_numpy().ravel()]
    decided = sum(text.endswith((f" {BETTER}", f" {WORSE}")) for text in texts)
    found = f"{decided} of {len(texts) * len(FEW) // (len(FEW) + 1)} comparisons are decided."
    text = (words.PARTS, found) if tables else ()
    return Section("The model without its parts", text, tuple(tables))


def _decomposed(halves: dict[str, Backtest]) -> Section:
    rows = {}
    for name, half in halves.items():
        for who in (MODEL, REFERENCE):
            own = half.of(who)
            for least, end in (("one", ""), ("two", "_2")):
                if own.empty:
                    continue
                prob, event = own[f"prob{end}"].to_numpy(), own[f"event{end}"].to_numpy()
                parts = {k: f"{SCALE * v:.2f}" for k, v in brier_parts(prob, event).items()}
                score = f"{SCALE * own[f'brier{end}'].mean():.2f}"
                rows[f"origins {name}, {least} or more: {who}"] = {"Brier": score, **parts}
    if not rows:
        return Section("Parts of the Brier score")
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("event and forecaster")
    return Section("Parts of the Brier score", (), (Table(words.BRIER_PARTS, frame),))


def _again(stored: Stored, again: Sequence[Stored]) -> Section:
    """Return the model of other runs, each beside this one's at the same origins."""
    rows: Rows = {}
    for other in again:
        there = other.scores().at(1)
        here = stored.scores().at(1)
        here = here.where(here.cells["origin"].isin(there.cells["origin"].unique()))
        for made, cells in ((stored, here), (other, there)):
            for name, half in halves_of(cells):
                rows |= _rows(f"{_named(made, cells)} (origins {name})", half, (MODEL,))
    return _section("Other seeds, the other engine", rows, words.AGAIN)


def _named(stored: Stored, made: Backtest) -> str:
    config = stored.record["config"]
    origins = sorted(int(year) for year in made.cells["origin"].unique())
    return f"{config['engine']}, seed {config['seed']}, {len(origins)} origins from {origins[0]}"


def _shocks(table: pd.DataFrame) -> Section:
    if table.empty:
        return Section("Known shocks")
    short = summary(table)
    present = [name for name in (MODEL, *BESIDE) if name in set(short["forecaster"])]
    rows = {}
    for (title, year), group in short.groupby(["shock", "year"], sort=False):
        one = group.set_index("forecaster")
        texts = {name: words.placed(one.loc[name]) for name in present if name in one.index}
        rows[f"{title} {year}"] = {"districts hit": str(one["hit"].iloc[0]), **texts}
    cases = pd.DataFrame.from_dict(rows, orient="index").rename_axis("case").fillna("")
    own = table[table["forecaster"] == (MODEL if MODEL in present else present[0])]
    each = pd.DataFrame(
        {
            "case": [f"{r.shock} {r.year}" for r in own.itertuples()],
            "chance, in 100": [words.chance(r) for _, r in own.iterrows()],
            "rank": [f"{r['rank']:g} of {r['districts']}" for _, r in own.iterrows()],
            "word": ["seen" if seen else "missed" for seen in own["seen"]],
        },
        index=pd.Index(own["district"], name="district hit"),
    )
    who = str(own["forecaster"].iloc[0])
    return Section(
        "Known shocks",
        (words.SHOCKS,),
        (Table(words.CASES, cases), Table(f"Each district that was hit, by the {who}.", each)),
    )


def _provenance(stored: Stored) -> Section:
    record = stored.record
    values = stored.pillars()
    shown = values.astype(str).rename_axis("origin")
    missing = stored.missing()
    gates = ", ".join(f"{name} at {origin}" for name, origin in stored.gates_not_met())
    absent = [f"{row.year} from {row.origin}" for row in missing.itertuples()]
    config = record["config"]
    texts = (
        f"Made {str(record['ended'])[:10]} by threatkit {record['threatkit']} (code "
        f"{str(record.get('code', 'unknown'))[:12]}), engine {config['engine']}, origins "
        f"{record['origins'][0]} to {record['origins'][-1]}, years from {config['start_year']}, "
        f"indicators without a date of publication known after {record['lag_months']} months.",
        f"Diagnostics gate not met: {gates or 'nowhere'}. Covered by no source, and so missing: "
        f"{', '.join(absent) or 'none'}.",
        words.PILLARS,
    )
    files = pd.DataFrame(
        {"SHA-256, first 12": [str(value)[:12] for value in record["inputs"].values()]},
        index=pd.Index(record["inputs"], name="file"),
    )
    data = files[[_is_data(str(name)) for name in files.index]]
    tables = (Table("Indicator values that had been published, by pillar.", shown),
              Table("Editions of the data.", data))  # fmt: skip
    return Section("Data and date", texts, tables)


def _is_data(name: str) -> bool:
    return name.endswith(".csv") and not name.endswith(("sources.csv", "dropped.csv"))


def _mean(row: "pd.Series[float]", score: str) -> str:
    value, lo, hi = (SCALE * float(row[f"{score}{end}"]) for end in ("", "_lo", "_hi"))
    return f"{value:.2f}" + (f" [{lo:.2f}, {hi:.2f}]" if lo == lo else "")
