"""Accuracies with intervals, against published worked examples and exact enumeration."""

import numpy as np
import pytest
from scipy import stats

from distil.statistics.proportions import accuracy, effective_n, kappa, unpaired, wilson


def column(right: int, n: int) -> np.ndarray:
    return (np.arange(n) < right).astype(float)[:, None]


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_newcombes_published_intervals(correct: int, n: int, low: float, high: float) -> None:
    """Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3."""
    interval = wilson(correct, n)
    assert interval is not None
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


@pytest.mark.parametrize(("correct", "n"), [(0, 7), (7, 7), (3, 11), (421, 651)])
def test_wilson_agrees_with_scipy(correct: int, n: int) -> None:
    ours, scipys = wilson(correct, n), stats.binomtest(correct, n).proportion_ci(method="wilson")
    assert ours is not None
    assert ours == pytest.approx((scipys.low, scipys.high), abs=1e-12)


def test_wilson_covers_by_exact_enumeration() -> None:
    """At n = 60 and 5 % Wilson's interval covers 97.03 %, not less than 93 and a hair above 97: few counts occur."""
    for n in (60, 200, 650):
        bounds = [wilson(count, n) for count in range(n + 1)]
        for true in (0.05, 0.1, 0.3, 0.5, 0.8, 0.95):
            hit = [bool(bound and bound.low <= true <= bound.high) for bound in bounds]
            assert 0.93 <= stats.binom.pmf(np.arange(n + 1), n, true) @ hit <= 0.9704, (n, true)


def test_one_model_without_duplicates_has_the_plain_wilson_interval() -> None:
    found = accuracy(column(37, 120), np.arange(120))
    plain = wilson(37, 120)
    assert plain is not None
    assert found == pytest.approx((37 / 120, *plain), abs=1e-12)


def test_pairs_of_duplicates_count_once() -> None:
    verdicts, pairs = np.repeat(column(20, 60), 2, axis=0), np.repeat(np.arange(60), 2)
    assert effective_n(verdicts[:, 0], pairs) == pytest.approx(60)
    assert accuracy(verdicts, pairs)[1:] == pytest.approx(wilson(20, 60))


@pytest.mark.parametrize("right", [0, 40])
def test_all_wrong_and_all_right_have_an_interval(right: int) -> None:
    value, low, high = accuracy(np.repeat(column(right, 40), 5, axis=1), np.arange(40))
    assert (value, low, high) == pytest.approx((right / 40, *(wilson(right, 40) or ())))


def test_no_question_has_no_accuracy() -> None:
    assert accuracy(np.zeros((0, 3)), np.zeros(0, int)) == (None, None, None)
    assert wilson(0, 0) is None


def test_seeds_that_differ_widen_the_interval() -> None:
    same = np.repeat(column(60, 100), 3, axis=1)
    other = np.hstack([column(40, 100), column(60, 100), column(80, 100)])
    assert accuracy(same, np.arange(100)).value == pytest.approx(accuracy(other, np.arange(100)).value)
    narrow, wide = accuracy(same, np.arange(100)), accuracy(other, np.arange(100))
    assert narrow.low is not None and wide.low is not None and wide.low < narrow.low - 0.1


def test_the_studys_own_claim_is_not_significant_unpaired() -> None:
    """421 and 452 of 651 are arXiv 2606.31048's 64.67 % and 69.43 %."""
    z, p = unpaired((421, 452), (651, 651))
    assert (round(z, 2), round(p, 3)) == (-1.83, 0.068)
    assert p == pytest.approx(stats.chi2_contingency([[421, 230], [452, 199]], correction=False).pvalue)


def test_kappa_of_a_textbook_table() -> None:
    """Agresti, An Introduction to Categorical Data Analysis, section 9.1: 794, 150, 86, 570 give 0.6996 (SAS)."""
    cells = [(True, True, 794), (True, False, 150), (False, True, 86), (False, False, 570)]
    first = np.concatenate([np.full(n, a) for a, _, n in cells])
    second = np.concatenate([np.full(n, b) for _, b, n in cells])
    found = kappa(first, second)
    assert found is not None and round(found, 4) == 0.6996
    assert kappa(np.ones(5, bool), np.ones(5, bool)) is None
    assert kappa(np.ones(0, bool), np.ones(0, bool)) is None
