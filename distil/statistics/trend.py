"""Does accuracy fall as chains get longer? Tests of a trend over ordered levels."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.contingency_tables import Table

from distil.statistics.seeds import Array, cluster_sums


class Trend(NamedTuple):
    """A normal deviate and its two-sided p. It is negative where accuracy falls from the first level to the last."""

    z: float
    p: float


def page(verdicts: Array, clusters: NDArray[np.int_]) -> Trend | None:
    """Page's trend test (1963) of the same questions at ordered levels, `verdicts` (questions, levels), first to last.

    The variance is that of shuffling the levels within each cluster, which is right for ties and for near-duplicates.
    Verdicts have many ties, and scipy.stats.page_trend_test takes all values as distinct. None where no question's
    verdict changes.
    """
    levels = verdicts.shape[1]
    if levels < 2 or len(verdicts) == 0:
        return None
    ranks = stats.rankdata(verdicts, axis=1)
    sums = cluster_sums(ranks - (levels + 1) / 2, clusters)
    scores = np.arange(1, levels + 1) - (levels + 1) / 2
    variance = float((sums**2).sum() * (scores @ scores) / (levels - 1))
    if variance == 0:
        return None
    return _trend(float((sums @ scores).sum()) / math.sqrt(variance))


def cochran_armitage(correct: Sequence[int], n: Sequence[int], scores: Sequence[float]) -> Trend | None:
    """The Cochran-Armitage test of a trend in independent proportions, for levels of which only counts are published.

    None where the accuracies are all 0 or all 1.
    """
    table = np.array([correct, [total - right for right, total in zip(correct, n, strict=True)]])
    if not table.sum(axis=1).all():
        return None
    return _trend(float(Table(table).test_ordinal_association(np.array([1, 0]), np.array(scores)).zscore))


class Slope(NamedTuple):
    """The change of an accuracy from one level to the next, as a fraction, with its 95 % interval."""

    value: float
    low: float
    high: float


def slope(correct: Sequence[int], n: Sequence[int]) -> Slope:
    """The least-squares slope over levels one apart, of accuracies of which only counts were published.

    The counts are taken as independent. Levels that answered the same questions are alike, so the interval is too wide
    rather than too narrow. Raises ValueError with fewer than two levels.
    """
    if len(n) < 2:
        raise ValueError("a slope needs two levels or more")
    right, asked = np.array(correct, float), np.array(n, float)
    levels = np.arange(len(asked)) - (len(asked) - 1) / 2
    weights, shares = levels / (levels @ levels), right / asked
    value = float(weights @ shares)
    margin = float(stats.norm.ppf(0.975)) * math.sqrt(float(weights**2 @ (shares * (1 - shares) / asked)))
    return Slope(value, value - margin, value + margin)


def _trend(z: float) -> Trend:
    return Trend(z, float(2 * stats.norm.sf(abs(z))))
