"""Cut a question into halves, and count how much of the second half a model writes after the first."""

import re
import unicodedata
from typing import Literal

from distil.pipeline.records import Problem, Record

SHORTEST = 4
"""Second halves with fewer words are left out, because they could be guessed."""


class Half(Record):
    """A question cut at its middle word, and whether base answers the whole question rightly."""

    problem_id: str
    benchmark: Literal["contest", "transfer"]
    given: str
    rest: str
    right: bool


class Completion(Half):
    """What the base model wrote after `given`. It begins with the first `words_met` words of `rest`."""

    text: str
    words: int
    words_met: int

    @property
    def verbatim(self) -> bool:
        """Whether the model wrote the whole second half, word for word."""
        return self.words_met == self.words


def cut(problem: Problem, benchmark: Literal["contest", "transfer"], right: bool) -> Half | None:
    """The halves of a question as printed. An odd word goes to the first. None where the second is too short."""
    words = list(re.finditer(r"\S+", problem.question))
    if len(words) // 2 < SHORTEST:
        return None
    middle = words[(len(words) - 1) // 2].end()
    given, rest = problem.question[:middle], problem.question[middle:]
    return Half(problem_id=problem.id, benchmark=benchmark, given=given, rest=rest.strip(), right=right)


def completed(half: Half, text: str) -> Completion:
    """Compare the model's continuation with the second half, word by word.

    White space between words and the Unicode form of accents are ignored.
    """
    words, written = (unicodedata.normalize("NFC", one).split() for one in (half.rest, text))
    wrong = (place for place, pair in enumerate(zip(words, written, strict=False)) if pair[0] != pair[1])
    met = next(wrong, min(len(words), len(written)))
    return Completion(**half.model_dump(), text=text, words=len(words), words_met=met)
