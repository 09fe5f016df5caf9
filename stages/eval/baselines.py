"""The untouched base model asked in other ways, and what the student gains on each of them."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from distil.statistics.difference import difference, points
from distil.statistics.proportions import accuracy
from stages.eval.comparison import generator
from stages.eval.params import EvalParams
from stages.eval.parts import Part

CHAT = "chat"
"""The name of the base model asked as the students are."""


def baselines(
    parts: Mapping[str, Part], outcomes: Mapping[str, pd.DataFrame], params: EvalParams
) -> list[dict[str, Any]]:
    """One row per part and way to ask that answered all its questions: accuracy, and the student minus it in points."""
    rows = []
    for part in parts.values():
        if not len(part):
            continue
        rows.append(row(part, CHAT, part.base[:, None], params))
        benchmark = part.questions["benchmark"].iloc[0]
        for name, table in outcomes[benchmark].groupby("model", observed=True):
            answered = table[table["sample"] == 0].set_index("place")["correct"]
            places = part.questions["id"]
            if places.isin(answered.index).all():
                rows.append(row(part, str(name), answered.loc[places].to_numpy(float)[:, None], params))
    return rows


def row(part: Part, name: str, correct: Any, params: EvalParams) -> dict[str, Any]:
    """One way to ask on one part."""
    value, low, high = accuracy(correct, part.clusters)
    gap = difference(correct, part.students, part.clusters, params.resamples, generator(params, f"{part.name} {name}"))
    least, most = gap.both or (None, None)
    return {
        "part": part.name, "name": name, "n": len(part), "accuracy": value, "low": low, "high": high,
        "student_over": points(gap.value), "student_over_low": points(least), "student_over_high": points(most),
    }  # fmt: skip
