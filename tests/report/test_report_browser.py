"""The report in a real browser, where there is one: quiet, offline, sortable, steppable, keyboard-usable."""

import os
import shutil
from collections.abc import Iterator

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium found; name one in CHROMIUM")


class Opened:
    """A page with everything it complained of or asked for."""

    def __init__(self, tab, path):
        self.tab = tab
        self.complaints: list[str] = []
        self.requests: list[str] = []
        tab.on(
            "console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None
        )
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        tab.on("request", lambda request: self.requests.append(request.url))
        tab.goto(path.as_uri())

    def texts(self, selector: str) -> list[str]:
        return [text.strip() for text in self.tab.locator(selector).all_inner_texts()]


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as session:
        running = session.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def opened(browser, page) -> Iterator[Opened]:
    """The report; at the end of each test it has asked for nothing and complained of nothing."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    report = Opened(context.new_page(), page)
    yield report
    context.close()
    assert report.complaints == []
    assert [url for url in report.requests if not url.startswith(("file:", "data:"))] == []


def test_sorting_by_click_and_by_keyboard(opened):
    heading = opened.tab.locator("#rows-shifts thead th", has_text="Success")
    button = heading.locator("button")

    def shares() -> list[float]:
        return [float(text.split("%")[0]) for text in opened.texts("#rows-shifts tbody tr td:nth-child(3)")]

    button.click()
    assert shares() == sorted(shares()) and heading.get_attribute("aria-sort") == "ascending"
    button.press("Enter")
    assert shares() == sorted(shares(), reverse=True) and heading.get_attribute("aria-sort") == "descending"
    opened.tab.locator("#rows-shifts thead th", has_text="Shift").locator("button").click()
    names = opened.texts("#rows-shifts tbody tr td:nth-child(2)")
    assert names == sorted(names, key=str.lower) and heading.get_attribute("aria-sort") is None


def test_missing_values_sort_last_in_both_directions(opened):
    button = opened.tab.locator("#rows-shifts thead th", has_text="Change").locator("button")
    for _ in range(2):
        button.click()
        changes = opened.texts("#rows-shifts tbody tr td:nth-child(5)")
        assert set(changes[-4:]) == {"–"} and "–" not in changes[:-4]


def test_filtering_by_words_and_menus(opened):
    table = opened.tab.locator("#table-shifts")
    total = table.locator("tbody tr").count()
    table.locator("input[type=search]").fill("random FRENCH")
    assert table.locator("tbody tr:visible").count() == 1
    assert table.locator(".count").inner_text() == f"1 of {total} rows"
    table.locator("input[type=search]").fill("")
    table.locator("select").first.select_option("bot")
    assert table.locator("tbody tr:visible").count() == 6


def test_replays_step_by_buttons_keys_and_slider(opened):
    position = opened.tab.locator("#replay-position")
    count = int(position.inner_text().split(" of ")[1].split(":")[0])
    assert position.inner_text().startswith("step 1 of")
    before = opened.tab.locator("#replay-picture").inner_html()
    opened.tab.locator("#replay-forward").click()
    assert position.inner_text().startswith("step 2 of")
    assert opened.tab.locator("#replay-picture").inner_html() != before
    view = opened.tab.locator("#replay-view")
    view.focus()
    for key, step in (("End", count), ("ArrowRight", count), ("ArrowLeft", count - 1), ("Home", 1)):
        view.press(key)
        assert position.inner_text().startswith(f"step {step} of")
    opened.tab.locator("#replay-step").press("ArrowRight")
    assert position.inner_text().startswith("step 2 of")


def test_replays_show_what_was_stored(opened):
    tab = opened.tab
    assert tab.locator("#replay-sentences li").first.inner_text() == "You see a wall 2 steps forward"
    assert opened.texts("#replay-actions span")[:3] == ["turn left", "turn right", "go forward"]
    shares = [float(text.rstrip("%")) for text in opened.texts("#replay-actions output")]
    assert sum(shares) == pytest.approx(100, abs=0.4)
    chosen = tab.locator("#replay-actions .chosen").inner_text()
    assert tab.locator("#replay-position").inner_text().endswith(chosen)
    assert "red ball" in (tab.locator("#replay-picture").get_attribute("aria-label") or "")


def test_replays_are_chosen_by_agent_shift_and_outcome(opened):
    tab = opened.tab
    tab.locator("#replay-agent").select_option("random")
    tab.locator("#replay-shift").select_option("French")
    assert tab.locator("#replay-who").inner_text().startswith("random · French")
    outcome = "true" if tab.locator("#replay-badge").inner_text().startswith("failure") else "false"
    tab.locator("#replay-outcome").select_option(outcome)
    assert tab.locator("#replay-none").is_visible() and not tab.locator("#replay-view").is_visible()
    tab.locator("#replay-outcome").select_option("")
    assert tab.locator("#replay-view").is_visible()


def test_a_replay_plays_to_its_end(opened):
    opened.tab.locator("#replay-play").press("Enter")
    opened.tab.wait_for_function("document.getElementById('replay-step').value >= 2")
    opened.tab.locator("#replay-play").press("Enter")
    assert opened.tab.locator("#replay-play").inner_text().endswith("Play")


def test_the_theme_follows_the_system_until_chosen(browser, page):
    context = browser.new_context(color_scheme="dark")
    report = Opened(context.new_page(), page)
    theme = "document.documentElement.dataset.theme"
    assert report.tab.evaluate(theme) == "dark"
    report.tab.emulate_media(color_scheme="light")
    report.tab.wait_for_function(f"{theme} === 'light'")
    report.tab.locator("#theme").press("Enter")
    assert report.tab.evaluate(theme) == "dark"
    report.tab.reload()
    assert report.tab.evaluate(theme) == "dark"
    context.close()


def test_marks_tell_their_values(opened):
    mark = opened.tab.locator("#figure-learning_curves [data-tip]").nth(5)
    mark.scroll_into_view_if_needed()
    mark.hover(force=True)
    tip = opened.tab.locator("#tip")
    assert tip.is_visible() and tip.inner_text() == mark.get_attribute("data-tip")
    assert "steps" in tip.inner_text() and "seeds" in tip.inner_text()


def test_everything_is_reached_by_keyboard_and_named(opened):
    opened.tab.keyboard.press("Tab")
    assert opened.tab.evaluate("document.activeElement.textContent") == "Skip to the findings"
    unnamed = opened.tab.evaluate(
        """[...document.querySelectorAll('button, input, select, svg[role=img], [role=region]')]
             .filter(node => !(node.ariaLabel || node.textContent.trim() || node.labels?.length))
             .map(node => node.outerHTML)"""
    )
    assert unnamed == []


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_the_page_never_scrolls_sideways(opened, width):
    opened.tab.set_viewport_size({"width": width, "height": 800})
    assert opened.tab.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.fixture
def opened_both(browser, beside) -> Iterator[Opened]:
    """The page of two studies, as quiet as the report."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    report = Opened(context.new_page(), beside)
    yield report
    context.close()
    assert report.complaints == []
    assert [url for url in report.requests if not url.startswith(("file:", "data:"))] == []


def test_two_studies_stand_side_by_side_or_on_a_phone_below_each_other(opened_both):
    def places() -> tuple[dict, dict]:
        boxes = [opened_both.tab.locator(f"#figure-{side}-generalization").bounding_box() for side in "AB"]
        return boxes[0], boxes[1]

    a, b = places()
    assert a["y"] == b["y"] and a["x"] + a["width"] <= b["x"]
    opened_both.tab.set_viewport_size({"width": 360, "height": 800})
    a, b = places()
    assert a["x"] == b["x"] and a["y"] + a["height"] <= b["y"]
    assert opened_both.tab.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_differences_of_two_studies_sort_and_marks_of_both_tell_their_values(opened_both):
    opened_both.tab.locator("#rows-both thead th", has_text="B − A").locator("button").click()
    texts = opened_both.texts("#rows-both tbody tr td:nth-child(6)")
    found = [float(text.split(" ")[0].replace("−", "-")) for text in texts]
    assert found == sorted(found) and found[0] < -80
    for side in "AB":
        mark = opened_both.tab.locator(f"#figure-{side}-generalization [data-tip]").first
        mark.scroll_into_view_if_needed()
        mark.hover(force=True)
        assert opened_both.tab.locator("#tip").inner_text() == mark.get_attribute("data-tip")


def test_on_paper_the_page_is_light_and_unfolded_and_without_what_nobody_can_press(browser, page):
    context = browser.new_context(color_scheme="dark")
    report = Opened(context.new_page(), page)
    tab = report.tab
    tab.emulate_media(media="print")
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert not tab.locator("nav").is_visible() and not tab.locator("#replay-play").is_visible()
    assert tab.locator(".controls:visible, summary:visible").count() == 0
    folded = (
        "[...document.querySelectorAll('details:not([open])')].filter(d => !d.querySelector('table')).length"
    )
    before = tab.evaluate(folded)
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert before > 0 and tab.evaluate(folded) == 0
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert tab.evaluate(folded) == before
    assert len(tab.pdf()) > 50_000
    context.close()


def test_a_link_leads_to_how_the_study_is_cited(opened):
    opened.tab.locator("nav a", has_text="Cite").click()
    assert opened.tab.locator("#cite").evaluate("node => node.getBoundingClientRect().top < innerHeight")
    assert "@software{glam_eval_" in opened.texts(".citation")[-1]


def test_findings_fit_one_screen(opened):
    findings = opened.tab.locator("section:has(> #findings)")
    assert findings.locator(".findings li:visible").count() >= 4
    assert findings.evaluate("node => node.getBoundingClientRect().height <= innerHeight")
