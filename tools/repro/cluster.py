"""Run the stage graph on a Dask cluster: processes of this machine, or a cluster that the user has started anywhere."""

import logging
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Any

import dask
import networkx as nx
from distributed import CancelledError, Client, Future, KilledWorker, LocalCluster, WorkerPlugin, wait
from distributed.utils import silence_logging_cmgr
from tqdm import tqdm

from distil.pipeline.files import InputError
from tools.repro import stage
from tools.repro.stage import log_of

LINES = 20
"""The number of lines shown of a failed stage's output, from its end."""
PATIENCE = 10
"""Seconds to wait for a scheduler's answer, and for the first of its workers."""

LOST = (
    "the connection to the Dask scheduler was lost. Start the scheduler, or the tunnel to it, and the workers again. "
    "Then run again: finished stages are kept."
)


class OutOfReach(WorkerPlugin):
    """Takes a worker out of the terminal's reach. On Ctrl-C this program stops the stages, in order."""

    def setup(self, worker: Any) -> None:
        """Give the worker's process a group of its own."""
        os.setpgid(0, 0)


@contextmanager
def local(jobs: int) -> Iterator[Client]:
    """A cluster of `jobs` processes of one thread on this machine. It ends with the block or with this process.

    Where bokeh is installed, it prints the address of Dask's dashboard.
    """
    shows = find_spec("bokeh") is not None
    # stages get the environment that they have under plain `dvc repro`; there is nothing to profile in workers that
    # wait; and Dask's remarks on them do not help a user. What stages share out may start processes of its own, and
    # must not wait behind a stage. Event loops are looked after once a second; Dask's fifty times take 4 % of two cores
    settings = {
        "distributed.nanny.pre-spawn-environ": {},
        "distributed.worker.profile.enabled": False,
        "distributed.worker.daemon": False,
        "distributed.scheduler.worker-saturation": 1.0,
        "distributed.admin.tick.interval": "1s",
    }
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=jobs,
            threads_per_worker=1,
            memory_limit=0,
            preload=["distil.pipeline.share"],
            dashboard_address="127.0.0.1:8787" if shows else "127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        client.register_plugin(OutOfReach())
        if shows:
            tqdm.write(f"what runs: {cluster.dashboard_link}")
        yield client


@contextmanager
def remote(address: str) -> Iterator[Client]:
    """The cluster whose scheduler has an address. Raises InputError where there is none, or it has no worker."""
    try:
        client = Client(address, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        raise InputError(
            f"no Dask scheduler answers at {address} (SCHEDULER): start one with `dask scheduler`, which prints its "
            "address."
        ) from error
    with silence_logging_cmgr(logging.CRITICAL), client:  # what happens to the scheduler, this program tells
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as error:
            raise InputError(
                f"the scheduler at {address} has no worker: start some, each in a clone of its own, with "
                f"`make worker SCHEDULER={address}`."
            ) from error
        yield client


Task = tuple[Callable[..., Any], tuple[Any, ...]]
"""The function that a worker calls, with its arguments."""


def run_all(
    client: Client,
    order: list[str],
    depends: nx.DiGraph,
    task: Callable[[str], Task | None] = lambda name: (stage.run, (name,)),
    failed: Callable[[str, Any], bool] = lambda name, status: bool(status),
) -> None:
    """Run the stages, one at a time on each worker, each after those it depends on.

    Stages of `depends` that are not in `order` are done already. Of the others, those that most stages wait for come
    first. `task` returns the work for a stage, None where there is nothing to do. `failed` gets the result of that
    work. A stage whose worker is lost runs again on another. Without any worker it waits for one. Raises InputError
    with what the first failed stage printed, after the other running stages have ended, or at once when the scheduler
    is lost.
    """
    waiting = sorted(order, key=lambda name: len(nx.ancestors(depends, name)), reverse=True)
    done, failures = set(depends) - set(order), list[str]()
    running: dict[Future, str] = {}
    alone = False
    with tqdm(total=len(order), unit="stage", disable=None) as bar:

        def end(name: str) -> None:
            done.add(name)
            bar.update()

        try:
            while running or (waiting and not failures):
                ready = [name for name in waiting if done.issuperset(depends.successors(name))]
                there = workers(client)
                if not there and not alone:
                    tqdm.write("no worker is left, and the run waits for one: start some with `make worker`.")
                alone = not there
                free = max(0, there - len(running))  # fewer than none where a worker was lost
                for name in ready[: 0 if failures else free]:
                    waiting.remove(name)
                    if found := task(name):
                        function, arguments = found
                        key = f"{name}-{uuid.uuid4().hex}"  # a new key, because Dask would take an earlier run's result
                        running[client.submit(function, *arguments, key=key, pure=False)] = name
                    else:
                        end(name)
                bar.set_description(", ".join(running.values()))
                if alone and not running:
                    time.sleep(1)
                for future in ended(running):
                    name = running.pop(future)
                    if fault := fault_of(name, future, failed):
                        failures.append(fault)
                    else:
                        end(name)
        except KeyboardInterrupt:
            client.cancel(list(running))
            client.run(stage.stop)
            raise
    if failures:
        raise InputError(failures[0])


def workers(client: Client) -> int:
    """How many workers the cluster has now. Raises InputError when the scheduler is lost."""
    if client.status != "running":
        raise InputError(LOST)
    return len(client.scheduler_info(n_workers=-1)["workers"])


def ended(running: dict[Future, str]) -> list[Future]:
    """The stages that have ended. It waits for one second at most, because more workers may come."""
    if running:
        with suppress(TimeoutError, CancelledError):  # what was cancelled has ended, too
            wait(list(running), timeout=1, return_when="FIRST_COMPLETED")
    return [future for future in running if future.done()]


def fault_of(name: str, future: Future, failed: Callable[[str, Any], bool]) -> str:
    """Why a stage failed, else nothing. Raises InputError when the scheduler is lost, and the stage with it."""
    try:
        if not failed(name, future.result()):
            return ""
    except CancelledError as error:
        raise InputError(LOST) from error
    except KilledWorker as error:
        return (
            f"stage {name} was given up: {error.allowed_failures + 1} workers were lost that ran it, the last at "
            f"{error.last_worker.address}. Is there too little memory for it?"
        )
    except OSError as error:
        return f"stage {name} failed: {error}. Mend that and run again: finished stages are kept."
    log = log_of(name)
    printed = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join([f"stage {name} failed; the end of {log}:", *printed[-LINES:]])
