"""Recorded answers instead of a model. They are matched to the problems by id or by text, and misfits are reported.

A file has one row per answer, as CSV, JSON lines or JSON; a folder may hold several files. In `answers.models`,
`columns` names the columns of the problem's id, its question, the response and a judge's verdict. The other fields of
an Answer record (fold, role, sample, tokens, finish_reason) are read from columns of the same names. So another run's
data/answers/<model> can be replayed unchanged. Without those columns a row counts as an answer of a model without
folds, which had not seen the question.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from distil.exams.tables import TableRow, read_rows
from distil.pipeline.files import InputError, read_yaml_as, replacing, replacing_folder, write_jsonl
from distil.pipeline.recorded import exam_question, match
from distil.pipeline.records import Answer, JudgedAnswer, Problem, Record
from distil.pipeline.repository import Pin, pinned
from stages.answers.params import AnswerColumns

CACHE = Path("cache/published")
KINDS = (".csv", ".json", ".jsonl")
NO_ANSWERS = ("judged.jsonl", "unmatched.jsonl")
"""Files of this stage without answers. They are skipped where its folder is replayed."""
OTHERS = ("fold", "role", "sample", "prompt_tokens", "completion_tokens", "finish_reason")
JUDGED: dict[str, Literal["CORRECT", "INCORRECT"]] = {
    **dict.fromkeys(("correct", "true", "1", "yes"), "CORRECT"),
    **dict.fromkeys(("incorrect", "wrong", "false", "0", "no"), "INCORRECT"),
}  # fmt: skip


class PinnedFile(Pin):
    """A file of a git repository at one commit."""

    file: str


@dataclass(frozen=True)
class RecordedAnswer:
    """One recorded answer: its place in the file, the problem it names, its text, and its columns of OTHERS."""

    source: str
    problem_id: str | None
    question: str | None
    text: str
    judge: str | None
    others: dict[str, Any]


class AnswerMisfit(Record):
    """A recorded answer that matches no problem, several problems, or a problem that already has its answer."""

    source: str
    problem_id: str | None
    question: str | None
    reason: Literal["unmatched", "ambiguous", "surplus"]
    problem_ids: list[str]


@dataclass(frozen=True)
class Replayed:
    """A file's answers in order, what a judge said of them, and the rows that do not fit."""

    answers: list[Answer]
    judged: list[JudgedAnswer]
    misfits: list[AnswerMisfit]

    def where(self, asks: Callable[[Answer], bool]) -> "Replayed":
        """The answers for which `asks` is true, with the judge's verdicts on them."""
        answers = [row for row in self.answers if asks(row)]
        kept = {_key(row) for row in answers}
        return Replayed(answers, [row for row in self.judged if _key(row) in kept], self.misfits)


def replay(name: str, path: Path, columns: AnswerColumns, benchmarks: dict[str, list[Problem]]) -> Replayed:
    """Match the recorded answers of model `name` in `path` to the problems of `benchmarks`.

    Raises InputError naming file, row and column of a fault.
    """
    benchmark = {problem.id: found for found, problems in benchmarks.items() for problem in problems}
    problems = [problem for found in benchmarks.values() for problem in found]
    if len(benchmark) < len(problems):
        shared = Counter(problem.id for problem in problems).most_common(1)[0][0]
        raise InputError(f"{shared} names a problem of two benchmarks: recorded answers cannot be told apart by id.")
    together = defaultdict[tuple[str, str], list[RecordedAnswer]](list)
    for row in recorded(path, columns):
        together[str(row.others.get("fold")), str(row.others.get("sample"))].append(row)
    answers, judged, misfits = [], [], []
    for rows in together.values():
        matched, others = match(rows, problems)
        for problem, row in matched.items():
            answer = _answer(name, problem, benchmark[problem], row)
            answers.append(answer)
            if row.judge is not None:
                judged.append(
                    JudgedAnswer(
                        problem_id=problem, benchmark=answer.benchmark, fold=answer.fold, sample=answer.sample,
                        verdict=JUDGED.get(row.judge.strip().lower(), "UNCLEAR"),
                    )
                )  # fmt: skip
        misfits += [
            AnswerMisfit(
                source=row.source, problem_id=row.problem_id, question=row.question, reason=why, problem_ids=ids
            )
            for row, why, ids in others
        ]
    return Replayed(sorted(answers, key=_key), sorted(judged, key=_key), misfits)


def write(name: str, replayed: Replayed, benchmarks: dict[str, list[Problem]]) -> None:
    """Write each benchmark's answers, judged.jsonl and unmatched.jsonl to data/answers/<name>; print what matched."""
    with replacing_folder(f"data/answers/{name}") as folder:
        for benchmark in benchmarks:
            write_jsonl(folder / f"{benchmark}.jsonl", (row for row in replayed.answers if row.benchmark == benchmark))
        if replayed.judged:
            write_jsonl(folder / NO_ANSWERS[0], replayed.judged)
        write_jsonl(folder / NO_ANSWERS[1], replayed.misfits)
    reasons = Counter[str](misfit.reason for misfit in replayed.misfits)
    answered = {row.problem_id for row in replayed.answers}
    without = {name: sum(row.id not in answered for row in rows) for name, rows in benchmarks.items()}
    print(
        f"{name}: {len(replayed.answers)} recorded answers; "
        + ", ".join(f"{count} {benchmark} problems without" for benchmark, count in without.items())
        + "".join(f"; {reasons[reason]} rows {reason}" for reason in ("unmatched", "ambiguous", "surplus")),
        file=sys.stderr,
    )


def recorded(path: Path, columns: AnswerColumns) -> list[RecordedAnswer]:
    """The rows of a file, of every file of a folder, or of the file that a pin names.

    Raises InputError where there is no file, or a file lacks a column.
    """
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in KINDS and file.name not in NO_ANSWERS)
        if not files:
            raise InputError(f"{path} holds no {', '.join(KINDS)} of recorded answers.")
    elif path.suffix == ".yaml":
        files = [fetched(path)]
    rows = []
    for file in files:
        found = read_rows(file)
        _check(file, found, columns)
        rows += [_recorded(row, columns) for row in found]
    return rows


def fetched(path: Path) -> Path:
    """The file that `path` pins in a public repository. It is fetched once. Raises InputError without a network."""
    pin = read_yaml_as(path, PinnedFile, "It pins recorded answers: 'repository', 'revision' and 'file'.")
    target = CACHE / pin.revision / pin.file
    if not target.is_file():
        advice = f"Check the network, or set answers.models.<model>.weights to a copy of {pin.file}."
        with pinned(pin, advice) as repository:
            content = repository.read_bytes(pin.file)
        with replacing(target, "wb") as file:
            file.write(content)
    return target


def _check(path: Path, rows: list[TableRow], columns: AnswerColumns) -> None:
    """Raise InputError where `columns` names a column that the file does not have."""
    names = {name for row in rows for name in row.values}
    needed = [columns.response, *columns.ids, *filter(None, (columns.question, columns.judge))]
    if rows and (absent := [name for name in needed if name not in names]):
        raise InputError(
            f"{path} has no column {', '.join(map(repr, absent))}; it has {', '.join(sorted(names))}. Set "
            "columns of answers.models.<model> to {id: ..., question: ..., response: ..., judge: ...}."
        )


def _recorded(row: TableRow, columns: AnswerColumns) -> RecordedAnswer:
    parts = [_text(row, column) or "" for column in columns.ids]
    name = exam_question(*parts) if len(parts) == 3 else "".join(parts) or None
    question = _text(row, columns.question) if columns.question else None
    judge = _text(row, columns.judge) if columns.judge else None
    others = {name: row.values[name] for name in OTHERS if row.values.get(name) not in (None, "")}
    return RecordedAnswer(row.place, name, question, _text(row, columns.response) or "", judge, others)


def _text(row: TableRow, column: str) -> str | None:
    value = row.values.get(column)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return str(value)
    raise InputError(f"{row.place}, column {column}: text was expected (found {value!r:.60}).")


def _answer(name: str, problem: str, benchmark: str, row: RecordedAnswer) -> Answer:
    unknown = {"fold": None, "role": "unseen", "prompt_tokens": None, "completion_tokens": None}
    values = unknown | {"finish_reason": "recorded"} | row.others
    try:
        return Answer.model_validate(
            values | {"problem_id": problem, "benchmark": benchmark, "model": name, "text": row.text}
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InputError(f"{row.source}, column {'.'.join(map(str, first['loc']))}: {first['msg']}.") from error


def _key(row: Answer | JudgedAnswer) -> tuple[str, str, str, int]:
    return row.benchmark, row.problem_id, row.fold or "", row.sample
