"""Measure the help of a free Dask worker for a stage that scores 100,000 answers and resamples 100,000 questions."""

import hashlib
import io
import os
import time
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
import pandas as pd
from distributed import get_worker

from distil.contest import FAMILIES, draw
from distil.pipeline.files import write_jsonl
from distil.pipeline.records import Answer
from distil.pipeline.share import ADDRESS, AT_ONCE, each
from distil.statistics.outcomes import score
from distil.statistics.resampling import resampled_totals
from distil.verifier import Verifier
from tools.bench.runs import worker
from tools.repro.cluster import local

COUNT = 100_000


def write_answers(folder: Path, count: int = COUNT) -> None:
    """Write answers to the sample contest's questions, four in ten of them right, and a table of the keys."""
    rng, families = Random(1), list(FAMILIES)
    keys = [str(draw(rng, families[number % len(families)]).answer) for number in range(count)]
    texts = (f"So the sum is done.\nAnswer: {key if rng.random() < 0.4 else rng.randrange(500)}" for key in keys)
    rows = (
        Answer(problem_id=str(number), benchmark="contest", model="base", fold=None, role="unseen", sample=0,
               text=text, prompt_tokens=1, completion_tokens=1, finish_reason="stop")
        for number, text in enumerate(texts)
    )  # fmt: skip
    write_jsonl(folder / "answers.jsonl", rows)
    ids = [str(number) for number in range(count)]
    pd.DataFrame({"id": ids, "answer": keys, "uncorrected": None}).to_pickle(folder / "keys.pickle")


class SharedRun(NamedTuple):
    """Seconds of a run by the clock, and of the processor of the busier of its processes; a digest of its results."""

    score_seconds: float
    resample_seconds: float
    busier_seconds: float
    processes: int
    digest: str

    @property
    def rate(self) -> float:
        """Questions per second."""
        return COUNT / (self.score_seconds + self.resample_seconds)


def timed(folder: str) -> SharedRun:
    """Score the answers and resample as many questions, as `eval` does.

    The clock starts when the cluster is connected and its free worker has loaded the library, some two seconds' work.
    """
    path, keys, out = Path(folder, "answers.jsonl"), pd.read_pickle(Path(folder, "keys.pickle")), io.StringIO()
    sums = np.hstack([np.ones((len(keys), 1)), np.random.default_rng(0).integers(-1, 2, (len(keys), 5))])
    before, began = processes(), time.perf_counter()
    with Verifier() as verifier:
        score(path, keys, verifier, out)
    scored = time.perf_counter()
    totals = resampled_totals(sums, 10_000, np.random.default_rng(1))
    ended, after = time.perf_counter(), processes()
    return SharedRun(
        score_seconds=scored - began,
        resample_seconds=ended - scored,
        busier_seconds=max(after[number] - before[number] for number in before),
        processes=len(before),
        digest=hashlib.sha256(out.getvalue().encode() + totals.tobytes()).hexdigest(),
    )


def processes() -> dict[int, float]:
    """Processor seconds so far of this process and, where Dask runs it, of the free worker, once that is ready."""
    while len(found := dict(each(_processor, range(AT_ONCE)))) == 1 and ADDRESS in os.environ:
        pass
    return found


def _processor(_: int) -> tuple[int, float]:
    time.sleep(0.01)
    return os.getpid(), time.process_time()


def alone(folder: Path) -> SharedRun:
    """The timed run in a process of its own."""
    return SharedRun(**worker("share", folder))


def beside(folder: Path) -> SharedRun:
    """The same as a stage that one of two workers runs; the other one is free."""
    with local(2) as client:
        return client.submit(_as_stage, str(folder), pure=False).result()


def _as_stage(folder: str) -> SharedRun:
    os.environ[ADDRESS] = get_worker().scheduler.address
    return alone(Path(folder))
