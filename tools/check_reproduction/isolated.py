"""Run a stage's command in a folder that holds only what the stage declares.

DVC gives every command to the shell in $SHELL, so `shell()` writes a shell that calls this module. Then `dvc repro`
runs the whole pipeline this way. A stage that reads an undeclared file or parameter finds it missing. This module
starts once per stage, so it imports very little.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

SCRATCH = ("cache", "metrics/timings")
"""Places for files of a stage that are no outputs: stores that make a rerun cheaper, and times."""

NO_KEY = "NO_KEY_FOR_A_CHECK"
"""The environment variable, never set, in which a stage looks for the key when an answer is not in its store."""


def shell(folder: Path, declared: dict[str, dict]) -> Path:
    """Write the shell that isolates stages, and return its path. Logs and results go to `folder`, too.

    `declared` holds for each stage its `deps`, its `outs` and its `params` as the text of each parameter file.
    """
    for name in ("logs", "results"):
        (folder / name).mkdir(parents=True)
    (folder / "declared.json").write_text(json.dumps(declared), encoding="utf-8")
    path = folder / "isolating-shell"
    python = f'PYTHONPATH="{Path(__file__).resolve().parents[2]}" exec "{sys.executable}" -P'
    path.write_text(f'#!/bin/sh\n{python} -m tools.check_reproduction.isolated "{folder}" "$2"\n', encoding="utf-8")
    path.chmod(0o755)
    return path


def build(box: Path, root: Path, deps: list[str], params: dict[str, str], outs: list[str]) -> None:
    """Make the folder `box` with the dependencies from `root`, and parameter files of the text given."""
    for name in (*deps, *params, *outs):
        (box / name).parent.mkdir(parents=True, exist_ok=True)
    for dep in deps:
        if (root / dep).is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(root / dep, box / dep, symlinks=True, ignore=ignore, dirs_exist_ok=True)
        else:
            shutil.copy2(root / dep, box / dep)
    for name, text in params.items():
        (box / name).write_text(text, encoding="utf-8")


def covers(declared: list[str], path: str) -> bool:
    """Whether a path is one of the declared ones or lies below one of them."""
    return any(path == name or path.startswith(name.rstrip("/") + "/") for name in declared)


def last_line(log: Path) -> str:
    """The last line of a log that is not empty: a stage's one clear message, or the exception of a traceback."""
    lines = log.read_text(encoding="utf-8", errors="replace").replace("\r", "\n").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "no message")


def main() -> int:
    """Run the stage that DVC names in the environment. A file in `results` gets the fault, or nothing."""
    folder, command = Path(sys.argv[1]), sys.argv[2]
    name, root = os.environ["DVC_STAGE"], Path.cwd()
    stage = json.loads((folder / "declared.json").read_text(encoding="utf-8"))[name]
    box, log = root.with_name(f"box-{name}"), folder / "logs" / name
    build(box, root, **stage)
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "DVC_ROOT", "DVC_STAGE")}
    environment |= {"SHELL": "/bin/sh", "PYTHONDONTWRITEBYTECODE": "1"}
    with log.open("wb") as file:
        status = subprocess.run(command, shell=True, cwd=box, env=environment, stdout=file, stderr=file).returncode
    files = [path.relative_to(box).as_posix() for path in sorted(box.rglob("*")) if not path.is_dir()]
    allowed = [*stage["deps"], *stage["outs"], *stage["params"], *SCRATCH]
    problem = ""
    if status:
        problem = f"exit status {status}: {last_line(log)}"
        if NO_KEY in problem:
            problem = (
                "it asks models that may be paid, and its store lacks answers, such as those of requests that "
                f"failed. A check buys none: ask again with `dvc repro --force {name}` until all are there, and "
                "commit, or import them (docs/data-versions.md)"
            )
    elif written := [path for path in files if not covers(allowed, path)]:
        problem = f"it writes files that its outs do not name: {', '.join(written[:8])}"
    for out in stage["outs"]:
        if not status and (box / out).exists():
            (root / out).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(box / out, root / out)
    (folder / "results" / name).write_text(problem, encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main())
