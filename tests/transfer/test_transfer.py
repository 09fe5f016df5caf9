"""`python -m stages.transfer` from end to end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from distil import contest
from distil.pipeline.files import read_jsonl
from distil.pipeline.records import Problem

ROOT = Path(__file__).resolve().parents[2]


def transfer(folder: Path, **params: object) -> subprocess.CompletedProcess:
    block = {
        "source": "sample",
        "path": str(ROOT / "stages/transfer/contest.yaml"),
        "seed": 500,
        "columns": "plain",
        "split": None,
        **params,
    }
    (folder / "params.yaml").write_text(yaml.safe_dump({"transfer": block}))
    return subprocess.run(
        [sys.executable, "-m", "stages.transfer"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "hub")},
        capture_output=True,
        text=True,
    )


def problems(folder: Path) -> list[Problem]:
    return list(read_jsonl(folder / "data/transfer/problems.jsonl", Problem))


def test_the_sample_asks_every_family_in_other_words_with_larger_numbers(tmp_path):
    done = transfer(tmp_path)
    assert done.returncode == 0, done.stderr
    drawn = problems(tmp_path)
    assert len(drawn) == len({problem.question for problem in drawn}) == len({problem.id for problem in drawn}) == 306
    for problem in drawn:
        known = contest.read(problem.question)
        assert known is not None and str(known.answer) == problem.answer and known.section == problem.section
        family = contest.FAMILIES[known.family]
        matching = [wording for wording, pattern in family.patterns if pattern.fullmatch(problem.question)]
        assert matching == [family.transfer_wording]
        assert max(max(step.a, step.b or 0, step.result) for step in known.steps) > contest.TRANSFER_ABOVE
    first = (tmp_path / "data/transfer/problems.jsonl").read_bytes()
    assert transfer(tmp_path).returncode == 0
    assert (tmp_path / "data/transfer/problems.jsonl").read_bytes() == first
    assert transfer(tmp_path, seed=501).returncode == 0
    assert (tmp_path / "data/transfer/problems.jsonl").read_bytes() != first


def test_a_file_of_questions_and_answers(tmp_path):
    rows = [
        '{"question": "Find 1 + 1.", "answer": "2"}',
        "",
        '{"id": "b", "section": "algebra", "question": "x?", "answer": "3"}',
    ]
    (tmp_path / "mine.jsonl").write_text("\n".join(rows))
    done = transfer(tmp_path, source="problems", path="mine.jsonl")
    assert done.returncode == 0, done.stderr
    assert [(p.id, p.section, p.question, p.answer) for p in problems(tmp_path)] == [
        ("mine/0001", "all", "Find 1 + 1.", "2"),
        ("b", "algebra", "x?", "3"),
    ]


def test_math_500(tmp_path, shared):
    done = transfer(tmp_path, source="math500", path=str(shared / "math500/problems.jsonl"))
    assert done.returncode == 0, done.stderr
    found = problems(tmp_path)
    assert len(found) == 500 and len({problem.section for problem in found}) == 7
    assert found[0].id == "test/precalculus/807.json" and found[0].section == "Precalculus"


@pytest.mark.parametrize(
    ("files", "params", "message"),
    [
        ({}, {"source": "none"}, "transfer.source"),
        ({}, {"licence": "mit"}, "licence is for a benchmark that is not the project's own"),
        ({}, {"split": "test"}, "columns and split are for source problems, and source is sample"),
        ({}, {"source": "math500", "columns": "math"}, "columns and split are for source problems"),
        ({}, {"path": "none.yaml"}, "none.yaml could not be read"),
        ({"c.yaml": "problems: 0"}, {"path": "c.yaml"}, "c.yaml, problems: Input should be greater"),
        ({"c.yaml": "problems: 100000"}, {"path": "c.yaml"}, "less than or equal to 1000"),
        ({}, {"source": "problems", "path": "none.jsonl"}, "none.jsonl could not be read"),
        ({"m.jsonl": ""}, {"source": "problems", "path": "m.jsonl"}, "m.jsonl holds no problems"),
        (
            {"m.jsonl": '{"question": "x"}\n'},
            {"source": "problems", "path": "m.jsonl"},
            "m.jsonl has no column 'answer' for the answer; it has question",
        ),
        ({"m.jsonl": "{"}, {"source": "problems", "path": "m.jsonl"}, "m.jsonl, line 1"),
        (
            {"m.jsonl": '{"id": "a", "question": "x", "answer": "1"}\n' * 2},
            {"source": "problems", "path": "m.jsonl"},
            "m.jsonl, line 2, column id: the id 'a' is that of m.jsonl, line 1, too",
        ),
        (
            {},
            {"source": "math500", "path": str(ROOT / "stages/transfer/math500.yaml")},
            "HuggingFaceH4/MATH-500 at 6e4ed1a2a79af7d8630a6b768ec859cb5af4d3be could not be fetched",
        ),
        (
            {"p.yaml": "{dataset: 'https://huggingface.co/datasets/a/b', revision: main, file: x.jsonl}"},
            {"source": "math500", "path": "p.yaml"},
            "could not be fetched: Repo id must be in the form",
        ),
        (
            {"m.jsonl": '{"unique_id": "a", "subject": "x", "problem": "How many?", "answer": ""}'},
            {"source": "math500", "path": "m.jsonl"},
            "m.jsonl, line 1, answer: String should have at least 1 character",
        ),
        ({"p.yaml": "dataset: x"}, {"source": "math500", "path": "p.yaml"}, "a pin: 'dataset', 'revision' and 'file'"),
    ],
)
def test_wrong_input_is_one_message_and_leaves_earlier_outputs(tmp_path, files, params, message):
    (tmp_path / "data/transfer").mkdir(parents=True)
    (tmp_path / "data/transfer/problems.jsonl").write_text("as before")
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    done = transfer(tmp_path, **params)
    assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr
    assert (tmp_path / "data/transfer/problems.jsonl").read_text() == "as before"
