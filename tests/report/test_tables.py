"""The report's tables in a browser: sorted, saved as CSV, whole on a laptop, with a hint on a phone."""

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

CLIPPED = """() => [...document.querySelectorAll(".scroll")]
    .filter((box) => box.scrollWidth > box.clientWidth).map((box) => box.getAttribute("aria-label"))"""


def column(table: Locator, number: int) -> list[str]:
    """The texts of a column, the row's name being column 0."""
    return [row.locator("th, td").nth(number).inner_text() for row in table.locator("tbody tr").all()]


def saved(page: Page, button: Locator) -> list[list[str]]:
    """What a button saves, as any reader of CSV reads it."""
    with page.expect_download() as download:
        button.click()
    assert download.value.suggested_filename.endswith(".csv")
    with Path(download.value.path()).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def number(text: str) -> float:
    return float(text.replace("−", "-").split()[0].strip("\u00a0%"))


def test_a_column_is_sorted_by_its_numbers_and_back(page: Page) -> None:
    table = page.locator("table", has_text="Accuracy and words by chain length")
    before = column(table, 0)
    over = table.get_by_role("button", name="Over base")
    head = table.locator("th[aria-sort]")
    over.click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    known = [number(text.split("\u00a0")[0].split(" (")[0]) for text in column(table, 3) if text != "–"]
    assert known == sorted(known) and min(known) < 0 < max(known)
    assert [text == "–" for text in column(table, 3)] == [False] * 6 + [True] * 3, "what is missing comes last"
    over.press("Enter")
    expect(head).to_have_attribute("aria-sort", "descending")
    assert [text == "–" for text in column(table, 3)] == [False] * 6 + [True] * 3
    assert column(table, 0)[:6] != before
    over.click()
    expect(head).to_have_count(0)
    assert column(table, 0) == before


def test_a_p_value_below_a_bound_is_the_smallest(page: Page) -> None:
    table = page.locator("table", has_text="Base and student on the same questions")
    table.get_by_role("button", name="p", exact=True).click()
    values = column(table, 6)
    assert values[0] == "<\u00a00.001" and values[-1] == "0.219"


def test_a_table_is_saved_as_it_stands(page: Page) -> None:
    box = page.locator(".table", has_text="Base and student on the same questions")
    box.get_by_role("button", name="Questions", exact=True).click()
    rows = saved(page, box.get_by_role("button", name="Save as CSV"))
    table = box.locator("table")
    assert [row[0] for row in rows[1:]] == sorted(column(table, 0))
    assert rows[0][:4] == ["Questions", "n", "Base", "Student"]
    assert rows[1][4] == column(table, 4)[0].replace("\u00a0", " ").replace("−", "-")


def test_the_questions_found_are_saved(page: Page) -> None:
    page.locator("#filters input").fill("2022/junior_senior_test")
    rows = saved(page, page.locator("#save"))
    assert len(rows) == 1 + 6
    first = dict(zip(rows[0], rows[1], strict=True))
    assert first["id"] == "2022/junior_senior_test/01" and first["role"] == "unseen"
    assert {first[name] for name in ("base", *(f"seed_{seed}" for seed in range(5)))} <= {
        "correct",
        "wrong",
        "no answer",
    }
    page.locator("#filters input").fill("2011/freshman_sophomore_test/03")  # quotes, a comma and a line separator
    assert [len(row) for row in saved(page, page.locator("#save"))] == [len(rows[0])] * 2


@pytest.mark.parametrize(("width", "wide"), [(1280, False), (390, True)])
def test_a_table_wider_than_the_screen_says_so(browser: Browser, run_folder: Path, width: int, wide: bool) -> None:
    with browser.new_context(viewport={"width": width, "height": 850}) as context:
        opened = context.new_page()
        opened.goto((run_folder / "reports/index.html").as_uri())
        for summary in opened.locator("details.numbers > summary").all():
            summary.click()
        clipped = opened.evaluate(CLIPPED)
        assert bool(clipped) == wide
        expect(opened.locator(".hint:visible")).to_have_count(len(clipped))


def test_without_scripts_tables_are_plain(browser: Browser, run_folder: Path) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        opened = context.new_page()
        opened.goto((run_folder / "reports/index.html").as_uri())
        assert opened.locator(".table").count() > 5
        assert opened.locator(".tools:visible, thead button").count() == 0
