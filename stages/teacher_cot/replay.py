"""Recorded chains instead of a teacher: matched to the problems by id or by text, and every misfit reported.

Understood in the folder `teacher_cot.recorded`:
- `*.csv` with `year, section, question_id, question` and `reasoning_1` to `reasoning_5`, the levels R2 to R6;
- `*.jsonl` of chat rows (`messages` with a user's question and an assistant's chain), the level R1;
- `*.jsonl` of Chain records, such as another run's chains.jsonl.
"""

import csv
import hashlib
import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError
from rapidfuzz import fuzz

from distil.pipeline.files import InputError, replacing_folder, write_json, write_jsonl
from distil.pipeline.records import LEVELS, Chain, Level, Problem, Record
from distil.verifier import extract
from stages.teacher_cot.lesson import Failure

COLUMNS: dict[str, Level] = {
    "reasoning_1": "R2", "reasoning_2": "R3", "reasoning_3": "R4", "reasoning_4": "R5", "reasoning_5": "R6",
}  # fmt: skip
SAME_PROBLEM = 60
"""Similarity (rapidfuzz's ratio) below which two texts under one id are taken for two problems."""


@dataclass(frozen=True)
class Recorded:
    """One recorded chain: where it stands, what it says it answers, and the chain."""

    source: str
    problem_id: str | None
    question: str | None
    level: Level
    text: str
    model: str = "recorded"


class Misfit(Record):
    """A recorded chain that matches no problem, one of several, one that has a chain already, or that is empty."""

    source: str
    level: Level
    question: str | None
    reason: Literal["unmatched", "ambiguous", "surplus", "empty"]
    problem_ids: list[str]


def replay(folder: Path, problems: list[Problem]) -> None:
    """Write data/teacher_cot and the metrics from the recorded chains of `folder`."""
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
    metrics = {
        "teacher": "replay",
        "problems": len(problems),
        "answered": len(with_chain),
        "failed": len(failures),
        "chains": {level: levels[level] for level in LEVELS},
        "recorded": len(recorded),
        "unmatched": reasons["unmatched"],
        "ambiguous": reasons["ambiguous"],
        "surplus": reasons["surplus"],
        "empty": reasons["empty"],
    }
    with replacing_folder("data/teacher_cot") as out:
        write_jsonl(out / "chains.jsonl", chains)
        write_jsonl(out / "failed.jsonl", failures)
        write_jsonl(out / "unmatched.jsonl", misfits)
        write_json("metrics/teacher_cot.json", metrics)


def match(recorded: list[Recorded], problems: list[Problem]) -> tuple[list[Chain], list[Misfit]]:
    """The chain of each problem and level, sorted, and the rows that do not fit.

    An id decides where the texts are alike; else the text does, as printed or as corrected. Problems that share a text
    take its rows in order, and the last one again where there are too few: each answers the same question.
    """
    by_id = {problem.id: problem for problem in problems}
    by_text: dict[str, list[Problem]] = defaultdict(list)
    for problem in problems:
        for text in {normal(problem.question), normal(problem.question_uncorrected or problem.question)}:
            by_text[text].append(problem)
    chains: dict[tuple[str, Level], Chain] = {}
    misfits = []

    def misfit(row: Recorded, reason: Literal["unmatched", "ambiguous", "surplus", "empty"], ids: list[str]) -> None:
        misfits.append(
            Misfit(source=row.source, level=row.level, question=row.question, reason=reason, problem_ids=ids)
        )

    by_question: dict[tuple[Level, str], list[Recorded]] = defaultdict(list)
    for row in recorded:
        named = by_id.get(row.problem_id or "")
        if not row.text.strip():
            misfit(row, "empty", [named.id] if named else [])
        elif named and _alike(row.question, named):
            if (named.id, row.level) in chains:
                misfit(row, "surplus", [named.id])
            else:
                chains[named.id, row.level] = _chain(row, named)
        elif row.question and (text := normal(row.question)) in by_text:
            by_question[row.level, text].append(row)
        else:
            misfit(row, "unmatched", [])
    for (level, text), rows in by_question.items():
        wanting = [problem for problem in by_text[text] if (problem.id, level) not in chains]
        for number, problem in enumerate(wanting):
            chains[problem.id, level] = _chain(rows[min(number, len(rows) - 1)], problem)
        for number, row in enumerate(rows):
            ids = [problem.id for problem in by_text[text]]
            if number >= len(wanting):
                misfit(row, "surplus", ids)
            elif len(ids) > 1:
                misfit(row, "ambiguous", ids)
    return [chains[key] for key in sorted(chains)], misfits


def normal(text: str) -> str:
    """A question as it is compared: compatibility forms, case, white space and a final full stop aside."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip().rstrip(".?").casefold()


def _alike(question: str | None, problem: Problem) -> bool:
    if question is None:
        return True
    texts = (problem.question, problem.question_uncorrected or problem.question)
    return max(fuzz.ratio(normal(question), normal(text)) for text in texts) >= SAME_PROBLEM


def _chain(row: Recorded, problem: Problem) -> Chain:
    recorded = json.dumps([row.problem_id, row.question, row.level, row.text])
    return Chain(
        problem_id=problem.id,
        level=row.level,
        role="replay",
        model=row.model,
        prompt_hash=hashlib.sha256(recorded.encode()).hexdigest(),
        sampling={},
        text=row.text.strip(),
        answer=extract(row.text).answer,
        finish_reason="recorded",
    )


def read(folder: Path) -> Iterator[Recorded]:
    """The recorded chains of a folder, file by file. Raises InputError naming file and line of what is malformed."""
    files = sorted([*folder.glob("*.csv"), *folder.glob("*.jsonl")])
    if not files:
        raise InputError(f"{folder} holds no *.csv or *.jsonl of recorded chains; set teacher_cot.recorded.")
    for path in files:
        try:
            yield from _csv(path) if path.suffix == ".csv" else _jsonl(path)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{path} could not be read: {error}.") from error


def _csv(path: Path) -> Iterator[Recorded]:
    csv.field_size_limit(2**24)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        needed = {"year", "section", "question_id", "question", *COLUMNS}
        if absent := sorted(needed - set(rows.fieldnames or ())):
            raise InputError(f"{path} has no column {', '.join(absent)}.")
        for row in rows:
            where = f"{path.name}, line {rows.line_num}"
            # a tie-breaker's number (`question_T1`) is no number in its section: its text decides
            number = re.fullmatch(r"(?:question_)?(\d+)", row["question_id"] or "")
            name = f"{row['year']}/{row['section']}/{int(number[1]):02d}" if number else None
            for column, level in COLUMNS.items():
                yield Recorded(where, name, row["question"], level, row[column] or "")


def _jsonl(path: Path) -> Iterator[Recorded]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _row(line, f"{path.name}, line {number}")


def _row(line: str, where: str) -> Recorded:
    """A chat row, or a Chain record."""
    try:
        row = json.loads(line)
        if "messages" not in row:
            chain = Chain.model_validate(row)
            return Recorded(where, chain.problem_id, None, chain.level, chain.text, chain.model)
        said = {message["role"]: message["content"] for message in row["messages"]}
        return Recorded(where, None, said["user"], "R1", said["assistant"])
    except (ValueError, TypeError, KeyError, ValidationError) as error:
        raise InputError(
            f"{where}: neither a chat row nor a Chain record ({type(error).__name__}: {error})."
        ) from error
