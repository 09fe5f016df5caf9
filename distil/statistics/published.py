"""Compare this run's numbers with the study's published ones: are they equal within a margin?"""

import math
from pathlib import Path
from typing import Literal

from distil.pipeline.files import read_json
from distil.pipeline.records import Record
from distil.pipeline.results import BesidePublished
from distil.statistics.equivalence import tost, tost_power

FILE = Path(__file__).with_name("published.json")
NOT_COMPARED = "this profile's exams, teacher or student are not the study's, so its numbers are not compared"


class Published(Record):
    """A published accuracy on `n` questions: on all, or only on those that the teacher answered rightly (`over`).

    `std` is the standard deviation over `seeds` seeds. `unfiltered` is the accuracy on all `unfiltered_n` questions.
    """

    accuracy: float
    n: int
    over: Literal["all", "teacher_correct"] = "all"
    std: float | None = None
    seeds: int | None = None
    unfiltered: float | None = None
    unfiltered_n: int | None = None


def published() -> dict[str, Published]:
    """The published accuracies by name."""
    return {name: Published.model_validate(entry) for name, entry in read_json(FILE).items() if name != "source"}


def against(
    of: str, name: str, accuracy: float | None, standard_error: float | None, margin: float, compare: bool
) -> BesidePublished:
    """One row: the published number `name`, this run's number, and two one-sided tests of their difference (TOST).

    `of` says which of this run's numbers it is. `margin` is in percentage points. Without `compare` the row says why
    nothing was tested. The published number's own error is taken as binomial on its questions. That ignores the
    questions that both runs asked, so the test is cautious. `power` is the chance to show equivalence where there is no
    difference at all.
    """
    entry = published()[name]
    row = BesidePublished(
        of=of, name=name, published=entry.accuracy, published_n=entry.n, accuracy=accuracy, over=entry.over,
        difference=None, margin=margin, tost_p=None, equivalent=None, power=None, reason=None,
    )  # fmt: skip
    if not compare:
        return row.model_copy(update={"reason": NOT_COMPARED})
    if accuracy is None or standard_error is None:
        return row.model_copy(update={"reason": "this run has no such number"})
    value = entry.accuracy
    error = math.hypot(standard_error, math.sqrt(value * (1 - value) / entry.n))
    found = tost(accuracy - value, error, margin / 100)
    assert found is not None
    return row.model_copy(
        update={
            "difference": 100 * (accuracy - value),
            "tost_p": found.p,
            "equivalent": found.equivalent,
            "power": tost_power(error, margin / 100),
        }
    )
