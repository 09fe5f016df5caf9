"""Sets of real numbers written as intervals, unions or inequalities in one unknown."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from distil.verifier.expression import Node, NotMathematics, approximate, latex, linear, negative, number, plus, times
from distil.verifier.grammar import read_expression

INFINITY = Node("const", (), "∞")
_INTERVAL = re.compile(r"([(\[])([^()\[\],;]+(?:\([^()]*\)[^()\[\],;]*)*)[,;](.+?)([)\]])$")
_RELATION = re.compile(r"<=|>=|!=|<|>")
_MEMBER = re.compile(r"^[^\W\d]\s*(?:∈|\bin\b)\s*")
_REVERSED = re.compile(r"(?=\]|.*\[$)([\[\]])([^\[\](){}]+)[,;]([^\[\](){}]+)([\[\]])")
_EXCEPT = re.compile(r"\s*(?:∖|,?\s*\b(?:except|excluding|other than|but not|apart from)\b(?:\s+for)?)\s*(.+)$")
_NOT_EQUAL = re.compile(r"[^\W\d]\s*!=\s*([^<>=!∈]*(?:,|±|\band\b)[^<>=!∈]*(?:!=[^<>=!∈]*)*)")
_REAL_AND = re.compile(r"^([^\W\d])\s*∈\s*ℝ\s*(?:[,;:|]|and|with|where|such that)\s*(?=\1\b)")
_IN_WORDS = [
    (re.compile(rf"(?<=[a-z]) (?:is |must be |can be )?{words} "), f" {sign} ")
    for sign, words in (
        ("<=", "(?:less than or equal to|at most|no more than|not more than)"),
        (">=", "(?:greater than or equal to|at least|no less than|not less than)"),
        ("<", "(?:strictly )?(?:less|smaller) than"), (">", "(?:strictly )?(?:greater|more|larger|bigger) than"),
    )
]  # fmt: skip
_MIRROR = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
EVERYTHING = re.compile(
    r"(?:[^\W\d]\s*(?:∈|\bis\b|\bcan be\b)\s*)?"
    r"(?:ℝ|(?:the\s+)?(?:set of\s+)?(?:all|any|every)?\s*reals?(?:\s+(?:numbers?|values?|[a-z]))?)(?:\s+[a-z])?"
)


@dataclass(frozen=True)
class RealInterval:
    """One interval: its ends as trees, infinite ones included, and whether each end belongs to it."""

    low: Node
    high: Node
    low_closed: bool
    high_closed: bool

    @cached_property
    def ends(self) -> tuple[float, float]:
        """The ends as floats. Raises NotMathematics where an end is no real number."""
        return _float(self.low), _float(self.high)

    def __str__(self) -> str:
        left, right = "[" if self.low_closed else "(", "]" if self.high_closed else ")"
        return f"{left}{latex(self.low)}, {latex(self.high)}{right}"


def _float(node: Node) -> float:
    if node.op == "const" and node.value == "∞":
        return float("inf")
    if node.op == "neg":
        return -_float(node.args[0])
    try:
        value = approximate(node, {})[0]
    except (ArithmeticError, ValueError, KeyError) as error:
        raise NotMathematics("an interval's end is no number") from error
    if abs(value.imag) > 1e-12:
        raise NotMathematics("an interval's end is not real")
    return value.real


def read_real_set(text: str) -> tuple[RealInterval, ...]:
    """The intervals, sorted and merged, of `(-∞, 2) ∪ (3, ∞)`, `[1, 4)`, `2 < x <= 5`, `x < 2 or x > 3`, `x != 1`.

    `(a, b)` alone is not read here: it is a point of the plane as often. Raises NotMathematics for everything else.
    """
    for pattern, sign in _IN_WORDS:
        text = pattern.sub(sign, text)
    text = _REAL_AND.sub("", text)
    if match := _EXCEPT.search(text):
        return merged(intersection(read_real_set(text[: match.start()].strip()), without(match[1])))
    if match := _NOT_EQUAL.fullmatch(text):
        return without(match[1])
    text = _MEMBER.sub("", text)
    if "∪" in text:
        return merged([interval for part in text.split("∪") for interval in _part(part)])
    alternatives = re.split(r"\bor\b", text)
    if len(alternatives) > 1:
        return merged([interval for part in alternatives for interval in _part(part)])
    conditions = re.split(r"\band\b|,|;", text) if _RELATION.search(text) else [text]
    real_set = _part(conditions[0])
    for condition in conditions[1:]:
        other = _part(condition)
        real_set = intersection(real_set, other) or [*real_set, *other]
    return merged(real_set)


def _part(text: str) -> list[RealInterval]:
    text = text.strip()
    if EVERYTHING.fullmatch(text):
        return [RealInterval(negative(INFINITY), INFINITY, False, False)]
    text = _MEMBER.sub("", text)
    if match := _REVERSED.fullmatch(text):
        return [RealInterval(read_expression(match[2]), read_expression(match[3]), match[1] == "[", match[4] == "]")]
    if match := _INTERVAL.fullmatch(text):
        low, high = read_expression(match[2]), read_expression(match[3])
        return [RealInterval(low, high, match[1] == "[", match[4] == "]")]
    if _RELATION.search(text):
        return _inequality(text)
    raise NotMathematics("no interval and no inequality")


def _inequality(text: str) -> list[RealInterval]:
    sides = [read_expression(side) for side in _RELATION.split(text)]
    signs = _RELATION.findall(text)
    if len(sides) == 2 and sides[1].op == "sym" and signs[0] != "!=":
        sides, signs = sides[::-1], [_MIRROR[signs[0]]]
    minus = negative(INFINITY)
    if len(sides) == 2 and "abs" in (sides[0].op, sides[1].op) and signs[0] != "!=":
        return (
            _distance(sides[0], signs[0], sides[1])
            if sides[0].op == "abs"
            else _distance(sides[1], _MIRROR[signs[0]], sides[0])
        )
    if len(sides) == 2 and sides[0].op == "sym" and not sides[1].letters:
        sign, end = signs[0], sides[1]
        if sign == "!=":
            return [RealInterval(minus, end, False, False), RealInterval(end, INFINITY, False, False)]
        if sign[0] == "<":
            return [RealInterval(minus, end, False, sign == "<=")]
        return [RealInterval(end, INFINITY, sign == ">=", False)]
    if len(sides) == 3 and sides[1].op == "sym" and not sides[0].letters | sides[2].letters:
        if signs[0][0] == signs[1][0] == ">":
            sides, signs = sides[::-1], [_MIRROR[sign] for sign in signs[::-1]]
        if signs[0][0] == signs[1][0] == "<":
            return [RealInterval(sides[0], sides[2], signs[0] == "<=", signs[1] == "<=")]
    raise NotMathematics("an inequality that is not solved for one unknown")


def _distance(absolute: Node, sign: str, end: Node) -> list[RealInterval]:
    """The one or two intervals of `|x - 2| < 3` or `|x| >= 1`."""
    inside = absolute.args[0]
    parts = linear(inside, next(iter(inside.letters))) if len(inside.letters) == 1 else None
    slope = parts[1].rational if parts else None
    if not parts or not slope or end.letters or _float(end) <= 0:
        raise NotMathematics("no distance from one number")
    middle = times(number(-1 / slope), parts[0])
    reach = times(number(1 / abs(slope)), end)
    low, high, closed = plus(middle, negative(reach)), plus(middle, reach), sign.endswith("=")
    if sign[0] == "<":
        return [RealInterval(low, high, closed, closed)]
    return [RealInterval(negative(INFINITY), low, False, closed), RealInterval(high, INFINITY, closed, False)]


def without(points: str) -> tuple[RealInterval, ...]:
    """The real line without points: `1`, `{-1, 1}`, `±2`, `x = 3`, `1 and 2`. Raises NotMathematics."""
    kept: list[RealInterval] = [RealInterval(negative(INFINITY), INFINITY, False, False)]
    for point in re.split(r",|\band\b|\bor\b|;", points.strip("⦃⦄{} ")):
        value = re.sub(r"^\s*[^\W\d]\s*!?=", "", point).strip()
        for sign in "+-" if "±" in value else ("",):
            end = read_expression(value.replace("±", sign))
            kept = intersection(kept, [
                RealInterval(negative(INFINITY), end, False, False), RealInterval(end, INFINITY, False, False)
            ])  # fmt: skip
    return merged(kept)


def merged(intervals: Sequence[RealInterval]) -> tuple[RealInterval, ...]:
    """Sorted, with intervals that touch or overlap made one. Raises NotMathematics for an end that is not real."""
    result: list[RealInterval] = []
    for interval in sorted(intervals, key=lambda one: (one.ends[0], not one.low_closed)):
        last = result[-1] if result else None
        if last is None or interval.ends[0] > last.ends[1] or not (
            interval.ends[0] < last.ends[1] or interval.low_closed or last.high_closed
        ):  # fmt: skip
            result.append(interval)
        elif interval.ends[1] > last.ends[1] or (interval.ends[1] == last.ends[1] and interval.high_closed):
            result[-1] = RealInterval(last.low, interval.high, last.low_closed, interval.high_closed)
    return tuple(result)


def intersection(first: Sequence[RealInterval], second: Sequence[RealInterval]) -> list[RealInterval]:
    """What two sets of intervals share."""
    shared = []
    for a in first:
        for b in second:
            low = max(a, b, key=lambda one: (one.ends[0], not one.low_closed))
            high = min(a, b, key=lambda one: (one.ends[1], one.high_closed))
            one = RealInterval(low.low, high.high, low.low_closed, high.high_closed)
            if one.ends[0] < one.ends[1] or (one.ends[0] == one.ends[1] and one.low_closed and one.high_closed):
                shared.append(one)
    return shared
