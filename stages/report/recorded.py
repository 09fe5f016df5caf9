"""The page of a run whose answers somebody else recorded: student against teacher, and the judges as raters."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from distil.pipeline.recorded_results import RecordedBenchmark, RecordedModel, StudentAndTeacher
from stages.report import figures
from stages.report.counterparts import error_classes, questions_by_year
from stages.report.drawing import Picture, chosen
from stages.report.figures import Plan
from stages.report.inputs import CONTEST, RecordedRun
from stages.report.page_parts import Claim, Link, PageTop, Score, Table
from stages.report.wording import (
    NOT_KNOWN,
    count,
    p_cell,
    percent,
    percent_interval,
    points,
    points_interval,
    pretty,
    probability,
    sentence,
    with_interval,
)

NAMES = {"math500": "MATH-500", "contest": "the contest", "transfer": "the transfer benchmark"}
KINDS = ("student", "teacher")


class RecordedShare(NamedTuple):
    """An accuracy with its 95 % interval, as fractions."""

    accuracy: float | None
    low: float | None
    high: float | None


def shares(pair: StudentAndTeacher) -> dict[str, RecordedShare]:
    """The accuracies of KINDS."""
    return {
        "student": RecordedShare(pair.student, pair.student_low, pair.student_high),
        "teacher": RecordedShare(pair.teacher, pair.teacher_low, pair.teacher_high),
    }


def answer(run: RecordedRun, pictures: dict[str, Picture]) -> PageTop:
    """The top of the page: student and teacher where both answered, else each model."""
    name, found = first(run)
    pair, shown = found.pair, chosen(pictures, "accuracy_by_rater")
    where = f"on {count(found.n, 'question')} of {NAMES[name]}"
    if not pair:
        best = max(found.models, key=lambda row: row.accuracy or 0.0)
        title = f"“{best.model}” is right most often {where}: {percent(best.accuracy)}"
        return PageTop(title, tested(run), "The verifier marks them again.", [], shown)
    gap = points_interval(pair.difference_low, pair.difference_high)
    title = f"The student is {points(pair.difference)} points from its teacher {where}"
    text = sentence(
        "The answers are marked again by the symbolic verifier. The student is right on "
        f"{percent(pair.student)}, the teacher on {percent(pair.teacher)} of the same questions. "
        f"{count(pair.only_student or 0, 'question')} the student alone answers, {pair.only_teacher:,} the teacher "
        f"alone (exact McNemar {probability(pair.mcnemar_p)}).",
        *(
            f"A judge called {percent(row.judge.accuracy)} of the {row.model}’s answers right."
            for row in found.models
            if row.judge
        ),
        "The untouched base model’s answers are not among them, so what distillation added cannot be told.",
    )
    return PageTop(
        title,
        tested(run),
        text,
        [
            *(
                Score(kind, kind.capitalize(), percent(share.accuracy),
                      f"95 % interval {percent_interval(share.low, share.high)}")
                for kind, share in shares(pair).items()
            ),
            Score("difference", "Difference in points", points(pair.difference),
                  f"95 % interval {gap}" if gap else "no interval"),
        ],
        shown,
    )  # fmt: skip


def tested(run: RecordedRun) -> str:
    """Whose answers these are: nothing was trained, and no model was asked."""
    weights = dict.fromkeys(Path(model.weights).name for model in run.params.answers.models.values())
    return f"Answers recorded elsewhere ({', '.join(weights)}). Nothing was trained and no model was asked."


def first(run: RecordedRun) -> tuple[str, RecordedBenchmark]:
    """The benchmark at the top of the page. It is one with teacher and student, if there is any."""
    found = run.tables.recorded
    return next(((name, one) for name, one in found.items() if one.pair), next(iter(found.items())))


def by_difficulty(run: RecordedRun, name: str) -> str:
    """The name of a benchmark's picture by difficulty. It has no suffix for the benchmark at the top of the page."""
    return "accuracy_by_difficulty" if name == first(run)[0] else f"accuracy_by_difficulty_{name}"


def claims(run: RecordedRun, pictures: dict[str, Picture]) -> list[Claim]:
    """For each benchmark its models and its judges, then the published accuracies corrected for the judge."""
    found = []
    for name, one in run.tables.recorded.items():
        found.append(models(name, one, pictures, by_difficulty(run, name)))
        if any(row.judge for row in one.models):
            found.append(judges(name, one))
    if run.tables.corrected:
        found.append(corrected(run))
    return [*found, counterpart(run)]


def counterpart(run: RecordedRun) -> Claim:
    """The article's counts, for this run."""
    benchmarks = {row.answer.benchmark for row in run.scored}
    tables = [
        error_classes(
            (row for row in run.scored if row.answer.benchmark == benchmark), list(run.params.answers.models),
            {CONTEST: "the contest"}.get(benchmark, "the benchmark"),
        )
        for benchmark in sorted(benchmarks)
    ]  # fmt: skip
    return Claim(
        anchor="article",
        topic="Beside the article’s figures",
        title="What the article shows of its run, of these answers",
        text=["Whether a recorded answer was cut off is not known, so no answer is counted as that."],
        tables=[questions_by_year(run), *itertools.chain.from_iterable(tables)],
    )


def models(name: str, found: RecordedBenchmark, pictures: dict[str, Picture], by_difficulty: str) -> Claim:
    """Accuracy of every model, the pair by group, the teacher by student table, and the trend over chain lengths.

    `by_difficulty` names the picture of this benchmark's levels, where there is one.
    """
    rows = [
        [
            pretty(row.model), f"{row.right:,} of {row.n:,}",
            with_interval(percent(row.accuracy), percent_interval(row.low, row.high)),
            f"{row.no_answer:,}", f"{row.unverifiable:,}",
        ]
        for row in found.models
    ]  # fmt: skip
    trend, text = found.trend, []
    if trend:
        interval = points_interval(trend.change_low, trend.change_high)
        text.append(
            f"From {trend.levels[0]} to {trend.levels[-1]}, on {count(trend.n, 'question')} that all "
            f"answered, accuracy changes by {with_interval(points(trend.change), interval)} points (Page’s trend "
            f"test {probability(trend.p)})."
        )
    return Claim(
        anchor=f"models-{name}",
        topic=f"Answers to {NAMES[name]}",
        title="; ".join(f"{pretty(row.model)} {percent(row.accuracy)}" for row in found.models),
        text=["The verifier decides whether an answer is equivalent to the key.", *text],
        links=[Link("#questions?benchmark=transfer", "Read the answers")] if name != "contest" else [],
        pictures=chosen(pictures, by_difficulty),
        tables=[
            Table("Every model", ["Model", "Right", "Accuracy (95 %)", "No answer", "Undecided"], rows),
            *pair_tables(found),
        ],
    )


def pair_tables(found: RecordedBenchmark) -> Iterator[Table]:
    """The teacher by student table, and the pair by section and difficulty."""
    pair = found.pair
    if not pair:
        return
    yield Table(
        "Teacher by student",
        ["", "Student right", "Student wrong"],
        [
            ["Teacher right", f"{pair.both:,}", f"{pair.only_teacher:,}"],
            ["Teacher wrong", f"{pair.only_student:,}", f"{pair.neither:,}"],
        ],
    )
    for by, caption, column in (("section", "By section", "Section"), ("difficulty", "By difficulty", "Level")):
        rows = [
            [
                pretty(row.group), f"{row.n:,}",
                *(
                    with_interval(percent(share.accuracy), percent_interval(share.low, share.high))
                    for share in shares(row).values()
                ),
                with_interval(
                    points(row.difference), points_interval(row.difference_low, row.difference_high)
                ),
                f"{row.only_student} / {row.only_teacher}", p_cell(row.mcnemar_p), p_cell(row.holm_p),
            ]
            for row in found.groups if row.by == by
        ]  # fmt: skip
        if rows:
            yield Table(
                caption,
                [column, "n", "Student (95 %)", "Teacher (95 %)", "Difference (95 %)", "Student / teacher alone", "p",
                 "Holm p"],
                rows,
                "Difference: percentage points. p: exact McNemar.",
            )  # fmt: skip


def judges(name: str, found: RecordedBenchmark) -> Claim:
    """Every judge compared with the verifier."""
    rated = [(row.model, row.judge) for row in found.models if row.judge]
    empty = sum(judge.empty_accepted for _, judge in rated)
    apart = sum(judge.false_accepts + judge.false_rejects for _, judge in rated)
    return Claim(
        anchor=f"judges-{name}",
        topic=f"Judges of {NAMES[name]}",
        title=f"Judge and verifier differ on {apart:,} of {sum(judge.n for _, judge in rated):,} answers",
        text=[
            sentence(
                "A model judged the recorded answers, too. A false accept is an answer that only the judge calls "
                "right, a false reject one that only the verifier does.",
                f"{count(empty, 'false accept')} {'has' if empty == 1 else 'have'} no answer in it at all."
                if empty
                else None,
            )
        ],
        tables=[
            Table(
                "Judge against verifier",
                ["Answers of", "n", "Verifier", "Judge (95 %)", "Agree", "False accepts", "False rejects", "Kappa",
                 "Unclear"],
                [
                    [
                        pretty(model), f"{judge.n:,}", percent(judge.verifier_right / judge.n),
                        with_interval(percent(judge.accuracy), percent_interval(judge.low, judge.high)),
                        f"{judge.agree:,}", f"{judge.false_accepts:,}", f"{judge.false_rejects:,}",
                        NOT_KNOWN if judge.kappa is None else f"{judge.kappa:.3f}", f"{judge.unclear:,}",
                    ]
                    for model, judge in rated
                ],
                "Unclear: the judge said neither; such answers count nowhere else in the row.",
            ),
            *disagreements(found),
        ],
    )  # fmt: skip


def disagreements(found: RecordedBenchmark) -> Iterator[Table]:
    """Every answer on which judge and verifier differ, with the rule by which the verifier decided."""
    rows = [
        [row.id, pretty(row.model), row.judge.lower(), pretty(row.verifier).lower(), pretty(row.rule)]
        for row in found.disagreements
    ]
    if rows:
        columns = ["Question", "Answer of", "Judge", "Verifier", "Rule"]
        yield Table("Every disagreement of judge and verifier", columns, rows, folded=True)


def corrected(run: RecordedRun) -> Claim:
    """The published accuracies, corrected for the errors of the judge of the student's answers."""
    return Claim(
        anchor="corrected",
        topic="Published, corrected",
        title="What the published accuracies would be by the verifier, if the judge erred there as it did here",
        text=[
            "The study’s contest accuracies are a judge’s. Its errors are counted on the answers above, and the "
            "published shares corrected for them (Rogan and Gladen 1978); the intervals (Lang and Reiczigel 2014) "
            "carry the uncertainty of both. That the judge errs alike on the contest is an assumption."
        ],
        tables=[
            Table(
                "Published accuracies, corrected for the judge",
                ["Of", "n", "Over", "Published", "Corrected (95 %)"],
                [
                    [
                        pretty(row.of), f"{row.n:,}", pretty(row.over), percent(row.published),
                        with_interval(percent(row.corrected), percent_interval(row.low, row.high)),
                    ]
                    for row in run.tables.corrected
                ],
                "Over: all questions, or only those that the teacher answered rightly.",
            )
        ],
    )  # fmt: skip


def plans(run: RecordedRun) -> Iterator[Plan]:
    """The pictures: accuracy by verifier and by judge, and accuracy by difficulty where a benchmark has it."""
    name, found = first(run)
    rows = [
        {"model": f"{pretty(row.model)}, {rater}", "kind": row.model if row.model in KINDS else "student",
         **share._asdict()}
        for row in found.models for rater, share in raters(row)
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    yield Plan(
        "accuracy_by_rater",
        figures.accuracy_by_model(frame, frame.head(0)),
        f"Accuracy on {NAMES[name]} by the verifier and by the judge, with 95 % intervals.",
        "; ".join(f"{row['model']} {row['accuracy']:.1%}" for row in rows),
    )
    for name, found in run.tables.recorded.items():
        cells = [
            {"year": row.group, "kind": kind, "role": "unseen", **share._asdict()}
            for row in found.groups if row.by == "difficulty" for kind, share in shares(row).items()
        ]  # fmt: skip
        if cells:
            yield Plan(
                by_difficulty(run, name),
                figures.year_by_year(pd.DataFrame(cells)),
                f"Accuracy on {NAMES[name]} by the level that the benchmark gives a question, with 95 % intervals.",
                "Accuracy of student and teacher by level; the table has the numbers.",
            )


def raters(model: RecordedModel) -> Iterator[tuple[str, RecordedShare]]:
    """A model's accuracy by the verifier, and by its judge where there was one."""
    yield "verifier", RecordedShare(model.accuracy, model.low, model.high)
    if model.judge:
        yield "judge", RecordedShare(model.judge.accuracy, model.judge.low, model.judge.high)
