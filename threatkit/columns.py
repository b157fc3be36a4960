"""Frames as JSON, column by column with their types, and back without a loss."""

from collections.abc import Mapping
from typing import Any

import pandas as pd


def columns(frame: pd.DataFrame) -> dict[str, Any]:
    """Return a frame by columns, each with its type; missing values are null, the index is lost."""
    return {
        str(name): {
            "dtype": str(column.dtype),
            "values": [_plain(value) for value in column.astype(object).tolist()],
        }
        for name, column in frame.items()
    }


def frame(columns: Mapping[str, Any]) -> pd.DataFrame:
    """Return the frame of what `columns` made.

    Raises
    ------
    ValueError, KeyError, TypeError
        If it is of another format.
    """
    return pd.DataFrame(
        {
            name: pd.Series(item["values"], dtype=object).astype(item["dtype"])
            for name, item in columns.items()
        }
    )


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    return value.isoformat() if isinstance(value, pd.Timestamp) else value
