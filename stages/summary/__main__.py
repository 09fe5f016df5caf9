"""The run in about ten numbers, for tables of experiments.

    python -m stages.summary

Reads metrics/eval.json and metrics/length_sweep.json. Writes metrics/summary.json, the one file of numbers that
`dvc metrics show`, `dvc metrics diff` and `dvc exp show` read. Accuracies are in percent and differences in points, on
the contest's questions held out from the adapters. What matters most comes first: a narrow screen shows only that.
"""

import argparse

from pydantic import BaseModel

from distil.pipeline.command import run
from distil.pipeline.files import read_record, write_json


class Unseen(BaseModel):
    """The contest's unseen questions in metrics/eval.json: accuracies as shares, the difference in points."""

    base: float | None
    base_low: float | None
    base_high: float | None
    student_mean: float | None
    student_low: float | None
    student_high: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    mcnemar_p: float | None
    leak_paired: float | None


class Evaluation(BaseModel):
    """What the summary takes from metrics/eval.json."""

    contest_unseen: Unseen
    teacher: float | None


class Accuracy(BaseModel):
    """What the summary takes from a chain length's numbers."""

    accuracy: float | None


class Lengths(BaseModel):
    """What the summary takes from metrics/length_sweep.json: the longest chains and the shortest."""

    R1: Accuracy | None = None
    R6: Accuracy | None = None


def main() -> None:
    """Read both files, write the numbers."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    evaluation = read_record("metrics/eval.json", Evaluation)
    write_json("metrics/summary.json", summary(evaluation, read_record("metrics/length_sweep.json", Lengths)))


def summary(evaluation: Evaluation, lengths: Lengths) -> dict[str, float | None]:
    """The numbers by name; None where the run has no such number."""
    unseen = evaluation.contest_unseen
    return {
        "base": percent(unseen.base),
        "student": percent(unseen.student_mean),
        "gain": points(unseen.difference),
        "gain_low": points(unseen.difference_low),
        "gain_high": points(unseen.difference_high),
        "p": None if unseen.mcnemar_p is None else float(f"{unseen.mcnemar_p:.2g}"),
        "R1": percent(lengths.R1.accuracy if lengths.R1 else None),
        "R6": percent(lengths.R6.accuracy if lengths.R6 else None),
        "teacher": percent(evaluation.teacher),
        "leak": points(unseen.leak_paired),
        "base_low": percent(unseen.base_low),
        "base_high": percent(unseen.base_high),
        "student_low": percent(unseen.student_low),
        "student_high": percent(unseen.student_high),
    }


def percent(share: float | None) -> float | None:
    """A share in percent."""
    return None if share is None else round(100 * share, 1)


def points(difference: float | None) -> float | None:
    """A difference in points, as a table shows it."""
    return None if difference is None else round(difference, 1)


if __name__ == "__main__":
    run(main)
