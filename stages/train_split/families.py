"""Kinds of questions. A result for *other kinds* of questions needs them as its units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from distil import contest
from distil.pipeline.records import FamiliesAre, Problem


@dataclass(frozen=True)
class Families:
    """The kind of every problem by id, all kinds in order, and what they are."""

    of: Mapping[str, str]
    kind: FamiliesAre

    @property
    def names(self) -> list[str]:
        """Every kind, sorted."""
        return sorted(set(self.of.values()))

    @property
    def numbers(self) -> dict[str, int]:
        """The place of each problem's kind in `names`."""
        place = {name: number for number, name in enumerate(self.names)}
        return {problem: place[name] for problem, name in self.of.items()}


def families(contest_problems: Sequence[Problem], transfer: Sequence[Problem], clusters: Mapping[str, int]) -> Families:
    """The kind of each problem: its topic, else its family in the sample contest, else its cluster of near-duplicates.

    The contest's problems decide which of these are known, and those of `transfer` have the same: the second benchmark
    may be of the sample contest where the exams are not. A few questions of other exams may read like the sample's, so
    that most must. Where nobody knows the kinds, each cluster is a kind of its
    own, so that questions are resampled.
    """
    sampled = sum(contest.read(problem.question) is not None for problem in contest_problems)
    in_sample = sampled > len(contest_problems) / 2
    by_topic = in_sample or any(problem.topic for problem in contest_problems)
    of = {}
    for problem in (*contest_problems, *transfer):
        question = contest.read(problem.question) if in_sample else None
        known = (problem.topic if by_topic else None) or (question.family if question else None)
        of[problem.id] = known or f"cluster {clusters[problem.id]}"
    return Families(of, "families" if in_sample else "topics" if by_topic else "near-duplicates")
