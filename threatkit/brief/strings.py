"""Texts of the page's script: it holds none of its own. Gaps stay as names in braces."""

from threatkit.report.catalogue import Translator


def script_strings(say: Translator) -> dict[str, str]:
    """Return the texts by key."""
    t = say.t
    return {
        "above": t(
            "Between {low} and {high} of {total} districts have a chance of {limit} in 100 or more",
            low="{low}",
            high="{high}",
            total="{total}",
            limit="{limit}",
        ),
        "aboveValue": t(
            "in {n} of 100 draws the chance is {limit} in 100 or more", n="{n}", limit="{limit}"
        ),
        "threshold": t("{n} in 100", n="{n}"),
        "thresholdLabel": t("Threshold of the chance"),
        "drawTitle": t(
            "Draw {n} of {total}: one map that the data allow", n="{n}", total="{total}"
        ),
        "drawLabel": t("Draw"),
        "next": t("Next draw"),
        "last": t("Previous draw"),
        "part": t("Reason"),
        "legend": t("Legend"),
        "districts": t("Districts"),
        "people": t("People, millions"),
        "noData": t("No data"),
        "notAssessed": t("Not assessed: too little is known. That does not mean safe."),
        "notAssessedShort": t("not assessed"),
        "hint": t("Point at a district, or use the arrow keys and Enter."),
        "frame": t(
            "Map: {name}. Arrow keys go from district to district, Enter opens one, plus and minus "
            "zoom, 0 shows all.",
            name="{name}",
        ),
        "none": t("No district of this name"),
        "found": t("{n} found", n="{n}"),
        "close": t("Close"),
        "zoomTo": t("Show on the map"),
        "chosen": t("Chosen district: {name}", name="{name}"),
        "with": t("Shown with this district, under 1,000 people: {names}", names="{names}"),
        "rough": t("The outline is approximate."),
        "undrawn": t("No outline is known, so it is not on the map."),
        "dots": t("Twenty equally likely values"),
        "dotsSay": t("Each dot is one chance in twenty. Intervals hold {n}%.", n="{n}"),
        "score": t("Score, 0 to 10"),
        "place": t("Place by chance"),
        "top": t("In the highest tenth"),
        "ofDraws": t("in {n} of 100 draws", n="{n}"),
        "rate": t("Rate"),
        "changeRow": t("Since the earlier run"),
        "why": t("Why, compared with the usual district"),
        "whySay": t(
            "Times the usual number of episodes, {n}% interval. Associated with, not because of. "
            "Hollow: set by assumption.",
            n="{n}",
        ),
        "assumed": t("Set by assumption, not by data."),
        "unknown": t("What we do not know"),
        "events": t("Events within 50 km, newest first"),
        "noEvents": t("None on record. The record is not complete: silence is not peace."),
        "moreEvents": t("and {n} earlier ones", n="{n}"),
        "neighbours": t("Neighbours"),
        "km": t("{n} km of border", n="{n}"),
        "otherValues": t("Other values on record: {n}", n="{n}"),
        "noValue": t("No indicator of this kind is on record here."),
        "grade": t("grade {grade}", grade="{grade}"),
        "years": t("{n} years old", n="{n}"),
        "noPeople": t("not known"),
        "peopleSay": t("More people, more chances of an episode, against the median district."),
        "spaceSay": t("What a place and its neighbours have in common and no indicator explains."),
        "historySay": t("Episodes here in recent years, fading with time."),
        "countrySay": t("What districts of one country have in common."),
        "judgementSay": t("An analyst’s dated judgement; the figures without it are above."),
        "times": t("{n} times", n="{n}"),
        "km500": t("{n} km", n="{n}"),
        "dark": t("Dark"),
        "light": t("Light"),
        "svg": t("Picture (SVG)"),
        "csv": t("Table (CSV)"),
        "zoomIn": t("Zoom in"),
        "zoomOut": t("Zoom out"),
        "whole": t("Show all"),
        "level": t("level {n}", n="{n}"),
    }
