"""The report in a browser: one request, all views, keyboard, phone, dark, no barrier for axe."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser_pages import PHONE, Opened, open_page
from tests.report_fixtures import LONG, NASTY
from tests.report_material import FIGURES, small_material
from threatkit.brief.page import Options, render_report
from threatkit.brief.pdf import print_page
from threatkit.report.catalogue import LANGUAGES

pytestmark = pytest.mark.browser

VIEWS = ("level", "chance", "above", "certainty", "place", "reasons", "change", "draws")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = tmp_path_factory.mktemp("report")
    (made / "policy.html").write_text(
        render_report(small_material(), figures=FIGURES), encoding="utf-8"
    )
    analyst = render_report(
        small_material(), Options(audience="analyst", tlp="AMBER+STRICT"), FIGURES
    )
    (made / "analyst.html").write_text(analyst, encoding="utf-8")
    return made


@pytest.fixture
def opened(browser: Browser, folder: Path) -> Iterator[Opened]:
    result = open_page(browser, folder / "policy.html")
    yield result
    result.page.context.close()


def show(page: Page, view: str) -> None:
    page.check(f"input[name=view][value={view}]", force=True)


def choose(page: Page, code: str) -> None:
    page.evaluate("code => report.select(report.districts.findIndex(d => d.code === code))", code)


def test_one_request_and_no_complaint_whatever_is_touched(opened: Opened) -> None:
    page = opened.page
    for view in VIEWS:
        show(page, view)
    page.evaluate("report.districts.forEach(d => { report.select(d.i, {reveal: true}); })")
    for box in ("#circles", "#hatch"):
        page.click(box)
    page.click("#theme")
    page.select_option("#rule", "1")
    page.wait_for_timeout(100)
    assert [url for url in opened.requests if not url.startswith("data:")] == [page.url]
    assert opened.complaints == []


def test_policy_forbids_what_a_name_would_try(opened: Opened) -> None:
    opened.page.evaluate(
        "() => { const image = new Image(); image.src = 'http://127.0.0.1:9/x.png';"
        "document.body.append(image); }"
    )
    opened.page.wait_for_timeout(100)
    assert any("Content Security Policy" in text for text in opened.complaints)


def test_names_and_pictures_do_not_run(opened: Opened) -> None:
    page = opened.page
    choose(page, "KG-B-leylek")
    assert (
        page.locator("#panel h2").inner_text() == NASTY[:119] + "…" if len(NASTY) > 120 else NASTY
    )
    page.fill("#find", "script")
    assert page.locator("#found li").first.inner_text().startswith("<script>")
    assert page.evaluate("window.pwned") is None
    assert page.locator("body img").count() == 1
    assert page.locator("[onload], [onerror], a[href^='javascript']").count() == 0


def test_click_opens_the_panel_with_figures_and_doubts(opened: Opened) -> None:
    page = opened.page
    place = page.evaluate(
        "() => { const f = report.frames[0]; const d = report.districts.find("
        "d => d.code === 'KG-B-batken'); const [x, y] = f.point(d.at);"
        "const box = f.host.getBoundingClientRect(); return [box.left + x, box.top + y]; }"
    )
    page.mouse.click(*place)
    text = page.locator("#panel").inner_text()
    row = small_material().summary.scores.loc["KG-B-batken"]
    lo, hi = round(100 * row["event_prob_lo"]), round(100 * row["event_prob_hi"])
    assert f"about {round(100 * row['event_prob'])} in 100 ({lo} to {hi} in 100)" in text
    for part in ("Twenty equally likely", "What we do not know", "Neighbours", "2022-09-14",
                 "https://example.org/1", "55 km of border", "of 7", "was 1",
                 "Without analysts’ judgements"):  # fmt: skip
        assert part in text
    assert page.locator("#panel .dot").count() == 20


def test_reasons_are_largest_first_and_open_to_their_indicators(opened: Opened) -> None:
    page = opened.page
    choose(page, "KG-B-batken")
    shown = page.locator(".reason .line span:first-child").all_inner_texts()
    assert shown[0] == "Closeness to Afghanistan"
    assert page.locator(".reason .hollow").count() == 1
    page.locator(".reason", has_text="Young people without work").locator("summary").click()
    text = page.locator(".reason[open]").inner_text()
    for part in ("known only for the oblast", "grade B2", "4 years old", "National statistics"):
        assert part in text


def test_each_view_colours_and_says_what_it_shows(opened: Opened) -> None:
    page = opened.page
    seen = set()
    for view in VIEWS:
        show(page, view)
        classes = page.evaluate(
            "[...document.querySelectorAll('#map-region .areas .d')].map(e => e.className.baseVal)"
        )
        assert any(name != "d none" for name in classes), view
        assert page.locator("#finding").inner_text()
        assert page.locator("#legend").inner_text()
        seen.add((page.locator("#finding").inner_text(), tuple(classes)))
    assert len(seen) == len(VIEWS)


def test_no_data_is_hatched_in_every_view(opened: Opened) -> None:
    page = opened.page
    page.evaluate("report.districts.find(d => d.code === 'KZ-10-abay').level = null")
    for view in VIEWS:
        page.evaluate("view => report.show(view)", view)
        fill = page.evaluate(
            "getComputedStyle(report.frames[0].paths[report.districts.findIndex("
            "d => d.code === 'KZ-10-abay')]).fill"
        )
        assert "p-nodata" in fill, view


def test_a_dragged_threshold_counts_what_the_draws_say(opened: Opened) -> None:
    page = opened.page
    show(page, "above")
    page.locator("#threshold").evaluate(
        "(e, v) => { e.value = v; e.dispatchEvent(new Event('input')); }", 185
    )
    expect(page.locator("#finding")).to_contain_text("25")
    material = small_material()
    share = page.evaluate(
        "report.share(report.districts.findIndex(d => d.code === 'KG-B-batken'), 185)"
    )
    assert share == pytest.approx((material.prob[:, 2] >= 0.25).mean())
    assert page.locator("#threshold").get_attribute("aria-valuetext") == "25 in 100"


def test_draws_are_stepped_by_hand_only(opened: Opened) -> None:
    page = opened.page
    show(page, "draws")
    before = page.locator("#finding").inner_text()
    page.wait_for_timeout(300)
    assert page.locator("#finding").inner_text() == before
    page.click("#draw-next")
    expect(page.locator("#finding")).to_contain_text("Draw 2 of 200")


@pytest.mark.parametrize("typed", ["Сўх", "сох", "SOKH", "so'x", "Sokh"])
def test_search_folds_letters(opened: Opened, typed: str) -> None:
    page = opened.page
    page.fill("#find", typed)
    assert page.locator("#found li").first.inner_text().startswith("Sokh")
    assert page.locator("#readout").inner_text() == "1 found"
    page.press("#find", "Enter")
    assert page.locator("#panel h2").inner_text() == "Sokh"
    assert page.evaluate("document.activeElement.id") == "panel"
    assert opened.complaints == []


def test_keyboard_alone_reaches_a_district_and_comes_back(opened: Opened) -> None:
    page = opened.page
    page.focus("#map-region")
    page.keyboard.press("ArrowRight")
    assert "·" in page.locator("#readout").inner_text()
    page.keyboard.press("Enter")
    assert page.locator("#panel").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#panel").is_hidden()
    assert page.evaluate("document.activeElement.id") == "map-region"
    page.keyboard.press("+")
    assert page.evaluate("report.frames[0].zoom") > 1
    page.keyboard.press("0")
    assert page.evaluate("report.frames[0].zoom") == 1
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"


def test_the_table_is_one_tab_stop(opened: Opened) -> None:
    page = opened.page
    stops = page.evaluate(
        "[...document.querySelectorAll('#all, #all *')].filter(e => e.tabIndex >= 0).length"
    )
    assert stops == 1
    page.focus("#all")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.locator("#panel h2").inner_text() == "Batken"


def test_circles_show_every_district(opened: Opened) -> None:
    page = opened.page
    page.click("#circles")
    assert page.locator("#map-region .rings").evaluate("e => getComputedStyle(e).display") != "none"
    assert page.locator("#map-region .areas").evaluate("e => getComputedStyle(e).display") == "none"
    assert page.locator("#map-region .rings circle").count() == 6


def test_picture_and_table_can_be_kept(opened: Opened) -> None:
    page = opened.page
    picture = page.evaluate("report.picture()")
    assert picture.startswith("<svg")
    assert "var(" not in picture
    assert "class=" not in picture
    assert "TLP:AMBER" in picture
    table = page.evaluate("report.table()")
    assert table.splitlines()[0].startswith("district,name,oblast,country,event_prob")
    assert len(table.splitlines()) == 8
    with page.expect_download() as download:
        page.click("#save-csv")
    assert download.value.suggested_filename == "level.csv"
    with page.expect_download() as download:
        page.click("[data-save=svg]")
    assert download.value.suggested_filename == "ranks.svg"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barrier_in_any_view(browser: Browser, folder: Path, scheme: str) -> None:
    opened = open_page(browser, folder / "analyst.html", color_scheme=scheme)
    page = opened.page
    found = {}
    for view in VIEWS:
        show(page, view)
        # The whole page once; then what a view changes.
        context = None if view == "level" else [".left"]
        report = Axe().run(page, context=context)
        found[view] = [
            (v["id"], v["nodes"][0]["html"][:120]) for v in report.response["violations"]
        ]
    choose(page, "KG-B-batken")
    report = Axe().run(page, context=["#panel"])
    found["panel"] = [(v["id"], v["nodes"][0]["html"][:120]) for v in report.response["violations"]]
    page.context.close()
    assert {view: faults for view, faults in found.items() if faults} == {}


def test_phone_has_no_sideways_scroll_and_a_sheet(browser: Browser, folder: Path) -> None:
    opened = open_page(browser, folder / "policy.html", **PHONE)
    page = opened.page
    width = "document.documentElement.scrollWidth"
    assert page.evaluate(width) == 390
    choose(page, "UZ-FA-sokh")
    box = page.locator("#panel").bounding_box()
    assert box is not None
    assert box["x"] == 0
    assert round(box["y"] + box["height"]) == 844
    assert box["height"] <= 0.65 * 844
    choose(page, "KZ-10-abay")
    assert page.locator("#panel h2").inner_text() == LONG[:119] + "…"
    assert page.evaluate(width) == 390
    assert opened.complaints == []
    page.context.close()


def test_the_first_screen_is_one_screen(opened: Opened) -> None:
    page = opened.page
    assert page.evaluate("document.querySelector('.front').getBoundingClientRect().bottom") <= 800
    assert page.evaluate(
        "[...document.querySelectorAll('.pair, .nots, #legend, #five')].every("
        "e => e.getBoundingClientRect().bottom <= 800)"
    )
    assert page.evaluate("document.documentElement.scrollWidth") == 1280
    for frame in page.locator(".frame").all():
        box = frame.bounding_box()
        assert box is not None
        assert box["height"] >= 240


@pytest.mark.parametrize("lang", list(LANGUAGES))
def test_the_first_screen_fits_in_every_language(
    browser: Browser, tmp_path: Path, lang: str
) -> None:
    path = tmp_path / "report.html"
    path.write_text(render_report(small_material(), Options(lang=lang)), encoding="utf-8")
    opened = open_page(browser, path)
    page = opened.page
    assert page.locator("html").get_attribute("lang") == lang
    cut = page.evaluate(
        "[...document.querySelectorAll('.front section, .front aside > div, #legend, .bar > *')]"
        ".filter(e => e.getBoundingClientRect().bottom > 800 || e.scrollWidth > e.clientWidth + 1)"
        ".map(e => `${e.id || e.className} ${e.getBoundingClientRect().bottom} "
        "${e.scrollWidth} ${e.clientWidth}`)"
    )
    assert cut == []
    assert page.evaluate("Math.min(...report.frames.map(f => f.host.clientHeight))") >= 240
    found = Axe().run(page, context=[".front"]).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"][:120]) for v in found] == []
    assert opened.complaints == []
    page.context.close()


def test_dark_turns_the_ramp(browser: Browser, folder: Path) -> None:
    opened = open_page(browser, folder / "policy.html", color_scheme="dark")
    ramp = "getComputedStyle(document.documentElement).getPropertyValue('--k5').trim()"
    assert opened.page.evaluate(ramp) == "#ffe6ba"
    opened.page.click("#theme")
    assert opened.page.evaluate(ramp) == "#562224"
    opened.page.context.close()


def test_it_prints_to_marked_a4(folder: Path, chromium: str, tmp_path: Path) -> None:
    from pypdf import PdfReader

    out = tmp_path / "report.pdf"
    print_page(folder / "analyst.html", out, browser=chromium)
    pages = PdfReader(out).pages
    assert [round(float(side)) for side in pages[0].mediabox[2:]] == [595, 842]
    for page in pages:
        assert page.extract_text().count("TLP:AMBER+STRICT") >= 2
    text = "".join(page.extract_text() for page in pages)
    for part in ("Five districts that matter most", "Model card", "Fingerprint of the run"):
        assert part in text
    assert [item.name for item in tmp_path.iterdir()] == ["report.pdf"]
