"""No barrier in any language: python benchmarks/report_axe.py RUN [PREVIOUS] [--skill BACKTEST].

Makes the report of a finished run in each language, opens it in one headless Chromium, light and
dark, walks every view, a chosen district and the circles, and prints each violation that axe-core
finds. The whole page is looked at once in each theme; of the other views what they change. Ends
with exit code 1 if there was any.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from threatkit.brief.figures import draw_figures
from threatkit.brief.material import Material, gather_material
from threatkit.brief.page import Options, render_report
from threatkit.report.catalogue import LANGUAGES

VIEWS = ("level", "chance", "above", "certainty", "place", "reasons", "change", "draws")
#: Rows kept of each table: what axe asks of one row holds for all of them.
ROWS = 20


def violations(page: Page, context: list[str] | None = None) -> list[tuple[str, str]]:
    """Return rule and first node of each violation."""
    found = Axe().run(page, context=context).response["violations"]
    return [(fault["id"], fault["nodes"][0]["html"][:160]) for fault in found]


def walk(browser: Browser, path: Path, scheme: str) -> dict[str, list[tuple[str, str]]]:
    """Return the violations of each view, of the panel and of the circles."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 800},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page = context.new_page()
    page.goto(path.resolve().as_uri())
    page.wait_for_selector("html[data-ready]")
    page.evaluate(
        "n => document.querySelectorAll('tbody').forEach("
        "body => [...body.rows].slice(n).forEach(row => row.remove()))",
        ROWS,
    )
    seen = {}
    for view in VIEWS:
        box = page.locator(f"input[name=view][value={view}]")
        if not box.count():
            continue
        box.check(force=True)
        seen[view] = violations(page, None if view == "level" else [".left"])
    page.click("#circles")
    seen["circles"] = violations(page, [".left"])
    page.evaluate("report.select(0)")
    page.evaluate("document.querySelectorAll('#panel details').forEach(e => { e.open = true; })")
    seen["panel"] = violations(page, ["#panel"])
    context.close()
    return seen


def look(browser: Browser, material: Material, lang: str, folder: Path) -> int:
    """Print what is found in one language and return how many violations."""
    path = folder / f"{lang}.html"
    text = render_report(material, Options(lang, "analyst"), draw_figures(material, lang))
    path.write_text(text, encoding="utf-8")
    count = 0
    for scheme in ("light", "dark"):
        began = time.perf_counter()
        seen = walk(browser, path, scheme)
        found = {view: faults for view, faults in seen.items() if faults}
        number = sum(map(len, found.values()))
        took = round(time.perf_counter() - began, 1)
        told = {"lang": lang, "theme": scheme, "views": len(seen), "violations": number}
        print(json.dumps(told | {"seconds": took} | found, ensure_ascii=False), flush=True)
        count += number
    return count


def main() -> None:
    """Look at every language that is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("previous", type=Path, nargs="?")
    parser.add_argument("--skill", type=Path)
    parser.add_argument("--lang", nargs="*", default=list(LANGUAGES))
    asked = parser.parse_args()
    material = gather_material(asked.run, previous=asked.previous, skill=asked.skill)
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        count = sum(look(browser, material, lang, Path(folder)) for lang in asked.lang)
        browser.close()
    sys.exit(1 if count else 0)


if __name__ == "__main__":
    main()
