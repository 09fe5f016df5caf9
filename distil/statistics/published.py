"""The study's published numbers beside this run's, and whether they are equal within a margin."""

import math
from pathlib import Path
from typing import Any

from distil.pipeline.files import read_json
from distil.statistics.equivalence import tost, tost_power

FILE = Path(__file__).with_name("published.json")
NOT_COMPARED = "this profile's exams, teacher or student are not the study's, so its numbers are not compared"


def published() -> dict[str, Any]:
    """The published accuracies by name, each with its number of questions."""
    return {name: entry for name, entry in read_json(FILE).items() if name != "source"}


def against(
    name: str, accuracy: float | None, standard_error: float | None, margin: float, compare: bool
) -> dict[str, Any]:
    """One row: the published number, this run's, and two one-sided tests of their difference (TOST).

    `margin` is in percentage points; without `compare` the row says why nothing was tested. The published number's
    own error is taken as binomial on its questions: that the two runs share questions makes the test cautious. `power`
    is the chance to show equivalence where there is no difference at all. `over` says which questions the published
    number is over: all, or only those that the teacher answered rightly.
    """
    entry = published()[name]
    row: dict[str, Any] = {
        "name": name, "published": entry["accuracy"], "published_n": entry["n"], "accuracy": accuracy,
        "over": entry.get("over", "all"), "difference": None, "margin": margin, "tost_p": None, "equivalent": None,
        "power": None, "reason": None,
    }  # fmt: skip
    if not compare:
        return row | {"reason": NOT_COMPARED}
    if accuracy is None or standard_error is None:
        return row | {"reason": "this run has no such number"}
    value = entry["accuracy"]
    error = math.hypot(standard_error, math.sqrt(value * (1 - value) / entry["n"]))
    found = tost(accuracy - value, error, margin / 100)
    assert found is not None
    return row | {
        "difference": 100 * (accuracy - value),
        "tost_p": found.p,
        "equivalent": found.equivalent,
        "power": tost_power(error, margin / 100),
    }
