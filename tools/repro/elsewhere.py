"""Run stages on workers that each have their own clone.

Before a stage, its worker brings the other stages' outputs into its clone, from a DVC remote or from a cache that all
clones share. After the stage, its outputs go back the same way. Outputs that DVC does not cache (metrics, plots) and
the stage's part of dvc.lock travel with Dask. So only one process writes dvc.lock: the one that the user has started.
"""

import hashlib
import os
import shutil
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import networkx as nx
from distributed import Client
from dvc.dependency.param import ParamsDependency
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.stage import Stage
from dvc.utils.serialize import dump_yaml, modify_yaml
from filelock import FileLock

from distil.pipeline import share
from distil.pipeline.files import InputError
from tools.git import git
from tools.paid import paid_store
from tools.repro import cluster, stage
from tools.repro.lock import LOCK, locked_stages

Files = dict[str, bytes]
"""Contents by path from the repository's root."""


@dataclass
class Made:
    """A worker's result of a stage: its text, why it failed, its part of dvc.lock, and uncached outputs."""

    log: bytes = b""
    failure: str = ""
    entry: dict[str, Any] = field(default_factory=dict)
    files: Files = field(default_factory=dict)


def run_all(client: Client, order: list[str], depends: nx.DiGraph, remote: str | None) -> None:
    """Run the stages that are out of date on the cluster's workers, and bring their results into this folder.

    Raises InputError as `cluster.run_all` does, and before that for workers whose clones differ from this one.
    """
    try:
        with Repo() as repo:
            repo.cloud.get_remote(remote) if remote else None
    except DvcException as error:
        raise InputError(f"DVC: {error} (REMOTE)") from error
    here = state()
    refuse_others(client, here)

    def task(name: str) -> cluster.Task | None:
        with Repo() as repo:
            if not repo.status([name]):
                return None
            needed = {one: uncached(repo, one) for one in depends.successors(name)}
        parts = locked_stages()
        return run, (name, here, {one: parts[one] for one in needed if one in parts}, needed, remote)

    def failed(name: str, made: Made) -> bool:
        failure = made.failure or take(name, made, remote)
        log = stage.log_of(name)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(made.log + failure.encode())
        return bool(failure)

    cluster.run_all(client, order, depends, task, failed)


def refuse_others(client: Client, here: dict[str, str]) -> None:
    """Raise InputError that names every worker whose clone differs from this one."""
    faults = []
    for address, found in client.run(difference, here, on_error="return").items():
        if isinstance(found, Exception):
            faults.append(
                f"worker {address} cannot run this project ({found}): start it in a clone with `make worker`."
            )
        elif found:
            faults.append(found)
    if faults:
        raise InputError("\n".join(faults))


def state() -> dict[str, str]:
    """Git's revision and hashes of files, by name. With the other stages' outputs, they decide a stage's result."""
    found = {"revision": git(Path.cwd(), "rev-parse", "HEAD").strip()}
    for name in ("dvc.yaml", "params.yaml"):
        if Path(name).is_file():
            found[name] = hashlib.sha256(Path(name).read_bytes()).hexdigest()
    with Repo() as repo:
        outs = [out.fs_path for out in repo.index.outs]
        for dep in (dep for one in repo.index.stages for dep in one.deps if not isinstance(dep, ParamsDependency)):
            path = dep.fs_path
            if dep.def_path not in found and not any(within(path, out) or within(out, path) for out in outs):
                found[dep.def_path] = str(dep.get_hash().value) if dep.exists else "missing"
    return found


def within(path: str, folder: str) -> bool:
    """Whether a path is the folder or inside it."""
    return path == folder or path.startswith(folder + os.sep)


def difference(expected: dict[str, str]) -> str:
    """What to tell the user when this worker's clone differs from the one that the run is of, else nothing."""
    if failure := outdated():
        return failure
    mine = state()
    if mine == expected:
        return ""
    refused = f"worker {socket.gethostname()}:{Path.cwd()} is refused: its clone"
    if mine["revision"] != expected["revision"]:
        return (
            f"{refused} is at revision {mine['revision'][:12]}, and the run's at {expected['revision'][:12]}. "
            "Check that out there, or stop the worker."
        )
    names = [name for name in sorted({*mine, *expected}) if mine.get(name) != expected.get(name)]
    return f"{refused} has other files than the run's: {', '.join(names)}. Commit and pull them, or stop the worker."


def outdated() -> str:
    """What to tell the user when this worker's code was changed after it was started, else nothing."""
    if share.code() == share.STARTED_WITH:
        return ""
    return (
        f"worker {socket.gethostname()}:{Path.cwd()} is refused: its clone's code was changed after it was started, by "
        "`git pull` perhaps. Stop the worker and start it again with `make worker`."
    )


def uncached(repo: Repo, name: str) -> Files:
    """The outputs of a stage that DVC does not cache."""
    files: Files = {}
    for out in (out for one in repo.stage.collect(name) for out in one.outs if not out.use_cache):
        path = Path(out.fs_path)
        for file in [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file()):
            files[file.relative_to(repo.root_dir).as_posix()] = file.read_bytes()
    return files


def bring(repo: Repo, names: list[str], files: Files, remote: str | None) -> None:
    """Put outputs of stages into this folder: cached ones from the cache or a remote, the others from their contents.

    dvc.lock has the stages' parts already. Raises DvcException when the cache and the remote lack something.
    """
    for out in (out for name in names for one in repo.stage.collect(name) for out in one.outs if not out.use_cache):
        remove(Path(out.fs_path))
    for path, content in files.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(content)
    if names and remote:
        repo.pull(names, remote=remote, force=True)
    elif names:
        repo.checkout(names, force=True)


def remove(path: Path) -> None:
    """Remove a file or a folder, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


accepted: list[dict[str, str]] = []
"""The last state that this worker's clone was equal to. To compare takes a second; `take` compares the files read."""


def run(
    name: str, expected: dict[str, str], entries: dict[str, Any], needed: dict[str, Files], remote: str | None
) -> Made:
    """Run a stage in this worker's clone, one at a time there.

    `needed` has the stages that it depends on, each with its uncached outputs; `entries` their parts of dvc.lock.
    """
    where = f"worker {socket.gethostname()}:{Path.cwd()}"
    try:
        with FileLock(".dvc/tmp/worker.lock"):
            if failure := outdated() if expected in accepted else difference(expected):
                return Made(failure=failure)
            accepted[:] = [expected]
            dump_yaml(str(LOCK), {"schema": "2.0", "stages": entries})
            try:
                with Repo() as repo:
                    one = repo.stage.collect(name)[0]
                    if store := private_store(one):
                        return Made(failure=f"{where} will not pay for answers of stage {name}: {store} {PRIVATE}")
                    clear(one, [out.fs_path for out in repo.index.outs])
                    files = {path: content for found in needed.values() for path, content in found.items()}
                    bring(repo, list(needed), files, remote)
            except DvcException as error:
                return Made(failure=f"{where} could not bring what stage {name} reads: {error} {ADVICE}")
            status = stage.run(name)
            log = stage.log_of(name).read_bytes()
            if status:
                return Made(log, f"({where})")
            try:
                with Repo() as repo:
                    if remote:
                        repo.push([name], remote=remote)
                    return Made(log, "", locked_stages()[name], uncached(repo, name))
            except DvcException as error:
                return Made(log, f"{where} could not push what stage {name} wrote: {error}")
    except OSError as error:
        return Made(failure=f"{where} could not run stage {name}: {error}")


ADVICE = "Workers get data from the DVC remote REMOTE=name, or from a cache that every clone shares (docs/scale.md)."


def private_store(one: Stage) -> Path | None:
    """The store of a stage that may pay for answers, where it lies inside this clone: no other clone would see it."""
    files = [dep.read_params(flatten=False) for dep in one.deps if isinstance(dep, ParamsDependency)]
    store = paid_store(one.name, {name: value for params in files for name, value in params.items()})
    return store if store and store.resolve().is_relative_to(Path.cwd()) else None


PRIVATE = (
    "(teacher_cot.store) is in this clone alone, and answers paid elsewhere are not in it. Set teacher_cot.store to a "
    "file on a disk that all machines share. Or run `dvc repro` and `dvc push` of that stage where its store is, first."
)


def clear(one: Stage, outs: list[str]) -> None:
    """Remove the folders that a stage reads whole and others write in parts, because old parts may be in them."""
    for dep in one.deps:
        if any(within(out, dep.fs_path) and out != dep.fs_path for out in outs):
            remove(Path(dep.fs_path))


def take(name: str, made: Made, remote: str | None) -> str:
    """Put a stage's results into this folder and into dvc.lock. Returns why that failed, or nothing."""
    with Repo(_wait_for_lock=True) as repo, repo.lock, modify_yaml(str(LOCK)) as lock:
        lock.setdefault("schema", "2.0")
        lock.setdefault("stages", {})[name] = made.entry
    try:
        with Repo(_wait_for_lock=True) as repo:
            bring(repo, [name], made.files, remote)
            with repo.scm_context():  # as DVC does after a stage
                for out in repo.stage.collect(name)[0].outs:
                    out.ignore()
                repo.scm_context.track_file(str(LOCK))
            status = repo.status([name])
    except DvcException as error:
        return f"stage {name} ended, and its outputs could not be brought here: {error} {ADVICE}"
    return f"stage {name} was run elsewhere on other data than here: {status}" if status else ""
