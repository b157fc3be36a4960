"""A file that is written whole or not at all, and what the user is told if it cannot be."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from threatkit.errors import OutputFailed

#: What a failed write means to the user, and what to do unless another place is given.
_REASONS = {
    errno.ENOSPC: "The disk is full: free some space or",
    errno.EDQUOT: "The disk quota is used up: free some space or",
    errno.EROFS: "The disk is read-only:",
    errno.EACCES: "It may not be written by you:",
    errno.EPERM: "It may not be written by you:",
    errno.ENOTDIR: "A part of the path is a file:",
    errno.EEXIST: "There is a file of that name:",
    errno.ENAMETOOLONG: "The name is too long:",
}
#: What the user may give in place of a folder that cannot be written, unless told otherwise.
ELSEWHERE = "another folder with --out"


@contextmanager
def output_errors(path: Path, *, elsewhere: str = ELSEWHERE) -> Iterator[None]:
    """Turn an OSError into an `OutputFailed` that names the path and the way out.

    Parameters
    ----------
    path
        What is written.
    elsewhere
        What the user may give instead, in the words of the command: "another folder with --out".
    """
    try:
        yield
    except OutputFailed:
        raise
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        way_out = f"{_REASONS.get(error.errno or 0, '')} give {elsewhere}".strip()
        way_out = way_out[0].upper() + way_out[1:]
        raise OutputFailed(f"{path}: this could not be written ({reason}). {way_out}") from error


def write_whole(path: Path, text: str, *, elsewhere: str = ELSEWHERE) -> None:
    """Write a text in UTF-8 beside its place, then move it there.

    Parameters
    ----------
    path
        The file; its folder exists. What was there before stays until the new one is complete.
    text
        Its content.
    elsewhere
        See `output_errors`.

    Raises
    ------
    OutputFailed
        If it cannot be written; then nothing of it stays behind.
    """
    part = path.with_name(f".{path.name}.part")
    with output_errors(path, elsewhere=elsewhere):
        try:
            part.write_text(text, encoding="utf-8")
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
