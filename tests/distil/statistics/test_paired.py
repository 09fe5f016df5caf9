"""Paired tests, against scipy, statsmodels and published examples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import cochrans_q as statsmodels_cochrans_q
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from distil.statistics.paired import cochrans_q, holm, mcnemar, median_seed, sign_flips


def pair(gained: int, lost: int, same: int = 10) -> tuple[np.ndarray, np.ndarray]:
    first = np.repeat([0.0, 1.0, 1.0], [gained, lost, same])
    second = np.repeat([1.0, 0.0, 1.0], [gained, lost, same])
    return first, second


@pytest.mark.parametrize(("gained", "lost"), [(1, 0), (7, 2), (0, 6), (15, 15), (31, 0), (86, 150)])
def test_mcnemar_is_statsmodels_exact_test(gained: int, lost: int) -> None:
    found = mcnemar(*pair(gained, lost))
    table = [[10, lost], [gained, 5]]
    assert (found.gained, found.lost) == (gained, lost)
    assert found.p == pytest.approx(statsmodels_mcnemar(table, exact=True).pvalue)


def test_mcnemar_without_discordant_pairs_is_one() -> None:
    assert mcnemar(*pair(0, 0)) == (0, 0, 1.0)


@given(st.integers(0, 40), st.integers(0, 40))
@settings(max_examples=60)
def test_sign_flips_of_one_seed_are_mcnemars_exact_test(gained: int, lost: int) -> None:
    first, second = pair(gained, lost)
    assert sign_flips(first[:, None], second[:, None], np.arange(len(first))) == pytest.approx(mcnemar(first, second).p)


def test_sign_flips_of_several_seeds_are_scipys_permutation_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distil.statistics.paired.ENOUGH", 0)
    rng = np.random.default_rng(3)
    base, students = (rng.random(14) < 0.4).astype(float), (rng.random((14, 5)) < 0.6).astype(float)
    clusters = np.array([0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 10, 11])
    gaps = np.bincount(clusters, (students - base[:, None]).sum(axis=1))
    exact = stats.permutation_test(
        (gaps, np.zeros(12)), lambda one, other, axis: (one - other).sum(axis=axis), permutation_type="samples",
        n_resamples=np.inf, vectorized=True,
    )  # fmt: skip
    assert sign_flips(base[:, None], students, clusters) == pytest.approx(exact.pvalue)


def test_sign_flips_beyond_the_exact_range_are_normal(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    base, students = (rng.random(900) < 0.50).astype(float), (rng.random((900, 5)) < 0.54).astype(float)
    exact = sign_flips(base[:, None], students, np.arange(900))
    monkeypatch.setattr("distil.statistics.paired.EXACT", 10)
    assert sign_flips(base[:, None], students, np.arange(900)) == pytest.approx(exact, rel=0.05)


def test_sign_flips_without_questions_or_differences() -> None:
    assert sign_flips(np.zeros((0, 1)), np.zeros((0, 2)), np.zeros(0, int)) is None
    few = np.eye(40)[:, :1]
    assert sign_flips(few, np.zeros((40, 2)), np.arange(40)) is None  # one question tells them apart
    assert sign_flips(few, np.zeros((40, 1)), np.arange(40)) == 1.0
    assert sign_flips(np.ones((5, 1)), np.ones((5, 2)), np.arange(5)) == 1.0


@pytest.mark.parametrize(
    ("right", "expected"), [([3, 1, 2], 2), ([1, 2], 0), ([2, 2, 2], 1), ([5], 0), ([4, 1, 3, 2], 3)]
)
def test_the_median_seed_is_the_lower_of_two(right: list[int], expected: int) -> None:
    students = np.array([[float(row < count) for count in right] for row in range(6)])
    assert median_seed(students) == expected


def test_cochrans_q_of_a_published_table() -> None:
    """Cochran (1950), Biometrika 37: four media, 69 cultures; Q = 8.05 on 3 degrees of freedom."""
    patterns = [((1, 1, 1, 1), 4), ((1, 1, 0, 1), 2), ((0, 1, 1, 1), 3), ((0, 1, 0, 1), 1), ((0, 0, 0, 0), 59)]
    rows = np.array([row for row, count in patterns for _ in range(count)], float)
    found = cochrans_q(rows, np.arange(len(rows)))
    assert found is not None
    assert found[0] == pytest.approx(8.05, abs=0.01)
    assert found[1] == pytest.approx(stats.chi2.sf(found[0], 3))


def test_cochrans_q_is_that_of_statsmodels_and_counts_a_duplicate_once() -> None:
    rows = (np.random.default_rng(5).random((80, 6)) < np.linspace(0.8, 0.4, 6)).astype(float)
    found = cochrans_q(rows, np.arange(80))
    expected = statsmodels_cochrans_q(rows.astype(int))
    assert found == pytest.approx((expected.statistic, expected.pvalue))
    assert cochrans_q(np.repeat(rows, 2, axis=0), np.repeat(np.arange(80), 2)) == pytest.approx(found)


def test_cochrans_q_of_two_levels_is_mcnemars_statistic() -> None:
    first, second = pair(20, 9)
    found = cochrans_q(np.column_stack([first, second]), np.arange(len(first)))
    assert found is not None and found[0] == pytest.approx((20 - 9) ** 2 / 29)


@pytest.mark.parametrize("rows", [np.ones((5, 3)), np.zeros((5, 3)), np.ones((5, 1)), np.zeros((0, 4))])
def test_cochrans_q_of_nothing_that_differs_is_none(rows: np.ndarray) -> None:
    assert cochrans_q(rows, np.arange(len(rows))) is None


def test_holm_of_a_worked_example() -> None:
    """Sorted p-values times 4, 3, 2 and 1, never falling; what has no p keeps none."""
    assert holm([0.01, None, 0.04, 0.03, 0.005]) == [
        pytest.approx(0.03),
        None,
        pytest.approx(0.06),
        pytest.approx(0.06),
        pytest.approx(0.02),
    ]
    assert holm([None]) == [None]
