"""Write the size and checksum of every file of a data package into its descriptor.

``python -m threatkit.derive.descriptors [NAME...]`` rewrites the descriptors of shipped
packages by name, or of packages in other folders by path; without a name, of all shipped
ones. ``--check`` changes nothing and exits 1 if a descriptor is out of date.
"""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from threatkit.errors import Fault, InvalidInput, ThreatkitError
from threatkit.paths import data_dir

DESCRIPTOR = "datapackage.json"

log = logging.getLogger(__name__)


def renewed(folder: Path) -> str:
    """Return the text of a package's descriptor with ``bytes`` and ``hash`` of its files.

    The text depends on the files alone: keys keep their order, ``hash`` and ``bytes``
    follow those that are there, indent 2, letters as they are, one line feed at the end.

    Raises
    ------
    InvalidInput
        If the descriptor or a file it names cannot be read.
    """
    path = folder / DESCRIPTOR
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8-sig"))
        resources = content["resources"]
        for resource in resources:
            raw = (folder / resource["path"]).read_bytes()
            resource["hash"] = f"sha256:{sha256(raw).hexdigest()}"
            resource["bytes"] = len(raw)
    except OSError as error:
        fault = Fault(
            str(error.filename), "the file of a package can be read", error.strerror or ""
        )
        raise InvalidInput(fault) from error
    except (ValueError, KeyError, TypeError) as error:
        fault = Fault(
            str(path), "the descriptor is JSON with 'resources' that have a 'path'", repr(error)
        )
        raise InvalidInput(fault) from error
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def package_folder(name: str) -> Path:
    """Return the folder of a package given by path or by the name of a shipped one."""
    given = Path(name)
    return given if (given / DESCRIPTOR).is_file() else data_dir("indicators") / name


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="threatkit.derive.descriptors", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="package name or folder")
    parser.add_argument("--check", action="store_true", help="exit 1 if one is out of date")
    options = parser.parse_args(arguments)
    folders = [package_folder(name) for name in options.names] or sorted(
        path.parent for path in data_dir("indicators").glob(f"*/{DESCRIPTOR}")
    )
    stale = 0
    for folder in folders:
        path = folder / DESCRIPTOR
        try:
            text = renewed(folder)
        except ThreatkitError as error:
            log.error("%s", error)
            return error.exit_code
        if path.read_bytes() == text.encode("utf-8"):
            continue
        stale += 1
        if options.check:
            log.error("%s is out of date: run python -m %s", path, parser.prog)
        else:
            path.write_bytes(text.encode("utf-8"))
            log.info("%s renewed", path)
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sys.exit(main())
