"""docs/published.md says what the authors' files give."""

import csv
import re
from pathlib import Path

import pytest

from distil.pipeline.files import read_record
from distil.pipeline.recorded_results import RecordedMetrics, RecordedPart
from tools.study_answers import BLOCK, DISAGREEMENTS, PAGE, TABLES, Study, rendered

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT.parent / "shared/published"
needs_files = pytest.mark.skipif(not FILES.is_dir(), reason="the authors' published files are not beside the checkout")


@needs_files
def test_every_number_of_the_page_is_computed_from_the_authors_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    text = PAGE.read_text(encoding="utf-8")
    assert rendered(text, Study(FILES)) == text


def test_every_table_has_its_place_on_the_page() -> None:
    assert sorted(found["name"] for found in BLOCK.finditer((ROOT / PAGE).read_text())) == sorted(TABLES)


def test_the_prose_has_no_number_of_its_own() -> None:
    """Outside tables and the quoted run stand years and names alone."""
    text = BLOCK.sub("", (ROOT / PAGE).read_text())
    text = re.sub(r"<!-- results/.*?```\n.*?```", "", text, flags=re.DOTALL)
    text = re.sub(r"arXiv [\d.]+|Qwen2\.5-7B|MATH-500|\bR\d|\b(?:1978|2014)\b", "", text)
    assert re.findall(r"\d[\d.,]*", text) == []


def test_the_disagreements_are_those_of_the_kept_run() -> None:
    """The committed table names every answer on which the kept run's judge and verifier differ, and no other."""
    with (ROOT / "results/published/plots/eval/judges.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["judge"]]
    apart = {
        (row["model"], row["id"], row["judge"], row["verdict"])
        for row in rows
        if row["judge"] == "UNCLEAR" or (row["judge"] == "CORRECT") != (row["verdict"] == "CORRECT")
    }
    with (ROOT / DISAGREEMENTS).open() as file:
        listed = list(csv.DictReader(file))
    assert {(row["answers_of"], row["id"], row["judge"], row["verifier"]) for row in listed} == apart
    assert {row["fault"] for row in listed} <= {"judge", "key", "verifier"}
    assert all(row["what_decided"] for row in listed)


def test_the_readme_has_the_kept_runs_numbers() -> None:
    found = read_record(ROOT / "results/published/metrics/eval.json", RecordedMetrics).math500
    assert isinstance(found, RecordedPart) and found.student is not None and found.teacher is not None
    row = next(line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("| `published` |"))
    said = (
        f"{100 * found.student:.1f} % of {found.n} questions by this verifier, its teacher {100 * found.teacher:.1f} %"
    )
    assert said in row
