"""A revision in a clone of its own: its dvc.yaml, dvc.lock, tolerances, and the environment that its lock installs."""

import functools
import operator
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dvc.api import DVCFileSystem
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.repo.reproduce import get_active_graph, plan_repro
from dvc.stage import PipelineStage
from dvc.stage.utils import split_params_deps
from dvc.utils.fs import remove
from pydantic import ValidationError

from distil.pipeline.files import InputError, read_record, read_yaml
from distil.pipeline.metrics import Environment
from tools.check_reproduction.differences import Leaves, flatten
from tools.check_reproduction.tolerance import TOLERANCES, Reproduction
from tools.git import git
from tools.repro.lock import locked


@dataclass(frozen=True)
class Stage:
    """One stage as dvc.yaml declares it; paths are relative to the repository's root.

    `params` has the declared names of each parameter file; without names it is the whole file. `kept` are the outputs
    in git instead of DVC's cache.
    """

    name: str
    cmd: str
    deps: list[str]
    params: dict[str, list[str]]
    outs: list[str]
    kept: set[str]
    frozen: bool

    @property
    def group(self) -> str:
        """The name without the item of a foreach or matrix stage: `lora_seed` for `lora_seed@3`."""
        return self.name.split("@")[0]


@dataclass(frozen=True)
class Entry:
    """One stage as dvc.lock records it: the hashes of its files, and its command and parameters by name."""

    deps: dict[str, str]
    outs: dict[str, str]
    recipe: Leaves


@dataclass(frozen=True)
class Revision:
    """A commit of the repository in `source`, cloned into `root`: its stages, its dvc.lock, and its tolerances."""

    source: Path
    commit: str
    root: Path
    stages: list[Stage]
    lock: dict[str, Entry]
    rules: Reproduction

    def environment(self) -> Environment | None:
        """The environment of the committed run; None where the revision does not record it."""
        path = self.root / "metrics/environment.json"
        return read_record(path, Environment) if path.is_file() else None

    def output(self, path: str) -> Path | None:
        """A copy of a committed file or folder; None where neither git nor DVC's cache nor a remote has it."""
        place = self.root.with_name("committed") / path
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            files = DVCFileSystem(url=str(self.source), rev=self.commit)
            try:
                files.get(path, str(place), recursive=files.isdir(path))
            except Exception:  # any storage may be behind this, and each fails in its own way
                remove(place)
        return place if place.exists() else None

    def source_changes(self, paths: list[str]) -> list[str]:
        """How git explains that source files differ from those in dvc.lock."""
        base = git(self.root, "log", "-1", "--format=%H", "--", "dvc.lock").strip()
        found = []
        for path in paths:
            diff = git(self.root, "diff", "--unified=0", base, self.commit, "--", path).splitlines()
            said = "not the one that dvc.lock records, though git shows no change since"
            if names := [line.split(" b/")[-1] for line in diff if line.startswith("diff --git")]:
                said = f"changed since dvc.lock was committed: {', '.join(names[:5])}"
            lines = [line[:160] for line in diff if re.match(r"[+-](?!\+\+ |-- )", line)]
            found += [f"dependency {path}: {said}", *lines[:6]]
        return found


def read_revision(source: Path, name: str, targets: list[str], folder: Path) -> Revision:
    """Clone a revision into `folder` and read it, up to the stages `targets` (all stages without targets)."""
    commit = git(source, "rev-parse", "--verify", f"{name}^{{commit}}").strip()
    root = clone(source, commit, folder / "revision")
    return Revision(source, commit, root, read_pipeline(root, targets), read_lock(root / "dvc.lock"), read_rules(root))


def clone(source: Path, commit: str, folder: Path) -> Path:
    """Clone a revision into `folder`, with a DVC cache of its own whatever this machine's settings say."""
    git(source, "clone", "--quiet", "--no-checkout", str(source), str(folder))
    git(folder, "checkout", "--quiet", "--detach", commit)
    (folder / ".dvc" / "config.local").write_text("[cache]\n    dir = cache\n", encoding="utf-8")
    return folder


def read_pipeline(folder: Path, targets: Iterable[str] = ()) -> list[Stage]:
    """The stages of the dvc.yaml in `folder`, dependencies first. With targets, only those and all they depend on.

    A target is a stage's name or a foreach stage's name without its item. Raises InputError when dvc.yaml cannot be
    read or a target is unknown.
    """
    try:
        with Repo(str(folder)) as repo:
            wanted = [node for target in targets for node in repo.stage.collect(f"{folder / 'dvc.yaml'}:{target}")]
            nodes = plan_repro(get_active_graph(repo.index.graph), wanted or None)
            return [_stage(node) for node in nodes if isinstance(node, PipelineStage)]
    except (DvcException, OSError) as error:
        raise InputError(f"the pipeline of this revision could not be read: {error}") from error


def _stage(node: PipelineStage) -> Stage:
    params, files = split_params_deps(node)
    names = {param.def_path: list(param.params) for param in params}
    deps, outs = ([one.def_path for one in side] for side in (files, node.outs))
    kept = {out.def_path for out in node.outs if not out.use_cache}
    return Stage(node.name, node.cmd, deps, names, outs, kept, bool(node.frozen))


def read_lock(path: Path) -> dict[str, Entry]:
    """The entries of a dvc.lock, by stage. Raises InputError when there is none or it is damaged."""
    try:
        return {name: _entry(**found) for name, found in locked(path).items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} has no stages that can be read: {error}. Run `dvc repro` in the root.") from error


def _entry(cmd: str, deps: Any = (), params: Any = None, outs: Any = ()) -> Entry:
    recipe = {"command": cmd}
    for file, values in (params or {}).items():
        place = "" if file == "params.yaml" else f"{file}:"
        recipe |= {f"parameter {place}{name}": value for name, value in flatten(values).items()}
    read, written = ({one["path"]: str(one.get(one.get("hash", "md5"), "")) for one in side} for side in (deps, outs))
    return Entry(read, written, recipe | {f"dependency {name}": "declared" for name in read})


def read_rules(root: Path) -> Reproduction:
    """The tolerances of the revision in `root`; its params.yaml lists the seeds, under the name given there."""
    content, params = read_yaml(root / TOLERANCES), read_yaml(root / "params.yaml")
    try:
        seeds = functools.reduce(operator.getitem, content["seeds"].split("."), params)
        return Reproduction.model_validate({**content, "seeds": seeds})
    except (ValidationError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{TOLERANCES}: {error}. docs/reproduction.md explains the entries.") from error


def install(root: Path) -> Path:
    """Create the .venv of a clone from its own lock, as its Makefile does; returns the interpreter."""
    _run(root, "make", "install", f"PYTHON={sys.executable}")
    return root / ".venv" / "bin" / "python"


def machine_of(root: Path, python: Path) -> Environment:
    """The environment of an interpreter in a clone."""
    output = root.with_name("environment.json")
    _run(root, str(python), "-m", "distil.lm.environment", "--output", str(output))
    return read_record(output, Environment)


def _run(folder: Path, *command: str) -> None:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if result.returncode:
        said = (result.stderr or result.stdout).strip()[-2000:]
        raise InputError(f"`{' '.join(command)}` failed in a clone of the revision: {said}")
