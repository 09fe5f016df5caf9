"""Five seeds, trained and answering, one after the other and two at a time, each in a clone of its own."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

from distil.pipeline.files import InputError

NEEDED = (
    *(f"data/{stage}" for stage in ("raw", "parsed", "transfer", "teacher_cot", "verified", "train_split")),
    ".dvc/cache/files",
)


def seeds_seconds(folder: Path, jobs: int) -> float:
    """Seconds of `make repro JOBS=<jobs>` for the seeds' stages alone, the stages before them being up to date.

    Raises InputError when the working tree has no results of those stages to start from.
    """
    subprocess.run(["git", "clone", "-q", ".", str(folder)], check=True)
    for name in ("dvc.yaml", "dvc.lock", "params.yaml"):
        shutil.copy(name, folder / name)
    for name in (*NEEDED, "metrics", "plots"):
        if not Path(name).exists():
            raise InputError(f"{name} is not there: run `make repro` before this comparison.")
        shutil.copytree(name, folder / name, dirs_exist_ok=True)
    command = ["dvc", "repro", "-q"] if jobs == 1 else ["tools.repro", "--jobs", str(jobs)]
    began = time.perf_counter()
    result = subprocess.run(
        [sys.executable, "-m", *command, "lora_seed", "answers"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    if result.returncode:
        raise InputError(f"the seeds' stages failed: {result.stderr[-1000:]}")
    shutil.rmtree(folder)
    return seconds
