"""The report as one HTML text: template, styles and script, and a policy that forbids more."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from markupsafe import Markup

from threatkit import __version__
from threatkit.brief import findings, tables, text
from threatkit.brief.districts import district_rows, shared_background
from threatkit.brief.marking import Marking, marking
from threatkit.brief.material import Material
from threatkit.brief.names import clean
from threatkit.brief.payload import build_payload
from threatkit.export.marking import COLOURS, DEFAULT
from threatkit.report.catalogue import review_mark, translator
from threatkit.report.page import SHARED, content_policy, embed_json, environment, part
from threatkit.report.plots import Figure
from threatkit.report.shapes import build_plane
from threatkit.report.words import Phrases

Audience = Literal["policy", "analyst"]

#: Scripts and styles of the report, in the order in which they are joined.
SCRIPTS = (
    *("data", "geometry", "views", "frame", "legend", "charts", "panel", "tables"),
    *("save", "page"),
)
STYLES = ("colours", "page", "front", "panel", "print")
#: Parts of the record that an analyst reads: key, and the name of its first column.
_RECORDS = (
    ("diagnostics.quantities", "quantity"),
    ("hyperparameters", "parameter"),
    ("model.priors", "prior"),
    ("predictive_check", "statistic"),
    ("pillar_drift.drift", "pillar"),
    ("prior_sensitivity.quantities", "quantity"),
    ("expectations.quantities", "quantity"),
)


@dataclass(frozen=True)
class Options:
    """How a report is to be made.

    Attributes
    ----------
    lang
        Language, as BCP 47 writes it.
    audience
        ``policy``: words and ranges; ``analyst``: all figures besides.
    tlp
        Level of the Traffic Light Protocol, without ``TLP:``.
    yardstick
        ``icd203`` or ``phia``.
    """

    lang: str = "en"
    audience: Audience = "policy"
    tlp: str = DEFAULT
    yardstick: str = "icd203"


def render_report(
    material: Material, options: Options | None = None, figures: Sequence[Figure] = ()
) -> str:
    """Return the report as one HTML text that needs and fetches nothing else.

    Parameters
    ----------
    material
        What it is made of.
    options
        Language, audience, marking and yardstick.
    figures
        Its plots, see `threatkit.brief.figures.draw_figures`.
    """
    chosen = options or Options()
    phrases = Phrases(translator(chosen.lang), chosen.yardstick)
    plane = build_plane(material.summary)
    shared = shared_background(material, plane, phrases, chosen.lang)
    rows = district_rows(shared)
    full = chosen.audience == "analyst"
    payload = build_payload(shared, plane, rows, figures, full=full)
    context = {
        "t": phrases.say.t,
        "lang": chosen.lang,
        "full": full,
        "facts": material.summary.facts,
        "title": findings.title(material, shared.names, phrases),
        "kicker": findings.kicker(material, phrases),
        "region": findings.region_name(material, phrases),
        "region_short": findings.region_name(material, phrases, short=True),
        "before": findings.compared_date(material, phrases),
        "notes": findings.notes(material, phrases),
        "changed": findings.what_changed(material, plane, shared.names, phrases),
        "good": findings.how_good(material, phrases),
        "not_for": findings.not_for(phrases),
        "rules": payload["rules"],
        "views": payload["views"],
        "parts": payload["parts"],
        "steps": len(payload["draws"]["edges"]),
        "first_step": payload["draws"]["levels"][2],
        "draws": payload["draws"]["count"],
        "areas": tables.area_table(shared),
        "districts": tables.district_table(shared, rows, full=full),
        "levels": tables.level_table(phrases),
        "words": tables.word_table(phrases),
        "forecast": text.forecast_text(material, phrases),
        "method": text.method_text(material, phrases),
        "word_rules": text.word_text(phrases),
        "card": text.model_card(material, phrases),
        "fingerprint": text.fingerprint(material, phrases),
        "records": _records(material.record) if full else [],
        "material": material,
        "figures": figures,
        "judgements": material.summary.facts.judgements,
        "marking": marking(chosen.tlp, phrases.say.t),
        "reviewed": review_mark(phrases.say),
        "version": __version__,
        "safe": clean,
        "figure_uri": figure_uri,
    }
    return _assembled(context, payload)


def figure_uri(svg: str) -> str:
    """Return a picture as an address that holds it; as an image it can run nothing."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode('ascii')}"


def _records(record: Mapping[str, Any]) -> list[tuple[str, tables.Table]]:
    """Return the parts of the record that an analyst reads, by their path in ``run.json``."""
    found = []
    for path, name in _RECORDS:
        value: Any = record
        for key in path.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        table = tables.record_table(value, name)
        if table is not None:
            found.append((path, table))
    return found


def own_style(mark: Marking) -> str:
    """Return the styles, joined, with the colours of the marking and its place in print."""
    marks = "\n".join(
        f".tlp-{level.lower().replace('+', '-')} {{ color: {colour}; }}"
        for level, colour in COLOURS.items()
    )
    box = (
        f'content: "{mark.label}"; color: {COLOURS[mark.level]}; background: #000; '
        "font: 700 12pt/14pt Arial, sans-serif; padding: 1mm 2mm; width: max-content; height: 7mm; "
        "margin: auto 0 auto auto;"
    )
    print_marks = f"@page {{ @top-right {{ {box} }} @bottom-right {{ {box} }} }}"
    return "\n".join([*(part(f"styles/report/{name}.css") for name in STYLES), marks, print_marks])


def own_script() -> str:
    """Return the scripts, joined."""
    names = (*SHARED, *(f"report/{name}" for name in SCRIPTS))
    return "\n".join(part(f"scripts/{name}.js") for name in names)


def _assembled(context: Mapping[str, Any], payload: Mapping[str, Any]) -> str:
    script, style = own_script(), own_style(context["marking"])
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            **context,
            policy=content_policy([script], [style]),
            script=Markup(script),  # noqa: S704  our own files
            style=Markup(style),  # noqa: S704
            payload=embed_json(payload),
        )
    )
