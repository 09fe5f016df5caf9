"""Trend tests, against scipy, a textbook and the study's published counts."""

import csv
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from distil.statistics.trend import cochran_armitage, log_words_slopes, page


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


def clustered(questions: int, extra: float, rng: np.random.Generator):
    words, sections = np.array([30, 18, 16, 12, 8, 2]), np.array(["a", "b", "two"] * (questions // 3))
    odds = rng.normal(0, 1, questions)[:, None] + (1 + extra * (sections == "two"))[:, None] * (np.log(words) - 2.5)
    return (rng.random(odds.shape) < 1 / (1 + np.exp(-odds))).astype(float), words, sections


def test_slopes_are_those_of_a_glm_with_clustered_errors() -> None:
    verdicts, words, sections = clustered(240, 1.0, np.random.default_rng(5))
    found = log_words_slopes(verdicts, words, sections, np.arange(240), "two")
    assert not isinstance(found, str)
    log_words, two = np.tile(np.log(words), 240), np.repeat(sections == "two", 6)
    b = np.repeat(sections == "b", 6)
    design = np.column_stack([np.ones(1440), log_words, log_words * two, b, two]).astype(float)
    glm = sm.GLM(verdicts.ravel(), design, family=sm.families.Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": np.repeat(np.arange(240), 6)}
    )
    assert [slope.value for slope in found] == pytest.approx(list(glm.params[1:3]), rel=1e-5)
    low, high = glm.conf_int()[1:3].T
    assert [slope.low for slope in found] == pytest.approx(list(low), abs=0.03)
    assert [slope.high for slope in found] == pytest.approx(list(high), abs=0.03)
    assert found[1].low < 0.9 and found[1].high > 0.2  # the true interaction, weakened by averaging over questions


@pytest.mark.parametrize(
    ("verdicts", "sections", "why"),
    [
        (np.ones((6, 2)), ["a", "a", "a", "two", "two", "two"], "is right or every one wrong"),
        (np.eye(2)[[0, 1, 0, 1]], ["two"] * 4, "sections to compare"),
        (np.eye(2)[[0, 1, 0, 1]], ["a"] * 4, "sections to compare"),
    ],
)
def test_slopes_that_cannot_be_had_say_why(verdicts: np.ndarray, sections: list[str], why: str) -> None:
    found = log_words_slopes(verdicts, [9, 3], np.array(sections), np.arange(len(verdicts)), "two")
    assert isinstance(found, str) and why in found
