"""Student against base on other *kinds* of questions: families of questions are the units, and there are few."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from distil.statistics.seeds import Array, Interval, influences, seed_margin, standard_errors

FEW = 5
"""Below this number of families no interval is given."""


def other_families(base: Array, students: Array, families: NDArray[np.int_]) -> Interval | None:
    """The interval of the paired difference of `students` (questions, seeds) and `base` (questions, 1 or seeds), for
    questions of other families and other seeds, as a fraction; None with fewer than FEW families.

    Families are too few to be resampled, so it is Student's t with one degree of freedom fewer than the effective
    number of families (Kish 1965, of their sizes), joined in quadrature by the seeds' t margin.
    """
    sizes = np.unique(families, return_counts=True)[1].astype(float)
    if len(sizes) < FEW:
        return None
    gaps = students - base
    errors = standard_errors(gaps.mean(axis=0), influences(gaps, families))
    worth = sizes.sum() ** 2 / (sizes**2).sum()
    reach = float(stats.t.ppf(0.975, max(1.0, worth - 1))) * errors.questions
    margin = math.hypot(reach, seed_margin(errors, gaps.shape[1]))
    value = float(gaps.mean())
    return Interval(max(-1.0, value - margin), min(1.0, value + margin))
