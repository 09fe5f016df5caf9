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
TITLE_OF_A_KEY = re.compile(r"\b(?=[AKS])(?i:answer key|answers|solutions|key)\.$")
"""The end of such a heading with a full stop. Its capital letter tells it from a sentence."""
PART = re.compile(
    r"(part|section|round|level|category|division) ([ivx]+|[a-h]|\d+|one|two|three)\b.{0,60}", re.IGNORECASE
)
"""A line that may be the heading of a part."""
TITLE = re.compile(
    r"[A-Z]\w+ (?![a-hivx]\b)\w+\s*[:.,–—-]?"
    r"(\s+([^a-z\s]\S*(?<![.?!])|(of|and|the|in|for|to|with|points?|each)\b[):]?))*"
)
"""The form of such a heading: words with capital letters, or points, and no end of a sentence."""
UNFINISHED = re.compile(r"(\b[a-z]{2,}|[-,;=+<>≤≥×·/(]|^)$")
"""The end of a line whose sentence goes on in the next line."""
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


def nearness(questions: list[Item], answers: list[Item]) -> tuple[int, bool, bool]:
    """How near a reading is to one that matches, by the questions with an answer; the nearest one is reported."""
    numbers, keyed = [item.number for item in questions], {item.number for item in answers}
    return len(keyed & set(numbers)), bool(keyed), len(set(numbers)) == len(numbers)


def key_headings(lines: list[tuple[str, bool]]) -> list[int]:
    """The places of the lines that may be the heading of the answer key, the last one first.

    `lines` are all lines in reading order, each with whether it begins an item. A title like `Exam and Answers` above
    the first question is no heading of the key. Of a heading of several lines, the first one counts.
    """
    alike = [
        text
        for text, begins_item in lines
        if not begins_item and KEY_HEADING.match(text) and not _ends_a_sentence(text)
    ]
    titles = [text for text in alike if not text[0].islower()]  # else `... the sum of all\n solutions`
    places, item_before = [], False
    for place, (text, begins_item) in enumerate(lines):
        if begins_item:
            item_before = True
        elif item_before and text in (titles or alike):
            places.append(place)
            item_before = False
    return places[::-1]


def in_a_row(text: str, numbers: list[int], page: int | None, doubts: set[Doubt]) -> list[Item]:
    """The answers of a key with several to a line (`1. 56 2. 25`), if it has all of the numbers in order."""
    items, end = list[Item](), 0
    for number in numbers:
        found = re.compile(rf"(?:^|(?<=[\s,;:(]))\(?{number}\s?[.):]\s*(?!\d*[.)]\s)").search(text, end)
        if not found:
            return []
        if items:
            items[-1].lines = [text[end : found.start()].strip(" ,;(")]
        items.append(Item(number, page, doubts=set(doubts)))
        end = found.end()
    if items:
        items[-1].lines = [text[end:].strip(" ,;")]
    return items


def heads_a_part(line: str, before: str) -> bool:
    """Whether a line is the heading of a part, and belongs to no item. `before` is the line above it."""
    part = PART.fullmatch(line)
    if not part or not TITLE.fullmatch(line):
        return False
    return part.end(2) == len(line) or not UNFINISHED.search(before)  # `Part II` alone goes on with no sentence


def goes_on(line: str, before: str) -> bool:
    """Whether a line is the next one of a sentence, whatever its words are: `... in\n round 2.`"""
    return line[:1].islower() and bool(UNFINISHED.search(before))


def _ends_a_sentence(text: str) -> bool:
    """Whether a line like a heading is a sentence: `Find all real solutions.`, but not `The 2019 Answer Key.`"""
    return text.endswith(".") and bool(KEY_HEADING.fullmatch(text)) and not TITLE_OF_A_KEY.search(text)


def _in_parts(numbers: list[int]) -> bool:
    """Whether the numbers count up, and begin again at 1 in each part of an exam."""
    return numbers[0] == 1 and all(after in (before + 1, 1) for before, after in pairwise(numbers))
