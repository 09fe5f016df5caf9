"""Recorded corrections of the transcriptions. A rule applies them; where no rule can, the problem gets a note.

A row of errata.csv says what the exam prints and what the transcription has instead, as a fragment or in words. The
search for a fragment ignores spaces, brackets and the way exponents and indices are written (`x³` for `x^3`). A
fragment that is found exactly once is replaced. A fragment with ` and ` may mean two fragments in two places. Where
both readings begin alike, that beginning may be some way before the rest. Anything else stays as transcribed.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from distil.exams.files import problem_id
from distil.pipeline.files import InputError
from distil.pipeline.records import Problem, Record

RAISED, LOWERED = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿ", "₀₁₂₃₄₅₆₇₈₉"
ON_THE_LINE = str.maketrans(RAISED + LOWERED + "−", "0123456789-n0123456789-")
TOKEN = re.compile(
    rf"(?P<raised>[{RAISED}]+)|(?P<lowered>[{LOWERED}]+)|\d+(?:\.\d+)?|[^\W\d_{RAISED}{LOWERED}]+|[^\s()\[\]{{}}]"
)
REMARK = re.compile(r"\([^)]*[a-z]{3}[^)]*\)")  # words in brackets: a comment on the row, not what the exam prints
FEWEST_TOKENS = 3  # a fragment with fewer could be found by chance


class Erratum(Record):
    """One row of errata.csv: what the exam prints and what the transcription has instead."""

    year: int
    section: str
    question: int
    field: Literal["question", "answer"]
    printed: str
    transcribed: str
    found_by: str

    @property
    def note(self) -> str:
        """The row in words, for the problem's list of errata."""
        return f"{self.field}: printed {self.printed!r}, transcribed {self.transcribed!r} ({self.found_by})"


def read_errata(path: Path) -> list[Erratum]:
    """The rows of errata.csv; none where there is no such file. Raises InputError naming the line that is malformed."""
    if not path.exists():
        return []
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets put a mark before UTF-8
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} could not be read as UTF-8: {error}. Save it as CSV in UTF-8.") from error
    rows = csv.DictReader(io.StringIO(text, newline=""))
    errata = []
    for row in rows:
        if None in row:
            raise InputError(
                f"{path}, line {rows.line_num}: more values than columns; quote a value with a comma in it."
            )
        try:
            errata.append(Erratum.model_validate(row))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise InputError(f"{path}, line {rows.line_num}, {where}: {first['msg']}.") from error
    return errata


def apply_errata(problems: list[Problem], errata: list[Erratum]) -> tuple[list[Problem], int]:
    """The problems with every erratum applied or noted, and how many were applied.

    Raises InputError for an erratum of an unknown question.
    """
    by_id = {problem.id: problem for problem in problems}
    applied = 0
    for erratum in errata:
        identity = problem_id(erratum.year, erratum.section, erratum.question)
        if (problem := by_id.get(identity)) is None:
            raise InputError(f"errata.csv corrects {identity}, which is not among the problems.")
        before = getattr(problem, erratum.field)
        after = corrected(before, erratum.transcribed, erratum.printed)
        changes: dict[str, str | list[str]] = {"errata": [*problem.errata, erratum.note]}
        if after is not None and after != before:
            applied += 1
            uncorrected = f"{erratum.field}_uncorrected"
            changes |= {erratum.field: after, uncorrected: getattr(problem, uncorrected) or before}
        by_id[identity] = problem.model_copy(update=changes)
    return list(by_id.values()), applied


def corrected(text: str, transcribed: str, printed: str) -> str | None:
    """`text` with the transcribed words replaced by the printed ones. None where no rule finds the place."""
    if REMARK.search(printed):
        return None
    if (once := _replaced(text, transcribed, printed)) is not None:
        return once
    wrong, right = transcribed.split(" and "), printed.split(" and ")
    if len(wrong) == len(right) > 1:
        for one, other in zip(wrong, right, strict=True):
            if (result := _replaced(text, one, other)) is None:
                return None
            text = result
        return text
    return None


@dataclass(frozen=True)
class Token:
    """A number, a word or a sign, and its place in the text."""

    text: str
    start: int
    end: int


def _replaced(text: str, transcribed: str, printed: str) -> str | None:
    """`text` with one fragment replaced. None unless the fragment is found exactly once."""
    wrong, right = list(_tokens(transcribed)), list(_tokens(printed))
    shared = next((i for i, (a, b) in enumerate(zip(wrong, right, strict=False)) if a.text != b.text), 0)
    for skipped in range(shared + 1):
        if skipped and len(wrong) - skipped < FEWEST_TOKENS:
            break
        places = list(_places(list(_tokens(text)), wrong[skipped:]))
        if len(places) == 1 and _in_order(wrong[:skipped], text[: places[0][0]]):
            start, end = _balanced(text, *places[0])
            return text[:start] + printed[right[skipped].start :] + text[end:]
    return None


def _tokens(text: str) -> Iterator[Token]:
    for found in TOKEN.finditer(text):
        start, end = found.span()
        if found.lastgroup:
            yield Token("^" if found["raised"] else "_", start, start)
        yield Token(found[0].translate(ON_THE_LINE), start, end)


def _places(text: list[Token], fragment: list[Token]) -> Iterator[tuple[int, int]]:
    """The places of the fragment's tokens in the text, each from the first one's start to the last one's end."""
    words = [token.text for token in fragment]
    for index in range(len(text) - len(words) + 1):
        if [token.text for token in text[index : index + len(words)]] == words:
            yield text[index].start, text[index + len(words) - 1].end


def _in_order(fragment: list[Token], text: str) -> bool:
    """Whether the text has all of the fragment's tokens, in order but not side by side."""
    words = (token.text for token in _tokens(text))
    return all(token.text in words for token in fragment)


def _balanced(text: str, start: int, end: int) -> tuple[int, int]:
    """The same place, extended until the brackets that open in it are closed."""
    while text[end : end + 1] == ")" and text.count("(", start, end) > text.count(")", start, end):
        end += 1
    return start, end
