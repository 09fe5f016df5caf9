"""Run a revision's pipeline from nothing through DVC, every stage in a folder with only what it declares."""

import os
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from dvc.dependency.param import read_param_file
from dvc.fs import localfs
from dvc.utils.fs import remove
from dvc.utils.serialize import modify_yaml
from tqdm import tqdm

from distil.pipeline.files import InputError
from tools.check_reproduction import isolated
from tools.check_reproduction.revision import Entry, Revision, Stage, clone, read_lock
from tools.paid import paid_store


@dataclass(frozen=True)
class PipelineRun:
    """One run of the pipeline, or the committed one.

    `output` returns a local path of an output, None where its content is nowhere. `problems` says why stages failed.
    """

    lock: dict[str, Entry]
    output: Callable[[str], Path | None]
    problems: dict[str, str] = field(default_factory=dict)


def run_pipeline(revision: Revision, python: Path, folder: Path, shuffle: int | None = None) -> PipelineRun:
    """Run the stages of a revision in a clone that has no output of theirs.

    `python` is the interpreter to run them with. `folder` holds the clone, the stages' folders and logs. With
    `shuffle`, a seed, independent stages run in a random order instead of DVC's, two at a time.
    """
    root = clone(revision.source, revision.commit, folder / "clone")
    runnable = [stage for stage in revision.stages if not stage.frozen]
    _forget(root, runnable)
    # the folders of the stages lie next to the clone, so this path leads from them to the same place
    for dep in {dep for stage in runnable for dep in stage.deps if dep.startswith("..")}:
        place = Path(os.path.normpath(root / dep))
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            place.symlink_to((revision.source / dep).resolve())
    declared = {stage.name: _declared(root, stage, revision.source, folder) for stage in runnable}
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHONPATH", "VIRTUAL_ENV", "DVC_"))} | {
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "SHELL": str(isolated.shell(folder, declared)),
        "DVC_NO_ANALYTICS": "1",
    }
    environment |= {f"DVC_{kind}_DIR": str(folder / "dvc") for kind in ("GLOBAL_CONFIG", "SYSTEM_CONFIG", "SITE_CACHE")}
    names = [stage.name for stage in revision.stages]
    command = [str(python), "-m", "dvc", "repro", *names]
    if shuffle is not None:
        environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
        command = [str(python), "-P", "-m", "tools.repro", "--jobs", "2", "--shuffle", str(shuffle), *names]
    with tqdm(total=len(runnable), unit="stage", desc="run") as bar, (folder / "dvc.txt").open("wb") as log:
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=log)
        while process.poll() is None:
            time.sleep(0.5)
            bar.update(len(list(folder.glob("results/*"))) - bar.n)
    lock = read_lock(root / "dvc.lock")
    problems = {path.name: text for path in folder.glob("results/*") if (text := path.read_text(encoding="utf-8"))}
    missing = next((stage.name for stage in runnable if stage.name not in lock), None)
    if missing and not problems:  # DVC itself refused to run it
        problems[missing] = isolated.last_line(folder / "dvc.txt")
    return PipelineRun(lock, lambda out: root / out, problems)


def _forget(root: Path, stages: list[Stage]) -> None:
    """Take the outputs of stages out of a clone, and their entries out of its dvc.lock, as if they had never run."""
    with modify_yaml(root / "dvc.lock") as lock:
        for stage in stages:
            lock.get("stages", {}).pop(stage.name, None)
            for out in stage.outs:
                remove(root / out)


def _declared(root: Path, stage: Stage, source: Path, folder: Path) -> dict[str, list[str] | dict[str, str]]:
    """What a stage may read and write. A parameter file is cut down to the names it declares, whole if it has none.

    A stage that asks models that may be paid has a copy of the store that is in `source`, and no key.
    """
    found = {file: read_param_file(localfs, str(root / file), names) for file, names in stage.params.items()}
    params = found.get("params.yaml", {})
    if store := paid_store(stage.name, params):
        teacher = params["teacher_cot"]
        teacher["store"] = str(_copy(stage.name, source / store, folder / "teacher.sqlite"))
        for endpoint in teacher["endpoints"].values():
            endpoint["api_key_env"] = isolated.NO_KEY
    params = {file: yaml.safe_dump(content, sort_keys=False) for file, content in found.items()}
    return {"deps": [dep for dep in stage.deps if not dep.startswith("..")], "params": params, "outs": stage.outs}


def _copy(stage: str, store: Path, copy: Path) -> Path:
    """Copy a teacher's store, with what another process is writing into it. Raises InputError where there is none."""
    if not store.is_file():
        raise InputError(
            f"stage {stage} asks models that may be paid, and its store {store} (teacher_cot.store) is not there. A "
            "check buys no answers: import them (docs/data-versions.md), or check stages before it (STAGES)."
        )
    try:
        with closing(sqlite3.connect(store)) as theirs, closing(sqlite3.connect(copy)) as own:
            theirs.backup(own)
    except sqlite3.Error as error:
        raise InputError(f"the store {store} of stage {stage} could not be copied: {error}.") from error
    return copy
