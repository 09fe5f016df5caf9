"""Power of McNemar's test, against simulation and a worked example."""

import numpy as np
import pytest
from scipy import stats

from distil.statistics.power import detectable, exact_power, questions_needed


def test_a_worked_example_of_connors_formula() -> None:
    """Discordant 0.2 and 0.1 each way: (1.96 sqrt(0.3) + 0.8416 sqrt(0.3 - 0.01))^2 / 0.01 = 233.1."""
    assert questions_needed(0.1, 0.3) == 234
    assert questions_needed(-0.1, 0.3) == 234


@pytest.mark.parametrize(("effect", "discordance"), [(0.05, 0.2), (0.1, 0.3), (0.0477, 0.25), (0.3, 0.45)])
def test_the_needed_number_has_eighty_percent_power_in_the_exact_test(effect: float, discordance: float) -> None:
    needed = questions_needed(effect, discordance)
    assert needed is not None
    assert exact_power(effect, discordance, needed) == pytest.approx(0.8, abs=0.05)  # the exact test is cautious


def test_exact_power_is_what_simulation_finds() -> None:
    rng, hits = np.random.default_rng(0), 0
    for _ in range(2000):
        gained, lost, _ = rng.multinomial(120, [0.2, 0.08, 0.72])
        hits += stats.binomtest(gained, gained + lost).pvalue <= 0.05
    assert exact_power(0.12, 0.28, 120) == pytest.approx(hits / 2000, abs=0.035)


@pytest.mark.parametrize(("n", "discordance"), [(60, 0.4), (200, 0.1), (650, 0.25), (100_000, 0.5)])
def test_detectable_inverts_the_needed_number(n: int, discordance: float) -> None:
    effect = detectable(n, discordance)
    assert effect is not None
    assert abs((questions_needed(effect, discordance) or 0) - n) <= 1


def test_what_no_number_of_questions_shows_is_none() -> None:
    assert questions_needed(0.0, 0.2) is None
    assert questions_needed(0.3, 0.2) is None  # more than the models disagree at all
    assert detectable(0, 0.2) is None
    assert detectable(50, 0.0) is None
    assert detectable(10, 0.05) is None
