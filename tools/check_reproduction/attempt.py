"""One run of a revision from nothing, and its comparison with another one."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from distil.pipeline.files import InputError, read_json, read_yaml
from tools.check_reproduction.clone import ENVIRONMENT, Outputs, clone, forget, install, link_outside
from tools.check_reproduction.compare import Comparison, Outcome, Run
from tools.check_reproduction.pipeline import Stage, read_lock, read_pipeline
from tools.check_reproduction.run import run_pipeline
from tools.check_reproduction.tolerance import TOLERANCES, Reproduction
from tools.git import git


@dataclass(frozen=True)
class Revision:
    """What to reproduce: a commit of the repository in `source`, as far as some stages (all when none is named)."""

    source: Path
    commit: str
    targets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attempt:
    """A finished run in its clone."""

    revision: Revision
    root: Path
    stages: list[Stage]
    run: Run
    fingerprint: dict[str, Any] | None

    def against(self, reference: Run, same_numerics: bool) -> list[Outcome]:
        """Judge this run by another one, or by the committed one."""
        return Comparison(
            stages=self.stages,
            committed=reference,
            fresh=self.run,
            rules=read_rules(self.root),
            same_numerics=same_numerics,
            source_changes=lambda paths: source_changes(self.revision, paths),
        ).outcomes()


def attempt(revision: Revision, folder: Path, locked: bool, shuffle: int | None) -> Attempt:
    """Clone, install from the lock (or, without `locked`, use this interpreter), and run every stage."""
    root = clone(revision.source, revision.commit, folder / "clone")
    stages = read_pipeline(root, revision.targets)
    link_outside(revision.source, root, stages)
    python = install(root) if locked else Path(sys.executable)
    fingerprint = _fingerprint(root, python, folder / "environment.json")
    forget(root, stages)
    problems = run_pipeline(root, python, stages, folder / "run", shuffle)
    lock = read_lock((root / "dvc.lock").read_text(encoding="utf-8"))
    fresh = Run("the first run", lock, lambda out: root / out, problems)
    return Attempt(revision, root, stages, fresh, fingerprint)


def committed_run(revision: Revision, folder: Path) -> Run:
    """What the revision committed, in the form of a run."""
    listed = git(revision.source, "ls-tree", "--name-only", revision.commit, "dvc.lock")
    text = git(revision.source, "show", f"{revision.commit}:dvc.lock") if listed else ""
    return Run("the committed dvc.lock", read_lock(text), Outputs(revision.source, revision.commit, folder))


def committed_fingerprint(root: Path) -> dict[str, Any] | None:
    """The fingerprint that was committed beside the metrics, if there is one."""
    return read_json(root / ENVIRONMENT) if (root / ENVIRONMENT).is_file() else None


def read_rules(root: Path) -> Reproduction | None:
    """The tolerances of the revision in `root`; None where it has none, and every stage promises the same bits.

    The file names the parameter that lists the seeds; they are taken from the revision's params.yaml.
    """
    if not (root / TOLERANCES).is_file():
        return None
    content, seeds = read_yaml(root / TOLERANCES), read_yaml(root / "params.yaml")
    try:
        for key in content["seeds"].split("."):
            seeds = seeds[key]
        return Reproduction.model_validate({**content, "seeds": seeds})
    except (ValidationError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{TOLERANCES}: {error}. docs/reproduction.md explains the entries.") from error


def source_changes(revision: Revision, paths: list[str]) -> list[str]:
    """What became of source files that differ from what dvc.lock records, as far as git knows."""
    base = git(revision.source, "log", "-1", "--format=%H", revision.commit, "--", "dvc.lock").strip()
    found = []
    for path in paths:
        changed = git(revision.source, "diff", "--name-only", base, revision.commit, "--", path).split() if base else []
        if not changed:
            found.append(f"dependency {path}: not the one that dvc.lock records, though git shows no change since")
            continue
        found.append(f"dependency {path}: changed since dvc.lock was committed: {', '.join(changed[:5])}")
        diff = git(revision.source, "diff", "--unified=0", base, revision.commit, "--", changed[0]).splitlines()
        found += [line[:160] for line in diff if line.startswith(("+", "-")) and not line.startswith(("+++", "---"))][
            :6
        ]
    return found


def _fingerprint(root: Path, python: Path, output: Path) -> dict[str, Any] | None:
    """What the clone's interpreter computes with; None where the revision has no such command."""
    if not (root / "distil/lm/environment.py").is_file():
        return None
    command = [str(python), "-m", "distil.lm.environment", "--output", str(output)]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if result.returncode:
        raise InputError(f"the environment could not be described: {result.stderr.strip()[-500:]}")
    return read_json(output)
