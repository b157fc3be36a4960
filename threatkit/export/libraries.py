"""Libraries that only an export needs: loaded when asked for, one sentence if missing."""

import importlib
from typing import Any

from threatkit.errors import Fault, InvalidInput


def optional_library(name: str, what: str) -> Any:
    """Return a library of the extra ``export``.

    Raises
    ------
    InvalidInput
        If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise InvalidInput(
            Fault(
                f"export to {what}",
                f"this format needs the library {name.split('.')[0]}",
                "it is not installed",
                "Install it with: pip install 'threatkit[export]'",
            )
        ) from error
