"""What a family of questions is: numbers, the working from them to the answer, and wordings that read both ways."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

LIMIT = 60
"""The largest number in any question, step or answer."""


@dataclass(frozen=True)
class Step:
    """One operation of a working; `b` is None for the square root, which has one operand."""

    a: int
    op: str
    b: int | None
    result: int

    def __str__(self) -> str:
        left = f"sqrt({self.a})" if self.b is None else f"{self.a} {self.op} {self.b}"
        return f"{left} = {self.result}"


@dataclass(frozen=True)
class Question:
    """A question with the working that leads to its answer."""

    family: str
    section: str
    text: str
    steps: tuple[Step, ...]
    answer: int


class OutOfRange(Exception):
    """The numbers lead to a step that is no whole number from 0 to LIMIT."""


class Working:
    """Collects the steps of one question: `work(7, "*", 4)` records the step and returns 28."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def __call__(self, a: int, op: str, b: int | None = None) -> int:
        """Return the result of one step. Differences are at least 1, other results at least 0."""
        result = evaluate(a, op, b)
        if result is None or not (1 if op == "-" else 0) <= result <= LIMIT:
            raise OutOfRange
        self.steps.append(Step(a, op, b, result))
        return result


def evaluate(a: int, op: str, b: int | None = None) -> int | None:
    """The result of one operation on whole numbers, or None where it is no whole number."""
    match op, b:
        case "+", int():
            return a + b
        case "-", int():
            return a - b
        case "*", int():
            return a * b
        case "/", int() if b and a % b == 0:
            return a // b
        case "mod", int() if b:
            return a % b
        case "sqrt", None:
            return next((root for root in range(LIMIT) if root * root == a), None)
    return None


@dataclass(frozen=True)
class Family:
    """Questions that differ only in their numbers and wording.

    `solve` takes a Working and the numbers by name, and returns the answer; `wordings` are the exam's, with the numbers
    as `{slots}`, and `transfer_wording` is the one that no exam uses.
    """

    name: str
    section: str
    wordings: tuple[str, ...]
    transfer_wording: str
    ranges: dict[str, range]
    solve: Callable[..., int]

    def pose(self, wording: str, numbers: dict[str, int]) -> Question | None:
        """The question that `wording` makes of the numbers, or None where its working leaves the range 0 to LIMIT."""
        work = Working()
        try:
            answer = self.solve(work, **numbers)
        except OutOfRange:
            return None
        return Question(self.name, self.section, wording.format(**numbers), tuple(work.steps), answer)

    @cached_property
    def patterns(self) -> tuple[tuple[str, re.Pattern[str]], ...]:
        """Each wording with the regular expression that reads it back."""
        return tuple((wording, _pattern(wording)) for wording in (*self.wordings, self.transfer_wording))


def _pattern(wording: str) -> re.Pattern[str]:
    """The inverse of a wording: its slots as groups, white space wherever a PDF's text layer may break or add it."""
    parts = re.findall(r"\{\w+\}|[A-Za-z]+|\S|\s+", wording)
    pattern = ""
    for before, part in zip(["", *parts], parts, strict=False):
        if part.isspace():
            continue
        spaced_words = before.isspace() and part[0].isalnum()
        pattern += (r"\s+" if spaced_words else r"\s*") if pattern else ""
        pattern += rf"(?P<{part[1:-1]}>\d+)" if part[0] == "{" else re.escape(part)
    return re.compile(pattern)
