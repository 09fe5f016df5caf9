"""Student against base on the same questions: the difference of their accuracies."""

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from distil.statistics.proportions import effective_n, wilson
from distil.statistics.resampling import resample
from distil.statistics.seeds import (
    ENOUGH,
    Array,
    Interval,
    StandardErrors,
    cluster_sums,
    effective_clusters,
    influences,
    seeds_part,
    standard_errors,
    variances,
)


class Difference(NamedTuple):
    """Student mean over seeds minus base, as a fraction.

    `both` is the interval over other questions and other seeds. `questions` is the interval over other questions for
    these very adapters. `method` says how both were made: `bca`, or `score` where too few questions tell base and
    student apart.
    """

    value: float | None
    both: Interval | None
    questions: Interval | None
    method: Literal["bca", "score"] | None
    errors: StandardErrors | None


def difference(
    base: Array, students: Array, clusters: NDArray[np.int_], resamples: int, rng: np.random.Generator
) -> Difference:
    """The paired difference of `students` (questions, seeds) and `base` (questions, 1 or seeds) with its intervals.

    Verdicts are 0 or 1. Where the base has seeds, too, its seeds and the students' are paired in order.

    Clusters are resampled and BCa gives the interval. It needs enough clusters of two kinds: those that tell base and
    student apart, and those that do not. Where the effective number of either is below ENOUGH, Newcombe's
    square-and-add of the two score intervals is used instead (1998, method 8), with the clusters' effective sizes and
    correlation. The seeds' t margin is added to either interval.
    """
    if len(base) == 0:
        return Difference(None, None, None, None, None)
    gaps = students - base
    apart = np.abs(gaps.mean(axis=1))
    if min(effective_clusters(apart, clusters), effective_clusters(1 - apart, clusters)) >= ENOUGH:
        sums = cluster_sums(np.column_stack([np.ones(len(base)), gaps]), clusters)
        found = resample(sums, lambda totals: totals[..., 1:] / totals[..., :1], resamples, rng, most=1)
        return Difference(found.estimate, found.both, found.questions, "bca", found.errors)
    value = float(gaps.mean())
    questions = _score(base.mean(axis=1), students.mean(axis=1), clusters)
    per_seed, influence = gaps.mean(axis=0), influences(gaps, clusters)
    seeds = seeds_part(variances(per_seed, influence), len(per_seed))
    low = max(-1.0, value - seeds.joined(value - questions.low))
    high = min(1.0, value + seeds.joined(questions.high - value))
    return Difference(value, Interval(low, high), questions, "score", standard_errors(per_seed, influence))


def points(fraction: float | None) -> float | None:
    """A fraction as percentage points."""
    return None if fraction is None else 100 * fraction


def _score(base: Array, student: Array, clusters: NDArray[np.int_]) -> Interval:
    """Newcombe's interval. Where base and student agree on every question, Wilson's upper bound of a share of 0."""
    if not np.any(student - base):
        none_of_them = wilson(0, len(np.unique(clusters)))
        assert none_of_them is not None
        return Interval(-none_of_them.high, none_of_them.high)
    (before, before_low, before_high), (after, after_low, after_high) = (
        _with_interval(rows, clusters) for rows in (base, student)
    )
    both = influences(np.column_stack([base, student]), clusters)
    products = both.T @ both
    size = math.sqrt(products[0, 0] * products[1, 1])
    correlation = products[0, 1] / size if size > 0 else 0.0

    def spread(one: float, other: float) -> float:
        return math.sqrt(max(0.0, one**2 + other**2 - 2 * correlation * one * other))

    value = after - before
    return Interval(
        value - spread(after - after_low, before_high - before), value + spread(after_high - after, before - before_low)
    )


def _with_interval(rows: Array, clusters: NDArray[np.int_]) -> tuple[float, float, float]:
    mean, n = float(rows.mean()), effective_n(rows, clusters)
    interval = wilson(mean * n, n)
    assert interval is not None
    return mean, interval.low, interval.high
