"""Resampling, against scipy.stats.bootstrap."""

import time

import numpy as np
import pytest
from scipy import stats

from distil.statistics.resampling import bca, resample, resampled_totals
from distil.statistics.seeds import cluster_sums


def mean_of(totals: np.ndarray) -> np.ndarray:
    return totals[..., 1:] / totals[..., :1]


@pytest.mark.parametrize(("n", "skew"), [(40, 0.05), (200, 0.3), (200, 0.9)])
def test_bca_is_scipys(n: int, skew: float) -> None:
    """The same replicates, estimate and jackknife give scipy's interval at the level that the t quantile asks for."""
    rng = np.random.default_rng(n)
    data = (rng.random(n) < skew).astype(float) + rng.exponential(0.3, n)
    level = 1 - 2 * stats.norm.cdf(-np.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 1))
    scipys = stats.bootstrap((data,), np.mean, n_resamples=4000, confidence_level=level, method="BCa", rng=rng)
    ours = bca(data.mean(), scipys.bootstrap_distribution, data - data.mean())
    assert ours == pytest.approx(tuple(scipys.confidence_interval), abs=1e-3)


def test_another_order_of_sums_breaks_no_tie() -> None:
    """Other processors and more threads add in another order: the last bits differ, and the interval must not."""
    rng = np.random.default_rng(4)
    influence = rng.integers(-1, 2, size=40) / 3
    influence -= influence.mean()
    replicates = np.round(3 * (0.2 + influence[rng.integers(40, size=(2000, 40))].mean(axis=1)), 1) / 3
    ties = np.isclose(replicates, 0.2, atol=0.02)
    replicates[ties] = 0.2
    apart = replicates - 1e-15 * ties
    assert ties.sum() > 100 and (apart < 0.2).sum() != (replicates < 0.2).sum()
    assert bca(0.2, apart, influence) == pytest.approx(bca(0.2, replicates, influence), abs=1e-12)


def test_resampled_totals_are_totals_of_clusters_drawn_with_replacement() -> None:
    sums = np.array([[1.0, 5.0], [2.0, 7.0], [4.0, 0.0]])
    totals = resampled_totals(sums, 20_000, np.random.default_rng(0))
    possible = {tuple(sums[[a, b, c]].sum(axis=0)) for a in range(3) for b in range(3) for c in range(3)}
    assert {tuple(row) for row in totals} == possible
    assert totals.mean(axis=0) == pytest.approx(sums.sum(axis=0), rel=0.01)
    assert totals.var(axis=0) == pytest.approx(3 * sums.var(axis=0), rel=0.05)


def test_batches_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    sums = np.random.default_rng(1).random((50, 2))
    whole = resampled_totals(sums, 100, np.random.default_rng(3))
    monkeypatch.setattr("distil.statistics.resampling.CACHED", 170)
    assert np.allclose(resampled_totals(sums, 100, np.random.default_rng(3)), whole)


def test_duplicated_questions_do_not_narrow_the_interval() -> None:
    rng = np.random.default_rng(0)
    values = (rng.random((100, 1)) < 0.6).astype(float)
    table = np.hstack([np.ones((100, 1)), values])
    once = resample(cluster_sums(table, np.arange(100)), mean_of, 4000, np.random.default_rng(5), most=1)
    twice = resample(
        cluster_sums(np.tile(table, (2, 1)), np.tile(np.arange(100), 2)),
        mean_of,
        4000,
        np.random.default_rng(5),
        most=1,
    )
    assert once.both == pytest.approx(twice.both)
    assert once.both == once.questions  # one seed: there is nothing to add
    assert once.errors.questions == pytest.approx(stats.sem(values[:, 0]), rel=1e-6)


def test_seeds_widen_it_by_their_own_variance_only() -> None:
    """With noise alone between the seeds both intervals nearly agree; a seed effect adds its t margin."""
    rng = np.random.default_rng(8)
    noise = (rng.random((400, 5)) < 0.5).astype(float)
    effect = (rng.random((400, 5)) < np.array([0.3, 0.4, 0.5, 0.6, 0.7])).astype(float)
    width = {}
    for name, values in (("noise", noise), ("effect", effect)):
        sums = np.hstack([np.ones((400, 1)), values])
        found = resample(sums, mean_of, 10_000, np.random.default_rng(2), most=1)
        assert found.both is not None and found.questions is not None and found.errors.seeds is not None
        width[name] = np.ptp(found.both), np.ptp(found.questions)
    assert width["noise"][0] == pytest.approx(width["noise"][1], rel=0.35)
    margin = stats.t.ppf(0.975, 4) * effect.mean(axis=0).std(ddof=1) / np.sqrt(5)
    assert width["effect"][0] == pytest.approx(2 * margin, rel=0.15)


@pytest.mark.parametrize("clusters", [1, 30])
def test_nothing_to_resample_is_none(clusters: int) -> None:
    sums = np.tile([[1.0, 1.0, 1.0]], (clusters, 1))
    found = resample(sums, mean_of, 1000, np.random.default_rng(0), most=1)
    assert (found.estimate, found.both, found.questions) == (1.0, None, None)


def test_totals_of_whole_numbers_are_exact_and_computed_on_one_thread() -> None:
    sums = np.hstack([np.ones((100_000, 1)), np.random.default_rng(0).integers(-1, 2, (100_000, 5))])
    process, thread = time.process_time(), time.thread_time()
    totals = resampled_totals(sums, 200, np.random.default_rng(1))
    process, thread = time.process_time() - process, time.thread_time() - thread
    assert (totals[:, 0] == 100_000).all() and np.array_equal(totals, totals.round())
    assert process < 1.2 * thread, "other threads took processor time from other stages"
