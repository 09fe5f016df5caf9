"""Run the pipeline as `dvc repro` does, with stages that do not depend on each other side by side.

    python -m tools.repro --jobs 2          (make repro JOBS=2)
    python -m tools.repro --jobs 2 answers

Every stage is run by DVC itself (`dvc repro --single-item STAGE`) once those it depends on are done, so its locks and
its cache work as always, and the result, dvc.lock included, is that of plain `dvc repro`. What a stage prints goes to
cache/logs/<stage>.log, and to the terminal when it fails: the stages then running are finished, for their work is kept,
and no more are started. An interrupt stops them all; the next run takes up what they have saved. With one job it is
`dvc repro` itself. A dvc.lock that a kill cut off is first taken back from git's index.
"""

import argparse
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import networkx as nx
from dvc.cli import main as dvc
from dvc.dvcfile import Lockfile
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.repo.reproduce import get_active_graph, plan_repro
from dvc.utils.serialize import load_yaml, modify_yaml
from tqdm import tqdm

from distil.pipeline.command import run
from distil.pipeline.files import InputError
from tools.git import git, repository
from tools.plan.model import missing_model

LOCK = Path("dvc.lock")
LOGS = Path("cache/logs")
LINES = 20
"""How many of the last lines a failed stage printed are shown."""
GIT_AT_WORK = 5
"""Seconds to wait for git's index, which git locks for moments, and a commit for as long as its editor is open."""
PATIENCE = 10
"""Seconds that an interrupted stage may take to end before it is killed."""


def main() -> int:
    """Run what is out of date, then put dvc.lock in the order in which plain `dvc repro` writes it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many stages to run at once")
    parser.add_argument(
        "--shuffle", type=int, metavar="SEED", help="start stages in a random order that the graph allows"
    )
    parser.add_argument("targets", nargs="*", help="stages to run, with all they depend on; without any, every stage")
    args = parser.parse_args()
    if args.jobs < 1:
        parser.error(f"--jobs (JOBS) is {args.jobs}; at least one stage has to run at a time.")
    refuse_missing_model()
    root = repository(Path.cwd())
    wait_for_index(root)
    mend_lock()
    if args.jobs == 1 and args.shuffle is None:
        return dvc(["repro", *args.targets])
    # a forked process has DVC imported already, which saves a second per stage; macOS does not allow it
    multiprocessing.set_start_method("fork" if sys.platform == "linux" else "spawn")
    before = locked_stages()
    try:
        order, depends = plan(args.targets)
    except DvcException as error:
        raise InputError(f"DVC: {error}") from error
    started = order if args.shuffle is None else random.Random(args.shuffle).sample(order, len(order))
    try:
        run_all(started, depends, args.jobs)
    finally:
        put_in_order([*before, *order])
    return 0


def refuse_missing_model() -> None:
    """Raise InputError, before hours are spent on the stages before it, when the student's checkpoint is not there."""
    params = load_yaml("params.yaml") if Path("params.yaml").is_file() else {}
    model = params.get("lora_seed", {}).get("model")
    if model and not Path(model, "config.json").is_file():
        raise InputError(missing_model(model))


def wait_for_index(root: Path) -> None:
    """Wait some seconds for a git that is at work here, since DVC stages what it writes.

    Raises InputError where git's index stays locked. The lock is never removed: it may be an editor's.
    """
    lock = Path(git(root, "rev-parse", "--path-format=absolute", "--git-path", "index.lock").strip())
    for _ in range(10 * GIT_AT_WORK):
        if not lock.exists():
            return
        time.sleep(0.1)
    raise InputError(
        f"git's index is locked by {lock}. End what uses git here (the editor of a commit?) and run again; if nothing "
        "does, a killed git left the file: remove it and run again."
    )


def mend_lock() -> None:
    """Take dvc.lock back from git's index where a kill cut it off: DVC writes it in place.

    What it lacks then is no loss, since DVC finds finished runs in its run cache. Raises InputError when git has none.
    """
    if not LOCK.exists():
        return
    try:
        with Repo() as repo:
            Lockfile(repo, str(LOCK)).load()
        return
    except (DvcException, TypeError, AttributeError):  # the last two where it is YAML, and not of DVC's shape
        pass
    print(f"{LOCK} is damaged, as by a kill while DVC wrote it; taking it back from git's index", file=sys.stderr)
    if subprocess.run(["git", "checkout", "--quiet", "--", str(LOCK)], check=False).returncode:
        raise InputError(f"{LOCK} is damaged and git has no whole one: remove it and run again.")


def plan(targets: list[str]) -> tuple[list[str], nx.DiGraph]:
    """The stages in `dvc repro`'s order, and the graph whose edges lead from each to those it depends on."""
    with Repo(_wait_for_lock=True) as repo, repo.lock:
        graph = get_active_graph(repo.index.graph)
        wanted = [stage for target in targets for stage in repo.stage.collect(target)]
        order = [stage.addressing for stage in plan_repro(graph, wanted or None)]
        return order, nx.relabel_nodes(graph, {stage: stage.addressing for stage in graph}).subgraph(order)


def run_all(order: list[str], depends: nx.DiGraph, jobs: int) -> None:
    """Run the stages, at most `jobs` at once, each after those it depends on, first those that most have to wait for.

    Raises InputError with what the first failed stage printed, after the others that were running have ended.
    """
    waiting = sorted(order, key=lambda stage: len(nx.ancestors(depends, stage)), reverse=True)
    done, failed = set[str](), list[str]()
    running: dict[str, BaseProcess] = {}
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    tqdm.monitor_interval = 0  # its thread would be running when stages are forked
    with tqdm(total=len(order), unit="stage", disable=None) as bar:
        try:
            while running or (waiting and not failed):
                ready = [stage for stage in waiting if done.issuperset(depends.successors(stage))]
                for stage in ready[: 0 if failed else jobs - len(running)]:
                    waiting.remove(stage)
                    running[stage] = start(stage)
                bar.set_description(", ".join(running))
                wait([process.sentinel for process in running.values()])
                for stage in [stage for stage, process in running.items() if not process.is_alive()]:
                    if running.pop(stage).exitcode:
                        failed.append(stage)
                    else:
                        done.add(stage)
                        bar.update()
        except KeyboardInterrupt:
            stop(list(running.values()))
            raise
    if failed:
        printed = log_of(failed[0]).read_text(encoding="utf-8", errors="replace").splitlines()
        raise InputError("\n".join([f"stage {failed[0]} failed; the end of {log_of(failed[0])}:", *printed[-LINES:]]))


def start(stage: str) -> BaseProcess:
    """Run one stage in a process group of its own."""
    process = multiprocessing.Process(target=reproduce, args=(stage,))
    process.start()
    return process


def reproduce(stage: str) -> None:
    """Be `dvc repro --single-item STAGE`, printing to the stage's log, until that ends or the parent process does."""
    os.setpgid(0, 0)
    threading.Thread(target=end_with_parent, daemon=True).start()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    log_of(stage).parent.mkdir(parents=True, exist_ok=True)
    with log_of(stage).open("wb") as log:
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
    sys.exit(dvc(["--wait-for-lock", "repro", "--single-item", stage]))


def end_with_parent() -> None:
    """Wait until the parent process is dead, killed perhaps, then kill this stage with all it has started."""
    parent = multiprocessing.parent_process()
    assert parent
    parent.join()
    os.killpg(0, signal.SIGKILL)


def stop(processes: list[BaseProcess]) -> None:
    """Interrupt the stages with all they have started, and kill what does not end of itself."""
    for number in (signal.SIGINT, signal.SIGKILL):
        for process in processes:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid or 0, number)
        wait([process.sentinel for process in processes], PATIENCE)
        end = time.monotonic() + PATIENCE
        for process in processes:
            process.join(max(0, end - time.monotonic()))


def log_of(stage: str) -> Path:
    """The file that a stage prints to."""
    return LOGS / f"{stage}.log"


def locked_stages() -> list[str]:
    """The stages in dvc.lock, in its order."""
    return list(load_yaml(LOCK)["stages"]) if LOCK.exists() else []


def put_in_order(order: list[str]) -> None:
    """Sort dvc.lock's stages, to which DVC has added new ones as they ended."""
    if locked_stages() == (wanted := sorted(locked_stages(), key=order.index)):
        return
    with Repo(_wait_for_lock=True) as repo, repo.lock, modify_yaml(LOCK) as lock:
        lock["stages"] = {stage: lock["stages"][stage] for stage in wanted}


if __name__ == "__main__":
    run(main)
