"""Run one stage in this folder as a process of its own: `dvc repro --single-item STAGE`. It prints to the stage's log.

The process has its own group, so that the processes it starts are stopped with it. It ends when its parent ends, even
by a kill: then its standard input, which nobody writes to, is closed.
"""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

LOGS = Path("cache/logs")
PATIENCE = 10
"""Seconds that an interrupted stage may take to end before it is killed."""

running: set[subprocess.Popen[bytes]] = set()
"""The stages that this process runs."""


def log_of(stage: str) -> Path:
    """The file that a stage prints to."""
    return LOGS / f"{stage}.log"


def run(stage: str) -> int:
    """Run the stage if it is out of date, and return DVC's exit status.

    The Dask worker that calls it tells the stage where other workers can be asked for help (distil/pipeline/share.py).
    """
    from distributed import get_worker  # here, since the stage's own process has no use for these

    from distil.pipeline.share import ADDRESS

    log_of(stage).parent.mkdir(parents=True, exist_ok=True)
    # by its path and with -P, since the folder may be a checkout in which this module is another or is not there
    command = [sys.executable, "-P", __file__, stage]
    asks = os.environ | {ADDRESS: get_worker().scheduler.address}
    with log_of(stage).open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, process_group=0, env=asks)
    running.add(process)
    try:
        return process.wait()
    finally:
        running.remove(process)


def stop() -> None:
    """Interrupt the stages of this process, with all processes they started, and kill those that do not end."""
    processes = list(running)
    for number in (signal.SIGINT, signal.SIGKILL):
        for process in processes:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number)
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)


def main() -> int:
    """Be DVC, in a process that ends when its standard input does."""
    from dvc.cli import main as dvc

    threading.Thread(target=end_with, args=(os.dup(0),), daemon=True).start()
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    return dvc(["--wait-for-lock", "repro", "--single-item", sys.argv[1]])


def end_with(parent: int) -> None:
    """Wait until the other end of a pipe is closed, then kill this process with all it has started."""
    os.read(parent, 1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
