"""The published numbers and the equivalence test."""

import json
from pathlib import Path

import pytest
from statsmodels.stats.proportion import tost_proportions_2indep

from distil.statistics.equivalence import tost
from distil.statistics.published import against, published


@pytest.mark.parametrize(("counts", "margin"), [((430, 421), 0.08), ((430, 421), 0.03), ((300, 421), 0.05)])
def test_tost_is_statsmodels_wald_test(counts: tuple[int, int], margin: float) -> None:
    shares = [count / 651 for count in counts]
    error = sum(share * (1 - share) / 651 for share in shares) ** 0.5
    found = tost(shares[0] - shares[1], error, margin)
    theirs = tost_proportions_2indep(counts[0], 651, counts[1], 651, -margin, margin, method="wald")
    assert found is not None and found.p == pytest.approx(theirs.pvalue)
    assert found.equivalent == (theirs.pvalue < 0.05)


@pytest.mark.parametrize("error", [0.0, float("nan"), float("inf")])
def test_no_error_no_test(error: float) -> None:
    assert tost(0.0, error, 0.03) is None


def test_a_run_that_cannot_be_compared_says_so() -> None:
    row = against("here", "base", 0.6, 0.02, 3.0, compare=False)
    assert row.published == 0.6467 and row.tost_p is None and "not compared" in (row.reason or "")


def test_a_run_that_lacks_the_number_says_so() -> None:
    assert "no such number" in (against("here", "R3", None, None, 3.0, compare=True).reason or "")


@pytest.mark.parametrize(("accuracy", "equivalent"), [(0.6467, False), (0.60, False)])
def test_a_run_of_the_studys_size_cannot_show_equality_within_three_points(accuracy: float, equivalent: bool) -> None:
    row = against("here", "base", accuracy, 0.0187, 3.0, compare=True)
    assert row.equivalent is equivalent and row.tost_p is not None and row.tost_p > 0.05


def test_equal_within_a_wide_margin() -> None:
    assert against("here", "base", 0.6467, 0.0187, 6.0, compare=True).equivalent is True


def test_the_numbers_are_the_published_ones(shared: Path) -> None:
    theirs = json.loads((shared / "paper/published.json").read_text())
    ours = published()
    assert ours["base"].accuracy == theirs["base_accuracy"]["value"]
    assert ours["teacher"].accuracy == theirs["teacher_accuracy"]["value"]
    assert ours["student"].accuracy == theirs["student_accuracy"]["mean"]
    assert ours["math500"].accuracy == theirs["math500_accuracy"]["mean"]
    assert {level: ours[level].accuracy for level in theirs["length_levels"]} == {
        level: row["accuracy"] for level, row in theirs["length_levels"].items()
    }
