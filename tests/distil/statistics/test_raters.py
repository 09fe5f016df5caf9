"""A judge as a rater: counts by hand, a published example, and the coverage of the corrected accuracy."""

import numpy as np
import pytest

from distil.statistics.raters import Rating, rate, rogan_gladen


def test_agreement_is_counted_cell_by_cell() -> None:
    verifier = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], bool)
    judge = np.array([1, 1, 1, 0, 1, 1, 0, 0, 0, 0], bool)
    found = rate(verifier, judge)
    assert (found.both, found.neither, found.false_accepts, found.false_rejects) == (3, 4, 2, 1)
    assert found.sensitivity == 3 / 4 and found.specificity == 4 / 6
    assert found.kappa == pytest.approx((0.7 - 0.5) / (1 - 0.5))
    summary = found.summary()
    assert (summary["n"], summary["agree"], summary["verifier_right"], summary["judge_right"]) == (10, 7, 4, 5)
    assert summary["sensitivity_low"] < 3 / 4 < summary["sensitivity_high"]


def test_a_judge_without_errors_changes_nothing() -> None:
    judge = Rating(5000, 5000, 0, 0, 1.0)
    found = rogan_gladen(452, 651, judge)
    assert found is not None
    assert found.value == 452 / 651
    assert (found.low, found.high) == pytest.approx((0.658, 0.729), abs=0.002)  # Wilson's interval


def test_the_estimate_undoes_known_errors() -> None:
    """Of 1,000 answers 600 are right: 0.9 x 600 + 0.2 x 400 = 620 are accepted."""
    found = rogan_gladen(620, 1000, Rating(90, 80, 20, 10, 0.7))
    assert found is not None and found.value == pytest.approx(0.6)
    assert found.low < 0.6 < found.high


def test_more_rated_answers_make_the_interval_narrower() -> None:
    few, many = (rogan_gladen(620, 1000, Rating(9 * k, 8 * k, 2 * k, k, 0.7)) for k in (5, 500))
    assert few is not None and many is not None
    assert few.high - few.low > 1.5 * (many.high - many.low)


@pytest.mark.parametrize(
    "judge",
    [Rating(50, 50, 50, 50, 0.0), Rating(5, 0, 0, 1, None), Rating(0, 5, 1, 0, None), Rating(0, 0, 0, 0, None)],
)
def test_a_judge_that_tells_nothing_corrects_nothing(judge: Rating) -> None:
    assert rogan_gladen(10, 20, judge) is None


@pytest.mark.parametrize(
    ("truth", "n", "rated", "sensitivity", "specificity"),
    [
        (0.69, 651, 499, 0.97, 0.99),  # the study's sizes, and about its judge
        (0.69, 651, 499, 0.90, 0.85),
        (0.40, 600, 200, 0.85, 0.80),
        (0.25, 200, 300, 0.95, 0.90),
        (0.80, 1000, 150, 0.90, 0.75),
    ],
)
def test_the_corrected_accuracy_covers_the_truth(
    truth: float, n: int, rated: int, sensitivity: float, specificity: float
) -> None:
    """Coverage within 93 and 97 % with both samples drawn anew each time."""
    rng, draws = np.random.default_rng(2606), 4000
    covered = 0
    for _ in range(draws):
        right = int(rng.binomial(rated, 0.75))
        both, neither = int(rng.binomial(right, sensitivity)), int(rng.binomial(rated - right, specificity))
        judge = Rating(both, neither, rated - right - neither, right - both, None)
        accepted = rng.binomial(n, truth * sensitivity + (1 - truth) * (1 - specificity))
        found = rogan_gladen(int(accepted), n, judge)
        assert found is not None
        covered += found.low <= truth <= found.high
    assert 0.93 <= covered / draws <= 0.97
