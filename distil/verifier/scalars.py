"""Whether two values are the same: exact numbers first, then floating point as a refutation, then algebra.

The given `algebra` function decides what only algebra can. Without it NeedsAlgebra is raised, and the caller asks again
in a process that may be killed.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from distil.verifier.expression import Node, approximate, negative, number, plus, renamed, times
from distil.verifier.forms import Relation, Value
from distil.verifier.units import same_things

Algebra = Callable[[Node | str, Node | str], bool]
"""Equality of two expressions, as trees or as LaTeX that only Math-Verify reads."""
TOLERANCE = 1e-9
"""Values further apart than this share of the largest number met in working them out are different."""


class NeedsAlgebra(Exception):
    """Only a computer algebra system can tell."""


@dataclass(frozen=True)
class Outcome:
    """`equal` is None where it cannot be decided; `rule` names what decided."""

    equal: bool | None
    rule: str


def needs_algebra(gold: Node | str, answer: Node | str) -> bool:
    """The algebra of a process that has none. Raises NeedsAlgebra."""
    raise NeedsAlgebra


@dataclass(frozen=True)
class Scalars:
    """Compares values and equations. `lenient` takes a decimal for anything within half its last printed place."""

    algebra: Algebra = needs_algebra
    lenient: bool = False

    def values(self, gold: Value, answer: Value) -> Outcome:
        """Compare values; names or known units that differ make the difference; a unit or % may be left out."""
        if _is_letter(gold.name) and _is_letter(answer.name) and gold.name != answer.name:
            return self.equations(_equation(gold), _equation(answer))
        if gold.rounded or answer.rounded:
            return self._rounded(gold, answer)
        if (gold.per > 1 and answer.unit) or (answer.per > 1 and gold.unit) or _other_unit(gold, answer):
            return Outcome(False, "different_unit")
        if gold.unit and answer.unit and (gold.unit.size, gold.unit.zero) != (answer.unit.size, answer.unit.zero):
            gold, answer = _in_base_units(gold), _in_base_units(answer)
        gold, answer = _as_angle(gold, answer), _as_angle(answer, gold)
        answer = _in_the_keys_letter(gold, answer)
        both = gold.per > 1 and answer.per > 1
        outcome = Outcome(False, "different_unit") if both and gold.per != answer.per else self.nodes(gold, answer)
        if not outcome.equal and gold.per != answer.per:
            outcome = self.nodes(_without_percent(gold), _without_percent(answer))
        return outcome

    def _rounded(self, gold: Value, answer: Value) -> Outcome:
        """`3π/4 ≈ 2.356` is 3π/4, and is 2.356 where the other side is a rounded number too."""
        exact = self.values(replace(gold, rounded=None), replace(answer, rounded=None))
        for one, other in ((gold, answer.rounded), (gold.rounded, answer)):
            if not exact.equal and one and other and _may_be_rounded(one) and _may_be_rounded(other):
                stated = self.values(replace(one, rounded=None), replace(other, rounded=None))
                if stated.equal:
                    return Outcome(True, "stated_decimal")
        return exact

    def nodes(self, gold: Value, answer: Value) -> Outcome:
        """Compare two expressions, whatever is around them. Raises Undecidable for values that cannot be written."""
        a, b = gold.node, answer.node
        if a == b:
            return Outcome(True, "same_form")
        exact = a.rational, b.rational
        if self.lenient and (gold.places is not None or answer.places is not None):
            return _within(a, b, gold.places if gold.places is not None else answer.places or 0)
        if exact[0] is not None and exact[1] is not None:
            return Outcome(exact[0] == exact[1], "exact_number")
        if a.letters != b.letters:
            return Outcome(False, "different_unknowns")
        if "∞" in (a.value, b.value):
            return Outcome(False, "infinity")
        if _far_apart(a, b):
            return Outcome(False, "different_number")
        return Outcome(self.algebra(a, b), "algebra")

    def equations(self, gold: Relation, answer: Relation) -> Outcome:
        """Equations are the same when one is a constant multiple of the other."""
        differences = [Node("add", (one.left, Node("neg", (one.right,)))) for one in (gold, answer)]
        if differences[0].letters != differences[1].letters:
            return Outcome(False, "different_unknowns")
        letters, ratios = sorted(differences[0].letters), []
        if any(_is_zero(difference, letters) for difference in differences):
            return self._identities(gold, answer)
        try:
            for seed in (1, 2, 3):
                values = _sample(letters, seed)
                ratios.append(approximate(differences[0], values)[0] / approximate(differences[1], values)[0])
        except (ArithmeticError, ValueError):
            return Outcome(None, "equation: no value")
        if any(abs(ratio - ratios[0]) > 1e-6 * abs(ratios[0]) for ratio in ratios):
            return Outcome(False, "equation")
        factor = number(Fraction(ratios[0].real).limit_denominator(10**6))
        return Outcome(self.algebra(differences[0], Node("mul", (factor, differences[1]))), "equation")

    def _identities(self, gold: Relation, answer: Relation) -> Outcome:
        """Identities hold everywhere, so they say the same only where their sides are the same."""
        sides = [(answer.left, answer.right), (answer.right, answer.left)]
        for left, right in sides:
            outcomes = [self.nodes(Value(gold.left), Value(left)), self.nodes(Value(gold.right), Value(right))]
            if all(outcome.equal for outcome in outcomes) and (left == gold.left or right == gold.right):
                return Outcome(True, "identity")
        return Outcome(False, "identity")


def _other_unit(gold: Value, answer: Value) -> bool:
    """Whether both sides have units, or counting nouns, that measure different things; a unit may be left out."""
    if gold.unit is None or answer.unit is None:
        return False
    if gold.unit.dimension is not None and answer.unit.dimension is not None:
        return gold.unit.dimension != answer.unit.dimension
    return not same_things(gold.unit, answer.unit)


def _without_percent(value: Value) -> Value:
    """`20%` as 1/5."""
    return value if value.per == 1 else replace(value, node=times(value.node, number(Fraction(1, value.per))), per=1)


def _in_base_units(value: Value) -> Value:
    """`180 minutes` as 10800, `32 °F` as 0."""
    assert value.unit is not None
    return replace(
        value, node=times(plus(value.node, negative(number(value.unit.zero))), number(value.unit.size)), places=None
    )


def _in_the_keys_letter(gold: Value, answer: Value) -> Value:
    """`f(t) = 2t + 1` as `f(x) = 2x + 1`, where the key names the function with x."""
    if not gold.name or not answer.name:
        return answer
    one, other = (re.fullmatch(r"(\w+)\(([a-zA-Z])\)", name) for name in (gold.name, answer.name))
    if not one or not other or one[1] != other[1] or one[2] == other[2] or one[2] in answer.node.letters:
        return answer
    return replace(answer, node=renamed(answer.node, other[2], one[2]))


def _is_zero(node: Node, letters: Sequence[str]) -> bool:
    """Whether an expression vanishes at every point that is tried, in floating point."""
    try:
        met = [approximate(node, _sample(letters, seed)) for seed in (1, 2, 3)]
    except (ArithmeticError, ValueError):
        return False
    return all(abs(value) <= TOLERANCE * scale for value, scale in met)


def _may_be_rounded(value: Value) -> bool:
    """Whether a number is printed as rounded ones are: a decimal, or a whole number of three figures or more (`√26 ≈ 5`
    says that 5 is not the value; `243√3 ≈ 421` answers a question for the nearest whole number).
    """
    exact = value.node.rational
    return value.places is not None or (value.node.op == "num" and exact is not None and abs(exact) >= 100)


def _is_letter(name: str | None) -> bool:
    return name is not None and len(name) == 1


def _equation(value: Value) -> Relation:
    return Relation(Node("sym", (), value.name), value.node)


def _as_angle(value: Value, other: Value) -> Value:
    """Degrees as radians where the other side is a multiple of π without a unit: 90° is π/2."""
    degrees = value.unit is not None and value.unit.dimension == (("angle", 1),)
    if degrees and other.unit is None and _has_pi(other.node) and not _has_pi(value.node):
        turn = Node("div", (Node("const", (), "π"), number(180)))
        return replace(value, node=Node("mul", (value.node, turn)), unit=None)
    return value


def _has_pi(node: Node) -> bool:
    return node.value == "π" or any(_has_pi(argument) for argument in node.args)


def _within(a: Node, b: Node, places: int) -> Outcome:
    """Whether two numbers lie within half a unit of a decimal place."""
    margin = Fraction(1, 2 * 10**places)
    if a.rational is not None and b.rational is not None:
        return Outcome(abs(a.rational - b.rational) <= margin, "rounding")
    try:
        apart = abs(approximate(a, {})[0] - approximate(b, {})[0])
    except (ArithmeticError, ValueError, KeyError):
        return Outcome(False, "rounding")
    return Outcome(apart <= float(margin), "rounding")


def _sample(letters: Sequence[str], seed: int) -> dict[str, float]:
    """Positive values without pattern for the unknowns, the same in every run."""
    return {name: 0.5 + ((place + 1) * seed * 0.6180339887498949) % 1 + place for place, name in enumerate(letters)}


def _far_apart(a: Node, b: Node) -> bool:
    values = _sample(sorted(a.letters), 1)
    try:
        (first, scale), (second, other_scale) = approximate(a, values), approximate(b, values)
    except (ArithmeticError, ValueError):
        return False
    return abs(first - second) > TOLERANCE * max(scale, other_scale)
