"""Power from the standard errors of the estimate, against simulation."""

import math

import numpy as np
import pytest

from distil.statistics.difference import difference
from distil.statistics.power import detectable, power, questions_needed
from distil.statistics.seeds import StandardErrors, Variances, influences, variances
from tests.distil.statistics.simulate import Design, experiments


@pytest.mark.parametrize(
    ("questions", "effect", "seeds", "spread"),
    [(150, 0.114, 5, 0.1), (225, 0.08, 3, 0.0), (225, 0.05, 3, 0.0), (250, 0.09, 2, 0.0), (250, 0.094, 3, 0.2),
     (250, 0.1, 1, 0.0)],
)  # fmt: skip
def test_so_often_is_an_effect_found(questions: int, effect: float, seeds: int, spread: float) -> None:
    design, rng = Design(questions, 0.35, 0.35 + effect, seeds, seed_spread=spread), np.random.default_rng(0)
    found, parts = list[bool](), list[Variances]()
    for one in experiments(design, 150, seed=2):
        both = difference(one.base[:, None], one.students, one.clusters, 500, rng).both
        gaps = one.students - one.base[:, None]
        of_this = variances(gaps.mean(axis=0), influences(gaps, one.clusters))
        assert both is not None and of_this is not None
        found.append(both.low > 0)
        parts.append(of_this)
    asked, drawn, shared = np.mean(parts, axis=0)
    errors = StandardErrors(math.sqrt(asked), math.sqrt(max(0.0, drawn - shared)), math.sqrt(shared), seeds)
    assert power(effect, errors) == pytest.approx(np.mean(found), abs=0.09)


@pytest.mark.parametrize("seeds", [1, 2, 3, 5])
def test_the_detectable_difference_is_found_four_times_in_five(seeds: int) -> None:
    errors = StandardErrors(0.03, 0.005, 0.01, seeds) if seeds > 1 else StandardErrors(0.03, None)
    found = detectable(errors)
    assert found is not None and power(found, errors) == pytest.approx(0.8) == power(-found, errors)
    assert seeds > 1 or found == pytest.approx(2.80 * 0.03, abs=0.0001)


def test_more_questions_narrow_the_questions_part_alone() -> None:
    errors = StandardErrors(0.03, 0.005, 0.01, 5)
    needed = questions_needed(0.05, errors, 200)
    assert needed is not None
    narrower = math.sqrt(200 / needed)
    assert detectable(errors._replace(questions=0.03 * narrower, interaction=0.01 * narrower)) == pytest.approx(
        0.05, rel=0.01
    )
    assert questions_needed(0.01, errors, 200) is None


@pytest.mark.parametrize("errors", [StandardErrors(math.nan, None), StandardErrors(0.0, 0.0, 0.0, 3)])
def test_without_an_error_nothing_is_said(errors: StandardErrors) -> None:
    assert detectable(errors) is None and questions_needed(0.05, errors, 200) is None
