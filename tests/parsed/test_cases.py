"""PDFs of many origins from public bug reports, and exams of many formulas: nothing is read wrongly in silence."""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from distil.pipeline.files import InputError
from stages.parsed.exam import read_exam
from tests.parsed.typeset_exams import Engine, exam

KEPT = {  # which questions are kept, and a digest of what is read of them, checked by eye against the pages
    "2015 JS": (8, "8b7e3dfe0323"),
    "2015 sup": (8, "8b7e3dfe0323"),
    "2019 JS": (8, "e491f60e0417"),
    "2019 colon": (3, "89be90aca453"),
    "2019 dash": (3, "89be90aca453"),
    "2019 frac": (3, "d1ba870f59b3"),
    "2019 from11": (3, "ef5b08bbddb7"),
    "2019 hash": (3, "89be90aca453"),
    "2019 keysol": (3, "89be90aca453"),
    "2019 keywords": (3, "89be90aca453"),
    "2019 landscape": (3, "89be90aca453"),
    "2019 nodot": (3, "89be90aca453"),
    "2019 ocr": (2, "ae91621b2867"),
    "2019 owner": (3, "89be90aca453"),
    "2019 par": (3, "89be90aca453"),
    "2019 plain": (8, "e491f60e0417"),
    "2019 prob": (3, "89be90aca453"),
    "2019 q": (3, "89be90aca453"),
    "2019 rot180": (3, "89be90aca453"),
    "2019 rot90": (3, "89be90aca453"),
    "2019 small": (3, "89be90aca453"),
    "2019 water": (3, "89be90aca453"),
    "2019 zero": (3, "89be90aca453"),
    "2020 JS": (8, "bc5ec39306b5"),
    "2020 imgmath": (0, "e3b0c44298fc"),
    "2020 overline": (1, "2159c1cfe8e6"),
    "2020 parts": (3, "09620bb8b143"),
    "2020 pathmath": (1, "2cf22514a55d"),
    "2020 rotfix": (3, "09620bb8b143"),
    "2020 table": (2, "a8a6a3932c67"),
    "2020 worked": (2, "ae91621b2867"),
    "2022 Precalculus": (9, "34c2ae27ecaa"),
    "2022 style": (3, "1b4a23a56df2"),
    "2023 Algebra Final": (12, "ec669718a161"),
    "2024 Geometry key apart": (9, "f1f7c2526ccf"),
    "2024 Geometry two column": (9, "f1f7c2526ccf"),
}
LEFT_OUT = {
    "2020 imgmath": {1: "has a drawing", 2: "has a drawing", 3: "holds pieces of a neighbour"},
    "2020 overline": {1: "holds a bar that is not read", 3: "holds a bar that is not read"},
    "2020 pathmath": {1: "has a drawing", 2: "has a drawing"},
    "2020 table": {1: "has a drawing"},
    "2022 Precalculus": {
        8: "holds stacked text that is not read",
        10: "holds stacked text that is not read",
        12: "holds pieces of a neighbour",
    },
    "2023 Algebra Final": dict.fromkeys((4, 10, 11), "holds stacked text that is not read"),
    "2024 Geometry key apart": {
        7: "has a drawing",
        8: "holds a sign that is not read",
        9: "holds a bar that is not read",
    },
    "2024 Geometry two column": {
        7: "has a drawing",
        8: "holds a sign that is not read",
        9: "holds a bar that is not read",
    },
}
REFUSED = {
    "2017 wrap": "question 2 comes twice, on page 1 and on page 1",
    "2019 empty": "is not a PDF",
    "2019 imgtext": "the key answers question 3, which is not on the pages before",
    "2019 notpdf": "is not a PDF",
    "2022 Scan": "no text layer",
}


@pytest.mark.parametrize("name", KEPT)
def test_what_is_kept_is_right_and_the_rest_is_left_out_with_its_reason(name, shared):
    problems, left_out = read_exam(shared / "cases/pdf" / f"{name}.pdf", 2019, "s")
    read = "\n".join(f"{problem.number} {problem.question} = {problem.answer}" for problem in problems)
    assert (len(problems), hashlib.sha256(read.encode()).hexdigest()[:12]) == KEPT[name]
    assert {question.number: question.reason for question in left_out} == LEFT_OUT.get(name, {})


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_with_its_cause(name, shared):
    with pytest.raises(InputError, match=REFUSED[name]):
        read_exam(shared / "cases/pdf" / f"{name}.pdf", 2019, "s")


def test_narrow_columns_page_numbers_and_large_brackets_of_latex():
    """The exam of seed 19 as pdfLaTeX sets it: the key begins in the second column of a page, beside questions."""
    path = Path(__file__).with_name("exams") / "two columns (pdfLaTeX).pdf"
    problems, left_out = read_exam(path, 2000, "s")
    _, questions = exam(19, "pdflatex", columns=2)
    kept = {questions[problem.number - 1][0]: problem for problem in problems}
    assert {kind: _normal(problem.question) for kind, problem in kept.items()} == {
        kind: _normal(text) for kind, text in questions if text is not None and kind in kept
    }
    assert [problem.answer for problem in problems] == [str(100 + problem.number) for problem in problems]
    assert kept.keys() >= {"fraction to a power", "system", "tower"} and len(problems) + len(left_out) == len(questions)
    unread = {kind for kind, text in questions if text is None}
    assert {questions[one.number - 1][0] for one in left_out} <= unread | {"nested fraction", "root"}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("engine", ["typst", "pdflatex"])
def test_fifty_exams_of_forty_kinds_of_formulas(engine, tmp_path):
    kept = right = askable = 0
    for seed in range(50):
        source, questions = exam(seed, engine, columns=1 + seed % 2)
        problems, _ = read_exam(typeset(source, engine, tmp_path), 2000, "s")
        for problem in problems:
            text = questions[problem.number - 1][1]
            kept += 1
            right += text is not None and _normal(problem.question) == _normal(text)
        askable += sum(text is not None for _, text in questions)
    assert right / kept >= 0.995 and right / askable >= 0.8


def typeset(source: str, engine: Engine, folder: Path) -> Path:
    """The source as a PDF. Skips the test without the engine."""
    if engine == "typst":
        typst = pytest.importorskip("typst", reason="the package 'typst' is not installed")
        (folder / "exam.pdf").write_bytes(typst.compile(source.encode()))
    else:
        if shutil.which("pdflatex") is None:
            pytest.skip("pdflatex is not installed (Debian's texlive-latex-base)")
        (folder / "exam.tex").write_text(source, encoding="utf-8")
        command = ["pdflatex", "-interaction=batchmode", "-halt-on-error", "exam.tex"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "exam.pdf"


def _normal(text: str) -> str:
    return re.sub(r"\s+", "", text)
