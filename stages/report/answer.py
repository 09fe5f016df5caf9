"""The top of the page: the result and its uncertainty, in one sentence, one paragraph and four numbers."""

from distil.pipeline.names import AS_STUDENTS, BASE
from distil.pipeline.results import Accuracy, Comparison, PairedGap
from stages.report.drawing import Picture
from stages.report.inputs import Run
from stages.report.page_parts import PageTop, Score
from stages.report.tested import what_was_tested
from stages.report.wording import (
    NOT_KNOWN,
    count,
    percent,
    percent_interval,
    points,
    points_interval,
    pretty,
    probability,
    sentence,
    side,
)

WHERE = "on questions held out from its training"


def answer(run: Run, pictures: dict[str, Picture]) -> PageTop:
    """The answer, on the contest's unseen questions."""
    result = run.tables.parts["contest_unseen"]
    shown = [pictures[name] for name in ("accuracy_by_model", "accuracy_by_words") if name in pictures]
    teacher = run.tables.teacher_unseen
    return PageTop(title(result, capped(run)), what_was_tested(run), text(run, result), scores(teacher, result), shown)


def capped(run: Run) -> str:
    """`the base model was cut off in 6.0 % of its answers`, where the token cap can make the difference; else empty.

    A cap that stops the base model can make a gain and no loss, one that stops the student a loss and no gain, and
    neither can make more of it than the answers that it stops.
    """
    result = run.tables.parts["contest_unseen"]
    found = side(result.difference_low, result.difference_high)
    sure = {"above": result.difference_low, "below": result.difference_high}.get(found or "", 0.0) or 0.0
    return " and ".join(
        f"{name} was cut off in {percent(run.cut_off[model])} of its answers"
        for model, name, excluded in ((BASE, "the base model", "below"), ("student", "the student", "above"))
        if model in run.cut_off and found != excluded and 100 * run.cut_off[model] >= abs(sure)
    )


def title(result: Comparison, cap: str = "") -> str:
    """The finding. It depends on whether the difference's interval excludes zero, and whom the cap stopped."""
    difference = result.difference
    if difference is None:
        return "This run has no question that was held out from the student’s training"
    if cap:
        return f"{cap[0].upper()}{cap[1:]}: the two cannot be compared fairly"
    size = f"{abs(difference):.1f} points"
    match side(result.difference_low, result.difference_high):
        case "above":
            return f"Distillation raised the student’s accuracy by {size} {WHERE}"
        case "below":
            return f"Distillation lowered the student’s accuracy by {size} {WHERE}"
        case "around":
            return f"No effect of distillation can be claimed {WHERE}"
    return f"Student and base differ by {points(difference)} points {WHERE}, with no interval to judge it by"


def text(run: Run, result: Comparison) -> str:
    """The paragraph: base, student, difference with its interval and p, the study's protocol, chain length."""
    if not result.n:
        return f"No result: {result.reasons.get('n', NOT_KNOWN)}."
    seeds = len(run.params.lora_seed.seeds)
    spread = result.student_std
    over = f"{percent(result.student_mean)}, the mean of {count(seeds, 'seed')}" if seeds > 1 else (
        f"{percent(result.student_mean)} with its one seed"
    )  # fmt: skip
    alike = (
        "drawn at random as the study’s are: near-duplicates of them may be in it"
        if run.as_the_study
        else "with the near-duplicates that the rule finds"
    )
    return sentence(
        f"The questions are {result.n:,} that were held out from the student’s training, {alike}. "
        f"The base model answered {percent(result.base)} of them rightly; the student, "
        "fine-tuned on the teacher’s verified chains of thought, "
        f"{over}{'' if spread is None else f' (standard deviation {100 * spread:.1f} points)'}.",
        f"That is {points(result.difference)} points on the same questions"
        + (
            f" (95 % interval {points_interval(result.difference_low, result.difference_high)}; "
            f"exact McNemar {probability(result.mcnemar_p)})."
            if result.difference_low is not None
            else ", without an interval."
        ),
        _other_kinds(run, result),
        _baselines(run),
        _protocol(run.tables.leakage.paired["contest_unseen"]),
        _length(run),
    )


def _other_kinds(run: Run, result: Comparison) -> str | None:
    """The interval for other kinds of questions."""
    low, high = result.difference_low_families, result.difference_high_families
    if low is None or run.tables.families_are == "near-duplicates":
        return None
    kinds = f"{result.families} {run.tables.families_are}"
    return (
        f"That interval is for more questions like these; for other kinds of questions, of which these are {kinds}, it "
        f"is {points_interval(low, high)}."
    )


def _baselines(run: Run) -> str | None:
    """The best of the other ways to ask the base model, and whether the student is better."""
    rows = [row for row in run.tables.baselines if row.part == "contest_unseen" and row.name != AS_STUDENTS]
    if not rows:
        return None
    best = max(rows, key=lambda row: row.accuracy or 0.0)
    base = run.tables.parts["contest_unseen"]
    low, high = best.student_over_low, best.student_over_high
    found = (
        f"Asked in another way (“{pretty(best.name)}”, the best of {count(len(rows), 'way')} tried), the untouched "
        f"base model answers {percent(best.accuracy)}"
    )
    gained = side(base.difference_low, base.difference_high) == "above" and not capped(run)
    if side(low, high) == "below":
        return f"{found}, more than the student" + (
            ": training brought out what the model could do already." if gained else "."
        )
    if gained and best.low is not None and base.base_high is not None and best.low > base.base_high:
        return f"{found}: at least part of the gain is what a better prompt brings out."
    beside = f"the student minus that is {points_interval(low, high)} points" if low is not None else "no interval"
    return f"{found} (95 % interval: {beside})."


def _protocol(gap: PairedGap) -> str | None:
    if gap.points is None:
        return None
    interval = points_interval(gap.low, gap.high)
    return (
        "On the same questions, adapters trained under the study’s protocol, which lets training and test questions "
        f"overlap, are at {points(gap.points)} points"
        + (f" (95 % interval {interval})." if interval else ", without an interval.")
    )


def _length(run: Run) -> str | None:
    answered = run.answered_levels
    if len(answered) < 2 or run.level_tables is None:
        return None
    first, last, tests = answered[0], answered[-1], run.level_tables.tests
    interval = points_interval(tests.change_low, tests.change_high)
    return (
        f"From chain length {first.level} to {last.level}, the student goes from "
        f"{percent(first.accuracy)} to {percent(last.accuracy)}"
        + (f" (change {points(tests.change)} points, 95 % interval {interval})." if interval else ".")
    )


def scores(teacher: Accuracy, result: Comparison) -> list[Score]:
    """Base, student, difference and teacher with their intervals."""

    def interval(low: float | None, high: float | None) -> str:
        return f"95 % interval {percent_interval(low, high)}" if low is not None else "no interval"

    change = points_interval(result.difference_low, result.difference_high)
    student = interval(result.student_low, result.student_high)
    return [
        Score("base", "Base", percent(result.base), interval(result.base_low, result.base_high)),
        Score("student", "Student", percent(result.student_mean), student),
        Score(
            "difference", "Difference in points", points(result.difference),
            f"95 % interval {change}" if change else "no interval",
        ),
        Score(
            "teacher",
            "Teacher, same questions" if teacher.n == result.n else f"Teacher, the {teacher.n:,} with a chain",
            percent(teacher.accuracy), interval(teacher.low, teacher.high),
        ),
    ]  # fmt: skip
