"""The side-by-side runner on a real DVC pipeline of small shell stages."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.workspace import ROOT, inside
from tools.repro.lock import wait_for_index

PIPELINE = {
    "stages": {
        "first": {"cmd": "echo one > first.txt", "outs": ["first.txt"]},
        "middle": {
            "foreach": ["a", "b", "c", "d"],
            "do": {
                "cmd": "${middle} && cp first.txt ${item}.txt",
                "deps": ["first.txt"],
                "params": ["middle"],
                "outs": ["${item}.txt"],
            },
        },
        "last": {"cmd": "cat ?.txt > last.txt", "deps": [f"{name}.txt" for name in "abcd"], "outs": ["last.txt"]},
    }
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("repository")
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, cwd=folder, check=True)
    return folder


@pytest.fixture
def pipeline(tmp_path, repository):
    def make(name: str, middle: str) -> Path:
        folder = tmp_path / name
        shutil.copytree(repository, folder)
        (folder / "dvc.yaml").write_text(yaml.safe_dump(PIPELINE, sort_keys=False))
        (folder / "params.yaml").write_text(yaml.safe_dump({"middle": middle}))
        return folder

    return make


@pytest.fixture(scope="module")
def finished(tmp_path_factory, repository) -> Path:
    """A pipeline that has run, with its lock in git's index; not to be changed."""
    folder = tmp_path_factory.mktemp("finished") / "repository"
    shutil.copytree(repository, folder)
    (folder / "dvc.yaml").write_text(yaml.safe_dump(PIPELINE, sort_keys=False))
    (folder / "params.yaml").write_text(yaml.safe_dump({"middle": "true"}))
    assert repro(folder, "--jobs", "1").wait() == 0
    subprocess.run(["git", "add", "dvc.lock"], cwd=folder, check=True)
    return folder


def repro(folder: Path, *arguments: str, **options) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tools.repro", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=folder, env=environment, **pipes, **options)


def test_the_result_is_plain_dvcs(pipeline):
    """The last of the four ends first; dvc.lock has them in DVC's order all the same."""
    slower = "sleep 0.$((RANDOM % 5))"
    plain, beside = pipeline("plain", slower), pipeline("beside", slower)
    subprocess.run([sys.executable, "-m", "dvc", "repro", "-q"], cwd=plain, check=True)
    process = repro(beside, "--jobs", "3")
    assert process.wait() == 0, process.stderr.read()
    assert (beside / "dvc.lock").read_bytes() == (plain / "dvc.lock").read_bytes()
    assert (beside / "last.txt").read_text() == "one\n" * 4
    assert subprocess.run([sys.executable, "-m", "dvc", "status", "-q"], cwd=beside).returncode == 0


def test_one_job_needs_no_dask_and_nothing_to_do_does_not(pipeline, tmp_path, monkeypatch):
    (tmp_path / "distributed.py").write_text("raise ImportError('one job has loaded Dask')")
    folder = pipeline("alone", "true")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT}")
    command = [sys.executable, "-m", "tools.repro", "--jobs"]
    assert subprocess.run([*command, "1"], cwd=folder).returncode == 0
    assert "are up to date." in subprocess.run([*command, "2"], cwd=folder, capture_output=True, text=True).stdout
    (folder / "last.txt").unlink()
    assert "has loaded Dask" in subprocess.run([*command, "2"], cwd=folder, capture_output=True, text=True).stderr


def test_independent_stages_run_at_once(pipeline):
    """Each of the four waits until another has begun, which none would see if they ran one after the other."""
    wait = "for i in $(seq 400); do [ $(ls *.begun | wc -l) -gt 1 ] && break; sleep 0.05; done"
    meet = f"touch $DVC_STAGE.begun && {wait}; test $i -lt 400"
    process = repro(pipeline("meet", meet), "--jobs", "2")
    assert process.wait() == 0, process.stderr.read()


@pytest.mark.slow
def test_only_the_targets_and_what_they_need_run_and_later_what_has_changed(pipeline):
    folder = pipeline("targets", "echo $DVC_STAGE >> ran")
    process = repro(folder, "--jobs", "2", "middle@b")
    assert process.wait() == 0, process.stderr.read()
    assert sorted(path.name for path in folder.glob("*.txt")) == ["b.txt", "first.txt"]
    process = repro(folder, "--jobs", "2")
    assert process.wait() == 0, process.stderr.read()
    assert sorted((folder / "ran").read_text().split()) == [f"middle@{name}" for name in "abcd"]
    assert (folder / "last.txt").read_text() == "one\n" * 4


def test_a_failure_shows_its_message_and_the_work_beside_it_is_kept(pipeline):
    folder = pipeline(
        "failure", "if [ $DVC_STAGE = middle@b ]; then echo 'error: b is broken' >&2; exit 1; fi; sleep 1"
    )
    process = repro(folder, "--jobs", "2")
    _, errors = process.communicate()
    assert process.returncode == 1
    assert "stage middle@b failed" in errors and "error: b is broken" in errors and "Traceback" not in errors
    assert (folder / "a.txt").exists() and not (folder / "last.txt").exists()


def test_an_unknown_target_is_one_message(pipeline):
    done = inside(pipeline("unknown", "true"), "tools.repro", "--jobs", "2", "nowhere")
    assert done.returncode == 1 and "nowhere" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("middle: [true", "params.yaml is not YAML in UTF-8"),
        ("<<<<<<< HEAD\nmiddle: 'true'\n=======\nmiddle: ':'\n>>>>>>> other\n", "params.yaml is not YAML in UTF-8"),
        ("", "DVC: failed to parse 'stages.middle"),
        ("lora_seed:", "DVC: failed to parse 'stages.middle"),
        ("lora_seed: {model: models/nowhere}", "lora_seed.model: models/nowhere holds no model"),
    ],
)
def test_parameters_that_cannot_be_used_are_one_message(pipeline, text, said):
    folder = pipeline("parameters", "true")
    (folder / "params.yaml").write_text(text)
    done = inside(folder, "tools.repro", "--jobs", "2")
    assert done.returncode == 1 and done.stderr.startswith(f"error: {said}") and not (folder / "first.txt").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_an_interrupt_stops_every_stage_and_the_next_run_finishes(pipeline, number):
    folder = pipeline("interrupt", "touch ${DVC_STAGE#*@}.begun && sleep ${SECONDS_TO_SLEEP:-6000}")
    process = repro(folder, "--jobs", "2", start_new_session=True)
    while len(list(folder.glob("*.begun"))) < 2:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    process.send_signal(number)
    _, errors = process.communicate()  # a stage that is not stopped sleeps longer than any test may take
    assert process.returncode == 1 and "interrupted: run the same command again" in errors
    assert "sleep 6000" not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    os.environ["SECONDS_TO_SLEEP"] = "0"
    try:
        again = repro(folder, "--jobs", "2")
        assert again.wait() == 0, again.stderr.read()
    finally:
        del os.environ["SECONDS_TO_SLEEP"]
    assert (folder / "last.txt").exists()


def test_a_killed_runner_takes_its_stages_with_it(pipeline):
    folder = pipeline("killed", "touch ${DVC_STAGE#*@}.begun && sleep 61")
    process = repro(folder, "--jobs", "2")
    while len(list(folder.glob("*.begun"))) < 2:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    process.kill()
    process.wait()
    while "sleep 61" in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout:
        time.sleep(0.1)  # stages that went on would be found by the test's timeout


@pytest.mark.parametrize(
    ("jobs", "cut"),
    [("1", b"schema"), ("2", b""), ("2", b"schema"), ("2", b"schema: '2.0'\nstages:\n  first:\n    c")],
)
def test_a_lock_cut_off_by_a_kill_is_taken_back_from_git(finished, tmp_path, jobs, cut):
    folder = tmp_path / "cut"
    shutil.copytree(finished, folder)
    whole = (folder / "dvc.lock").read_bytes()
    (folder / "dvc.lock").write_bytes(cut)
    process = repro(folder, "--jobs", jobs)
    _, errors = process.communicate()
    assert process.returncode == 0 and "dvc.lock is damaged" in errors, errors
    assert (folder / "dvc.lock").read_bytes() == whole


def test_a_lock_without_a_stage_is_one_of_a_pipeline_that_has_not_run(pipeline):
    folder = pipeline("empty", "true")
    (folder / "dvc.lock").write_text("schema: '2.0'\n")
    done = inside(folder, "tools.repro", "--jobs", "2", "first")
    assert done.returncode == 0 and "first:" in (folder / "dvc.lock").read_text(), done.stderr


def test_a_damaged_lock_that_git_does_not_have_is_one_message(pipeline):
    folder = pipeline("lost", "true")
    (folder / "dvc.lock").write_text("schema: '2.0'\nsta")
    done = inside(folder, "tools.repro", "--jobs", "1")
    assert done.returncode == 1 and "remove it and run again" in done.stderr and "Traceback" not in done.stderr


def test_a_lock_with_conflicts_of_a_merge_is_one_message_and_one_side_is_the_way_out(finished, tmp_path):
    folder = tmp_path / "merge"
    shutil.copytree(finished, folder)

    def git(*command: str) -> int:
        who = ["-c", "user.name=t", "-c", "user.email=t@t"]
        return subprocess.run(["git", *who, *command], cwd=folder, capture_output=True).returncode

    whole = (folder / "dvc.lock").read_bytes()
    git("commit", "--message", "before")
    git("branch", "theirs")
    for branch, middle in (("theirs", b"middle: 'false'"), ("-", b"middle: ':'")):
        git("checkout", branch)
        (folder / "dvc.lock").write_bytes(whole.replace(b"middle: 'true'", middle))
        git("commit", "--all", "--message", branch)
    assert git("merge", "theirs") == 1
    conflict = (folder / "dvc.lock").read_bytes()
    done = inside(folder, "tools.repro", "--jobs", "2")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "dvc.lock has conflicts of a merge" in done.stderr and "git checkout --ours -- dvc.lock" in done.stderr
    assert (folder / "dvc.lock").read_bytes() == conflict
    git("checkout", "--ours", "--", "dvc.lock")
    process = repro(folder, "--jobs", "1")
    assert process.wait() == 0, process.stderr.read()
    assert (folder / "dvc.lock").read_bytes() == whole


@pytest.mark.parametrize("holder", ["nobody", "an editor", "git -C from elsewhere"])
def test_a_lock_of_gits_index_is_never_removed(pipeline, holder, tmp_path, monkeypatch):
    folder = pipeline("staging", "true")
    names = {f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {**os.environ, **names, "GIT_EDITOR": "sleep 60 #"}
    place = {"cwd": folder} if holder == "an editor" else {"cwd": tmp_path}
    git = None
    if holder == "nobody":
        (folder / ".git/index.lock").touch()
    else:
        command = ["git", "-C", str(folder), "commit", "--all"]
        git = subprocess.Popen(command, env=environment, start_new_session=True, **place)
        while git.poll() is None and not (folder / ".git/index.lock").exists():
            time.sleep(0.05)
    monkeypatch.setattr("tools.repro.lock.GIT_AT_WORK", 1)
    try:
        done = inside(folder, "tools.repro", "--jobs", "2")
        held = (folder / ".git/index.lock").exists()
    finally:
        if git:
            os.killpg(git.pid, signal.SIGKILL)
            git.wait()
    assert done.returncode == 1 and held
    assert "git's index is locked by" in done.stderr and done.stderr.count("\n") == 1
    assert not (folder / "first.txt").exists()


def test_a_lock_that_goes_away_is_waited_for(pipeline, monkeypatch):
    folder = pipeline("waiting", "true")
    lock, waits = folder / ".git/index.lock", []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            lock.unlink()

    lock.touch()
    monkeypatch.setattr("tools.repro.lock.time.sleep", wait)
    wait_for_index(folder)
    assert len(waits) == 3


@pytest.mark.parametrize(
    "command",
    [
        ["repro", "--jobs", "2"],
        ["repro", "--jobs", "1"],
        ["check_reproduction"],
        ["compare", "a", "b"],
        ["lineage", "a"],
    ],
)
def test_an_archive_without_git_is_one_line(pipeline, command):
    folder = pipeline("archive", "true")
    shutil.rmtree(folder / ".git")
    before = {path.name for path in folder.iterdir()}
    done = inside(folder, f"tools.{command[0]}", *command[1:])
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: this folder is no git repository, and this command needs one.")
    assert {path.name for path in folder.iterdir()} == before


def test_what_most_stages_wait_for_starts_first(pipeline):
    folder = pipeline("order", "true")
    stages = {name: {"cmd": f"echo {name} >> order.txt; sleep 0.5"} for name in ("a", "b", "c")}
    stages["z"] = {"cmd": "echo z >> order.txt; echo z > z.txt", "outs": ["z.txt"]}
    stages["after"] = {"cmd": "cat z.txt", "deps": ["z.txt"]}
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))
    process = repro(folder, "--jobs", "2")
    assert process.wait() == 0, process.stderr.read()
    assert "z" in (folder / "order.txt").read_text().split()[:2]


def test_at_least_one_stage_at_a_time(pipeline):
    done = inside(pipeline("none", "true"), "tools.repro", "--jobs", "0")
    assert done.returncode == 2 and "at least one" in done.stderr
