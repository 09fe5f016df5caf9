"""Accuracy of every model on every part: in all, and by section, year and form of the answer."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from distil.statistics.proportions import accuracy
from stages.eval.parts import Array, Part

GROUPINGS = ("section", "year", "form")
STUDENT = "student"
"""The name of the mean over seeds, beside the models' own names."""


def accuracy_table(parts: dict[str, Part]) -> list[dict[str, Any]]:
    """One row per part, model and group of questions; `by` is `all`, or the column that makes the group.

    `finished` is accuracy among the answers that ended by themselves, None where none did; `correct` is a mean count
    for the student.
    """
    return [row for part in parts.values() for row in part_table(part)]


def part_table(part: Part) -> Iterator[dict[str, Any]]:
    """The rows of one part."""
    groups: list[tuple[str, str, Part]] = [("all", "all", part)] if len(part) else []
    for column in GROUPINGS:
        labels = part.questions[column].to_numpy()
        groups += [(column, str(label), part.where(labels == label)) for label in sorted(set(labels))]
    columns = {model: slice(place, place + 1) for place, model in enumerate(part.models)}
    columns = {part.models[0]: columns.pop(part.models[0]), STUDENT: slice(1, None), **columns}
    for by, group, questions in groups:
        for model, chosen in columns.items():
            outcomes = {measure: values[:, chosen] for measure, values in questions.outcomes.items()}
            yield {"part": part.name, "by": by, "group": group, "model": model, **row(outcomes, questions.clusters)}


def row(outcomes: dict[str, Array], clusters: Any) -> dict[str, Any]:
    """Accuracy with its interval, and the rates beside it, of one model (or of all seeds) on one group."""
    correct, finished = outcomes["correct"], outcomes["truncated"] == 0
    value, low, high = accuracy(correct, clusters)
    return {
        "n": len(correct),
        "correct": float(correct.sum() / correct.shape[1]),
        "accuracy": value,
        "low": low,
        "high": high,
        "uncorrected": float(outcomes["uncorrected"].mean()),
        "within_rounding": float(outcomes["lenient"].mean()),
        "no_answer": float(outcomes["no_answer"].mean()),
        "truncated": float(outcomes["truncated"].mean()),
        "finished": float(correct[finished].mean()) if finished.any() else None,
    }


def several_samples(outcomes: pd.DataFrame) -> list[dict[str, Any]]:
    """For answers sampled k > 1 times: pass@k (any of k right) and majority@k (the most frequent answer right).

    One row per model, fold and role; empty where every question was answered once. Of equally frequent answers the
    first sampled counts.
    """
    rows = []
    keys = ["model", "fold", "role"]
    counts = outcomes.groupby([*keys, "question"], observed=True)["sample"].transform("size")
    several = outcomes[counts > 1].sort_values([*keys, "question", "sample"])
    for (model, fold, role), group in several.groupby(keys, observed=True):
        questions = group.groupby("question")
        votes = group.groupby(["question", "said"], sort=False).agg(n=("correct", "size"), correct=("correct", "first"))
        votes = votes.reset_index().sort_values("n", ascending=False, kind="stable").drop_duplicates("question")
        rows.append(
            {
                "model": model, "fold": fold or None, "role": role, "n": questions.ngroups,
                "k": int(questions.size().max()), "mean": float(group["correct"].mean()),
                "pass_at_k": float(questions["correct"].any().mean()), "majority_at_k": float(votes["correct"].mean()),
            }
        )  # fmt: skip
    return rows
