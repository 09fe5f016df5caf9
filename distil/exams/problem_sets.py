"""Problems that are data already: which column holds what, keys like `#### 42` understood, faults named by row.

A problem's `year` is the group that folds hold out. Where a file has no year, the values of a `group` column are
numbered from 1, or the question's hash puts it into one of a given number of groups.
"""

import hashlib
import re
import unicodedata
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from distil.exams.left_out import LeftOut, reason_against
from distil.exams.tables import TableRow, read_rows
from distil.pipeline.files import InputError, read_yaml
from distil.pipeline.records import Chain, Problem
from distil.verifier import Extraction, extract
from distil.verifier.forms import Unread, Words
from distil.verifier.reading import read

LONGEST_KEY = 120
"""The most characters of a key without a mark like `\boxed{}`: the final answer in a longer text is unknown."""
MARKED = re.compile(
    r"^####|\\f?boxed|\\fbox|\n|\banswer\b|\b(so|thus|hence|therefore|because|since)\b", re.MULTILINE | re.I
)
CERTAIN = frozenset(["boxed", "answer_line", "answer_phrase"])  # ways to find an answer that do not guess
ELSEWHERE = re.compile(r"\W*(see|refer to)\b", re.IGNORECASE)  # a key that says where the answer is
HALF_CHARACTER = re.compile("[\ud800-\udfff]")  # a lone surrogate, which JSON can hold and UTF-8 cannot
CALCULATOR = re.compile(r"<<[^<>\n]*>>")  # GSM8K's notes for a calculator in the middle of its solutions

Names: TypeAlias = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda value: () if value is None else (value,) if isinstance(value, str) else value),
]


class ProblemColumns(BaseModel):
    """Which column holds what; of several names the first that the file has is taken."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    question: Names = Field(min_length=1)
    answer: Names = Field(min_length=1)
    year: Names = ()
    group: Names = ()
    section: Names = ()
    id: Names = ()
    topic: Names = ()
    solution: Names = ()


def ready_mappings() -> dict[str, ProblemColumns]:
    """The mappings that come with the project, by name."""
    content = read_yaml(Path(__file__).parent / "mappings.yaml")
    return {name: ProblemColumns.model_validate(columns) for name, columns in content.items()}


def _named(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    mappings = ready_mappings()
    if value not in mappings:
        raise ValueError(f"there is no mapping of this name; there are {', '.join(mappings)}, or your own columns")
    return mappings[value]


ColumnsParam: TypeAlias = Annotated[ProblemColumns, BeforeValidator(_named)]
"""A parameter that is a ready mapping's name or a mapping of one's own."""


def read_problems(path: Path, columns: ProblemColumns, groups: int | None, split: str | None = None) -> list[Problem]:
    """The problems of a file or data set, their keys still as the file has them, in its order.

    Without `groups` a problem without a year has the year 0. One without an id is called by file, split and number, so
    that two splits of a data set can be contest and benchmark. Raises InputError naming file, row and column.
    """
    rows = read_rows(path, split)
    if not rows:
        raise InputError(f"{path} holds no problems.")
    return _TableReader(path, columns, rows).problems(groups, f"{path.stem}/{split}" if split else path.stem)


def understood(problem: Problem) -> Problem | LeftOut:
    """The problem with its final answer as the key, or left out with the reason why it cannot be asked."""
    if reason := reason_against(problem.question):
        return LeftOut.of(problem, reason)
    if (key := final_answer(problem.answer)) is None:
        return LeftOut.of(problem, "key without a final answer")
    return problem.model_copy(update={"answer": key})


def final_answer(key: str) -> str | None:
    """A key's final answer: the key itself or, where it shows its working, the part marked as answer. None without."""
    found = extract(key)
    if not MARKED.search(key) and len(key) <= LONGEST_KEY:
        return key if _says_an_answer(key, found) else None
    return found.answer.strip().rstrip(".") if found.answer and found.found_by in CERTAIN else None


def _says_an_answer(key: str, found: Extraction) -> bool:
    """Whether a key without a mark is one: `12 sq. ft`, `no solution`. `N/A` and `7 x 8 = 56, then add 3` are none."""
    if "empty_answer" in found.flags or ELSEWHERE.match(key):
        return False
    # numbers among words that the verifier reads as no value are a working, and which of them is the answer is unknown
    in_words = isinstance(read(key), (Words, Unread)) and re.search(r"\d", key)
    return found.found_by == "bare" or not in_words


def recorded_chains(
    path: Path, columns: ProblemColumns, problems: list[Problem], split: str | None = None
) -> list[Chain]:
    """The file's worked solutions as recorded chains of `problems`, which were read from it; none without a column."""
    table = _TableReader(path, columns, read_rows(path, split))
    chains = []
    for row, problem in zip(table.rows, problems, strict=True):
        text = CALCULATOR.sub("", table.solution(row)).strip()
        if not text or (text == problem.answer and not MARKED.search(text)):
            continue  # a bare answer is no chain
        key = understood(problem)
        if isinstance(key, Problem) and extract(text).found_by not in CERTAIN:
            text += f"\n\nAnswer: {key.answer}"
        chains.append(
            Chain(
                problem_id=problem.id,
                level="R1",
                role="replay",
                model="recorded",
                prompt_hash=hashlib.sha256(f"{problem.id}\n{text}".encode()).hexdigest(),
                sampling={},
                text=text,
                answer=extract(text).answer,
                finish_reason="recorded",
            )
        )
    return chains


class _TableReader:
    """One file's rows with the columns that the mapping finds in them."""

    def __init__(self, path: Path, columns: ProblemColumns, rows: list[TableRow]) -> None:
        self.path, self.rows = path, rows
        self.column = {what: _present(getattr(columns, what), rows) for what in ProblemColumns.model_fields}
        for what in ("question", "answer"):
            if self.column[what] is None:
                there = ", ".join(dict.fromkeys(name for row in rows for name in row.values))
                raise InputError(
                    f"{path} has no column {' or '.join(map(repr, getattr(columns, what)))} for the {what}; it has "
                    f"{there}. Set 'columns' to {', '.join(ready_mappings())}, or to "
                    "{question: NAME, answer: NAME}."
                )
        for what in ("year", "group", "section", "id", "topic", "solution"):
            names = getattr(columns, what)
            if names and self.column[what] is None and columns not in ready_mappings().values():
                named = " or ".join(map(repr, names))
                raise InputError(f"{path} has no column {named} for the {what}; leave 'columns.{what}' out.")

    def problems(self, groups: int | None, called: str) -> list[Problem]:
        numbered = self._numbered_groups() if self.column["group"] else {}
        problems, seen = [], dict[str, str]()
        for number, row in enumerate(self.rows, 1):
            question, answer = self._text(row, "question"), self._text(row, "answer")
            assert question is not None and answer is not None
            topic = self._text(row, "topic")
            identity = self._text(row, "id") or f"{called}/{number:04d}"
            if identity in seen:
                raise InputError(
                    f"{row.place}, column {self.column['id']}: the id {identity!r} is that of {seen[identity]}, too."
                )
            seen[identity] = row.place
            year = self._year(row)
            if year is None and numbered:
                year = numbered[self._text(row, "group") or ""]
            if year is None:
                year = _hashed(question, groups) if groups else 0
            problems.append(
                Problem(
                    id=identity,
                    year=year,
                    section=self._text(row, "section") or topic or "all",
                    number=number,
                    question=question,
                    answer=answer,
                    source=self.path.name,
                    topic=topic,
                )
            )
        return problems

    def solution(self, row: TableRow) -> str:
        """A row's worked solution, which may be several texts; empty without one."""
        if (column := self.column["solution"]) is None:
            return ""
        value = row.values.get(column)
        texts = [self._as_text(row, "solution", part) for part in (value if isinstance(value, list) else [value])]
        return "\n\n".join(filter(None, texts))

    def _text(self, row: TableRow, what: str) -> str | None:
        """A value as text; question, answer and a group may not be empty."""
        if (column := self.column[what]) is None:
            return None
        text = self._as_text(row, what, row.values.get(column))
        if not text and what in ("question", "answer", "group"):
            raise self._fault(row, what, "is empty")
        if "\ufffd" in text:
            raise self._fault(row, what, "holds U+FFFD, left by a wrong encoding; export the file again in UTF-8")
        return text or None

    def _as_text(self, row: TableRow, what: str, value: Any) -> str:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if value is not None and (isinstance(value, bool) or not isinstance(value, (str, int, float))):
            raise self._fault(row, what, f"text or a number was expected (found {value!r:.60})")
        text = "" if value is None or value != value else str(value).strip()
        if half := HALF_CHARACTER.search(text):
            raise self._fault(
                row, what, f"holds U+{ord(half[0]):X}, half of a character; export the file again in UTF-8"
            )
        return text

    def _year(self, row: TableRow) -> int | None:
        text = self._text(row, "year")
        if text is None and self.column["year"] is None:
            return None
        if text is None or not re.fullmatch(r"\d{1,4}", text):
            raise self._fault(row, "year", f"a year was expected (found {text!r})")
        return int(text)

    def _numbered_groups(self) -> dict[str, int]:
        names = {self._text(row, "group") or "" for row in self.rows}
        return {name: number for number, name in enumerate(sorted(names), 1)}

    def _fault(self, row: TableRow, what: str, fault: str) -> InputError:
        return InputError(f"{row.place}, column {self.column[what]}: {fault}.")


def _present(names: tuple[str, ...], rows: list[TableRow]) -> str | None:
    """The first of the names that a row has."""
    return next((name for name in names if any(name in row.values for row in rows)), None)


def _hashed(question: str, groups: int) -> int:
    """A group from 1 that depends on the question's words alone, so that it stays when rows are added or moved."""
    words = re.sub(r"\W+", " ", unicodedata.normalize("NFKC", question)).strip().casefold()
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big") % groups + 1
