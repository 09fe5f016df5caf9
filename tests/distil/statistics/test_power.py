"""Power from the standard error of the estimate, against simulation."""

import math

import numpy as np
import pytest

from distil.statistics.difference import difference
from distil.statistics.power import detectable, questions_needed
from distil.statistics.seeds import StandardErrors
from tests.distil.statistics.simulate import Design, experiments


def test_a_difference_of_the_detectable_size_is_found_four_times_in_five() -> None:
    design, rng, found = Design(150, 0.5, 0.614, seed_spread=0.1), np.random.default_rng(0), []
    sizes = []
    for one in experiments(design, 150, seed=2):
        result = difference(one.base[:, None], one.students, one.clusters, 1000, rng)
        assert result.errors is not None and result.both is not None
        sizes.append(detectable(result.errors))
        found.append(result.both.low > 0)
    assert np.mean(sizes) == pytest.approx(0.114, abs=0.01)
    assert np.mean(found) == pytest.approx(0.8, abs=0.1)


def test_more_questions_narrow_the_questions_part_alone() -> None:
    errors = StandardErrors(0.03, 0.01)
    needed = questions_needed(0.05, errors, 200)
    assert needed is not None
    narrowed = StandardErrors(0.03 * math.sqrt(200 / needed), 0.01)
    assert detectable(narrowed) == pytest.approx(0.05, rel=0.01)
    assert questions_needed(0.02, errors, 200) is None


@pytest.mark.parametrize("errors", [StandardErrors(math.nan, None), StandardErrors(0.0, 0.0)])
def test_without_an_error_nothing_is_said(errors: StandardErrors) -> None:
    assert detectable(errors) is None
