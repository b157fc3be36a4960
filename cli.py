"""Launcher of a checkout: ``python3 cli.py setup`` once, then ``python3 cli.py COMMAND``.

It runs on Python 3.8 and newer with nothing installed. ``setup`` makes the project's own
environment in ``.venv``; any other command is run in it.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from threatkit.bootstrap import launch

if __name__ == "__main__":
    sys.exit(launch(sys.argv[1:]))
