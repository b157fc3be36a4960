"""Where the shipped data lie: inside the installed package, or beside it in a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def data_dir(kind: str) -> Path:
    """Return the folder of shipped data of one kind.

    Parameters
    ----------
    kind
        ``indicators`` or ``maps``.

    Raises
    ------
    FileNotFoundError
        If neither an installed copy nor a checkout holds the folder.
    """
    for folder in (_PACKAGE / "_data" / kind, _PACKAGE.parent / kind):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(
        f"the shipped folder '{kind}' is neither in {_PACKAGE / '_data'} nor beside the "
        "package: the installation is broken, reinstall threatkit"
    )
