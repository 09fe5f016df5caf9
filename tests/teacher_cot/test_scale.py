"""Rates, re-reading and memory, with the numbers printed (`pytest -s`)."""

import contextlib
import json
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from distil.endpoint import ServerAnswer, read_reply
from distil.teacher import Store, StoredAnswer
from stages.teacher_cot import embedded
from stages.teacher_cot.embedded import endpoint_names
from stages.teacher_cot.results import recall
from tests.teacher_cot.support import ROOT, Workspace, at, completion, problems, settings


@contextlib.contextmanager
def embedded_server(workspace: Workspace, latency: float):
    """The embedded teacher in a process of its own, as `--serve` starts it."""
    options = ["--serve", "--latency", str(latency), "--log", "server.jsonl"]
    command = [sys.executable, "-m", "stages.teacher_cot", *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=workspace.folder, env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def peak_memory(process: subprocess.Popen) -> float:
    """Largest resident size in MB of the stage, sampled until it ends."""
    peak = 0.0
    while process.poll() is None:
        with contextlib.suppress(psutil.Error):
            peak = max(peak, psutil.Process(process.pid).memory_info().rss / 1e6)
        time.sleep(0.2)
    return peak


def open_requests(log: Path) -> list[int]:
    """How many requests a server has open as each one arrives, that one counted."""
    found, now = [], 0
    for line in log.read_text().splitlines():
        now += 1 if json.loads(line)["event"] == "received" else -1
        if json.loads(line)["event"] == "received":
            found.append(now)
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_rate_at_half_a_second_of_latency(tmp_path):
    """90 % of the ideal rate, as the processor time that it leaves for an answer: a busy machine slows the clock alone.

    The server never has more requests open than it may, and many at a time.
    """
    workspace, ideal = Workspace(tmp_path, problems(1000)), 64 / 0.5
    with embedded_server(workspace, 0.5) as url:
        workspace.params(**at(url, concurrency=64))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = workspace.run()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    counts = open_requests(tmp_path / "server.jsonl")
    used = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / len(counts)
    mean = sum(counts) / len(counts)
    print(f"{len(counts)} answers, {mean:.1f} requests open, {used * 1e3:.2f} ms of processor time for each")
    assert 16 <= max(counts) <= 64
    assert used < 1 / (0.9 * ideal)


def fill(store: Store, chosen, names, parameters) -> int:
    """Answer everything in the store as the embedded teacher would, without a server; returns the number of rows."""
    rows = 0
    lacking = [(problem, recall(problem, parameters, names, store, asked=False)[1]) for problem in chosen]
    while lacking:
        new = []
        for request in {request.key: request for _, wanted in lacking for request in wanted.requests}.values():
            spoken = embedded.answer(request.model, request.body["messages"], 0, parameters.embedded)
            payload = json.loads(completion(request.body, spoken.text, spoken.thinking))
            new.append(StoredAnswer.of(request, ServerAnswer(read_reply(payload), payload, 0.1), 0.0))
        store.put(new)
        rows += len(new)
        lacking = [(problem, recall(problem, parameters, names, store, asked=False)[1]) for problem, _ in lacking]
        lacking = [(problem, wanted) for problem, wanted in lacking if wanted]
    return rows


@pytest.mark.slow
def test_twenty_thousand_stored_rows_are_read_again_in_five_seconds(tmp_path):
    chosen, parameters = problems(3800), settings()
    workspace = Workspace(tmp_path, chosen)
    store = Store(tmp_path / "cache/teacher.sqlite")
    rows = fill(store, chosen, endpoint_names(parameters), parameters)
    store.close()
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = workspace.run()
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    # processor time, since other work on the machine is none of the stage's
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{rows} rows read again in {seconds:.2f} s of processor time ({wall:.2f} s), {after.ru_maxrss / 1e3:.0f} MB")
    assert done.returncode == 0 and "to ask" not in done.stderr
    assert rows >= 20_000
    assert seconds < 5


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_memory_stays_flat_as_problems_grow(tmp_path):
    peaks = {}
    for number in (1_000, 10_000):
        workspace = Workspace(tmp_path / str(number), problems(number), levels={"R6": 0.1})
        with workspace.start() as process:
            reader = threading.Thread(target=process.stderr.read)
            reader.start()
            peaks[number] = peak_memory(process)
            reader.join()
        assert process.returncode == 0
        assert workspace.metrics()["problems"] == number
    print(peaks)
    assert peaks[10_000] < 500
