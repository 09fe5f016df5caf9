"""Simulation: do 95 % intervals hold the truth 95 times in 100, and do tests at 5 % cry wolf no more often than 5?

The short versions run with every test; the full grids are marked slow (`make test-all`).
"""

from collections import Counter

import numpy as np
import pytest
from scipy import stats

from distil.statistics.difference import difference
from distil.statistics.families import other_families
from distil.statistics.paired import cochrans_q, mcnemar, median_seed, sign_flips
from distil.statistics.proportions import accuracy
from distil.statistics.resampling import resample
from distil.statistics.seeds import Variances, added_variance, cluster_sums
from distil.statistics.trend import page
from tests.distil.statistics.simulate import Design, experiments

LARGE = 0.3
"""Seeds this far apart on the log-odds scale: 7 points at an accuracy of one half, forty times the study's 0.17."""
PAIRS = [(0.05, 0.05), (0.05, 0.2), (0.3, 0.7), (0.5, 0.5), (0.6, 0.9), (0.95, 0.95)]


def covered(design: Design, count: int, resamples: int = 1000) -> dict[str, float]:
    """The share of experiments whose intervals hold the truth, by interval."""
    rng, hits = np.random.default_rng(1), Counter[str]()
    for one in experiments(design, count, seed=3):
        found = difference(one.base[:, None], one.students, one.clusters, resamples, rng)
        assert found.both is not None and found.questions is not None
        student = accuracy(one.students, one.clusters)
        assert student.low is not None and student.high is not None
        hits["both"] += found.both.low - 1e-12 <= one.truth <= found.both.high + 1e-12
        hits["questions"] += found.questions.low - 1e-12 <= one.these <= found.questions.high + 1e-12
        hits["student"] += student.low <= design.student <= student.high
    return {name: hits[name] / count for name in ("both", "questions", "student")}


@pytest.mark.parametrize(
    "design",
    [Design(60, 0.05, 0.2), Design(120, 0.5, 0.8, seed_spread=LARGE), Design(120, 0.95, 0.95, seeds=1)],
    ids=str,
)
def test_intervals_cover_in_short(design: Design) -> None:
    """400 experiments: four standard errors below and above 95 %."""
    for name, share in covered(design, 400).items():
        assert 0.90 <= share <= 0.99, name


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("spread", [0.0, LARGE])
@pytest.mark.parametrize(("base", "student"), PAIRS)
@pytest.mark.parametrize("n", [60, 200, 650])
def test_intervals_cover(n: int, base: float, student: float, spread: float) -> None:
    """1,000 experiments, with a standard error of 0.007; what they put out of bounds is measured on 4,000.

    Accuracies, which take less time, have a test of their own.
    """
    design = Design(n, base, student, seed_spread=spread)
    shares = covered(design, 1000)
    print(f"\n{n} {base} {student} {spread}: {shares}")
    if not all(0.93 <= shares[name] <= 0.97 for name in ("both", "questions")):
        shares = covered(design, 4000)
        print(f"on 4,000: {shares}")
    for name in ("both", "questions"):
        assert 0.93 <= shares[name] <= 0.97, name


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("spread", [0.0, LARGE])
@pytest.mark.parametrize("student", [0.05, 0.2, 0.5, 0.7, 0.9, 0.95])
@pytest.mark.parametrize("n", [60, 200, 650])
def test_accuracies_cover(n: int, student: float, spread: float) -> None:
    """4,000 experiments, with a standard error of 0.003; what comes near a bound is measured on 40,000 (0.001)."""
    design = Design(n, 0.5, student, seed_spread=spread)
    share = held(design, 4000)
    if not 0.933 <= share <= 0.967:
        share = held(design, 40000)
    assert 0.93 <= share <= 0.97


def held(design: Design, count: int) -> float:
    """The share of experiments in which the interval of the student's accuracy holds the truth."""
    hits = 0
    for one in experiments(design, count, seed=3):
        found = accuracy(one.students, one.clusters)
        assert found.low is not None and found.high is not None
        hits += found.low <= design.student <= found.high
    print(f"\n{design.n} {design.student} {design.seed_spread}: {hits / count} of {count}")
    return hits / count


@pytest.mark.parametrize("apart", [0, 0.1, 0.3, 0.6, 1, 3, 10, 100])
@pytest.mark.parametrize("interaction", [0.1, 0.3, 0.5, 0.7])
def test_accuracies_of_five_seeds_cover_in_large_samples(interaction: float, apart: float) -> None:
    """Calculated: with many questions only the variance between five seeds is uncertain, a scaled chi-squared.

    `interaction` is its share of the questions' variance, 1 here, and `apart` is what seeds that differ add to it. In
    the simulated experiments the share is at most 0.6.
    """
    chances = (np.arange(400) + 0.5) / 400
    between = (apart + interaction) * stats.chi2.ppf(chances, 4) / 4
    added = [added_variance(Variances(1.0, float(one), interaction), 5) for one in between]
    reach = stats.norm.ppf(0.975) * np.sqrt(1 + np.array(added))
    share = (2 * stats.norm.cdf(reach / (1 + apart) ** 0.5) - 1).mean()
    assert 0.93 <= share <= 0.97


FAR = 0.5
"""A seed spread at which three seeds differ by 12 points at an accuracy of one half."""


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("base", "student"), [(0.3, 0.7), (0.5, 0.5), (0.6, 0.9)])
@pytest.mark.parametrize("kinds", [10, 18, 40])
def test_intervals_for_other_kinds_cover(kinds: int, base: float, student: float) -> None:
    """Three seeds that differ, questions of kinds that differ, and the truth for all kinds and all seeds."""
    design = Design(252, base, student, seeds=3, seed_spread=FAR, kinds=kinds, kind_spread=1.0)
    hits, count = 0, 1000
    for one in experiments(design, count, seed=7):
        found = other_families(one.base[:, None], one.students, one.kinds)
        assert found is not None
        hits += found.low <= one.truth <= found.high
    print(f"\n{kinds} {base} {student}: {hits / count}")
    assert 0.93 <= hits / count <= 0.97


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("base_seeds", [3, 0])
@pytest.mark.parametrize(
    ("n", "first", "last"), [(252, 0.9, 0.35), (252, 0.5, 0.5), (252, 0.95, 0.9), (60, 0.9, 0.7), (60, 0.8, 0.8)]
)
def test_intervals_between_levels_cover(n: int, first: float, last: float, base_seeds: int) -> None:
    """Two levels, or a level and the base model, with three seeds a level that differ; and the last level's accuracy.

    With 60 questions some intervals are made of scores, and not by resampling.
    """
    design = Design(n, first, last, seeds=3, seed_spread=FAR, base_seeds=base_seeds)
    rng, hits, count = np.random.default_rng(8), Counter[str](), 1000
    for one in experiments(design, count, seed=9):
        found, level = (
            difference(one.base.reshape(n, -1), one.students, one.clusters, 1000, rng),
            accuracy(one.students, one.clusters),
        )
        assert found.both is not None and level.low is not None and level.high is not None
        hits["both"] += found.both.low - 1e-12 <= one.truth <= found.both.high + 1e-12
        hits["level"] += level.low <= last <= level.high
        hits["score"] += found.method == "score"
    print(f"\n{n} {first} {last} {base_seeds}: {dict(hits)}")
    assert 0.93 <= hits["both"] / count <= 0.97
    assert 0.93 <= hits["level"] / count <= 0.97


def rejected(design: Design, count: int) -> dict[str, float]:
    """The share of experiments without an effect in which each paired test finds one."""
    hits = Counter[str]()
    for one in experiments(design, count, seed=11):
        chosen = one.students[:, median_seed(one.students)]
        hits["mcnemar"] += mcnemar(one.base, chosen).p <= 0.05
        hits["sign flips"] += _p(sign_flips(one.base[:, None], one.students, one.clusters)) <= 0.05
    return {name: hits[name] / count for name in ("mcnemar", "sign flips")}


def _p(p: float | None) -> float:
    return 1.0 if p is None else p


@pytest.mark.parametrize("n", [60, 200])
def test_paired_tests_rarely_cry_wolf_in_short(n: int) -> None:
    for name, share in rejected(Design(n, 0.5, 0.5), 400).items():
        assert share <= 0.05 + 4 * (0.05 * 0.95 / 400) ** 0.5, name


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("accuracy_of_both", [0.05, 0.3, 0.5, 0.95])
@pytest.mark.parametrize("n", [60, 200, 650])
def test_paired_tests_rarely_cry_wolf(n: int, accuracy_of_both: float) -> None:
    """Seeds alike: the tests are about these adapters, and adapters that truly differ from base are no false alarm."""
    shares = rejected(Design(n, accuracy_of_both, accuracy_of_both), 4000)
    print(f"\n{n} {accuracy_of_both}: {shares}")
    for name, share in shares.items():
        assert share <= 0.06, name


def sweep(rng: np.random.Generator, questions: int) -> tuple[np.ndarray, np.ndarray]:
    """Verdicts at six lengths that do not matter, every twentieth question a duplicate of the one before."""
    odds = np.repeat(rng.normal(0, 1.5, questions)[:, None], 6, axis=1)
    verdicts = (rng.random(odds.shape) < 1 / (1 + np.exp(-odds))).astype(float)
    clusters = np.arange(questions)
    clusters[3::20] -= 3
    verdicts[3::20] = verdicts[:-3:20]
    return verdicts, clusters


def trends(questions: int, count: int) -> dict[str, float]:
    """The share of sweeps without any trend in which each test finds one."""
    rng, hits = np.random.default_rng(4), Counter[str]()
    for _ in range(count):
        verdicts, clusters = sweep(rng, questions)
        trend, q = page(verdicts, clusters), cochrans_q(verdicts, clusters)
        assert trend is not None and q is not None
        hits["page"] += trend.p <= 0.05
        hits["cochran"] += q[1] <= 0.05
    return {name: hits[name] / count for name in ("page", "cochran")}


def test_trend_tests_rarely_cry_wolf_in_short() -> None:
    for name, share in trends(120, 400).items():
        assert share <= 0.05 + 4 * (0.05 * 0.95 / 400) ** 0.5, name


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("questions", [60, 200, 650])
def test_trend_tests_rarely_cry_wolf(questions: int) -> None:
    shares = trends(questions, 1000)
    print(f"\n{questions}: {shares}")
    for name, share in shares.items():
        assert share <= 0.06, name


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("spread", [0.0, LARGE])
@pytest.mark.parametrize(("seen", "unseen"), [(100, 60), (450, 200)])
def test_leakage_intervals_cover(seen: int, unseen: int, spread: float) -> None:
    """The gap of two independent sets of questions answered by the same seeds: a difference in differences."""
    hits, count, rng = 0, 1000, np.random.default_rng(2)
    for first, second in zip(
        experiments(Design(seen, 0.5, 0.8), count, seed=5),
        experiments(Design(unseen, 0.4, 0.65, seed_spread=spread), count, seed=6),
        strict=True,
    ):
        table = []
        for one, before in ((first, True), (second, False)):
            own = np.column_stack([np.ones(len(one.base)), one.students - one.base[:, None]])
            table.append(np.hstack([own, 0 * own] if before else [0 * own, own]))
        clusters = np.concatenate([first.clusters, second.clusters + len(first.clusters)])

        def gap(totals: np.ndarray) -> np.ndarray:
            return totals[..., 1:6] / totals[..., :1] - totals[..., 7:] / totals[..., 6:7]

        found = resample(cluster_sums(np.vstack(table), clusters), gap, 1000, rng, most=1)
        assert found.both is not None
        hits += found.both.low <= 0.30 - 0.25 <= found.both.high
    print(f"\n{seen} {unseen} {spread}: {hits / count}")
    assert 0.93 <= hits / count <= 0.97
