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
    is the share of questions that repeat the one before, with the same verdicts.
    """

    n: int
    base: float
    student: float
    seeds: int = 5
    spread: float = 1.5
    seed_spread: float = 0.0
    duplicates: float = 0.05


@dataclass(frozen=True)
class Experiment:
    """Verdicts, clusters, and the true difference: over all seeds (`truth`), and for these very seeds (`these`)."""

    base: np.ndarray
    students: np.ndarray
    clusters: np.ndarray
    truth: float
    these: float


def level(accuracy: float, spread: float) -> float:
    """The log odds at which the mean accuracy over a normal spread of log odds is `accuracy`."""
    return float(brentq(lambda odds: WEIGHTS @ expit(odds + spread * NODES) - accuracy, -60, 60))


def experiments(design: Design, count: int, seed: int = 0) -> Iterator[Experiment]:
    """Draw `count` experiments; duplicated questions leave the truth as it is, since which ones repeat is chance."""
    rng = np.random.default_rng(seed)
    before = level(design.base, design.spread)
    after = level(design.student, float(np.hypot(design.spread, design.seed_spread)))
    for _ in range(count):
        ease = rng.normal(0, design.spread, design.n)
        shifts = rng.normal(0, design.seed_spread, design.seeds)
        base = (rng.random(design.n) < expit(before + ease)).astype(float)
        students = (rng.random((design.n, design.seeds)) < expit(after + ease[:, None] + shifts)).astype(float)
        clusters = np.arange(design.n)
        for question in np.flatnonzero(rng.random(design.n) < design.duplicates):
            if question:
                clusters[question], base[question] = clusters[question - 1], base[question - 1]
                students[question] = students[question - 1]
        these = np.mean([WEIGHTS @ expit(after + shift + design.spread * NODES) for shift in shifts]) - design.base
        yield Experiment(base, students, clusters, design.student - design.base, float(these))
