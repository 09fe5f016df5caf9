"""The stage through its own command line: the same text however it is batched, killed, or served."""

import itertools
import random
import re
import signal
import socket
import subprocess
import sys
import time

import httpx
import mlx_lm
import pytest

from distil.endpoint import Patience
from distil.pipeline.files import InputError, read_jsonl
from distil.pipeline.records import Answer, Problem
from stages.answers.__main__ import main
from stages.answers.store import AnswerStore
from tests.workspace import contents, environment, inside, stage, write_params, write_workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A workspace with trained adapters for seed 3 and level R3."""
    folder = write_workspace(tmp_path_factory.mktemp("answers"))
    assert inside(folder, "stages.lora_seed", "--seed", "3").returncode == 0
    assert inside(folder, "stages.lora_seed", "--rows", "levels/R3", "--name", "R3").returncode == 0
    return folder


@pytest.fixture
def answer(workspace, monkeypatch):
    def run(*arguments, **changed):
        write_params(workspace, answers=changed)
        monkeypatch.chdir(workspace)
        monkeypatch.setattr("sys.argv", ["answers", *arguments])
        assert not main()
        model = arguments[1]
        folder = workspace / "data/answers" / model
        return {path.stem: list(read_jsonl(path, Answer)) for path in sorted(folder.iterdir())}

    return run


def test_the_command_line_writes_both_benchmarks_in_order(workspace):
    write_params(workspace)
    result = stage(workspace, "stages.answers", "--model", "seed_3")
    assert result.returncode == 0, result.stderr
    contest = list(read_jsonl(workspace / "data/answers/seed_3/contest.jsonl", Answer))
    transfer = list(read_jsonl(workspace / "data/answers/seed_3/transfer.jsonl", Answer))
    assert [answer.problem_id for answer in contest] == [f"contest/{number:03d}" for number in range(30)]
    assert [answer.role for answer in contest] == ["train"] * 18 + ["valid"] * 6 + ["unseen"] * 6
    assert {(answer.model, answer.fold, answer.role) for answer in transfer} == {("seed_3", "held_out", "unseen")}
    assert all(answer.finish_reason == "length" and answer.completion_tokens == 8 for answer in contest[:3])
    assert not list((workspace / "cache/answers").iterdir())


def test_the_base_model_has_seen_nothing(answer):
    answers = answer("--model", "base")
    assert [len(answers[name]) for name in ("contest", "transfer")] == [30, 5]
    assert {(row.fold, row.role) for rows in answers.values() for row in rows} == {(None, "unseen")}


def test_no_time_is_said_to_remain_before_a_batch_has_ended(answer, capsys, monkeypatch):
    clock = itertools.count(step=20)
    monkeypatch.setattr("tqdm.std.time", lambda: next(clock))
    answer("--model", "base")
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("base answers: ")]
    ended = [int(re.match(r"base answers: (\d+) of 35 answers, \d+ s", line)[1]) for line in lines]
    assert [line.endswith(" s remain") for line in lines] == [number >= 8 for number in ended]
    assert ended[0] == 1 and ended[-1] == 35


def test_a_level_answers_held_out_questions_alone(answer):
    answers = answer("--model", "R3")
    assert list(answers) == ["contest"] and len(answers["contest"]) == 2 * 6
    assert {(row.model, row.fold, row.role) for row in answers["contest"]} == {
        ("R3", "seed_3", "unseen"),
        ("R3", "seed_4", "unseen"),
    }


def test_a_baseline_asks_the_base_model_in_another_way(answer):
    usual = {row.problem_id: row for rows in answer("--model", "base").values() for row in rows}
    for name, longer in (("solution", False), ("instruction", True), ("few_shot", True)):
        answers = answer("--model", name)
        assert [len(answers[benchmark]) for benchmark in ("contest", "transfer")] == [6, 5]
        for row in (*answers["contest"], *answers["transfer"]):
            assert (row.model, row.fold, row.role) == (name, None, "unseen")
            assert (row.prompt_tokens > usual[row.problem_id].prompt_tokens) == longer


def test_a_limit_asks_every_model_the_same_questions(answer):
    limit = {"limit": {"unseen": 3, "seen": 4, "transfer": 2}}
    base, student = answer("--model", "base", **limit), answer("--model", "seed_3", **limit)
    for benchmark, number in {"contest": 7, "transfer": 2}.items():
        asked = [row.problem_id for row in base[benchmark]]
        assert len(asked) == number and [row.problem_id for row in student[benchmark]] == asked
    assert sum(row.role == "unseen" for row in student["contest"]) == 3
    whole = {row.problem_id: row.text for row in answer("--model", "base")["contest"]}
    assert all(whole[row.problem_id] == row.text for row in base["contest"])


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_the_text_does_not_depend_on_the_batch(answer, batch_size):
    assert answer("--model", "seed_3", batch_size=batch_size) == answer("--model", "seed_3", batch_size=8)


def test_the_text_is_mlx_lms_own(answer, workspace):
    """Against mlx-lm's one-at-a-time loop with the same adapter, unfused."""
    answers = answer("--model", "seed_3")["contest"]
    model, tokenizer = mlx_lm.load("models/random", adapter_path="data/lora_seed/3/held_out")
    for problem, row in zip(read_jsonl("data/parsed/problems.jsonl", Problem), answers, strict=True):
        turns = [{"role": "user", "content": problem.question}]
        prompt = tokenizer.apply_chat_template(turns, add_generation_prompt=True)
        tokens = [step.token for step in mlx_lm.stream_generate(model, tokenizer, prompt, max_tokens=8)]
        assert tokenizer.decode(tokens) == row.text


def test_samples_differ_and_are_their_own_whatever_the_batch(answer):
    answers = answer("--model", "base", samples=3, temperature=1.0)["contest"]
    assert [row.sample for row in answers[:4]] == [0, 1, 2, 0]
    assert len({row.text for row in answers[:3]}) == 3
    assert answer("--model", "base", samples=3, temperature=1.0, batch_size=5)["contest"] == answers
    assert answer("--model", "base", samples=3, temperature=1.0, seed=1)["contest"] != answers


def test_pytorch_writes_the_same_texts(answer):
    pytest.importorskip("torch", reason="needs the extra torch")
    for sampling in ({"batch_size": 3}, {"samples": 2, "temperature": 1.0}):
        assert answer("--model", "seed_3", backend="torch", **sampling) == answer("--model", "seed_3", **sampling)


@pytest.mark.parametrize(
    ("finish_reason", "tokens", "serves"),
    [("stop", 5, True), ("stop", 8, True), ("stop", 9, False), ("length", 8, True), ("length", 12, False),
     ("length", 5, False)],
)  # fmt: skip
def test_an_answer_under_another_cap_serves_where_it_would_be_the_same(
    tmp_path, monkeypatch, finish_reason, tokens, serves
):
    monkeypatch.chdir(tmp_path)
    row = Answer(problem_id="p", benchmark="contest", model="base", fold=None, role="unseen", text="", prompt_tokens=3,
                 completion_tokens=tokens, finish_reason=finish_reason)  # fmt: skip
    AnswerStore("name").add([row])
    assert bool(AnswerStore("name", cap=8).found) == serves


def test_pytorch_takes_from_a_run_under_a_larger_cap_what_is_the_same(workspace, answer, monkeypatch):
    pytest.importorskip("torch", reason="needs the extra torch")
    sampling = {"samples": 4, "temperature": 1.0, "backend": "torch"}
    expected = answer("--model", "base", max_tokens=40, **sampling)
    with monkeypatch.context() as kept:
        kept.setattr(AnswerStore, "remove", lambda store: None)
        answer("--model", "base", max_tokens=60, **sampling)
    before = len(next(workspace.glob("cache/answers/*")).read_text().splitlines())
    asked = []
    monkeypatch.setattr(
        AnswerStore, "add", lambda store, rows, add=AnswerStore.add: (asked.extend(rows), add(store, rows))
    )
    assert answer("--model", "base", max_tokens=40, **sampling) == expected
    assert before == 35 * 4 and 0 < len(asked) < before


@pytest.mark.parametrize("backend", ["mlx", "torch"])
def test_killed_at_a_random_moment_it_ends_with_the_same_bytes(workspace, answer, backend):
    if backend == "torch":
        pytest.importorskip("torch", reason="needs the extra torch")
    sampling = {"samples": 4, "temperature": 1.0, "batch_size": 4, "max_tokens": 12, "backend": backend}
    answer("--model", "base", **sampling)
    whole, rng = contents(workspace / "data/answers/base"), random.Random(2)
    (workspace / "data/answers/base/contest.jsonl").unlink()
    command = [sys.executable, "-m", "stages.answers", "--model", "base"]
    process = subprocess.Popen(command, cwd=workspace, env=environment(), stderr=subprocess.DEVNULL)
    while process.poll() is None and not list(workspace.glob("cache/answers/*")):
        time.sleep(0.002)
    time.sleep(rng.uniform(0, 0.3))
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it ended before it could be killed"
    kept = next(workspace.glob("cache/answers/*")).read_text().splitlines()
    assert 0 < len(kept) < 35 * 4
    answer("--model", "base", **sampling)
    assert contents(workspace / "data/answers/base") == whole


def test_a_line_cut_short_is_as_if_never_written(tmp_path, monkeypatch, answer):
    rows = answer("--model", "base")["contest"][:3]
    monkeypatch.chdir(tmp_path)
    AnswerStore("s").add(rows)
    path = tmp_path / "cache/answers/s.jsonl"
    path.write_bytes(path.read_bytes()[:-7])
    again = AnswerStore("s")
    assert len(again.found) == 2
    again.add(rows[2:])
    assert list(AnswerStore("s").found.values()) == rows


def asking(**prompt):
    """`answers` with base asked in one other way."""
    return {"models": {"few_shot": {"weights": "models/random", "prompt": prompt}}}


@pytest.mark.parametrize(
    ("arguments", "changed", "message"),
    [
        (["--model", "seed_9"], {}, "data/lora_seed/9/held_out holds no adapter"),
        (["--model", "luck"], {}, "answers.models has no 'luck'; it has R3, base, few_shot"),
        (["--model", "few_shot"], asking(shots=99), "asks for 99 solved questions"),
        (["--model", "solution"], {"backend": "openai"}, "answers.baselines.solution is plain text"),
        (["--model", "few_shot"], asking(shots=1, instruction="x"), "set one of"),
        (["--model", "few_shot"], asking(completion="x"), "has no {question}"),
        (["--model", "base"], {"samples": 2}, "samples above 1 need a temperature above 0"),
        (["--model", "base"], {"backend": "vllm"}, "answers.backend"),
        (["--model", "base"], {"backend": "openai"}, "no connection to http://127.0.0.1:1/v1"),
    ],
)
def test_wrong_input_is_one_message(answer, monkeypatch, arguments, changed, message):
    monkeypatch.setattr("stages.answers.served.PATIENCE", Patience(tries=1))
    with pytest.raises(InputError) as raised:
        answer(*arguments, **changed)
    assert message in str(raised.value)


def test_a_key_that_is_not_set_is_named(answer, monkeypatch):
    monkeypatch.delenv("SOME_KEY", raising=False)
    endpoint = {"base_url": "http://127.0.0.1:1/v1", "model": "m", "api_key_env": "SOME_KEY", "timeout": 5}
    with pytest.raises(InputError, match="variable SOME_KEY is not set, and answers"):
        answer("--model", "base", backend="openai", endpoint=endpoint)


def test_mlx_lms_server_answers_instead(answer, workspace):
    """The same greedy texts through a real third-party server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlx_lm", "server", "--model", "models/random", "--port", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(command, cwd=workspace, **quiet)
    try:
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/v1/models", timeout=None)
                break
            except httpx.ConnectError:
                assert server.poll() is None, "the server ended"
                time.sleep(0.1)
        endpoint = {"base_url": f"http://127.0.0.1:{port}/v1", "model": "default_model"}
        endpoint |= {"api_key_env": None, "timeout": 60}
        served = answer("--model", "base", backend="openai", batch_size=4, endpoint=endpoint)
    finally:
        server.kill()
        server.wait()
    here = answer("--model", "base")
    assert [row.text for row in served["contest"]] == [row.text for row in here["contest"]]
    assert [row.prompt_tokens for row in served["contest"]] == [row.prompt_tokens for row in here["contest"]]
    assert [row.finish_reason for row in served["contest"]] == [row.finish_reason for row in here["contest"]]
