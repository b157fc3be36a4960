"""``python -m threatkit``: the command line."""

from threatkit.cli import main

main()
