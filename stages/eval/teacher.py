"""The teacher's accuracy on the contest and, where its solver was asked, on the transfer benchmark."""

from pathlib import Path
from typing import IO, NamedTuple

import pandas as pd

from distil.pipeline.files import read_jsonl
from distil.pipeline.records import VerifiedChain
from distil.pipeline.results import Accuracy
from distil.statistics.outcomes import score
from distil.statistics.proportions import accuracy
from distil.verifier import Verifier

VERIFIED = Path("data/verified")
BENCHMARK = Path("data/teacher_cot/benchmark.jsonl")


class Solved(NamedTuple):
    """The ids of the questions whose R1 chain was accepted, and of those whose R1 chain was rejected."""

    accepted: set[str]
    rejected: set[str]


def solved() -> Solved:
    """The verdicts on the R1 chains in data/verified."""
    return Solved(
        *(
            {
                row.chain.problem_id
                for row in read_jsonl(VERIFIED / f"{name}.jsonl", VerifiedChain)
                if row.chain.level == "R1"
            }
            for name in Solved._fields
        )
    )


def teacher_accuracy(questions: pd.DataFrame, found: Solved) -> Accuracy:
    """The share of accepted R1 chains among these questions. `n` is the number of questions that have one."""
    answered = questions[questions["id"].isin(found.accepted | found.rejected)]
    right = answered["id"].isin(found.accepted).to_numpy().astype(float)
    value, low, high = accuracy(right[:, None], answered["cluster"].to_numpy())
    return Accuracy(n=len(answered), accuracy=value, low=low, high=high)


def teacher_sections(questions: pd.DataFrame, found: Solved) -> dict[str, Accuracy]:
    """The same for each section."""
    return {str(section): teacher_accuracy(own, found) for section, own in questions.groupby("section")}


def teacher_on_benchmark(questions: pd.DataFrame, verifier: Verifier, file: IO[str]) -> Accuracy | None:
    """The solver's accuracy on those of the benchmark's questions that it answered; None where it answered none.

    The scored answers are written to `file`.
    """
    if not BENCHMARK.exists():
        return None
    outcomes = score(BENCHMARK, questions, verifier, file)
    clusters = questions["cluster"].to_numpy()[outcomes["question"].to_numpy(int)]
    value, low, high = accuracy(outcomes["correct"].to_numpy(float)[:, None], clusters)
    return Accuracy(n=len(outcomes), accuracy=value, low=low, high=high)
