"""The paired difference and the two ways to its interval."""

import numpy as np
import pytest
from statsmodels.stats.weightstats import DescrStatsW

from distil.statistics.difference import difference


def verdicts(both: int, gained: int, lost: int, neither: int, seeds: int = 1) -> tuple[np.ndarray, np.ndarray]:
    base = np.repeat([1.0, 0.0, 1.0, 0.0], [both, gained, lost, neither])
    student = np.repeat([1.0, 1.0, 0.0, 0.0], [both, gained, lost, neither])
    return base, np.repeat(student[:, None], seeds, axis=1)


def run(base: np.ndarray, students: np.ndarray, clusters: np.ndarray | None = None, resamples: int = 4000):
    labels = np.arange(len(base)) if clusters is None else clusters
    return difference(base[:, None], students, labels, resamples, np.random.default_rng(0))


def test_many_discordant_pairs_are_resampled_and_agree_with_the_t_interval() -> None:
    """Agresti's approval ratings, two years apart: 794, 86, 150, 570 of 1,600; -0.04 with 95 % -0.059 to -0.021."""
    base, students = verdicts(794, 86, 150, 570)
    found = run(base, students)
    assert found.method == "bca" and found.both is not None
    assert found.value == pytest.approx(-0.04)
    assert found.both == pytest.approx((-0.0588, -0.0212), abs=0.002)
    assert found.both == pytest.approx(DescrStatsW(students[:, 0] - base).tconfint_mean(), abs=0.002)


def test_few_discordant_pairs_take_the_score_interval() -> None:
    """Newcombe's square-and-add, worked by hand for 20, 12, 2, 16 of 50: d = 0.2, phi = (20*16 - 2*12)/..."""
    found = run(*verdicts(20, 12, 2, 16))
    phi = (20 * 16 - 12 * 2) / np.sqrt(32 * 18 * 22 * 28)
    low1, high1, low0, high0 = 0.5014, 0.7586, 0.3116, 0.5769  # Wilson for 32/50 and 22/50
    low = 0.2 - np.sqrt((0.64 - low1) ** 2 - 2 * phi * (0.64 - low1) * (high0 - 0.44) + (high0 - 0.44) ** 2)
    high = 0.2 + np.sqrt((high1 - 0.64) ** 2 - 2 * phi * (high1 - 0.64) * (0.44 - low0) + (0.44 - low0) ** 2)
    assert found.method == "score"
    assert found.both == pytest.approx((low, high), abs=2e-4)


@pytest.mark.parametrize(("both", "neither"), [(30, 30), (60, 0), (0, 60), (1, 0)])
@pytest.mark.parametrize("seeds", [1, 5])
def test_zero_discordant_pairs_have_a_symmetric_interval(both: int, neither: int, seeds: int) -> None:
    found = run(*verdicts(both, 0, 0, neither, seeds))
    assert found.value == 0 and found.both is not None
    assert found.both.low == -found.both.high < 0
    assert found.both.high >= min(0.7, 3 / (both + neither))  # no narrower than the rule of three


@pytest.mark.parametrize("cells", [(0, 60, 0, 0), (0, 0, 60, 0), (59, 1, 0, 0), (0, 30, 30, 0)])
def test_extreme_tables_stay_within_one(cells: tuple[int, int, int, int]) -> None:
    found = run(*verdicts(*cells, seeds=3))
    assert found.both is not None and found.value is not None
    assert -1 <= found.both.low <= found.value <= found.both.high <= 1
    assert np.isfinite(found.both).all()


@pytest.mark.parametrize("rates", [(0.1, 0.6, 0.99), (0.8, 0.99), (0.05, 0.6)])
def test_seeds_that_differ_much_stay_within_one(rates: tuple[float, ...]) -> None:
    """Two or three seeds have a wide margin, and no difference of two accuracies is beyond 100 points."""
    rng = np.random.default_rng(4)
    base = np.repeat([[1.0], [0.0]], 50, axis=0)
    found = run(base[:, 0], (rng.random((100, len(rates))) < rates).astype(float))
    assert found.method == "bca" and found.both is not None
    assert found.both.low >= -1 and found.both.high <= 1 and 1 in np.abs(found.both)


def test_no_question_is_no_difference() -> None:
    assert run(np.zeros(0), np.zeros((0, 5))) == (None, None, None, None, None)


def test_the_order_of_questions_and_cluster_numbers_do_not_matter_to_the_estimate() -> None:
    rng = np.random.default_rng(1)
    base, students = (rng.random(300) < 0.4).astype(float), (rng.random((300, 5)) < 0.7).astype(float)
    clusters, order = np.arange(300) // 2, rng.permutation(300)
    one = run(base, students, clusters)
    other = run(base[order], students[order], clusters[order] * 7 + 3)
    assert one.value == pytest.approx(other.value)
    assert one.both == pytest.approx(other.both, abs=0.01)
    assert one.errors == pytest.approx(other.errors)
