"""Gather the messages of the report into ``maps/locale``: ``python -m threatkit.derive.messages``.

Sources are the modules of `threatkit.report` and `threatkit.brief` and the page templates.
Every catalogue gets the new messages, empty, and loses those that no source holds any more.
Nothing is guessed: a changed message starts without a translation. Files are sorted and carry no
date and no name.
"""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import write_po

from threatkit.report.catalogue import DOMAIN, LANGUAGES, SOURCE, read_catalogue

ROOT = Path(__file__).resolve().parents[2]
LOCALE = ROOT / "maps" / "locale"
TEMPLATE = LOCALE / f"{DOMAIN}.pot"
#: Call -> which of its arguments are the message ('c': the context).
KEYWORDS = {
    "t": (1,),
    "tn": (1, 2),
    "tc": ((1, "c"), 2),
    "mark": (1,),
    "mark_in": ((1, "c"), 2),
}
COMMENT_TAGS = ("Translators:",)
HEADER = "# The messages of threatkit's report; made by python -m threatkit.derive.messages.\n#"
WIDTH = 100


def sources() -> Iterator[tuple[Path, str]]:
    """Yield each file that may hold messages, with the way to read it."""
    for package in ("report", "brief"):
        for path in sorted((ROOT / "threatkit" / package).rglob("*.py")):
            yield path, "python"
    for path in sorted((ROOT / "maps" / "templates").rglob("*.html.j2")):
        yield path, "jinja2"


def gathered() -> Catalog:
    """Return all messages, without translations."""
    catalogue = Catalog(domain=DOMAIN, header_comment=HEADER, fuzzy=False)
    for path, method in sources():
        found = extract_from_file(
            method,
            str(path),
            keywords=KEYWORDS,
            comment_tags=COMMENT_TAGS,
            strip_comment_tags=True,
        )
        for _, message, comments, context in found:
            place = (path.relative_to(ROOT).as_posix(), 0)
            catalogue.add(message, locations=[place], auto_comments=comments, context=context)
    return catalogue


def text_of(catalogue: Catalog) -> str:
    """Return a catalogue as a file: sorted, with the files that use each message."""
    stream = BytesIO()
    write_po(
        stream,
        catalogue,
        width=WIDTH,
        sort_output=True,
        ignore_obsolete=True,
        include_previous=False,
        include_lineno=False,
        omit_header=True,
    )
    return _head(catalogue) + stream.getvalue().decode("utf-8")


def _head(catalogue: Catalog) -> str:
    fields = ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"]
    if catalogue.locale is not None:
        fields = [f"Language: {catalogue.locale}", *fields]
        fields.append(f"Plural-Forms: {catalogue.plural_forms}")
    lines = "".join(f'"{line}\\n"\n' for line in fields)
    return f'{HEADER}\nmsgid ""\nmsgstr ""\n{lines}\n'


def path_of(folder: str) -> Path:
    """Return the path of a language's catalogue in this checkout."""
    return LOCALE / folder / "LC_MESSAGES" / f"{DOMAIN}.po"


def updated(folder: str, template: Catalog) -> Catalog:
    """Return a language's catalogue brought up to the messages of today."""
    path = path_of(folder)
    catalogue = (
        read_catalogue(path, locale=folder)
        if path.is_file()
        else Catalog(locale=folder, domain=DOMAIN, fuzzy=False)
    )
    catalogue.update(template, no_fuzzy_matching=True, update_creation_date=False)
    return catalogue


def files() -> dict[Path, str]:
    """Return the text of the template and of every catalogue, by path."""
    template = gathered()
    texts = {TEMPLATE: text_of(template)}
    for lang, (folder, _) in LANGUAGES.items():
        if lang == SOURCE:
            continue
        texts[path_of(folder)] = text_of(updated(folder, template))
    return texts


def main() -> None:
    """Write the template and the catalogues."""
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
