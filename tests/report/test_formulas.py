"""Formulas of problems and answers: found, converted, drawn as MathML, and never markup of their own."""

import contextlib
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from distil.pipeline.files import read_jsonl
from distil.pipeline.records import Problem
from stages.report.__main__ import write_report
from stages.report.formulas import FORMULA, formulas, node
from stages.report.inputs import CONTEST, load_run
from stages.report.questions import collect

MATH500 = Path(__file__).resolve().parents[2] / "../shared/math500/problems.jsonl"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Find $x^2$ and \\(y\\).", ["$x^2$", "\\(y\\)"]),
        ("$$\\frac{1}{2}$$ or \\[3\\]", ["$$\\frac{1}{2}$$", "\\[3\\]"]),
        ("It costs $\\$27.47$ now.", ["$\\$27.47$"]),
        ("A sum of $5,000 grows to $24,000 in 10 years.", []),
        ("From $5 to ($6).", []),
        ("[asy] label($A$); [/asy] then $B$", ["$B$"]),
        ("2^3 + 31", []),
        ("The answer is \\boxed{4}.", []),
    ],
)
def test_a_formula_is_what_stands_between_its_ends(text: str, found: list[str]) -> None:
    assert sorted(formulas([text], [])) == sorted(found)


def test_a_key_may_be_a_formula_as_a_whole() -> None:
    assert set(formulas([], ["\\frac 59", "12", "3\\sqrt{2}", "$x$ or $y$"])) == {
        "\\frac 59", "3\\sqrt{2}", "$x$", "$y$",
    }  # fmt: skip


def test_a_formula_becomes_the_elements_of_mathml() -> None:
    assert node("$\\frac{1}{x}$") == [
        "math",
        {"display": "inline"},
        ["mrow", ["mfrac", ["mrow", ["mn", "1"]], ["mrow", ["mi", "x"]]]],
    ]
    assert node("$3 \\times 3 = 9$") == [
        "math",
        {"display": "inline"},
        ["mrow", ["mn", "3"], ["mo", "×"], ["mn", "3"], ["mo", "="], ["mn", "9"]],
    ]
    block = node("\\[x\\]")
    assert block is not None and block[1] == {"display": "block"}


@pytest.mark.parametrize(
    "formula",
    [
        "$\\frac{1$",
        "$\\begin{cases} x$",
        "$\\notacommand{x}$",
        "$\\href{javascript:alert(1)}{x}$",
        f"${'{' * 1500}$",
        f"${'x' * 3000}$",
        "$\\sqrt$",
    ],
    ids=lambda text: text[:12],
)
def test_what_cannot_be_read_in_full_stays_as_written(formula: str) -> None:
    assert node(formula) is None


@pytest.mark.skipif(not MATH500.exists(), reason="needs MATH-500 in ../shared/math500")
def test_nearly_all_of_math_500_is_read() -> None:
    rows = [json.loads(line) for line in MATH500.read_text(encoding="utf-8").splitlines()]
    written = {part for row in rows for part in re.findall(FORMULA, row["problem"]) if not part.startswith("[asy]")}
    read = formulas([row["problem"] for row in rows], [])
    assert len(written) > 900
    assert len(written - set(read)) < 0.01 * len(written)
    assert "&#" not in json.dumps(read), "signs, and no references to them"


def test_formulas_are_drawn(browser: Browser, run_folder: Path, tmp_path: Path) -> None:
    contest = list(read_jsonl(run_folder / "data/parsed/problems.jsonl", Problem))[:9]
    contest[6] = contest[6].model_copy(
        update={"question": "Find $x^2$ for \\[x = \\sqrt{3}\\]", "answer": "\\frac{1}{2}"}
    )
    contest[7] = contest[7].model_copy(
        update={"question": "$\\text{</math><img src=x onerror='window.injected = 5'>}$ and $\\href{javascript:1}{y}$"}
    )
    questions = collect({CONTEST: contest}, [], [], [], ["held_out"], [])
    with contextlib.chdir(run_folder):
        run = load_run()
        (tmp_path / "figures").mkdir()
        write_report(tmp_path / "index.html", run, questions, tmp_path / "figures")
    with browser.new_context() as context:
        page = context.new_page()
        page.goto((tmp_path / "index.html").as_uri())
        rows = page.locator("#list > li")
        expect(rows.nth(6).locator(".asked math")).to_have_count(2)
        rows.nth(6).locator("summary").click()
        expect(rows.nth(6).locator(".problem msup")).to_have_count(1)
        radical = rows.nth(6).locator(".problem msqrt").bounding_box()
        assert radical is not None and radical["width"] > 10, "the browser draws it"
        above, below = (rows.nth(6).locator("strong mfrac > *").nth(place).bounding_box() for place in (0, 1))
        assert above is not None and below is not None and above["y"] < below["y"], "numerator above denominator"
        rows.nth(7).locator("summary").click()
        expect(rows.nth(7).locator(".problem")).to_contain_text("$\\href{javascript:1}{y}$")
        assert page.locator("img, math a").count() == 0
        assert page.evaluate("window.injected") is None
