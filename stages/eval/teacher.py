"""The teacher's accuracy on the contest."""

from pathlib import Path

import pandas as pd

from distil.pipeline.files import read_jsonl
from distil.pipeline.records import VerifiedChain
from distil.pipeline.results import Accuracy
from distil.statistics.proportions import accuracy

VERIFIED = Path("data/verified")


def teacher_accuracy(questions: pd.DataFrame) -> Accuracy:
    """Of these questions with an R1 chain, the share with an accepted one; `n` counts those with a chain."""
    accepted, rejected = (
        {
            row.chain.problem_id
            for row in read_jsonl(VERIFIED / f"{name}.jsonl", VerifiedChain)
            if row.chain.level == "R1"
        }
        for name in ("accepted", "rejected")
    )
    answered = questions[questions["id"].isin(accepted | rejected)]
    right = answered["id"].isin(accepted).to_numpy().astype(float)
    value, low, high = accuracy(right[:, None], answered["cluster"].to_numpy())
    return Accuracy(n=len(answered), accuracy=value, low=low, high=high)
