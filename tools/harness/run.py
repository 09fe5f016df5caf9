"""A finished run, model by model: its answers to the questions that a harness asks, with eval's verdicts."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from distil.pipeline.command import load_params
from distil.pipeline.files import InputError, read_jsonl
from distil.pipeline.records import Scored
from tools.harness.questions import FILES, Benchmark, HarnessAnswers, HarnessQuestion, questions

SCORED = Path("data/eval/scored.jsonl")


@dataclass(frozen=True)
class Answered:
    """One model's answers to one benchmark: its samples by question, in the order of the questions' ids."""

    model: str
    benchmark: Benchmark
    rows: list[tuple[HarnessQuestion, list[Scored]]]


def correct(scored: Scored) -> bool:
    """Whether the verifier said so."""
    return scored.verdict.verdict == "CORRECT"


def finished_run() -> Iterator[Answered]:
    """Every model's answers by benchmark, of a student those of the adapter that had not seen the question.

    Base models that were asked in another way are left out, as a harness's log has one prompt for all. Raises
    InputError where no run has been scored.
    """
    if not SCORED.is_file():
        raise InputError(f"{SCORED} is not there: `make repro` (or `make pull`) gives a finished run.")
    asked = {benchmark: questions(benchmark) for benchmark in FILES}
    folds = {(str(benchmark), row.id): row.fold for benchmark, rows in asked.items() for row in rows}
    answers = defaultdict[tuple[str, str, str], list[Scored]](list)
    for scored in read_jsonl(SCORED, Scored):
        answer = scored.answer
        fold = folds.get((answer.benchmark, answer.problem_id))
        if fold is not None and answer.fold in (fold, None):
            answers[answer.model, answer.benchmark, answer.problem_id].append(scored)
    for model, how in load_params("answers", HarnessAnswers).models.items():
        for benchmark, rows in asked.items():
            found = [(row, samples) for row in rows if (samples := answers.get((model, benchmark, row.id)))]
            if found and how.prompt is None:
                yield Answered(model, benchmark, found)
