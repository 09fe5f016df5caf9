"""The check passes what is reproducible, and fails at the right stage, saying why, what is not."""

import json
import platform
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from distil.pipeline.files import InputError
from tests.tools.checked import check
from tests.tools.toy import Toy
from tools.check_reproduction.revision import read_lock

X86 = platform.machine() == "x86_64" and sys.platform == "linux"


def test_passes_what_was_committed(committed: Toy, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    checked = check(committed, "--summary", str(summary))
    assert checked.status == 0
    assert {outcome["verdict"] for outcome in checked.json["sections"][0]["outcomes"]} == {"identical"}
    assert "7 stages: 7 identical." in summary.read_text("utf-8")
    assert str(committed.folder) not in json.dumps(checked.json) + checked.text


@pytest.mark.parametrize("lock", ["", "schema: '2.0'\n", "- stages\n"])
def test_a_lock_without_stages_is_said(lock: str, tmp_path: Path) -> None:
    (tmp_path / "dvc.lock").write_text(lock)
    with pytest.raises(InputError, match=r"has no stages that can be read: run `dvc repro` in the root"):
        read_lock(tmp_path / "dvc.lock")


@pytest.mark.slow
def test_passes_twice_in_another_order(committed: Toy) -> None:
    checked = check(committed, "--twice", "--shuffle")
    assert checked.status == 0
    assert [len(section["outcomes"]) for section in checked.json["sections"]] == [7, 7]


def another_seed(toy: Toy) -> None:
    toy.replace("params.yaml", "{seeds: [0, 1, 2]", "{seeds: [0, 1, 3]")


def another_parameter(toy: Toy) -> None:
    toy.replace("params.yaml", "every: 4", "every: 5")


def changed_key(toy: Toy) -> None:
    toy.replace("exam.txt", "What is 5 plus 8?=13", "What is 5 plus 8?=14")


def changed_prompt_word(toy: Toy) -> None:
    toy.replace("toy/problems.py", '"question": question', '"question": question.replace("What", "How much")')


def dropped_row(toy: Toy) -> None:
    """Someone takes a training row out and has DVC take the result for the stage's own."""
    path = toy.folder / "data/split/train.jsonl"
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.chmod(0o644)
    toy.write("data/split/train.jsonl", "".join(lines[:6] + lines[7:]))
    toy.run("dvc", "commit", "--force", "split")


def edited_metric(toy: Toy) -> None:
    toy.replace("metrics/count.json", "40", "41")


def edited_metric_and_lock(toy: Toy) -> None:
    edited_metric(toy)
    toy.run("dvc", "commit", "--force", "count")


def comment_without_a_run(toy: Toy) -> None:
    toy.replace("toy/split.py", "import json", "# a remark\nimport json")


def command_without_a_run(toy: Toy) -> None:
    toy.replace("dvc.yaml", "cmd: python toy/count.py", "cmd: python -B toy/count.py")


def undeclared_file(toy: Toy) -> None:
    toy.replace("toy/count.py", "count = sum", 'open("exam.txt").read()\ncount = sum')
    toy.repro()


def undeclared_file_if_there(toy: Toy) -> None:
    toy.replace(
        "toy/count.py",
        "count = sum",
        'extra = pathlib.Path("exam.txt").is_file() and open("exam.txt").read()\ncount = bool(extra) + sum',
    )
    toy.repro()


def undeclared_parameter(toy: Toy) -> None:
    toy.replace(
        "toy/count.py",
        "count = sum",
        'import yaml\ncount = yaml.safe_load(open("params.yaml"))["split"]["every"] + sum',
    )
    toy.repro()


def undeclared_output(toy: Toy) -> None:
    toy.replace("toy/count.py", "count = sum", 'open("data/left.txt", "w").write("over")\ncount = sum')
    toy.repro()


def not_deterministic(toy: Toy) -> None:
    toy.replace("toy/count.py", "count = sum", "import time\ncount = time.time_ns() + sum")
    toy.repro()


def not_working(toy: Toy) -> None:
    toy.replace("toy/count.py", "count = sum", 'raise SystemExit("error: the disk is on fire")\ncount = sum')


Mutation = tuple[Callable[[Toy], None], str, str, list[str]]
# what someone did, up to which stage to run, the stage that diverges first, and what is said of it
MUTATIONS: list[Mutation] = [
    (dropped_row, "split", "split", ["other outputs than", "line 7 (29 lines committed, 30 here): is new here"]),
    (undeclared_file_if_there, "count", "count", ["or it reads what it does not declare", "41 -> 40"]),
]  # fmt: skip
MORE_MUTATIONS: list[Mutation] = [
    (changed_key, "split", "problems", ["exam.txt", "+What is 5 plus 8?=14", "line 6: key: 13 -> 14"]),
    (edited_metric, "count", "count", ["metrics/count.json was edited after the run", "problems: 41 -> 40"]),
    (another_seed, "train", "train@3", ["no entry for it"]),
    (another_parameter, "split", "split", ["parameter split.every: 4 -> 5", "line 4"]),
    (changed_prompt_word, "split", "problems", ["toy/problems.py", '+', "line 1: question:", "How much is 0 plus 0"]),
    (edited_metric_and_lock, "count", "count", ["other outputs than the committed ones", "problems: 41 -> 40"]),
    (comment_without_a_run, "split", "split", ["toy/split.py: changed since dvc.lock was committed", "+# a remark"]),
    (command_without_a_run, "count", "count", ['command: "python toy/count.py" -> "python -B toy/count.py"']),
    (undeclared_file, "count", "count", ["FileNotFoundError", "exam.txt"]),
    (undeclared_parameter, "count", "count", ["FileNotFoundError", "params.yaml"]),
    (undeclared_output, "count", "count", ["writes files that its outs do not name: data/left.txt"]),
    (not_deterministic, "count", "count", ["it is not deterministic"]),
    (not_working, "count", "count", ["the disk is on fire"]),
]  # fmt: skip


CASES = [
    *(pytest.param(*row, id=row[0].__name__) for row in MUTATIONS),
    *(pytest.param(*row, id=row[0].__name__, marks=pytest.mark.slow) for row in MORE_MUTATIONS),
]


@pytest.mark.parametrize(("change", "target", "stage", "said"), CASES)
def test_fails_at_the_right_stage(change, target, stage, said, toy: Toy) -> None:
    change(toy)
    toy.commit()
    checked = check(toy, "--stages", target)
    assert checked.status == 1
    assert checked.first == stage
    outcome = checked.stage(stage)
    told = "\n".join(outcome["reasons"] + outcome["differences"])
    assert [words for words in said if words not in told] == [], told


def shift(toy: Toy, by: float) -> None:
    """Someone gives a metric of a trained stage another value and has DVC take it for the stage's own."""
    path = toy.folder / "metrics/score.json"
    content = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(content | {"mean": content["mean"] + by * content["std"]}), "utf-8")
    toy.run("dvc", "commit", "--force", "score")


def another_seeds_weights(toy: Toy) -> None:
    other = (toy.folder / "data/train/1/adapters.safetensors").read_bytes()
    path = toy.folder / "data/train/0/adapters.safetensors"
    path.chmod(0o644)
    path.write_bytes(other)
    toy.run("dvc", "commit", "--force", "train@0")


@pytest.mark.skipif(not X86, reason="needs OpenBLAS's kernels for x86-64")
class TestElsewhere:
    """Another core type gives other bits for real; what it may change follows from what another seed changes."""

    def test_same_statistics_pass(self, committed: Toy) -> None:
        checked = check(committed, core_type="Nehalem")
        assert checked.status == 0
        assert checked.stage("split")["verdict"] == "identical"
        assert checked.stage("train@0")["verdict"] == "within tolerance"
        told = "\n".join(checked.stage("train@0")["differences"])
        assert "weights differ by at most" in told and "within the tolerance of" in told
        assert any("core_type: Haswell -> Nehalem" in line for line in checked.json["environment"])

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("change", "status", "said"),
        [
            # t(0.995, 2) sqrt(2/3) = 8.1 standard deviations is what three seeds leave open
            pytest.param(lambda toy: shift(toy, 7.9), 0, "within the tolerance of", id="inside"),
            pytest.param(lambda toy: shift(toy, 8.3), 1, "outside the tolerance of", id="outside"),
            pytest.param(another_seeds_weights, 1, "where the nearest other one (train@1) is 0 away", id="weights"),
        ],
    )
    def test_tolerance(self, change, status, said, toy: Toy) -> None:
        change(toy)
        toy.commit()
        checked = check(toy, core_type="Nehalem")
        told = json.dumps(checked.json)
        assert (checked.status, said in told) == (status, True), told

    @pytest.mark.slow
    def test_here_the_same_bits_are_promised(self, toy: Toy) -> None:
        shift(toy, 0.1)
        toy.commit()
        checked = check(toy)
        assert (checked.status, checked.first) == (1, "score")

    @pytest.mark.slow
    def test_another_library_version_is_reported_though_outputs_are_the_same(self, toy: Toy) -> None:
        path = toy.folder / "metrics/environment.json"
        content = json.loads(path.read_text("utf-8"))
        content["numeric_packages"]["numpy"]["version"] = "1.0"
        path.write_text(json.dumps(content), "utf-8")
        toy.commit()
        checked = check(toy)
        assert checked.status == 0
        assert any("numpy: 1.0" in line for line in checked.json["environment"])
        assert {outcome["verdict"] for outcome in checked.json["sections"][0]["outcomes"]} == {"identical"}
