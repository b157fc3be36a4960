"""The one catalogue of what a report says, in all its languages (gettext, read with Babel).

Messages are written in English in the source, marked by the call that shows them (`Translator.t`
and its kin, or `mark` for a text that is shown later), and gathered by
``python -m threatkit.derive.messages`` into ``maps/locale``. Placeholders are names in braces;
nothing in a translation can reach beyond them.
"""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.dates import format_date
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from threatkit.errors import Fault, InvalidInput
from threatkit.paths import data_dir

DOMAIN = "threatkit"
#: Language as a user and a page (BCP 47) write it -> folder of its catalogue, name in itself.
LANGUAGES: Mapping[str, tuple[str, str]] = {
    "en": ("en", "English"),
    "ru": ("ru", "Русский"),
    "kk": ("kk", "Қазақша"),
    "ky": ("ky", "Кыргызча"),
    "tg": ("tg", "Тоҷикӣ"),
    "tk": ("tk", "Türkmençe"),
    "uz": ("uz", "Oʻzbekcha"),
    "uz-Cyrl": ("uz_Cyrl", "Ўзбекча"),
}
#: The language in which messages are written.
SOURCE = "en"
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")

Value = str | int


def mark(text: str) -> str:
    """Return the text itself: it is gathered for translation here and shown elsewhere."""
    return text


def mark_in(context: str, text: str) -> str:  # noqa: ARG001 - read by the extraction
    """Return the text itself, gathered with its context; shown by `Translator.tc`."""
    return text


def placeholders(text: str) -> frozenset[str]:
    """Return the names in braces of a message."""
    return frozenset(PLACEHOLDER.findall(text))


@dataclass(frozen=True)
class Translator:
    """One language: messages, numbers and dates.

    Attributes
    ----------
    lang
        The language as a user and a page write it: ``uz-Cyrl``.
    locale
        Its rules for numbers and dates (CLDR).
    messages
        Its catalogue; empty for the language of the source.
    """

    lang: str
    locale: Locale
    messages: NullTranslations

    def t(self, text: str, **values: Value) -> str:
        """Return a message with its values; whole numbers are written as the language does.

        Raises
        ------
        ValueError
            If the values are not those that the message names.
        """
        return self._filled(self.messages.gettext(text), placeholders(text), values)

    def tn(self, singular: str, plural: str, n: int, **values: Value) -> str:
        """Return the form of a message for a number, which it may name as ``{n}``."""
        names = placeholders(plural) | placeholders(singular)
        given = {"n": n, **values} if "n" in names else values
        return self._filled(self.messages.ngettext(singular, plural, n), names, given)

    def tc(self, context: str, text: str, **values: Value) -> str:
        """Return a message that depends on where it stands, as the context says."""
        return self._filled(self.messages.pgettext(context, text), placeholders(text), values)

    def number(self, value: float, digits: int = 0) -> str:
        """Return a number with grouping and exactly so many decimals."""
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        return str(format_decimal(value, format=pattern, locale=self.locale))

    def date(self, day: dt.date) -> str:
        """Return a day in full: '30 April 2027'."""
        # Translators: CLDR date pattern of a day (letters d, M, y; other text in quotes).
        pattern = self.tc("date", "d MMMM y")
        return str(format_date(day, format=pattern, locale=self.locale))

    def month(self, day: dt.date) -> str:
        """Return a month with its year: 'April 2027'."""
        # Translators: CLDR date pattern of a month with its year.
        pattern = self.tc("date", "LLLL y")
        return str(format_date(day, format=pattern, locale=self.locale))

    def _filled(self, text: str, names: frozenset[str], values: Mapping[str, Value]) -> str:
        if names != values.keys():
            raise ValueError(f"'{text}' takes {sorted(names)}, not {sorted(values)}")
        return PLACEHOLDER.sub(lambda found: self._shown(values[found[1]]), text)

    def _shown(self, value: Value) -> str:
        return value if isinstance(value, str) else self.number(value)


def review_mark(translator: Translator) -> str:
    """Return what the foot of a page says of its translation; nothing in the source language."""
    if translator.lang == SOURCE:
        return ""
    return translator.t("Machine-assisted translation, not reviewed by a native speaker.")


def catalogue_path(lang: str) -> Path:
    """Return the path of a language's catalogue."""
    return data_dir("maps") / "locale" / LANGUAGES[lang][0] / "LC_MESSAGES" / f"{DOMAIN}.po"


def read_catalogue(path: Path, *, locale: str | None = None) -> Catalog:
    """Return a catalogue as it lies on the disk; any fault in its form is raised."""
    with path.open("rb") as stream:
        return read_po(stream, locale=locale, domain=DOMAIN, abort_invalid=True)


@cache
def translator(lang: str = SOURCE) -> Translator:
    """Return the translator of a language; made once and kept.

    Raises
    ------
    InvalidInput
        If there is no such language.
    """
    if lang not in LANGUAGES:
        raise InvalidInput(
            Fault("--lang", f"it is one of {', '.join(LANGUAGES)}", lang, "Choose one of these")
        )
    folder, _ = LANGUAGES[lang]
    locale = Locale.parse(folder)
    if lang == SOURCE:
        return Translator(lang, locale, NullTranslations())
    compiled = BytesIO()
    write_mo(compiled, read_catalogue(catalogue_path(lang), locale=folder))
    compiled.seek(0)
    return Translator(lang, locale, GNUTranslations(compiled))
