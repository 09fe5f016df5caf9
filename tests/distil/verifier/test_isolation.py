r"""Hostile answers end in a verdict, and cost neither the caller's signals, its threads nor any other row."""

import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from distil.verifier import Verifier, algebra, verifier, verify
from distil.verifier.decision import Decision
from distil.verifier.worker import MEMORY, decide_with_algebra, start

DECIDED_HERE = [
    r"10^{10^{10}}", "9^9^9^9", "1000000!", r"2^{2^{2^{2^{2^{2}}}}}", r"\binom{10^9}{5 \cdot 10^8}", "1/0", "0^0",
    "1e999999", "(" * 5000, "[" * 1900, "{" * 950 + "}" * 950, r"\sqrt" * 600 + "2", r"\frac{1}" * 300,
    "-" * 1500 + "1", "9" * 1999, r"\{" + ",".join(map(str, range(3000))) + r"\}",
    r"\{" + ",".join(map(str, range(450))) + r"\}", "a\x00b", "\x00", "\ud800", "1\udfff", "x" * 10**6,
    "1+" * 400_000 + "1", r"\boxed{" * 50_000, "Answer: " * 100_000, "±" * 500 + "1", "x=" * 500 + "5",
    ",".join(["x"] * 900), "‮31", "31" + "​" * 900, r"\text{" * 300, "0." + "3" * 1900, "𝟛𝟙" * 90,
]  # fmt: skip
"""Texts that string rules and exact numbers decide without a worker."""
LEFT_TO_WORKERS = [
    r"\int e^{x^2} \sin(x^3) \log(x) dx", r"\prod_{k=1}^{10^9} k", r"\sum_{i=1}^{10^{8}} \sqrt{i}",
    r"e^{e^{e^{e^{e}}}}", r"\lim_{n\to\infty}(1+1/n)^n",
]  # fmt: skip


@pytest.mark.parametrize("gold", ["31", r"\{1, 2\}", "x+1", r"\sqrt{2}"])
def test_hostile_answers_are_decided_at_once(gold):
    with Verifier(timeout=1) as one:
        for text in DECIDED_HERE:
            begun = time.process_time()
            found = one.verify(gold, text)
            assert time.process_time() - begun < 5, text[:40]
            assert found.verdict != "CORRECT" or (gold == "31" and "31" in text), text[:40]


def test_what_hangs_is_killed_after_its_processor_time_and_costs_no_other_row():
    hostile = [*DECIDED_HERE[:6], *LEFT_TO_WORKERS]
    pairs = [pair for text in hostile for pair in ((r"\sqrt{2}", text), ("1+2√2", "2√2+1"), ("31", "Answer: 31"))]
    before = _workers_seconds()
    with Verifier(timeout=1) as one:
        found = one.verify_many(pairs)
        assert one.verify("3+√5", "√5+3").verdict == "CORRECT"
    if sys.platform == "linux":  # elsewhere no server of forks counts for its workers
        # one second each, and what it costs to start a worker in the place of each that was killed
        assert 1 <= _workers_seconds() - before < 10 * len(LEFT_TO_WORKERS)
    for place, (_, text) in enumerate(pairs):
        if place % 3:
            assert found[place].verdict == "CORRECT"
        else:
            assert found[place].verdict in ("WRONG", "UNVERIFIABLE"), text
    assert "timeout" in {one.rule for one in found}


@pytest.mark.slow
def test_a_batch_of_two_hundred_hostile_answers_finishes():
    texts = [*DECIDED_HERE, *LEFT_TO_WORKERS]
    pairs = [(str(n), texts[n % len(texts)]) for n in range(200)]
    mixed = [pair for one in pairs for pair in (one, ("31", "31"))]
    with Verifier() as one:
        found = one.verify_many(mixed)
    assert len(found) == 400 and {row.verdict for row in found[1::2]} == {"CORRECT"}


def test_it_works_in_threads_and_leaves_the_callers_alarm_alone():
    rang = threading.Event()
    before = signal.signal(signal.SIGALRM, lambda *_: rang.set())
    try:
        signal.setitimer(signal.ITIMER_REAL, 1.5)
        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(lambda n: verify(f"{n}+√2", f"√2+{n}").verdict, range(2, 10)))
        while not rang.is_set():  # for as long as a test may take
            time.sleep(0.05)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        handler = signal.signal(signal.SIGALRM, before)
    assert found == ["CORRECT"] * 8 and callable(handler)


def _workers_seconds() -> float:
    """The processor time of the workers that the server of forks has started and that have ended."""
    times = [process.cpu_times() for process in psutil.Process().children()]
    return sum(one.children_user + one.children_system for one in times)


def _greedy(gold: str, answer: str, seconds: float) -> Decision:
    """What a worker does, with an algebra that wants more than a gigabyte for answers with a 7."""
    with pytest.MonkeyPatch.context() as patch:
        if "7" in answer:
            patch.setattr(algebra, "equal", lambda *_: len(bytearray(MEMORY)) > 0)
        return decide_with_algebra(gold, answer, seconds)


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS takes the bound on memory and does not enforce it")
def test_a_worker_that_wants_more_than_a_gigabyte_costs_its_own_row_only(monkeypatch):
    monkeypatch.setattr(verifier, "decide_with_algebra", _greedy)
    with Verifier(workers=1) as one:
        found = one.verify_many([(f"{n}+2√2", f"2√2+{n}") for n in (5, 7, 6, 17, 8)])
    rules = [(row.verdict, row.rule) for row in found]
    assert [verdict for verdict, _ in rules] == ["CORRECT", "UNVERIFIABLE", "CORRECT", "UNVERIFIABLE", "CORRECT"]
    assert rules[1][1] == rules[3][1] == "algebra_failed: MemoryError"


def _mapped() -> int:
    """Bytes of this process's address space."""
    return psutil.Process().memory_info().vms


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS takes the bound on memory and does not enforce it")
def test_a_worker_may_have_a_gigabyte_on_top_of_what_it_starts_with():
    context = multiprocessing.get_context("forkserver")
    with context.Pool(1, initializer=start) as pool:
        limit, _ = pool.apply(resource.getrlimit, (resource.RLIMIT_AS,))
        assert 0 < limit - MEMORY <= pool.apply(_mapped)


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS takes the bound on memory and does not enforce it")
def test_a_script_that_maps_gigabytes_as_mlx_does_gets_its_verdicts(tmp_path):
    script = tmp_path / "mine.py"
    script.write_text(
        "import mmap\n"
        "from distil.verifier import verify\n"
        "held = mmap.mmap(-1, 2 * 1024**3, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n"
        "if __name__ == '__main__':\n"
        "    print(verify('1+2√2', '2√2+1').verdict)\n"
    )
    root = Path(__file__).parents[3]
    ran = subprocess.run(
        [sys.executable, script], env=os.environ | {"PYTHONPATH": str(root)}, capture_output=True, text=True
    )
    assert ran.stdout == "CORRECT\n", ran.stderr


def test_workers_started_afresh_as_on_macos_work_too(monkeypatch):
    monkeypatch.setattr(verifier, "_context", lambda: multiprocessing.get_context("spawn"))
    with Verifier(workers=1, timeout=5) as one:
        assert one.verify("1+2√2", "2√2+1").verdict == "CORRECT"


def test_a_verifier_ends_its_processes_and_can_be_used_again():
    one = Verifier(workers=1)
    assert one.verify("1+2√2", "2√2+1").verdict == "CORRECT"
    one.close()
    assert one.verify("1+2√3", "2√3+1").verdict == "CORRECT"
    one.close()


def test_a_verifier_needs_a_worker():
    with pytest.raises(ValueError, match="0 workers"):
        Verifier(workers=0)


@pytest.mark.parametrize(
    ("guard", "rules"), [("", ["worker_died", "worker_died", "integer"]), ("if __name__ == '__main__': ", None)]
)
def test_a_script_without_the_guard_loses_what_needs_algebra_and_nothing_else(tmp_path, guard, rules):
    script = tmp_path / "script.py"
    script.write_text(
        "from distil.verifier import Verifier\n"
        "pairs = [('1+2√2', '2√2+1'), ('1+2√3', '2√3+1'), ('31', '31')]\n"
        f"{guard}print(*(one.rule for one in Verifier().verify_many(pairs)))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, env=environment)
    assert ran.returncode == 0, ran.stderr
    found = ran.stdout.split()
    assert found == rules if rules else "worker_died" not in found and len(found) == 3


def test_verify_works_in_a_script_that_ends_at_once():
    code = "from distil.verifier import verify\nprint(verify('1+2√2', '2√2+1').verdict)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout.strip()) == (0, "CORRECT"), ran.stderr
