"""The page in a browser: no requests, right numbers, keyboard, phone, names that stay text."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser_pages import PHONE, Opened, open_page
from tests.report_fixtures import LONG, NASTY, failed_summary, small_summary
from threatkit.report.map import render_map

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = tmp_path_factory.mktemp("page") / "map.html"
    made.write_text(render_map(small_summary()), encoding="utf-8")
    return made


@pytest.fixture
def opened(browser: Browser, path: Path) -> Iterator[Opened]:
    result = open_page(browser, path)
    yield result
    result.page.context.close()


def panel(page: Page) -> str:
    return page.locator("#panel").inner_text()


def test_one_request_and_no_complaint(opened: Opened, path: Path) -> None:
    page = opened.page
    for value in ("chance", "width", "reason"):
        page.check(f"input[name=layer][value={value}]", force=True)
    for option in range(page.locator("#reason option").count()):
        page.select_option("#reason", str(option))
    page.click("#theme")
    for box in page.locator("#overlays input").all():
        box.check()
    page.evaluate("for (const d of threatkit.districts) threatkit.select(d.code, {reveal: true})")
    page.wait_for_timeout(200)
    assert opened.requests == [path.as_uri()]
    assert opened.complaints == []


def test_policy_forbids_what_a_name_would_try(opened: Opened) -> None:
    opened.page.evaluate(
        "() => { const image = new Image(); image.src = 'http://127.0.0.1:9/x.png';"
        "document.body.append(image); }"
    )
    opened.page.wait_for_timeout(200)
    assert any("Content Security Policy" in text for text in opened.complaints)


def test_names_do_not_run(opened: Opened) -> None:
    page = opened.page
    for code in ("KG-B-leylek", "TJ-SU-isfara", "KZ-10-abay", "KZ-10-ayagoz"):
        page.evaluate("code => { threatkit.select(code); threatkit.hover(code); }", code)
    page.evaluate("threatkit.select('KG-B-leylek')")
    for box in page.locator("#overlays input").all():
        box.check()
    page.fill("#find", "script")
    assert page.locator("#found li").first.inner_text().startswith("<script>")
    assert page.locator("#panel h2").inner_text() == NASTY
    page.locator(".region .crossing").hover()
    assert page.locator(".tip b").inner_text() == NASTY
    assert page.evaluate("window.pwned") is None
    assert page.locator("body img").count() == 0


def test_click_opens_the_panel_with_the_right_numbers(opened: Opened) -> None:
    page = opened.page
    page.locator(".region path[data-code='KG-B-batken']").click()
    text = panel(page)
    row = small_summary().scores.loc["KG-B-batken"]
    assert "Batken" in text
    assert f"about {round(100 * row['event_prob'])} in 100" in text
    lo, hi = round(100 * row["event_prob_lo"]), round(100 * row["event_prob_hi"])
    assert f"({lo} to {hi} in 100)" in text
    assert f"level {row['risk_level']} of 5" in text.lower()
    assert f"{row['risk_index']:.1f} (" in text
    assert "of 7" in text
    assert "Without analysts’ judgements: about 20 in 100" in text
    assert "2022-09-14" in text
    assert "https://example.org/1" in text


def test_chosen_in_one_frame_is_lit_in_both(opened: Opened) -> None:
    page = opened.page
    page.locator(".region path[data-code='UZ-FA-sokh']").hover()
    assert page.locator("#readout").inner_text().startswith("Sokh, Uzbekistan: level")
    outlines = page.evaluate(
        "threatkit.frames.map(frame => frame.hovered.getElement().getAttribute('d').length > 10)"
    )
    assert outlines == [True, True]


def test_reasons_are_largest_first_and_marked(opened: Opened) -> None:
    page = opened.page
    page.evaluate("threatkit.select('KG-B-batken')")
    shown = page.locator(".reason summary .line span:first-child").all_inner_texts()
    assert shown[:2] == ["Closeness to Afghanistan", "Level of its country"]
    assert page.locator(".reason .hollow").count() == 1
    page.locator(".reason", has_text="Young people without work").locator("summary").click()
    text = page.locator(".reason[open]").inner_text()
    assert "known only for the oblast" in text
    assert "grade B2" in text
    assert "National statistics" in text


@pytest.mark.parametrize("typed", ["Сўх", "сох", "SOKH", "so'x", "Sokh"])
def test_search_folds_letters(opened: Opened, typed: str) -> None:
    page = opened.page
    page.fill("#find", typed)
    assert page.locator("#found li").first.inner_text().startswith("Sokh")
    page.press("#find", "Enter")
    assert page.locator("#panel h2").inner_text() == "Sokh"
    assert page.evaluate("document.activeElement.id") == "panel"


def test_escape_empties_the_search_before_it_closes_the_panel(opened: Opened) -> None:
    page = opened.page
    page.fill("#find", "Sokh")
    page.press("#find", "Enter")
    page.fill("#find", "no such place")
    assert page.locator("#found").inner_text() == "No district of this name"
    assert page.get_attribute("#find", "aria-activedescendant") is None
    page.press("#find", "Escape")
    assert page.input_value("#find") == ""
    assert page.locator("#found").is_hidden()
    assert page.locator("#panel").is_visible()
    page.locator("#panel").press("Escape")
    assert page.locator("#panel").is_hidden()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Хуҷанд", "Khujand"),
        ("Ўш", "Osh"),
        ("Ғончӣ", "Gonchi"),
        ("Жалал-Абад", "Jalal-Abad"),
        ("Қўқон", "Qo‘qon"),
    ],
)
def test_spellings_have_one_key(opened: Opened, one: str, other: str) -> None:
    assert opened.page.evaluate("([a, b]) => fold(a) === fold(b)", [one, other])


def test_a_tiny_unit_is_found_with_its_host(opened: Opened) -> None:
    opened.page.fill("#find", "Tiny")
    opened.page.press("#find", "Enter")
    assert "under 1,000 people: Tiny" in panel(opened.page)


def test_not_assessed_is_hatched_and_said(opened: Opened) -> None:
    page = opened.page
    page.evaluate("threatkit.select('KZ-10-ayagoz')")
    assert "Not assessed" in panel(page)
    assert "does not mean safe" in panel(page)
    assert "1 districts" in page.locator(".class.none").inner_text()
    paint = page.evaluate("threatkit.paint(threatkit.byCode.get('KZ-10-ayagoz')).fill")
    assert paint == "url(#p-nodata)"


def test_fills_follow_the_layer(opened: Opened) -> None:
    page = opened.page
    path = page.locator(".region path[data-code='KG-B-batken']")
    first = path.evaluate("element => element.style.fill")
    page.check("input[name=layer][value=width]", force=True)
    assert first == "var(--k5)"
    assert path.evaluate("element => element.style.fill").startswith("var(--e")
    page.check("input[name=layer][value=reason]", force=True)
    page.select_option("#reason", label="Young people without work")
    shown = page.evaluate("threatkit.frames[0].patterns.get('KG-B-batken').getElement().style.fill")
    assert "p-prior" in shown


def test_keyboard_alone_reaches_a_district(opened: Opened) -> None:
    page = opened.page
    page.focus("#map_region")
    page.keyboard.press("ArrowRight")
    readout = page.locator("#readout").inner_text()
    assert readout
    page.keyboard.press("Enter")
    assert page.locator("#panel").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#panel").is_hidden()
    assert page.evaluate("document.activeElement.id") == "map_region"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"


def test_the_table_is_one_tab_stop(opened: Opened) -> None:
    page = opened.page
    stops = page.evaluate(
        "[...document.querySelectorAll('#table, #table *')].filter(e => e.tabIndex >= 0).length"
    )
    assert stops == 1
    assert page.locator("#districts tbody tr").count() == 7
    page.focus("#table")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.locator("#panel").is_visible()


def test_everything_has_a_name(opened: Opened) -> None:
    nameless = opened.page.evaluate(
        "[...document.querySelectorAll('button, input, select, [role=group], [role=img]')]"
        ".filter(e => !e.textContent.trim() && !e.getAttribute('aria-label')"
        " && !(e.labels && e.labels.length)).map(e => e.outerHTML.slice(0, 80))"
    )
    assert nameless == []


def test_legend_counts_districts_and_people(opened: Opened) -> None:
    label = opened.page.locator("#legend").get_attribute("aria-label")
    assert label is not None
    assert label.startswith("Legend. 1: under 1 in 100")
    assert opened.page.locator(".legend .class").count() == 6


def test_dark_turns_the_ramp(browser: Browser, path: Path) -> None:
    opened = open_page(browser, path, color_scheme="dark")
    ramp = "getComputedStyle(document.documentElement).getPropertyValue('--k5').trim()"
    assert opened.page.evaluate(ramp) == "#ffe6ba"
    opened.page.click("#theme")
    assert opened.page.evaluate(ramp) == "#562224"
    opened.page.context.close()


def test_phone_has_no_sideways_scroll_and_a_sheet(browser: Browser, path: Path) -> None:
    opened = open_page(browser, path, **PHONE)
    page = opened.page
    width = "document.documentElement.scrollWidth"
    assert page.evaluate(width) == 390
    page.locator(".valley path[data-code='UZ-FA-sokh']").tap()
    assert page.locator("#panel h2").inner_text() == "Sokh"
    box = page.locator("#panel").bounding_box()
    assert box is not None
    assert box["x"] == 0
    assert round(box["y"] + box["height"]) == 844
    assert box["height"] <= 0.65 * 844
    page.evaluate("threatkit.select('KZ-10-abay')")
    assert page.locator("#panel h2").inner_text() == LONG
    assert page.evaluate(width) == 390
    assert opened.complaints == []
    page.context.close()


def test_a_failed_run_says_so_on_the_page(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "failed.html"
    path.write_text(render_map(failed_summary()), encoding="utf-8")
    opened = open_page(browser, path)
    alert = opened.page.locator("[role=alert]")
    assert "must not be used" in alert.inner_text()
    alert.locator("summary").click()
    assert "R-hat 1.2 <of> eta." in alert.inner_text()
    opened.page.context.close()
