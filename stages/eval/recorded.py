"""Compare recorded answers of models that this run did not train. There is no base, but a teacher, judges and lengths.

For every benchmark that a model answered, this gives the model's accuracy by the verifier, and the agreement of its
judge with the verifier. It compares the models `teacher` and `student` on the same questions: in all, by section and by
the source's difficulty. It tests the trend over the models named R1 to R6. It corrects the published accuracies for the
errors of the student's judge.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from distil.pipeline.files import InputError, read_jsonl
from distil.pipeline.names import TEACHER
from distil.pipeline.recorded_results import (
    AnswerDisagreement,
    CorrectedAccuracy,
    GroupPair,
    JudgeRating,
    RecordedBenchmark,
    RecordedMetrics,
    RecordedModel,
    RecordedModels,
    RecordedPart,
    RecordedTables,
    RecordedTrend,
    StudentAndTeacher,
    WholePair,
)
from distil.pipeline.records import LEVELS, JudgedAnswer, Problem, Scored
from distil.pipeline.results import Accuracy, Comparison
from distil.statistics.difference import difference, points
from distil.statistics.paired import holm
from distil.statistics.parts import BASE, MEASURES, STUDENT, Group, Part
from distil.statistics.proportions import accuracy
from distil.statistics.published import published
from distil.statistics.raters import Rating, rate, rogan_gladen
from distil.statistics.trend import page
from stages.eval.comparison import compare
from stages.eval.params import EvalParams

ANSWERS = Path("data/answers")
GROUPS: tuple[Literal["section", "difficulty"], ...] = ("section", "difficulty")
JUDGED = ("base", "student", "R2", "R3", "R4", "R5", "R6")
"""The published accuracies that come from the judge of the student's answers. The teacher's answers had another judge.
"""


def rated(scored: Path, models: Sequence[str]) -> pd.DataFrame:
    """The rows of `rows_of`, with the judges' verdicts in data/answers."""
    said: dict[tuple[str, str, str], str] = {}
    for model in models:
        path = ANSWERS / model / "judged.jsonl"
        for row in read_jsonl(path, JudgedAnswer) if path.exists() else ():
            if row.sample == 0:
                said[row.benchmark, model, row.problem_id] = row.verdict
    return rows_of(scored, said)


def rows_of(scored: Path, said: Mapping[tuple[str, str, str], str]) -> pd.DataFrame:
    """One row per model and question that it had not seen, of its first answer.

    The columns are id, benchmark, model, the verifier's verdict and rule, and the judge's verdict.
    `said` has the judges' verdicts by benchmark, model and problem; the column is empty where there is none. `correct`,
    `uncorrected`, `lenient`, `no_answer` and `truncated` are 0 or 1. `words` is the number of words of the answer.
    Raises InputError where every question was seen.
    """
    rows = [
        {
            "id": answer.problem_id, "benchmark": answer.benchmark, "model": answer.model,
            "verdict": verdict.verdict, "rule": verdict.rule,
            "judge": said.get((answer.benchmark, answer.model, answer.problem_id), ""),
            "correct": verdict.verdict == "CORRECT",
            "uncorrected": (row.verdict_uncorrected or verdict).verdict == "CORRECT",
            "lenient": verdict.within_rounding, "no_answer": verdict.verdict == "NO_ANSWER",
            "truncated": answer.finish_reason == "length", "words": len(answer.text.split()),
        }
        for row in read_jsonl(scored, Scored)
        for answer, verdict in ((row.answer, row.verdict),) if answer.sample == 0 and answer.role == "unseen"
    ]  # fmt: skip
    if not rows:
        raise InputError(
            f"{scored}: no recorded answer is the first to a question that its model had not seen (columns role and "
            "sample)."
        )
    return pd.DataFrame(rows).drop_duplicates(["benchmark", "model", "id"]).astype(dict.fromkeys(MEASURES, int))


def tables(
    rows: pd.DataFrame,
    problems: Mapping[str, Sequence[Problem]],
    questions: Mapping[str, pd.DataFrame],
    params: EvalParams,
) -> RecordedTables:
    """Everything in detail."""
    found = {}
    for name, table in questions.items():
        own = rows[rows["benchmark"] == name]
        if len(own):
            grades = {problem.id: problem.difficulty for problem in problems[name]}
            asked = table.assign(difficulty=table["id"].map(grades).astype("Int64"))  # some may have none
            found[title(name, problems[name])] = benchmark(name, own, asked, params)
    # The study's judge judged the published answers. The errors of another judge say nothing about them.
    rating = _rating(rows[rows["model"] == STUDENT]) if params.against_paper else None
    return RecordedTables(recorded=found, corrected=corrected(rating) if rating else [])


def title(name: str, problems: Sequence[Problem]) -> str:
    """The name of a benchmark in metrics: `math500` for MATH-500, else its `name`, `contest` or `transfer`."""
    return "math500" if problems[0].source == "MATH-500" else name


def benchmark(name: str, rows: pd.DataFrame, asked: pd.DataFrame, params: EvalParams) -> RecordedBenchmark:
    """One benchmark: its models, the comparison of teacher and student, and the trend over levels."""
    models = list(dict.fromkeys(rows["model"]))
    levels = [level for level in LEVELS if level in models]
    whole: WholePair | None = None
    groups: list[GroupPair] = []
    if {TEACHER, STUDENT} <= set(models):
        shared, (teacher, student) = answered(rows, asked, [TEACHER, STUDENT])
        whole, groups = pair(Part(name, shared, {BASE: teacher, STUDENT: student}), params)
    return RecordedBenchmark(
        n=int(rows["id"].nunique()),
        models=[marked(model, rows[rows["model"] == model].merge(asked, on="id")) for model in models],
        pair=whole,
        groups=groups,
        trend=trend(levels, *answered(rows, asked, levels), params, name) if len(levels) > 1 else None,
        disagreements=list(disagreements(rows)),
    )


def disagreements(rows: pd.DataFrame) -> Iterator[AnswerDisagreement]:
    """The answers on which judge and verifier differ, or where the judge was not clear, by model and question."""
    apart = (rows["judge"] == "CORRECT") != rows["correct"].astype(bool)
    found = rows[(_clear(rows) & apart) | (rows["judge"] == "UNCLEAR")].sort_values(["model", "id"])
    for row in found.to_dict("records"):
        yield AnswerDisagreement(
            id=row["id"], model=row["model"], judge=row["judge"], verifier=row["verdict"], rule=row["rule"]
        )


def marked(model: str, own: pd.DataFrame) -> RecordedModel:
    """One model's answers."""
    value, low, high = accuracy(own["correct"].to_numpy(float)[:, None], own["cluster"].to_numpy())
    return RecordedModel(
        model=model, n=len(own), right=int(own["correct"].sum()), accuracy=value, low=low, high=high,
        no_answer=int(own["no_answer"].sum()), unverifiable=int((own["verdict"] == "UNVERIFIABLE").sum()),
        judge=judged(own),
    )  # fmt: skip


def judged(own: pd.DataFrame) -> JudgeRating | None:
    """How the judge of one model's answers compares with the verifier; None where there was no judge.

    `unclear` counts the answers for which the judge gave no clear verdict. No other number includes them.
    """
    rating = _rating(own)
    if rating is None:
        return None
    accepted, clear = own["judge"] == "CORRECT", _clear(own)
    shares = np.array(accepted[clear], float)[:, None]
    value, low, high = accuracy(shares, own.loc[clear, "cluster"].to_numpy())
    return JudgeRating.model_validate(
        rating.summary()
        | {
            "accuracy": value, "low": low, "high": high, "unclear": int((own["judge"] == "UNCLEAR").sum()),
            "empty_accepted": int((accepted & own["no_answer"].astype(bool)).sum()),
        }
    )  # fmt: skip


def _clear(own: pd.DataFrame) -> "pd.Series[bool]":
    return own["judge"].isin(["CORRECT", "INCORRECT"])


def _rating(own: pd.DataFrame) -> Rating | None:
    clear = own[_clear(own)]
    if not len(clear):
        return None
    return rate(clear["correct"].to_numpy(bool), (clear["judge"] == "CORRECT").to_numpy(bool))


def answered(rows: pd.DataFrame, asked: pd.DataFrame, models: Sequence[str]) -> tuple[pd.DataFrame, list[Group]]:
    """The questions that all of `models` answered, and the outcomes of each model on them."""
    wide = {
        measure: rows[rows["model"].isin(list(models))].pivot(index="id", columns="model", values=measure)[list(models)]
        for measure in MEASURES
    }
    shared = asked[asked["id"].isin(wide["correct"].dropna().index)].reset_index(drop=True)
    outcomes = {measure: table.loc[shared["id"]].to_numpy(float) for measure, table in wide.items()}
    every = Group(tuple(models), outcomes)
    return shared, [every.only(place) for place in range(len(models))]


def pair(both: Part, params: EvalParams) -> tuple[WholePair, list[GroupPair]]:
    """The paired comparison of student and teacher, on all questions and by group.

    A group that is all questions is left out: it would be the same test again.
    """
    labels = [(by, label) for by in GROUPS for label in sorted(both.questions[by].dropna().unique())
              if (both.questions[by] == label).sum() < len(both)]  # fmt: skip
    parts = [both.where(both.questions[by].to_numpy() == label) for by, label in labels]
    results = [compare(both, params, f"{both.name} pair")]
    results += [
        compare(part, params, f"{both.name} pair {by} {label}") for part, (by, label) in zip(parts, labels, strict=True)
    ]
    whole, *rest = (
        against_teacher(result, p) for result, p in zip(results, holm([one.mcnemar_p for one in results]), strict=True)
    )
    teacher, student = both.base[:, 0] == 1, both.students[:, 0] == 1
    counts = {"both": int(np.sum(teacher & student)), "neither": int(np.sum(~teacher & ~student))}
    return WholePair(**dict(whole), **counts), [
        GroupPair(**dict(row), by=by, group=str(label)) for row, (by, label) in zip(rest, labels, strict=True)
    ]


def against_teacher(result: Comparison, holm_p: float | None) -> StudentAndTeacher:
    """The numbers of a comparison that apply to one student, with the teacher in the place of the base model."""
    return StudentAndTeacher(
        n=result.n, teacher=result.base, teacher_low=result.base_low, teacher_high=result.base_high,
        student=result.student_mean, student_low=result.student_low, student_high=result.student_high,
        difference=result.difference, difference_low=result.difference_low, difference_high=result.difference_high,
        only_student=result.gained, only_teacher=result.lost, mcnemar_p=result.mcnemar_p, holm_p=holm_p,
    )  # fmt: skip


def trend(
    levels: Sequence[str], questions: pd.DataFrame, groups: Sequence[Group], params: EvalParams, name: str
) -> RecordedTrend:
    """Accuracy over the chain lengths on the questions that all levels answered."""
    clusters, correct = questions["cluster"].to_numpy(), np.hstack([group.correct for group in groups])
    found = page(correct, clusters)
    change = difference(correct[:, :1], correct[:, -1:], clusters, params.resamples, params.generator(f"{name} trend"))
    low, high = change.both or (None, None)
    return RecordedTrend.model_validate({
        "levels": list(levels), "n": len(questions), "p": found.p if found else None,
        "change": points(change.value), "change_low": points(low), "change_high": points(high),
    })  # fmt: skip


def corrected(judge: Rating) -> list[CorrectedAccuracy]:
    """The study's published accuracies, corrected for the errors that its judge makes on the recorded answers."""
    rows = []
    for name in JUDGED:
        entry = published()[name]
        found = rogan_gladen(round(entry.accuracy * entry.n), entry.n, judge)
        if found:
            rows.append(
                CorrectedAccuracy(
                    of=name, n=entry.n, over=entry.over, published=entry.accuracy,
                    corrected=found.value, low=found.low, high=found.high,
                )
            )  # fmt: skip
    return rows


def headline(tables: RecordedTables) -> RecordedMetrics:
    """metrics/eval.json: for each benchmark the pair and its judges, or each model where there is no pair."""
    return RecordedMetrics.model_validate(
        {"recorded": True} | {name: _headline(found).model_dump() for name, found in tables.recorded.items()}
    )


def _headline(found: RecordedBenchmark) -> RecordedPart | RecordedModels:
    if not found.pair:
        models = {
            row.model: Accuracy(n=row.n, accuracy=row.accuracy, low=row.low, high=row.high) for row in found.models
        }
        return RecordedModels(n=found.n, models=models, trend=found.trend)
    judges = {}
    for row in found.models:
        if row.model in (TEACHER, STUDENT) and row.judge:
            judges[f"judge_{row.model}"] = row.judge.accuracy
            for key in ("n", "kappa", "false_accepts", "false_rejects", "empty_accepted"):
                judges[f"judge_{row.model}_{key}"] = getattr(row.judge, key)
    return RecordedPart.model_validate(found.pair.model_dump() | judges)


def plot_tables(tables: RecordedTables, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Small tables by file name: accuracy by model and by section, and every answer with both verdicts, no texts."""
    columns = ["model", "n", "accuracy", "low", "high"]
    models = [
        {**row.model_dump(), "model": f"{row.model}, {name}"}
        for name, found in tables.recorded.items()
        for row in found.models
    ]
    sections = [
        {"section": row.group, "model": model, "n": row.n, "accuracy": value, "low": low, "high": high}
        for found in tables.recorded.values()
        for row in found.groups if row.by == "section"
        for model, value, low, high in (
            (TEACHER, row.teacher, row.teacher_low, row.teacher_high),
            (STUDENT, row.student, row.student_low, row.student_high),
        )
    ]  # fmt: skip
    return {
        "models": pd.DataFrame(models, columns=columns),
        "sections": pd.DataFrame(sections, columns=["section", *columns]),
        "judges": rows[["benchmark", "id", "model", "verdict", "rule", "judge"]].sort_values(
            ["benchmark", "id", "model"]
        ),
    }
