"""What the runner makes of workers and a scheduler that leave, with stages that are functions."""

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import dask
import networkx as nx
import psutil
import pytest
from distributed import Client, LocalCluster

from distil.pipeline.files import InputError
from tests.tools.machines import ENVIRONMENT, WORKER, running, said, scheduler
from tools.repro import cluster

NOTHING: cluster.Task = (str, ())


def run_all(client: Client, tasks: dict[str, cluster.Task], failed: Callable[..., bool], *edges: tuple) -> None:
    """Run stages, each of which is a call; an edge leads from a stage to one that it depends on."""
    depends = nx.DiGraph()
    depends.add_nodes_from(tasks)
    depends.add_edges_from(edges)
    cluster.run_all(client, list(tasks), depends, tasks.__getitem__, failed)


@pytest.fixture(scope="module")
def two() -> Iterator[Client]:
    """Two workers; a stage is given up when the first is lost that ran it."""
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}), cluster.local(2) as client:
        yield client


@pytest.mark.parametrize(
    ("task", "message"),
    [
        pytest.param((os._exit, (1,)), r"^stage bad was given up: .* lost that ran it", id="its worker is lost"),
        pytest.param((os.mkdir, ("/dev/null/x",)), r"^stage bad failed: .*'/dev/null/x'.* run again", id="no file"),
    ],
)
def test_a_stage_that_cannot_end_fails_after_those_beside_it(
    task: cluster.Task, message: str, two: Client, tmp_path: Path
) -> None:
    beside = (subprocess.run, (["sh", "-c", f"sleep 2; touch {tmp_path}/done"],))
    with pytest.raises(InputError, match=message):
        run_all(two, {"bad": task, "beside": beside, "later": NOTHING}, lambda name, _: False, ("later", "bad"))
    assert (tmp_path / "done").exists()


def test_a_run_whose_last_worker_has_left_waits_for_another(capsys: pytest.CaptureFixture[str]) -> None:
    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address="127.0.0.1:0") as here,
        Client(here) as client,
    ):

        def failed(name: str, _: object) -> bool:
            if name == "first":
                here.scale(0)
                while cluster.workers(client):
                    pass
                threading.Timer(2, here.scale, [1]).start()
            return False

        run_all(client, {"first": NOTHING, "second": NOTHING}, failed, ("second", "first"))
    assert capsys.readouterr().out.count("no worker is left, and the run waits for one") == 1


def test_a_scheduler_lost_between_two_stages_is_one_message(tmp_path: Path) -> None:
    """tests/tools/test_elsewhere.py has one that is lost while a stage runs."""
    log = tmp_path / "worker.log"
    with scheduler(tmp_path) as address, running([*WORKER, address], log, env=os.environ | ENVIRONMENT) as worker:
        said(worker, log, r"Registered to: +(\S+)\n")

        def failed(*_: object) -> bool:
            next(one for one in psutil.Process().children() if "scheduler" in one.cmdline()).kill()
            return False

        with (
            pytest.raises(InputError, match=r"connection to the Dask scheduler was lost"),
            cluster.remote(address) as client,
        ):
            run_all(client, {"first": NOTHING, "second": NOTHING}, failed, ("second", "first"))
