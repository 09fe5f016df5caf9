"""Where a clone may lie and what its environment may be."""

import subprocess
import sys
from pathlib import Path

import pytest

from distil.pipeline.files import InputError, replacing_folder, write_text
from tests.tools.toy import ROOT, Toy
from tools.git import repository


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


def test_packages_are_installed_into_a_linked_environment(tmp_path: Path) -> None:
    """`python -m venv` refuses a link, and a clone's lock file is always newer than the environment it links to."""
    shared, clone = tmp_path / "shared", tmp_path / "clone"
    subprocess.run([sys.executable, "-m", "venv", shared], check=True)
    clone.mkdir()
    (clone / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    (clone / "requirements.lock").write_text("# nothing\n")
    (clone / ".venv").symlink_to(shared)
    done = subprocess.run(["make", "install"], cwd=clone, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (shared / "installed").exists() and (clone / ".venv").is_symlink()


def test_git_that_refuses_a_folder_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container whose folder belongs to somebody else (microsoft/vscode-remote-release#10179)."""
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # what git's own tests set
    with pytest.raises(InputError, match=r"dubious ownership .* git config --global --add safe\.directory") as stopped:
        repository(tmp_path)
    assert "\n" not in str(stopped.value)


def test_outputs_on_another_disk_and_links_into_the_cache_are_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """treeverse/dvc#7386 and #10057: links across disks, and files that are links into a shared cache."""
    disk, root = tmp_path / "disk", tmp_path / "root"
    disk.mkdir()
    root.mkdir()
    monkeypatch.chdir(root)
    (root / "data").symlink_to(disk)
    for text in ("first", "second"):
        with replacing_folder("data/raw") as folder:
            (folder / "exam").write_text(text)
    assert (disk / "raw/exam").read_text() == "second"
    cached = disk / "cached"
    cached.write_text("cached")
    cached.chmod(0o444)
    (root / "linked.json").symlink_to(cached)
    (root / "hard.json").hardlink_to(cached)
    for name in ("linked.json", "hard.json"):
        write_text(name, "new")
        assert Path(name).read_text() == "new" and not Path(name).is_symlink()
    assert cached.read_text() == "cached"
