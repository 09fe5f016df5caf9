"""Whether two forms are the same answer: string rules for words, letters, ratios and bases; exact numbers; algebra last.

What only algebra can tell is asked of the `algebra` function given; without one, NeedsAlgebra says so, and the caller asks
again in a process that may be killed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from stages.common.answers.expression import Node, NotMathematics, Undecidable, approximate, latex, number
from stages.common.answers.forms import (
    Alternatives,
    Form,
    Items,
    Letter,
    Matrix,
    Numeral,
    Ratio,
    Region,
    Relation,
    Unread,
    Value,
    Words,
)
from stages.common.answers.grammar import read_expression
from stages.common.answers.units import Unit
from stages.common.answers.words import same_words

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


def _needs_algebra(gold: Node | str, answer: Node | str) -> bool:
    raise NeedsAlgebra


def _both(outcomes: Sequence[Outcome], rule: str) -> Outcome:
    """All equal is equal, one different is different; the rule names the items' own rule."""
    for outcome in outcomes:
        if outcome.equal is not True:
            return Outcome(outcome.equal, f"{rule}: {outcome.rule}")
    return Outcome(True, rule)


@dataclass(frozen=True)
class Comparison:
    """Compares a key's form with an answer's. `lenient` takes a decimal for anything within half its last printed place."""

    algebra: Algebra = _needs_algebra
    lenient: bool = False

    def __call__(self, gold: Form, answer: Form) -> Outcome:
        """The outcome for two forms. Raises NeedsAlgebra."""
        try:
            return self._forms(gold, answer)
        except Undecidable as error:
            return Outcome(None, f"undecidable: {error}")

    def _forms(self, gold: Form, answer: Form) -> Outcome:
        gold, answer = self._one_of(gold), self._one_of(answer)
        match gold, answer:
            case (Alternatives(), _) | (_, Alternatives()):
                return self._any(gold, answer)
            case Letter(), Letter():
                return Outcome(gold.letter.lower() == answer.letter.lower(), "letter")
            case Letter(content=None), Words():
                return Outcome(False, "letter")
            case Letter(), _:
                return self._forms(_unlabelled(gold), answer)
            case _, Letter():
                return self._forms(gold, _unlabelled(answer))
            case Words(), Words():
                return Outcome(same_words(gold.text, answer.text), "words")
            case (Words(), Value()) | (Value(), Words()):
                return self._words_or_product(gold, answer)
            case Numeral(), Numeral():
                return Outcome(gold == answer, "base_numeral")
            case (Numeral(), Value()) | (Value(), Numeral()):
                return _base_left_out(gold, answer)
            case Ratio(), Ratio():
                return self._ratios(gold, answer)
            case Ratio(terms=(first, second)), Value():
                return self._values(replace(first, node=Node("div", (first.node, second.node))), answer)
            case Value(), Ratio(terms=(first, second)):
                return self._values(gold, replace(first, node=Node("div", (first.node, second.node))))
            case Relation(), Relation():
                return self._equations(gold, answer)
            case (Relation(), Value(name=str())) | (Value(name=str()), Relation()):
                return self._equations(_equation(gold), _equation(answer))
            case (Relation(), Value()) | (Value(), Relation()):
                return self._worked_out(gold, answer)
            case Value(), Value():
                return self._values(gold, answer)
            case Matrix(), Matrix():
                return self._ordered(gold.rows, answer.rows, "matrix")
            case (Matrix(), Items()) | (Items(), Matrix()):
                return self._ordered(_rows(gold), _rows(answer), "matrix")
            case (Region(), Region()) | (Region(), Items()) | (Items(), Region()):
                return self._regions(gold, answer)
            case Items(), Items():
                return self._items(gold, answer)
            case (Items(kind="set", items=(only,)), _):
                return self._forms(only, answer)
            case (_, Items(kind="set", items=(only,))):
                return self._forms(gold, only)
            case (Unread(), _) | (_, Unread()):
                return self._unread(gold, answer)
        return Outcome(False, "different_kind")

    def _any(self, gold: Form, answer: Form) -> Outcome:
        outcomes = [
            self._forms(one, other)
            for one in (gold.forms if isinstance(gold, Alternatives) else (gold,))
            for other in (answer.forms if isinstance(answer, Alternatives) else (answer,))
        ]
        return max(outcomes, key=lambda outcome: (outcome.equal is True, outcome.equal is None))

    def _one_of(self, form: Form) -> Form:
        """A list written with "or" without its repetitions: one answer if all are the same, a list otherwise."""
        if not isinstance(form, Items) or form.kind != "either":
            return form
        different: list[Form] = []
        for item in form.items:
            if not any(self._forms(item, one).equal for one in different):
                different.append(item)
        return different[0] if len(different) == 1 else Items("list", tuple(different))

    def _values(self, gold: Value, answer: Value) -> Outcome:
        if _letter(gold.name) and _letter(answer.name) and gold.name != answer.name:
            return Outcome(False, "different_name")
        if gold.rounded or answer.rounded:
            return self._rounded(gold, answer)
        if gold.unit and answer.unit and gold.unit != answer.unit:
            if gold.unit.dimension and answer.unit.dimension:
                if gold.unit.dimension != answer.unit.dimension:
                    return Outcome(False, "different_unit")
                gold, answer = _in_base_unit(gold), _in_base_unit(answer)
        elif gold.unit or answer.unit:
            gold, answer = _degrees_beside_radians(gold, answer)
        if gold.percent == answer.percent:
            return self._nodes(gold, answer)
        plain = self._nodes(gold, answer)
        return plain if plain.equal else self._nodes(_over_hundred(gold), _over_hundred(answer))

    def _rounded(self, gold: Value, answer: Value) -> Outcome:
        """`3π/4 ≈ 2.356` is 3π/4, and is 2.356 where the other side is a decimal too."""
        exact = self._values(replace(gold, rounded=None), replace(answer, rounded=None))
        if exact.equal:
            return exact
        for one, other in ((gold, answer.rounded), (gold.rounded, answer)):
            if one and other and one.places is not None and other.places is not None:
                outcome = self._values(replace(one, rounded=None), replace(other, rounded=None))
                if outcome.equal:
                    return replace(outcome, rule="stated_decimal")
        return exact

    def _nodes(self, gold: Value, answer: Value) -> Outcome:
        a, b = gold.node, answer.node
        if a == b:
            return Outcome(True, "same_form")
        first, second = a.rational, b.rational
        if self.lenient and (gold.places is not None or answer.places is not None):
            places = gold.places if gold.places is not None else answer.places
            return self._within(a, b, Fraction(1, 2 * 10 ** (places or 0)))
        if first is not None and second is not None:
            return Outcome(first == second, "exact_number")
        if "∞" in (a.value, b.value) or a.letters != b.letters:
            return Outcome(False, "different_unknowns" if a.letters != b.letters else "infinity")
        if _far_apart(a, b):
            return Outcome(False, "different_number")
        return Outcome(self.algebra(a, b), "algebra")

    def _within(self, a: Node, b: Node, margin: Fraction) -> Outcome:
        if a.rational is not None and b.rational is not None:
            return Outcome(abs(a.rational - b.rational) <= margin, "rounding")
        try:
            apart = abs(approximate(a, {})[0] - approximate(b, {})[0])
        except (ArithmeticError, ValueError, KeyError):
            return Outcome(False, "rounding")
        return Outcome(apart <= float(margin), "rounding")

    def _ordered(self, gold: Sequence[Form], answer: Sequence[Form], rule: str) -> Outcome:
        if len(gold) != len(answer):
            return Outcome(False, f"{rule}: different_length")
        return _both([self._forms(one, other) for one, other in zip(gold, answer, strict=True)], rule)

    def _unordered(self, gold: Sequence[Form], answer: Sequence[Form]) -> Outcome:
        """Equal when the items pair off. Equality is an equivalence, so taking the first partner found loses nothing."""
        left = list(answer)
        for one in gold:
            undecided: Outcome | None = None
            for place, other in enumerate(left):
                outcome = self._forms(one, other)
                if outcome.equal:
                    del left[place]
                    break
                if outcome.equal is None:
                    undecided = outcome
            else:
                return undecided or Outcome(False, "unordered_items: one is missing")
        return Outcome(not left, "unordered_items" if not left else "unordered_items: one too many")

    def _items(self, gold: Items, answer: Items) -> Outcome:
        kinds = {gold.kind, answer.kind}
        long = len(gold.items) != 2
        if kinds <= {"list", "set"} or kinds == {"list", "bracket"}:
            if "set" in kinds:
                gold, answer = _distinct(gold), _distinct(answer)
            return self._unordered(gold.items, answer.items)
        if kinds == {"tuple", "bracket"} and not long:
            return Outcome(False, "interval_or_point")
        if "set" in kinds:
            return Outcome(False, "set_or_tuple")
        return self._ordered(gold.items, answer.items, "ordered_items")

    def _regions(self, gold: Form, answer: Form) -> Outcome:
        first, second = _region(gold), _region(answer)
        if first is None or second is None:
            return Outcome(False, "different_kind")
        if first.unknowns and second.unknowns and first.unknowns != second.unknowns:
            return Outcome(False, "different_unknowns")
        if len(first.intervals) != len(second.intervals):
            return Outcome(False, "intervals: different_length")
        outcomes = []
        for one, other in zip(first.intervals, second.intervals, strict=True):
            same = (one.low_closed, one.high_closed) == (other.low_closed, other.high_closed)
            outcomes.append(Outcome(same, "brackets"))
            outcomes.append(self._nodes(Value(one.low), Value(other.low)))
            outcomes.append(self._nodes(Value(one.high), Value(other.high)))
        return _both(outcomes, "intervals")

    def _ratios(self, gold: Ratio, answer: Ratio) -> Outcome:
        """Equal by proportion."""
        if len(gold.terms) != len(answer.terms):
            return Outcome(False, "ratio: different_length")
        exact = [[term.node.rational for term in ratio.terms] for ratio in (gold, answer)]
        if any(not part for parts in exact for part in parts):
            return self._ordered(gold.terms, answer.terms, "ratio")
        shares = {one / other for one, other in zip(*exact, strict=True)}  # type: ignore[operator]
        return Outcome(len(shares) == 1 and min(shares) > 0, "ratio")

    def _equations(self, gold: Relation, answer: Relation) -> Outcome:
        """Equations are the same when one is a constant multiple of the other."""
        differences = [Node("add", (one.left, Node("neg", (one.right,)))) for one in (gold, answer)]
        if differences[0].letters != differences[1].letters:
            return Outcome(False, "different_unknowns")
        letters = sorted(differences[0].letters)
        ratios = []
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

    def _worked_out(self, gold: Form, answer: Form) -> Outcome:
        """`17 * 180 = 3060` and `k + w = 8` state their right side; `2x = 8` and `x + 2y = 8` do not state an answer."""
        values = [
            Value(form.right) if isinstance(form, Relation) and _names_a_quantity(form.left) else form
            for form in (gold, answer)
        ]
        if isinstance(values[0], Value) and isinstance(values[1], Value):
            return self._values(values[0], values[1])
        return Outcome(False, "different_kind")

    def _words_or_product(self, gold: Form, answer: Form) -> Outcome:
        """`xy` alone reads as a word; beside a product it is one."""
        try:
            forms = [
                Value(read_expression(form.text)) if isinstance(form, Words) and len(form.text) <= 3 else form
                for form in (gold, answer)
            ]
        except NotMathematics:
            return Outcome(False, "different_kind")
        if isinstance(forms[0], Value) and isinstance(forms[1], Value):
            return self._values(forms[0], forms[1])
        return Outcome(False, "different_kind")

    def _unread(self, gold: Form, answer: Form) -> Outcome:
        """Sums, integrals and limits are left to Math-Verify's own reader; anything else cannot be judged."""
        sides = [form.text if isinstance(form, Unread) else form.canonical for form in (gold, answer)]
        if any(sign in side for side in sides for sign in ("\\int", "\\sum", "\\prod", "\\lim")):
            return Outcome(self.algebra(*sides), "math_verify")
        reason = next(form.reason for form in (gold, answer) if isinstance(form, Unread))
        return Outcome(None, f"unread: {reason}")


def _names_a_quantity(node: Node) -> bool:
    """Whether a left side is plain arithmetic, or combines several unknowns without any number."""
    return not node.letters or (len(node.letters) > 1 and not _has_number(node))


def _has_number(node: Node) -> bool:
    return node.op == "num" or any(_has_number(argument) for argument in node.args)


def _letter(name: str | None) -> bool:
    return name is not None and len(name) == 1


def _unlabelled(letter: Letter) -> Form:
    return letter.content or Value(read_expression(letter.letter))


def _over_hundred(value: Value) -> Value:
    hundredth = Node("mul", (value.node, number(Fraction(1, 100))))
    return replace(value, node=hundredth, percent=False) if value.percent else value


def _in_base_unit(value: Value) -> Value:
    assert isinstance(value.unit, Unit)
    if value.unit.size == 1:
        return value
    return replace(value, node=Node("mul", (value.node, number(value.unit.size))), places=None)


def _degrees_beside_radians(gold: Value, answer: Value) -> tuple[Value, Value]:
    """Beside a multiple of π without a unit, degrees are an angle: 90° is π/2."""

    def radians(value: Value, other: Value) -> Value:
        degrees = value.unit is not None and value.unit.dimension == (("angle", 1),)
        if degrees and other.unit is None and "\\pi" in latex(other.node) and "\\pi" not in latex(value.node):
            turn = Node("div", (Node("const", (), "π"), number(180)))
            return replace(value, node=Node("mul", (value.node, turn)), unit=None)
        return value

    return radians(gold, answer), radians(answer, gold)


def _base_left_out(gold: Form, answer: Form) -> Outcome:
    """A numeral whose base the question states may be given without it: the digits decide."""
    numeral, value = (gold, answer) if isinstance(gold, Numeral) else (answer, gold)
    assert isinstance(numeral, Numeral) and isinstance(value, Value)
    same = value.node.op == "num" and str(value.node.value) == numeral.digits and not value.unit and not value.percent
    return Outcome(same, "base_left_out")


def _equation(form: Form) -> Relation:
    if isinstance(form, Relation):
        return form
    assert isinstance(form, Value)
    return Relation(read_expression(str(form.name)), form.node)


def _rows(form: Form) -> Sequence[Form]:
    if isinstance(form, Matrix):
        return form.rows
    assert isinstance(form, Items)
    return form.items


def _distinct(items: Items) -> Items:
    kept = {item.canonical: item for item in items.items}
    return replace(items, items=tuple(kept.values()))


def _region(form: Form) -> Region | None:
    """An interval for `(a, b)` or `[a, b]`, which alone could be a point or a list."""
    if isinstance(form, Region):
        return form
    if isinstance(form, Items) and form.kind in ("tuple", "bracket") and len(form.items) == 2:
        low, high = form.items
        if isinstance(low, Value) and isinstance(high, Value):
            from stages.common.answers.regions import Interval

            closed = form.kind == "bracket"
            return Region((Interval(low.node, high.node, closed, closed),))
    return None


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
