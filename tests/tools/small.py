"""The real pipeline at a tenth of its size."""

import sys
from pathlib import Path

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


def build_small(folder: Path) -> Toy:
    """A repository with this one's files, six years of short exams, and everything committed after a run."""
    repository = Toy(folder)
    repository.take_tracked(without=("tests/", "metrics/lora", "plots/", "dvc.lock"))
    contest = yaml.safe_load((ROOT / "stages/raw/contest.yaml").read_text("utf-8"))
    sections = {name: section | {"questions": 8} for name, section in contest["sections"].items()}
    repository.write("stages/raw/contest.yaml", yaml.safe_dump(contest | {"first_year": 2020, "sections": sections}))
    repository.write("stages/transfer/contest.yaml", "problems: 18\n")
    repository.run(sys.executable, "-m", "tools.params", *SMALL)
    repository.run("git", "init", "--quiet")
    repository.commit("a small pipeline")
    repository.repro()
    repository.run(sys.executable, "-m", "distil.lm.environment")
    repository.commit("what it gave")
    return repository
