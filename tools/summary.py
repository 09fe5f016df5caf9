"""Print the result of the run in the working directory in a few lines. `make repro` ends with it.

    python -m tools.summary

Reads metrics/*.json. Where one is missing it says so and does not fail.
"""

import argparse
import sys
from pathlib import Path

from distil.pipeline.command import run
from distil.pipeline.files import read_json, read_record
from distil.pipeline.recorded_results import RecordedMetrics, RecordedModels, RecordedPart
from distil.pipeline.records import LEVELS
from distil.pipeline.results import EvalMetrics, Headline
from distil.pipeline.sweep_results import SweepMetrics

CUT_OFF = 0.05
"""If more of a model's answers than this share end at the token cap, what the cap alone can make is said."""
REPORT = Path("reports/index.html")


def main() -> None:
    """Print accuracies with intervals, the paired test, the leak, the length sweep and the path of the report."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    metrics = Path("metrics")
    evaluation, sweep = metrics / "eval.json", metrics / "length_sweep.json"
    found = evaluated(evaluation) if evaluation.exists() else None
    levels = read_record(sweep, SweepMetrics) if sweep.exists() else None
    sys.stdout.write("\n".join([*result(found), "", *lengths(levels), "", report()]) + "\n")


def evaluated(path: Path) -> EvalMetrics | RecordedMetrics:
    """A metrics/eval.json. Raises InputError where it is malformed."""
    if "recorded" in read_json(path):
        return read_record(path, RecordedMetrics)
    return read_record(path, EvalMetrics)


def result(found: EvalMetrics | RecordedMetrics | None) -> list[str]:
    """Base, student and teacher on the contest's questions held out, and the student's gain."""
    if not found:
        return ["No metrics/eval.json yet: `dvc repro` writes it."]
    if isinstance(found, RecordedMetrics):
        return recorded(found)
    unseen, transfer = found.contest_unseen, found.transfer
    lines = [
        f"Accuracy on {unseen.n} contest questions held out (95 % interval)",
        f"  base     {percent(unseen.base, unseen.base_low, unseen.base_high)}",
        f"  student  {percent(unseen.student_mean, unseen.student_low, unseen.student_high)}",
        f"  teacher  {percent(found.teacher_unseen, found.teacher_unseen_low, found.teacher_unseen_high)}"
        f"{some_of(found.teacher_unseen_n, unseen.n)}",
        f"Student minus base: {points(unseen)}, McNemar p = {number(unseen.mcnemar_p)}"
        f" ({unseen.gained} gained, {unseen.lost} lost)",
        f"Transfer, {transfer.n} questions: {points(transfer)}, McNemar p = {number(transfer.mcnemar_p)}",
    ]
    low, high = unseen.difference_low or 0, unseen.difference_high or 0
    lines += [
        f"The {model} was cut off in {100 * cut:.1f} % of these answers: up to {100 * cut:.1f} points of a {change} "
        "may come from the cap. Raise answers.max_tokens."
        for model, cut, change, excluded in (
            ("base model", unseen.base_cut_off, "gain", high < 0), ("student", unseen.student_cut_off, "loss", low > 0),
        )
        if cut is not None and cut > CUT_OFF and not excluded
    ]  # fmt: skip
    if unseen.leak_paired is not None:
        interval = span(unseen.leak_paired_low, unseen.leak_paired_high)
        lines.append(f"Trained under the study's split, same questions: {unseen.leak_paired:+.1f} points ({interval})")
    return lines


def some_of(n: int, questions: int) -> str:
    """Which of the questions the teacher's accuracy is over, if not over all: `n` of them have a chain."""
    return "" if n == questions else f" ({n} of {questions} questions, those with a chain)"


def recorded(found: RecordedMetrics) -> list[str]:
    """Student and teacher by the verifier and by their judges, where both answered a benchmark; else each model."""
    lines = []
    named = {"MATH-500": found.math500, "the contest": found.contest, "the transfer benchmark": found.transfer}
    for name, pair in named.items():
        if isinstance(pair, RecordedModels):
            lines += [*each_model(name, pair), ""]
        if not isinstance(pair, RecordedPart):
            continue
        lines.append(f"Recorded answers to {pair.n} questions of {name} (95 % interval)")
        for model, value, low, high, judge, n in (
            ("student", pair.student, pair.student_low, pair.student_high, pair.judge_student, pair.judge_student_n),
            ("teacher", pair.teacher, pair.teacher_low, pair.teacher_high, pair.judge_teacher, pair.judge_teacher_n),
        ):
            said = "" if judge is None else f", by its judge {100 * judge:.1f} % of {n}"
            lines.append(f"  {model}  {percent(value, low, high)}{said}")
        lines.append(
            f"Student minus teacher: {points(pair)}, McNemar p = {number(pair.mcnemar_p)}"
            f" ({pair.only_student} from the student alone, {pair.only_teacher} from the teacher alone)"
        )
    return lines


def each_model(name: str, found: RecordedModels) -> list[str]:
    """One line for each model of a benchmark that student and teacher did not both answer, and the trend."""
    widest = max(map(len, found.models), default=0)
    lines = [f"Recorded answers to {found.n} questions of {name} (95 % interval)"]
    lines += [
        f"  {model:{widest}}  {percent(row.accuracy, row.low, row.high)} of {row.n}"
        for model, row in found.models.items()
    ]
    trend = found.trend
    if trend and trend.change is not None:
        lines.append(
            f"From {trend.levels[0]} to {trend.levels[-1]}, on {trend.n} questions that all answered: "
            f"{trend.change:+.1f} points ({span(trend.change_low, trend.change_high)}), trend p = {number(trend.p)}"
        )
    return lines


def lengths(found: SweepMetrics | None) -> list[str]:
    """One line per chain length, and the trend."""
    if not found:
        return ["No metrics/length_sweep.json yet: `dvc repro` writes it."]
    if all(found.level(level) is None for level in LEVELS):
        return ["No chain length was swept."]
    lines = [f"Accuracy by length of the training chains, {found.n} questions held out"]
    for level in LEVELS:
        row = found.level(level)
        if row is None:
            continue
        if row.accuracy is None:
            lines.append(f"  {level}  none: {found.reasons.get(level, 'no question')}")
        else:
            words = "" if row.chain_words is None else f", chains of {row.chain_words:.1f} words"
            lines.append(f"  {level}  {percent(row.accuracy, row.low, row.high)}{words}")
    trend = f"none: {found.reasons['trend_p']}" if found.trend_p is None else f"p = {number(found.trend_p)}"
    return [*lines, f"Trend from first to last: {trend}"]


def report() -> str:
    """The line with the path of the report."""
    return f"Report: {REPORT}" if REPORT.exists() else f"Report: not written yet ({REPORT})"


def percent(value: float | None, low: float | None, high: float | None) -> str:
    """`85.3 % (81.0 to 88.9)`."""
    if value is None or low is None or high is None:
        return "none"
    return f"{100 * value:5.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def points(part: Headline | RecordedPart) -> str:
    """`+20.1 points (15.2 to 24.9)` from a part's metrics."""
    if part.difference is None:
        return "none"
    return f"{part.difference:+.1f} points ({span(part.difference_low, part.difference_high)})"


def span(low: float | None, high: float | None) -> str:
    """`+1.2 to +3.4`."""
    return "no interval" if low is None or high is None else f"{low:+.1f} to {high:+.1f}"


def number(p: float | None) -> str:
    """A p-value. Small ones have powers of ten."""
    return "none" if p is None else f"{p:.3g}"


if __name__ == "__main__":
    run(main)
