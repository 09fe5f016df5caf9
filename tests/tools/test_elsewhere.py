"""The stage graph on workers in clones of their own: the same dvc.lock as one process."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.tools.machines import clone, scheduler, workers
from tests.tools.toy import ROOT, Toy


@pytest.fixture
def mine(committed: Toy, tmp_path: Path) -> Toy:
    """The same before its first run, with a DVC remote."""
    mine = clone(committed, tmp_path / "mine")
    mine.run("git", "rm", "--quiet", "-r", "dvc.lock", "metrics")
    mine.run("dvc", "remote", "add", "shared", str(tmp_path / "store"))
    mine.commit("before the first run")
    return mine


def repro(toy: Toy, address: str, *arguments: str, check: bool = True):
    command = [sys.executable, "-m", "tools.repro", "--scheduler", address, *arguments]
    return toy.run(*command, check=check, PYTHONPATH=str(ROOT), OPENBLAS_CORETYPE="Haswell")


@pytest.mark.parametrize("by", ["remote", "cache"])
def test_two_workers_give_what_one_process_gives(by: str, committed: Toy, mine: Toy, tmp_path: Path) -> None:
    if by == "cache":
        mine.run("dvc", "config", "cache.dir", str(tmp_path / "cache"))
        mine.commit("one cache for all")
    clones = [clone(mine, tmp_path / name) for name in ("one", "two")]
    clones[0].write("data/train/7/adapters.safetensors", "of an earlier run with another seed")
    arguments = ["--remote", "shared"] if by == "remote" else []
    with scheduler(tmp_path) as address, workers(address, *clones):
        repro(mine, address, *arguments)
        lock = (mine.folder / "dvc.lock").read_bytes()
        for one in clones:
            shutil.rmtree(one.folder / "data")
        again = repro(mine, address, *arguments)
    assert lock == (mine.folder / "dvc.lock").read_bytes() == (committed.folder / "dvc.lock").read_bytes()
    for path in ("data/train/2/adapters.safetensors", "metrics/score.json", "data/answers.jsonl"):
        assert (mine.folder / path).read_bytes() == (committed.folder / path).read_bytes()
    assert "up to date" in mine.run("dvc", "status").stdout
    assert again.returncode == 0 and not list(tmp_path.glob("*/data/train/7"))
