"""Run the whole pipeline of a clone through DVC, every stage in a folder of its own with only what it declares."""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from tqdm import tqdm

from tools.check_reproduction import isolated
from tools.check_reproduction.pipeline import Stage, read_lock


def run_pipeline(
    clone: Path, python: Path, stages: list[Stage], scratch: Path, shuffle: int | None = None
) -> dict[str, str]:
    """Run the stages of a clone; returns what went wrong, by stage.

    `python` is the interpreter to run them with, `scratch` a folder for boxes and logs. With `shuffle`, a seed,
    independent stages run in a random order instead of DVC's, two at a time.
    """
    scratch.mkdir(parents=True)
    declared = {
        stage.name: {"deps": stage.deps, "params": parameter_files(clone, stage), "outs": stage.outs}
        for stage in stages
    }
    shell = isolated.shell(scratch, declared)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHONPATH", "VIRTUAL_ENV", "DVC_"))} | {
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "SHELL": str(shell),
        "DVC_GLOBAL_CONFIG_DIR": str(scratch / "config"),
        "DVC_SYSTEM_CONFIG_DIR": str(scratch / "config"),
        "DVC_SITE_CACHE_DIR": str(scratch / "site"),
        "DVC_NO_ANALYTICS": "1",
    }
    names = [stage.name for stage in stages]
    command = [str(python), "-m", "dvc", "repro", *names]
    if shuffle is not None:
        environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
        command = [str(python), "-P", "-m", "tools.repro", "--jobs", "2", "--shuffle", str(shuffle), *names]
    runnable = [stage for stage in stages if not stage.frozen]
    with tqdm(total=len(runnable), unit="stage", desc="run") as bar, (scratch / "dvc.txt").open("wb") as log:
        process = subprocess.Popen(command, cwd=clone, env=environment, stdout=log, stderr=log)
        while process.returncode is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)
            bar.update(len(list(scratch.glob("results/*.json"))) - bar.n)
    return _problems(clone, runnable, scratch)


def _problems(clone: Path, stages: list[Stage], scratch: Path) -> dict[str, str]:
    """Why a stage failed, by its own last line or DVC's; and what a stage wrote that it does not declare."""
    lock = read_lock((clone / "dvc.lock").read_text(encoding="utf-8"))
    problems: dict[str, str] = {}
    for stage in stages:
        name = isolated.box_name(stage.name)
        found = scratch / "results" / f"{name}.json"
        result = json.loads(found.read_text(encoding="utf-8")) if found.is_file() else None
        if result and result["status"]:
            problems[stage.name] = f"exit status {result['status']}: {last_line(scratch / 'logs' / f'{name}.txt')}"
        elif result and result["writes"]:
            problems[stage.name] = f"it writes files that its outs do not name: {', '.join(result['writes'][:8])}"
        elif stage.name not in lock and not problems:
            problems[stage.name] = last_line(scratch / "dvc.txt")
    return problems


def parameter_files(clone: Path, stage: Stage) -> dict[str, str]:
    """Each parameter file that a stage may read, cut down to the names it declares."""
    return {file: _subset(clone / file, names) for file, names in stage.params.items()}


def _subset(path: Path, names: Iterable[str]) -> str:
    """A YAML file with nothing but the dotted names given; the whole file when there are none."""
    text = path.read_text(encoding="utf-8")
    if not names:
        return text
    kept: dict[str, Any] = {}
    for name in names:
        source, target = yaml.safe_load(text), kept
        *parents, leaf = name.split(".")
        for key in parents:
            source, target = source[key], target.setdefault(key, {})
        target[leaf] = source[leaf]
    return yaml.safe_dump(kept, sort_keys=False, allow_unicode=True)


def last_line(log: Path) -> str:
    """The last line of a log that says something: a stage's one clear message, or the exception of a traceback."""
    lines = [
        line.strip() for line in log.read_text(encoding="utf-8", errors="replace").replace("\r", "\n").splitlines()
    ]
    return next((line for line in reversed(lines) if line), "no message")
