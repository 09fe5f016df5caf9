"""Accuracies with intervals. Questions may be near-duplicates, and answers may come from several seeds."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.proportion import proportion_confint, proportions_ztest

from distil.statistics.seeds import Array, Interval, added_variance, influences, variances


class Proportion(NamedTuple):
    """The share of right answers with its interval; all None without questions."""

    value: float | None
    low: float | None
    high: float | None


def wilson(correct: float, n: float) -> Interval | None:
    """Wilson's score interval (Wilson 1927) for `correct` of `n`, which may be effective counts. None when n is 0."""
    if n <= 0:
        return None
    low, high = proportion_confint(correct, n, alpha=0.05, method="wilson")
    return Interval(max(0.0, float(low)), min(1.0, float(high)))


def effective_n(rows: Array, clusters: NDArray[np.int_], added: float = 0.0) -> float:
    """How many independent questions the answers are worth: p(1-p) over the variance of their mean (Kish 1965).

    `rows` holds each question's share of right answers over the seeds. `added` is the variance from the seeds. With one
    seed this is at most the number of questions, and equal to it without near-duplicates. With several seeds it can be
    more. Where the answers do not vary it is the number of clusters.
    """
    mean = float(rows.mean())
    influence = influences(rows[:, None], clusters)[:, 0]
    variance = float(influence @ influence) / len(influence) ** 2 + added
    if variance <= 0:
        return float(len(influence))
    worth = mean * (1 - mean) / variance
    binary = bool(np.isin(rows, (0.0, 1.0)).all())
    return min(worth, float(len(rows))) if binary else worth


def accuracy(correct: Array, clusters: NDArray[np.int_]) -> Proportion:
    """The mean accuracy of `correct` (questions, seeds), with an interval over other questions and other seeds.

    It is Wilson's interval at the effective number of questions (Franco, Little, Louis & Slud 2019). For one model
    without near-duplicates this is the plain Wilson interval. Differences between seeds make that number smaller.
    """
    if len(correct) == 0:
        return Proportion(None, None, None)
    rows = correct.mean(axis=1)
    found = variances(correct.mean(axis=0), influences(correct, clusters))
    added = added_variance(found, correct.shape[1]) if found else 0.0
    mean, n = float(rows.mean()), effective_n(rows, clusters, added)
    interval = wilson(mean * n, n)
    assert interval is not None
    return Proportion(mean, *interval)


def unpaired(correct: tuple[int, int], n: tuple[int, int]) -> tuple[float, float]:
    """z and p of two independent proportions, pooled. The study could compute no more without per-question answers."""
    z, p = proportions_ztest(correct, n)
    return float(z), float(p)


def kappa(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float | None:
    """Cohen's kappa of two judges' verdicts on the same rows.

    None without rows, or where each judge gives one verdict throughout.
    """
    table = np.array([[np.sum((first == a) & (second == b)) for b in (True, False)] for a in (True, False)])
    if table.sum() == 0 or np.count_nonzero(table.sum(axis=0)) + np.count_nonzero(table.sum(axis=1)) == 2:
        return None
    return float(cohens_kappa(table, return_results=False))
