"""The stage, through its command line."""

import json
from pathlib import Path

import pytest

from distil.pipeline.files import read_jsonl, write_jsonl
from distil.pipeline.records import Chain, Disagreement, Judgement, Problem, VerifiedChain
from stages.verified.chains import chain_metrics, rejection
from tests.workspace import inside, stage

KEYS = ["31", "36√2", "(2, 3)", "NEVER", "1/2", "1 and -1/3"]
REPLIES = [
    ("R1", "7 * 4 = 28\n28 + 3 = 31\nAnswer: 31", "stop"),
    ("R1", "So the length is \\(36\\sqrt{2}\\).\nAnswer: \\(36\\sqrt{2}\\)", "stop"),
    ("R1", "Answer: (3, 2)", "stop"),
    ("R1", "Let us think about it and", "stop"),
    ("R1", "Answer: 1/2", "length"),
    ("R1", "Answer: ???!((", "stop"),
]


def chain(number: int, level: str, text: str, finish: str) -> Chain:
    return Chain(
        problem_id=problem(number).id, level=level, role="distiller", model="m", prompt_hash="0", sampling={},
        text=text, answer=None, finish_reason=finish,
    )  # fmt: skip


def problem(number: int) -> Problem:
    section = ["freshman_sophomore_test", "junior_senior_test"][number % 2]
    return Problem(
        id=f"201{number % 3}/{section}/{number:02}", year=2010 + number % 3, section=section, number=number,
        question="?", answer=KEYS[number], source="exam.pdf",
    )  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    chains = [chain(number, *reply) for number, reply in enumerate(REPLIES)]
    chains += [chain(0, level, "Answer: 31", "stop") for level in ("R2", "R6")]
    write_jsonl(tmp_path / "data/parsed/problems.jsonl", [problem(number) for number in range(len(KEYS))])
    write_jsonl(tmp_path / "data/teacher_cot/chains.jsonl", chains)
    return tmp_path


def test_the_stage_parts_accepted_from_rejected_chains(workspace):
    ran = stage(workspace, "stages.verified")
    assert ran.returncode == 0, ran.stderr
    accepted = list(read_jsonl(workspace / "data/verified/accepted.jsonl", VerifiedChain))
    rejected = list(read_jsonl(workspace / "data/verified/rejected.jsonl", VerifiedChain))
    assert [(row.chain.problem_id[-2:], row.chain.level) for row in accepted] == [
        ("00", "R1"), ("01", "R1"), ("00", "R2"), ("00", "R6"),
    ]  # fmt: skip
    assert [row.reason for row in rejected] == ["wrong_answer", "no_answer", "truncated", "unverifiable"]
    assert all(row.reason is None for row in accepted)
    metrics = json.loads((workspace / "metrics/verified.json").read_text())
    assert (metrics["accepted"], metrics["rejected"], metrics["n"]) == (2, 4, 6)
    assert metrics["teacher_accuracy"] == pytest.approx(1 / 3)
    assert metrics["teacher_accuracy_low"] == pytest.approx(0.0968, abs=1e-4)  # Wilson for 2 of 6
    assert metrics["teacher_accuracy_high"] == pytest.approx(0.7000, abs=1e-4)
    assert metrics["reasons"] == {"no_answer": 1, "truncated": 1, "unverifiable": 1, "wrong_answer": 1}
    assert metrics["by_section"]["freshman_sophomore_test"]["n"] == 3
    assert metrics["by_year"]["2010"]["accepted"] == 1
    assert metrics["by_level"]["R6"] == {
        "n": 1, "accepted": 1, "share": 1.0, "low": pytest.approx(0.2065, abs=1e-4), "high": 1.0,
        "within_rounding": 1.0, "reasons": {},
    }  # fmt: skip
    assert "judge" not in metrics and not (workspace / "data/verified/disagreements.jsonl").exists()


def test_all_attempts_are_verified_beside_the_chains(workspace):
    """The teacher's accuracy stays that of one chain a problem."""
    assert inside(workspace, "stages.verified").returncode == 0
    without = json.loads((workspace / "metrics/verified.json").read_text())
    attempts = [
        chain(0, *REPLIES[0]),
        chain(0, "R1", "Answer: 13", "stop"),
        chain(0, "R1", "So 31.\nAnswer: 31", "stop"),
    ]
    write_jsonl(workspace / "data/teacher_cot/attempts.jsonl", attempts)
    assert inside(workspace, "stages.verified").returncode == 0
    rows = list(read_jsonl(workspace / "data/verified/attempts.jsonl", VerifiedChain))
    assert [row.chain for row in rows] == attempts
    assert [row.reason for row in rows] == [None, "wrong_answer", None]
    metrics = json.loads((workspace / "metrics/verified.json").read_text())
    counted = metrics.pop("attempts")
    assert (counted["n"], counted["accepted"]) == (3, 2) and metrics == without


def test_the_stage_writes_the_same_bytes_twice(workspace):
    names = ["data/verified/accepted.jsonl", "data/verified/rejected.jsonl", "metrics/verified.json"]
    contents = []
    for _ in range(2):
        assert inside(workspace, "stages.verified").returncode == 0
        contents.append([(workspace / name).read_bytes() for name in names])
    assert contents[0] == contents[1]


def test_the_judge_is_a_second_column_and_never_overrides(workspace):
    said = [("00", "CORRECT"), ("01", "INCORRECT"), ("02", "CORRECT"), ("03", "INCORRECT"), ("04", "UNCLEAR")]
    ids = {identifier[-2:]: identifier for identifier in (problem(number).id for number in range(len(KEYS)))}
    judgements = [Judgement(problem_id=ids[number], level="R1", verdict=verdict) for number, verdict in said]
    write_jsonl(workspace / "data/teacher_cot/judgements.jsonl", judgements)
    assert inside(workspace, "stages.verified").returncode == 0
    metrics = json.loads((workspace / "metrics/verified.json").read_text())
    assert metrics["judge"] == {
        "n": 4, "unclear": 1, "agree": 2, "kappa": 0.0, "kappa_reason": None, "only_judge_accepts": 1,
        "only_verifier_accepts": 1,
    }  # fmt: skip
    assert metrics["accepted"] == 2
    differing = list(read_jsonl(workspace / "data/verified/disagreements.jsonl", Disagreement))
    assert [(row.problem_id[-2:], row.judge, row.verdict.verdict) for row in differing] == [
        ("01", "INCORRECT", "CORRECT"), ("02", "CORRECT", "WRONG"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda root: (root / "data/teacher_cot/chains.jsonl").unlink(), "chains.jsonl could not be read"),
        (lambda root: (root / "data/teacher_cot/chains.jsonl").write_text("{}\n"), "line 1"),
        (lambda root: write_jsonl(root / "data/parsed/problems.jsonl", [problem(0)]), "2011/junior_senior_test/01"),
    ],
)
def test_bad_input_ends_in_one_message_and_leaves_earlier_outputs(workspace, break_it, message):
    assert inside(workspace, "stages.verified").returncode == 0
    before = (workspace / "data/verified/accepted.jsonl").read_bytes()
    break_it(workspace)
    ran = inside(workspace, "stages.verified")
    assert ran.returncode == 1 and message in ran.stderr and "Traceback" not in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert (workspace / "data/verified/accepted.jsonl").read_bytes() == before


def test_no_chains_are_null_and_not_nan():
    metrics = chain_metrics([], {})
    assert metrics.teacher_accuracy is None and metrics.n == 0 and metrics.by_level == {}


def test_a_chain_cut_off_at_its_cap_is_rejected_whatever_it_says():
    from distil.verifier import verify

    cut = chain(0, "R1", "Answer: 31", "length")
    assert rejection(cut, verify("31", cut.text)) == "truncated"
