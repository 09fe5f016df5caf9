"""The pairs of questions that the sample contest repeats on purpose: true near-duplicates, to measure the rule by."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from itertools import combinations

from distil import contest
from distil.pipeline.metrics import PlantedPairs
from distil.pipeline.records import Problem

Pair = tuple[int, int]


def planted_pairs(problems: Sequence[Problem]) -> list[Pair]:
    """Pairs (i, j), i < j, of questions of one family with the same working, word for word or reworded.

    In the sample contest the same working comes twice only on purpose. Other exams have no such pairs.
    """
    workings = defaultdict(list)
    for place, problem in enumerate(problems):
        if question := contest.read(problem.question):
            workings[question.family, question.steps].append(place)
    return sorted(pair for group in workings.values() for pair in combinations(group, 2))


def kept(problems: Sequence[Problem], pair: Pair) -> bool:
    """Whether a pair is in the half that the rule was not tuned on. A hash of its ids decides that."""
    names = " ".join(sorted(problems[place].id for place in pair))
    return hashlib.sha256(names.encode()).digest()[0] % 2 == 1


def recalls(problems: Sequence[Problem], found: Collection[Pair]) -> PlantedPairs:
    """How many planted pairs are among those `found`, in all and in the half that the rule was not tuned on."""
    planted = planted_pairs(problems)
    half = [pair for pair in planted if kept(problems, pair)]
    known = set(found)

    def recall(pairs: Sequence[Pair]) -> float | None:
        return sum(pair in known for pair in pairs) / len(pairs) if pairs else None

    return PlantedPairs(
        planted_pairs=len(planted),
        planted_pairs_kept=len(half),
        planted_pairs_found=len(known & set(planted)),
        planted_recall=recall(planted),
        planted_recall_kept=recall(half),
    )
