"""A fixed part of a benchmark, for models that would take too long to answer the whole: `answers.limit`.

The questions of each stratum (a section of a year) are ordered by a hash of their ids, and the subset takes the same
share of each. No seed is involved and a smaller subset is part of a larger one, so every model, every run and every
machine asks the same questions.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable

from pydantic import NonNegativeInt, PositiveInt

from distil.pipeline.command import Params
from distil.pipeline.records import Problem, Split
from distil.pipeline.results import Asked, AskedQuestions

HOW = "the same share of every section and year, in the order of the sha256 of the questions' ids"


class Limit(Params):
    """How many questions are asked at most; None asks all.

    `unseen` counts contest questions that the main folds hold out, `seen` those that a main fold's adapter answers
    although it may have trained on them, `transfer` the second benchmark's.
    """

    unseen: PositiveInt | None
    seen: NonNegativeInt | None
    transfer: PositiveInt | None


class Subset(Params):
    """The ids of the questions that are asked, by set, and how many each set has in all."""

    unseen: frozenset[str]
    seen: frozenset[str]
    transfer: frozenset[str]
    of: dict[str, int]

    def asks(self, benchmark: str, problem: str, fold: str | None, role: str, main: Collection[str]) -> bool:
        """Whether the adapter of `fold` is asked a problem that has this `role` for it.

        The base model and the study's protocol are asked whatever any main fold is asked, so that all are compared on
        the same questions.
        """
        if benchmark == "transfer":
            return problem in self.transfer
        if fold is None or (fold == "paper" and fold not in main):
            return problem in self.unseen or problem in self.seen
        return problem in (self.unseen if role == "unseen" else self.seen)

    def summary(self) -> AskedQuestions:
        """How many questions of how many were asked, and how they were drawn."""
        sets = {name: Asked(n=len(getattr(self, name)), of=size) for name, size in self.of.items()}
        return AskedQuestions(**sets, drawn=HOW if any(found.n < found.of for found in sets.values()) else "all")


def subset(contest: Iterable[Problem], transfer: Iterable[Problem], split: Split, limit: Limit) -> Subset:
    """Draw the questions that `limit` leaves."""
    contest, transfer = list(contest), list(transfer)
    folds = [split.folds[name] for name in split.main]
    unseen = {name for fold in folds for name in fold.unseen}
    seen = {name for fold in folds for name in {*fold.answers} - {*fold.unseen}}
    sets = {
        "unseen": [problem for problem in contest if problem.id in unseen],
        "seen": [problem for problem in contest if problem.id in seen],
        "transfer": transfer,
    }
    chosen = {name: frozenset(stratified(found, getattr(limit, name))) for name, found in sets.items()}
    return Subset(**chosen, of={name: len(found) for name, found in sets.items()})


def stratified(problems: Iterable[Problem], limit: int | None) -> list[str]:
    """The ids of `limit` problems, the same share of every section and year as near as whole questions allow."""
    strata = defaultdict(list)
    for problem in problems:
        strata[problem.section, problem.year].append((hashlib.sha256(problem.id.encode()).hexdigest(), problem.id))
    places = [
        ((place + 0.5) / len(names), *hashed) for names in strata.values() for place, hashed in enumerate(sorted(names))
    ]
    return [name for _, _, name in sorted(places)[:limit]]
