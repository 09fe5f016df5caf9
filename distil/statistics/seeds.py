"""Seeds and questions as crossed factors: every seed's adapter answers every question, and both are samples.

Near-duplicate questions count as one unit throughout, because their answers are not independent. `clusters` numbers
these units.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]
ENOUGH = 30
"""From this effective number of clusters on, BCa covers its 95 % and sign flips keep their 5 % (test_coverage.py)."""


class Interval(NamedTuple):
    """The two ends of a 95 % interval."""

    low: float
    high: float


class StandardErrors(NamedTuple):
    """The standard error of a mean over `seed_count` seeds: from the choice of questions and from that of seeds.

    `seeds` is None with one seed. The questions' part includes the interaction's, which is given, too.
    """

    questions: float
    seeds: float | None
    interaction: float = 0.0
    seed_count: int = 1


class Variances(NamedTuple):
    """The variance of a mean over seeds, in two parts: from the choice of questions and from the seeds' values.

    Both parts include the interaction of questions and seeds, which is given, too. With one seed only the first is
    known, and the others are 0.
    """

    questions: float
    seeds: float
    interaction: float


OFF_QUESTIONS = 0.6
"""The share of the interaction that is taken off the questions' part of a difference's interval.

The rest is taken off the seeds' part. The share was chosen by simulation (docs/log.md). With 0, three seeds that do
differ seem alike one time in ten, and intervals hold the truth 91 times in 100. With 1, intervals hold the truth 98
times in 100 where seeds do not differ.
"""


class SeedsPart(NamedTuple):
    """How a difference's interval over questions alone becomes one over questions and seeds.

    `kept` is the share of the questions' half width that is left after the interaction is taken off. `margin` is half
    the width of Student's t interval over the seeds.
    """

    kept: float
    margin: float

    def joined(self, reach: float) -> float:
        """Half the width over questions and seeds. `reach` is half the width over questions, and the least it can be.

        Independent parts are added in quadrature (Zou & Donner 2008).
        """
        return max(reach, math.hypot(self.kept * reach, self.margin))


class Components(NamedTuple):
    """The variance of one verdict: between seeds, between questions, and the rest (their interaction, and chance)."""

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
    """The effective number of clusters behind a sum of non-negative values: (sum x)^2 / sum x^2 (Kish 1965)."""
    sums = cluster_sums(values[:, None], clusters)
    squares = float((sums**2).sum())
    return float(sums.sum()) ** 2 / squares if squares > 0 else 0.0


def influences(values: Array, clusters: NDArray[np.int_]) -> Array:
    """What each cluster contributes to the mean of each column of `values` (questions, seeds): (clusters, seeds).

    Each column sums to zero. Its mean square, divided by the number of clusters, estimates the variance of the mean.
    """
    sums = cluster_sums(values - values.mean(axis=0), clusters)
    return sums * (len(sums) / len(values))


def variances(per_seed: Array, influence: Array) -> Variances | None:
    """The variances of `per_seed.mean()`, from each cluster's influence on each seed's value (clusters, seeds).

    None with fewer than two clusters. They are the moment estimates of a two-way random-effects layout (Searle, Casella
    & McCulloch 1992, chapter 4).
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
    """Both parts of the standard error of `per_seed.mean()`. The arguments are those of `variances`.

    The questions' part includes the interaction, because other questions would give another interaction. The seeds'
    part is what is left of the variance of their values after the interaction is taken off, and at least 0.
    """
    found = variances(per_seed, influence)
    if found is None:
        return StandardErrors(math.nan, None)
    seeds = math.sqrt(max(0.0, found.seeds - found.interaction)) if len(per_seed) > 1 else None
    return StandardErrors(math.sqrt(found.questions), seeds, math.sqrt(found.interaction), len(per_seed))


def seeds_part(found: Variances | None, seeds: int) -> SeedsPart:
    """What the seeds add to a difference's interval, by what `variances` found: nothing with one seed."""
    if found is None or seeds < 2:
        return SeedsPart(1.0, 0.0)
    left = max(0.0, 1 - OFF_QUESTIONS * found.interaction / found.questions) if found.questions else 1.0
    spread = max(0.0, found.seeds - (1 - OFF_QUESTIONS) * found.interaction)
    return SeedsPart(math.sqrt(left), float(stats.t.ppf(0.975, seeds - 1)) * math.sqrt(spread))


def added_variance(found: Variances, seeds: int) -> float:
    """The variance that the seeds add to that of an accuracy; 0 with one seed.

    It is scaled up so that a normal margin made of it equals Student's t margin over the seeds' values. The interaction
    is in it and in the questions' variance, so half of the interaction is taken off each.
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
    """Split the variance of the verdicts `correct` (questions, seeds) by the moments of a two-way layout.

    Negative estimates are set to zero, as usual. None with fewer than two seeds or questions.
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
    """The least and the most that the seeds' part of the standard error may be, each at 95 % one-sided.

    None with one seed. Few seeds say little about their own variance. The variance of their values, which includes the
    interaction, is taken as a scaled chi-squared with seeds - 1 degrees of freedom. The estimate of the interaction is
    then taken off both bounds.
    """
    found, seeds = variances(per_seed, influence), len(per_seed)
    if found is None or seeds < 2:
        return None
    between = max(found.seeds, found.interaction)
    least, most = ((seeds - 1) * between / float(stats.chi2.ppf(tail, seeds - 1)) for tail in (0.95, 0.05))
    return Interval(*(math.sqrt(max(0.0, end - found.interaction)) for end in (least, most)))


def which_dominates(errors: StandardErrors, bounds: Interval | None, seeds: int, questions: int) -> str:
    """A sentence for readers: do the seeds or the questions make the result uncertain?

    `bounds` are from `seeds_bounds`. The sentence says that one of the two dominates only where they show it.
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
