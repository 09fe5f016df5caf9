r"""Answers that an integer runs through: `2k\pi, k \in \mathbb{Z}` is `2\pi n` for every integer n."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from distil.verifier.expression import (
    Node,
    NotMathematics,
    Undecidable,
    approximate,
    latex,
    linear,
    number,
    plus,
    times,
)
from distil.verifier.words import unwrapped

MAX_MEMBERS = 48
"""Members of one period that are compared; families of finer steps are left undecided."""
_PARAMETER = re.compile(
    r"(?P<body>.+?)[,;]?\s*\(?\s*(?:(?:for|where|with)\s+)?(?:"
    r"(?:(?:any|all|some|every|each)\s+)?(?P<member>[a-zA-Z])\s*(?:∈|\bin\b)\s*(?:the\s+)?(?:ℤ|Z|integers)"
    r"|(?P<described>[a-zA-Z])\s+(?:(?:is|being)\s+)?(?:an?|any|some|every)\s+(?:arbitrary\s+)?integer"
    r"|(?<=for |with|here)\s*(?:(?:any|all|some|every|an)\s+)?integers?\s+(?:values\s+of\s+)?(?P<named>[a-zA-Z])"
    r"|(?P<listed>[a-zA-Z])\s*=\s*0\s*,\s*±\s*1\s*,.*"
    r")\s*\)?"
)


@dataclass(frozen=True)
class Progressions:
    """Every value that the expressions take as `parameter` runs through the integers."""

    members: tuple[Node, ...]
    parameter: str

    @property
    def canonical(self) -> str:
        """One spelling for the audit of a verdict."""
        return f"{', '.join(map(latex, self.members))} for every integer {self.parameter}"


def parameter_of(text: str) -> tuple[str, str] | None:
    """The text before "k an integer" (in any spelling) and the letter; None where no letter is called an integer."""
    if "ℤ" not in text and "Z" not in text and "integer" not in text and "±" not in text:
        return None
    text = " ".join(unwrapped(text).split())
    if text[:1] == "⦃" and text[-1:] == "⦄":
        text = re.sub(r"\s*[|:]\s*", ", ", text[1:-1].strip(), count=1)
    match = _PARAMETER.fullmatch(re.sub(r"^[a-z]\s*,\s*(?=[a-z]\s*=)", "", text))
    if not match:
        return None
    return match["body"].strip(), match["member"] or match["described"] or match["named"] or match["listed"]


def same_family(gold: Progressions, answer: Progressions, equal: Callable[[Node, Node], bool | None]) -> bool | None:
    """Whether two families have the same members. `equal` compares two expressions, None where it cannot tell.

    Raises NotMathematics for members that are not linear in the integer.
    """
    first, second = _steps(gold), _steps(answer)
    unit = first[0][1]
    ratios = [_ratio(step, unit) for _, step in first + second]
    if not all(ratios):
        raise Undecidable("families of steps too far apart")
    period = Fraction(
        math.lcm(*(ratio.numerator for ratio in ratios)), math.gcd(*(ratio.denominator for ratio in ratios))
    )
    if sum(period / ratio for ratio in ratios) > MAX_MEMBERS:
        raise Undecidable("families of too many members")
    if not all(
        equal(step, times(number(ratio), unit)) for (_, step), ratio in zip(first + second, ratios, strict=True)
    ):
        return False
    whole = times(number(period), unit)
    members = [
        [
            plus(start, times(number(turn), step))
            for start, step in side
            for turn in range(int(period / _ratio(step, unit)))
        ]
        for side in (first, second)
    ]
    return all(
        any(_same_place(one, other, whole, equal) for other in others)
        for these, others in (members, members[::-1])
        for one in these
    )


def _steps(family: Progressions) -> list[tuple[Node, Node]]:
    """Start and step of every member."""
    found = []
    for member in family.members:
        parts = linear(member, family.parameter)
        if parts is None or member.letters - {family.parameter} or not _float(parts[1]):
            raise NotMathematics("a family that is not linear in its integer")
        found.append((parts[0], times(number(-1), parts[1]) if _float(parts[1]) < 0 else parts[1]))
    return found


def _ratio(step: Node, unit: Node) -> Fraction:
    return Fraction(_float(step) / _float(unit)).limit_denominator(60)


def _same_place(one: Node, other: Node, period: Node, equal: Callable[[Node, Node], bool | None]) -> bool:
    """Whether two members differ by a whole number of periods."""
    turns = (_float(one) - _float(other)) / _float(period)
    if abs(turns - round(turns)) > 1e-9:
        return False
    return bool(equal(one, plus(other, times(number(round(turns)), period))))


def _float(node: Node) -> float:
    try:
        return approximate(node, {})[0].real
    except (ArithmeticError, ValueError, KeyError) as error:
        raise NotMathematics("a family without a value") from error


def as_family(nodes: Sequence[Node]) -> Progressions | None:
    """Values with one unknown, read as a family because the other side says it is one; else None."""
    letters = {letter for node in nodes for letter in node.letters}
    return Progressions(tuple(nodes), letters.pop()) if len(letters) == 1 else None
