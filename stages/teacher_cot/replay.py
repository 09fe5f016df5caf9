"""Recorded chains instead of a teacher. They are matched to the problems by id or by text, and misfits are reported.

The folder `teacher_cot.recorded` may hold:
- `*.csv` with `year, section, question_id, question` and `reasoning_1` to `reasoning_5`: the levels R2 to R6
- `*.jsonl` of chat rows (`messages` with a user's question and an assistant's chain): the level R1
- `*.jsonl` of Chain records, such as another run's chains.jsonl
"""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from distil.pipeline.files import InputError, replacing_folder, write_json, write_jsonl
from distil.pipeline.metrics import ReplayMetrics
from distil.pipeline.recorded import exam_question
from distil.pipeline.recorded import match as match_rows
from distil.pipeline.records import LEVELS, Chain, Level, Problem, Record
from distil.verifier import extract
from stages.teacher_cot.lesson import Failure

COLUMNS: dict[str, Level] = {
    "reasoning_1": "R2", "reasoning_2": "R3", "reasoning_3": "R4", "reasoning_4": "R5", "reasoning_5": "R6",
}  # fmt: skip


@dataclass(frozen=True)
class RecordedChain:
    """One recorded chain: its place in the file, the problem it names, and the chain."""

    source: str
    problem_id: str | None
    question: str | None
    level: Level
    text: str
    model: str = "recorded"
    finish_reason: str = "recorded"


class ChainMisfit(Record):
    """A recorded chain that is empty, or matches no problem, several problems, or one that already has its chain."""

    source: str
    level: Level
    question: str | None
    reason: Literal["unmatched", "ambiguous", "surplus", "empty"]
    problem_ids: list[str]


def replay(folder: Path, problems: list[Problem]) -> int:
    """Write data/teacher_cot and the metrics from the recorded chains of `folder`. Returns how many problems failed."""
    recorded = list(read(folder))
    chains, misfits = match(recorded, problems)
    with_chain = {chain.problem_id for chain in chains if chain.level == "R1"}
    failures = [
        Failure(problem_id=problem.id, level="R1", reason="no recorded chain matches this problem")
        for problem in problems
        if problem.id not in with_chain
    ]
    levels = Counter[str](chain.level for chain in chains)
    reasons = Counter[str](misfit.reason for misfit in misfits)
    metrics = ReplayMetrics(
        teacher="replay",
        problems=len(problems),
        answered=len(with_chain),
        failed=len(failures),
        chains={level: levels[level] for level in LEVELS},
        recorded=len(recorded),
        unmatched=reasons["unmatched"],
        ambiguous=reasons["ambiguous"],
        surplus=reasons["surplus"],
        empty=reasons["empty"],
    )
    with replacing_folder("data/teacher_cot") as out:
        write_jsonl(out / "chains.jsonl", chains)
        write_jsonl(out / "failed.jsonl", failures)
        write_jsonl(out / "unmatched.jsonl", misfits)
        write_json("metrics/teacher_cot.json", metrics.model_dump())
    return len(failures)


def match(recorded: list[RecordedChain], problems: list[Problem]) -> tuple[list[Chain], list[ChainMisfit]]:
    """The chain of each problem and level, sorted, and the rows that do not fit, level by level."""
    chains: dict[tuple[str, Level], Chain] = {}
    misfits = []
    for row in recorded:
        if not row.text.strip():
            ids = [problem.id for problem in problems if problem.id == row.problem_id]
            misfits.append(_misfit(row, "empty", ids))
    for level in LEVELS:
        found, others = match_rows((row for row in recorded if row.level == level and row.text.strip()), problems)
        chains |= {(name, level): _chain(row, name) for name, row in found.items()}
        misfits += [_misfit(row, reason, ids) for row, reason, ids in others]
    return [chains[key] for key in sorted(chains)], misfits


def _misfit(
    row: RecordedChain, reason: Literal["unmatched", "ambiguous", "surplus", "empty"], ids: list[str]
) -> ChainMisfit:
    return ChainMisfit(source=row.source, level=row.level, question=row.question, reason=reason, problem_ids=ids)


def _chain(row: RecordedChain, problem_id: str) -> Chain:
    recorded = json.dumps([row.problem_id, row.question, row.level, row.text])
    return Chain(
        problem_id=problem_id,
        level=row.level,
        role="replay",
        model=row.model,
        prompt_hash=hashlib.sha256(recorded.encode()).hexdigest(),
        sampling={},
        text=row.text.strip(),
        answer=extract(row.text).answer,
        finish_reason=row.finish_reason,
    )


def read(folder: Path) -> Iterator[RecordedChain]:
    """The recorded chains of a folder, file by file. Raises InputError naming file and line of a malformed chain."""
    files = sorted([*folder.glob("*.csv"), *folder.glob("*.jsonl")])
    if not files:
        raise InputError(f"{folder} holds no *.csv or *.jsonl of recorded chains; set teacher_cot.recorded.")
    for path in files:
        try:
            yield from _csv(path) if path.suffix == ".csv" else _jsonl(path)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{path} could not be read: {error}.") from error


def _csv(path: Path) -> Iterator[RecordedChain]:
    csv.field_size_limit(2**24)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        needed = {"year", "section", "question_id", "question", *COLUMNS}
        if absent := sorted(needed - set(rows.fieldnames or ())):
            raise InputError(f"{path} has no column {', '.join(absent)}.")
        for row in rows:
            where = f"{path.name}, line {rows.line_num}"
            name = exam_question(row["year"], row["section"], row["question_id"] or "")
            for column, level in COLUMNS.items():
                yield RecordedChain(where, name, row["question"], level, row[column] or "")


def _jsonl(path: Path) -> Iterator[RecordedChain]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _row(line, f"{path.name}, line {number}")


def _row(line: str, where: str) -> RecordedChain:
    """A chat row, or a Chain record."""
    try:
        row = json.loads(line)
        if "messages" not in row:
            chain = Chain.model_validate(row)
            return RecordedChain(
                where, chain.problem_id, None, chain.level, chain.text, chain.model, chain.finish_reason
            )
        said = {message["role"]: message["content"] for message in row["messages"]}
        if not (isinstance(said["user"], str) and isinstance(said["assistant"], str)):
            raise TypeError("the content of a turn is no text")
        return RecordedChain(where, None, said["user"], "R1", said["assistant"])
    except (ValueError, TypeError, KeyError, ValidationError) as error:
        raise InputError(
            f"{where}: neither a chat row nor a Chain record ({type(error).__name__}: {error})."
        ) from error
