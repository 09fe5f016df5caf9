"""The sample contest: families of questions that the embedded teacher can solve and the embedded student can learn.

A family is one definition: the ranges of its numbers, the working that leads from them to the answer, and its wordings.
`draw` fills a wording with numbers; `read` is its inverse, made from the same wordings. Every number in a question or
its working is at most LIMIT, because the student knows the numbers 0 to 60 as one token each.

Questions are natural English with linear mathematics: `x^2` is an exponent, `(a + b)/c` a fraction with its numerator
in brackets, `sqrt(a + b)` a radical; nothing else in them contains `^`, `/` or `sqrt`.

Held out by rule: a hash of a question's family and numbers says whether it may be asked in an exam, in the transfer
contest, or be shown to the student in pre-training (`pool`). So no contest, whatever its seed, meets a question that
the base student has seen, and no transfer contest one that an adapter was trained on, in these words or in others.
Transfer wordings occur in pre-training and in the transfer contest, never in an exam.
"""

import hashlib
from collections.abc import Iterator
from random import Random
from typing import Literal

from distil.contest.families import FAMILIES
from distil.contest.family import LIMIT, Family, Question, Step, Working, evaluate

__all__ = [
    "FAMILIES",
    "LIMIT",
    "Family",
    "Question",
    "Step",
    "Working",
    "bare_steps",
    "draw",
    "evaluate",
    "pool",
    "read",
    "worded_steps",
]

EXAM_SHARE, TRANSFER_SHARE = 0.25, 0.15
"""The shares of all questions that are kept for exams and for the transfer contest."""
TRANSFER_ABOVE = 30
"""The transfer contest has larger numbers: some number in each of its questions' working is above this."""

Wording = Literal["exam", "transfer"]
VERBS = {
    "+": "add",
    "-": "subtract",
    "*": "multiply",
    "/": "divide",
    "mod": "take the remainder",
    "sqrt": "take the root",
}
OPENERS = (("First", "To begin,"), ("Next", "Then", "Now", "After that,"))


def pool(family: str, numbers: dict[str, int]) -> Literal["exam", "transfer", "corpus"]:
    """What these numbers of a family are kept for, whatever the wording: exams, transfer or pre-training."""
    key = f"{family} {sorted(numbers.items())}".encode()
    place = int.from_bytes(hashlib.sha256(key).digest()[:4], "big") / 2**32
    return "exam" if place < EXAM_SHARE else "transfer" if place < EXAM_SHARE + TRANSFER_SHARE else "corpus"


def draw(rng: Random, family: str, wording: Wording = "exam", *, for_exam: bool = True) -> Question:
    """Draw a question of a family from its wording's contest, or with `for_exam=False` one for pre-training."""
    chosen = FAMILIES[family]
    wordings = chosen.wordings if wording == "exam" else (chosen.transfer_wording,)
    while True:
        numbers = {name: rng.choice(values) for name, values in chosen.ranges.items()}
        question = chosen.pose(rng.choice(wordings), numbers)
        if question is None or pool(family, numbers) != (wording if for_exam else "corpus"):
            continue
        if wording == "transfer" and for_exam and max(_values(question)) <= TRANSFER_ABOVE:
            continue
        return question


def _values(question: Question) -> Iterator[int]:
    for step in question.steps:
        yield from (step.a, step.b or 0, step.result)


def read(text: str) -> Question | None:
    """The question that a text asks, with its working, or None where no family asks it in these words."""
    for family in FAMILIES.values():
        for wording, pattern in family.patterns:
            if found := pattern.fullmatch(text.strip()):
                return family.pose(wording, {name: int(digits) for name, digits in found.groupdict().items()})
    return None


def worded_steps(question: Question, rng: Random) -> list[str]:
    """The working in words, one line a step: `First we multiply: 7 * 4 = 28.`"""
    return [
        f"{rng.choice(OPENERS[number > 0])} we {VERBS[step.op]}: {step}." for number, step in enumerate(question.steps)
    ]


def bare_steps(question: Question) -> list[str]:
    """The working as bare equations, one line a step: `7 * 4 = 28;`"""
    return [f"{step};" for step in question.steps]
