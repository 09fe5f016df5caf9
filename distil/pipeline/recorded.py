"""Match recorded rows to problems: by id where the questions are similar, else by their text."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal, Protocol, TypeVar

from rapidfuzz import fuzz

from distil.pipeline.records import Problem

SAME_PROBLEM = 60
"""Similarity (rapidfuzz's ratio) below which two texts under one id are taken for two problems."""


class Recorded(Protocol):
    """A row that names a problem by id, by its question, or by both."""

    @property
    def problem_id(self) -> str | None:
        """The problem's id, where the row has one."""

    @property
    def question(self) -> str | None:
        """The problem's text, where the row has it."""


Row = TypeVar("Row", bound=Recorded)
Reason = Literal["unmatched", "ambiguous", "surplus"]


def match(
    rows: Iterable[Row], problems: Sequence[Problem]
) -> tuple[dict[str, Row], list[tuple[Row, Reason, list[str]]]]:
    """Match rows to problems. Returns each problem's row by id, and misfits with the problems they may be about.

    The id decides where the texts are similar. Elsewhere the text decides, as printed or as corrected. Problems that
    share a text take its rows in order, and the last row again where there are too few, because all answer the same
    question. Such rows are `ambiguous`. `surplus` rows are about a problem that already has a row. `unmatched` rows fit
    no problem.
    """
    by_id = {problem.id: problem for problem in problems}
    by_text: dict[str, list[Problem]] = defaultdict(list)
    for problem in problems:
        for text in {normal(problem.question), normal(problem.question_uncorrected or problem.question)}:
            by_text[text].append(problem)
    matched: dict[str, Row] = {}
    misfits: list[tuple[Row, Reason, list[str]]] = []
    by_question: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        named = by_id.get(row.problem_id or "")
        if named and _alike(row.question, named):
            if named.id in matched:
                misfits.append((row, "surplus", [named.id]))
            else:
                matched[named.id] = row
        elif row.question and (text := normal(row.question)) in by_text:
            by_question[text].append(row)
        else:
            misfits.append((row, "unmatched", []))
    for text, same in by_question.items():
        wanting = [problem for problem in by_text[text] if problem.id not in matched]
        for number, problem in enumerate(wanting):
            matched[problem.id] = same[min(number, len(same) - 1)]
        ids = [problem.id for problem in by_text[text]]
        for number, row in enumerate(same):
            if number >= len(wanting):
                misfits.append((row, "surplus", ids))
            elif len(ids) > 1:
                misfits.append((row, "ambiguous", ids))
    return matched, misfits


def normal(text: str) -> str:
    """A question as it is compared: compatibility forms, case, white space and a final full stop aside."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip().rstrip(".?").casefold()


def exam_question(year: str, section: str, number: str) -> str | None:
    """The id of an exam's question as the study's files number it: `7` or `question_7`.

    None for a tie-breaker (`question_T1`), which is no number in its section: its text decides.
    """
    found = re.fullmatch(r"(?:question_)?(\d+)", number)
    return f"{year}/{section}/{int(found[1]):02d}" if found else None


def _alike(question: str | None, problem: Problem) -> bool:
    if question is None:
        return True
    texts = (problem.question, problem.question_uncorrected or problem.question)
    return max(fuzz.ratio(normal(question), normal(text)) for text in texts) >= SAME_PROBLEM
