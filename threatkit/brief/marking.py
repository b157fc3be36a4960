"""The marking of the report: a level of the Traffic Light Protocol with its meaning in words."""

from collections.abc import Callable
from dataclasses import dataclass

from threatkit.export.marking import label


@dataclass(frozen=True)
class Marking:
    """A level of the protocol as a page shows it."""

    level: str
    meaning: str

    @property
    def label(self) -> str:
        """Return the label: 'TLP:AMBER+STRICT'."""
        return label(self.level)

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
