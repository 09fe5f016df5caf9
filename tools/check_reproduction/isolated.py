"""Run a stage's command in a folder that holds what the stage declares, and nothing else.

DVC hands every command to the shell that $SHELL names, so `shell()` writes one that calls this module: `dvc repro` then
runs the whole pipeline this way, and a stage that reads a file or a parameter it does not declare finds it missing. It
starts once per stage, so it imports next to nothing.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tools.check_reproduction import trees

SCRATCH = ("cache", "metrics/timings", "__pycache__")
"""Where a stage may leave what is no output: stores that make a rerun cheaper, times, compiled modules."""


def shell(folder: Path, declared: dict[str, dict]) -> Path:
    """Write the shell that isolates stages, and return its path; boxes, logs and results go to `folder` as well.

    `declared` holds for each stage its `deps`, its `outs` and its `params` as the text of each parameter file.
    """
    (folder / "declared.json").write_text(json.dumps(declared), encoding="utf-8")
    path = folder / "isolating-shell"
    python = f'PYTHONPATH="{Path(__file__).resolve().parents[2]}" exec "{sys.executable}" -P'
    path.write_text(f'#!/bin/sh\n{python} -m tools.check_reproduction.isolated "{folder}" "$2"\n', encoding="utf-8")
    path.chmod(0o755)
    return path


def build(box: Path, root: Path, deps: list[str], params: dict[str, str], outs: list[str]) -> None:
    """Make `box` a new folder with the dependencies from `root`, parameter files of the text given, and no outputs."""
    trees.remove(box)
    box.mkdir(parents=True)
    for dep in deps:
        (box / dep).parent.mkdir(parents=True, exist_ok=True)
        if dep.startswith(".."):
            _link(box / dep, root / dep)
        elif (root / dep).is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(root / dep, box / dep, symlinks=True, ignore=ignore, dirs_exist_ok=True)
        elif (root / dep).exists():
            shutil.copy2(root / dep, box / dep)
    for out in outs:
        trees.remove(box / out)
        (box / out).parent.mkdir(parents=True, exist_ok=True)
    for name, text in params.items():
        (box / name).parent.mkdir(parents=True, exist_ok=True)
        (box / name).write_text(text, encoding="utf-8")


def _link(place: Path, target: Path) -> None:
    """Let a dependency from beside the repository be found from the box as well."""
    place = Path(os.path.normpath(place))
    if not place.is_symlink():
        place.symlink_to(target.resolve())


def execute(cmd: str, box: Path, log: Path) -> int:
    """Run a command in `box` with its output going to `log`; returns the exit status."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "DVC_ROOT", "DVC_STAGE")}
    environment |= {"SHELL": "/bin/sh", "PYTHONDONTWRITEBYTECODE": "1"}
    with log.open("wb") as file:
        return subprocess.run(cmd, shell=True, cwd=box, env=environment, stdout=file, stderr=file).returncode


def covers(declared: list[str], path: str) -> bool:
    """Whether a path is one of the declared ones or lies below one of them."""
    return any(path == name or path.startswith(name.rstrip("/") + "/") for name in declared)


def undeclared_writes(box: Path, declared: list[str]) -> list[str]:
    """The files in a box that are neither declared nor scratch."""
    files = (path.relative_to(box).as_posix() for path in sorted(box.rglob("*")) if not path.is_dir())
    return [path for path in files if not covers([*declared, *SCRATCH], path) and "__pycache__" not in path]


def move(outs: list[str], box: Path, root: Path) -> None:
    """Move a stage's outputs from its box to where DVC looks for them."""
    for out in outs:
        if (box / out).exists():
            (root / out).parent.mkdir(parents=True, exist_ok=True)
            trees.remove(root / out)
            shutil.move(box / out, root / out)


def box_name(stage: str) -> str:
    """A stage's name as a file name."""
    return stage.replace("/", "_").replace(":", "_")


def main() -> int:
    """Run one stage for DVC, which says in its environment which one it is."""
    folder, cmd = Path(sys.argv[1]), sys.argv[2]
    name, root = os.environ["DVC_STAGE"], Path.cwd()
    stage = json.loads((folder / "declared.json").read_text(encoding="utf-8"))[name]
    box = folder / "boxes" / box_name(name)
    log = folder / "logs" / f"{box_name(name)}.txt"
    log.parent.mkdir(exist_ok=True)
    build(box, root, stage["deps"], stage["params"], stage["outs"])
    start = time.monotonic()
    status = execute(cmd, box, log)
    written = undeclared_writes(box, [*stage["deps"], *stage["outs"], *stage["params"]])
    if status == 0:
        move(stage["outs"], box, root)
    result = {"status": status, "seconds": time.monotonic() - start, "writes": written}
    (folder / "results").mkdir(exist_ok=True)
    (folder / "results" / f"{box_name(name)}.json").write_text(json.dumps(result), encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main())
