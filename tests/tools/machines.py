"""A Dask scheduler, and workers each in a clone of its own, started as a user starts them."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.tools.toy import ROOT, Toy

WORKER = [sys.executable, "-m", "dask", "worker", "--nthreads", "1", "--no-nanny", "--no-dashboard"]

ENVIRONMENT = {
    "PYTHONPATH": str(ROOT), "OPENBLAS_CORETYPE": "Haswell", "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"
}  # fmt: skip
"""The project's own tools, and the kernels with which the small repository was run."""


@contextmanager
def running(command: list[str], log: Path, **options) -> Iterator[subprocess.Popen[bytes]]:
    """A process that prints to a file, and is killed at the end."""
    with log.open("wb") as file, subprocess.Popen(command, stdout=file, stderr=file, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[bytes], log: Path, pattern: str) -> str:
    """What the pattern's group matches in what a process prints, once it does."""
    while not (found := re.search(pattern, log.read_text("utf-8"))):
        assert process.poll() is None, log.read_text("utf-8")
        time.sleep(0.1)
    return found[1]


@contextmanager
def scheduler(folder: Path) -> Iterator[str]:
    """The address of a scheduler on loopback, whose log is in the folder."""
    command = [sys.executable, "-m", "dask", "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    log = folder / "scheduler.log"
    with running(command, log) as process:
        yield said(process, log, r"Scheduler at: +(tcp:\S+)\n")


@contextmanager
def workers(address: str, *clones: Toy) -> Iterator[list[subprocess.Popen[bytes]]]:
    """A worker in each of the clones, connected to the scheduler, with its log beside its folder."""
    with ExitStack() as stack:
        logs = [clone.folder.with_suffix(".log") for clone in clones]
        started = [
            stack.enter_context(running([*WORKER, address], log, cwd=clone.folder, env=clone.env | ENVIRONMENT))
            for clone, log in zip(clones, logs, strict=True)
        ]
        for process, log in zip(started, logs, strict=True):
            said(process, log, r"Registered to: +(\S+)\n")
        yield started


def clone(toy: Toy, folder: Path) -> Toy:
    """A clone of a repository."""
    toy.run("git", "clone", "--quiet", str(toy.folder), str(folder))
    return Toy(folder)
