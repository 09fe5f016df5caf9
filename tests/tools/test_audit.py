"""Where scan and transcription differ, and whether a recorded erratum is among the differences."""

import pytest

from distil.pipeline.files import write_json
from distil.pipeline.records import Problem
from stages.parsed.ocr import ScannedItem
from tests.workspace import inside
from tools.audit import TextDifference, different, is_among, printed_number


def differences(scan: str, typed: str) -> list[TextDifference]:
    return [TextDifference("2030/test/01", "question", *one, 0.9) for one in different(scan, typed)]


@pytest.mark.parametrize(
    ("scan", "typed", "found"),
    [
        ("Find 12 of 30 apples.", "Find 12 of 36 apples.", [("30", "36")]),
        ("Find $x^2$ − 1", "Find x² - 1", []),  # notation alone
        ("Find (a × b)", "find a * b", []),
        ("Find f-1(2) in ∆ABC at 9°", "Find $f⁻¹(2)$ in ΔABC at 9∘", []),
        ("Let k = 1/(pq) + 4", "Let k = 1/p + 4", [("pq", "p")]),
        ("Find a b c d e f g now", "Find 1 2 3 4 5 6 7 now", []),  # a formula that is torn apart
    ],
)
def test_short_differences_of_more_than_notation(scan, typed, found):
    assert list(different(scan, typed)) == found


@pytest.mark.parametrize(
    ("scan", "typed", "printed", "transcribed", "among"),
    [
        ("Find 12 of 30 apples.", "Find 12 of 36 apples.", "30 apples", "36 apples", True),
        ("Let k = 1/(pq) ÷ 4", "Let k = 1/p + 4", "1/(pq)", "1/p", True),  # a sign beside it is misread
        ("Find A(6, k), B(1 3, w).", "Find A(6, k), B(1, w).", "B(13, w)", "B(1, w)", True),  # a space in a number
        ("Find log₅ 49 + 2", "Find log₇ 49 + 2", "log_5(49)", "log_7(49)", True),
        ("Find r = and s = 2", "Find r = -3/5 and s = 2", "r = -3/4", "r = -3/5", True),  # the engine reads nothing
        ("Find 12 of 30 pears.", "Find 12 of 30 apples.", "30", "36", False),
        ("Let k = 1/(pq) ÷ 4", "Let k = 1/(pq) + 4", "1/(pq)", "1/p", False),
        ("Find 14 of 30 apples.", "Find 12 of 30 apples.", "4 men", "2 men", False),  # digits of another number
    ],
)
def test_an_erratum_is_found_by_its_own_difference(scan, typed, printed, transcribed, among):
    assert is_among(printed, transcribed, differences(scan, typed), "2030/test/01", "question") is among
    assert not is_among(printed, transcribed, differences(scan, typed), "2030/test/02", "question")


@pytest.mark.parametrize(
    ("number", "text", "printed"),
    [
        (1, "Find the area of a circle.", 1),
        (2, "How many apples are in thirty baskets?", 3),  # the transcriber left out the second
        (2, "Add all the numbers from ten to ninety.", 2),  # which nobody has printed
        (9, "How many apples are in thirty baskets?", 9),  # too far away
    ],
)
def test_a_question_that_was_counted_on_is_found_by_its_text(number, text, printed):
    texts = {1: "Find the area of a circle.", 2: "See the drawing.", 3: "How many apples are in thirty baskets ?"}
    asked = {f"2030/test/{n:02}": ScannedItem(n, 1, scanned) for n, scanned in texts.items()}
    problem = Problem(id=f"2030/test/{number:02}", year=2030, section="test", number=number, question=text, answer="1",
                      source="2030.json")  # fmt: skip
    assert printed_number(problem, asked) == printed


def test_other_exams_than_the_studys_are_refused_before_they_are_read(tmp_path):
    exams = {"source": "sample", "origin": "", "licence": "", "exams": []}
    write_json(tmp_path / "data/raw/manifest.json", exams)
    done = inside(tmp_path, "tools.audit")
    assert done.returncode == 1 and "data/raw has the exams of raw.source sample" in done.stderr
