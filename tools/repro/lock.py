"""dvc.lock and git's index, before and after a run."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from dvc.dvcfile import Lockfile
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.utils.serialize import load_yaml, modify_yaml

from distil.pipeline.files import InputError, read_yaml
from tools.git import git

LOCK = Path("dvc.lock")
Stages = dict[str, Any]
"""What a dvc.lock says of each stage, by its name."""
CONFLICTS = (
    f"{LOCK} has conflicts of a merge: take one side of it (`git checkout --ours -- {LOCK}`, or --theirs and then "
    "`dvc checkout --force`) and run again. docs/data-versions.md says which."
)
GIT_AT_WORK = 5
"""Seconds to wait for git's index. Git locks it for moments, but a commit locks it as long as its editor is open."""


def wait_for_index(root: Path) -> None:
    """Wait some seconds for a git that is at work here, because DVC adds its files to git's index.

    Raises InputError where git's index stays locked. The lock is never removed: it may be an editor's.
    """
    lock = Path(git(root, "rev-parse", "--path-format=absolute", "--git-path", "index.lock").strip())
    for _ in range(10 * GIT_AT_WORK):
        if not lock.exists():
            return
        time.sleep(0.1)
    raise InputError(
        f"git's index is locked by {lock}. End what uses git here (the editor of a commit?) and run again; if nothing "
        "does, a killed git left the file: remove it and run again."
    )


def mend_lock() -> None:
    """Restore dvc.lock from git's index where a kill cut it off, because DVC writes it in place.

    DVC adds it to the index when a `dvc repro` has ended well: after every stage, or with one job after the whole run.
    Stages that ended since then run again. Raises InputError when git has no dvc.lock, and where a merge has left
    conflicts in it.
    """
    if not LOCK.exists():
        return
    try:
        with Repo() as repo:
            Lockfile(repo, str(LOCK)).load()
        return
    except (DvcException, TypeError, AttributeError):  # the last two where it is YAML but not like DVC's
        pass
    if git(Path.cwd(), "ls-files", "--unmerged", "--", str(LOCK)):
        raise InputError(CONFLICTS)
    print(f"{LOCK} is damaged, as by a kill while DVC wrote it; taking it back from git's index", file=sys.stderr)
    if subprocess.run(["git", "checkout", "--quiet", "--", str(LOCK)], check=False).returncode:
        raise InputError(f"{LOCK} is damaged and git has no whole one: remove it and run again.")


def locked(path: Path = LOCK) -> Stages:
    """What a dvc.lock says of each stage. Raises InputError where it is missing, damaged or in conflict."""
    if path.exists() and any(line.startswith(b"<<<<<<< ") for line in path.read_bytes().splitlines()):
        raise InputError(CONFLICTS)
    content = read_yaml(path, "`make repro` (or `make pull`) gives a finished run.")
    if not isinstance(content, dict) or not isinstance(content.get("stages"), dict):
        raise InputError(f"{path} has no stages that can be read: run `dvc repro` in the root.")
    return dict(content["stages"])


def locked_stages() -> Stages:
    """The same of a dvc.lock that DVC can read, where there may be none or one without a stage."""
    return dict(load_yaml(LOCK).get("stages", {})) if LOCK.exists() else {}


def put_in_order(order: list[str]) -> None:
    """Sort dvc.lock's stages, to which DVC has added new ones as they ended."""
    if list(locked_stages()) == (wanted := sorted(locked_stages(), key=order.index)):
        return
    with Repo(_wait_for_lock=True) as repo, repo.lock, modify_yaml(LOCK) as lock:
        lock["stages"] = {stage: lock["stages"][stage] for stage in wanted}
