"""The interval for other kinds of questions, against scipy."""

import numpy as np
import pytest
from scipy import stats

from distil.statistics.families import FEW, other_families

RNG = np.random.default_rng(6)
KINDS = np.repeat(np.arange(12), 5)
"""Twelve kinds of five questions."""


def test_with_one_seed_it_is_students_over_kinds() -> None:
    gains = RNG.normal(0.2, 0.1, (60, 1))
    means = gains.reshape(12, 5).mean(axis=1)
    expected = stats.ttest_1samp(means, 0).confidence_interval(0.95)
    assert other_families(np.zeros((60, 1)), gains, KINDS) == pytest.approx(tuple(expected))


def test_kinds_and_seeds_that_add_up_are_welchs_two_samples() -> None:
    of_kinds, of_seeds = RNG.normal(0.2, 0.1, 12), RNG.normal(0, 0.1, 3)
    expected = stats.ttest_ind(of_kinds, -of_seeds, equal_var=False).confidence_interval(0.95)
    assert other_families(np.zeros((60, 1)), of_kinds[KINDS][:, None] + of_seeds, KINDS) == pytest.approx(
        tuple(expected)
    )


def test_seeds_alike_never_narrow_it() -> None:
    """Nothing but what kinds and seeds do together tells the seeds apart, and their means are the same."""
    together = RNG.normal(0, 0.1, (12, 3))
    together -= together.mean(axis=0)
    gains = (0.2 + together)[KINDS]
    found = other_families(np.zeros((60, 1)), gains, KINDS)
    these = other_families(np.zeros((60, 1)), gains.mean(axis=1)[:, None], KINDS)
    assert found == pytest.approx(these)


def test_few_kinds_have_none() -> None:
    kinds = np.repeat(np.arange(FEW - 1), 5)
    assert other_families(np.zeros((len(kinds), 1)), np.ones((len(kinds), 2)), kinds) is None
