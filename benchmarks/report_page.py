"""How heavy a report is, and how fast it follows the hand: python benchmarks/report_page.py FILE.

Opens the file in headless Chromium and prints its size, its requests, when it was first painted
and ready, and the frames a second while the threshold is dragged over its whole range, at pixel
ratios 1 and 2, as the page itself counts them.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

SECONDS = 4.0
DRAG = """
seconds => new Promise(done => {
  const input = document.getElementById('threshold');
  const last = Number(input.max);
  const gaps = [];
  let began = 0, before = 0, n = 0;
  function step(now) {
    if (!began) began = now; else gaps.push(now - before);
    before = now;
    if (now - began > 1000 * seconds) {
      gaps.sort((a, b) => a - b);
      const at = share => gaps[Math.floor(share * (gaps.length - 1))];
      done({frames: gaps.length, fps: 1000 * gaps.length / (now - began),
            gap_ms_median: at(0.5), gap_ms_p95: at(0.95)});
      return;
    }
    n += 1;
    const turn = n % (2 * last);
    input.value = turn <= last ? turn : 2 * last - turn;
    input.dispatchEvent(new Event('input'));
    requestAnimationFrame(step);
  }
  requestAnimationFrame(step);
})
"""
TIMES = """
() => ({ready_ms: performance.getEntriesByName('ready')[0].startTime,
        first_paint_ms: performance.getEntriesByName('first-contentful-paint')[0].startTime})
"""


def measure(browser: Browser, path: Path, ratio: int) -> dict[str, Any]:
    """Return times and frames a second at a pixel ratio."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, device_scale_factor=ratio
    )
    page = context.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.resolve().as_uri())
    page.wait_for_selector("html[data-ready]")
    page.wait_for_timeout(500)
    page.check("input[name=view][value=above]", force=True)
    found = {"pixel_ratio": ratio, **page.evaluate(TIMES), **page.evaluate(DRAG, SECONDS)}
    found["requests"] = len(requests)
    context.close()
    return found


def main() -> None:
    """Measure the file that is given."""
    path = Path(sys.argv[1])
    program = shutil.which("chromium") or shutil.which("google-chrome")
    print(json.dumps({"bytes": path.stat().st_size}))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for ratio in (1, 2):
            print(json.dumps(measure(browser, path, ratio)))
        browser.close()


if __name__ == "__main__":
    main()
