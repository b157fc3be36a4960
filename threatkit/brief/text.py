"""The running text of the report: what is forecast, how, what it must not be used for."""

from collections.abc import Mapping
from typing import Any

from threatkit.brief.material import Material
from threatkit.report.plots import STATISTICS, missed
from threatkit.report.words import Phrases


def event_types(material: Material, phrases: Phrases) -> str:
    """Return the types of event that count, in the reader's language."""
    t = phrases.say.t
    names = {
        "armed_clash": t("armed clash"),
        "border_clash": t("border clash"),
        "terrorist_attack": t("terrorist attack"),
        "cross_border_fire": t("cross-border fire"),
        "remote_violence": t("remote violence"),
        "violent_unrest": t("violent unrest"),
        "armed_robbery_smuggling_clash": t("armed clash with smugglers"),
        "counterterror_operation": t("counter-terror operation"),
        "prison_riot": t("prison riot"),
    }
    return "; ".join(
        names.get(name, name.replace("_", " ")) for name in material.summary.facts.event_types
    )


def forecast_text(material: Material, phrases: Phrases) -> list[str]:
    """Return what is forecast, and from what."""
    say, facts = phrases.say, material.summary.facts
    t = say.t
    lines = [
        t(
            "An episode of organised violence is the use of firearms, explosives or collective "
            "force by an organised side, state or not, at a known date and district. Reports "
            "from one district within 14 days of each other are one episode."
        ),
    ]
    if material.record.get("config", {}).get("require_death"):
        lines.append(t("Only episodes with a known death count."))
    lines += [
        t("Types of event that count: {types}.", types=event_types(material, phrases)),
        t(
            "The forecast runs from {start} to {end}. Knowledge stops at {as_of}. Events are "
            "taken from {first} on.",
            start=say.date(facts.start),
            end=say.date(facts.end),
            as_of=say.date(facts.as_of),
            first=say.date(facts.data_start),
        ),
        t(
            "The events are a list compiled from open sources in English and Russian. It is thin "
            "before 2009, in Turkmenistan and far from borders. Silence of a source is not peace."
        ),
    ]
    return lines


def method_text(material: Material, phrases: Phrases) -> list[str]:
    """Return how the figures are made, in words."""
    t, facts = phrases.say.t, material.summary.facts
    return [
        t(
            "A Bayesian model counts episodes by district and year. Its rate is a product of "
            "parts: people, country, place and neighbours, recent episodes, and pillars of "
            "indicators. All that is uncertain is in one distribution."
        ),
        t(
            "Each figure is made in every draw and only then summarised: mean, and an interval "
            "that holds {n}% of the draws. The page keeps {kept} draws, evenly taken.",
            n=round(100 * facts.ci_prob),
            kept=min(len(material.prob), 1000),
        ),
        t(
            "An indicator speaks for the area for which it was measured. Its error grows with the "
            "age of the value and with doubts about its source. What is missing is not filled in."
        ),
        t(
            "A district’s level follows from its mean chance by fixed limits. A level is not "
            "settled where it holds under 60 of 100 draws."
        ),
        *check_text(material, phrases),
        t(
            "Grades are those of NATO (AJP-2.1): A to F for the source, 1 to 6 for the item. F and "
            "6 mean that it cannot be judged, not that it is bad."
        ),
    ]


def check_text(material: Material, phrases: Phrases) -> list[str]:
    """Return what of the past the model reproduces, and what it does not; nothing if unchecked."""
    t, check = phrases.say.t, material.record.get("predictive_check", {})
    if not check:
        return []
    outside = missed(check)
    told = t(
        "As a check, the model makes the past anew many times. {n} of {total} features of what was "
        "seen lie within the middle 90 in 100 of these. That tests the fit, not the forecast.",
        n=len(check) - len(outside),
        total=len(check),
    )
    if outside:
        names = phrases.joined([t(STATISTICS.get(name, name)) for name in outside])
        # Translators: {features} is a list in the nominative.
        told += " " + t("Outside lie: {features}.", features=names)
    return [told]


def word_text(phrases: Phrases) -> list[str]:
    """Return the rules of words."""
    t, scale = phrases.say.t, phrases.scale
    return [
        t(
            "Likelihood words follow {name}: {source}. {note}",
            name=scale.name,
            source=t(scale.source),
            note=scale.note(phrases.say),
        ),
        t("A level is a range of chance and is never named by a word of likelihood."),
        t(
            "Confidence is a sentence of its own. It counts weaknesses: a level that is not "
            "settled, an interval over tenfold, a record that says little, events covered in "
            "part, indicators known only for the country, weak grades, and values over five "
            "years old. Four or more is low. It is never high until forecasts have been scored."
        ),
    ]


def model_card(material: Material, phrases: Phrases) -> list[tuple[str, list[str]]]:
    """Return the model card: heading and lines of each part (Mitchell et al. 2019)."""
    t, facts = phrases.say.t, material.summary.facts
    return [
        (
            t("Made for"),
            [
                t("Comparing areas and watching how their chances change, with the doubts shown."),
                t("Analysts who must defend a figure, and readers who decide on areas."),
            ],
        ),
        (
            t("Not made for"),
            [
                t("Decisions about a person, a family or a community: it scores areas."),
                t("The date or place of an attack: it gives a chance for a whole period."),
                t(
                    "Targets, operations, visas, borrowing or policing of people, by themselves or "
                    "with other data."
                ),
                t("Ranking two districts whose intervals overlap."),
            ],
        ),
        (
            t("Data"),
            [
                t("Ethnicity, religion and language are neither indicators nor actors."),
                t(
                    "Official “extremism” counts also cover peaceful dissent and measure policing; "
                    "they are weak evidence and carry a large error."
                ),
                t("A unit with under 1,000 people is shown with the district around it."),
            ],
        ),
        (
            t("Limits"),
            [
                t("The reasons are associations. None is shown to be a cause."),
                t("A change that no source has reported yet is not in the figures."),
                t(
                    "Where the list of events is thin, a low chance may be a lack of reports. The "
                    "forecast speaks of full coverage by the list."
                ),
                *(
                    [t("The sampler’s checks were not met: do not use this run.")]
                    if not facts.gate_passed
                    else []
                ),
            ],
        ),
    ]


def fingerprint(material: Material, phrases: Phrases) -> list[tuple[str, str]]:
    """Return what identifies the run: name and value of each fact."""
    t, record = phrases.say.t, material.record
    versions: Mapping[str, Any] = record.get("versions", {})
    rows = [
        (t("Run"), str(record.get("run_id", ""))),
        (t("Made"), str(record.get("made", ""))),
        (t("Seed"), str(record.get("seed", ""))),
        (t("Engine"), str(record.get("config", {}).get("engine", ""))),
        (t("Software"), ", ".join(f"{name} {number}" for name, number in versions.items())),
        (t("Draws (SHA-256)"), str(record.get("files", {}).get("posterior.nc", ""))),
        (t("Scores (SHA-256)"), str(record.get("files", {}).get("scores.csv", ""))),
    ]
    if material.previous:
        rows.append((t("Compared with run"), str(material.previous.get("run_id", ""))))
    return [(name, value) for name, value in rows if value]
