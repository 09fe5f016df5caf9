"""Intervals by resampling near-duplicate clusters.

Everything resampled here is a smooth function of totals over clusters. So a resample is a vector of counts times a
(clusters, k) table, and 100,000 clusters take seconds. The jackknife of scipy.stats.bootstrap would need 10^10
evaluations for them. tests/distil/statistics compare the intervals with scipy's.
"""

import math
import zlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats

from distil.pipeline.share import each
from distil.statistics.seeds import Array, Interval, StandardErrors, seeds_part, standard_errors, variances

BATCH = 1 << 24
"""Random draws of a batch of resamples. Where there are several batches, each has its own stream of random numbers, so
that several processes can draw. 10,000 resamples of 1,677 clusters are one batch."""
CACHED = 1 << 17
"""Random draws held and counted at once: they and their counts fit into a processor's cache."""
TIE = 1e-9
"""Replicates nearer to the estimate than this count as equal to it."""
Statistic = Callable[[Array], Array]


class Resampled(NamedTuple):
    """A mean over seeds with two intervals.

    `both` covers other questions and other seeds. `questions` covers other questions for these very adapters, and is
    the same as `both` with one seed. Each is None where nothing varies or there are fewer than two clusters.
    """

    estimate: float
    both: Interval | None
    questions: Interval | None
    errors: StandardErrors


def named_generator(seed: int, name: str) -> np.random.Generator:
    """A random generator for one named result. No result depends on which others were computed before it."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def resampled_totals(sums: Array, resamples: int, rng: np.random.Generator) -> Array:
    """Totals over clusters drawn with replacement from `sums` (clusters, k): (resamples, k)."""
    step = max(1, BATCH // len(sums))
    sizes = [min(step, resamples - start) for start in range(0, resamples, step)]
    streams = rng.spawn(len(sizes)) if len(sizes) > 1 else [rng]
    return np.concatenate(list(each(_totals, zip(sizes, streams, strict=True), sums=sums)))


def _totals(drawn_from: tuple[int, np.random.Generator], sums: Array) -> Array:
    """The totals of one batch, given how many resamples it has and its stream of random numbers.

    Totals of whole numbers are exact. NumPy adds them up, not BLAS: while BLAS's second thread waits, it keeps a core
    from other processes.
    """
    (resamples, rng), clusters = drawn_from, len(sums)
    columns, step = np.ascontiguousarray(sums.T), max(1, CACHED // clusters)
    totals = np.empty((resamples, len(columns)))
    apart = clusters * np.arange(step, dtype=np.int32)[:, None]
    for start in range(0, resamples, step):
        drawn = rng.integers(clusters, size=(min(step, resamples - start), clusters), dtype=np.int32)
        drawn += apart[: len(drawn)]
        counts = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape)
        totals[start : start + step] = np.einsum("rc,kc->rk", counts.astype(float), columns)
    return totals


def bca(estimate: float, replicates: Array, influence: Array) -> Interval | None:
    """The bias-corrected and accelerated interval (Efron 1987) of replicates, with the jackknife's influences.

    Its level is widened to that of a t interval at as many clusters, because the bootstrap's variance and the normal
    quantile are both a little too small (Hesterberg 2015). None where the replicates do not vary.
    """
    replicates = replicates[np.isfinite(replicates)]
    if len(replicates) == 0 or np.ptp(replicates) == 0:
        return None
    count = len(influence)
    tail = stats.norm.cdf(-math.sqrt(count / (count - 1)) * stats.t.ppf(0.975, count - 1))
    # another processor may add in another order, and that must not break a tie
    below = ((replicates < estimate - TIE).mean() + (replicates <= estimate + TIE).mean()) / 2
    bias = stats.norm.ppf(np.clip(below, 1 / (len(replicates) + 1), len(replicates) / (len(replicates) + 1)))
    squares = float((influence**2).sum())
    acceleration = float((influence**3).sum()) / (6 * squares**1.5) if squares > 0 else 0.0
    shifted = bias + stats.norm.ppf([tail, 1 - tail])
    moved = bias + shifted / np.maximum(1 - acceleration * shifted, 1e-9)
    low, high = np.quantile(replicates, stats.norm.cdf(moved))
    return Interval(float(low), float(high))


def resample(sums: Array, statistic: Statistic, resamples: int, rng: np.random.Generator, *, most: float) -> Resampled:
    """The mean over seeds of `statistic` with its intervals.

    `sums` (clusters, k) holds what each cluster adds to the totals. `statistic` maps totals (..., k) to one value for
    each seed (..., seeds). Clusters are resampled whole, so the interval includes the interaction of questions and
    seeds. Seeds are too few to be resampled: their t margin is added to the interval (`SeedsPart`). The interval is cut
    at `most` and -`most`, the largest values that the statistic can have.
    """
    totals = sums.sum(axis=0)
    per_seed = statistic(totals)
    estimate = float(per_seed.mean())
    if len(sums) < 2:
        return Resampled(estimate, None, None, StandardErrors(math.nan, None))
    with np.errstate(divide="ignore", invalid="ignore"):
        left_out = statistic(totals - sums)
        replicates = statistic(resampled_totals(sums, resamples, rng)).mean(axis=1)
    left_out = np.where(np.isfinite(left_out), left_out, per_seed)
    influence = (len(sums) - 1) * (left_out.mean(axis=0) - left_out)
    questions = bca(estimate, replicates, influence.mean(axis=1))
    seeds = seeds_part(variances(per_seed, influence), len(per_seed))
    both = questions
    if seeds.margin:
        low, high = questions or (estimate, estimate)
        reach_down, reach_up = seeds.joined(estimate - low), seeds.joined(high - estimate)
        both = Interval(max(-most, estimate - reach_down), min(most, estimate + reach_up))
    return Resampled(estimate, both, questions, standard_errors(per_seed, influence))
