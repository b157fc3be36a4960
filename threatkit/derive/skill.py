"""Writes ``docs/skill.md`` and its pictures from a finished backtest of the default assessment.

``python -m threatkit.derive.skill FOLDER [OTHER ...]``: the folder that ``threatkit backtest``
wrote, and the same with other seeds or by the other engine. A test holds the figures of the
forecast to beat against the shipped data.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from threatkit.evaluate.forecasters import ABLATIONS
from threatkit.evaluate.leaderboard import Section, leaderboard
from threatkit.evaluate.leaderpage import markdown_page
from threatkit.evaluate.stored import Stored, read_stored

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "skill.md"
_PICTURES = "images/skill-"


def pages(stored: Stored, again: Sequence[Stored] = ()) -> dict[str, str]:
    """Return the page and its pictures, by their names under ``docs``."""
    sections = leaderboard(stored, again)
    first = sections[0]
    sections[0] = Section(first.title, (_made(stored), *first.texts), first.tables, first.pictures)
    texts = {
        f"{_PICTURES}{one.key}.svg": one.svg for section in sections for one in section.pictures
    }
    return {PAGE.name: markdown_page(sections, pictures=_PICTURES), **texts}


def _made(stored: Stored) -> str:
    record, names = stored.record, set(stored.data["forecaster"].to_numpy().astype(str))
    origins, horizons = record["origins"], record["horizons"]
    lacking = sorted(set(ABLATIONS) - names)
    option = "" if not lacking else " --no-ablations"
    missing = f" Not run: {', '.join(lacking)}." if lacking else ""
    return (
        f"Made by `python -m threatkit.derive.skill` from `threatkit backtest --origins "
        f"{origins[0]}:{origins[-1]} --horizon {horizons[0]}..{horizons[-1]}{option}` of the "
        f"default assessment; a test holds it to the shipped data.{missing} What an origin knows, "
        "and when a difference is called one: [backtest.md](backtest.md). What was tried to do "
        "better: [improvements.md](improvements.md)."
    )


if __name__ == "__main__":
    made, *others = (read_stored(Path(folder)) for folder in sys.argv[1:])
    for name, text in pages(made, others).items():
        (DOCS / name).write_text(text, encoding="utf-8")
