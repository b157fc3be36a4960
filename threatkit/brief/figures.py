"""The plots of a report, drawn from its material in the reader's language."""

from threatkit.brief.material import Material
from threatkit.brief.names import LONGEST, clean, shown_name
from threatkit.report.catalogue import translator
from threatkit.report.evidence import latest_values
from threatkit.report.plots import Drawn, Figure, figures


def draw_figures(material: Material, lang: str) -> list[Figure]:
    """Return the plots that the material can show, in the order of the report."""
    summary = material.summary
    places = summary.districts.to_dict("index")
    oblasts = dict(zip(summary.districts["oblast"], summary.districts["oblast_name"], strict=True))
    values = latest_values(summary.indicators)
    return figures(
        Drawn(
            scores=summary.scores,
            names={str(code): shown_name(str(code), place, lang) for code, place in places.items()},
            oblasts={str(code): clean(name, LONGEST) for code, name in oblasts.items()},
            ci_prob=summary.facts.ci_prob,
            check=material.record.get("predictive_check", {}),
            values=values.assign(title=[clean(title, LONGEST) for title in values["title"]]),
            series=material.series,
            cells=material.skill.cells if material.skill is not None else None,
        ),
        translator(lang),
    )
