import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stages.parsed.exam import read_exam
from stages.parsed.formula import read_formulas, read_line
from stages.parsed.lines import read_lines, without_furniture
from stages.parsed.page import Page, Piece, Rule
from stages.raw.exam_pdf import Exam, PrintedQuestion, typeset
from tests.parsed.formulas import EXPRESSIONS, SENTENCES, typeset_and_read


@pytest.mark.parametrize(
    "text",
    [
        "Find the value of (x^2 + 34)/2 - 18.",
        "Three quiz scores have the mean (27 + 27 + 3)/3.",
        "sqrt(27 + 22) + 8",
        "x^(1/2) and e^(-x^2/2)",
        "((a + b)/(c + d))^2",
        "(1/2 + 1/x)/(3 + 1/(2x))",
        "1/(1 + 1/(1 + 1/x))",
        "sqrt(sqrt(2) + 1/2)",
        "(sqrt((0/0)/(0/0)))",
        "2^(2^(n + 1))",
        "2sqrt(3)/3 or 3 1/2 or -3/4.",
        "(g + y)/(j + Q)",
        "(3)/4, x^(2), 1/2/3, f(x)/2, and/or, 10/11/2012",
    ],
)
def test_comes_back_as_it_was_typeset(text, tmp_path):
    assert typeset_and_read(text, tmp_path) == text


@settings(max_examples=150)
@given(text=SENTENCES)
def test_any_line_comes_back(text, tmp_path_factory):
    assert typeset_and_read(text, tmp_path_factory.getbasetemp()) == text


@settings(max_examples=15)
@example(questions=[("Find it", "5^((1/(2/3)))"), ("Find", "x^((a/(b/c)))"), ("Find", "0^((0/(0/0)))")], columns=1)
@given(questions=st.lists(st.tuples(SENTENCES, EXPRESSIONS), min_size=1, max_size=8), columns=st.integers(1, 3))
def test_any_exam_comes_back(questions, columns, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "exam.pdf"
    exam = Exam(2011, "s", "Contest", "Test", columns, 10, tuple(PrintedQuestion(*question) for question in questions))
    path.write_bytes(typeset(exam))
    problems, left_out = read_exam(path, 2011, "s")
    assert [(problem.question, problem.answer) for problem in problems] == questions
    assert not left_out


def glyphs(text: str, left: float, baseline: float, size: float = 10) -> list[Piece]:
    """Glyphs half their size wide, with ink from the baseline to 0.7 of their size; a space is half as wide."""
    pieces = []
    for character in text:
        if character == " ":
            left += size / 4
            continue
        axis = baseline + size / 4
        pieces.append(Piece(character, left, left + size / 2, baseline, baseline + 0.7 * size, axis, size))
        left += size / 2
    return pieces


@pytest.mark.parametrize(
    ("pieces", "rules", "text"),
    [
        ([*glyphs("log", 0, 0), *glyphs("2", 15, -2, 7), *glyphs("x", 21, 0)], [], "log_2 x"),
        ([*glyphs("x", 0, 0), *glyphs("1", 5, -2, 7), *glyphs("2", 8.5, 4, 7)], [], "x_1^2"),
        ([*glyphs("3", 0, 0), *glyphs("1", 5, 6), *glyphs("2", 5, -6)], [Rule(5, 10, 3)], "3 1/2"),
        ([*glyphs("1", 0, 6), *glyphs("2", 0, -6), *glyphs("x", 5, 0)], [Rule(0, 5, 3)], "(1/2)x"),
        ([*glyphs("a", 0, 0), *glyphs("1", 5, 6), *glyphs("2", 5, -6)], [Rule(5, 10, 3)], "a(1/2)"),
        ([*glyphs("√", 0, 0), *glyphs("8", 5, 0), *glyphs("3", 0, 5, 5)], [Rule(5, 10, 8)], "(8)^(1/3)"),
        ([*glyphs("√3", 0, 0)], [], "√3"),
        ([*glyphs("an odd one", 0, 0), *glyphs("of them", 0, -12)], [Rule(12.5, 27.5, -1)], None),
        ([*glyphs("one", 0, 0)], [Rule(0, 15, -1)], "one"),
        ([*glyphs("one", 0, 0)], [Rule(0, 400, 30)], "one"),
    ],
)
def test_what_others_typeset_is_read(pieces, rules, text):
    found = read_formulas(pieces, rules)
    if text is None:  # nothing is read into the underline
        assert sorted(piece.text for piece in found) == sorted(piece.text for piece in pieces)
    else:
        assert read_line(found) == text


@pytest.mark.parametrize(("left", "kept"), [(303, False), (72, True)])
def test_a_number_that_counts_the_pages_is_dropped_only_in_the_middle(left, kept):
    """LaTeX sets page numbers above the margin; a question may end in a number of its own."""
    pages = [
        Page(number, 612, 792, [*glyphs("Find the sum of all", 72, 300), *glyphs(str(number), left, 130)])
        for number in (7, 8)
    ]
    lines = without_furniture(pages, [read_lines(page) for page in pages])
    assert [[line.text for line in found] for found in lines] == [
        ["Find the sum of all", *([str(number)] if kept else [])] for number in (7, 8)
    ]
