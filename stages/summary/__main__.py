"""The run in about ten numbers, for tables of experiments.

    python -m stages.summary

Reads metrics/eval.json and metrics/length_sweep.json. Writes metrics/summary.json, the one file of numbers that
`dvc metrics show`, `dvc metrics diff` and `dvc exp show` read. Accuracies are in percent and differences in points, on
the contest's questions held out from the adapters. The most important numbers come first, because a narrow screen shows
only these.
"""

import argparse

from distil.pipeline.command import run
from distil.pipeline.files import read_json, read_record, write_json
from distil.pipeline.metrics import RecordedSummary, Summary
from distil.pipeline.recorded_results import RecordedMetrics, RecordedModels, RecordedPart
from distil.pipeline.results import EvalMetrics
from distil.pipeline.sweep_results import LevelMetrics, SweepMetrics


def main() -> None:
    """Read both files, write the numbers."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    if "recorded" in read_json("metrics/eval.json"):
        found = read_record("metrics/eval.json", RecordedMetrics)
        write_json("metrics/summary.json", recorded(found).model_dump())
        return
    evaluation = read_record("metrics/eval.json", EvalMetrics)
    write_json(
        "metrics/summary.json", summary(evaluation, read_record("metrics/length_sweep.json", SweepMetrics)).model_dump()
    )


def summary(evaluation: EvalMetrics, lengths: SweepMetrics) -> Summary:
    """The numbers, rounded for a table."""
    unseen = evaluation.contest_unseen
    return Summary(
        base=percent(unseen.base),
        student=percent(unseen.student_mean),
        gain=points(unseen.difference),
        gain_low=points(unseen.difference_low),
        gain_high=points(unseen.difference_high),
        p=None if unseen.mcnemar_p is None else float(f"{unseen.mcnemar_p:.2g}"),
        R1=percent(accuracy(lengths.R1)),
        R6=percent(accuracy(lengths.R6)),
        teacher=percent(evaluation.teacher_unseen),
        leak=points(unseen.leak_paired),
        base_low=percent(unseen.base_low),
        base_high=percent(unseen.base_high),
        student_low=percent(unseen.student_low),
        student_high=percent(unseen.student_high),
    )


def recorded(evaluation: RecordedMetrics) -> RecordedSummary:
    """The numbers of recorded answers. Those of MATH-500 are None unless teacher and student both answered it."""
    pair = evaluation.math500 if isinstance(evaluation.math500, RecordedPart) else None
    benchmarks = {"math500": evaluation.math500, "contest": evaluation.contest, "transfer": evaluation.transfer}
    models = {
        f"{name}_{model}": percent(row.accuracy)
        for name, found in benchmarks.items() if isinstance(found, RecordedModels)
        for model, row in found.models.items()
    }  # fmt: skip
    return RecordedSummary(
        math500_teacher=percent(pair.teacher if pair else None),
        math500_student=percent(pair.student if pair else None),
        math500_difference=points(pair.difference if pair else None),
        math500_difference_low=points(pair.difference_low if pair else None),
        math500_difference_high=points(pair.difference_high if pair else None),
        models=models or None,
    )


def accuracy(level: LevelMetrics | None) -> float | None:
    """The accuracy of a chain length; None where the sweep lacks it."""
    return level.accuracy if level else None


def percent(share: float | None) -> float | None:
    """A share in percent."""
    return None if share is None else round(100 * share, 1)


def points(difference: float | None) -> float | None:
    """A difference in points, rounded for a table."""
    return None if difference is None else round(difference, 1)


if __name__ == "__main__":
    run(main)
