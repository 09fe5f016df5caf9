"""Trend tests, against scipy, a textbook and the study's published counts."""

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from distil.statistics.trend import cochran_armitage, page


def test_page_without_ties_is_scipys() -> None:
    rng = np.random.default_rng(0)
    values = rng.permuted(np.tile(np.arange(5.0), (40, 1)), axis=1) + 0.1 * np.arange(5)
    found = page(values, np.arange(40))
    assert found is not None
    one_sided = stats.page_trend_test(values, method="asymptotic").pvalue
    assert (found.p / 2 if found.z > 0 else 1 - found.p / 2) == pytest.approx(one_sided)


def test_page_with_ties_is_a_permutation_test() -> None:
    rng = np.random.default_rng(1)
    verdicts = (rng.random((60, 4)) < [0.7, 0.6, 0.6, 0.5]).astype(float)
    found = page(verdicts, np.arange(60))
    assert found is not None
    scores = np.arange(4)
    shuffled = np.array([(rng.permuted(verdicts, axis=1) @ scores).sum() for _ in range(4000)])
    observed = (verdicts @ scores).sum()
    share = np.mean(np.abs(shuffled - shuffled.mean()) >= abs(observed - shuffled.mean()) - 1e-9)
    assert found.p == pytest.approx(share, abs=0.025)


def test_page_counts_duplicates_once() -> None:
    verdicts = (np.random.default_rng(2).random((50, 4)) < 0.5).astype(float)
    once, twice = page(verdicts, np.arange(50)), page(np.tile(verdicts, (2, 1)), np.tile(np.arange(50), 2))
    assert once == pytest.approx(twice)


@pytest.mark.parametrize("verdicts", [np.ones((9, 6)), np.zeros((9, 6)), np.zeros((0, 6)), np.ones((9, 1))])
def test_page_of_nothing_that_changes_is_none(verdicts: np.ndarray) -> None:
    assert page(verdicts, np.arange(len(verdicts))) is None


def test_cochran_armitage_of_a_textbook_table() -> None:
    """Agresti, Categorical Data Analysis, alcohol and malformation: z^2 = 6.57, p = 0.01."""
    found = cochran_armitage([48, 38, 5, 1, 1], [17114, 14502, 793, 127, 38], [0, 0.5, 1.5, 4, 7])
    assert found is not None
    assert (round(found.z**2, 2), round(found.p, 3)) == (6.57, 0.010)
    assert cochran_armitage([0, 0], [5, 5], [1, 2]) is None


def test_the_studys_levels_fall_from_r2_to_r6(shared: Path) -> None:
    with (shared / "paper/length_levels.csv").open() as file:
        rows = {row["level"]: row for row in csv.DictReader(file) if row["section"] == "all"}
    levels = ["R2", "R3", "R4", "R5", "R6"]
    correct = [int(float(rows[level]["correct_filtered"])) for level in levels]
    n = [int(float(rows[level]["n_filtered"])) for level in levels]
    found = cochran_armitage(correct, n, [2, 3, 4, 5, 6])
    assert found is not None and round(found.z, 1) == -8.8
