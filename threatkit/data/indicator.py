"""The declaration of an indicator: its keys, their allowed values, what is refused."""

import re
from collections.abc import Mapping
from typing import Any

from threatkit.data.peoples import private_word
from threatkit.data.wording import listed, meant
from threatkit.errors import Fault

CHOICES: Mapping[str, tuple[str, ...]] = {
    "pillar": ("border", "youth", "extremism", "context", "outcome"),
    "direction": ("higher_is_worse", "higher_is_better"),
    "definition": ("survey", "registered", "modelled", "administrative", "geometry", "press"),
    "measure": ("share", "rate", "count", "amount", "distance", "index"),
    "transform": ("identity", "log", "log1p", "logit"),
}
KEYS = (
    "name",
    "title",
    "pillar",
    "direction",
    "unit",
    "definition",
    "measure",
    "transform",
    "minimum",
    "maximum",
    "per",
    "use",
    "description",
)

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TEXTS = ("title", "unit")


def indicator_faults(item: Any, where: str, position: int) -> list[Fault]:
    """Check one declaration of an indicator.

    Parameters
    ----------
    item
        The declaration as it stands in the descriptor.
    where
        The file, for messages.
    position
        Its position in the list, from zero.

    Returns
    -------
    All faults of the declaration.
    """
    if not isinstance(item, dict):
        return [
            Fault(f"{where}, indicator {position + 1}", "an indicator is an object", repr(item))
        ]
    name = item.get("name")
    at = f"{where}, indicator '{name}'" if name else f"{where}, indicator {position + 1}"
    faults = []
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        faults.append(
            Fault(
                at,
                "the name of an indicator starts with a small letter and holds small letters, "
                "digits and '_' only",
                "nothing" if name is None else repr(name),
            )
        )
    faults += [
        Fault(f"{at}, key '{key}'", "the key is known", repr(item[key]), meant(key, KEYS))
        for key in item
        if key not in KEYS
    ]
    for key in _TEXTS:
        if not isinstance(item.get(key), str) or not item[key].strip():
            faults.append(Fault(at, f"an indicator has a text '{key}'", f"{item.get(key)!r}"))
    faults += _choice_faults(item, at)
    faults += _range_faults(item, at)
    if refused := private_word(item):
        faults.append(
            Fault(
                at,
                "ethnicity, religion and language are not indicators: the toolkit describes "
                "areas and their conditions, never peoples",
                f"'{refused}'",
                "Leave the indicator out; if it counts acts, let name and title say which.",
            )
        )
    return faults


def bounds(item: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Return the smallest and largest value allowed; a share lies in 0 to 100 by default."""
    low, high = item.get("minimum"), item.get("maximum")
    if item.get("measure") == "share":
        low = 0 if low is None else low
        high = 100 if high is None else high
    return _limit(low), _limit(high)


def _choice_faults(item: Mapping[str, Any], at: str) -> list[Fault]:
    faults = []
    for key, allowed in CHOICES.items():
        given = item.get(key)
        if given is None:
            faults.append(
                Fault(
                    at,
                    f"an indicator declares its {key}",
                    "nothing",
                    f'Add "{key}": one of {listed(allowed)}.',
                )
            )
        elif given not in allowed:
            faults.append(
                Fault(
                    f"{at}, key '{key}'",
                    f"the {key} is one of {listed(allowed)}",
                    repr(given),
                    meant(given, allowed),
                )
            )
    if item.get("per") not in (None, "population"):
        faults.append(Fault(f"{at}, key 'per'", "'per' is population or null", repr(item["per"])))
    if not isinstance(item.get("use", True), bool):
        faults.append(Fault(f"{at}, key 'use'", "'use' is true or false", repr(item["use"])))
    return faults


def _range_faults(item: Mapping[str, Any], at: str) -> list[Fault]:
    faults = [
        Fault(f"{at}, key '{key}'", "the limit is a number or null", repr(item[key]))
        for key in ("minimum", "maximum")
        if item.get(key) is not None and not _is_number(item[key])
    ]
    low, high = bounds(item)
    if low is not None and high is not None and low >= high:
        faults.append(
            Fault(at, "the minimum is below the maximum", f"{low:g} and {high:g}", "Swap them.")
        )
    if item.get("measure") == "share" and high is not None and high > 100:
        faults.append(Fault(f"{at}, key 'maximum'", "a share lies between 0 and 100", f"{high:g}"))
    return faults


def _limit(value: Any) -> float | None:
    return float(value) if _is_number(value) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value
