"""The Traffic Light Protocol 2.0 (FIRST, August 2022): its levels, colours and STIX markings.

The label is written in capitals without a space and is not translated. The colours are those of
the standard, on black, so that the label can be told without them. The identifiers are those of
the STIX extension for TLP 2.0 (OASIS, common objects, October 2022).
"""

from collections.abc import Mapping
from typing import Any

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
EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
_CREATED = "2022-10-01T00:00:00.000Z"
_IDENTIFIERS: Mapping[str, str] = {
    "CLEAR": "94868c89-83c2-464b-929b-a1a8aa3c8487",
    "GREEN": "bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "AMBER": "55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "AMBER+STRICT": "939a9414-2ddd-4d32-a0cd-375ea402b003",
    "RED": "e828b379-4e03-4974-9ac4-e53a884c97c1",
}


def label(level: str) -> str:
    """Return the label of a level: 'TLP:AMBER+STRICT'."""
    return f"TLP:{level}"


def stix_marking(level: str, stix: Any) -> Any:
    """Return the marking of a level as STIX objects refer to it."""
    return stix.MarkingDefinition(
        id=f"marking-definition--{_IDENTIFIERS[level]}",
        created=_CREATED,
        name=label(level),
        extensions={EXTENSION: {"extension_type": "property-extension", "tlp_2_0": level.lower()}},
    )
