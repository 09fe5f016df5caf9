"""A part of a benchmark: the same questions, answered by several groups of models."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from distil.pipeline.names import BASE
from distil.statistics.seeds import Array

MEASURES = ("correct", "uncorrected", "lenient", "no_answer", "truncated", "words")
"""Columns of the outcomes (distil.statistics.outcomes) that a part keeps. All are 0 or 1, except the count of words."""
STUDENT = "student"
"""The name of the seeds' group. The base model's group is named BASE."""


@dataclass(frozen=True)
class Group:
    """Models that answered the same questions: `outcomes` has an array (questions, models) for each of MEASURES."""

    models: tuple[str, ...]
    outcomes: Mapping[str, Array]

    @property
    def correct(self) -> Array:
        """1 where an answer is right, else 0: (questions, models)."""
        return self.outcomes["correct"]

    def where(self, mask: NDArray[np.bool_]) -> "Group":
        """The questions that `mask` is true for."""
        return Group(self.models, {measure: values[mask] for measure, values in self.outcomes.items()})

    def only(self, place: int) -> "Group":
        """One of the models by itself."""
        here = slice(place, place + 1)
        return Group(self.models[here], {measure: values[:, here] for measure, values in self.outcomes.items()})


NOTHING = Group((), {measure: np.empty((0, 1)) for measure in MEASURES})
"""A group that was asked nothing."""


@dataclass(frozen=True)
class Part:
    """Questions (rows of `questions_table`), and by name the groups of models that answered all of them."""

    name: str
    questions: pd.DataFrame
    groups: Mapping[str, Group]

    def __len__(self) -> int:
        return len(self.questions)

    @property
    def base(self) -> Array:
        """The base model's verdicts: (questions, 1)."""
        return self.groups[BASE].correct

    @property
    def students(self) -> Array:
        """The seeds' verdicts: (questions, seeds)."""
        return self.groups[STUDENT].correct

    @property
    def clusters(self) -> NDArray[np.int_]:
        """The number of each question's cluster of near-duplicates."""
        return self.questions["cluster"].to_numpy()

    @property
    def families(self) -> NDArray[np.int_]:
        """A number for the kind of each question."""
        return np.asarray(pd.factorize(self.questions["family"], sort=True)[0])

    def where(self, mask: NDArray[np.bool_]) -> "Part":
        """The questions that `mask` is true for."""
        return Part(self.name, self.questions[mask], {name: group.where(mask) for name, group in self.groups.items()})
