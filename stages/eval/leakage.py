"""The gain from having seen a question: accuracy seen minus unseen, for base, student and the study's protocol."""

import numpy as np

from distil.pipeline.records import Split
from distil.pipeline.results import Gap, Leakage, PairedGap
from distil.statistics.difference import points
from distil.statistics.parts import Part
from distil.statistics.resampling import Resampled, Statistic, resample
from distil.statistics.seeds import Array, cluster_sums
from stages.eval.comparison import students_gap
from stages.eval.params import EvalParams


def leakage(parts: dict[str, Part], split: Split, params: EvalParams) -> Leakage:
    """Gaps between seen and unseen questions in percentage points, each with `low`, `high` and, if null, `reason`.

    `base` and `student` are accuracy seen minus unseen; `inflation` is the student's gap minus the base's, which
    takes out that some years are harder (a difference in differences); `paper_protocol` is how much larger the
    student's gain looks under the study's protocol, on all questions, than on unseen ones. `paired` has for each part
    the adapters trained under the study's protocol minus those of the main folds on the same questions: the difference
    of the training rows alone (which are more under the study's protocol; `rows` has both counts).
    """
    seen, unseen, paper = parts["contest_seen"], parts["contest_unseen"], parts["paper_protocol"]
    return Leakage(
        n_seen=len(seen),
        n_unseen=len(unseen),
        base=gap(seen, unseen, seen.base, unseen.base, params, "leakage base"),
        student=gap(seen, unseen, seen.students, unseen.students, params, "leakage student"),
        inflation=gap(seen, unseen, gains(seen), gains(unseen), params, "leakage inflation"),
        paper_protocol=gap(paper, unseen, gains(paper), gains(unseen), params, "leakage paper"),
        paired={name: paired(part, parts, params) for name, part in parts.items()},
        rows=trained_rows(split),
    )


def paired(part: Part, parts: dict[str, Part], params: EvalParams) -> PairedGap:
    """The gain of the study's protocol on one part's questions; `points` is None where its adapters were not asked."""
    # compared with itself, the study's part would differ by nothing
    ours = parts["contest_all"] if part.name == "paper_protocol" else part
    return students_gap(parts["paper_protocol"], ours, params, f"{part.name} leak paired")


def trained_rows(split: Split) -> dict[str, int]:
    """How many rows each fold's adapter is trained on: of several chains of a problem, each is one."""
    return {name: fold.train_rows or len(fold.train) for name, fold in split.folds.items()}


def gains(part: Part) -> Array:
    """Every seed's verdict minus the base's: (questions, seeds)."""
    return part.students - part.base


def gap(first: Part, second: Part, values: Array, others: Array, params: EvalParams, name: str) -> Gap:
    """Mean of `values` on `first` minus mean of `others` on `second`, whose questions and clusters may overlap."""
    if not len(first) or not len(second):
        missing = first.name if not len(first) else second.name
        return Gap(points=None, low=None, high=None, reason=f"no question under {missing}")
    seeds = values.shape[1]
    # rows of [n, sums, n, sums], zero for the other part: a cluster with questions in both is drawn once for both
    ones, zeros = np.ones((len(first), 1)), np.zeros((len(second), 1))
    own = np.hstack([ones, values, 0 * ones, 0 * values])
    other = np.hstack([zeros, 0 * others, zeros + 1, others])
    sums = cluster_sums(np.vstack([own, other]), np.concatenate([first.clusters, second.clusters]))
    found: Resampled = resample(sums, _difference_of_means(seeds), params.resamples, params.generator(name), most=2)
    low, high = found.both or (None, None)
    reason = None if found.both else "nothing varies between clusters of questions"
    return Gap(points=points(found.estimate), low=points(low), high=points(high), reason=reason)


def _difference_of_means(seeds: int) -> Statistic:
    """Totals (n, sums for each seed, n, sums for each seed) to the difference of the two means for each seed."""

    def statistic(totals: Array) -> Array:
        one, other = totals[..., : seeds + 1], totals[..., seeds + 1 :]
        return one[..., 1:] / one[..., :1] - other[..., 1:] / other[..., :1]

    return statistic
