"""The real pipeline at a tenth of its size: it reproduces, and every answer can be followed back to its exam page."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.tools.toy import ROOT, Toy

SMALL = [
    "lora_seed.seeds=[0,1]",
    "lora_seed.iters=8",
    "lora_seed.steps_per_eval=4",
    "overfit_probe.iters=8",
    "length_sweep.levels=[R1,R6]",
    "answers.max_tokens=16",
    "eval.resamples=1000",
]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A repository with this one's files, six years of short exams, and everything committed after a run."""
    repository = Toy(tmp_path_factory.mktemp("small") / "repository")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "metrics/lora", "plots/", "dvc.lock")):
            (repository.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, repository.folder / name)
    contest = yaml.safe_load((ROOT / "stages/raw/contest.yaml").read_text("utf-8"))
    sections = {name: section | {"questions": 8} for name, section in contest["sections"].items()}
    repository.write("stages/raw/contest.yaml", yaml.safe_dump(contest | {"first_year": 2020, "sections": sections}))
    repository.write("stages/transfer/contest.yaml", "problems: 18\n")
    repository.run(sys.executable, "-m", "tools.params", *SMALL)
    repository.run("git", "init", "--quiet")
    repository.commit("a small pipeline")
    repository.repro()
    repository.run(sys.executable, "-m", "stages.common.environment")
    repository.commit("what it gave")
    return repository


def test_reproduces(small: Toy) -> None:
    result = small.run(sys.executable, "-m", "tools.check_reproduction", "--no-install", "--shuffle", check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("model", ["base", "seed_1"])
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
