"""The committed comparison with stock mlx-lm and Math-Verify reached its targets; its workers run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tools.bench import peers, share
from tools.bench.__main__ import TARGETS, line, missed
from tools.bench.comparisons import COMPARISONS
from tools.bench.models import write_rows
from tools.bench.peers import BATCH, STEPS, make_job
from tools.bench.runs import stock_training, turn_about, worker
from tools.peers import answer

ROOT = Path(__file__).resolve().parents[2]
STUDENT = ROOT / "models/tiny-student"
COMMITTED = json.loads((ROOT / "metrics/bench.json").read_text())


@pytest.mark.parametrize("name", TARGETS)
def test_a_committed_comparison_reached_its_target(name):
    if name not in COMMITTED:
        pytest.skip(f"not measured yet: python -m tools.bench --only {name}, on two cores that nobody else uses")
    assert COMMITTED[name] == COMMITTED["medians"][name]["ratio"] is not None
    assert not missed(name, COMMITTED["medians"][name]), line(name, COMMITTED["medians"][name])


@pytest.mark.parametrize(
    ("name", "ratio", "more", "expected"),
    [
        ("padding", 1.04, {}, False),
        ("padding", 1.06, {}, True),
        ("answers", 21, {"same_texts": 40, "compared_texts": 40}, False),
        ("answers", 21, {"same_texts": 39, "compared_texts": 40}, True),
        ("answers", 19, {"same_texts": 40, "compared_texts": 40}, True),
    ],
)
def test_what_misses_a_target_is_marked(name, ratio, more, expected):
    medians = {"stock": 1.0, "ours": ratio, "ratio": ratio, "unit": "x"} | more
    assert missed(name, medians) is expected and ("MISSED" in line(name, medians)) is expected
    assert set(TARGETS) == set(COMPARISONS)


@pytest.mark.slow
def test_both_sides_of_a_training_comparison_run(tmp_path):
    rows = write_rows(tmp_path / "rows", 8, 20)
    stock = stock_training(STUDENT, rows, 4, 4, 2, tmp_path / "adapter")["rate"]
    ours = worker("ours-train", STUDENT, rows, 4, 4)["rate"]
    assert stock > 0 and ours > 0


def test_medians_and_their_ratio():
    stock, ours = iter([1.0, 3.0, 2.0]), iter([8.0, 10.0, 9.0])
    found = turn_about(lambda: next(stock), lambda: next(ours), 3)
    assert (found["stock"], found["ours"], found["ratio"]) == (2.0, 9.0, 4.5)


def test_the_peers_are_given_the_tokens_that_this_project_uses():
    job = make_job(str(STUDENT), "float32", 1, 5, 12)
    assert len(job["prompts"]) == 5 and [len(batch) for batch in job["batches"]] == [BATCH] * (STEPS + 1)
    assert all(0 < prompt < len(tokens) for tokens, prompt in job["rows"])


@pytest.mark.parametrize("command", ["train", "validate", "answers"])
def test_our_side_of_the_peers_runs(command, tmp_path):
    pytest.importorskip("torch", reason="needs the extra torch")
    job = make_job(str(STUDENT), "float32", 1, 3, 12)
    job["rows"] = [[tokens[:200], prompt if prompt < 200 else 10] for tokens, prompt in job["rows"]]
    (tmp_path / "job.json").write_text(json.dumps(job))
    found = answer([sys.executable, "-m", "tools.bench.peers_ours"], command, tmp_path / "job.json")
    assert found["tokens"] > 0 and found["processor"] > 0 and found["peak_gb"] > 0


def test_a_peer_that_is_missing_is_null_with_its_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(peers, "FILE", tmp_path / "bench.json")
    command = ["peers", "--model", str(STUDENT), "--python", str(tmp_path / "none"), "--only"]
    monkeypatch.setattr("sys.argv", [*command, "peer_lora_f32", "peer_llama_cpp"])
    monkeypatch.chdir(ROOT)
    peers.main()
    found = json.loads((tmp_path / "bench.json").read_text())
    for name in ("peer_lora_f32", "peer_llama_cpp"):
        assert found[name] is None and found["peers"][name]["reason"]


def test_three_judges_of_the_same_answers(tmp_path: Path) -> None:
    rows = [("31", "Answer: 31", "CORRECT", "CORRECT"), ("31", "Answer: 32", "INCORRECT", "CORRECT")]
    names = ("gold", "answer", "label", "llm_verdict")
    lines = [json.dumps(dict(zip(names, row, strict=True))) for row in rows]
    (tmp_path / "pairs.jsonl").write_text("\n".join(lines))
    command = [sys.executable, "-m", "tools.bench.verifiers", str(tmp_path / "pairs.jsonl"), "--rounds", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout[done.stdout.index("{\n") :])
    assert found["n"] == 2 and found["ours"]["agreement"] == 1 and found["llm"]["false_accepts"] == 1
    for unit, ratio in (("seconds", "ratio"), ("processor_seconds", "processor_ratio")):
        assert found[ratio] == found["math_verify"][unit] / found["ours"][unit] > 0


def test_the_processor_seconds_of_a_judge_hold_those_of_its_workers(tmp_path: Path) -> None:
    pairs = [(f"\\sin^4 {x} + \\cos^4 {x}", f"1 - 2 \\sin^2 {x} \\cos^2 {x}") for x in "xyztuv"]
    (tmp_path / "pairs.json").write_text(json.dumps(pairs))
    found = worker("judge", "ours", tmp_path / "pairs.json")
    assert found["said"] == [True] * 6
    assert found["processor_seconds"] > 0.1, "the algebra of a pair takes 0.1 s and more, the rest 0.001 s"


@pytest.mark.slow
def test_a_free_worker_takes_part_and_changes_no_byte(tmp_path):
    share.write_answers(tmp_path, 12_000)
    alone, both = share.alone(tmp_path), share.beside(tmp_path)
    assert both.digest == alone.digest and both.processes == 1 + alone.processes
