"""`python -m stages.parsed` from end to end."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from fpdf import FPDF
from PIL import Image

from distil.exams.left_out import LeftOut
from distil.pipeline.files import read_jsonl, write_json, write_jsonl
from distil.pipeline.records import Problem
from stages.raw.__main__ import answerable, typeset_contest
from stages.raw.sample import exams, load_layout
from tests.workspace import inside, stage

ROOT = Path(__file__).resolve().parents[2]


def parsed(folder: Path, *arguments: str, **params: object) -> subprocess.CompletedProcess:
    block = {"reader": "text_layer", "errata": True, "least_confidence": 0.9, **params}
    (folder / "params.yaml").write_text(yaml.safe_dump({"parsed": block}))
    return inside(folder, "stages.parsed", *arguments)


@pytest.fixture(scope="module")
def contest(tmp_path_factory):
    """A workspace with three years of the sample contest, parsed."""
    folder = tmp_path_factory.mktemp("contest")
    layout = load_layout(ROOT / "stages/raw/contest.yaml").model_copy(update={"last_year": 2013, "figures": 0.1})
    papers = list(exams(layout, seed=3))
    raw = folder / "data/raw"
    manifest = [entry.model_dump() for entry in typeset_contest(papers, raw)]
    write_json(raw / "manifest.json", {"source": "sample", "origin": "", "licence": "", "exams": manifest})
    done = parsed(folder)
    assert done.returncode == 0, done.stderr
    return folder, papers


@pytest.fixture
def folder(contest, tmp_path):
    shutil.copytree(contest[0], tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_the_sample_is_recovered_exactly(contest):
    folder, papers = contest
    truth = [problem for paper in papers for problem in answerable(paper)]
    problems = list(read_jsonl(folder / "data/parsed/problems.jsonl", Problem))
    assert [problem.model_copy(update={"page": None}) for problem in problems] == truth
    left_out = list(read_jsonl(folder / "data/parsed/left_out.jsonl", LeftOut))
    metrics = json.loads((folder / "metrics/parsed.json").read_text())
    assert metrics["recovered_questions"] == metrics["recovered_answers"] == 1
    assert metrics["problems"] + metrics["left_out"] == len(problems) + len(left_out) == 3 * 64
    assert metrics["left_out_by_reason"] == {"has a drawing": len(left_out)} and left_out
    assert sum(metrics["by_year"].values()) == sum(metrics["by_section"].values()) == len(problems)


def test_a_misread_answer_shows_in_the_metric(folder):
    path = folder / "data/raw/truth.jsonl"
    first, *rest = read_jsonl(path, Problem)
    write_jsonl(path, [first.model_copy(update={"answer": "61", "question": "?"}), *rest])
    assert parsed(folder).returncode == 0
    metrics = json.loads((folder / "metrics/parsed.json").read_text())
    assert metrics["recovered_questions"] == metrics["recovered_answers"] == pytest.approx(1 - 1 / (1 + len(rest)))


def test_one_exam_is_printed(contest):
    folder, papers = contest
    done = stage(folder, "stages.parsed", "--exam", "data/raw/exams/2012-two_person_speed_event.pdf")
    assert done.returncode == 0, done.stderr
    asked = [question for question in papers[5].questions if question.figure is None]
    printed = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["question"], row["answer"]) for row in printed] == [(q.text, q.answer) for q in asked]
    assert done.stderr.count("left out: question") == len(papers[5].questions) - len(asked)


def spoil_pdf(folder: Path) -> None:
    path = folder / "data/raw/exams/2012-two_person_speed_event.pdf"
    path.write_bytes(path.read_bytes()[:5000])


def exam_of(questions: list[str], key: list[str]):
    """Put an exam of one page of questions and one of answers in the place of another."""

    def spoil(folder: Path) -> None:
        document = FPDF(unit="pt", format="letter")
        document.set_font("times", size=11)
        for lines in (questions, ["Answer Key", *key]):
            document.add_page()
            for number, line in enumerate(lines):
                document.text(60, 100 + 20 * number, line)
        document.output(folder / "data/raw/exams/2012-two_person_speed_event.pdf")

    return spoil


def no_place_for_metrics(folder: Path) -> None:
    """Have the stage read other exams and fail at the last of its outputs: the folder it goes into is a file."""
    exam_of(["1. Find 1 + 1."], ["1. 2"])(folder)
    (folder / "metrics/parsed.json").rename(folder / "parsed.json")
    (folder / "metrics").rmdir()
    (folder / "metrics").touch()


@pytest.mark.parametrize(
    ("spoil", "params", "message"),
    [
        (exam_of(["1. Find 1 + 1.", "2. Find 2 + 2."], ["1. 2"]), {}, "page 1: question 2 has no answer in the key"),
        (exam_of(["1. Find 1 + 1."], ["1. 2", "2. 4"]), {}, "page 2: the key answers question 2, which is not"),
        (exam_of(["1. Find 1 + 1.", "1. Again?"], ["1. 2"]), {}, "question 1 comes twice, on page 1 and on page 1"),
        (exam_of(["1. Find 1 + 1."], ["1. 2", "1. 3"]), {}, "answer 1 comes twice, on page 2 and on page 2"),
        (no_place_for_metrics, {}, "metrics/parsed.json could not be written"),
        (lambda f: None, {"reader": "eyes"}, "parsed.reader"),
        (lambda f: None, {"reader": "transcription"}, "recorded/transcribed holds no transcriptions"),
        (lambda f: (f / "data/raw/manifest.json").unlink(), {}, "data/raw/manifest.json could not be read"),
        (lambda f: (f / "data/raw/manifest.json").write_text("{}"), {}, "data/raw/manifest.json"),
        (spoil_pdf, {}, "2012-two_person_speed_event.pdf is cut off"),
    ],
)
def test_wrong_input_is_one_message_and_leaves_earlier_outputs(folder, spoil, params, message):
    outputs = [*(folder / "data/parsed").iterdir(), folder / "metrics/parsed.json"]
    before = [path.read_bytes() for path in outputs]
    spoil(folder)
    outputs = [path if path.is_file() else folder / path.name for path in outputs]
    done = parsed(folder, **params)
    assert done.returncode == 1 and message in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr
    assert [path.read_bytes() for path in outputs] == before


def written(path: Path, *pages: list[str]) -> None:
    """A PDF of pages of lines; a page without lines is a picture, as a scanner makes it."""
    document = FPDF(unit="pt", format="letter")
    document.set_font("times", size=11)
    for lines in pages:
        document.add_page()
        for number, line in enumerate(lines):
            document.text(60, 100 + 20 * number, line)
        if not lines:
            document.image(Image.new("L", (85, 110), 200), 0, 0, 612, 792)
    document.output(path)


def test_a_folder_with_a_key_apart_and_a_scan(tmp_path):
    source = tmp_path / "my exams"
    source.mkdir()
    written(source / "2019 JS.pdf", ["1. Find 1 + 1.", "2. Find 2 + 2."])
    written(source / "2019 JS key.pdf", ["1. 2", "2. 4"])
    written(source / "2020 JS.pdf", ["1. Find 3 + 3."], ["Answer Key", "1. 6"])
    written(source / "2021 JS.pdf", [], [])
    written(source / "2022 JS.pdf", ["1. Find 4 + 4."])
    written(source / "2022 JS key.pdf", [])
    raw = {"source": "folder", "path": str(source), "seed": 0, "columns": "plain", "groups": 5, "split": None}
    (tmp_path / "params.yaml").write_text(
        yaml.safe_dump({"raw": raw, "lora_seed": {"model": str(ROOT / "models/tiny-student")}})
    )
    assert inside(tmp_path, "stages.raw").returncode == 0
    done = parsed(tmp_path)
    assert done.returncode == 0, done.stderr
    problems = read_jsonl(tmp_path / "data/parsed/problems.jsonl", Problem)
    assert [(problem.year, problem.number, problem.answer) for problem in problems] == [
        (2019, 1, "2"), (2019, 2, "4"), (2020, 1, "6"),
    ]  # fmt: skip
    assert done.stdout == "3 problems, 0 left out, 2 exams not read -> data/parsed\n"
    assert json.loads((tmp_path / "metrics/parsed.json").read_text())["exams_not_read"] == 2
    told = [line for line in done.stderr.splitlines() if line.startswith("not read: ")]
    assert [line.split(":")[1] for line in told] == [" 2021 JS.pdf", " 2022 JS.pdf"]
    assert "2022-junior_senior_test.key.pdf: page 1 of 1 has no text layer" in told[1]
    assert all("`ocrmypdf IN.pdf OUT.pdf`" in line and "parsed.reader=ocr" in line for line in told)

    for name in ("2019-junior_senior_test.pdf", "2020-junior_senior_test.pdf"):
        shutil.copy(source / "2021 JS.pdf", tmp_path / "data/raw/exams" / name)
    done = parsed(tmp_path)  # none of them has text
    assert done.returncode == 1 and "no text layer" in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr


def test_a_scan_of_the_study_is_said(shared, tmp_path):
    done = parsed(tmp_path, "--exam", str(shared / "job/pdf/2012 FS.pdf"))
    assert done.returncode == 1 and "no text layer (a scan?)" in done.stderr and "Traceback" not in done.stderr


def test_the_study_s_transcriptions_with_and_without_errata(shared, tmp_path):
    shutil.copytree(shared / "job/transcribed", tmp_path / "data/raw/recorded/transcribed")
    shutil.copy(shared / "job/errata.csv", tmp_path / "data/raw/recorded/errata.csv")
    corrected = {}
    for errata in (True, False):
        done = parsed(tmp_path, reader="transcription", errata=errata)
        assert done.returncode == 0, done.stderr
        metrics = json.loads((tmp_path / "metrics/parsed.json").read_text())
        assert metrics["problems"] == 514 and metrics["left_out_by_reason"] == {"placeholder": 20}
        assert (metrics["errata_applied"], metrics["errata_noted"]) == ((12, 4) if errata else (0, 0))
        corrected[errata] = list(read_jsonl(tmp_path / "data/parsed/problems.jsonl", Problem))
    changed = [one.id for one, other in zip(corrected[True], corrected[False], strict=True) if one != other]
    assert len(changed) == 16
