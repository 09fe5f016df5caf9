"""One part's result: base, student and their difference, with every interval, test and count that goes with them."""

import zlib
from typing import Any

import numpy as np

from distil.statistics.difference import difference, points
from distil.statistics.families import FEW, other_families
from distil.statistics.paired import holm, mcnemar, median_seed, sign_flips
from distil.statistics.power import detectable, questions_needed
from distil.statistics.proportions import accuracy
from distil.statistics.seeds import (
    StandardErrors,
    components,
    flip_rate,
    influences,
    seeds_bound,
    t_interval,
    which_dominates,
)
from stages.eval.params import EvalParams
from stages.eval.parts import Part


def generator(params: EvalParams, name: str) -> np.random.Generator:
    """A random generator for one named result, so that none depends on which others were made before it."""
    return np.random.default_rng([params.seed, zlib.crc32(name.encode())])


def compare(part: Part, params: EvalParams, name: str) -> dict[str, Any]:
    """Everything about student against base on one part; None, and the reason in `reasons`, for what cannot be had.

    Accuracies are fractions, differences percentage points. McNemar's test needs one answer per question: it is that
    of the seed with the median accuracy, and `seeds` has every seed's; `sign_flip_p` uses all seeds at once.
    """
    base, students, clusters = part.base, part.students, part.clusters
    seeds = students.shape[1]
    before, after = accuracy(base[:, None], clusters), accuracy(students, clusters)
    gap = difference(base[:, None], students, clusters, params.resamples, generator(params, name))
    both, questions = gap.both or (None, None), gap.questions or (None, None)
    result: dict[str, Any] = {
        "n": len(part), "base": before.value, "base_low": before.low, "base_high": before.high,
        "student_mean": after.value, "student_low": after.low, "student_high": after.high, "student_std": None,
        "difference": points(gap.value), "difference_low": points(both[0]), "difference_high": points(both[1]),
        "gained": None, "lost": None, "mcnemar_p": None, "interval_method": gap.method,
        "questions_low": points(questions[0]), "questions_high": points(questions[1]),
        "difference_low_families": None, "difference_high_families": None, "families": len(np.unique(part.families)),
        "sign_flip_p": sign_flips(base[:, None], students, clusters), "clusters": len(np.unique(clusters)), "seeds": [],
        "reasons": {},
    }  # fmt: skip
    if not len(part):
        result["reasons"]["n"] = "no question of this kind"
        return result
    kinds = other_families(base[:, None], students, part.families)
    if kinds:
        result |= {"difference_low_families": points(kinds.low), "difference_high_families": points(kinds.high)}
    else:
        result["reasons"]["difference_low_families"] = f"fewer than {FEW} kinds of questions"
    tests = [mcnemar(base, students[:, seed]) for seed in range(seeds)]
    typical = median_seed(students)
    gained, lost, p = tests[typical]
    result |= {"gained": gained, "lost": lost, "mcnemar_p": p, "mcnemar_model": part.models[1 + typical]}
    result["seeds"] = [
        {"model": model, "accuracy": float(students[:, seed].mean()), **tests[seed]._asdict()}
        for seed, model in enumerate(part.models[1:])
    ]
    if result["sign_flip_p"] is None:
        result["reasons"]["sign_flip_p"] = "too few questions tell base and student apart"
    if gained + lost == 0:
        result["reasons"]["mcnemar_p"] = "no discordant pair: p is 1 by definition"
    per_seed = students.mean(axis=0)
    if seeds > 1:
        result["student_std"] = float(per_seed.std(ddof=1))
    else:
        result["reasons"]["student_std"] = "one seed: the intervals hold for this adapter only"
    assert gap.errors is not None
    return result | {"crossed": crossed(part, gap.errors), "power": power(part, gap.errors, params)}


def crossed(part: Part, errors: StandardErrors) -> dict[str, Any]:
    """Seeds and questions as crossed factors: whose differences make the verdicts, and the result, uncertain."""
    students = part.students
    seeds = students.shape[1]
    split, over_seeds = components(students), t_interval(students.mean(axis=0))
    total = sum(split) if split else 0.0
    shares = {name: part / total for name, part in split._asdict().items()} if split and total else {}
    by_seeds = None if errors.seeds is None else errors.seeds**2
    bound = seeds_bound(students.mean(axis=0), influences(students - part.base[:, None], part.clusters))
    return {
        **{f"{name}_share": shares.get(name) for name in ("seed", "question", "interaction")},
        "t_low": over_seeds.low if over_seeds else None,
        "t_high": over_seeds.high if over_seeds else None,
        "questions_standard_error": points(errors.questions) if np.isfinite(errors.questions) else None,
        "seeds_standard_error": points(errors.seeds),
        "seeds_share_of_uncertainty": _share(by_seeds, errors),
        "seeds_share_at_most": _share(None if bound is None else bound**2, errors),
        "flip_rate": flip_rate(students),
        "sentence": which_dominates(errors, bound, seeds, len(part)),
    }


def _share(seeds: float | None, errors: StandardErrors) -> float | None:
    """The seeds' part of the variance of the result, if theirs is `seeds`."""
    total = errors.questions**2 + (seeds or 0.0)
    return seeds / total if seeds is not None and total > 0 else None


def power(part: Part, errors: StandardErrors, params: EvalParams) -> dict[str, Any]:
    """What this run could have shown at 80 % power, by the standard error of its own estimate."""
    return {
        "detectable": points(detectable(errors)),
        "effect": params.effect,
        "questions_needed": questions_needed(params.effect / 100, errors, len(part)),
    }


def beside(first: Part, second: Part, params: EvalParams, name: str) -> dict[str, Any]:
    """The students of `first` minus those of `second` on the questions of both, in points: `n`, `low` and `high`.

    Both are adapters of the same seeds, trained on other rows.
    """
    shared = sorted(set(first.questions["id"]) & set(second.questions["id"]))
    if not shared:
        return {"n": 0, "points": None, "low": None, "high": None}
    one, other = (part.where(part.questions["id"].isin(shared).to_numpy()) for part in (first, second))
    found = difference(other.students, one.students, one.clusters, params.resamples, generator(params, name))
    low, high = found.both or (None, None)
    return {"n": len(shared), "points": points(found.value), "low": points(low), "high": points(high)}


def add_holm(results: list[dict[str, Any]]) -> None:
    """Add `holm_p` to each result: its `mcnemar_p` corrected for all of them being looked at."""
    for result, p in zip(results, holm([result["mcnemar_p"] for result in results]), strict=True):
        result["holm_p"] = p
