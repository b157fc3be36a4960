"""A page opened in a browser, with what it asked for and what it complained about."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

QUIET = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
DESK = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@dataclass
class Opened:
    """A page with what it asked for and what it complained about."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


def open_page(browser: Browser, path: Path, **options: Any) -> Opened:
    """Open a file in a context of its own, on a desk unless told otherwise, and wait for it."""
    context = browser.new_context(**(DESK | options))
    opened = Opened(context.new_page())
    opened.page.on("request", lambda request: opened.requests.append(request.url))
    opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.page.on(
        "console",
        lambda message: (
            opened.complaints.append(message.text) if message.type in ("error", "warning") else None
        ),
    )
    opened.page.goto(path.as_uri())
    opened.page.wait_for_selector("html[data-ready]")
    return opened
