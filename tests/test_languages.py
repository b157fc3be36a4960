"""The catalogue of messages: complete in every language, with the same placeholders."""

import re
from datetime import date
from types import SimpleNamespace

import pytest
from babel.messages.catalog import Message
from babel.messages.checkers import num_plurals

from threatkit.brief.text import event_types
from threatkit.data.catalogue import load_catalogue
from threatkit.derive import messages
from threatkit.errors import InvalidInput
from threatkit.report.catalogue import (
    LANGUAGES,
    SOURCE,
    catalogue_path,
    placeholders,
    read_catalogue,
    review_mark,
    translator,
)
from threatkit.report.words import Phrases

TRANSLATED = [lang for lang in LANGUAGES if lang != SOURCE]
CYRILLIC = ["ru", "kk", "ky", "tg", "uz-Cyrl"]
#: Names and abbreviations that are written alike in every language.
KEPT = {
    *(
        "CSV",
        "SVG",
        "PDF",
        "TLP",
        "UCDP",
        "GED",
        "ICD",
        "PHIA",
        "CRPS",
        "SHA",
        "AJP",
        "HTML",
        "STIX",
    ),
    *("Enter", "Tab", "Osh", "run", "json", "km", "threatkit", "OpenStreetMap", "GPKG", "GeoJSON"),
}
ENGLISH = re.compile(r"\b(the|of|and|with|for|not|is|are|from|than|district|chance|level)\b", re.I)
DAY = date(2027, 4, 30)


def rows(lang: str) -> list[Message]:
    folder, _ = LANGUAGES[lang]
    return [row for row in read_catalogue(catalogue_path(lang), locale=folder) if row.id]


def strings(row: Message) -> list[str]:
    return list(row.string) if isinstance(row.string, (list, tuple)) else [row.string]


def sources(row: Message) -> list[str]:
    return list(row.id) if isinstance(row.id, (list, tuple)) else [row.id]


def test_the_files_hold_the_messages_of_the_source() -> None:
    for path, text in messages.files().items():
        assert path.read_text(encoding="utf-8") == text, "run python -m threatkit.derive.messages"


@pytest.mark.parametrize("lang", TRANSLATED)
def test_every_message_is_translated(lang: str) -> None:
    empty = [row.id for row in rows(lang) if row.fuzzy or not all(strings(row))]
    assert not empty


@pytest.mark.parametrize("lang", TRANSLATED)
def test_plural_forms_are_complete(lang: str) -> None:
    folder, _ = LANGUAGES[lang]
    catalogue = read_catalogue(catalogue_path(lang), locale=folder)
    for row in catalogue:
        if row.pluralizable:
            num_plurals(catalogue, row)
            assert len(strings(row)) == catalogue.num_plurals


@pytest.mark.parametrize("lang", TRANSLATED)
def test_placeholders_are_those_of_the_message(lang: str) -> None:
    for row in rows(lang):
        names = frozenset().union(*map(placeholders, sources(row)))
        for text in strings(row):
            held = placeholders(text)
            # A form for one, or for few, may leave its number out; nothing else may be lost.
            assert held == names or (row.pluralizable and held == names - {"n"}), (row.id, text)
            assert "{" not in re.sub(r"\{[a-z_]+\}", "", text), text


@pytest.mark.parametrize("lang", TRANSLATED)
def test_no_english_is_left(lang: str) -> None:
    for row in rows(lang):
        if row.context == "date":
            continue
        for text in strings(row):
            bare = re.sub(r"\{[a-z_]+\}", "", text)
            assert not ENGLISH.search(bare), (row.id, text)
            if lang in CYRILLIC:
                words = set(re.findall(r"[A-Za-z][A-Za-z]+", bare))
                assert words <= KEPT, (row.id, text)
            elif not set(re.findall(r"\w+", bare)) <= KEPT:
                assert text not in sources(row), text


@pytest.mark.parametrize("lang", TRANSLATED)
def test_letters_are_those_of_the_language(lang: str) -> None:
    text = " ".join(text for row in rows(lang) for text in strings(row))
    assert not re.search(r"[A-Za-z][\u0400-\u04ff]|[\u0400-\u04ff][A-Za-z]", text), (
        "mixed alphabets"
    )
    if lang == "uz":
        assert not re.search(r"[oOgG]['’`‘]", text), "write oʻ and gʻ with U+02BB"


@pytest.mark.parametrize("lang", TRANSLATED)
def test_translations_say_that_nobody_has_reviewed_them(lang: str) -> None:
    assert review_mark(translator(lang))
    assert review_mark(translator(lang)) != review_mark.__doc__


def test_the_source_language_needs_no_such_mark() -> None:
    assert review_mark(translator("en")) == ""


@pytest.mark.parametrize("lang", LANGUAGES)
def test_dates_and_numbers_follow_the_language(lang: str) -> None:
    told = translator(lang)
    day = told.date(DAY)
    assert "2027" in day
    assert "30" in day
    assert "2027" in told.month(DAY)
    assert "'" not in day
    assert told.number(1234.56, 1) == ("1,234.6" if lang == "en" else "1\xa0234,6")


def test_values_must_be_those_of_the_message() -> None:
    told = translator("en")
    with pytest.raises(ValueError, match="takes"):
        told.t("{name} of {total}", name="Batken")
    with pytest.raises(ValueError, match="takes"):
        told.t("All of it", name="Batken")
    assert told.t("{name} of {total}", name="{total}", total=1500) == "{total} of 1,500"
    assert told.tn("{n} district", "{n} districts", 1) == "1 district"
    assert told.tn("{n} district", "{n} districts", 1200) == "1,200 districts"


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(InvalidInput, match="uz-Cyrl"):
        translator("xx")


@pytest.fixture(scope="module")
def types() -> tuple[str, ...]:
    return tuple(sorted(load_catalogue().events["event_type"].unique()))


@pytest.mark.parametrize("lang", CYRILLIC)
def test_every_type_of_event_has_a_name(lang: str, types: tuple[str, ...]) -> None:
    """A type without a phrase would be shown as its key, in Latin letters."""
    assert len(types) > 5
    material = SimpleNamespace(summary=SimpleNamespace(facts=SimpleNamespace(event_types=types)))
    told = event_types(material, Phrases(translator(lang)))  # type: ignore[arg-type]
    assert len(told.split("; ")) == len(types)
    assert not re.search(r"[A-Za-z]", told)
