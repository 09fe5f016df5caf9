"""The review page in a real browser: what is typed comes out as corrections.yaml, which `parsed` applies."""

import json

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from distil.pipeline.files import read_jsonl, write_json
from distil.pipeline.records import Problem
from stages.raw.__main__ import typeset_contest
from stages.raw.exam_pdf import Exam, PrintedQuestion
from tests.workspace import inside

QUESTIONS = (
    PrintedQuestion("Find the value of 3x^2 - 1/2 if x = 4.", "95/2"),
    PrintedQuestion("Find sqrt(x + 7) if x = 2, </script> included.", "3"),
    PrintedQuestion("Find the perimeter of the rectangle shown in the figure.", "40", ("rectangle", 12, 8)),
)


@pytest.fixture
def folder(tmp_path):
    """A workspace with one exam and its review page."""
    files = typeset_contest([Exam(2019, "s", "Contest", "Test", 1, 20, QUESTIONS)], tmp_path / "data/raw")
    exams = [file.model_dump() for file in files]
    write_json(tmp_path / "data/raw/manifest.json", {"source": "sample", "origin": "", "licence": "", "exams": exams})
    block = {"reader": "text_layer", "errata": True, "least_confidence": 0.9}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"parsed": block}))
    done = inside(tmp_path, "tools.review")
    assert done.returncode == 0 and "2 problems and 1 left out -> review.html" in done.stdout, done.stderr
    return tmp_path


@pytest.fixture
def page(chromium, folder):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium)
        opened = browser.new_page()
        faults: list[str] = []
        opened.on("pageerror", lambda error: faults.append(str(error)))
        opened.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        opened.goto((folder / "review.html").as_uri())
        yield opened
        browser.close()
        assert not faults


def test_decisions_by_keyboard_are_exported_and_applied(folder, page):
    expect(page.locator("article")).to_have_count(3)
    expect(page.locator("#q0 sup")).to_have_text("2")
    expect(page.locator("#q1 msqrt")).to_have_count(1)
    expect(page.locator("#q2 .reason")).to_have_text("left out: has a drawing")
    assert (
        page.locator("#q0 img").count() == 2 and page.evaluate("document.querySelector('#q0 img').naturalWidth") > 100
    )
    page.keyboard.press("d")
    expect(page.locator("#q0 .decision")).to_have_text("dropped")
    page.keyboard.press("u")
    expect(page.locator("#q0 .decision")).to_have_text("")
    page.keyboard.press("r")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("47.5")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("d")
    page.keyboard.press("j")
    page.keyboard.press("e")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type('A "12 by 8" rectangle has which perimeter?')
    page.keyboard.press("Escape")
    expect(page.locator("#status")).to_contain_text("Question 3 of 3; 3 decided")
    with page.expect_download() as download:
        page.keyboard.press("x")
    download.value.save_as(folder / "corrections.yaml")
    for _ in range(2):  # corrections survive a run again
        done = inside(folder, "stages.parsed")
        assert done.returncode == 0 and "not applied" not in done.stderr, done.stderr
        problems = list(read_jsonl(folder / "data/parsed/problems.jsonl", Problem))
        assert [(one.number, one.question, one.answer) for one in problems] == [
            (1, QUESTIONS[0].text, "47.5"),
            (3, 'A "12 by 8" rectangle has which perimeter?', "40"),
        ]
    metrics = json.loads((folder / "metrics/parsed.json").read_text())
    assert (metrics["corrections_applied"], metrics["corrections_not_applied"]) == (3, 0)
    assert inside(folder, "tools.review").returncode == 0
    page.goto((folder / "review.html").as_uri())
    expect(page.locator("#q0 .decision")).to_have_text("corrected")


def test_what_was_undone_stays_so_and_what_was_typed_is_accepted_with_it(folder, page):
    dropped = {"read": QUESTIONS[0].text, "drop": True}
    (folder / "corrections.yaml").write_text(yaml.safe_dump({"2019/s/01": dropped}))
    assert inside(folder, "tools.review").returncode == 0
    page.goto((folder / "review.html").as_uri())
    expect(page.locator("#q0 .decision")).to_have_text("dropped")
    page.keyboard.press("u")
    page.reload()
    expect(page.locator("#q0 .decision")).to_have_text("")
    page.keyboard.press("r")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("47.5")
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    expect(page.locator("#q0 .decision")).to_have_text("corrected")
    expect(page.locator("#status")).to_contain_text("1 decided")


def test_a_correction_whose_question_changed_is_reported(folder):
    correction = {"read": "Find the value of 3x^2 - 1/2 if x = 5.", "answer": "1"}
    (folder / "corrections.yaml").write_text(yaml.safe_dump({"2019/s/01": correction}))
    done = inside(folder, "stages.parsed")
    assert done.returncode == 0 and "not applied: 2019/s/01: the question is another" in done.stderr
    assert next(read_jsonl(folder / "data/parsed/problems.jsonl", Problem)).answer == "95/2"


def test_the_page_can_be_used_by_everybody(page):
    violations = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:100]) for one in violations] == []
