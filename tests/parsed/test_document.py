"""Exams as their authors wrote them: LaTeX, Word, Markdown, HTML."""

import json
import re

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
