"""The untouched base model with other prompts, and the student's gain over each of them."""

from collections.abc import Mapping

import pandas as pd

from distil.pipeline.names import AS_STUDENTS
from distil.pipeline.results import Baseline
from distil.statistics.difference import difference, points
from distil.statistics.parts import Part
from distil.statistics.proportions import accuracy
from distil.statistics.seeds import Array
from stages.eval.params import EvalParams


def baselines(parts: Mapping[str, Part], outcomes: Mapping[str, pd.DataFrame], params: EvalParams) -> list[Baseline]:
    """One row per part and way to ask: its accuracy, and the student's accuracy minus it in points.

    Ways to ask that left out a question of a part have no row for it.
    """
    rows = []
    for part in parts.values():
        if not len(part):
            continue
        rows.append(row(part, AS_STUDENTS, part.base, params))
        benchmark = part.questions["benchmark"].iloc[0]
        for name, table in outcomes[benchmark].groupby("model", observed=True):
            answered = table[table["sample"] == 0].set_index("place")["correct"]
            places = part.questions["id"]
            if places.isin(answered.index).all():
                rows.append(row(part, str(name), answered.loc[places].to_numpy(float)[:, None], params))
    return rows


def row(part: Part, name: str, correct: Array, params: EvalParams) -> Baseline:
    """One way to ask on one part; `correct` (questions, 1) are its verdicts."""
    value, low, high = accuracy(correct, part.clusters)
    gap = difference(correct, part.students, part.clusters, params.resamples, params.generator(f"{part.name} {name}"))
    least, most = gap.both or (None, None)
    return Baseline(
        part=part.name, name=name, n=len(part), accuracy=value, low=low, high=high,
        student_over=points(gap.value), student_over_low=points(least), student_over_high=points(most),
    )  # fmt: skip
