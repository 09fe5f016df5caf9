"""The gain from having seen a question in training: accuracy on seen questions minus that on unseen ones."""

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

    - `base` and `student`: accuracy on seen questions minus accuracy on unseen ones.
    - `inflation`: the student's gap minus the base's. This difference in differences takes out that years differ.
    - `paper_protocol`: the student's gain on all questions under the study's protocol, minus its gain on unseen ones.
    - `paired`: for each part, the adapters trained under the study's protocol minus those of the main folds, on the
      same questions. Only the training rows differ. The study's protocol has more rows; `rows` has both counts.
    """
    seen, unseen, paper = parts["contest_seen"], parts["contest_unseen"], parts["paper_protocol"]
    return Leakage(
        n_seen=len(seen),
        n_unseen=len(unseen),
        base=gap(seen, unseen, seen.base, unseen.base, params, "leakage base"),
        student=gap(seen, unseen, seen.students, unseen.students, params, "leakage student"),
        inflation=gap(seen, unseen, gains(seen), gains(unseen), params, "leakage inflation"),
        paper_protocol=gap(paper, unseen, gains(paper), gains(unseen), params, "leakage paper"),
        paired={name: paired(part, parts, split, params) for name, part in parts.items()},
        rows=trained_rows(split),
    )


def paired(part: Part, parts: dict[str, Part], split: Split, params: EvalParams) -> PairedGap:
    """The gain from the study's protocol on one part's questions.

    `points` is None where it was not asked them, and where the main folds are the study's own.
    """
    if "paper" in split.main:
        reason = "the study's protocol is this run's own: its adapters would be compared with themselves"
        return PairedGap(n=0, points=None, low=None, high=None, reason=reason)
    # the part of the study's protocol would be compared with itself
    ours = parts["contest_all"] if part.name == "paper_protocol" else part
    return students_gap(parts["paper_protocol"], ours, params, f"{part.name} leak paired")


def trained_rows(split: Split) -> dict[str, int]:
    """How many rows each fold's adapter is trained on. A problem with several chains has several rows."""
    return {name: fold.train_rows or len(fold.train) for name, fold in split.folds.items()}


def gains(part: Part) -> Array:
    """Every seed's verdict minus the base's: (questions, seeds)."""
    return part.students - part.base


def gap(first: Part, second: Part, values: Array, others: Array, params: EvalParams, name: str) -> Gap:
    """Mean of `values` on `first` minus mean of `others` on `second`. Questions and clusters of the two may overlap."""
    if not len(first) or not len(second):
        missing = first.name if not len(first) else second.name
        return Gap(points=None, low=None, high=None, reason=f"no question under {missing}")
    seeds = values.shape[1]
    # each row is [n, sums, n, sums] with zeros for the other part, so a cluster in both parts is drawn for both at once
    ones, zeros = np.ones((len(first), 1)), np.zeros((len(second), 1))
    own = np.hstack([ones, values, 0 * ones, 0 * values])
    other = np.hstack([zeros, 0 * others, zeros + 1, others])
    sums = cluster_sums(np.vstack([own, other]), np.concatenate([first.clusters, second.clusters]))
    found: Resampled = resample(sums, _difference_of_means(seeds), params.resamples, params.generator(name), most=2)
    low, high = found.both or (None, None)
    reason = None if found.both else "nothing varies between clusters of questions"
    return Gap(points=points(found.estimate), low=points(low), high=points(high), reason=reason)


def _difference_of_means(seeds: int) -> Statistic:
    """The statistic of totals (n, sum of each seed, n, sum of each seed): each seed's difference of the two means."""

    def statistic(totals: Array) -> Array:
        one, other = totals[..., : seeds + 1], totals[..., seeds + 1 :]
        return one[..., 1:] / one[..., :1] - other[..., 1:] / other[..., :1]

    return statistic
