"""What a stage shares out: the same results as one process, whatever the cluster does."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import yaml
from distributed import Client

from distil.pipeline import share
from distil.pipeline.share import ADDRESS, AT_ONCE, FEW, each
from distil.statistics.resampling import resampled_totals
from distil.verifier import Verifier
from tools.repro.cluster import local

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Client]:
    """Two worker processes of one thread, as `make repro JOBS=2` starts them."""
    with local(2) as client:
        yield client


@pytest.fixture
def stage(cluster: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    """This process as a stage that the cluster runs."""
    monkeypatch.setenv(ADDRESS, cluster.scheduler.address)
    return cluster


PACE = 0.05
"""Seconds that `slowly` takes. Each process has its own."""


def slowly(number: int, add: int) -> tuple[int, int]:
    time.sleep(PACE)
    return number + add, os.getpid()


def fails(number: int) -> int:
    if number == 3:
        raise ValueError("three")
    return number


def block(path: str) -> None:
    while not Path(path).exists():
        time.sleep(0.05)


@pytest.mark.parametrize("count", [0, 1, FEW - 1, FEW, AT_ONCE + 1])
def test_results_come_in_order(stage: Client, count: int) -> None:
    assert [value for value, _ in each(slowly, range(count), add=10)] == [number + 10 for number in range(count)]


def test_free_workers_take_part_in_what_is_many(stage: Client) -> None:
    def processes(count: int) -> set[int]:
        return {process for _, process in each(slowly, range(count), add=0)}

    while len(processes(AT_ONCE)) < 3:  # the first time each worker loads the function
        pass
    assert processes(FEW - 1) == {os.getpid()}


def test_without_a_cluster_items_are_taken_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ADDRESS, raising=False)
    taken: list[int] = []
    results = each(slowly, (taken.append(number) or number for number in range(100)), add=0)
    assert next(results)[1] == os.getpid() and taken == [0]


def test_a_scheduler_that_a_user_has_set_for_other_work_is_not_asked() -> None:
    program = (
        "import sys; from distil.pipeline.share import each; assert len(list(each(abs, range(99)))) == 99; "
        "assert 'distributed' not in sys.modules"
    )
    environment = {name: value for name, value in os.environ.items() if name != ADDRESS}
    environment |= {"DASK_SCHEDULER_ADDRESS": "tcp://127.0.0.1:1", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)


def test_busy_workers_are_not_waited_for(stage: Client, tmp_path: Path) -> None:
    """Both workers run a stage, which ends only after this one has."""
    stages = stage.map(block, [str(tmp_path / "go")] * 2, key=["stage-1", "stage-2"], pure=False)
    while not all(len(keys) for keys in stage.processing().values()):
        time.sleep(0.05)
    found = list(each(slowly, range(2 * FEW), add=0))
    assert {process for _, process in found} == {os.getpid()}
    (tmp_path / "go").touch()
    stage.gather(stages)


def test_a_failure_is_the_functions_own(stage: Client) -> None:
    with pytest.raises(ValueError, match="three"):
        list(each(fails, range(20)))


def test_workers_with_other_code_are_not_asked(stage: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share, "STARTED_WITH", "of another commit")
    assert {process for _, process in each(slowly, range(AT_ONCE), add=0)} == {os.getpid()}


def test_a_scheduler_that_is_gone_leaves_all_to_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADDRESS, "tcp://127.0.0.1:1")
    monkeypatch.setattr(share, "PATIENCE", 1)
    assert {process for _, process in each(slowly, range(FEW), add=0)} == {os.getpid()}


def test_a_scheduler_lost_on_the_way_leaves_the_rest_to_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share, "PATIENCE", 1)
    with local(1) as client:
        monkeypatch.setenv(ADDRESS, client.scheduler.address)
        results = each(slowly, range(3 * AT_ONCE), add=10)
        first = next(results)
    monkeypatch.setattr(f"{__name__}.PACE", 0)  # nobody is left to wait for
    assert [value for value, _ in (first, *results)] == [number + 10 for number in range(3 * AT_ONCE)]


def test_a_worker_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share, "PATIENCE", 1)
    with local(2) as client:
        monkeypatch.setenv(ADDRESS, client.scheduler.address)
        stuck = psutil.Process(client.run(os.getpid).popitem()[1])
        stuck.suspend()
        try:
            assert [value for value, _ in each(slowly, range(FEW), add=10)] == [10 + number for number in range(FEW)]
        finally:
            stuck.resume()


def test_results_that_do_not_come_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    suspended = False

    def numbers() -> Iterator[int]:
        number = 0
        while not suspended:  # however long the worker takes to begin
            yield (number := number + 1)
        yield from range(number + 1, number + AT_ONCE)

    monkeypatch.setattr(share, "PATIENCE", 1)
    monkeypatch.setattr(f"{__name__}.PACE", 0.5)  # the worker does more, even where it gets a tenth of a core
    with local(1) as client:
        monkeypatch.setenv(ADDRESS, address := client.scheduler.address)
        stuck = psutil.Process(client.run(os.getpid).popitem()[1])
        results = each(slowly, numbers(), add=10)
        first = next(result for result in results if result[1] != os.getpid())  # the first that were fetched
        futures = share._client(address).futures

        def done() -> set[str]:
            return {str(key) for key, state in list(futures.items()) if state.status == "finished"}

        before = done()
        while done() <= before:  # until the worker has results that were not fetched
            time.sleep(0.05)
        stuck.suspend()
        suspended = True
        monkeypatch.setattr(f"{__name__}.PACE", 0)
        try:
            values = [first[0], *(value for value, _ in results)]
        finally:
            stuck.resume()
        assert len(values) > AT_ONCE and values == list(range(values[0], values[0] + len(values)))
        assert share._client(address).status == "closed"


def test_resamples_are_the_same_shared_out(stage: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distil.statistics.resampling.BATCH", 2**16)
    sums = np.random.default_rng(1).random((1000, 3))
    shared = resampled_totals(sums, 2000, np.random.default_rng(3))
    monkeypatch.delenv(ADDRESS)
    assert np.array_equal(resampled_totals(sums, 2000, np.random.default_rng(3)), shared)
    assert np.array_equal(np.unique(shared, axis=0).shape, shared.shape)  # no stream comes twice


def judging() -> int:
    """Processes that the server of forks in this one has forked."""
    return sum(len(process.children()) for process in psutil.Process().children())


def judged(pairs: list[tuple[str, str]], verifier: Verifier) -> tuple[list[str], int]:
    time.sleep(0.1)  # or all are done here before a worker has the verifier, for which this process does not wait
    return [found.rule for found in verifier.verify_many(pairs)], os.getpid()


def test_a_worker_judges_what_needs_algebra_and_ends_its_processes(stage: Client) -> None:
    batches = [[(f"{number}+√{seed}", f"√{seed}+{number}") for seed in (2, 3, 5)] for number in range(1, 31)]
    with Verifier(workers=1) as verifier:
        found = list(each(judged, batches, verifier=verifier))
    assert all(rules == ["algebra"] * 3 for rules, _ in found), found
    assert len({process for _, process in found}) > 1
    while any(stage.run(judging).values()):
        time.sleep(0.1)


def test_the_pipelines_stages_know_their_scheduler(tmp_path: Path) -> None:
    """A stage that Dask runs is told; one under plain `make repro` is not."""
    stage = {"cmd": f"printenv {ADDRESS} > told || true", "outs": ["told"]}
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"only": stage}}))
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, cwd=tmp_path, check=True)
    environment = {name: value for name, value in os.environ.items() if name != ADDRESS} | {"PYTHONPATH": str(ROOT)}
    told = []
    for jobs in ("2", "1"):
        subprocess.run([sys.executable, "-m", "tools.repro", "--jobs", jobs], cwd=tmp_path, env=environment, check=True)
        told.append((tmp_path / "told").read_text())
        shutil.rmtree(tmp_path / ".dvc/cache")
        for name in ("told", "dvc.lock"):
            (tmp_path / name).unlink()
    assert told[0].startswith("tcp://127.0.0.1:") and told[1] == ""


def test_an_editors_lock_link_is_no_code(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "distil", tmp_path / "distil")
    (tmp_path / "distil/.#params.py").symlink_to("me@host.123:456")
    command = [sys.executable, "-c", "import distil.pipeline.share as share; print(share.__file__)"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.startswith(str(tmp_path)), done.stderr
