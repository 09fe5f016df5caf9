"""The top of the page: what changed, how sure that is, in one sentence, one paragraph and four numbers."""

from typing import Any

from stages.report.drawing import Picture
from stages.report.inputs import CUT_OFF, Run
from stages.report.page_parts import Answer, Score
from stages.report.wording import (
    NOT_KNOWN,
    count,
    percent,
    percent_interval,
    points,
    points_interval,
    probability,
    sentence,
)

WHERE = "on questions it had never seen"


def answer(run: Run, pictures: dict[str, Picture]) -> Answer:
    """The answer, on the contest's unseen questions."""
    result = run.tables["parts"]["contest_unseen"]
    shown = [pictures[name] for name in ("accuracy_by_model", "accuracy_by_words") if name in pictures]
    return Answer(title(result, run.base_cut_off), text(run, result), scores(run.tables["teacher"], result), shown)


def title(result: dict[str, Any], cut: float = 0.0) -> str:
    """The finding, judged by whether the difference's interval is clear of zero, and by how often the base
    was cut off.
    """
    low, high, difference = result["difference_low"], result["difference_high"], result["difference"]
    if difference is None:
        return "This run has no question that the student had not seen"
    if cut > CUT_OFF:
        return f"The base model was cut off in {percent(cut)} of its answers: the two cannot be compared fairly"
    size = f"{abs(difference):.1f} points"
    if low is None:
        return f"Distillation changed accuracy by {points(difference)} points {WHERE}, with no interval to judge it by"
    if low > 0:
        return f"Distillation raised the student’s accuracy by {size} {WHERE}"
    if high < 0:
        return f"Distillation lowered the student’s accuracy by {size} {WHERE}"
    return f"No effect of distillation can be claimed {WHERE}"


def text(run: Run, result: dict[str, Any]) -> str:
    """The paragraph: base, student, difference with its interval and p, the study's protocol, chain length."""
    if not result["n"]:
        return f"No result: {result['reasons'].get('n', NOT_KNOWN)}."
    seeds = len(run.params["lora_seed"]["seeds"])
    spread = result["student_std"]
    over = f"{percent(result['student_mean'])}, the mean of {count(seeds, 'seed')}" if seeds > 1 else (
        f"{percent(result['student_mean'])} with its one seed"
    )  # fmt: skip
    return sentence(
        f"Asked {count(result['n'], 'question')} that it had never seen, the base model answered "
        f"{percent(result['base'])} rightly; the student, fine-tuned on the teacher’s verified chains of thought, "
        f"{over}{'' if spread is None else f' (standard deviation {100 * spread:.1f} points)'}.",
        f"That is {points(result['difference'])} points on the same questions"
        + (
            f" (95 % interval {points_interval(result['difference_low'], result['difference_high'])}; "
            f"exact McNemar {probability(result['mcnemar_p'])})."
            if result["difference_low"] is not None
            else ", without an interval."
        ),
        _protocol(run.tables["leakage"]["paper_protocol"]),
        _length(run),
    )


def _protocol(gap: dict[str, Any]) -> str | None:
    if gap["points"] is None:
        return None
    interval = points_interval(gap["low"], gap["high"])
    return (
        "The study’s protocol, which lets training and test questions overlap, would have shown a difference "
        f"{'larger' if gap['points'] > 0 else 'smaller'} by {abs(gap['points']):.1f} points"
        + (f" (95 % interval {interval})." if interval else ".")
    )


def _length(run: Run) -> str | None:
    answered = run.answered_levels
    if len(answered) < 2:
        return None
    first, last, tests = answered[0], answered[-1], run.level_tables["tests"]
    interval = points_interval(tests["change_low"], tests["change_high"])
    return (
        f"Trained on ever shorter chains ({first['level']} to {last['level']}), the student goes from "
        f"{percent(first['accuracy'])} to {percent(last['accuracy'])}"
        + (f" (change {points(tests['change'])} points, 95 % interval {interval})." if interval else ".")
    )


def scores(teacher: dict[str, Any], result: dict[str, Any]) -> list[Score]:
    """Base, student, difference and teacher with their intervals."""

    def interval(low: float | None, high: float | None) -> str:
        return f"95 % interval {percent_interval(low, high)}" if low is not None else "no interval"

    change = points_interval(result["difference_low"], result["difference_high"])
    student = interval(result["student_low"], result["student_high"])
    return [
        Score("base", "Base", percent(result["base"]), interval(result["base_low"], result["base_high"])),
        Score("student", "Student", percent(result["student_mean"]), student),
        Score(
            "difference", "Difference in points", points(result["difference"]),
            f"95 % interval {change}" if change else "no interval",
        ),
        Score(
            "teacher", "Teacher, all questions", percent(teacher["accuracy"]),
            interval(teacher["low"], teacher["high"]),
        ),
    ]  # fmt: skip
