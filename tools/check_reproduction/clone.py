"""A revision in a folder of its own: cloned, installed from its lock, with nothing in DVC's cache."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import yaml
from dvc.api import DVCFileSystem

from distil.pipeline.files import InputError
from tools.check_reproduction import trees
from tools.check_reproduction.pipeline import Stage
from tools.git import git

ENVIRONMENT = "metrics/environment.json"


def clone(source: Path, revision: str, folder: Path) -> Path:
    """Clone a revision into `folder`, with a DVC cache of its own whatever this machine's settings say."""
    git(source, "clone", "--quiet", "--no-checkout", str(source), str(folder))
    git(folder, "checkout", "--quiet", "--detach", revision)
    (folder / ".dvc" / "config.local").write_text("[cache]\n    dir = cache\n", encoding="utf-8")
    return folder


def link_outside(source: Path, folder: Path, stages: Iterable[Stage]) -> None:
    """Let the clone find the dependencies that lie beside the repository, such as a folder of exams."""
    for dep in sorted({dep for stage in stages for dep in stage.deps if dep.startswith("..")}):
        place = Path(os.path.normpath(folder / dep))
        if not place.exists() and (source / dep).exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to((source / dep).resolve())


def install(folder: Path) -> Path:
    """Create the clone's .venv from its own lock, as its Makefile does; returns the interpreter."""
    result = subprocess.run(
        ["make", "install", f"PYTHON={sys.executable}"], cwd=folder, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise InputError(f"make install failed in the clone: {(result.stderr or result.stdout).strip()[-2000:]}")
    return folder / ".venv" / "bin" / "python"


def forget(folder: Path, stages: Iterable[Stage]) -> None:
    """Take the outputs of the stages out of a clone, and their entries out of its dvc.lock, as if they had never run.

    A frozen stage keeps both: nothing runs it, and its outputs are kept in git.
    """
    lock = folder / "dvc.lock"
    content = (yaml.safe_load(lock.read_text(encoding="utf-8")) if lock.is_file() else None) or {"schema": "2.0"}
    content.setdefault("stages", {})
    for stage in stages:
        if not stage.frozen:
            content["stages"].pop(stage.name, None)
            for out in stage.outs:
                trees.remove(folder / out)
    lock.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


class Outputs:
    """What a revision committed: files from git, outputs from DVC's cache or remote, fetched when asked for."""

    def __init__(self, source: Path, revision: str, folder: Path) -> None:
        self._files = DVCFileSystem(url=str(source), rev=revision)
        self._folder = folder

    def __call__(self, path: str) -> Path | None:
        """A local copy of a file or folder, None where neither git, nor the cache, nor a remote has it."""
        place = self._folder / path
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._files.get(path, str(place), recursive=self._files.isdir(path))
            except Exception:  # any storage may be behind this, and each fails in its own way
                trees.remove(place)
        return place if place.exists() else None
