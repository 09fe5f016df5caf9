"""One answer out of a harness's log, as `answers.backend: replay` reads it."""

from collections.abc import Sequence

from distil.pipeline.files import InputError
from distil.pipeline.records import JudgeWord, Record, absent
from tools.harness.questions import FILES, questions


class LoggedAnswer(Record):
    """An answer with what names its problem; `judge` is what the harness's own scorer said.

    `fold` names the adapter that had not seen the question, for a student; a base model has none.
    """

    problem_id: str | None
    question: str | None
    text: str
    sample: int
    judge: JudgeWord | None
    fold: str | None = absent()


def word(value: object) -> JudgeWord | None:
    """A harness's score as a verdict: right, wrong, something between, or none."""
    if value is None:
        return None
    if value in ("C", 1, 1.0, True):
        return "CORRECT"
    return "INCORRECT" if value in ("I", "N", 0, 0.0, False) else "UNCLEAR"


def as_student(rows: Sequence[LoggedAnswer]) -> list[LoggedAnswer]:
    """The rows as answers of adapters, each of the fold that holds its question out.

    Raises InputError for a row that is about none of the questions that a harness asks here.
    """
    folds = {row.id: row.fold for benchmark in FILES for row in questions(benchmark)}
    if strangers := [row for row in rows if row.problem_id not in folds]:
        raise InputError(
            f"{len(strangers)} answers are about no question that this run holds out, {strangers[0].problem_id} the "
            "first. As a student's answers count only logs of the tasks in tools/harness/tasks."
        )
    return [row.model_copy(update={"fold": folds[str(row.problem_id)]}) for row in rows]
