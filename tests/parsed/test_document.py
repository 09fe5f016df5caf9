"""Exams as their authors wrote them: LaTeX, Word, Markdown, HTML."""

import json
import re
import zipfile

import pytest

from distil.exams.problem_sets import read_problems, ready_mappings
from distil.pipeline.files import InputError
from distil.verifier import verify
from stages.parsed.exam import read_exam

SOURCE = r"""\documentclass{article}\usepackage{amsmath,multicol}
\begin{document}
\begin{center}{\Large Spring Contest}\\ Section A\end{center}
Show your work. Answers without it count half.
\begin{enumerate}
\item Simplify $\dfrac{x^2-9}{x+3}$ for $x\ne -3$.
\item What is the determinant of $\begin{pmatrix}2&3\\1&4\end{pmatrix}$?
\item Which is prime?
  \begin{enumerate}\item 9 \item 11 \item 15\end{enumerate}
\item Compute
  \[ \sum_{k=1}^{10} k^2 \]
  and halve it.
\item The 5\textsuperscript{th} power of 2 is H\textsubscript{2}O-like. Find it. \newpage
\end{enumerate}
\section*{Answer Key}
\begin{multicols}{2}
\begin{enumerate}\item $x-3$ \item $5$ \item b \item $\frac{385}{2}$ \item 32\end{enumerate}
\end{multicols}
\end{document}"""
ANSWERS = ["x-3", "5", "b", r"\frac{385}{2}", "32"]


@pytest.fixture
def exam(tmp_path):
    """The exam in a format, converted by pandoc from its LaTeX."""
    pypandoc = pytest.importorskip("pypandoc", reason="the extra 'documents' is not installed")

    def written(kind: str):
        path = tmp_path / f"2019 exam.{kind}"
        if kind == "tex":
            path.write_text(SOURCE)
        else:
            source = re.sub(r"\\(begin|end)\{multicols\}(\{2\})?|\\newpage", "", SOURCE)
            form = {"md": "markdown", "html": "html"}.get(kind, kind)
            arguments = ["--mathml"] if kind == "html" else []
            pypandoc.convert_text(source, form, format="latex", outputfile=str(path), extra_args=arguments)
        return path

    return written


def words(text: str) -> list[str]:
    """A question's words and numbers, whatever its notation."""
    plain = re.sub(r"\(\w\)|\\(begin|end)\{\w+\}(\{\w+\})?|\\[A-Za-z]+|&[a-z]+;", " ", text)
    return re.findall(r"\d+|[A-Za-z]{3,}", plain)


@pytest.mark.parametrize("kind", ["tex", "docx", "md", "html"])
def test_every_format_gives_the_same_problems(exam, kind, tmp_path):
    problems, left_out = read_exam(exam(kind), 2019, "exam")
    assert [problem.number for problem in problems] == [1, 2, 3, 4, 5] and not left_out
    assert [verify(problem.answer, f"${key}$").verdict for problem, key in zip(problems, ANSWERS, strict=True)] == [
        "CORRECT"
    ] * 5
    rows = [{"question": one.question, "answer": key} for one, key in zip(problems, ANSWERS, strict=True)]
    (tmp_path / "same.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    expected, _ = read_exam(exam("tex"), 2019, "exam")
    for problem, other in zip(
        expected, read_problems(tmp_path / "same.jsonl", ready_mappings()["plain"], 3), strict=True
    ):
        assert words(problem.question) == words(other.question)
    assert "(a) 9 (b) 11 (c) 15" in problems[2].question or kind == "md"  # whose lists have no letters
    assert problems[4].question.startswith("The 5th power of 2 is H_2O-like.") or kind == "html"


@pytest.mark.parametrize(
    "name", ["2015_sup", "2019_plain", "2022_style", "2023 Algebra Final", "2024 Geometry two column"]
)
def test_a_pdf_gives_what_its_source_gives(shared, name):
    pytest.importorskip("pypandoc", reason="the extra 'documents' is not installed")
    source, _ = read_exam(shared / "cases/pdf" / f"{name}.tex", 2019, "s")
    pdf, _ = read_exam(shared / "cases/pdf" / f"{name.replace('_', ' ')}.pdf", 2019, "s")
    written = {problem.number: problem for problem in source}
    assert len(pdf) >= 0.75 * len(source)
    for problem in pdf:
        assert verify(written[problem.number].answer, problem.answer).verdict == "CORRECT"


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        (r"See \includegraphics{a.png}.", "has a drawing"),
        (r"\begin{tikzpicture}\draw (0,0)--(1,1);\end{tikzpicture} Find it.", "has a drawing"),
        (r"Find it. \begin{tabular}{cc}1&2\\3&4\end{tabular}", "holds a table"),
        (r"In the figure, find it.", "refers to a figure"),
        (r"Find \mystery{3}.", "holds a sign that is not read"),
        (r"Find \sout{3} 4.", "holds a bar that is not read"),
    ],
)
def test_what_is_no_text_is_left_out(tmp_path, inside, reason):
    pytest.importorskip("pypandoc", reason="the extra 'documents' is not installed")
    path = tmp_path / "2019 exam.tex"
    path.write_text(
        rf"\begin{{enumerate}}\item Find 1. \item {inside}\end{{enumerate}}"
        r"\section*{Answers}\begin{enumerate}\item 1 \item 2\end{enumerate}"
    )
    problems, left_out = read_exam(path, 2019, "exam")
    assert [problem.number for problem in problems] == [1]
    assert [(question.number, question.reason) for question in left_out] == [(2, reason)]


def test_a_missing_pandoc_is_one_message(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pypandoc", None)
    (tmp_path / "a.docx").touch()
    with pytest.raises(InputError, match=r"'pypandoc-binary' is not installed.*make extra NAME=documents"):
        read_exam(tmp_path / "a.docx", 2019, "exam")


@pytest.mark.parametrize("name", ["a.docx", "a.tex"])
def test_a_damaged_document_is_one_message(tmp_path, name):
    pytest.importorskip("pypandoc", reason="the extra 'documents' is not installed")
    (tmp_path / name).write_bytes(b"\xff\xfe no document")
    with pytest.raises(InputError, match=name):
        read_exam(tmp_path / name, 2019, "exam")


@pytest.fixture
def read(tmp_path):
    """Read an exam from its source: its problems as (number, question, answer), and the reasons by number."""
    pytest.importorskip("pypandoc", reason="the extra 'documents' is not installed")

    def read_source(source: str, kind: str = "md"):
        path = tmp_path / f"2019 exam.{kind}"
        path.write_text(source, encoding="utf-8")
        problems, left_out = read_exam(path, 2019, "exam")
        found = [(problem.number, problem.question, problem.answer) for problem in problems]
        return found, {question.number: question.reason for question in left_out}

    return read_source


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("x^2+y^2=25", "x^2+y^2=25"),
        ("2^3^2", "2^3^2"),
        ("x^2^+1 and the 5^th^ H~2~O", "x^2+1 and the 5th H_2O"),  # as pandoc writes them
        ("2*3*4", "2*3*4"),
        ("2*3*-4", "2*3*-4"),
        ("a*b = 6*1", "a*b = 6*1"),
        ("2**3**2", "2**3**2"),
        ("*f*(x) = 3*x* + 1 for the *n*th", "f(x) = 3x + 1 for the nth"),
        ("x<p and p>3", "x<p and p>3"),
        ("5--3, 'a' <!-- easy --> | b |", "5--3, 'a' | b |"),
        (r"\(a_1 * b * c\) in \[2, 5\]", "$a_1 * b * c$ in [2, 5]"),
        (r"2\*3 `4*5*6` $7*8*9$", "2*3 4*5*6 $7*8*9$"),
        *[(one, one) for one in ("- 5", "* 5", "> 3", "# 6", "12.", "i.", "B.", "(2) 3", "| x | = 3")],
    ],
)
def test_markdown_comes_through_as_it_was_written(read, written, meant):
    problems, left_out = read(f"1. Find {written}.\n2. {written}\n\n# Answers\n\n1. {written}\n2. 4\n")
    assert [question for _, question, _ in problems] == [f"Find {meant}.", meant] and not left_out
    assert problems[0][2] == meant


@pytest.mark.parametrize(
    ("choices", "meant"),
    [
        ("(A) 1 (B) 2 (C) 3", "(A) 1 (B) 2 (C) 3"),
        ("(A) 1 (B) 2\n(C) 3 (D) 4", "(A) 1 (B) 2 (C) 3 (D) 4"),
        ("A) 1  B) 2", "A) 1 B) 2"),
        ("a. 1  b. 2", "a. 1 b. 2"),
        ("a. 1\nb. 2", "a. 1 b. 2"),
        ("i) 1\nii) 2", "i) 1 ii) 2"),
        ("- (A) 1\n- (B) 2", "(A) 1 (B) 2"),
        ("- A) 1\n- B) 2", "A) 1 B) 2"),
        ("- 1\n- 2", "1 2"),
        ("* $1$\n* $2$", "$1$ $2$"),
    ],
)
@pytest.mark.parametrize("indent", ["", "   "])
def test_choices_in_markdown_are_asked(read, choices, meant, indent):
    choices = "".join(f"{indent}{line}\n" for line in choices.splitlines())
    problems, left_out = read(f"1. Which is prime?\n{choices}2. Find 2.\n\n# Answers\n\n1. B\n2. 2\n")
    assert problems == [(1, f"Which is prime? {meant}", "B"), (2, "Find 2.", "2")] and not left_out


@pytest.mark.parametrize(
    "text",
    [
        "Let n = 24. Find n.\n   2. is prime?",
        "Compute 5\n   - 3",
        "Compute 5\n   - 3\n   - 2",
        "Find one.\n   - 3",
        "Which is prime?\n   - 3\n   -\n",
        "Find [x + 1](x - 1).",
        "Find 2 *3*4.",
        "Find 2*5 + 3* 4.",
        "Find x^2^y^3^.",
        "Find x<sup>2</sup>.",
    ],
)
def test_markdown_that_may_have_lost_a_sign_is_left_out(read, text):
    problems, left_out = read(f"1. {text}\n2. Find 2.\n\n# Answers\n\n1. 1\n2. 2\n")
    assert [number for number, *_ in problems] == [2] and left_out == {1: "holds a sign that is not read"}


@pytest.mark.parametrize(
    ("numbers", "message"), [("134", "question 4 has no answer"), ("122", "question 2 comes twice")]
)
def test_numbers_in_markdown_that_do_not_run_on_are_not_changed(read, numbers, message):
    questions = "".join(f"{number}. Find it.\n" for number in numbers)
    with pytest.raises(InputError, match=message):
        read(f"{questions}\n# Answers\n\n1. 1\n2. 2\n3. 3\n")


def test_markdown_may_leave_the_counting_to_its_reader(read):
    problems, _ = read("1. Find 1.\n1. Find 2.\n\n# Answers\n\n1) 1\n2) 2\n")
    assert problems == [(1, "Find 1.", "1"), (2, "Find 2.", "2")]


ASKED = "<p>1. Find x.</p><p>2. Consider x = 4.</p><p>Find all real solutions.</p>"


@pytest.mark.parametrize(
    "key",
    [
        "<h2>Answers</h2><p>1. 2</p><p>2. 3</p>",
        "<h2>Contest Solutions</h2><h3>Answer Key</h3><ol><li>2</li><li>3</li></ol>",
        "<h2>Answers</h2><p>1. 2  2. 3</p>",
        "<p>Answers: 1. 2, 2. 3</p>",
        "<p><b>Answer Key.</b></p><p>1. 2</p><p>2. 3</p>",
        "<h2>Solutions.</h2><p>1. 2</p><p>2. 3</p>",
        "<h2>Answers</h2><h3>Part I</h3><p>1. 2</p><h3>Part II</h3><p>2. 3</p>",
    ],
)
def test_the_key_of_a_document_follows_its_heading(read, key):
    problems, left_out = read(ASKED + key, "html")
    assert problems == [(1, "Find x.", "2"), (2, "Consider x = 4. Find all real solutions.", "3")] and not left_out


def test_a_key_in_a_table_is_said(read):
    with pytest.raises(InputError, match=r"exam.html: the answer key is in a table"):
        read(f"{ASKED}<h2>Answers</h2><table><tr><td>1.</td><td>2</td></tr></table>", "html")


@pytest.mark.parametrize(
    ("paragraph", "reason"),
    [
        ("<p>Part B. Geometry</p>", None),
        ("<p>SECTION II: 5 points each</p>", None),
        ("<p>Part II</p>", None),
        ("<h2>Section 2 (calculator allowed)</h2>", None),
        ("<div><h3>Part B: Short answer</h3></div>", None),
        ("<p>Part B: Short answer</p>", "holds pieces of a neighbour"),
        ("<p>Round 1 gives 5 more and round 2 doubles it.</p>", "holds pieces of a neighbour"),
        ("<p>Part a: find x</p>", "holds pieces of a neighbour"),
    ],
)
def test_only_a_heading_of_a_part_is_dropped(read, paragraph, reason):
    problems, left_out = read(
        f"<p>1. Ann has 4.</p>{paragraph}<p>2. Find 2.</p><h2>Key</h2><p>1. 1</p><p>2. 2</p>", "html"
    )
    assert left_out == ({1: reason} if reason else {})
    assert reason or problems[0] == (1, "Ann has 4.", "1")


def test_an_answer_that_one_of_two_keys_lacks_is_named(read):
    questions = "".join(f"<p>{number}. Find it.</p>" for number in (1, 2, 3, 4))
    key = "<h2>Answers to Part I</h2><p>1. 2</p><p>2. 3</p><h2>Answers to Part II</h2><p>3. 4</p>"
    with pytest.raises(InputError, match="question 4 has no answer in the key"):
        read(questions + key, "html")


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        ('<canvas id="c"></canvas>', "has a drawing"),
        ('<object data="a.svg"></object>', "has a drawing"),
        ('<embed src="a.svg">', "has a drawing"),
        ('<span style="color: red; display:none">6</span>', "holds a sign that is not read"),
        ("<span hidden>6</span>", "holds a sign that is not read"),
        ("<details><summary>Answer</summary>6</details>", "holds a sign that is not read"),
        ('x<span style="vertical-align: super">2</span>', "holds a sign that is not read"),
        ('<span aria-hidden="true" style="color:red">6</span>', None),
    ],
)
def test_what_html_hides_or_draws_is_left_out(read, inside, reason):
    problems, left_out = read(
        f"<p>1. Find 1.</p><p>2. Find it. {inside}</p><p>3. Find 3.</p>"
        "<details><summary>Answers</summary><p>1. 1</p><p>2. 2</p><p>3. 3</p></details>",
        "html",
    )
    assert [number for number, *_ in problems] == ([1, 3] if reason else [1, 2, 3])
    assert left_out == ({2: reason} if reason else {})


def run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


FIELD = '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r>{}</w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>'
SHAPE = "<w:r><w:drawing><wps:wsp/></w:drawing></w:r>"


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        (f"<mc:AlternateContent><mc:Choice>{SHAPE}</mc:Choice></mc:AlternateContent>", "has a drawing"),
        (SHAPE, "has a drawing"),
        (f"<w:r><w:pict><v:textbox><w:txbxContent><w:p>{run('in it')}</w:p></w:txbxContent></v:textbox></w:pict></w:r>",
         "has a drawing"),
        ('<w:r><w:pict><v:rect o:hr="t"/></w:pict></w:r>', None),
        (FIELD.format(r"<w:instrText> EQ \f(1,2) </w:instrText>"), "holds a sign that is not read"),
        (r'<w:fldSimple w:instr="EQ \f(1,2)"/>', "holds a sign that is not read"),
        (FIELD.format("<w:instrText> PAGE </w:instrText>"), None),
        (run("x") + run("2", '<w:position w:val="6"/>'), "holds a sign that is not read"),
        (run("The answer is 6.", "<w:vanish/>"), None),
        (run("The answer is 6.", '<w:rStyle w:val="teacher"/>'), None),
    ],
)  # fmt: skip
def test_what_word_hides_or_draws_is_not_asked(tmp_path, inside, reason):
    pytest.importorskip("pypandoc", reason="the extra 'documents' is not installed")
    lines = [run("1. Find 1."), run("2. Find it.") + inside, run("Answers"), run("1. 1"), run("2. 2")]
    spaces = "".join(f' xmlns:{name}="{name}"' for name in ("mc", "wps", "v", "o"))
    word = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    related = "http://schemas.openxmlformats.org/{}/2006/relationships"
    path = tmp_path / "2019 exam.docx"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{related.format("package")}"><Relationship Id="a" Target="word/document.xml" '
            f'Type="{related.format("officeDocument")}/officeDocument"/></Relationships>',
        )
        body = "".join(f"<w:p>{line}</w:p>" for line in lines)
        file.writestr("word/document.xml", f"<w:document {word}{spaces}><w:body>{body}</w:body></w:document>")
        style = '<w:style w:type="character" w:styleId="teacher"><w:rPr><w:vanish/></w:rPr></w:style>'
        file.writestr("word/styles.xml", f"<w:styles {word}>{style}</w:styles>")
    problems, left_out = read_exam(path, 2019, "exam")
    assert [(question.number, question.reason) for question in left_out] == ([(2, reason)] if reason else [])
    assert reason or [problem.question for problem in problems] == ["Find 1.", "Find it."]
