"""Small pieces of the sentences that faults are told in."""

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches


def listed(items: Iterable[object]) -> str:
    """Join items with commas and a final 'or'."""
    texts = [str(item) for item in items]
    if len(texts) < 2:
        return "".join(texts)
    return f"{', '.join(texts[:-1])} or {texts[-1]}"


def meant(found: object, known: Collection[str]) -> str:
    """Offer the known word closest to the one found, or say nothing.

    Returns
    -------
    ``Did you mean 'x'?``, or an empty text where no known word is close.
    """
    if not isinstance(found, str) or not known:
        return ""
    folded = {word.casefold(): word for word in known}
    bare = found.strip().casefold()
    if bare in folded:
        return f"Did you mean '{folded[bare]}'?"
    close = get_close_matches(bare, list(folded), n=1, cutoff=0.7)
    return f"Did you mean '{folded[close[0]]}'?" if close else ""


def numbered_rows(rows: Sequence[int], most: int = 10) -> str:
    """Name rows of a file: ``row 7``, ``rows 7, 8 and 12``, or the first ten and a count."""
    if len(rows) == 1:
        return f"row {rows[0]}"
    if len(rows) <= most:
        return f"rows {', '.join(map(str, rows[:-1]))} and {rows[-1]}"
    return f"rows {', '.join(map(str, rows[:most]))} and {len(rows) - most} more"
