"""Stand-in of the catalogue until it is there."""

import re
from dataclasses import dataclass
from datetime import date

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
LANGUAGES = {"en": "English"}


@dataclass(frozen=True)
class Translator:
    """Texts, numbers and dates in one language."""

    lang: str
    locale: Locale

    def t(self, text: str, **values: str | int) -> str:
        """Return a text with its gaps filled."""
        if frozenset(PLACEHOLDER.findall(text)) != values.keys():
            raise ValueError(f"'{text}' does not take {sorted(values)}")
        return PLACEHOLDER.sub(lambda m: self._shown(values[m[1]]), text)

    def _shown(self, value: str | int) -> str:
        return value if isinstance(value, str) else self.number(value)

    def tn(self, singular: str, plural: str, n: int, **values: str | int) -> str:
        """Return one of two texts by a number."""
        text = singular if n == 1 else plural
        given = {"n": n, **values} if "{n}" in text else values
        return self.t(text, **given)

    def number(self, value: float, digits: int = 0) -> str:
        """Return a number."""
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        return str(format_decimal(value, format=pattern, locale=self.locale))

    def date(self, day: date) -> str:
        """Return a date."""
        return str(format_date(day, format="d MMMM y", locale=self.locale))

    def month(self, day: date) -> str:
        """Return a month with its year."""
        return str(format_date(day, format="LLLL y", locale=self.locale))


def review_mark(translator: Translator) -> str:
    """Return what the foot of a page says of its translation."""
    if translator.lang == "en":
        return ""
    return translator.t("Machine-assisted translation, not reviewed by a native speaker.")


def translator(lang: str) -> Translator:
    """Return the translator of a language."""
    return Translator(lang, Locale.parse("en"))
