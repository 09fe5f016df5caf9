"""Tests of paired verdicts: McNemar's, its generalisation to several seeds, Cochran's Q, and Holm's correction."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.multitest import multipletests

from distil.statistics.seeds import ENOUGH, Array, cluster_sums, effective_clusters

EXACT = 20_000
"""Up to this sum of absolute differences the sign-flip distribution is exact. Above it, a normal one is used."""


class McNemar(NamedTuple):
    """Questions that only the second model got right (`gained`), only the first (`lost`), and the exact p."""

    gained: int
    lost: int
    p: float


def mcnemar(first: Array, second: Array) -> McNemar:
    """McNemar's exact test of two models' verdicts (0 or 1) on the same questions.

    It is a binomial test on the questions that only one of the two got right. p is 1 where there is none.
    """
    gained, lost = int(np.sum(second > first)), int(np.sum(second < first))
    return McNemar(gained, lost, float(stats.binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0)


def median_seed(students: Array) -> int:
    """The column of `students` (questions, seeds) with the median accuracy; of an even number, the lower middle one."""
    order = np.argsort(students.sum(axis=0), kind="stable")
    return int(order[(len(order) - 1) // 2])


def sign_flips(base: Array, students: Array, clusters: NDArray[np.int_]) -> float | None:
    """p of all `students` (questions, seeds) against `base` (questions, 1 or seeds).

    If student and base were interchangeable, the difference of each cluster could have either sign. The test is exact.
    With one seed and no near-duplicates it is McNemar's exact test. Above EXACT the sum of flipped signs is taken as
    normal.

    None without questions. None, too, for several seeds where fewer than ENOUGH effective clusters tell the two apart:
    a mean over seeds varies less than one verdict, so its differences are skewed, and with few of them the test
    rejects too often.
    """
    if len(base) == 0:
        return None
    apart = np.abs((students - base).mean(axis=1))
    if students.shape[1] > 1 and 0 < effective_clusters(apart, clusters) < ENOUGH:
        return None
    gaps = cluster_sums((students - base).sum(axis=1)[:, None], clusters)[:, 0]
    sizes, counts = np.unique(np.abs(np.rint(gaps)).astype(int), return_counts=True)
    observed = abs(int(np.rint(gaps.sum())))
    reach = int(sizes @ counts)
    if reach == 0:
        return 1.0
    if reach > EXACT:
        return float(2 * stats.norm.sf(observed / np.sqrt((gaps**2).sum())))
    chances = np.ones(1)  # the distribution of the sum of those differences whose sign comes out positive
    for size, count in zip(sizes, counts, strict=True):
        if size:
            spread = np.zeros(size * count + 1)
            spread[::size] = stats.binom.pmf(np.arange(count + 1), count, 0.5)
            chances = np.convolve(chances, spread)
    sums = 2 * np.arange(len(chances)) - reach
    return float(min(1.0, chances[np.abs(sums) >= observed].sum()))


def cochrans_q(verdicts: Array, clusters: NDArray[np.int_]) -> tuple[float, float] | None:
    """Cochran's Q (1950) and its p: do the columns of `verdicts` (questions, levels) differ at all?

    None where no question tells them apart. The variance is that of shuffling the levels within each cluster, because
    near-duplicates are not independent. With one question a cluster this is Cochran's own statistic, the same as
    statsmodels.stats.contingency_tables.cochrans_q.
    """
    levels = verdicts.shape[1]
    sums = cluster_sums(verdicts - verdicts.mean(axis=1, keepdims=True), clusters)
    variance = float((sums**2).sum())
    if math.isclose(variance, 0, abs_tol=1e-9):
        return None
    statistic = (levels - 1) * float((sums.sum(axis=0) ** 2).sum()) / variance
    return statistic, float(stats.chi2.sf(statistic, levels - 1))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's adjusted p-values, in order; None stays None and does not count."""
    known = [p for p in p_values if p is not None]
    adjusted = iter(multipletests(known, method="holm")[1] if known else [])
    return [None if p is None else float(next(adjusted)) for p in p_values]
