"""A PDF of a finished page, printed by the headless Chromium or Chrome of the machine."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from threatkit.errors import Fault, InvalidInput, OutputFailed

#: Names under which the browser may be installed, the first that is found is used.
BROWSERS = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
    "microsoft-edge",
)
BROWSER_VARIABLE = "THREATKIT_BROWSER"
_SECONDS = 120


def find_browser() -> str:
    """Return the path of a browser that prints.

    Raises
    ------
    InvalidInput
        If none is found.
    """
    given = os.environ.get(BROWSER_VARIABLE)
    names = (given,) if given else BROWSERS
    for name in names:
        if name and (path := shutil.which(name)):
            return path
    raise InvalidInput(
        Fault(
            "--pdf",
            "Chromium, Chrome or Edge prints the page",
            f"none of {', '.join(filter(None, names))} on PATH",
            f"Install one, name it in {BROWSER_VARIABLE}, or print the page from any browser",
        )
    )


def print_page(page: Path, out: Path, *, browser: str | None = None) -> None:
    """Print a page that lies on the disk to A4; its own style sheet says how.

    Parameters
    ----------
    page
        The HTML file.
    out
        The PDF, replaced if it exists.
    browser
        Path of the browser; found by default.

    Raises
    ------
    InvalidInput
        If no browser is found.
    OutputFailed
        If the browser makes no PDF.
    """
    program = browser or find_browser()
    with tempfile.TemporaryDirectory(prefix="threatkit-print-") as folder:
        made = Path(folder) / "page.pdf"
        command = [
            program,
            "--headless",
            "--disable-gpu",
            "--disable-background-networking",
            "--no-first-run",
            "--no-pdf-header-footer",
            "--virtual-time-budget=10000",
            f"--user-data-dir={folder}/profile",
            f"--print-to-pdf={made}",
        ]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            # Chromium refuses its sandbox to root; the page is our own and loads nothing.
            command.append("--no-sandbox")
        try:
            done = subprocess.run(  # noqa: S603  our own command, no shell
                [*command, page.resolve().as_uri()],
                capture_output=True,
                timeout=_SECONDS,
                check=False,
                text=True,
            )
        except (subprocess.TimeoutExpired, OSError) as error:
            raise OutputFailed(f"{out}: {program} could not print the page: {error}") from error
        if not made.is_file() or made.stat().st_size == 0:
            told = " ".join(done.stderr.split())[-300:] or "no message"
            raise OutputFailed(f"{out}: {program} made no PDF: {told}")
        target = out.with_name(f".{out.name}.part")
        shutil.copyfile(made, target)
        target.replace(out)
