"""Answers to and from Inspect and lm-evaluation-harness: the same accuracy as eval's, and their logs come back."""

import functools
import http.server
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from playwright.sync_api import expect, sync_playwright

from distil.pipeline.files import read_jsonl
from distil.pipeline.records import Answer, Scored
from distil.verifier import Verifier
from tests.scored_run import write_run
from tests.workspace import ANSWERS, ROOT, contents, environment, inside, problems, stage, write_workspace

HARNESS = ROOT / ".venv-harness/bin/python"
MODELS = ("base", "seed_0", "seed_1")


def tool(folder: Path, *arguments: str, python: Path | str = sys.executable) -> subprocess.CompletedProcess[str]:
    command = [str(python), "-m", "tools.harness", *arguments]
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)


def accuracies(folder: Path) -> dict[str, list[float]]:
    """What eval found: of base, and of the seeds together, by benchmark."""
    found = json.loads((folder / "metrics/eval.json").read_text("utf-8"))
    return {
        benchmark: [found[part]["base"], found[part]["student_mean"]]
        for benchmark, part in (("contest", "contest_unseen"), ("transfer", "transfer"))
    }


def set_params(folder: Path, **answers: Any) -> None:
    path = folder / "params.yaml"
    params = yaml.safe_load(path.read_text("utf-8"))
    params["chat"] = {"system": "Think first."}
    params["lm"] = {"backend": "mlx", "compute": "float32", "threads": 1}
    params["lora_seed"]["model"] = "m"
    params["answers"] = ANSWERS | params["answers"] | answers
    path.write_text(yaml.safe_dump(params), encoding="utf-8")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with two seeds, evaluated; not to be changed."""
    folder = write_run(tmp_path_factory.mktemp("finished"), seeds=(0, 1))
    set_params(folder)
    done = inside(folder, "stages.eval")
    assert done.returncode == 0, done.stderr
    return folder


def exported(folder: Path, harness: str, output: Path, python: Path | str = sys.executable) -> Path:
    done = tool(folder, "--to", harness, "--output", str(output), python=python)
    assert done.returncode == 0, done.stderr
    return output


def samples(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_lm_evals_samples_have_evals_accuracy(finished: Path, tmp_path: Path) -> None:
    out = exported(finished, "lm-eval", tmp_path / "out")
    assert contents(out) == contents(exported(finished, "lm-eval", tmp_path / "again"))
    for benchmark, expected in accuracies(finished).items():
        rows = {model: samples(out / model / f"samples_{benchmark}_exported.jsonl") for model in MODELS}
        found = {model: sum(row["accuracy"] for row in rows[model]) / len(rows[model]) for model in MODELS}
        assert [found["base"], (found["seed_0"] + found["seed_1"]) / 2] == pytest.approx(expected, abs=1e-6)
        assert len({tuple(row["doc"]["id"] for row in rows[model]) for model in MODELS}) == 1
    first = rows["base"][0]
    turns = [{"role": "system", "content": "Think first."}, {"role": "user", "content": first["doc"]["question"]}]
    assert json.loads(first["arguments"]["gen_args_0"]["arg_0"][0]) == turns


def test_what_was_asked_in_another_way_is_left_out(finished: Path, tmp_path: Path) -> None:
    scored = list(read_jsonl(finished / "data/eval/scored.jsonl", Scored))
    assert any(row.answer.role == "train" for row in scored)
    out = exported(finished, "lm-eval", tmp_path / "out")
    assert {path.name for path in out.iterdir()} == {*MODELS, ".exported"}


def test_samples_that_come_back_are_scored_as_they_were(finished: Path, tmp_path: Path) -> None:
    """Base and students of an export, replayed in another folder: eval finds what it found."""
    out = exported(finished, "lm-eval", tmp_path / "out")
    again = write_run(tmp_path / "again", seeds=(0, 1))
    set_params(again)
    models = {}
    for model in MODELS:
        theirs = tmp_path / f"{model}.jsonl"
        student = [] if model == "base" else ["--student"]
        done = tool(again, "--from", "lm-eval", str(out / model), "--output", str(theirs), *student)
        assert done.returncode == 0, done.stderr
        models[model] = {"weights": str(theirs), "columns": {"question": "question", "judge": "judge"}}
    set_params(again, backend="replay", models=models, limit={"unseen": None, "seen": 0, "transfer": None})
    for command in (*(["stages.answers", "--model", model] for model in MODELS), ["stages.eval"]):
        done = inside(again, *command)
        assert done.returncode == 0, done.stderr
    assert accuracies(again) == accuracies(finished)
    judged = samples(again / "data/answers/base/judged.jsonl")
    assert {row["verdict"] for row in judged} == {"CORRECT", "INCORRECT"}


THEIRS = {
    "doc_id": 0,
    "doc": {"problem": "Find $1+1$."},
    "resps": [["It is 2.", "3"]],
    "filter": "first",
    "metrics": ["m"],
}


def test_samples_of_a_task_of_theirs(tmp_path: Path) -> None:
    """Each filter has a row of its own, and a problem without an id is named by its text."""
    rows = [THEIRS | {"m": 0.5}, THEIRS | {"filter": "last", "m": 1.0}]
    (tmp_path / "samples_math_1.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    done = tool(tmp_path, "--from", "lm-eval", ".", "--output", "found.jsonl")
    assert done.returncode == 0, done.stderr
    row = {"problem_id": None, "question": "Find $1+1$.", "judge": None}
    assert samples(tmp_path / "found.jsonl") == [
        row | {"text": "It is 2.", "sample": 0}, row | {"text": "3", "sample": 1}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{}", "line 1: a sample has 'doc' and 'resps'"),
        ('{"doc": {"id": 1}, "resps": [[[-1.5, true]]]}', "only tasks of type generate_until"),
        ('{"doc": {"passage": "x"}, "resps": [["y"]]}', "which problem is it about?"),
        ("[", "is not JSON"),
    ],
)
def test_what_is_no_sample_is_one_line(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "samples_a_1.jsonl").write_text(text, "utf-8")
    done = tool(tmp_path, "--from", "lm-eval", "samples_a_1.jsonl", "--output", "found.jsonl")
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and says in done.stderr
    assert not (tmp_path / "found.jsonl").exists()


def test_a_student_answers_only_what_was_held_out(finished: Path, tmp_path: Path) -> None:
    row = {"doc": {"id": "somewhere/else"}, "resps": [["4"]]}
    (tmp_path / "samples_a_1.jsonl").write_text(json.dumps(row), "utf-8")
    done = tool(finished, "--from", "lm-eval", str(tmp_path), "--output", str(tmp_path / "x.jsonl"), "--student")
    assert done.returncode == 1 and "about no question that this run holds out, somewhere/else" in done.stderr


def test_logs_of_two_models_are_not_read_as_one(finished: Path, tmp_path: Path) -> None:
    out = exported(finished, "lm-eval", tmp_path / "out")
    done = tool(tmp_path, "--from", "lm-eval", str(out), "--output", "x.jsonl")
    assert done.returncode == 1 and "several models or of several runs" in done.stderr
    assert not (tmp_path / "x.jsonl").exists()


def test_a_folder_of_something_else_is_not_replaced(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    done = tool(finished, "--to", "lm-eval", "--output", str(tmp_path))
    assert done.returncode == 1 and "was not written by this command" in done.stderr
    assert (tmp_path / "thesis.tex").exists()


def test_without_a_run_or_inspect_it_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "inspect_ai.py").write_text("raise ImportError\n")
    for arguments, says in ((["--to", "inspect"], "`make harness`"), (["--to", "lm-eval"], "params.yaml")):
        done = tool(tmp_path, *arguments, "--output", "out")
        assert done.returncode == 1 and done.stderr.count("\n") == 1 and says in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.fixture
def harness() -> Path:
    """The environment that has both harnesses."""
    if not HARNESS.exists():
        pytest.skip("no .venv-harness with Inspect and lm-evaluation-harness; `make harness` makes it")
    return HARNESS


READ = """
import json, sys
from inspect_ai.log import list_eval_logs, read_eval_log
logs = [read_eval_log(found) for found in list_eval_logs(sys.argv[1])]
found = {f"{log.eval.task} {log.eval.model}": log.results.scores[0].metrics["accuracy"].value for log in logs}
print(json.dumps(found))
"""


def test_inspects_logs_have_evals_accuracy_and_come_back(finished: Path, harness: Path, tmp_path: Path) -> None:
    out = exported(finished, "inspect", tmp_path / "out", harness)
    assert contents(out) == contents(exported(finished, "inspect", tmp_path / "again", harness))
    done = subprocess.run([harness, "-c", READ, out], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) == 6
    for benchmark, expected in accuracies(finished).items():
        seeds = [found[f"{benchmark} distil/seed_{seed}"] for seed in (0, 1)]
        assert [found[f"{benchmark} distil/base"], sum(seeds) / 2] == pytest.approx(expected, abs=1e-6)
    ours = exported(finished, "lm-eval", tmp_path / "ours")
    for model in MODELS:
        logs = sorted(out.glob(f"*-{model.replace('_', '-')}.json"))
        for name, paths, python in (("inspect", logs, harness), ("lm-eval", [ours / model], sys.executable)):
            command = ["--from", name, *map(str, paths), "--output", str(tmp_path / f"{name}.jsonl")]
            done = tool(finished, *command, python=python)
            assert done.returncode == 0, done.stderr
        rows = [(tmp_path / f"{name}.jsonl").read_text("utf-8").splitlines() for name in ("inspect", "lm-eval")]
        assert len(logs) == 2 and sorted(rows[0]) == sorted(rows[1])
    done = tool(finished, "--from", "inspect", str(out), "--output", str(tmp_path / "all.jsonl"), python=harness)
    assert done.returncode == 1 and "these are logs of several models" in done.stderr


def test_a_request_that_failed_is_no_answer(finished: Path, harness: Path, tmp_path: Path) -> None:
    """What `inspect eval --no-fail-on-error` writes of it, in a log that says success."""
    path = next(exported(finished, "inspect", tmp_path / "out", harness).glob("*_contest-base.json"))
    found = json.loads(path.read_text("utf-8"))
    found["samples"][0]["error"] = {"message": "503", "traceback": "", "traceback_ansi": ""}
    found["samples"][0] |= {"output": {"model": "distil/base", "choices": []}, "scores": None}
    path.write_text(json.dumps(found), "utf-8")
    done = tool(tmp_path, "--from", "inspect", str(path), "--output", "found.jsonl", python=harness)
    number = len(found["samples"])
    assert done.returncode == 0 and f"1 of {number} samples are left out" in done.stderr, done.stderr
    rest = [sample["id"] for sample in found["samples"][1:]]
    assert [row["problem_id"] for row in samples(tmp_path / "found.jsonl")] == rest


@pytest.mark.parametrize("text", ["", "{}", "no log"])
def test_what_is_no_log_of_inspect_is_one_line(text: str, harness: Path, tmp_path: Path) -> None:
    (tmp_path / "log.json").write_text(text, "utf-8")
    done = tool(tmp_path, "--from", "inspect", "log.json", "--output", "found.jsonl", python=harness)
    assert done.returncode == 1 and done.stderr.splitlines()[-1].startswith("error: log.json is no log of Inspect")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_inspect_view_shows_a_run_in_a_browser(
    finished: Path, harness: Path, tmp_path: Path, chromium: dict[str, Any]
) -> None:
    """Its bundle, served from a folder: the list of logs has eval's accuracy, and a log its questions."""
    logs = exported(finished, "inspect", tmp_path / "logs", harness)
    bundle = [harness, "-m", "inspect_ai", "view", "bundle", "--log-dir", logs, "--output-dir", tmp_path / "bundle"]
    subprocess.run(bundle, check=True, capture_output=True)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "bundle"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(**chromium)
        page = browser.new_page(viewport={"width": 1300, "height": 900})
        page.set_default_timeout(120_000)
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        address = f"http://127.0.0.1:{server.server_port}/"
        page.goto(address)
        row = page.get_by_role("row").filter(has_text="contest").filter(has_text="distil/base").first
        expect(row).to_contain_text(f"{accuracies(finished)['contest'][0]:.3f}", timeout=120_000)
        page.goto(f"{address}#/logs/1970-01-01T00-00-00+00-00_contest-base.json/samples")
        first = page.get_by_role("row").filter(has_text="2015/freshman_sophomore_test/01").first
        expect(first).to_contain_text("Question 1 of freshman_sophomore_test in 2015?", timeout=120_000)
        browser.close()
        server.shutdown()
    assert faults == []


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The tiny student behind `mlx_lm.server`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlx_lm", "server", "--model", str(ROOT / "models/tiny-student")]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    try:
        while True:
            assert server.poll() is None, (tmp_path / "server.log").read_text("utf-8")
            try:
                if httpx.get(f"http://127.0.0.1:{port}/v1/models").status_code == 200:
                    break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_both_harnesses_score_the_tiny_student_as_this_project_does(served: str, harness: Path, tmp_path: Path) -> None:
    """They ask the student behind an endpoint, `answers` asks it here: the same texts, so the same accuracy."""
    tiny = {"base": {"weights": str(ROOT / "models/tiny-student")}}
    folder = write_workspace(tmp_path / "run", {"model": tiny["base"]["weights"]}, {"models": tiny, "max_tokens": 64})
    done = stage(folder, "stages.answers", "--model", "base")
    assert done.returncode == 0, done.stderr
    ours = {
        row.problem_id: row.text
        for benchmark in ("contest", "transfer")
        for row in read_jsonl(folder / f"data/answers/base/{benchmark}.jsonl", Answer)
    }
    keys = {problem.id: problem.answer for problem in [*problems(30)[24:], *problems(5, "transfer")]}
    with Verifier() as verifier:
        right = {name: verifier.verify(key, ours[name]).verdict == "CORRECT" for name, key in keys.items()}
    assert 0 < sum(right.values()) < len(right)

    def harnessed(*command: str) -> None:
        keys = {"OPENAI_API_KEY": "none", "LOCAL_API_KEY": "none"}
        command = (str(harness), "-m", *command)
        done = subprocess.run(
            command, cwd=folder, env=environment() | keys, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]

    tasks = ROOT / "tools/harness/tasks"
    for task in ("contest", "transfer"):
        harnessed(
            "inspect_ai", "eval", f"{tasks}/inspect_tasks.py@{task}", "-T", f"root={folder}", "--log-dir", "logs",
            "--model", "openai-api/local/default_model", "--model-base-url", served, "--display", "none",
        )  # fmt: skip
    harnessed(
        "lm_eval", "--include_path", str(tasks), "--tasks", "contest,transfer", "--apply_chat_template",
        "--model", "local-chat-completions", "--log_samples", "--output_path", "out", "--gen_kwargs", "max_gen_toks=64",
        "--model_args", f"model=default_model,base_url={served}/chat/completions",
    )  # fmt: skip
    for name, logs, python in (("inspect", "logs", harness), ("lm-eval", "out", sys.executable)):
        done = tool(folder, "--from", name, logs, "--output", f"{name}.jsonl", python=python)
        assert done.returncode == 0, done.stderr
        rows = {row["problem_id"]: row for row in samples(folder / f"{name}.jsonl")}
        assert {key: row["text"] for key, row in rows.items()} == {key: ours[key] for key in keys}
        assert {key: row["judge"] == "CORRECT" for key, row in rows.items()} == right
