"""What is held out is called held out: nothing rendered says that a model never saw a question."""

import re
from pathlib import Path

import pytest

from distil.pipeline.files import read_record
from distil.pipeline.results import EvalMetrics
from distil.pipeline.sweep_results import SweepMetrics
from tests.report.wordings import overclaims, visible
from tools.summary import lengths, result

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    "README.md",
    "docs/metrics.md",
    "docs/report.md",
    "docs/exams-run.md",
    "docs/real-student.md",
    "docs/training.md",
    "docs/architecture.md",
]


@pytest.mark.parametrize(
    ("text", "too_much"),
    [
        ("Accuracy on 252 contest questions never seen (95 % interval)", True),
        ("Distillation raised the student’s accuracy by 4.8 points on questions it had never seen", True),
        ("This run has no question that the student had not seen", True),
        ("Accuracy on contest questions the student never saw, with 95 % intervals", True),
        ("so that near-duplicates never straddle a split", True),
        ("questions it was never trained on", True),
        ("the verifier has not seen it", True),
        ("Accuracy on 252 contest questions held out (95 % interval)", False),
        ("Accuracy on questions seen in training says what was remembered", False),
        ("What having seen a question is worth", False),
        ("questions not trained on", False),
        ("the seed cannot be seen there", False),
    ],
)
def test_the_phrases_are_told_apart(text: str, too_much: bool) -> None:
    assert bool(overclaims(text)) == too_much


def test_the_report_says_held_out(run_folder: Path) -> None:
    page = (run_folder / "reports/index.html").read_text("utf-8")
    assert "held out from the student’s training, with the near-duplicates that the rule finds" in page
    assert not re.search("unseen", visible(page), re.IGNORECASE)
    rendered = [page, *(path.read_text("utf-8") for path in (run_folder / "reports/cards").glob("*/README.md"))]
    rendered += [path.read_text("utf-8") for path in (run_folder / "plots/figures").glob("*.svg")]
    assert len(rendered) > 10 and [found for text in rendered for found in overclaims(text)] == []


def test_the_summary_says_held_out() -> None:
    evaluation = read_record(ROOT / "metrics/eval.json", EvalMetrics)
    sweep = read_record(ROOT / "metrics/length_sweep.json", SweepMetrics)
    printed = [*result(evaluation), *lengths(sweep)]
    assert len(printed) > 10
    assert overclaims("\n".join(printed)) == [] and not any("unseen" in line for line in printed)


@pytest.mark.parametrize("name", PAGES)
def test_the_pages_say_held_out(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert overclaims(text) == []
    assert name != "README.md" or "unseen" not in text
