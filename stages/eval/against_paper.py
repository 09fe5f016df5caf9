"""Compare this run with the study's published numbers."""

import math

from distil.pipeline.results import Accuracy, BesidePublished
from distil.statistics.parts import Part
from distil.statistics.published import against
from distil.statistics.seeds import Array, influences, standard_errors
from stages.eval.params import EvalParams


def against_paper(parts: dict[str, Part], teacher: Accuracy, params: EvalParams) -> list[BesidePublished]:
    """Teacher, base, student (under the study's protocol) and transfer benchmark, each with its published number.

    The last row compares the student on unseen questions, for which the study has no number, with the study's student.
    """
    every, paper, transfer = parts["contest_all"], parts["paper_protocol"], parts["transfer"]
    unseen = parts["contest_unseen"]
    spread = None
    if teacher.accuracy is not None and teacher.n:
        spread = math.sqrt(teacher.accuracy * (1 - teacher.accuracy) / teacher.n)
    rows: list[tuple[str, str, float | None, float | None]] = [
        ("teacher", "teacher", teacher.accuracy, spread),
        ("base", "base", *mean_and_error(every, every.base)),
        ("student", "student, the study's protocol", *mean_and_error(paper, paper.students)),
        ("student", "student, questions held out", *mean_and_error(unseen, unseen.students)),
        (
            "math500",
            "student, transfer benchmark (the study's: MATH-500)",
            *mean_and_error(transfer, transfer.students),
        ),
    ]
    return [
        against(label, name, value, error, params.margin, params.against_paper) for name, label, value, error in rows
    ]


def mean_and_error(part: Part, correct: Array) -> tuple[float | None, float | None]:
    """Mean accuracy and its standard error over questions and seeds. Both are None without questions.

    The error is None, too, with one question.
    """
    if len(part) == 0:
        return None, None
    errors = standard_errors(correct.mean(axis=0), influences(correct, part.clusters))
    total = math.hypot(errors.questions, errors.seeds or 0.0)
    return float(correct.mean()), total if math.isfinite(total) else None
