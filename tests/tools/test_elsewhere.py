"""The stage graph on workers in clones of their own: the same dvc.lock as one process, whatever happens to a worker."""

import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import psutil
import pytest

from tests.tools.machines import ENVIRONMENT, WORKER, clone, machine, running, scheduler, workers
from tests.tools.toy import ROOT, Toy
from tests.workspace import inside
from tools.repro import cluster


@pytest.fixture(scope="module")
def before(committed: Toy, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """The same before its first run, with a DVC remote in the folder `store` beside it; not to be changed."""
    before = clone(committed, tmp_path_factory.mktemp("before") / "mine")
    before.run("git", "rm", "--quiet", "-r", "dvc.lock", "metrics")
    before.run("dvc", "remote", "add", "shared", "../store")
    before.commit("before the first run")
    return before


@pytest.fixture
def mine(before: Toy, tmp_path: Path) -> Toy:
    """A copy of it, to change."""
    return before.copy(tmp_path / "mine")


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a scheduler to which each test brings its own workers."""
    with scheduler(tmp_path_factory.mktemp("scheduler")) as address:
        yield address


def repro(toy: Toy, address: str, *arguments: str, check: bool = True):
    command = [sys.executable, "-m", "tools.repro", "--scheduler", address, *arguments]
    return toy.run(*command, check=check, PYTHONPATH=str(ROOT), OPENBLAS_CORETYPE="Haswell")


def repro_beside(toy: Toy, address: str, *arguments: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """The same while the test goes on. It prints beside its folder, and is killed where the test ends before it."""
    command = [sys.executable, "-m", "tools.repro", "--scheduler", address, *arguments]
    environment = toy.env | {"PYTHONPATH": str(ROOT)}
    return running(command, toy.folder.with_suffix(".log"), cwd=toy.folder, env=environment)


@pytest.mark.parametrize("by", ["remote", pytest.param("cache", marks=pytest.mark.slow)])
def test_two_workers_give_what_one_process_gives(by: str, committed: Toy, mine: Toy, dask: str, tmp_path: Path) -> None:
    if by == "cache":
        mine.run("dvc", "config", "cache.dir", str(tmp_path / "cache"))
        mine.commit("one cache for all")
    clones = [clone(mine, tmp_path / name) for name in ("one", "two")]
    clones[0].write("data/train/7/adapters.safetensors", "of an earlier run with another seed")
    arguments = ["--remote", "shared"] if by == "remote" else []
    with workers(dask, *clones):
        repro(mine, dask, *arguments)
        lock = (mine.folder / "dvc.lock").read_bytes()
        for one in clones:
            shutil.rmtree(one.folder / "data")
        again = repro(mine, dask, *arguments)
    assert lock == (mine.folder / "dvc.lock").read_bytes() == (committed.folder / "dvc.lock").read_bytes()
    for path in ("data/train/2/adapters.safetensors", "metrics/score.json", "data/answers.jsonl"):
        assert (mine.folder / path).read_bytes() == (committed.folder / path).read_bytes()
    assert "up to date" in mine.run("dvc", "status").stdout
    assert again.returncode == 0 and not list(tmp_path.glob("*/data/train/7"))


@pytest.mark.slow
def test_a_lost_workers_stage_runs_again_elsewhere(committed: Toy, mine: Toy, tmp_path: Path) -> None:
    wait = "import pathlib, time\npathlib.Path('begun').touch()\n"
    wait += "while not pathlib.Path('../go').exists():\n    time.sleep(0.1)\n"
    mine.write("toy/train.py", wait + (mine.folder / "toy/train.py").read_text("utf-8"))
    mine.commit("train until told to")
    clones = [clone(mine, tmp_path / name) for name in ("one", "two")]
    with (
        scheduler(tmp_path) as address,
        workers(address, *clones) as started,
        repro_beside(mine, address, "--remote", "shared") as run,
    ):
        while not all((one.folder / "begun").exists() for one in clones):
            assert run.poll() is None, (tmp_path / "mine.log").read_text("utf-8")
            time.sleep(0.1)
        trained = psutil.Process(started[0].pid).children(recursive=True)
        started[0].kill()
        psutil.wait_procs(trained)  # the test's own limit ends a wait in vain
        (tmp_path / "go").touch()
        assert run.wait() == 0, (tmp_path / "mine.log").read_text("utf-8")

    assert "up to date" in mine.run("dvc", "status").stdout
    for path in ("metrics/score.json", "data/answers.jsonl"):
        assert (mine.folder / path).read_bytes() == (committed.folder / path).read_bytes()


def test_workers_whose_clone_differs_are_refused(mine: Toy, dask: str, tmp_path: Path) -> None:
    other, changed = clone(mine, tmp_path / "other"), clone(mine, tmp_path / "changed")
    other.commit("a commit of its own")
    changed.write("toy/split.py", "pass\n")
    with workers(dask, other, changed):
        result = repro(mine, dask, "--remote", "shared", check=False)
    assert result.returncode == 1 and "Traceback" not in result.stderr
    said = sorted(result.stderr.removeprefix("error: ").splitlines())
    assert len(said) == 2 and not (mine.folder / "dvc.lock").exists()
    assert f"{changed.folder} is refused: its clone has other files than the run's: toy/split.py" in said[0]
    assert f"{other.folder} is refused: its clone is at revision" in said[1]


@pytest.mark.slow
def test_a_worker_started_before_a_pull_is_refused_until_it_is_started_again(
    mine: Toy, dask: str, tmp_path: Path
) -> None:
    """The worker holds modules of before, while its clone's files and git's revision are those of the run."""
    house = tmp_path / "house"
    for name in ("distil", "tools"):
        shutil.copytree(ROOT / name, house / name, ignore=shutil.ignore_patterns("__pycache__"))
    one = clone(mine, tmp_path / "one")
    command = [sys.executable, "-m", "tools.repro", "--remote", "shared", "--scheduler"]
    with workers(dask, one, PYTHONPATH=str(house)):
        with (house / "distil/pipeline/names.py").open("a") as file:
            file.write("# pulled\n")
        refused = mine.run(*command, dask, check=False, PYTHONPATH=str(house))
    with workers(dask, one, PYTHONPATH=str(house)):
        mine.run(*command, dask, "count", PYTHONPATH=str(house))
    assert refused.returncode == 1 and refused.stderr.count("\n") == 1
    assert f"{one.folder} is refused: its clone's code was changed after it was started" in refused.stderr


def test_a_failure_elsewhere_shows_its_message_here(mine: Toy, dask: str, tmp_path: Path) -> None:
    mine.write("toy/split.py", "import sys\nsys.exit('error: every is too large')\n")
    mine.commit("a mistake")
    one = clone(mine, tmp_path / "one")
    with workers(dask, one):
        result = repro(mine, dask, "--remote", "shared", check=False)
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert "stage split failed" in result.stderr and "error: every is too large" in result.stderr
    assert str(one.folder) in result.stderr
    assert "problems" in (mine.folder / "dvc.lock").read_text("utf-8")


def test_a_worker_that_cannot_write_is_named(mine: Toy, dask: str, tmp_path: Path) -> None:
    one = clone(mine, tmp_path / "one")
    one.write("cache/logs", "a file where a folder should be")
    with workers(dask, one):
        result = repro(mine, dask, "--remote", "shared", check=False)
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert f"{one.folder} could not run stage problems" in result.stderr and "cache/logs" in result.stderr


def test_a_scheduler_that_is_lost_is_one_line(mine: Toy, tmp_path: Path) -> None:
    with scheduler(tmp_path) as address:
        schedulers = [one for one in psutil.Process().children() if "scheduler" in one.cmdline()]
        last = max(schedulers, key=psutil.Process.create_time)
        mine.write("toy/split.py", f"import os\nos.kill({last.pid}, 9)\n")
        mine.commit("lose the scheduler")
        with workers(address, clone(mine, tmp_path / "one")):
            result = repro(mine, address, "--remote", "shared", check=False)
    assert result.returncode == 1 and result.stderr.count("\n") == 1
    assert result.stderr.startswith("error: the connection to the Dask scheduler was lost.")
    assert "problems" in (mine.folder / "dvc.lock").read_text("utf-8")


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nowhere", "http://127.0.0.1:1"])
def test_no_scheduler_is_one_line(address: str, mine: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    result = inside(mine.folder, "tools.repro", "--scheduler", address)
    assert result.returncode == 1 and result.stderr.count("\n") == 1
    assert result.stderr.startswith(f"error: no Dask scheduler answers at {address} (SCHEDULER)")


def test_no_worker_is_one_line(mine: Toy, dask: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "PATIENCE", 2)
    result = inside(mine.folder, "tools.repro", "--scheduler", dask)
    assert result.returncode == 1 and result.stderr.count("\n") == 1
    assert f"the scheduler at {dask} has no worker" in result.stderr
    assert "make worker SCHEDULER=" in result.stderr


SETTINGS = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
TOY = ("committed", "toy/train.py", "toy/score.py", shlex.join(["env", *SETTINGS, *WORKER]) + " ")
SMALL = ("small", "stages.lora_seed", "stages.answers", "make -o .venv/installed worker SCHEDULER=")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pipeline", "training", "answering", "worker"),
    [
        pytest.param(*TOY, id="toy"),
        pytest.param(*SMALL, id="small", marks=pytest.mark.timeout(3600)),
    ],
)
def test_three_workers_over_ssh_two_of_them_killed_at_work(
    pipeline: str, training: str, answering: str, worker: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """One is killed in training, one in answering, each with the stage's program stopped in the middle."""
    whole: Toy = request.getfixturevalue(pipeline)
    mine = clone(whole, tmp_path / "mine")
    mine.run("git", "rm", "--quiet", "dvc.lock")
    mine.run("dvc", "config", "cache.dir", str(tmp_path / "store"))
    mine.commit("before the first run")
    clones = [clone(mine, tmp_path / name) for name in ("one", "two", "three")]
    (tmp_path / "checkpoints").mkdir()
    with scheduler(tmp_path) as address, machine(tmp_path) as ssh:
        for one in clones:
            (one.folder / "cache").symlink_to(tmp_path / "checkpoints")
            (one.folder / ".venv").symlink_to(ROOT / ".venv")
            ssh(f"cd {one.folder} && exec {worker}{address}")
        for number in range(len(clones)):
            registered(tmp_path / f"ssh-{number}.log")
        with repro_beside(mine, address) as run:
            kill_worker_at(training, run)
            kill_worker_at(answering, run)
            assert run.wait() == 0, (tmp_path / "mine.log").read_text("utf-8")
    assert (mine.folder / "dvc.lock").read_bytes() == (whole.folder / "dvc.lock").read_bytes()
    assert "up to date" in mine.run("dvc", "status").stdout


def registered(log: Path) -> None:
    """Wait until a worker has told its log that the scheduler knows it; the test's own limit ends a wait in vain."""
    while not (log.exists() and "Registered to" in log.read_text("utf-8")):
        time.sleep(0.2)


def kill_worker_at(work: str, run: subprocess.Popen[bytes]) -> None:
    """Stop a program that a worker runs for a stage, kill the worker, and see that the program ends with it."""
    while True:
        assert run.poll() is None, f"the run ended before {work} was seen"
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if work in process.cmdline()[1:3]:
                    process.suspend()
                    next(one for one in process.parents() if "worker" in one.cmdline()).kill()
                    psutil.wait_procs([process])  # the test's own limit ends a wait in vain
                    return
        time.sleep(0.1)
