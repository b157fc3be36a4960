"""The marking of the Traffic Light Protocol 2.0 (FIRST, August 2022): labels, colours, meaning.

The label is written in capitals without a space and is not translated. The colours are those of
the standard, on black, so that the label can be told without them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

#: Level -> colour of the label, on black.
COLOURS: Mapping[str, str] = {
    "CLEAR": "#FFFFFF",
    "GREEN": "#33FF00",
    "AMBER": "#FFC000",
    "AMBER+STRICT": "#FFC000",
    "RED": "#FF2B2B",
}
#: What is used where nothing is said: chances of violence by district are for those who need
#: them, and a wider circle is the reader's decision, not ours.
DEFAULT = "AMBER"


@dataclass(frozen=True)
class Marking:
    """A level of the protocol as a page shows it."""

    level: str
    meaning: str

    @property
    def label(self) -> str:
        """Return the label: 'TLP:AMBER+STRICT'."""
        return f"TLP:{self.level}"

    @property
    def key(self) -> str:
        """Return a name that serves as a class of a style sheet."""
        return self.level.lower().replace("+", "-")


def marking(level: str, t: Callable[..., str]) -> Marking:
    """Return a level with its meaning in the reader's language."""
    meanings = {
        "CLEAR": t("There is no limit on disclosure."),
        "GREEN": t("Limited disclosure: recipients may share it within their community."),
        "AMBER": t(
            "Limited disclosure: recipients may share it, where needed, within their "
            "organisation and with its clients."
        ),
        "AMBER+STRICT": t(
            "Limited disclosure: recipients may share it, where needed, within their "
            "organisation only."
        ),
        "RED": t("For the eyes and ears of the individual recipients only."),
    }
    return Marking(level, meanings[level])
