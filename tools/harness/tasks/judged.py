"""The two tasks for lm-evaluation-harness: what contest.yaml and transfer.yaml name. Run from the repository's root."""

from typing import Any

from datasets import Dataset

from distil.verifier import verify
from tools.harness.questions import questions


def contest(**_: Any) -> dict[str, Dataset]:
    """The contest's held-out questions."""
    return {"test": Dataset.from_list([row.model_dump(mode="json") for row in questions("contest")])}


def transfer(**_: Any) -> dict[str, Dataset]:
    """The transfer benchmark."""
    return {"test": Dataset.from_list([row.model_dump(mode="json") for row in questions("transfer")])}


def process_results(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
    """The verifier's word on the first response."""
    verdict = verify(doc["answer"], results[0]).verdict
    return {"accuracy": float(verdict == "CORRECT"), "no_answer": float(verdict == "NO_ANSWER")}
