"""`python -m distil.verifier`: files of pairs scored, single verdicts explained."""

import json
import subprocess
from pathlib import Path

import pytest

from distil.verifier.pairs import read_pairs
from tests.workspace import inside, stage


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return inside(folder, "distil.verifier", *arguments)


def pairs_file(folder: Path, rows: list[str]) -> str:
    (folder / "pairs.jsonl").write_text("\n".join(rows))
    return "pairs.jsonl"


def test_pairs_are_scored_beside_labels_and_a_judge(tmp_path):
    rows = [
        {"gold": "31", "answer": "Answer: 31", "label": "CORRECT", "llm_verdict": "INCORRECT"},
        {"gold": "31", "answer": "", "label": "INCORRECT", "llm_verdict": "CORRECT", "id": 7},
        {"gold": "√15", "answer": "√51", "label": "INCORRECT", "llm_verdict": "INCORRECT"},
        {"gold": "5", "answer": None, "label": "CORRECT"},
        {"gold": 12, "answer": 12, "label": "INCORRECT"},
        {"gold": "5", "answer": "2..3"},
    ]
    file = pairs_file(tmp_path, [json.dumps(row) for row in rows])
    ran = stage(tmp_path, "distil.verifier", "--pairs", file, "--rows")
    assert ran.returncode == 0, ran.stderr
    scored = json.loads(ran.stdout)
    assert scored.pop("seconds") >= 0
    verdicts = [row["verdict"] for row in scored.pop("rows")]
    assert verdicts == ["CORRECT", "NO_ANSWER", "WRONG", "NO_ANSWER", "CORRECT", "UNVERIFIABLE"]
    judge = scored.pop("judge")
    assert [row["line"] for row in judge.pop("disagreements")] == [1, 2]
    assert judge == {"n": 3, "agree": 1, "kappa": pytest.approx(-0.5)}
    assert scored == {
        "n": 6, "agree": 3, "false_accept": 1, "false_reject": 1, "no_answer": 2, "unverifiable": 1, "labelled": 5,
        "correct": 2,
    }  # fmt: skip


def test_labels_are_words_that_are_known(tmp_path):
    said = {None: None, "": None, "Unequal": False, False: False, "0": False, " Wrong": False, "no": False, "F": False}
    said |= {True: True, "1": True, "yes": True, "right": True, "T": True, "equivalent": True}
    rows = [json.dumps({"gold": "1", "answer": "1", "label": label}) for label in [*said, 1, 0]]
    pairs = read_pairs(tmp_path / pairs_file(tmp_path, rows))
    assert [pair.label for pair in pairs] == [*said.values(), True, False]


def test_pairs_with_hostile_rows_cost_no_other(tmp_path):
    rows = [
        '{"gold": "31", "answer": "\\ud800"}',
        '{"gold": "31", "answer": "a\\u0000b"}',
        '{"gold":"31","answer":"31"}',
    ]
    ran = inside(tmp_path, "distil.verifier", "--pairs", pairs_file(tmp_path, rows))
    assert json.loads(ran.stdout)["correct"] == 1, ran.stderr


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"gold": "31"}', "line 2, answer"),
        ("{", "line 2: not JSON"),
        ("[1]", "line 2, the line"),
        ('{"gold": "1", "answer": "1", "label": "perhaps"}', "line 2, label: Value error, 'perhaps' is no label"),
        ('{"gold": "1", "answer": "1", "equal": 2}', "line 2, equal: Value error, 2 is no label"),
        ('{"gold": "1", "answer": "1", "label": 1.0}', "1.0 is no label"),
    ],
)
def test_a_broken_row_is_named(tmp_path, row, message):
    ran = run(tmp_path, "--pairs", pairs_file(tmp_path, ['{"gold": "1", "answer": "1"}', row]))
    assert ran.returncode == 1 and message in ran.stderr and "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--pairs", "pairs.jsonl", "--workers", "0"], "--workers must be 1 or more"),
        (["--rows"], "go with --pairs"),
        (["--workers", "2"], "go with --pairs"),
        ([], "say --explain GOLD ANSWER or --pairs"),
        (["--explain", "31"], "found 1 words"),
        (["--explain", "31", "31", "31"], "found 3 words"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path, arguments, message):
    pairs_file(tmp_path, ['{"gold": "1+√2", "answer": "√2+1"}'])
    ran = run(tmp_path, *arguments)
    assert ran.returncode == 2 and message in ran.stderr and ran.stdout == ""


def test_explain_prints_the_steps_to_a_verdict(tmp_path):
    ran = run(tmp_path, "--explain", "3π/4", "So the answer is $\\frac{3\\pi}{4} \\approx 2.36$.")
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert "found by answer_phrase" in lines[0] and lines[-1] == "verdict   CORRECT"
    assert any(line.startswith("rule") for line in lines)
    assert "rounding" not in run(tmp_path, "--explain", "1/3", "0.5").stdout
    assert "printed digits" in run(tmp_path, "--explain", "1/3", "0.333").stdout


@pytest.mark.parametrize(
    ("key", "answer"), [("-3", "-3"), ("-\\sqrt{2}", "-√2"), ("-x", "-x"), ("--5", "5"), ("5", "-5"), ("-h", "-h")]
)
def test_a_key_and_an_answer_may_begin_with_a_minus(tmp_path, key, answer):
    ran = run(tmp_path, "--explain", key, answer)
    assert ran.returncode == 0 and ran.stdout.splitlines()[-1].startswith("verdict"), ran.stderr
    assert ran.stdout.splitlines()[0].startswith(f"answer    {answer!r}")
