"""The results of eval where all answers were recorded elsewhere: the same two files.

docs/metrics.md explains each number. A model's fields are in the order of the file. A model with several bases has the
fields of the last base first and its own fields last.
"""

from typing import Literal

from distil.pipeline.records import JudgeWord, Level, Record, VerdictName, absent
from distil.pipeline.results import Accuracy


class JudgeRating(Record):
    """How a judge of recorded answers compares with the verifier on the `n` answers that it called right or wrong.

    A false accept is an answer that only the judge calls right, a false reject one that only the verifier does.
    `empty_accepted` counts answers without a final answer that the judge calls right.
    """

    accuracy: float | None
    low: float | None
    high: float | None
    n: int
    verifier_right: int
    judge_right: int
    agree: int
    false_accepts: int
    false_rejects: int
    kappa: float | None
    sensitivity: float | None
    sensitivity_low: float | None
    sensitivity_high: float | None
    specificity: float | None
    specificity_low: float | None
    specificity_high: float | None
    unclear: int
    empty_accepted: int


class RecordedModel(Accuracy):
    """One model's recorded answers by the verifier, and by a judge where there was one."""

    model: str
    right: int
    no_answer: int
    unverifiable: int
    judge: JudgeRating | None


class StudentAndTeacher(Record):
    """A recorded student minus its teacher on the same questions; accuracies are fractions, differences points."""

    n: int
    teacher: float | None
    teacher_low: float | None
    teacher_high: float | None
    student: float | None
    student_low: float | None
    student_high: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    only_student: int | None
    only_teacher: int | None
    mcnemar_p: float | None
    holm_p: float | None


class WholePair(StudentAndTeacher):
    """The same on a whole benchmark, with the questions that both got right and that neither did."""

    both: int
    neither: int


class GroupPair(StudentAndTeacher):
    """The same on one section, or on one level of difficulty."""

    by: Literal["section", "difficulty"]
    group: str


class RecordedTrend(Record):
    """Accuracy over chain lengths on the questions that all answered: Page's p, and last minus first in points."""

    levels: list[Level]
    n: int
    p: float | None
    change: float | None
    change_low: float | None
    change_high: float | None


class AnswerDisagreement(Record):
    """An answer on which judge and verifier differ, or on which the judge said neither; `rule` is the verifier's."""

    id: str
    model: str
    judge: JudgeWord
    verifier: VerdictName
    rule: str


class RecordedBenchmark(Record):
    """Everything about the recorded answers to one benchmark."""

    n: int
    models: list[RecordedModel]
    pair: WholePair | None
    groups: list[GroupPair]
    trend: RecordedTrend | None
    disagreements: list[AnswerDisagreement]


class CorrectedAccuracy(Record):
    """A published accuracy corrected for the errors of the student's judge."""

    of: str
    n: int
    over: Literal["all", "teacher_correct"]
    published: float
    corrected: float
    low: float
    high: float


class RecordedTables(Record):
    """data/eval/tables.json of a run of recorded answers, by benchmark."""

    recorded: dict[str, RecordedBenchmark]
    corrected: list[CorrectedAccuracy]


class JudgeMetrics(Record):
    """What metrics/eval.json has of the judges of teacher and student."""

    judge_student: float | None = absent()
    judge_student_n: int | None = absent()
    judge_student_kappa: float | None = absent()
    judge_student_false_accepts: int | None = absent()
    judge_student_false_rejects: int | None = absent()
    judge_student_empty_accepted: int | None = absent()
    judge_teacher: float | None = absent()
    judge_teacher_n: int | None = absent()
    judge_teacher_kappa: float | None = absent()
    judge_teacher_false_accepts: int | None = absent()
    judge_teacher_false_rejects: int | None = absent()
    judge_teacher_empty_accepted: int | None = absent()


class RecordedPart(JudgeMetrics, WholePair):
    """A benchmark in metrics/eval.json that both teacher and student answered."""


class RecordedModels(Record):
    """A benchmark there that they did not both answer: every model's accuracy, and the trend over chain lengths."""

    n: int
    models: dict[str, Accuracy]
    trend: RecordedTrend | None


class RecordedMetrics(Record):
    """metrics/eval.json of a run of recorded answers."""

    recorded: Literal[True]
    math500: RecordedPart | RecordedModels | None = absent()
    contest: RecordedPart | RecordedModels | None = absent()
    transfer: RecordedPart | RecordedModels | None = absent()
