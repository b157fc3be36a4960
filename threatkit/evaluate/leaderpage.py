"""A leaderboard as Markdown, or as one HTML file that needs nothing else."""

from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd

from threatkit.evaluate.leaderboard import Section, Table
from threatkit.report.page import content_hash

_STYLE = (
    ":root{color-scheme:light dark;--ink:#1f1d1a;--ground:#fdfcfa;--line:#cfc9bf;--soft:#f1eee8}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e9e6e1;--ground:#191816;--line:#4a463f;"
    "--soft:#25231f}}"
    "body{color:var(--ink);background:var(--ground);font:16px/1.5 system-ui,'Segoe UI',Roboto,"
    "'Noto Sans','DejaVu Sans',sans-serif;max-width:76rem;margin:0 auto;padding:1rem}"
    "h1,h2{line-height:1.2}h2{margin-top:2.5rem}p,li{max-width:48rem}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-size:.87rem;margin:.5rem 0 1.5rem;"
    "font-variant-numeric:tabular-nums}caption{text-align:left;padding:.3rem 0;max-width:48rem;"
    "font-size:.93rem}th,td{border-bottom:1px solid var(--line);padding:.25rem .6rem;"
    "text-align:left;vertical-align:top}thead th{background:var(--soft)}"
    "figure{margin:1rem 0}figcaption{max-width:48rem;font-size:.93rem}"
    "@media print{body{max-width:none}.wide{overflow:visible}}"
    "svg.plot{color:inherit;max-width:100%;height:auto}svg.plot .ground{fill:none}"
)


def markdown_page(sections: Sequence[Section], *, pictures: str = "") -> str:
    """Return the page as Markdown.

    Parameters
    ----------
    sections
        Of `leaderboard.leaderboard`; the first gives the title.
    pictures
        What stands before the name of each picture's file, as ``images/skill-``.
    """
    blocks = []
    for place, section in enumerate(sections):
        blocks.append(f"{'##' if place else '#'} {section.title}")
        blocks += section.texts
        for table in section.tables:
            blocks += [f"*{table.caption}*", markdown_table(table.frame)]
        for one in section.pictures:
            blocks += [f"![{one.title}]({pictures}{one.key}.svg)", f"*{one.title} {one.caption}*"]
    return "\n\n".join(blocks) + "\n"


def markdown_table(frame: pd.DataFrame) -> str:
    """Return a frame of texts as a table of Markdown, its index first."""
    lines = [[str(frame.index.name or ""), *map(str, frame.columns)]]
    lines.append(["---"] * len(lines[0]))
    rows = np.asarray(frame, dtype=object)
    lines += [[str(key), *map(str, row)] for key, row in zip(frame.index, rows, strict=True)]
    return "\n".join("| " + " | ".join(_cell(t) for t in line) + " |" for line in lines)


def html_page(sections: Sequence[Section]) -> str:
    """Return the page as one HTML text: no script, no file beside it, nothing fetched."""
    policy = (
        f"default-src 'none'; style-src {content_hash(_STYLE)}; base-uri 'none'; form-action 'none'"
    )
    body = "\n".join(_section(section, place) for place, section in enumerate(sections))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(sections[0].title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _section(section: Section, place: int) -> str:
    level = 2 if place else 1
    parts = [f"<h{level}>{escape(section.title)}</h{level}>"]
    for text in section.texts:
        if text.startswith("- "):
            items = "".join(f"<li>{escape(line[2:])}</li>" for line in text.split("\n"))
            parts.append(f"<ul>{items}</ul>")
        else:
            parts.append(f"<p>{escape(text)}</p>")
    parts += [_table(table) for table in section.tables]
    parts += [
        f"<figure>\n{one.svg}<figcaption><strong>{escape(one.title)}</strong> "
        f"{escape(one.caption)}</figcaption>\n</figure>"
        for one in section.pictures
    ]
    return "<section>\n" + "\n".join(parts) + "\n</section>"


def _table(table: Table) -> str:
    frame = table.frame
    heads = [str(frame.index.name or ""), *map(str, frame.columns)]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    rows = "\n".join(
        f'<tr><th scope="row">{escape(str(key))}</th>'
        + "".join(f"<td>{escape(str(value))}</td>" for value in row)
        + "</tr>"
        for key, row in zip(frame.index, np.asarray(frame, dtype=object), strict=True)
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(table.caption)}">'
        f"<table><caption>{escape(table.caption)}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>"
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
