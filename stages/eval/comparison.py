"""One part's result: base, student and their difference, with all intervals, tests and counts."""

from collections.abc import Mapping, Sequence

import numpy as np

from distil.pipeline.results import Comparison, Crossed, PairedGap, Power, SectionComparison, SeedResult
from distil.statistics.difference import Difference, difference, points
from distil.statistics.families import FEW, other_families
from distil.statistics.paired import holm, mcnemar, median_seed, sign_flips
from distil.statistics.parts import STUDENT, Part
from distil.statistics.power import detectable, questions_needed
from distil.statistics.proportions import accuracy
from distil.statistics.seeds import (
    Interval,
    StandardErrors,
    components,
    flip_rate,
    influences,
    seeds_bounds,
    t_interval,
    which_dominates,
)
from stages.eval.params import EvalParams

CLAIMED = ("contest_unseen", "transfer")
"""The parts that a claim rests on."""


def compare(part: Part, params: EvalParams, name: str) -> Comparison:
    """All numbers of student against base on one part. Where there is no number it is None, and `reasons` says why.

    Accuracies are fractions, differences percentage points. McNemar's test needs one answer per question, so it is the
    test of the seed with the median accuracy; `seeds` has the test of every seed. `sign_flip_p` uses all seeds at once.
    """
    gap = difference(part.base, part.students, part.clusters, params.resamples, params.generator(name))
    result = outline(part, gap)
    if not len(part):
        return result.model_copy(update={"reasons": {"n": "no question of this kind"}})
    reasons: dict[str, str] = {}
    base, students = part.base[:, 0], part.students
    models, seeds = part.groups[STUDENT].models, students.shape[1]
    kinds = other_families(part.base, students, part.families)
    if kinds and gap.both:  # other kinds of questions are never more certain than more questions of these kinds
        kinds = Interval(min(kinds.low, gap.both.low), max(kinds.high, gap.both.high))
    if not kinds:
        reasons["difference_low_families"] = f"fewer than {FEW} kinds of questions"
    # a test for each seed: verdicts of several seeds on one question are not independent, so they are not pooled
    tests = [mcnemar(base, students[:, seed]) for seed in range(seeds)]
    typical = median_seed(students)
    gained, lost, p = tests[typical]
    if result.sign_flip_p is None:
        reasons["sign_flip_p"] = "too few questions tell base and student apart"
    if gained + lost == 0:
        reasons["mcnemar_p"] = "no discordant pair: p is 1 by definition"
    if seeds == 1:
        reasons["student_std"] = "one seed: the intervals hold for this adapter only"
    assert gap.errors is not None
    return result.model_copy(
        update={
            "student_std": float(students.mean(axis=0).std(ddof=1)) if seeds > 1 else None,
            "gained": gained,
            "lost": lost,
            "mcnemar_p": p,
            "mcnemar_model": models[typical],
            "difference_low_families": points(kinds.low) if kinds else None,
            "difference_high_families": points(kinds.high) if kinds else None,
            "seeds": [
                SeedResult(model=model, accuracy=float(students[:, seed].mean()), **tests[seed]._asdict())
                for seed, model in enumerate(models)
            ],
            "reasons": reasons,
            "crossed": crossed(part, gap.errors),
            "power": power(part, gap.errors, params),
        }
    )


def outline(part: Part, gap: Difference) -> Comparison:
    """The numbers that every part has, even without questions: accuracies, their difference, counts."""
    clusters = part.clusters
    before, after = accuracy(part.base, clusters), accuracy(part.students, clusters)
    both, questions = gap.both or (None, None), gap.questions or (None, None)
    return Comparison(
        n=len(part), base=before.value, base_low=before.low, base_high=before.high,
        student_mean=after.value, student_low=after.low, student_high=after.high, student_std=None,
        difference=points(gap.value), difference_low=points(both[0]), difference_high=points(both[1]),
        gained=None, lost=None, mcnemar_p=None, interval_method=gap.method,
        questions_low=points(questions[0]), questions_high=points(questions[1]),
        difference_low_families=None, difference_high_families=None, families=len(np.unique(part.families)),
        sign_flip_p=sign_flips(part.base, part.students, clusters), clusters=len(np.unique(clusters)),
        seeds=[], reasons={},
    )  # fmt: skip


def crossed(part: Part, errors: StandardErrors) -> Crossed:
    """Seeds and questions as crossed factors: how much each adds to the uncertainty of a verdict and of the result."""
    students = part.students
    seeds = students.shape[1]
    split, over_seeds = components(students), t_interval(students.mean(axis=0))
    total = sum(split) if split else 0.0
    shares = {name: part / total for name, part in split._asdict().items()} if split and total else {}
    # variances add up, standard errors do not
    by_seeds = None if errors.seeds is None else errors.seeds**2
    bounds = seeds_bounds(students.mean(axis=0), influences(students - part.base, part.clusters))
    return Crossed(
        seed_share=shares.get("seed"),
        question_share=shares.get("question"),
        interaction_share=shares.get("interaction"),
        t_low=over_seeds.low if over_seeds else None,
        t_high=over_seeds.high if over_seeds else None,
        questions_standard_error=points(errors.questions) if np.isfinite(errors.questions) else None,
        seeds_standard_error=points(errors.seeds),
        seeds_share_of_uncertainty=_share(by_seeds, errors),
        seeds_share_at_least=_share(None if bounds is None else bounds.low**2, errors),
        seeds_share_at_most=_share(None if bounds is None else bounds.high**2, errors),
        flip_rate=flip_rate(students),
        sentence=which_dominates(errors, bounds, seeds, len(part)),
    )


def _share(seeds: float | None, errors: StandardErrors) -> float | None:
    """The seeds' share of the variance of the result; `seeds` is their variance."""
    total = errors.questions**2 + (seeds or 0.0)
    return seeds / total if seeds is not None and total > 0 else None


def power(part: Part, errors: StandardErrors, params: EvalParams) -> Power:
    """The effect that this run could detect with 80 % power, from the standard error of its own estimate."""
    return Power(
        detectable=points(detectable(errors)),
        effect=params.effect,
        questions_needed=questions_needed(params.effect / 100, errors, len(part)),
    )


def students_gap(first: Part, second: Part, params: EvalParams, name: str) -> PairedGap:
    """The accuracy of the students of `first` minus that of `second`, on the questions that both answered, in points.

    Both are adapters of the same seeds, trained on different rows.
    """
    shared = sorted(set(first.questions["id"]) & set(second.questions["id"]))
    if not shared:
        reason = "the study's protocol was not asked these questions"
        return PairedGap(n=0, points=None, low=None, high=None, reason=reason)
    one, other = (part.where(part.questions["id"].isin(shared).to_numpy()) for part in (first, second))
    found = difference(other.students, one.students, one.clusters, params.resamples, params.generator(name))
    low, high = found.both or (None, None)
    return PairedGap(n=len(shared), points=points(found.value), low=points(low), high=points(high))


def with_holm(
    parts: Mapping[str, Comparison], sections: Sequence[SectionComparison]
) -> tuple[dict[str, Comparison], list[SectionComparison]]:
    """The parts and sections with `holm_p`: each `mcnemar_p` corrected for all of CLAIMED and all sections."""
    # the other parts (seen, all) overlap with these and make no claim of their own, so the correction leaves them out
    tested = [*(parts[name] for name in CLAIMED), *sections]
    adjusted = [{"holm_p": p} for p in holm([result.mcnemar_p for result in tested])]
    claimed = {name: parts[name].model_copy(update=update) for name, update in zip(CLAIMED, adjusted, strict=False)}
    rest = adjusted[len(CLAIMED) :]
    return {**parts, **claimed}, [row.model_copy(update=update) for row, update in zip(sections, rest, strict=True)]
