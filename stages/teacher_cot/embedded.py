"""The embedded teacher: plays solver, distiller, compressor and judge for the sample contest's families of questions.

It knows what a real teacher would: the text of the request. Its replies depend on that, on the request's seed and on
its own seed alone, so they are the same in any order and after any fault. At a seeded rate a step of its working slips
and the wrong number is carried on to the answer, so that the verifier has something to reject.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from distil import contest
from distil.contest import FAMILIES, Question, Step, Working
from distil.contest.family import OutOfRange
from stages.teacher_cot.settings import Embedded, Settings

MODELS = {name: f"embedded/{name}" for name in ("solver", "distiller", "compressor", "judge")}
MOST_STEPS = {"R2": None, "R3": 3, "R4": 2, "R5": 1, "R6": 0}
"""How many steps a level may keep; None keeps all."""
EQUATION = re.compile(r"(?:sqrt\((?P<root>\d+)\)|(?P<a>\d+) (?P<op>[-+*/]|mod) (?P<b>\d+)) = (?P<result>\d+)")


@dataclass(frozen=True)
class Spoken:
    """A reply with the thinking before it, where the role shows any."""

    text: str
    thinking: str = ""


class Slip(Working):
    """A working that gets the result of its n-th step wrong by `off` and goes on with it."""

    def __init__(self, at: int, off: int):
        super().__init__()
        self.at, self.off = at, off

    def __call__(self, a: int, op: str, b: int | None = None) -> int:
        """Return the result of one step, the wrong one where it is this step's turn."""
        result = super().__call__(a, op, b)
        if len(self.steps) == self.at:
            result = max(0, result + self.off)
            self.steps[-1] = Step(a, op, b, result)
        return result


def fingerprint(embedded: Embedded) -> str:
    """A name for this teacher that changes with its settings and with the code that it is made of."""
    digest = hashlib.sha256(embedded.model_dump_json().encode())
    for path in sorted([Path(__file__), *Path(contest.__file__).parent.glob("*.py")]):
        digest.update(path.read_bytes())
    return f"embedded-{digest.hexdigest()[:12]}"


def endpoint_names(settings: Settings) -> dict[str, str]:
    """Each endpoint's name in stored requests: its own, or for the embedded teacher its fingerprint."""
    name = fingerprint(settings.embedded) if settings.teacher == "embedded" else None
    return {endpoint: name or endpoint for endpoint in settings.endpoints}


def answer(model: str, messages: list[dict[str, str]], seed: int, embedded: Embedded) -> Spoken:
    """The reply of one of MODELS. Raises KeyError for another."""
    said = messages[-1]["content"] if messages else ""
    return ROLES[model](said, seed, embedded)


def _random(*parts: object) -> Random:
    """A generator that depends on the parts alone."""
    return Random(hashlib.sha256(repr(parts).encode()).digest())


def solve(text: str, seed: int, embedded: Embedded) -> Spoken:
    """Work a question out, and slip where this seed's draw for this question says so."""
    question = contest.read(text)
    if question is None:
        return Spoken("I cannot solve this problem.\nIt is of no kind that I know.", "This is no question that I know.")
    draw = _random(embedded.seed, seed, text.strip())
    if draw.random() < embedded.slip_share:
        question = _slipped(question, draw)
    thinking = "\n".join(["Let me work this out.", *map(str, question.steps), f"So the answer is {question.answer}."])
    return Spoken(f"The working gives {question.answer}.\n\nAnswer: {question.answer}", thinking)


def _slipped(question: Question, draw: Random) -> Question:
    """The question worked out with one wrong step that changes the answer."""
    family = FAMILIES[question.family]
    numbers = next(
        {name: int(digits) for name, digits in found.groupdict().items()}
        for _, pattern in family.patterns
        if (found := pattern.fullmatch(question.text))
    )
    slips = [(at, off) for at in range(1, len(question.steps) + 1) for off in (-10, -2, -1, 1, 2, 10)]
    for at, off in draw.sample(slips, len(slips)):
        work = Slip(at, off)
        try:
            wrong = family.solve(work, **numbers)
        except OutOfRange:
            continue
        if wrong != question.answer:
            return replace(question, steps=tuple(work.steps), answer=wrong)
    return question


def distil(text: str, seed: int, embedded: Embedded) -> Spoken:
    """Word the equations of the reasoning that was given, and keep the answer that was given."""
    question = contest.read(_part(text, "problem"))
    steps = _equations(_part(text, "reasoning"))
    if question is None or not steps:
        return Spoken("I cannot rewrite this reasoning.\nIt holds no calculation that I can follow.")
    worded = contest.worded_steps(replace(question, steps=steps), _random(text, seed))
    return Spoken("\n".join([*worded, f"Answer: {_part(text, 'answer')}"]))


def compress(text: str, seed: int, embedded: Embedded) -> Spoken:
    """Keep as many steps of the solution as the level has, as bare equations."""
    level = re.search(r"^Level: (R[2-6])$", text, re.MULTILINE)
    solution = _part(text, "solution")
    final = _final(solution)
    if not level or not final:
        return Spoken("I cannot shorten this.\nIt needs a level from R2 to R6 and a solution with an answer.")
    equations = [f"{step};" for step in _equations(solution)]
    return Spoken("\n".join([*equations[: MOST_STEPS[level[1]]], f"Answer: {final}"]))


def judge(text: str, seed: int, embedded: Embedded) -> Spoken:
    """Compare two answers as texts."""
    same = _final(_part(text, "solution")) == _part(text, "correct")
    return Spoken("CORRECT" if same else "INCORRECT")


def _part(text: str, tag: str) -> str:
    """The text between `<tag>` and the last `</tag>`."""
    found = re.search(rf"<{tag}>(.*)</{tag}>", text, re.DOTALL)
    return found[1].strip() if found else ""


def _final(solution: str) -> str:
    found = re.search(r"^Answer: (.+)$", solution, re.MULTILINE)
    return found[1].strip() if found else ""


def _equations(text: str) -> tuple[Step, ...]:
    return tuple(
        Step(int(found["root"]), "sqrt", None, int(found["result"]))
        if found["root"]
        else Step(int(found["a"]), found["op"], int(found["b"]), int(found["result"]))
        for found in EQUATION.finditer(text)
    )


ROLES: dict[str, Callable[[str, int, Embedded], Spoken]] = dict(
    zip(MODELS.values(), (solve, distil, compress, judge), strict=True)
)
