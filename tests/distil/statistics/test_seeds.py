"""Seeds and questions as crossed factors, against statsmodels' mixed model and by construction."""

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from distil.statistics.seeds import (
    Interval,
    StandardErrors,
    added_variance,
    components,
    flip_rate,
    influences,
    seeds_bounds,
    seeds_part,
    standard_errors,
    t_interval,
    variances,
    which_dominates,
)

RNG = np.random.default_rng(4)


def crossed(questions: int, seeds: int, spread: tuple[float, float, float], rng=RNG) -> np.ndarray:
    rows, columns = rng.normal(0, spread[1], questions), rng.normal(0, spread[0], seeds)
    return rows[:, None] + columns + rng.normal(0, spread[2], (questions, seeds))


def test_components_are_those_of_a_crossed_mixed_model() -> None:
    """On a balanced layout REML and the moments agree as long as no component is cut at zero."""
    values = crossed(40, 8, (0.6, 1.0, 0.5))
    table = pd.DataFrame(values).reset_index().melt(id_vars="index", var_name="seed").assign(one=1)
    model = smf.mixedlm(
        "value ~ 1", table, groups="one", re_formula="0", vc_formula={"q": "0 + C(index)", "s": "0 + C(seed)"}
    ).fit(reml=True)
    fitted = dict(zip(model.model.exog_vc.names, model.vcomp, strict=True))
    ours = components(values)
    assert ours is not None
    assert (ours.question, ours.seed, ours.interaction) == pytest.approx(
        (fitted["q"], fitted["s"], model.scale), rel=0.02
    )


def test_standard_errors_are_those_of_the_layout() -> None:
    """Variance of the grand mean: questions and interaction over n, and what the seeds add over their number."""
    values = crossed(300, 6, (0.4, 1.0, 0.8))
    found = components(values)
    errors = standard_errors(values.mean(axis=0), influences(values, np.arange(300)))
    assert found is not None and errors.seeds is not None
    assert errors.questions**2 == pytest.approx(found.question / 300 + found.interaction / (300 * 6))
    assert errors.seeds**2 == pytest.approx(found.seed / 6)


def test_standard_errors_are_unbiased() -> None:
    """On average they are the true variance of the mean: 1/60 + 0.36/4 + 1/240 (seeds far enough apart for no cut)."""
    rng = np.random.default_rng(2)
    runs = [crossed(60, 4, (0.6, 1.0, 1.0), rng) for _ in range(2000)]
    errors = [standard_errors(run.mean(axis=0), influences(run, np.arange(60))) for run in runs]
    assert np.mean([error.questions**2 for error in errors]) == pytest.approx(1 / 60 + 1 / 240, rel=0.02)
    assert np.mean([(error.seeds or 0) ** 2 for error in errors]) == pytest.approx(0.36 / 4, rel=0.06)


def test_clustered_standard_error_is_that_of_the_cluster_means() -> None:
    values = np.repeat(crossed(50, 1, (0, 1, 1)), 3, axis=0)
    errors = standard_errors(values.mean(axis=0), influences(values, np.repeat(np.arange(50), 3)))
    assert errors.questions == pytest.approx(stats.sem(values[::3, 0]))
    assert errors.seeds is None


def test_seeds_far_apart_add_their_t_interval_and_alike_ones_nothing() -> None:
    values = np.tile(np.array([0.5, 0.7, 0.9]), (40, 1))
    influence = np.repeat(RNG.normal(0, 1, (40, 1)), 3, axis=1)
    apart, alike, one = (
        seeds_part(variances(row, influence[:, : len(row)]), len(row)) for row in (values[0], np.ones(3), np.ones(1))
    )
    found = t_interval(values[0])
    assert found and apart.kept == 1 and apart.margin == pytest.approx((found.high - found.low) / 2)
    assert apart.joined(0.1) == pytest.approx(math.hypot(0.1, apart.margin))
    assert alike == one == (1.0, 0.0) and one.joined(0.1) == 0.1


def test_an_interaction_is_not_counted_twice_and_never_narrows() -> None:
    """With an interaction alone the seeds' values differ because of it, and what is kept is less."""
    values = crossed(200, 5, (0.0, 0.0, 1.0), np.random.default_rng(3))
    influence = influences(values, np.arange(200))
    found, whole = (
        seeds_part(variances(values.mean(axis=0), influence), values.shape[1]),
        t_interval(values.mean(axis=0)),
    )
    assert whole and found.kept < 0.8 and found.margin < (whole.high - whole.low) / 2
    assert found._replace(margin=0.01).joined(0.1) == 0.1


def test_seeds_far_apart_add_their_t_margin_to_an_accuracy_and_alike_ones_nothing() -> None:
    apart = np.array([0.5, 0.7, 0.9])
    found, margin = variances(apart, np.zeros((40, 3))), t_interval(apart)
    assert found and margin
    assert stats.norm.ppf(0.975) * math.sqrt(added_variance(found, 3)) == pytest.approx((margin.high - margin.low) / 2)
    assert added_variance(found, 1) == 0 == added_variance(found._replace(seeds=0.004, interaction=0.01), 3)
    half = found._replace(interaction=found.seeds)
    assert added_variance(half, 3) == pytest.approx((added_variance(found, 3) - found.seeds) / 2)


def test_t_interval_is_scipys() -> None:
    accuracies = np.array([0.70, 0.72, 0.69, 0.71, 0.70])
    found = t_interval(accuracies)
    assert found == pytest.approx(stats.ttest_1samp(accuracies, 0).confidence_interval(0.95))
    assert t_interval(accuracies[:1]) is None


@pytest.mark.parametrize(
    ("rows", "expected"),
    [([[1, 1, 1], [0, 0, 0]], 0.0), ([[1, 0, 1], [0, 0, 0]], 0.5), ([[1, 0], [0, 1]], 1.0), ([[1], [0]], None)],
)
def test_flip_rate_counts_questions_that_seeds_disagree_on(rows: list[list[int]], expected: float | None) -> None:
    assert flip_rate(np.array(rows, float)) == expected


def test_what_cannot_be_had_is_none() -> None:
    assert components(np.ones((9, 1))) is None
    assert components(np.ones((1, 9))) is None
    assert components(np.ones((9, 3))) == (0.0, 0.0, 0.0)
    assert flip_rate(np.ones((0, 3))) is None
    one = standard_errors(np.ones(3), np.zeros((1, 3)))
    assert math.isnan(one.questions) and one.seeds is None


@pytest.mark.parametrize(
    ("errors", "bounds", "start"),
    [
        (StandardErrors(0.02, 0.002), (0.0, 0.005), "The questions dominate. Of the variance of the result 1 %"),
        (StandardErrors(0.02, 0.002), (0.0, 0.014), "The questions dominate. Of the variance"),
        (StandardErrors(0.002, 0.02), (0.013, 0.05), "The seeds dominate. Of the variance of the result 99 %"),
        (StandardErrors(0.01, 0.02), (0.009, 0.05), "So few seeds cannot tell"),
        (StandardErrors(0.02, 0.0), (0.0, 0.03), "So few seeds cannot tell"),
        (StandardErrors(0.02, None), None, "One seed, or too few questions"),
        (StandardErrors(0.0, 0.1), (0.0, 0.2), "So few seeds cannot tell"),
        (StandardErrors(0.0, 0.0), (0.0, 0.0), "Neither seeds nor questions"),
    ],
)
def test_the_sentence_says_which_dominates(
    errors: StandardErrors, bounds: tuple[float, float] | None, start: str
) -> None:
    sentence = which_dominates(errors, Interval(*bounds) if bounds else None, 5, 200)
    assert sentence.startswith(start)
    assert ("more seeds would not" in sentence) == (bounds == (0.0, 0.005))


def test_the_bounds_of_the_seeds_part_hold() -> None:
    """In 19 of 20 experiments the true part is above the one, and in 19 of 20 below the other."""
    rng, count, spread, above, below = np.random.default_rng(0), 400, 0.02, 0, 0
    for _ in range(count):
        rest = rng.normal(0, 0.4, (200, 5))
        per_seed = rng.normal(0, spread, 5) + rest.mean(axis=0)
        bounds = seeds_bounds(per_seed, rest - rest.mean(axis=0))
        assert bounds is not None and bounds.low <= bounds.high
        above += bounds.low <= spread / 5**0.5
        below += bounds.high >= spread / 5**0.5
    assert above / count >= 0.93 and below / count >= 0.93
    assert seeds_bounds(np.ones(1), np.zeros((9, 1))) is None
