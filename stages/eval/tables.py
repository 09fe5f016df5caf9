"""Accuracy of every model on every part: in all, and by section, year and form of the answer."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from distil.statistics.proportions import accuracy
from stages.eval.parts import Array, Part

GROUPINGS = ("section", "year", "form")
STUDENT = "student"
"""The name of the mean over seeds, beside the models' own names."""


def accuracy_table(parts: dict[str, Part], families_are: str) -> list[dict[str, Any]]:
    """One row per part, model and group of questions; `by` is `all`, or the column that makes the group
    (the kind of question among them, where kinds are known).

    `finished` is accuracy among the answers that ended by themselves, None where none did; `correct` is a mean count
    for the student.
    """
    groupings = GROUPINGS if families_are == "near-duplicates" else (*GROUPINGS, "family")
    return [row for part in parts.values() for row in part_table(part, groupings)]


def part_table(part: Part, groupings: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The rows of one part."""
    groups: list[tuple[str, str, Part]] = [("all", "all", part)] if len(part) else []
    for column in groupings:
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
        "std": float(correct.mean(axis=0).std(ddof=1)) if correct.shape[1] > 1 else None,
        "uncorrected": float(outcomes["uncorrected"].mean()),
        "within_rounding": float(outcomes["lenient"].mean()),
        "no_answer": float(outcomes["no_answer"].mean()),
        "truncated": float(outcomes["truncated"].mean()),
        "finished": float(correct[finished].mean()) if finished.any() else None,
    }


def several_samples(outcomes: pd.DataFrame, clusters: NDArray[np.int_]) -> list[dict[str, Any]]:
    """For questions answered n > 1 times: accuracy of one answer, pass@k and majority@n, each with its interval.

    One row per model, fold and role; empty where every question was answered once. `pass_at` has for k = 1, 2, 4, ...
    up to n the unbiased estimate that one of k answers is right, 1 - C(n - c, k) / C(n, k) with c of n right (Chen et
    al. 2021). Under majority the most frequent answer counts, of equally frequent ones the first sampled. `clusters`
    are those of the questions.
    """
    rows = []
    keys = ["model", "fold", "role"]
    counts = outcomes.groupby([*keys, "question"], observed=True)["sample"].transform("size")
    several = outcomes[counts > 1].sort_values([*keys, "question", "sample"])
    for (model, fold, role), group in several.groupby(keys, observed=True):
        questions = group.groupby("question")["correct"].agg(["size", "sum"])
        own = clusters[questions.index.to_numpy(int)]
        n = int(questions["size"].min())
        votes = group.groupby(["question", "said"], sort=False).agg(n=("correct", "size"), correct=("correct", "first"))
        votes = votes.reset_index().sort_values("n", ascending=False, kind="stable").drop_duplicates("question")
        majority = votes.sort_values("question")["correct"].to_numpy(float)
        shares = {str(k): pass_at(k, questions["size"], questions["sum"]) for k in _powers_of_two(n)}
        rows.append(
            {
                "model": model, "fold": fold or None, "role": role, "n": len(questions), "k": n,
                "pass_at": {k: accuracy(share[:, None], own)._asdict() for k, share in shares.items()},
                "majority": accuracy(majority[:, None], own)._asdict(),
            }
        )  # fmt: skip
    return rows


def pass_at(k: int, samples: pd.Series, right: pd.Series) -> Array:
    """For each question the unbiased chance that one of k answers, drawn from its `samples`, is among the `right`."""
    return 1 - comb(samples - right, k).to_numpy() / comb(samples, k).to_numpy()


def comb(n: pd.Series, k: int) -> pd.Series:
    """Binomial coefficients."""
    return n.map(lambda one: math.comb(int(one), k)).astype(float)


def _powers_of_two(most: int) -> list[int]:
    return sorted({most, *(2**power for power in range(most.bit_length()) if 2**power <= most)})
