"""The teacher's accuracy on the contest."""

from pathlib import Path
from typing import Any

import pandas as pd

from stages.common.files import read_jsonl
from stages.common.records import VerifiedChain
from stages.common.statistics.proportions import accuracy

VERIFIED = Path("data/verified")


def teacher_accuracy(questions: pd.DataFrame) -> dict[str, Any]:
    """The share of contest questions whose R1 chain was accepted: a question without a chain counts as not solved."""
    solved = {
        row.chain.problem_id
        for row in read_jsonl(VERIFIED / "accepted.jsonl", VerifiedChain)
        if row.chain.level == "R1"
    }
    right = questions["id"].isin(solved).to_numpy().astype(float)
    value, low, high = accuracy(right[:, None], questions["cluster"].to_numpy())
    return {"n": len(right), "accuracy": value, "low": low, "high": high}
