"""The report as a reader uses it: in a real browser, from disk."""

import io
from pathlib import Path

import pypdfium2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from distil.pipeline.files import read_jsonl
from distil.pipeline.records import Scored
from stages.report.questions import chosen
from tests.report import synthetic

TOTAL = 330
SUMMARY = "#list > li > details > summary"


def shown(page: Page) -> int:
    """How many questions the page says it found."""
    text = page.locator("#count").inner_text()
    return 0 if text.startswith("No question matches") else int(text.split(" of ")[0].replace(",", ""))


def choose(page: Page, **filters: str) -> int:
    """Set these filters after clearing all, and return how many questions are found."""
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#count")).to_have_text(f"{TOTAL} of {TOTAL} questions")
    for name, value in filters.items():
        page.locator(f"#filters select[name={name}]").select_option(value)
    return shown(page)


def test_loads_from_disk_without_errors_or_requests(page: Page) -> None:
    expect(page.locator("h1")).not_to_be_empty()
    assert shown(page) == TOTAL
    assert page.locator(".drawing svg").count() >= 8
    assert page.locator(SUMMARY).count() == 50


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 800)])
def test_the_numbers_are_on_the_first_screen(page: Page, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    scores = page.locator(".score").all()
    assert len(scores) == 4
    for score in scores:
        expect(score).to_be_in_viewport(ratio=1)


def test_filters_find_what_the_records_say(page: Page, run_folder: Path) -> None:
    best = {}
    for row in read_jsonl(run_folder / "data/eval/scored.jsonl", Scored):
        best.setdefault((row.answer.benchmark, row.answer.problem_id), []).append(row)
    verdicts = {
        key: {
            model: row.verdict.verdict == "CORRECT"
            for model, row in chosen(rows, ["held_out"]).items()
            if model != synthetic.BASELINE
        }
        for key, rows in best.items()
    }
    majority = {
        key: sum(right for model, right in row.items() if model != "base") >= 3 for key, row in verdicts.items()
    }
    base = {key: row["base"] for key, row in verdicts.items()}
    assert choose(page, change="gained") == sum(majority[key] and not base[key] for key in base)
    assert choose(page, change="lost") == sum(base[key] and not majority[key] for key in base)
    assert choose(page, base="C", benchmark="transfer") == sum(base[key] for key in base if key[0] == "transfer")
    assert choose(page, student="all") == sum(
        all(right for model, right in row.items() if model != "base") for row in verdicts.values()
    )
    assert choose(page, year="2023", section="two_person_speed_event") == 6
    assert choose(page, role="seen") == 11 * 18
    rejected = sum(1 for _ in (run_folder / "data/verified/rejected.jsonl").open())
    assert choose(page, chain="rejected") == rejected > 0
    assert choose(page, benchmark="transfer", chain="none") == 60
    assert choose(page, benchmark="transfer", section="two_person_speed_event") == 0


def test_searches_in_any_order_of_words(page: Page) -> None:
    page.locator("#filters input").fill("TWO_PERSON 2024 find")
    assert shown(page) == 6
    page.locator("#filters input").fill("find 2024/two_person")
    assert shown(page) == 6
    page.locator("#filters input").fill("no such words")
    assert shown(page) == 0


def test_pages_through_the_list(page: Page) -> None:
    first = page.locator(SUMMARY).first.inner_text()
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#page")).to_have_text("Page 2 of 7")
    assert page.locator(SUMMARY).first.inner_text() != first
    for _ in range(5):
        page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("button", name="Next")).to_be_disabled()
    assert page.locator(SUMMARY).count() == TOTAL - 300


def test_opens_a_question_by_keyboard_alone(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("2022/junior_senior_test/03")
    assert shown(page) == 1
    page.keyboard.press("Escape")
    page.keyboard.type("2022/junior")
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    opened = page.locator("#list details[open]").first
    expect(opened.locator(".where")).to_have_text("2022 · junior senior test · 03")
    texts = opened.locator(".response h4").all_inner_texts()
    assert texts[:6] == ["base", "seed 0", "seed 1", "seed 2", "seed 3", "seed 4"]
    expect(opened.get_by_text("rule", exact=True).first).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#list > li > details[open]")).to_have_count(0)


def test_tab_reaches_the_controls_in_order(page: Page) -> None:
    names = []
    for _ in range(3):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.textContent"))
    assert names[0] == "Skip to the answer"
    assert names[2] == "The answer"


def test_a_link_opens_its_question_and_its_selection(page: Page, run_folder: Path) -> None:
    page.goto((run_folder / "reports/index.html").as_uri() + "#question/2023/two_person_speed_event/04")
    expect(page.locator("#list > li > details[open] .where")).to_have_text("2023 · two person speed event · 04")
    page.goto((run_folder / "reports/index.html").as_uri() + "#questions?year=2011&benchmark=contest")
    expect(page.locator("#count")).to_have_text(f"18 of {TOTAL} questions")


def test_texts_cannot_become_part_of_the_page(page: Page) -> None:
    for number, text in enumerate(synthetic.HOSTILE, 1):
        page.locator("#filters input").fill(f"2011/freshman_sophomore_test/{number:02d}")
        page.locator(SUMMARY).click()
        assert page.locator("#list .problem").evaluate("node => node.textContent") == text
    assert page.evaluate("window.injected") is None
    assert page.locator("img").count() == 0


def test_the_policy_stops_a_script_that_got_in(browser: Browser, run_folder: Path, tmp_path: Path) -> None:
    text = (run_folder / "reports/index.html").read_text(encoding="utf-8")
    got_in = tmp_path / "index.html"
    got_in.write_text(
        text.replace("<main", "<script>window.injected = 1</script><img src=x onerror='window.injected=2'><main")
    )
    opened = browser.new_page()
    opened.goto(got_in.as_uri())
    expect(opened.locator(SUMMARY).first).to_be_visible()
    assert opened.evaluate("window.injected") is None
    opened.close()


def test_prints(page: Page) -> None:
    page.locator(SUMMARY).first.click()
    document = pypdfium2.PdfDocument(io.BytesIO(page.pdf(format="A4")))
    assert 5 < len(document) < 40
    text = "\n".join(sheet.get_textpage().get_text_range() for sheet in document)
    title = page.locator("h1").inner_text().split()[0]
    assert title in text
    assert "Teacher’s chain" not in text, "filters are not for paper"
    assert "final answer" in text, "an opened question is printed"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light")], ids=str)
def test_axe_finds_nothing_serious(browser: Browser, run_folder: Path, width: int, scheme: str) -> None:
    with browser.new_context(viewport={"width": width, "height": 850}, color_scheme=scheme) as context:  # type: ignore[arg-type]
        opened = context.new_page()
        opened.goto((run_folder / "reports/index.html").as_uri())
        opened.locator(SUMMARY).nth(1).click()
        opened.locator(".params summary").click()
        found = Axe().run(opened).response["violations"]
        serious = [
            (fault["id"], fault["nodes"][0]["html"]) for fault in found if fault["impact"] in ("serious", "critical")
        ]
        assert serious == []
        assert opened.evaluate("document.documentElement.scrollWidth") <= width, "nothing wider than the screen"


def test_themes_follow_the_system_and_the_button(page: Page) -> None:
    def background() -> str:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    light = background()
    page.emulate_media(color_scheme="dark")
    dark = background()
    assert light != dark
    page.locator("#theme").click()
    assert background() == light
    page.locator("#theme").click()
    assert background() == dark


def test_20000_questions_stay_usable(browser: Browser, large_page: Path) -> None:
    opened = browser.new_page()
    opened.goto(large_page.as_uri())
    expect(opened.locator("#count")).to_have_text("20,250 of 20,250 questions")
    elements = "document.querySelectorAll('*').length"
    assert opened.evaluate(elements) < 5000, "only a page of the list is built"
    opened.locator("#filters select[name=change]").select_option("both wrong")
    opened.locator("#filters input").fill("find 17")
    assert 50 < shown(opened) < 20_250
    assert opened.locator(SUMMARY).count() == 50
    assert opened.evaluate(elements) < 5000
    opened.locator(SUMMARY).first.click()
    expect(opened.locator("#list .response").first).to_be_visible()
    opened.close()
