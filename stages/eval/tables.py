"""Accuracy of every model on every part: in all, and by section, year and form of the answer."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from distil.pipeline.names import BASE
from distil.pipeline.records import FamiliesAre
from distil.pipeline.results import AccuracyRow, SeveralSamples, Share
from distil.statistics.parts import STUDENT, Group, Part
from distil.statistics.proportions import accuracy
from distil.statistics.seeds import Array

GROUPINGS = ("section", "year", "form")


def accuracy_table(parts: dict[str, Part], families_are: FamiliesAre) -> list[AccuracyRow]:
    """One row per part, model and group of questions. `by` is `all`, or the column that makes the group.

    Where the kinds of questions are known, they are one of these columns. `finished` is the accuracy of the answers
    that ended by themselves, None where none did. `correct` is a mean count for the student.
    """
    groupings = GROUPINGS if families_are == "near-duplicates" else (*GROUPINGS, "family")
    return [row for part in parts.values() for row in part_table(part, groupings)]


def part_table(part: Part, groupings: Sequence[str]) -> Iterator[AccuracyRow]:
    """The rows of one part."""
    groups: list[tuple[str, str, Part]] = [("all", "all", part)] if len(part) else []
    for column in groupings:
        labels = part.questions[column].to_numpy()
        groups += [(column, str(label), part.where(labels == label)) for label in sorted(set(labels))]
    for by, group, questions in groups:
        base, student = questions.groups[BASE], questions.groups[STUDENT]
        seeds = {model: student.only(place) for place, model in enumerate(student.models)}
        for model, answers in {BASE: base, STUDENT: student, **seeds}.items():
            yield row(part.name, by, group, model, answers, questions.clusters)


def row(part: str, by: str, group: str, model: str, answers: Group, clusters: NDArray[np.int_]) -> AccuracyRow:
    """Accuracy with its interval, and the other rates, of one model (or of all seeds) on one group."""
    correct, outcomes = answers.correct, answers.outcomes
    value, low, high = accuracy(correct, clusters)
    # an answer that the token cap cut off says little about what the model knows
    finished = outcomes["truncated"] == 0
    return AccuracyRow(
        part=part,
        by=by,
        group=group,
        model=model,
        n=len(correct),
        correct=float(correct.sum() / correct.shape[1]),
        accuracy=value,
        low=low,
        high=high,
        std=float(correct.mean(axis=0).std(ddof=1)) if correct.shape[1] > 1 else None,
        uncorrected=float(outcomes["uncorrected"].mean()),
        within_rounding=float(outcomes["lenient"].mean()),
        no_answer=float(outcomes["no_answer"].mean()),
        truncated=float(outcomes["truncated"].mean()),
        finished=float(correct[finished].mean()) if finished.any() else None,
    )


def several_samples(outcomes: pd.DataFrame, clusters: NDArray[np.int_]) -> list[SeveralSamples]:
    """For questions answered n > 1 times: accuracy of one answer, pass@k and majority@n, each with its interval.

    One row per model, fold and role; none where every question was answered once. `pass_at` has the unbiased estimate
    of the chance that one of k answers is right, for k = 1, 2, 4, ... up to n. It is 1 - C(n - c, k) / C(n, k) with c
    of n right (Chen et al. 2021). `majority` takes the most frequent answer, and of equally frequent ones the first
    sampled; a sample without an answer has no vote. `clusters` are those of the questions.
    """
    rows = []
    keys = ["model", "fold", "role"]
    counts = outcomes.groupby([*keys, "question"], observed=True)["sample"].transform("size")
    several = outcomes[counts > 1].sort_values([*keys, "question", "sample"])
    for (model, fold, role), group in several.groupby(keys, observed=True):
        questions = group.groupby("question")["correct"].agg(["size", "sum"])
        own = clusters[questions.index.to_numpy(int)]
        n = int(questions["size"].min())
        answers = group[~group["no_answer"].astype(bool)].groupby(["question", "said"], sort=False)
        votes = answers.agg(n=("correct", "size"), correct=("correct", "first"))
        # stable, so that of equally frequent answers the one sampled first stays in front
        votes = votes.reset_index().sort_values("n", ascending=False, kind="stable").drop_duplicates("question")
        majority = votes.set_index("question")["correct"].reindex(questions.index, fill_value=False).to_numpy(float)
        chances = {str(k): pass_at(k, questions["size"], questions["sum"]) for k in _powers_of_two(n)}
        rows.append(
            SeveralSamples(
                model=str(model), fold=str(fold) or None, role=str(role), n=len(questions), k=n,
                pass_at={k: share(right, own) for k, right in chances.items()}, majority=share(majority, own),
            )
        )  # fmt: skip
    return rows


def share(right: Array, clusters: NDArray[np.int_]) -> Share:
    """The mean of `right` (questions,) with its interval."""
    return Share.model_validate(accuracy(right[:, None], clusters)._asdict())


def pass_at(k: int, samples: pd.Series, right: pd.Series) -> Array:
    """For each question the unbiased chance that k answers, drawn from its `samples`, have one of the `right`."""
    return 1 - comb(samples - right, k).to_numpy() / comb(samples, k).to_numpy()


def comb(n: pd.Series, k: int) -> pd.Series:
    """Binomial coefficients."""
    return n.map(lambda one: math.comb(int(one), k)).astype(float)


def _powers_of_two(most: int) -> list[int]:
    return sorted({most, *(2**power for power in range(most.bit_length()) if 2**power <= most)})
