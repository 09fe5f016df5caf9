"""The study's hand transcriptions, a JSON file a year: `{section: {"question_7": {"question": ..., "answer": ...}}}`.

Tie-breakers (`question_T1`) get the numbers after the section's last question, as in the transcriptions of other years.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from distil.exams.files import problem_id
from distil.exams.left_out import LeftOut
from distil.pipeline.files import InputError
from distil.pipeline.records import Problem, Record

PLACEHOLDER = re.compile(r"question \d+ ?\(.*\)|\W*", re.IGNORECASE)
"""The placeholder for a question that the transcriber could not see: `Question 11 (content not visible in ...)`."""


class Transcribed(Record):
    """One question as typed in."""

    question: str
    answer: str


YEAR = TypeAdapter(dict[str, dict[str, Transcribed]])


def read_transcriptions(folder: Path) -> tuple[list[Problem], list[LeftOut]]:
    """The questions of all years. Raises InputError naming file and question of a missing, malformed or double one."""
    files = sorted(folder.glob("*.json"))
    if not files:
        raise InputError(f"{folder} holds no transcriptions: parsed.reader 'transcription' needs raw.source 'study'.")
    problems, left_out = [], []
    for path in files:
        if not re.fullmatch(r"(19|20)\d\d", path.stem):
            raise InputError(f"{path}: a transcription is named for its year, like 2019.json.")
        for section, number, transcribed in _questions(path):
            problem = Problem(
                id=problem_id(int(path.stem), section, number),
                year=int(path.stem),
                section=section,
                number=number,
                question=transcribed.question,
                answer=transcribed.answer,
                source=path.name,
            )
            if PLACEHOLDER.fullmatch(problem.question):
                left_out.append(LeftOut.of(problem, "placeholder"))
            else:
                problems.append(problem)
    return problems, left_out


def _questions(path: Path) -> Iterator[tuple[str, int, Transcribed]]:
    """The questions of one year: section, number and content, in order."""
    try:
        year = YEAR.validate_python(json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_without_doubles))
    except OSError as error:
        raise InputError(f"{path} could not be read: {error.strerror}.") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InputError(f"{path}, {' '.join(map(str, first['loc']))}: {first['msg']}.") from error
    except ValueError as error:
        raise InputError(f"{path} is not a transcription: {error}.") from error
    for section, questions in year.items():
        numbers: dict[tuple[str, int], str] = {}
        for name in questions:
            if not (found := re.fullmatch(r"question_(T?)(\d+)", name)):
                raise InputError(f"{path}, {section}: {name!r} is not a question's name like 'question_7'.")
            key = found[1], int(found[2])
            if key in numbers:
                raise InputError(f"{path}, {section}: {numbers[key]!r} and {name!r} are one number.")
            numbers[key] = name
        last = max((number for kind, number in numbers if not kind), default=0)
        for (kind, number), name in sorted(numbers.items()):
            yield section, last + number if kind else number, questions[name]


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object. Raises ValueError for a name that comes twice, of which Python's json would keep only the last."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r} comes twice")
        found[name] = value
    return found
