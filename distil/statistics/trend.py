"""Does accuracy fall with the chains' length? Tests of a trend over ordered levels, and a model of correctness."""

import math
import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.contingency_tables import Table
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from distil.statistics.seeds import Array, cluster_sums


class Trend(NamedTuple):
    """A normal deviate, negative where accuracy falls from the first level to the last, and its two-sided p."""

    z: float
    p: float


class Slope(NamedTuple):
    """A coefficient of a logistic model with its 95 % interval: log odds of a right answer per unit."""

    value: float
    low: float
    high: float
    p: float


def page(verdicts: Array, clusters: NDArray[np.int_]) -> Trend | None:
    """Page's trend test (1963) of the same questions at ordered levels, `verdicts` (questions, levels), first to last.

    The variance is that of shuffling the levels within each cluster, so that ties, of which verdicts are full, and
    near-duplicates count as they should; scipy.stats.page_trend_test takes the values as distinct. None where no
    question's verdict changes.
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
    """The trend in independent proportions: what can be tested where only counts per level were published.

    None where the accuracies are all 0 or all 1.
    """
    table = np.array([correct, [total - right for right, total in zip(correct, n, strict=True)]])
    if not table.sum(axis=1).all():
        return None
    return _trend(float(Table(table).test_ordinal_association(np.array([1, 0]), np.array(scores)).zscore))


def _trend(z: float) -> Trend:
    return Trend(z, float(2 * stats.norm.sf(abs(z))))


def log_words_slopes(
    verdicts: Array, words: Sequence[float], sections: NDArray[np.str_], clusters: NDArray[np.int_], focus: str
) -> tuple[Slope, Slope] | str:
    """How correctness depends on the logarithm of the words, and how much more steeply so in the section `focus`.

    A logistic model of `verdicts` (questions, levels) on log words, section, and log words in `focus`, fitted by
    generalised estimating equations with clusters as units (Liang & Zeger 1986; independence working correlation,
    bias-reduced sandwich of Mancl & DeRouen 2001, so that it holds whatever the correlation within a question).
    Returns the slope in the other sections and what `focus` adds to it; or, in words, why there is none.
    """
    names = sorted(set(sections))
    if focus not in names or len(names) < 2:
        return f"sections to compare '{focus}' with are missing"
    for part in (verdicts[sections == focus], verdicts[sections != focus]):
        if part.min() == part.max():
            return f"every answer to '{focus}', or every one elsewhere, is right or every one wrong"
    questions, levels = verdicts.shape
    log_words = np.tile(np.log(np.asarray(words, float)), questions)
    where = np.repeat(sections, levels)
    inside = (where == focus).astype(float)
    columns = [np.ones(len(where)), log_words, log_words * inside, *((where == name) * 1.0 for name in names[1:])]
    model = sm.GEE(
        verdicts.ravel(), np.column_stack(columns), groups=np.repeat(clusters, levels), family=sm.families.Binomial()
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        warnings.simplefilter("error", RuntimeWarning)
        try:
            fitted = model.fit(cov_type="bias_reduced")
        except (ConvergenceWarning, RuntimeWarning, np.linalg.LinAlgError) as fault:
            return f"the model did not converge: {fault}"
    low, high = fitted.conf_int(alpha=0.05).T
    found = [Slope(float(fitted.params[i]), float(low[i]), float(high[i]), float(fitted.pvalues[i])) for i in (1, 2)]
    if not all(math.isfinite(number) for slope in found for number in slope):
        return "the model did not converge"
    return found[0], found[1]
