"""The difference of student and base on other *kinds* of questions. The units are families, and there are few."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from distil.statistics.seeds import Array, Interval, influences, variances

FEW = 5
"""With fewer families than this there is no interval."""


def other_families(base: Array, students: Array, families: NDArray[np.int_]) -> Interval | None:
    """The interval of the paired difference of `students` (questions, seeds) and `base` (questions, 1 or seeds).

    It is a fraction, and covers questions of other families and other seeds. None with fewer than FEW families.

    Families are too few to be resampled, so it is Student's t with the degrees of freedom of Welch and Satterthwaite.
    The seeds' variance has as many as there are seeds, less one. The families' variance has their effective number,
    less one (Kish 1965, of their sizes). The interval is never narrower than the one for these very adapters.
    """
    sizes = np.unique(families, return_counts=True)[1].astype(float)
    if len(sizes) < FEW:
        return None
    gaps = students - base
    found = variances(gaps.mean(axis=0), influences(gaps, families))
    assert found is not None
    asked, few = max(0.0, found.questions - found.interaction), max(1.0, float(sizes.sum() ** 2 / (sizes**2).sum()) - 1)
    reach = _half_width(found.questions, few)
    if found.seeds:
        freedom = (asked + found.seeds) ** 2 / (asked**2 / few + found.seeds**2 / (gaps.shape[1] - 1))
        reach = max(reach, _half_width(asked + found.seeds, freedom))
    value = float(gaps.mean())
    return Interval(max(-1.0, value - reach), min(1.0, value + reach))


def _half_width(variance: float, freedom: float) -> float:
    return float(stats.t.ppf(0.975, freedom)) * math.sqrt(variance)
