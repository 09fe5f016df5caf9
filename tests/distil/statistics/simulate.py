"""Simulated experiments with a known truth: base and seeds answer questions whose difficulty they share."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(80)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


@dataclass(frozen=True)
class Design:
    """Accuracies of base and student in the population of questions (and seeds), and how they vary.

    `spread` and `seed_spread` are standard deviations on the log-odds scale, of questions and of seeds; `duplicates`
    is the share of questions that repeat the one before, with the same verdicts. With `kinds` the questions are of so
    many kinds, each with its own shift for base and for student, of standard deviation `kind_spread`. With `base_seeds`
    the base is a group of adapters, too, as a level of chain lengths is.
    """

    n: int
    base: float
    student: float
    seeds: int = 5
    spread: float = 1.5
    seed_spread: float = 0.0
    duplicates: float = 0.05
    kinds: int = 0
    kind_spread: float = 0.0
    base_seeds: int = 0


@dataclass(frozen=True)
class Experiment:
    """Verdicts, clusters, kinds, and the true difference: over all seeds and kinds (`truth`), and for these very seeds
    (`these`). The base is (questions,), with seeds (questions, seeds).
    """

    base: np.ndarray
    students: np.ndarray
    clusters: np.ndarray
    truth: float
    these: float
    kinds: np.ndarray


def level(accuracy: float, spread: float) -> float:
    """The log odds at which the mean accuracy over a normal spread of log odds is `accuracy`."""
    return float(brentq(lambda odds: WEIGHTS @ expit(odds + spread * NODES) - accuracy, -60, 60))


def experiments(design: Design, count: int, seed: int = 0) -> Iterator[Experiment]:
    """Draw `count` experiments; duplicated questions leave the truth as it is, since which ones repeat is chance."""
    rng = np.random.default_rng(seed)
    spread = float(np.hypot(design.spread, design.kind_spread))
    before = level(design.base, float(np.hypot(spread, design.seed_spread)) if design.base_seeds else spread)
    after = level(design.student, float(np.hypot(spread, design.seed_spread)))
    for _ in range(count):
        ease = rng.normal(0, design.spread, design.n)
        shifts = rng.normal(0, design.seed_spread, design.seeds)
        easy_before = easy_after = ease
        kinds = np.zeros(design.n, int)
        if design.kinds:
            kinds = rng.integers(design.kinds, size=design.n)
            easy_before, easy_after = (ease + rng.normal(0, design.kind_spread, design.kinds)[kinds] for _ in range(2))
        odds = before + easy_before
        if design.base_seeds:
            odds = odds[:, None] + rng.normal(0, design.seed_spread, design.base_seeds)
        base = (rng.random(odds.shape) < expit(odds)).astype(float)
        students = (rng.random((design.n, design.seeds)) < expit(after + easy_after[:, None] + shifts)).astype(float)
        clusters = np.arange(design.n)
        for question in np.flatnonzero(rng.random(design.n) < design.duplicates):
            if question:
                clusters[question], base[question] = clusters[question - 1], base[question - 1]
                students[question], kinds[question] = students[question - 1], kinds[question - 1]
        these = np.mean([WEIGHTS @ expit(after + shift + spread * NODES) for shift in shifts]) - design.base
        yield Experiment(base, students, clusters, design.student - design.base, float(these), kinds)
