"""Keys, steps, formulas and appearance in a real browser, on the gallery's pages and under the
product's content security policy."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gallery import PARTS, ROOT, served

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The gallery's pages, rendered by a process of its own (it changes Django's settings)."""
    folder: Path = tmp_path_factory.mktemp("gallery")
    code = "import sys, pathlib, tests.gallery as g; g.render(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, cwd=ROOT)
    with served(folder) as at:
        yield at


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium."""
    with sync_api.sync_playwright() as play:
        found = play.chromium.launch(executable_path="/usr/bin/chromium")
        yield found
        found.close()


@pytest.fixture
def open_page(address: str, browser: Any) -> Iterator[Any]:
    """Opens a page of the gallery; at the end its console must be empty."""
    said: list[str] = []
    contexts = []

    def opened(part: str, **options: Any) -> Any:
        context = browser.new_context(**{"reduced_motion": "reduce"} | options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"{address}/{part}.html")
        page.wait_for_load_state("networkidle")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []


COUNT_CLICKS = """selector => {
  window.clicks = 0;
  document.querySelector(selector).addEventListener('click', () => window.clicks++);
}"""
APPROVE = "[data-key=a]"


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("width", [320, 390, 1024, 1440, 3840])
def test_no_page_is_wider_than_its_window(open_page, part, width):
    page = open_page(part, viewport={"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_key_clicks_its_button(open_page):
    page = open_page("desk")
    page.evaluate(COUNT_CLICKS, APPROVE)
    page.keyboard.press("a")
    assert page.evaluate("clicks") == 1


@pytest.mark.parametrize("modifier", ["Control", "Alt", "Meta"])
def test_a_key_with_a_modifier_belongs_to_the_browser(open_page, modifier):
    page = open_page("desk")
    page.evaluate(COUNT_CLICKS, APPROVE)
    page.keyboard.press(f"{modifier}+a")
    assert page.evaluate("clicks") == 0


def test_a_held_key_decides_once(open_page):
    page = open_page("desk")
    page.evaluate(COUNT_CLICKS, APPROVE)
    for _ in range(5):
        page.keyboard.down("a")  # the second and later ones are repeats
    page.keyboard.up("a")
    assert page.evaluate("clicks") == 1


def test_keys_rest_while_somebody_types_and_escape_leaves_the_box(open_page):
    page = open_page("desk")
    page.evaluate(COUNT_CLICKS, APPROVE)
    page.keyboard.press("n")
    page.keyboard.type("a bad answer")
    assert page.input_value("#note") == "a bad answer"
    assert page.evaluate("clicks") == 0
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    assert page.evaluate("clicks") == 1


def test_control_enter_finishes_while_somebody_types(open_page):
    page = open_page("desk")
    page.evaluate(COUNT_CLICKS, '[data-key="mod+enter"]')
    page.focus("#note")
    page.keyboard.press("Control+Enter")
    assert page.evaluate("clicks") == 1


def test_keys_rest_while_an_answer_is_awaited_but_not_during_a_poll(open_page):
    page = open_page("desk")
    page.evaluate(COUNT_CLICKS, APPROVE)
    page.evaluate("document.querySelector('form.choices').classList.add('htmx-request')")
    page.keyboard.press("a")
    assert page.evaluate("clicks") == 0
    page.evaluate("document.querySelector('form.choices').setAttribute('hx-trigger', 'every 2s')")
    page.keyboard.press("a")
    assert page.evaluate("clicks") == 1


def test_a_second_key_is_needed_to_reject_and_waits_for_the_reader(open_page):
    page = open_page("desk")
    page.evaluate(COUNT_CLICKS, '[data-key="x 1"]')
    page.keyboard.press("1")
    assert page.evaluate("clicks") == 0
    page.keyboard.press("x")
    assert page.locator("details[data-key=x]").get_attribute("open") is not None
    page.keyboard.press("1")
    assert page.evaluate("clicks") == 1


def test_the_sheet_lists_the_keys_of_the_page_and_stops_them(open_page):
    page = open_page("desk")
    page.evaluate(COUNT_CLICKS, APPROVE)
    page.keyboard.press("?")
    sheet = page.locator("#keys-sheet")
    for words in ("Approve", "Next step", "Fold or unfold all steps", "Go to Review", "Reject"):
        assert words in sheet.inner_text()
    page.keyboard.press("a")
    assert page.evaluate("clicks") == 0
    page.keyboard.press("Escape")
    assert not sheet.is_visible()


def test_the_slash_goes_to_the_search_box(open_page):
    page = open_page("list")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "q"


def test_the_cursor_walks_over_the_steps(open_page):
    page = open_page("desk")
    at = "document.querySelector('.step.cursor').id"
    page.keyboard.press("j")
    assert page.evaluate(at) == "step-4"
    page.keyboard.press("k")
    page.keyboard.press("k")
    assert page.evaluate(at) == "step-2"
    page.keyboard.press("G")
    assert page.evaluate(at) == "step-90"
    page.keyboard.press("g")
    page.keyboard.press("g")
    assert page.evaluate(at) == "step-1"
    page.keyboard.press("k")
    assert page.evaluate(at) == "step-1"


def test_steps_fold_one_and_all(open_page):
    page = open_page("desk")
    page.keyboard.press("z")
    assert page.locator(".step.folded").count() == 1
    page.keyboard.press("Z")
    assert page.locator(".step.folded").count() == page.locator(".step").count()
    page.keyboard.press("Z")
    assert page.locator(".step.folded").count() == 0


def test_formulas_are_set_money_stays_and_what_cannot_be_set_is_amber(open_page):
    page = open_page("desk", viewport={"width": 1440, "height": 2400})
    page.wait_for_function("document.querySelectorAll('.formula math').length >= 12")
    statement = page.locator(".problem-statement [data-math]")
    assert "Tickets cost $5 and $10." in statement.inner_text()
    amber = page.locator(".formula-source").all_inner_texts()
    assert "$\\frac{1}{$" in amber
    assert "$\\def\\a{\\a\\a}\\a$" in amber
    assert page.locator("a[href^=javascript]").count() == 0
    assert page.locator("article script").count() == 0


CUTS = [
    ("plain words", ["plain words"]),
    ("$x$", ["<x>"]),
    ("a $x+1$ b", ["a ", "<x+1>", " b"]),
    ("$$x$$ and \\[y\\] and \\(z\\)", ["<<x>>", " and ", "<<y>>", " and ", "<z>"]),
    ("It costs $5, or $6.", ["It costs $5, or $6."]),
    ("$5 and $10", ["$5 and $10"]),
    ("She pays $2 each, $18$ in all", ["She pays $2 each, ", "<18>", " in all"]),
    ("$5 for a ticket, then 3$ more", ["$5 for a ticket, then 3$ more"]),
    ("a \\$5 note and $y$", ["a \\$5 note and ", "<y>"]),
    ("$\\text{a $b$ c}$", ["<\\text{a $b$ c}>"]),
    ("an open \\( and an open $x", ["an open \\( and an open $x"]),
    ("$a\n\nb$", ["$a\n\nb$"]),
    ("$ x $", ["$ x $"]),
    ("$$", ["$$"]),
    ("So \\boxed{\\frac{1}{2}}.", ["So ", "<\\boxed{\\frac{1}{2}}>", "."]),
    ("So \\boxed{Tom is 5}.", ["So \\boxed{Tom is 5}."]),
    ("So \\boxed{5", ["So \\boxed{5"]),
]


@pytest.mark.parametrize(("text", "parts"), CUTS, ids=[text for text, _ in CUTS])
def test_formulas_are_found_between_their_delimiters(open_page, text, parts):
    page = open_page("alone")
    found = page.evaluate(
        """async text => (await import('/static/js/math.js')).cut(text).map(part =>
          typeof part === 'string' ? part : part.display ? `<<${part.tex}>>` : `<${part.tex}>`)""",
        text,
    )
    assert found == parts


@pytest.mark.parametrize("unit", ["$", "\\[", "$x", "\\( {", "$$ {", "{$\\a"])
def test_a_hostile_text_is_cut_in_a_moment_and_nothing_is_lost(open_page, unit):
    page = open_page("alone")
    took, kept = page.evaluate(
        """async unit => {
          const { cut } = await import('/static/js/math.js');
          const text = unit.repeat(200000 / unit.length);
          const before = performance.now();
          const whole = cut(text).map(part => part.source ?? part).join('');
          return [performance.now() - before, whole === text];
        }""",
        unit,
    )
    assert kept
    assert took < 500


def test_appearance_is_kept_and_applied_before_the_page_is_painted(open_page):
    page = open_page("list", color_scheme="light")
    page.click("summary[aria-label^=ada]")
    page.click("[data-theme-choice=dark]")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_without_scripts_the_page_is_whole_and_offers_no_dead_button(open_page):
    page = open_page("list", java_script_enabled=False, viewport={"width": 390, "height": 800})
    assert page.get_by_role("link", name="Review these").is_visible()
    page.click("summary[aria-label=Menu]")
    assert page.get_by_role("link", name="Datasets").is_visible()
    assert page.locator(".js-only:visible").count() == 0
