"""Verdicts on one pair or many: cheap rules in this process, algebra in workers that are killed when they hang."""

import atexit
import multiprocessing
import os
import signal
import sys
import threading
import weakref
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, TimeoutError, wait
from concurrent.futures.process import BrokenProcessPool

from pebble import ProcessExpired, ProcessPool
from tqdm import tqdm

from distil.pipeline.records import Verdict, VerdictName
from distil.verifier.decision import Decision, decide
from distil.verifier.extraction import Extraction, extract
from distil.verifier.scalars import NeedsAlgebra, Outcome
from distil.verifier.worker import decide_with_algebra, start

WORKERS = 2
"""Processes for answers that need algebra. Few answers do, and stages that run at the same time need other cores."""
SECONDS = 2.0
"""Seconds of processor time for one pair; beyond, it is UNVERIFIABLE. One value, so that all stages judge alike."""
PATIENCE = 60
"""Seconds on the wall, per second of processor time allowed, after which a worker counts as stuck."""
NAMES: dict[bool | None, VerdictName] = {True: "CORRECT", False: "WRONG", None: "UNVERIFIABLE"}


class Verifier:
    """Verdicts, cached on (key, answer), with up to `workers` processes and `timeout` seconds of their time a pair.

    The processes start with the first pair that needs algebra, and end with the `with` block (or `close`). Safe to
    use from several threads; no signal handler of the caller is touched. A script needs the guard
    `if __name__ == "__main__":` around what it does, as with any pool of processes: workers load the script, too.
    Sent to another process it begins there anew, and its processes there end with it.
    """

    def __init__(self, workers: int = WORKERS, timeout: float = SECONDS):
        """Raises ValueError without a worker."""
        if workers < 1:
            raise ValueError(f"{workers} workers: a verifier needs one or more")
        self.workers, self.timeout = workers, timeout
        self._cache: dict[tuple[str, str], Decision] = {}
        self._pool: ProcessPool | None = None
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type["Verifier"], tuple[int, float]]:
        return Verifier, (self.workers, self.timeout)

    def __enter__(self) -> "Verifier":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker processes; the verifier stays usable and would start new ones."""
        if (pool := self._pool) is not None:
            self._end(pool)

    def verify(self, gold: str, response: str) -> Verdict:
        """Whether `response` (a whole response or a bare answer) ends in an answer equivalent to `gold`."""
        return self.verify_many([(gold, response)])[0]

    def verify_many(self, pairs: Iterable[tuple[str, str]]) -> list[Verdict]:
        """One verdict per (gold, response), in order."""
        found = [(_printable(gold).strip(), extract(_printable(response))) for gold, response in pairs]
        waiting: dict[tuple[str, str], Task] = {}
        for gold, extraction in tqdm(found, desc="answers", delay=2, leave=False, disable=None):
            if extraction.answer is not None and (pair := (gold, extraction.answer)) not in self._cache:
                try:
                    self._cache[pair] = decide(*pair)
                except NeedsAlgebra:
                    if pair not in waiting:
                        waiting[pair] = self._schedule(pair)
        # workers that die before they begin break the pool for all that wait: those have one more try, in a new pool
        for pair in self._await(dict.fromkeys(self._await(waiting))):
            self._cache[pair] = _undecided("worker_died")
        return [self._verdict(gold, extraction) for gold, extraction in found]

    def _await(self, waiting: "Mapping[tuple[str, str], Task | None]") -> list[tuple[str, str]]:
        """Keep the verdicts on pairs, and schedule those that are not scheduled; returns the pairs that a broken pool
        lost.
        """
        lost = []
        tasks = {pair: task or self._schedule(pair) for pair, task in waiting.items()}
        for pair, (pool, future) in tqdm(tasks.items(), desc="algebra", delay=2, leave=False, disable=None):
            try:
                self._cache[pair] = _result(pool, future)
            except BrokenProcessPool:
                lost.append(pair)
                self._end(pool)
        return lost

    def _schedule(self, pair: tuple[str, str]) -> "Task":
        with self._lock:
            if self._pool is None:
                self._pool = ProcessPool(max_workers=self.workers, initializer=start, context=_context())
                weakref.finalize(self, _stop, self._pool).atexit = False
            pool = self._pool
            if not pool.active:  # broken: the one who waits for it is told
                return pool, Future()
            return pool, pool.schedule(decide_with_algebra, args=(*pair, self.timeout), timeout=PATIENCE * self.timeout)

    def _end(self, pool: ProcessPool) -> None:
        """End a pool's processes if they still run; the next pair starts new ones."""
        with self._lock:
            ours = self._pool is pool
            if ours:
                self._pool = None
        if ours:
            _stop(pool)

    def _verdict(self, gold: str, extraction: Extraction) -> Verdict:
        if extraction.answer is None:
            return Verdict(
                verdict="NO_ANSWER", rule="no_answer", extracted=None, found_by=None, gold_form=None, answer_form=None,
                within_rounding=False, flags=extraction.flags,
            )  # fmt: skip
        decision = self._cache[gold, extraction.answer]
        return Verdict(
            verdict=NAMES[decision.outcome.equal], rule=decision.outcome.rule, extracted=extraction.answer[:2000],
            found_by=extraction.found_by, gold_form=decision.gold_form, answer_form=decision.answer_form,
            within_rounding=decision.within_rounding, flags=extraction.flags,
        )  # fmt: skip


def _stop(pool: ProcessPool) -> None:
    """End a pool's processes; a second call does nothing."""
    pool.stop()
    pool.join()


def _printable(text: str) -> str:
    """Lone surrogates cannot be written as UTF-8: they become question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _context() -> multiprocessing.context.BaseContext:
    """Workers forked from a clean process that has sympy loaded (replacing a killed one takes milliseconds); on macOS,
    where forking is not safe, each is started afresh."""
    if sys.platform == "darwin":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["distil.verifier.algebra", "distil.verifier.worker"])
    return context


Task = tuple[ProcessPool, "Future[Decision]"]
"""A pair's decision that is still to come, and the pool that works on it."""


def _result(pool: ProcessPool, future: "Future[Decision]") -> Decision:
    """The decision, or why there is none. Raises BrokenProcessPool when the pool was lost, not this pair's worker."""
    while not future.done():  # a pool that breaks forgets the tasks that it has not begun: their futures never end
        if not pool.active:
            raise BrokenProcessPool
        wait([future], 0.5)
    try:
        return future.result()
    except TimeoutError:
        reason = "timeout"
    except ProcessExpired as error:
        reason = "timeout" if error.exitcode == -signal.SIGPROF else "worker_died"
    return _undecided(reason)


def _undecided(reason: str) -> Decision:
    return Decision(Outcome(None, reason), False, None, None)


_default: dict[int, Verifier] = {}
_default_lock = threading.Lock()


def verify(gold: str, response: str) -> Verdict:
    """The verdict on one pair: whether `response` ends in an answer equivalent to `gold`.

    Keeps one worker process for the life of this one, started when algebra is needed; `Verifier` is faster for many.
    A script needs the guard `if __name__ == "__main__":`; without it, what needs algebra is UNVERIFIABLE.
    """
    with _default_lock:
        if os.getpid() not in _default:
            _default[os.getpid()] = Verifier(workers=1)
            atexit.register(_default[os.getpid()].close)
    return _default[os.getpid()].verify(gold, response)
