"""Scans: what is made of the texts that an OCR engine finds, and the engine itself on a page of our own."""

import shutil
from pathlib import Path

import pypdfium2
import pytest
from fpdf import FPDF
from PIL import Image

from distil.pipeline.files import InputError
from stages.parsed import ocr, scan
from stages.parsed.answer_sheet import sheet
from stages.parsed.ocr import Box, ScannedPage, read_scan
from stages.parsed.scan import problems_of, read_sections, sections
from stages.raw.exam_pdf import Exam, PrintedQuestion, typeset

EXAM = Exam(
    2019,
    "exam",
    "Contest",
    "Final Round",
    1,
    30,
    (
        PrintedQuestion("How many whole numbers are there between 17 and 42?", "24"),
        PrintedQuestion("A jar holds 12 red and 8 blue marbles. How many marbles does it hold in all?", "20"),
        PrintedQuestion("Find the perimeter of the square shown in the figure.", "36"),
    ),
)


def box(text: str, left: float, top: float, height: float = 12, score: float = 0.99) -> Box:
    return Box(text=text, score=score, left=left, top=top, right=left + 6 * len(text), bottom=top + height)


def page(*boxes: Box, number: int = 1) -> ScannedPage:
    return ScannedPage(number=number, width=612, height=792, boxes=list(boxes))


HEAD = (box("Name:", 40, 40), box("ANSWERS", 150, 40))


@pytest.mark.parametrize(
    ("boxes", "answers"),
    [
        ([box("1.", 50, 200), box("24", 120, 196), box("2.", 50, 260), box("x = 3", 120, 256)], {1: "24", 2: "x = 3"}),
        ([box("1. 24", 50, 200), box("2. 7", 50, 230), box("3. 9", 320, 200)], {1: "24", 2: "7", 3: "9"}),
        ([box("1.", 50, 200), box("24", 120, 196), box("Must be this form", 200, 190, 8)], {1: "24"}),
        ([box("1.", 50, 200), box("5", 122, 190), box("21", 119, 206), box("2.", 50, 260)], {1: "5/21"}),
        ([box("1.", 50, 200), box("a", 120, 200), box("3.", 50, 320), box("c", 120, 320), box("b", 120, 260)],
         {1: "a", 2: "b", 3: "c"}),  # the engine missed a number
        ([box("1.", 50, 200), box("a", 120, 200), box("T1.", 50, 260), box("b", 120, 260)], {1: "a", 2: "b"}),
        ([box("1.", 50, 200), box("2x + 5y or 5y + 2x", 120, 200)], {1: "2x + 5y"}),
        ([box("1.", 50, 200), box("2.", 50, 260), box("SCORE", 300, 200)], {}),
    ],
)  # fmt: skip
def test_an_answer_sheet_is_read_by_its_grid(boxes, answers):
    assert {item.number: item.text for item in sheet(page(*HEAD, *boxes))} == answers


@pytest.mark.parametrize(
    ("boxes", "texts", "sure"),
    [
        ([box("1. Find 1", 50, 100), box("+ 1.", 70, 116), box("2. Find 2.", 50, 140)],
         ["Find 1 + 1.", "Find 2."], [1, 1]),
        ([box("1. Find", 50, 107), box("x + 1", 110, 100, 10), box("3", 122, 113, 10), box("now.", 150, 107)],
         ["Find (x + 1)/3 now."], [1]),
        ([box("1. Find 1.", 50, 100), box("Find 2.", 60, 120), box("3. Find 3.", 50, 140)],
         ["Find 1. Find 2.", "Find 3."], [0, 1]),  # a number was missed: the first is torn
        ([box("1.", 50, 100), box("Find 1,", 70, 100), box("then stop.", 70, 116), box("Find 2.", 70, 160),
          box("Then stop.", 70, 176), box("3. Find 3.", 50, 220)],
         ["Find 1, then stop.", "Find 2. Then stop.", "Find 3."], [0, 0, 1]),  # the space shows where the second begins
        ([box("1. Find it.", 50, 100, score=0.6)], ["Find it."], [0]),
        ([box("1. Find", 50, 100), box("卜", 90, 100)], ["Find 卜"], [0]),
        ([box("1. Find 2", 50, 100), box("十", 120, 100), box("3.", 140, 100)], ["Find 2 + 3."], [0]),
    ],
)  # fmt: skip
def test_questions_are_read_by_their_numbers(boxes, texts, sure):
    ((questions, _),) = sections([page(*boxes)], "exam").values()
    assert [item.text for item in questions] == texts
    assert [int(item.confidence >= 0.9) for item in questions] == sure


def test_headings_tell_the_sections_of_a_file():
    pages = [
        page(box("Freshman-Sophomore Individual Test", 200, 50), box("1. Find 1.", 50, 200)),
        page(box("Name:", 40, 40), box("Freshman/Sophomore Individual Test", 200, 80), box("1.", 50, 200)),
        page(*HEAD, box("Freshman-Sophomore Individual Test", 200, 80), box("1.", 50, 200), box("7", 120, 200)),
        page(box("Junior-Senior Individual Test", 200, 50), box("1. Find 2.", 50, 200)),
        page(*HEAD, box("Junior-Senior Individual Test", 200, 80), box("1.", 50, 200), box("8", 120, 200)),
        page(box("5-Person Team Test", 200, 50), box("1. Find 3.", 50, 200)),
    ]
    found = sections(pages, None)
    assert {name: [(item.text) for item in [*asked, *keys]] for name, (asked, keys) in found.items()} == {
        "freshman_sophomore_test": ["Find 1.", "7"],
        "junior_senior_test": ["Find 2.", "8"],
    }


def listed(head: list[Box], *texts: str, first: int = 1, number: int = 1) -> ScannedPage:
    """A page with a head and numbered texts."""
    lines = [box(f"{n}. {text}", 50, 140 + 40 * n) for n, text in enumerate(texts, first)]
    return page(*head, *lines, number=number)


QUESTIONS = listed([], "Find 1 + 1.", "Find 2 + 2.", "Find 3 + 3.", "Find 4 + 4.")
KEY = [box("Answer Key", 200, 40)]


@pytest.mark.parametrize(
    ("pages", "message"),
    [
        ([listed([box("Fr-So Test", 200, 40)], "Find 1."), listed(KEY, "1"),
          listed([box("Jr-Sr Test", 200, 40)], "Find 2.", number=3)],
         "contest.pdf, page 3: its heading names junior_senior_test, and one before it freshman_sophomore_test"),
        ([QUESTIONS, listed(KEY, "2", "4", "6", "8"), listed([], "Find 5.", "Find 6.", number=3)],
         "contest.pdf, page 3: the numbers begin again at 1"),
        ([QUESTIONS, listed([box("Answers to Set A", 200, 40)], "2", "4"), listed([], "Find 5.", "Find 6.", number=3)],
         "contest.pdf, page 3: the numbers begin again at 1"),
        ([listed([box("Fr-So Test", 200, 40)], *"abcd"), listed([box("and the seniors?", 70, 40)], "e", first=5),
          listed(KEY, *"12345"), listed([box("Name:", 40, 40)], "", "")], None),
    ],
)  # fmt: skip
def test_a_file_of_one_section_that_holds_two_is_refused(tmp_path, monkeypatch, pages, message):
    """Its second key would be taken for the first."""
    monkeypatch.setattr(scan, "read_scan", lambda _: pages)
    if message is None:
        assert len(read_sections(tmp_path / "2019 contest.pdf", "contest")["contest"][0]) == 5
    else:
        with pytest.raises(InputError, match=message):
            read_sections(tmp_path / "2019 contest.pdf", "contest")


@pytest.mark.parametrize(
    "sheets",
    [
        [listed(KEY, "2", "4"), listed(KEY, "6", "8", first=3)],
        [listed(KEY, "6", "8", first=3), listed(KEY, "2", "4")],
        [listed(KEY, "2", "4"), listed([], "6", "8", first=3)],  # no heading
        [listed(KEY, "9"), listed(KEY, "2", "4", "6", "8")],  # of two with the same numbers, the one with more
        [listed(KEY, "2", "4", "6", "8"), listed(KEY, "9")],
    ],
)
def test_a_key_may_take_several_pages(sheets):
    ((asked, keys),) = sections([QUESTIONS, *sheets], "exam").values()
    assert {item.number: item.text for item in keys} == {1: "2", 2: "4", 3: "6", 4: "8"}
    assert [item.text for item in asked] == ["Find 1 + 1.", "Find 2 + 2.", "Find 3 + 3.", "Find 4 + 4."]


def test_questions_may_go_on_after_a_key():
    more = listed([], "Find 5 + 5.", first=5)
    ((asked, keys),) = sections([QUESTIONS, listed(KEY, "2", "4", "6", "8"), more], "exam").values()
    assert ([item.number for item in asked], [item.number for item in keys]) == ([1, 2, 3, 4, 5], [1, 2, 3, 4])


def test_an_answer_whose_question_the_engine_missed_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(scan, "read_scan", lambda _: [QUESTIONS, listed(KEY, "2", "4", "6", "8", "10")])
    problems, left_out = problems_of(tmp_path / "2019 exam.pdf", 2019, "exam", 0.9)
    assert [problem.number for problem in problems] == [1, 2, 3, 4]
    assert [(one.id, one.page, one.reason) for one in left_out] == [("2019/exam/05", None, "its question is not read")]


@pytest.fixture
def scanned(tmp_path, monkeypatch) -> Path:
    """A page of our own as a picture without text."""
    document = FPDF(unit="pt", format="letter")
    for number, sheet_of in enumerate(pypdfium2.PdfDocument(typeset(EXAM))):
        picture = tmp_path / f"{number}.png"
        Image.fromarray(sheet_of.render(scale=2).to_numpy()).convert("L").save(picture)
        document.add_page()
        document.image(str(picture), 0, 0, 612, 792)
    document.output(tmp_path / "2019 exam.pdf")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "2019 exam.pdf"


def test_a_scan_is_read_by_the_engine_once(scanned, monkeypatch):
    pytest.importorskip("rapidocr", reason="the extra 'ocr' is not installed")
    problems, left_out = problems_of(scanned, 2019, "exam", 0.8)
    assert [(problem.id, problem.question, problem.answer, problem.page) for problem in problems] == [
        ("2019/exam/01", EXAM.questions[0].text, "24", 1),
        ("2019/exam/02", EXAM.questions[1].text, "20", 1),
    ]
    assert [(question.number, question.reason) for question in left_out] == [(3, "refers to a figure")]
    monkeypatch.setattr(ocr, "_scanned", lambda *_: pytest.fail("was read again"))
    assert problems_of(scanned, 2019, "exam", 1.0)[0] == []
    shutil.rmtree("cache")


def test_the_key_of_a_scan_may_be_a_scan_of_its_own(tmp_path, monkeypatch):
    scans = {
        "2019 exam.pdf": page(box("1. Find 1 + 1.", 50, 200), box("2. Find 2 + 2.", 50, 260)),
        "2019 exam.key.pdf": page(box("1.", 50, 200), box("2", 120, 200), box("2.", 50, 260), box("4", 120, 260)),
    }
    monkeypatch.setattr(scan, "read_scan", lambda path: [scans[path.name]])
    problems, left_out = problems_of(tmp_path / "2019 exam.pdf", 2019, "exam", 0.9, tmp_path / "2019 exam.key.pdf")
    assert [(one.question, one.answer, one.source) for one in problems] == [
        ("Find 1 + 1.", "2", "2019 exam.pdf"),
        ("Find 2 + 2.", "4", "2019 exam.pdf"),
    ]
    assert not left_out


def test_a_missing_engine_is_one_message(scanned, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "rapidocr", None)
    with pytest.raises(InputError, match=r"'rapidocr' and 'openvino' are not installed.*make extra NAME=ocr"):
        read_scan(scanned)
