"""Names and texts made safe to show, and the name of a district in the reader's language."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from threatkit.report.profile import text_of

LONGEST = 120
LONGEST_IN_TITLE = 36
#: Marks that turn the direction of the text after them, and others that nobody sees.
_HIDDEN = re.compile("[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
_SPACE = re.compile(r"\s+")
#: Language -> columns in which its readers look first, by the country of the district.
#: Uzbek districts are named in Latin letters in both scripts, as the state names them.
_LOCAL = {"kk": "KAZ", "ky": "KGZ", "tg": "TJK", "tk": "TKM"}
_UZBEK = ("uz", "uz-Cyrl")
_LATIN = ("en", "tk", "uz")


def clean(value: object, longest: int = 4000) -> str:
    """Return a text of one line without control characters and marks of direction.

    A text that holds letters written from right to left is isolated, so that it cannot turn
    what stands beside it. A text that is too long ends in an ellipsis.
    """
    text = _HIDDEN.sub("", text_of(value))
    text = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
    text = "".join(c for c in text if unicodedata.category(c) not in ("Cs", "Co", "Cn"))
    text = _SPACE.sub(" ", text).strip()
    if len(text) > longest:
        text = text[: longest - 1].rstrip() + "…"
    if any(unicodedata.bidirectional(character) in ("R", "AL") for character in text):
        text = f"\u2068{text}\u2069"
    return text


def short(name: str) -> str:
    """Return a name that fits into a title."""
    return clean(name, LONGEST_IN_TITLE)


def shown_name(code: str, place: Mapping[str, Any], lang: str) -> str:
    """Return the name of a district in the reader's language and script, as far as known.

    Readers of a language find the local name of their own country, then the Russian one in
    Cyrillic, then the English one.
    """
    country = text_of(place.get("country"))
    latin = lang in _LATIN or (lang in _UZBEK and country == "UZB")
    columns = ["name"] if latin else ["name_ru", "name"]
    if _LOCAL.get(lang) == country:
        columns.insert(0, "name_local")
    for column in columns:
        if name := clean(place.get(column), LONGEST):
            return name
    return code


def other_names(place: Mapping[str, Any], shown: str) -> list[str]:
    """Return every other name by which a district may be sought."""
    names: list[str] = []
    for column in ("name", "name_ru", "name_local", "names_other"):
        for text in text_of(place.get(column)).split("|"):
            name = clean(text, LONGEST)
            if name and name != shown and name not in names:
                names.append(name)
    return names
