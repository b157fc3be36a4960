"""A user's workspace: a commented configuration and an example of an own indicator package."""

import shutil
from pathlib import Path

from threatkit.errors import Fault, InvalidInput
from threatkit.paths import data_dir
from threatkit.wholefile import output_errors


def make_workspace(folder: Path) -> list[Path]:
    """Copy the shipped templates into a folder, which is made if needed.

    Returns
    -------
    The files made, in order.

    Raises
    ------
    InvalidInput
        If one of the files exists already; then none is written.
    OutputFailed
        If the folder cannot be written; then what was made is taken away again.
    """
    templates = data_dir("maps") / "workspace"
    names = sorted(path.relative_to(templates) for path in templates.rglob("*") if path.is_file())
    taken = [name for name in names if (folder / name).exists()]
    if taken:
        raise InvalidInput(
            Fault(str(folder / name), "init overwrites nothing", "the file exists",
                  "Give another folder, or move the file away")
            for name in taken
        )  # fmt: skip
    made: list[Path] = []
    try:
        with output_errors(folder, elsewhere="another folder"):
            for name in names:
                _copy(templates / name, folder / name, made)
    except BaseException:
        for path in reversed(made):
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
        raise
    return [folder / name for name in names]


def _copy(source: Path, target: Path, made: list[Path]) -> None:
    missing = [parent for parent in target.parents if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir(exist_ok=True)
        made.append(parent)
    made.append(target)
    shutil.copyfile(source, target)
