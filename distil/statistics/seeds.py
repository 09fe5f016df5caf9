"""Seeds and questions as crossed factors: every seed's adapter answers every question, and both are samples.

Near-duplicate questions count as one unit throughout (`clusters` numbers them): their answers are not independent.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]


ENOUGH = 30
"""From this effective number of clusters BCa covers its 95 % and sign flips hold their 5 % (test_coverage.py)."""


class Interval(NamedTuple):
    """The two ends of a 95 % interval."""

    low: float
    high: float


class StandardErrors(NamedTuple):
    """Of a mean over seeds: the part from which questions were asked and the part from which seeds were drawn.

    `seeds` is None where one seed cannot tell.
    """

    questions: float
    seeds: float | None


class Variances(NamedTuple):
    """Of a mean over seeds: from which questions were asked, and from the seeds' values.

    Both hold the interaction of questions and seeds, which is given, too. With one seed only the first is known.
    """

    questions: float
    seeds: float
    interaction: float


OFF_QUESTIONS = 0.6
"""How much of the interaction is taken off the questions' part of a difference's interval; the rest is taken off the
seeds'.

Chosen by simulation: with none of it three seeds that do differ seem alike one time in ten, and intervals hold the
truth 91 times in 100; with all of it 98 times where seeds do not differ (docs/log.md).
"""


class SeedsPart(NamedTuple):
    """How a difference's interval over questions alone becomes one over questions and seeds.

    The share `kept` of the questions' half width is left when the interaction is taken off it, and `margin` is half the
    width of Student's t interval over the seeds.
    """

    kept: float
    margin: float

    def joined(self, reach: float) -> float:
        """Half the width over questions and seeds, from that over questions, `reach`, and no less than it.

        Independent parts are added in quadrature (Zou & Donner 2008).
        """
        return max(reach, math.hypot(self.kept * reach, self.margin))


class Components(NamedTuple):
    """Variances of one verdict: between seeds, between questions, and the rest (their interaction, and chance)."""

    seed: float
    question: float
    interaction: float


def cluster_sums(values: Array, clusters: NDArray[np.int_]) -> Array:
    """Sum the rows of `values` (questions, k) within each cluster: (clusters, k), in order of cluster number."""
    _, index = np.unique(clusters, return_inverse=True)
    sums = np.zeros((int(index.max()) + 1 if len(index) else 0, values.shape[1]))
    np.add.at(sums, index, values)
    return sums


def effective_clusters(values: Array, clusters: NDArray[np.int_]) -> float:
    """How many clusters of one size the sum of non-negative values is worth: (sum x)^2 / sum x^2 (Kish 1965)."""
    sums = cluster_sums(values[:, None], clusters)
    squares = float((sums**2).sum())
    return float(sums.sum()) ** 2 / squares if squares > 0 else 0.0


def influences(values: Array, clusters: NDArray[np.int_]) -> Array:
    """What each cluster contributes to the mean of each column of `values` (questions, seeds): (clusters, seeds).

    Each column sums to zero; its mean square over the number of clusters estimates the variance of the column's mean.
    """
    sums = cluster_sums(values - values.mean(axis=0), clusters)
    return sums * (len(sums) / len(values))


def variances(per_seed: Array, influence: Array) -> Variances | None:
    """Of `per_seed.mean()`, from every cluster's influence on every seed's value; None with fewer than two clusters.

    They are the moment estimates of a two-way random-effects layout (Searle, Casella & McCulloch 1992, chapter 4).
    """
    count, seeds = influence.shape
    if count < 2:
        return None
    pairs, rows = count * (count - 1), influence.mean(axis=1)
    questions = float(rows @ rows) / pairs
    if seeds < 2:
        return Variances(questions, 0.0, 0.0)
    rest = influence - rows[:, None]
    return Variances(
        questions, float(per_seed.var(ddof=1)) / seeds, float((rest**2).sum()) / ((seeds - 1) * pairs * seeds)
    )


def standard_errors(per_seed: Array, influence: Array) -> StandardErrors:
    """Both parts of the standard error of `per_seed.mean()`, from the same as `variances`.

    The question part holds the interaction too: with questions drawn anew it comes out anew. The seeds' part is what
    their values differ by beyond what the interaction alone makes them differ, none if they differ by less.
    """
    found = variances(per_seed, influence)
    if found is None:
        return StandardErrors(math.nan, None)
    seeds = math.sqrt(max(0.0, found.seeds - found.interaction)) if len(per_seed) > 1 else None
    return StandardErrors(math.sqrt(found.questions), seeds)


def seeds_part(per_seed: Array, influence: Array) -> SeedsPart:
    """What the seeds add to a difference's interval, from the same as `variances`; nothing with one seed."""
    found, seeds = variances(per_seed, influence), len(per_seed)
    if found is None or seeds < 2:
        return SeedsPart(1.0, 0.0)
    left = max(0.0, 1 - OFF_QUESTIONS * found.interaction / found.questions) if found.questions else 1.0
    spread = max(0.0, found.seeds - (1 - OFF_QUESTIONS) * found.interaction)
    return SeedsPart(math.sqrt(left), float(stats.t.ppf(0.975, seeds - 1)) * math.sqrt(spread))


def added_variance(found: Variances, seeds: int) -> float:
    """The variance that the seeds add to that of an accuracy, as large as a normal margin needs it; 0 with one seed.

    It is the square of Student's t margin over the seeds' values, in normal margins. The interaction is in it and in
    the questions' variance, so half of it is taken off either.
    """
    if seeds < 2:
        return 0.0
    margins, half = float(stats.t.ppf(0.975, seeds - 1) / stats.norm.ppf(0.975)), found.interaction / 2
    return max(0.0, margins**2 * (found.seeds - half) - half)


def t_interval(per_seed: Array) -> Interval | None:
    """Student's t interval over the seeds' values; None with one seed.

    It says what other seeds would give on these same questions, and nothing about other questions.
    """
    if len(per_seed) < 2:
        return None
    margin = float(stats.t.ppf(0.975, len(per_seed) - 1) * per_seed.std(ddof=1) / math.sqrt(len(per_seed)))
    return Interval(float(per_seed.mean()) - margin, float(per_seed.mean()) + margin)


def components(correct: Array) -> Components | None:
    """Split the variance of a verdict, `correct` (questions, seeds), by the moments of a two-way layout.

    Negative estimates are cut at zero, as usual. None with fewer than two seeds or questions.
    """
    questions, seeds = correct.shape
    if questions < 2 or seeds < 2:
        return None
    mean, rows, columns = correct.mean(), correct.mean(axis=1), correct.mean(axis=0)
    rest = correct - rows[:, None] - columns + mean
    interaction = float((rest**2).sum()) / ((questions - 1) * (seeds - 1))
    question = max(0.0, float(rows.var(ddof=1)) - interaction / seeds)
    seed = max(0.0, float(columns.var(ddof=1)) - interaction / questions)
    return Components(seed, question, interaction)


def flip_rate(correct: Array) -> float | None:
    """Share of the questions (rows) whose verdict is not the same for all seeds; None with one seed or no question."""
    questions, seeds = correct.shape
    if questions == 0 or seeds < 2:
        return None
    right = correct.sum(axis=1)
    return float(((right > 0) & (right < seeds)).mean())


def seeds_bounds(per_seed: Array, influence: Array) -> Interval | None:
    """The least and the most that the seeds' part of the standard error may be, each at 95 % one-sided; None with one
    seed.

    Few seeds bound their own variance badly: the variance of their values, interaction included, is taken as a scaled
    chi-squared with seeds - 1 degrees of freedom, and the interaction's own estimate is taken off its bounds.
    """
    found, seeds = variances(per_seed, influence), len(per_seed)
    if found is None or seeds < 2:
        return None
    between = max(found.seeds, found.interaction)
    least, most = ((seeds - 1) * between / float(stats.chi2.ppf(tail, seeds - 1)) for tail in (0.95, 0.05))
    return Interval(*(math.sqrt(max(0.0, end - found.interaction)) for end in (least, most)))


def which_dominates(errors: StandardErrors, bounds: Interval | None, seeds: int, questions: int) -> str:
    """A sentence for readers: is the result uncertain because of the seeds or because of the questions?

    `bounds` are what `seeds_bounds` gives. Neither is said to dominate unless they show it.
    """
    if errors.seeds is None or bounds is None or math.isnan(errors.questions):
        return "One seed, or too few questions: what seeds and questions each add to the uncertainty cannot be told."
    total = errors.questions**2 + errors.seeds**2
    if total == 0:
        return "Neither seeds nor questions make a difference here: every verdict is the same."
    share = round(100 * errors.seeds**2 / total)
    least, most = (round(100 * end**2 / (errors.questions**2 + end**2)) if end else 0 for end in bounds)
    found = (
        f"Of the variance of the result {share} % comes from which {seeds} seeds were drawn (at most {most} % with "
        f"95 % confidence), the rest from which {questions} questions were asked."
    )
    if most <= 10:
        return f"The questions dominate. {found} More questions would narrow it, more seeds would not."
    if most < 40:
        return f"The questions dominate. {found} More questions would narrow it most."
    if least > 50:
        return f"The seeds dominate. {found} More seeds would narrow it most."
    return f"So few seeds cannot tell whether seeds or questions matter more. {found}"
