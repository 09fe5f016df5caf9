"""The real pipeline at a tenth of its size: it reproduces, changes are found, every answer leads to its exam page."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
import yaml

from tests.tools.checked import check
from tests.tools.remotes import share, ssh
from tests.tools.small import SMALL
from tests.tools.toy import Toy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def test_reproduces(small: Toy) -> None:
    result = small.run(sys.executable, "-m", "tools.check_reproduction", "--no-install", "--shuffle", check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_colleague_pulls_the_run_over_ssh_and_has_nothing_to_run(small: Toy, tmp_path: Path) -> None:
    share(small.copy(tmp_path / "mine"), ssh, tmp_path)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_killed_at_random_moments_it_ends_with_the_same_hashes(jobs: str, small: Toy, tmp_path: Path) -> None:
    fresh = Toy(tmp_path / "fresh")
    small.run("git", "clone", "--quiet", str(small.folder), str(fresh.folder))
    (fresh.folder / "dvc.lock").unlink()
    command = [sys.executable, "-m", "tools.repro", "--jobs", jobs]
    for seconds in Random(7).sample(range(2, 30), 6):
        with subprocess.Popen(
            command,
            cwd=fresh.folder,
            env=fresh.env,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=seconds)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    fresh.run(*command)
    # a lock begun by stages side by side may keep another order: equal as a mapping
    ended, whole = (yaml.safe_load((toy.folder / "dvc.lock").read_text("utf-8")) for toy in (fresh, small))
    assert ended == whole
    assert fresh.run("git", "status", "--porcelain", "--", ":!dvc.lock").stdout == ""


def another_seed(toy: Toy) -> None:
    toy.run(sys.executable, "-m", "tools.params", *SMALL, "lora_seed.seeds=[0,2]")


def edited(toy: Toy, path: str, edit: Callable[[list[str]], list[str]], stage: str) -> None:
    """Someone edits the lines of a stage's output and has DVC take them for the stage's own."""
    lines = (toy.folder / path).read_text("utf-8").splitlines(keepends=True)
    (toy.folder / path).chmod(0o644)
    toy.write(path, "".join(edit(lines)))
    toy.run("dvc", "commit", "--force", stage)


def changed_key(toy: Toy) -> None:
    def edit(lines: list[str]) -> list[str]:
        return [re.sub(r'"answer":"(\d+)"', r'"answer":"\g<1>1"', lines[0]), *lines[1:]]

    edited(toy, "data/parsed/problems.jsonl", edit, "parsed")


def dropped_row(toy: Toy) -> None:
    edited(toy, "data/train_split/held_out/train.jsonl", lambda lines: lines[:6] + lines[7:], "train_split")


def changed_prompt_word(toy: Toy) -> None:
    toy.replace("stages/teacher_cot/prompts/solver.md", "check your work", "check your steps")


def edited_metric(toy: Toy) -> None:
    path = toy.folder / "metrics/verified.json"
    metrics = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(metrics | {"accepted": metrics["accepted"] + 1}, indent=2) + "\n", "utf-8")


def stale_lock(toy: Toy) -> None:
    toy.replace("stages/verified/chains.py", "def chain_metrics", "# a remark\ndef chain_metrics")


def undeclared_file(toy: Toy) -> None:
    read = '    Path("data/raw/manifest.json").read_text(encoding="utf-8")\n    problems = {problem.id'
    toy.replace("stages/verified/__main__.py", "    problems = {problem.id", read)
    toy.repro("verified")


def undeclared_parameter(toy: Toy) -> None:
    read = '    __import__("yaml").safe_load(open("params.yaml"))["eval"]["margin"]\n    problems = {problem.id'
    toy.replace("stages/verified/__main__.py", "    problems = {problem.id", read)
    toy.repro("verified")


@pytest.mark.parametrize(
    ("change", "target", "stage", "said"),
    [
        (another_seed, "lora_seed", "lora_seed@2", ["no entry for it"]),
        (changed_key, "parsed", "parsed", ["other outputs than", "line 1: answer:"]),
        (dropped_row, "train_split", "train_split", ["other outputs than", "line 7"]),
        (changed_prompt_word, "teacher_cot", "teacher_cot", ["stages/teacher_cot", "solver.md", "check your steps"]),
        (edited_metric, "verified", "verified", ["metrics/verified.json was edited after the run", "accepted"]),
        (
            stale_lock,
            "verified",
            "verified",
            ["changed since dvc.lock was committed: stages/verified/chains.py", "# a remark"],
        ),
        (undeclared_file, "verified", "verified", ["data/raw/manifest.json"]),
        (undeclared_parameter, "verified", "verified", ["KeyError: 'eval'"]),
    ],
)
def test_a_change_made_on_purpose_is_found_where_it_was_made(change, target, stage, said, small, tmp_path) -> None:
    changed = small.copy(tmp_path / "repository")
    change(changed)
    changed.commit()
    checked = check(changed, "--stages", target)
    told = "\n".join(
        line
        for outcome in checked.json["sections"][0]["outcomes"]
        for line in outcome["reasons"] + outcome["differences"]
    )
    assert (checked.status, checked.first) == (1, stage), checked.text
    assert [words for words in said if words not in told] == [], told


@pytest.mark.parametrize("model", ["base", "seed_1", "R6"])
def test_lineage_reaches_the_exam_page(model: str, small: Toy) -> None:
    problem = next(
        line
        for line in (small.folder / "data/parsed/problems.jsonl").read_text("utf-8").splitlines()
        if "2024/" in line
    )
    name = yaml.safe_load(problem)["id"]
    told = small.run(sys.executable, "-m", "tools.lineage", name, "--model", model).stdout
    parts = re.findall(r"^(\w[\w' ]*)", told, re.M)
    trained = ["model"] if model == "base" else ["adapter", "training rows"]
    assert parts[1:] == [
        "answer ",
        *trained,
        "chain ",
        "teacher's requests",
        "problem",
        "exam page",
        "All of it is what dvc",
    ]
    read = r"(CORRECT|WRONG) by \w+, read as \S+, the key as \S+"
    scores, level = ("length_sweep", "R6") if model == "R6" else ("eval", "R1")
    marked = rf"^  ({read}|NO_ANSWER by \w+, no answer was found in it): data/{scores}/scored.jsonl, line \d+:"
    assert re.search(marked, told, re.M)
    assert f"chain ({level}, " in told and (model != "R6" or "data/train_split/levels/R6/train.jsonl" in told)
    assert "as the manifest says" in told and "cache/teacher.sqlite" in told and "BUT" not in told


def test_lineage_of_nothing(small: Toy) -> None:
    result = small.run(sys.executable, "-m", "tools.lineage", "1999/none/01", check=False)
    assert result.returncode == 1 and result.stderr.startswith("error: seed_0 has no answer to '1999/none/01'")


def test_lineage_sees_what_was_changed_by_hand(small: Toy, tmp_path: Path) -> None:
    changed = small.copy(tmp_path / "changed")
    path = changed.folder / "data/parsed/problems.jsonl"
    path.chmod(0o644)
    path.write_text(path.read_text("utf-8").replace("find", "seek"), "utf-8")
    problem = yaml.safe_load(path.read_text("utf-8").splitlines()[0])["id"]
    told = changed.run(sys.executable, "-m", "tools.lineage", problem, "--model", "base").stdout
    assert "NOT what dvc.lock records: data/parsed" in told
