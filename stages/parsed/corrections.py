"""A person's corrections of the questions: corrections.yaml, as the page of `make review` exports it.

A correction keeps the text that it was made on. It is applied as long as the question has the same numbers and nearly
the same words, so another reader or notation does not matter. Otherwise it is reported, and the question stays as read.
"""

import re
import unicodedata
from pathlib import Path

from pydantic import BaseModel, ConfigDict, RootModel, field_validator
from rapidfuzz import fuzz

from distil.exams.left_out import LeftOut
from distil.pipeline.files import read_yaml_as
from distil.pipeline.records import Problem

SAME_WORDS = 90
"""With this similarity of their words (rapidfuzz's ratio) or more, two readings are of one question."""
COMMAND = re.compile(r"\\[A-Za-z]+|\b(?:sqrt|frac)\b")


class Correction(BaseModel):
    """A person's decision on one question: a new text, a new key, or to drop it. Without these it stays as read."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    read: str
    question: str | None = None
    answer: str | None = None
    drop: bool = False

    @field_validator("question", "answer")
    @classmethod
    def _not_empty(cls, text: str | None) -> str | None:
        if text is not None and not text.strip():
            raise ValueError("is empty: leave it out to keep what was read, or drop the question with 'drop: true'")
        return text


class Corrections(RootModel[dict[str, Correction]]):
    """corrections.yaml: each question's correction, by id."""


def read_corrections(path: Path) -> dict[str, Correction]:
    """The corrections by id; none where there is no such file. Raises InputError naming what is wrong in it."""
    if not path.exists():
        return {}
    return read_yaml_as(path, Corrections, "It is what the page of `make review` exports.").root


def apply_corrections(
    problems: list[Problem], left_out: list[LeftOut], corrections: dict[str, Correction]
) -> tuple[list[Problem], list[LeftOut], list[str]]:
    """Problems and left-out questions after the corrections, and why some were not applied.

    An accepted or corrected question that was left out comes back if it has a key.
    """
    kept = {problem.id: problem for problem in problems}
    without = {question.id: question for question in left_out}
    reports = []
    for identity, correction in sorted(corrections.items()):
        now: Problem | LeftOut | None = kept.get(identity) or without.get(identity)
        if now is None:
            reports.append(f"{identity}: no question has this id now")
        elif not same_question(correction.read, now.question):
            reports.append(f"{identity}: the question is another than the one that was corrected")
        elif isinstance(now, Problem):
            kept[identity] = _corrected(now, correction)
            if correction.drop:
                del kept[identity]
                without[identity] = LeftOut.of(now, "dropped by a person")
        elif not correction.drop:
            answer = correction.answer or now.answer
            if not answer:
                reports.append(f"{identity}: it was left out ({now.reason}), and the correction gives no answer")
                continue
            problem = Problem(
                answer=answer, **now.model_dump(include=Problem.model_fields.keys() & LeftOut.model_fields.keys())
            )
            kept[identity] = _corrected(problem, correction)
            del without[identity]
    order = {question.id: place for place, question in enumerate(_in_order(problems, left_out))}
    by_place = sorted(kept.values(), key=lambda problem: order[problem.id])
    return by_place, sorted(without.values(), key=lambda question: order[question.id]), reports


def _in_order(problems: list[Problem], left_out: list[LeftOut]) -> list[Problem | LeftOut]:
    """All questions in the order of their exams, and by number within each exam."""
    every: list[Problem | LeftOut] = [*problems, *left_out]
    exams = {(one.year, one.section): place for place, one in reversed(list(enumerate(every)))}
    return sorted(every, key=lambda one: (exams[one.year, one.section], one.number))


def _corrected(problem: Problem, correction: Correction) -> Problem:
    changes: dict[str, str] = {}
    for name in ("question", "answer"):
        new, old = getattr(correction, name), getattr(problem, name)
        if new is not None and new != old:
            changes |= {name: new, f"{name}_uncorrected": getattr(problem, f"{name}_uncorrected") or old}
    notes = [f"{name}: corrected by a person" for name in ("question", "answer") if name in changes]
    return problem.model_copy(update={**changes, "errata": [*problem.errata, *notes]}) if changes else problem


def same_question(one: str, other: str) -> bool:
    """Whether two readings are of one question: the same numbers, and nearly the same words."""
    (numbers, words), (other_numbers, other_words) = _said(one), _said(other)
    return numbers == other_numbers and fuzz.ratio(words, other_words) >= SAME_WORDS


def _said(text: str) -> tuple[list[str], str]:
    text = COMMAND.sub(" ", unicodedata.normalize("NFKC", text)).casefold()
    return sorted(re.findall(r"\d", text)), "".join(re.findall(r"[^\W\d_]", text))
