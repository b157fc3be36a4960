"""Text in XML: what the format forbids is taken out, what steers it is escaped."""

import re
from xml.etree import ElementTree as ET

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def plain(text: object) -> str:
    """Return a text without the characters that XML 1.0 forbids, each replaced by U+FFFD."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", str(text))


def document(root: ET.Element, *, head: str = '<?xml version="1.0" encoding="UTF-8"?>') -> str:
    """Return a document with its first line; the library escapes all texts."""
    ET.indent(root, space=" ")
    return f"{head}\n{ET.tostring(root, encoding='unicode')}\n"


def add_text(parent: ET.Element, tag: str, text: object) -> None:
    """Add an element that holds a text."""
    ET.SubElement(parent, tag).text = plain(text)
