"""Fixtures that all tests share, and the rules under which they run."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

settings.register_profile(
    "fixed", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("fixed")

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session", autouse=True)
def compiled_models(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep compiled models in a folder of the test run, unless one is named."""
    os.environ.setdefault("THREATKIT_CACHE", str(tmp_path_factory.mktemp("compiled")))


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the checkout."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Return the folder of raw sources that are not shipped; skip where there is none."""
    given = os.environ.get("THREATKIT_TEST_DATA")
    if not given:
        pytest.skip("THREATKIT_TEST_DATA does not name the folder of raw sources")
    folder = Path(given)
    if not folder.is_dir():
        pytest.fail(f"THREATKIT_TEST_DATA names no folder: {folder}")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of Chromium; skip where there is none, unless it is required."""
    found = next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)
    if found is None and os.environ.get("THREATKIT_REQUIRE_BROWSER") == "1":
        pytest.fail("THREATKIT_REQUIRE_BROWSER is 1 and no Chromium is on PATH")
    if found is None:
        pytest.skip("no Chromium on PATH")
    return found


@pytest.fixture(scope="module")
def browser(chromium: str) -> "Iterator[Browser]":
    """Return a running browser; it ends with the module, since it holds the thread's event loop."""
    from playwright.sync_api import sync_playwright

    from tests.browser_pages import QUIET

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield running
        running.close()
