"""Where a clone may lie and what its environment may be."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.toy import ROOT, Toy


@pytest.mark.slow
def test_experiments_in_a_folder_of_their_own_run_below_an_accented_path(committed: Toy, tmp_path: Path) -> None:
    """DVC 3.67 writes the cache's path as ASCII, so docs/experiments.md gives the cache a plain one."""
    toy = committed.copy(tmp_path / "dépôt d'été")
    changed = ["exp", "run", "--temp", "--name", "accented", "--set-param", "train.steps=3"]
    refused = toy.run(sys.executable, "-m", "dvc", *changed, check=False)
    assert "ascii" in refused.stderr, "DVC has mended this: take the advice out of docs/experiments.md"
    toy.run(sys.executable, "-m", "dvc", "config", "--local", "cache.dir", str(tmp_path / "cache"))
    toy.run(sys.executable, "-m", "dvc", "repro")  # into the new cache
    toy.run(sys.executable, "-m", "dvc", *changed)
    assert "accented" in toy.run(sys.executable, "-m", "dvc", "exp", "list").stdout


def test_a_linked_environment_is_not_part_of_the_repository(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    (tmp_path / ".gitignore").write_bytes((ROOT / ".gitignore").read_bytes())
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    command = ["git", "status", "--porcelain", "--untracked-files=all"]
    listed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert listed.stdout.split() == ["??", ".gitignore"]
