from pathlib import Path

import pytest
from fpdf import FPDF

from distil.pipeline.files import InputError
from stages.parsed.exam import read_exam
from stages.raw.exam_pdf import Exam, PrintedQuestion, typeset

FOLDER = Path(__file__).parent / "exams"
HEIGHT = 792


def page(document: FPDF, lines: list[tuple[float, float, str]]) -> None:
    """A page with each text at its place: from the left, from the top."""
    document.add_page()
    document.set_font("times", size=11)
    for left, top, text in lines:
        document.text(left, top, text)


@pytest.fixture
def read(tmp_path):
    """Read an exam made of pages of placed lines: its questions with their answers, and what is left out."""

    def read_pages(*pages: list[tuple[float, float, str]], draw=None):
        document = FPDF(unit="pt", format="letter")
        for number, lines in enumerate(pages):
            page(document, lines)
            if draw and number == 0:
                draw(document)
        path = tmp_path / "2019 exam.pdf"
        document.output(path)
        problems, left_out = read_exam(path, 2019, "exam")
        return [(problem.number, problem.question, problem.answer) for problem in problems], left_out

    return read_pages


QUESTIONS = [(60, 100, "1. Find 1 + 1."), (60, 130, "2. Find 2 + 2.")]
KEY = [(60, 100, "Answer Key"), (60, 130, "1. 2"), (60, 150, "2. 4")]
READ = [(1, "Find 1 + 1.", "2"), (2, "Find 2 + 2.", "4")]


@pytest.mark.parametrize(
    "pages",
    [
        [QUESTIONS, KEY],
        [[(200, 60, "The 2019 Exam"), (60, 80, "Show your answers"), *QUESTIONS], KEY],
        [[*QUESTIONS, (60, 200, "ANSWERS:"), (60, 230, "1) 2"), (60, 250, "2) 4")]],
        [[*QUESTIONS, (60, 200, "Key"), (60, 230, "1. 2"), (260, 230, "2. 4")]],
        [[(60, 100, "1."), (90, 100, "Find 1 + 1."), (60, 130, "2."), (90, 130, "Find 2 + 2.")], KEY],
        [QUESTIONS, [(60, 80, "The 2019 Solutions"), *KEY]],
        [QUESTIONS, [(60, 100, "Answer key."), *KEY[1:]]],
        [[(60, 100, "1. Find 1"), (72, 114, "+ 1."), (60, 140, "2. Find 2 + 2.")], KEY],
        [[(60, 100, "1. Find 1 + 1."), (320, 100, "2. Find 2 + 2.")], KEY],
        [[(60, 100, "1. Find 1 + 1.")], [(60, 100, "2. Find 2 + 2.")], KEY],
        [[(60, 700, "1. Find 1 + 1."), (320, 100, "2. Find 2"), (332, 114, "+ 2.")], KEY],
        [
            [(60, 30, "Spring 2019"), *QUESTIONS[:1], (300, 760, "Page 1 of 3")],
            [(60, 30, "Spring 2019"), *QUESTIONS[1:], (300, 760, "Page 2 of 3")],
            [(60, 30, "Spring 2019"), *KEY, (300, 760, "Page 3 of 3")],
        ],
    ],
)
def test_questions_and_answers_are_joined(read, pages):
    problems, left_out = read(*pages)
    assert problems == READ and not left_out


@pytest.fixture
def read_apart(tmp_path):
    """Read an exam and its key from two files of a page each."""

    def read_files(questions, key):
        paths = tmp_path / "2019 exam.pdf", tmp_path / "2019 exam key.pdf"
        for path, lines in zip(paths, (questions, key), strict=True):
            document = FPDF(unit="pt", format="letter")
            page(document, lines)
            document.output(path)
        problems, left_out = read_exam(paths[0], 2019, "exam", paths[1])
        assert {problem.source for problem in problems} == {"2019 exam.pdf"} and not left_out
        return [(problem.number, problem.question, problem.answer) for problem in problems]

    return read_files


@pytest.mark.parametrize(
    "key",
    [
        KEY,
        KEY[1:],  # under no heading
        [(200, 60, "The 2019 Exam, Key"), *KEY[1:]],
        [(60, 100, "1) 2"), (260, 100, "2) 4")],
        [(60, 100, "Answers: 1. 2, 2. 4")],
    ],
)
def test_a_key_in_a_file_of_its_own_is_joined(read_apart, key):
    assert read_apart(QUESTIONS, key) == READ


@pytest.mark.parametrize(
    ("questions", "key", "message"),
    [
        (QUESTIONS, KEY[:2], "2019 exam.pdf, page 1: question 2 has no answer in .*2019 exam key.pdf"),
        (QUESTIONS[:1], KEY, "2019 exam key.pdf, page 1: the key answers question 2, which is not in .*2019 exam.pdf"),
        (QUESTIONS, [(60, 100, "See the website.")], "2019 exam key.pdf: no numbered answers found"),
        (
            [*QUESTIONS, (60, 200, "Key"), *[(60, 230, "1. 2"), (60, 250, "2. 4")]],
            KEY,
            "exam.pdf with .*2019 exam key.pdf: answer 1 comes",
        ),
    ],
)
def test_a_key_apart_that_does_not_fit_is_said(read_apart, questions, key, message):
    with pytest.raises(InputError, match=message):
        read_apart(questions, key)


def test_a_wrapped_line_that_begins_with_a_number_is_no_question(read):
    wrapped = [(60, 100, "1. Find the sum of 7 and"), (80, 114, "19. Then halve it."), (60, 140, "2. Find 2 + 2.")]
    problems, _ = read(wrapped, KEY)
    assert problems[0] == (1, "Find the sum of 7 and 19. Then halve it.", "2")


def test_a_hyphen_at_the_end_of_a_line_stays(read):
    lines = [(60, 80, "1. A two-"), (72, 94, "person event has 3 -"), (72, 108, "1 rounds."), *QUESTIONS[1:]]
    problems, _ = read(lines, KEY)
    assert problems[0][1] == "A two-person event has 3 - 1 rounds."


@pytest.mark.parametrize(
    ("before", "line", "kept"),
    [
        ("Ann has 4 in round 1 and twice as many in", "round 2. Find her total.", True),
        ("Ann has 4 in the first and twice as many in", "Round 2. Find her total.", None),
        ("Bob solves some of", "questions 3 to 5 with a pencil. How many?", True),
        ("Find the sum of all", "solutions", True),
        ("Consider x = 4.", "Find all real solutions.", True),
        ("Ann has 4 of them.", "Round 1 gives 5 more", None),
        ("Ann has 4 of them.", "Use a pencil for questions 3 to 5.", None),
        ("Find 1 + 1.", "Part II: Geometry", False),
        ("Find 1 + 1.", "Round 2 (5 points each)", False),
        ("Find the sum of one and one", "Part II", False),
    ],
)
def test_a_sentence_is_no_heading(read, before, line, kept):
    """`kept` says whether the line belongs to its question; None where nobody can say, and the question is left out."""
    problems, left_out = read([(60, 100, f"1. {before}"), (72, 114, line), *QUESTIONS[1:]], KEY)
    expected = {True: [(1, f"{before} {line}", "2")], False: [(1, before, "2")], None: []}[kept]
    assert problems == [*expected, READ[1]]
    assert [one.reason for one in left_out] == ["holds pieces of a neighbour"] * (kept is None)


def test_a_question_about_answers_is_no_heading(read):
    asked = [(60, 100, "Problem 1 Find 1 + 1."), (60, 130, "Problem 2 Find all integer solutions")]
    problems, _ = read(asked, [(60, 100, "answer key"), *KEY[1:]])
    assert problems == [(1, "Find 1 + 1.", "2"), (2, "Find all integer solutions", "4")]


def test_a_line_above_several_questions_is_no_part_of_the_one_before(read):
    lines = [*QUESTIONS[:1], (60, 116, "Questions 2 to 3 are about x = 4."), *QUESTIONS[1:]]
    problems, left_out = read(lines, KEY)
    assert problems == READ[:1] and [one.reason for one in left_out] == ["holds pieces of a neighbour"]


@pytest.mark.parametrize(
    ("pages", "message"),
    [
        ([QUESTIONS], "no answer key found"),
        ([[(60, 100, "Find 1 + 1.")], [(60, 100, "2")]], "no numbered questions found"),
        ([[*QUESTIONS, (60, 160, "2. Again?")], KEY], "question 2 comes twice, on page 1 and on page 1"),
        ([QUESTIONS, [*KEY, (60, 170, "1. 3")]], "answer 1 comes twice, on page 2 and on page 2"),
        ([[*QUESTIONS, (60, 160, "3. Find 3 + 3.")], KEY], "page 1: question 3 has no answer in the key"),
        ([QUESTIONS, [*KEY, (60, 170, "3. 6")]], "page 2: the key answers question 3, which is not"),
        ([[*QUESTIONS, (60, 160, "3.")], [*KEY, (60, 170, "3. 6")]], "page 1: question 3 is empty"),
        ([QUESTIONS, [*KEY[:2], (60, 150, "2.")]], "page 2: answer 2 is empty"),
        (
            [[*QUESTIONS, (60, 160, "3. Find 3.")], [*KEY[:2], (60, 150, "Answers to Part II"), (60, 170, "3. 3")]],
            "page 1: question 2 has no answer in the key",
        ),
        ([[]], "no text layer"),
    ],
)
def test_what_does_not_match_is_said(read, pages, message):
    with pytest.raises(InputError, match=message) as raised:
        read(*pages)
    assert "2019 exam.pdf" in str(raised.value)


def test_a_scan_is_said(tmp_path):
    from PIL import Image

    document = FPDF(unit="pt", format="letter")
    page(document, QUESTIONS)
    document.add_page()
    document.image(Image.new("L", (85, 110), 200), 0, 0, 612, 792)
    document.output(tmp_path / "scan.pdf")
    with pytest.raises(InputError, match=r"scan.pdf: page 2 of 2 has no text layer.*ocr"):
        read_exam(tmp_path / "scan.pdf", 2019, "exam")


@pytest.mark.parametrize(
    ("draw", "text", "reason"),
    [
        (lambda d: d.rect(80, 140, 50, 30), "Find the area.", "has a drawing"),
        (lambda d: d.line(80, 140, 120, 170), "Find the length.", "has a drawing"),
        (None, "Find the area of the circle in the figure.", "refers to a figure"),
        (None, "In the diagram, ABCD is a rhombus. Find x.", "refers to a figure"),
        (None, "Find x in the triangle, as shown.", "refers to a figure"),
        (None, "Round to four significant figures.", None),
        (None, "The graph of y = 2x has which slope?", None),
        (lambda d: d.line(300, 50, 300, 700), "Find the slope.", None),  # between columns
        (lambda d: d.line(60, 118, 550, 118), "Find the slope.", None),  # across the page
        (lambda d: d.rect(5, 5, 600, 780), "Find the slope.", None),  # a frame around the page
    ],
)
def test_questions_that_need_a_figure_are_left_out(read, draw, text, reason):
    problems, left_out = read([(60, 100, "1. Find 1 + 1."), (60, 130, f"2. {text}")], KEY, draw=draw)
    assert [problem[0] for problem in problems] == ([1] if reason else [1, 2])
    assert [(question.id, question.reason) for question in left_out] == ([("2019/exam/02", reason)] if reason else [])


def test_a_drawing_belongs_to_the_question_above_it_in_its_column(tmp_path):
    drawn = PrintedQuestion("Find the perimeter of it.", "20", ("rectangle", 20, 14))
    paper = Exam(
        2019,
        "exam",
        "Contest",
        "Test",
        2,
        400,
        (PrintedQuestion("Find 1.", "1"), drawn, PrintedQuestion("Find 3.", "3")),
    )
    (tmp_path / "exam.pdf").write_bytes(typeset(paper))
    problems, left_out = read_exam(tmp_path / "exam.pdf", 2019, "exam")
    assert [problem.number for problem in problems] == [1, 3] and [question.number for question in left_out] == [2]


def test_an_exam_that_typst_set():
    problems, left_out = read_exam(FOLDER / "2019 JS (Typst).pdf", 2019, "junior_senior_test")
    assert {problem.number: (problem.question, problem.answer) for problem in problems} == {
        1: (
            "Find the value of x^2 + 3x - 4 when x = 5/2, and give your answer as a common fraction reduced to lowest "
            "terms.",
            "39/4",
        ),
        2: (
            "Solve sqrt(x + 7) = x - 5 for all real values of x that satisfy the equation and list all of them in "
            "order.",
            "9",
        ),
        3: ("Find (x^2+3)/(y-1) if x = 4 and y = 3. Then find (a + b)/(c^2 + 1) + sqrt(2) = 2^(n+1).", "19/2"),
        4: (
            "What is the sum of the first 20 positive odd integers? The next line begins with a number, the number 19. "
            "It is no question.",
            "400",
        ),
        5: ("If log_2 x = 5, find x. An efficient office filed 1,234 affidavits.", "32"),
        6: ("Evaluate (1/2 + 1/3)/(1/4) and e^(-x^2/2) at x = 0. Find (x + 1)^(1/3).", "10/3 and 1"),
        7: ("Compute (1+sqrt(5))/2 to the nearest integer.", "2"),
        9: ("Evaluate ((x + 1)/(x - 1))^2 for x = 3.", "4"),
        10: ("Find sqrt(1 + sqrt(1 + x/2)).", "1"),
        11: ("A large box has a volume of 3 1/2 cubic feet. Find its volume in in^3.", "6048"),
        13: (  # a word divided at the end of a line keeps its hyphen: nothing tells it from `two-person`
            "Find the well-known number π to two deci-mals, and say whether it is larger than 22/7 or sqrt(10) or "
            "neither of them.",
            "3.14; neither",
        ),
        14: ("Simplify a^(1/2) ⋅ a^(-1/2).", "1"),
    }
    assert {question.number: question.reason for question in left_out} == {8: "has a drawing", 12: "refers to a figure"}
    assert {problem.page for problem in problems} == {1, 2}


def test_an_exam_that_a_browser_printed():
    problems, left_out = read_exam(FOLDER / "2020 2-Person (browser).pdf", 2020, "two_person_speed_event")
    assert not left_out
    assert [(problem.question, problem.answer) for problem in problems] == [
        ("Find the value of x^2 + 3x when x = 5/2.", "55/4"),
        (
            "Solve sqrt(x + 7) = x - 5. This is a long sentence that is here only so that it wraps around the end of "
            "the line and carries on below it.",
            "9",
        ),
        ("Find (a + b)/c^2 and sqrt((a + b)/2)", "½"),
        ("10^3 is what number, and x_1 too?", "1000"),
    ]
