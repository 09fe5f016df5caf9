"""Numbered questions and answers, and the patterns of their numbers and headings."""

import re
from dataclasses import dataclass, field
from itertools import pairwise

from distil.exams.left_out import Doubt
from stages.parsed.page import Box

LABELS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(\d{1,3})[.)](?:\s+|$)",
        r"(?:problem|question|exercise|task|item|prob\.|no\.)\s*#?\s?(\d{1,3})\s?[.):]?(?:\s+|$)",
        r"\((\d{1,3})\)(?:\s+|$)",
        r"\[(\d{1,3})\](?:\s+|$)",
        r"[QP]\.?\s?(\d{1,3})\s?[.):]?(?:\s+|$)",
        r"#\s?(\d{1,3})\s?[.):]?(?:\s+|$)",
        r"(\d{1,3})\s?[:](?:\s+|$)",
        r"(\d{1,3})\s?[-–—](?:\s+|$)",
        r"(\d{1,3})[.)](?=\D)",
        r"(\d{1,3})\s+(?=\S)",
    )
]
"""Ways to number questions, from the most usual to the least certain."""
KEY_HEADING = re.compile(
    r"([\w ,:'’&-]* )?(answer key|answers|solutions|key)( (to|for|of) [\w ,'’&-]+)?"
    r"(\s*[:.–—-]?$|\s*:?\s+(?=[(#]?\d{1,3}\s?[.):]))",
    re.IGNORECASE,
)
PART = re.compile(
    r"(part|section|round|level|category|division) ([ivx]+|[a-h]|\d+|one|two|three)\b.{0,60}", re.IGNORECASE
)
EQUATION = re.compile(r"(?![-+=<>≤≥≠·×/])(?:(?![a-z]{3}|[=<>≤≥≠]).)+[=<>≤≥≠](?:(?![a-z]{3}).)*[\w)\]}']", re.IGNORECASE)
"""A line that is an equation or inequality and nothing else. Two of them in a row are a system."""


@dataclass
class Item:
    """A numbered question or answer: its lines, its page if there are pages, and whether it has a drawing.

    The page is the one that its number is on.
    """

    number: int
    page: int | None
    lines: list[str] = field(default_factory=list)
    drawn: bool = False
    doubts: set[Doubt] = field(default_factory=set)
    boxes: list[Box] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The lines as one text. A word divided at a line's end keeps its hyphen, and a system gets commas."""
        lines = [line for line in self.lines if line]
        for index, (line, following) in enumerate(pairwise(lines)):
            if EQUATION.fullmatch(line) and EQUATION.fullmatch(following):
                lines[index] += ","
        return re.sub(r"(?<=[A-Za-z]-) (?=[A-Za-z])", "", " ".join(lines))


def matched(questions: list[Item], answers: list[Item]) -> bool:
    """Whether both have the same numbers, each once. Where both begin again at 1, the second part is numbered on."""
    numbers, keyed = [item.number for item in questions], [item.number for item in answers]
    if numbers == keyed and numbers.count(1) > 1 and _in_parts(numbers):
        for items in (questions, answers):
            for number, item in enumerate(items, 1):
                item.number = number
        return True
    return len(set(numbers)) == len(numbers) and sorted(numbers) == sorted(keyed)


def _in_parts(numbers: list[int]) -> bool:
    """Whether the numbers count up, and begin again at 1 in each part of an exam."""
    return numbers[0] == 1 and all(after in (before + 1, 1) for before, after in pairwise(numbers))
