"""Whether two forms are the same answer: string rules for words, letters, ratios and bases; values one by one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from distil.verifier.expression import Node, NotMathematics, Undecidable, number
from distil.verifier.families import Progressions, as_family, same_family
from distil.verifier.forms import (
    Alternatives,
    Clock,
    Form,
    Items,
    Letter,
    Matrix,
    Numeral,
    Ratio,
    RealSet,
    Relation,
    Unread,
    Value,
    Words,
)  # fmt: skip
from distil.verifier.grammar import read_expression
from distil.verifier.real_sets import RealInterval
from distil.verifier.scalars import Outcome, Scalars
from distil.verifier.units import Unit, nouns
from distil.verifier.words import is_product, ordinal, same_words

ONLY_MATH_VERIFY_READS = ("\\int", "\\sum", "\\prod", "\\lim")


@dataclass(frozen=True)
class FormComparison:
    """Compares a key's form with an answer's; `scalars` compares the values inside."""

    scalars: Scalars

    def __call__(self, gold: Form, answer: Form) -> Outcome:
        """The outcome for two forms. Raises NeedsAlgebra."""
        try:
            return self._forms(gold, answer)
        except Undecidable as error:
            return Outcome(None, f"undecidable: {error}")
        except NotMathematics:
            return Outcome(False, "different_kind")

    def _forms(self, gold: Form, answer: Form) -> Outcome:
        match self._one_of(gold), self._one_of(answer):
            case (Alternatives() as one, other) | (other, Alternatives() as one):
                # the best of them: one right alternative is enough, and an undecided one may be right
                outcomes = [self._forms(form, other) for form in one.forms]
                return max(outcomes, key=lambda outcome: (outcome.equal is True, outcome.equal is None))
            case Clock() as one, Clock() as other:
                told = one.half or other.half or 0 in (one.hour, other.hour)  # 13:10 and 1:10 alone may be ratios
                return Outcome(bool(one.minutes & other.minutes) if told else one == other, "clock")
            case Clock(ratio=Ratio() as one), other:
                return self._forms(one, other)
            case other, Clock(ratio=Ratio() as one):
                return self._forms(other, one)
            case Progressions() as one, other:
                return self._families(one, other)
            case other, Progressions() as one:
                return self._families(one, other)
            case Letter(letter=one), Letter(letter=other):
                return Outcome(one.lower() == other.lower(), "letter")
            case (Letter(content=None), Words()) | (Words(), Letter(content=None)):
                return Outcome(False, "letter")
            case (Letter(letter="A" | "a", content=None), Value(unit=Unit(dimension=None))) | (
                Value(unit=Unit(dimension=None)),
                Letter(letter="A" | "a", content=None),
            ):
                return Outcome(False, "letter")  # `A` is an article in `A line`
            case Letter() as one, other:
                return self._forms(one.content or Value(read_expression(one.letter)), other)
            case other, Letter() as one:
                return self._forms(other, one.content or Value(read_expression(one.letter)))
            case Words(text=one), Words(text=other):
                if is_product(one) and is_product(other):
                    return self.scalars.values(Value(read_expression(one)), Value(read_expression(other)))
                return Outcome(same_words(one, other), "words")
            case (Words() as words, Value() as value) | (Value() as value, Words() as words):
                return self._product(words, value)
            case Numeral() as one, Numeral() as other:
                return Outcome(one == other, "base_numeral")
            case (Numeral() as numeral, Value() as value) | (Value() as value, Numeral() as numeral):
                return _base_left_out(numeral, value)
            case Ratio() as one, Ratio() as other:
                return self._ratios(one, other)
            case Ratio(terms=(first, second)), Value() as value:
                return self.scalars.values(_quotient(first, second), value)
            case Value() as value, Ratio(terms=(first, second)):
                return self.scalars.values(value, _quotient(first, second))
            case Relation() as one, Relation() as other:
                return self.scalars.equations(one, other)
            case (Relation() as equation, Value() as value) | (Value() as value, Relation() as equation):
                return self._equation_and_value(equation, value)
            case Value() as one, Value() as other:
                return self.scalars.values(one, other)
            case Matrix(rows=one), Matrix(rows=other):
                return self._ordered(one, other, "matrix")
            case Matrix(rows=one), Items(kind="tuple" | "bracket", items=other):
                return self._ordered(one, other, "matrix")
            case Items(kind="tuple" | "bracket", items=one), Matrix(rows=other):
                return self._ordered(one, other, "matrix")
            case (RealSet() | Items()) as one, RealSet() as other:
                return self._real_sets(_real_set(one), other)
            case RealSet() as one, Items() as other:
                return self._real_sets(one, _real_set(other))
            case Items() as one, Items() as other:
                return self._items(one, other)
            case Items(kind="set", items=(only,)), other:
                return self._forms(only, other)
            case other, Items(kind="set", items=(only,)):
                return self._forms(other, only)
            case (Unread() as one, other) | (other, Unread() as one):
                return self._unread(one, other)
        return Outcome(False, "different_kind")

    def _one_of(self, form: Form) -> Form:
        """A list written with "or" without its repetitions: one answer if all are the same, a list otherwise."""
        if not isinstance(form, Items) or form.kind != "either":
            return form
        different: list[Form] = []
        for item in form.items:
            if not any(self._forms(item, one).equal for one in different):
                different.append(item)
        return different[0] if len(different) == 1 else Items("either", tuple(different))

    def _product(self, words: Words, value: Value) -> Outcome:
        """`xy` alone reads as a word; next to a product it is one. `third` is 3rd."""
        first, _, rest = words.text.lower().strip("‹› ").removeprefix("the ").partition(" ")
        if (place := ordinal(first)) is not None and (not rest or (value.unit and rest in value.unit.text)):
            return Outcome(value.node == number(place), "ordinal")
        if len(words.text) > 3:
            return Outcome(False, "different_kind")
        return self.scalars.values(Value(read_expression(words.text)), value)

    def _equation_and_value(self, equation: Relation, value: Value) -> Outcome:
        """`y = 2x + 3` is an equation too. `17 * 180 = 3060` and `k + w = 8` state their right side as the answer;
        `2x = 8` and `x + 2y = 8` do not state one.
        """
        if value.name:
            return self.scalars.equations(Relation(read_expression(value.name), value.node), equation)
        letters = equation.left.letters
        if not letters or (len(letters) > 1 and not _has_number(equation.left)):
            return self.scalars.values(Value(equation.right), value)
        return Outcome(False, "different_kind")

    def _ordered(self, gold: Sequence[Form], answer: Sequence[Form], rule: str) -> Outcome:
        if len(gold) != len(answer):
            return Outcome(False, f"{rule}: different_length")
        return _all([self._forms(one, other) for one, other in zip(gold, answer, strict=True)], rule)

    def _unordered(self, gold: Sequence[Form], answer: Sequence[Form]) -> Outcome:
        """Equal when the items pair off. Equality is an equivalence, so the first partner found will do."""
        counted = _by_noun(gold), _by_noun(answer)
        if counted[0] and counted[1] and counted[0].keys() == counted[1].keys():
            return _all([self._forms(counted[0][noun], counted[1][noun]) for noun in counted[0]], "counted_items")
        left = sorted(answer, key=lambda form: form.canonical)
        for one in sorted(gold, key=lambda form: form.canonical):
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
        if "set" in kinds and kinds <= {"list", "either", "set"}:
            # a set has no repetitions: {1, 1, 2} is {1, 2}
            return self._unordered(_distinct(gold.items), _distinct(answer.items))
        if "bracket" in kinds and kinds != {"bracket"} and "vector" not in kinds and len(gold.items) == 2:
            # `[a, b]` is an interval and `(a, b)` a point of the plane
            return Outcome(False, "interval_or_point")
        if kinds <= {"list", "either"} or (kinds & {"list", "either"} and "bracket" in kinds):
            return self._unordered(gold.items, answer.items)
        if kinds & {"set", "either"}:
            return Outcome(False, "set_or_tuple")
        return self._ordered(gold.items, answer.items, "ordered_items")

    def _families(self, gold: Progressions, other: Form) -> Outcome:
        """Values without "k an integer" count as a family where the other side says so."""
        values = other.items if isinstance(other, Items) else (other,)
        nodes = [value.node for value in values if isinstance(value, Value)]
        answer = other if isinstance(other, Progressions) else as_family(nodes) if len(nodes) == len(values) else None
        if answer is None:
            return Outcome(False, "different_kind")
        equal = same_family(gold, answer, lambda one, two: self.scalars.nodes(Value(one), Value(two)).equal)
        return Outcome(equal, "family")

    def _real_sets(self, gold: RealSet | None, answer: RealSet | None) -> Outcome:
        if gold is None or answer is None:
            return Outcome(False, "different_kind")
        if gold.unknowns and answer.unknowns and gold.unknowns != answer.unknowns:
            return Outcome(False, "different_unknowns")
        if len(gold.intervals) != len(answer.intervals):
            return Outcome(False, "intervals: different_length")
        outcomes = []
        for one, other in zip(gold.intervals, answer.intervals, strict=True):
            same = (one.low_closed, one.high_closed) == (other.low_closed, other.high_closed)
            outcomes.append(Outcome(same, "brackets"))
            outcomes.append(self.scalars.nodes(Value(one.low), Value(other.low)))
            outcomes.append(self.scalars.nodes(Value(one.high), Value(other.high)))
        return _all(outcomes, "intervals")

    def _ratios(self, gold: Ratio, answer: Ratio) -> Outcome:
        """Equal by proportion."""
        if len(gold.terms) != len(answer.terms):
            return Outcome(False, "ratio: different_length")
        first, second = ([term.node.rational or 0 for term in ratio.terms] for ratio in (gold, answer))
        # a term that is zero or not rational has no quotient to compare: then term by term
        if not all(first) or not all(second):
            return self._ordered(gold.terms, answer.terms, "ratio")
        shares = {one / other for one, other in zip(first, second, strict=True)}
        return Outcome(len(shares) == 1 and min(shares) > 0, "ratio")

    def _unread(self, unread: Unread, other: Form) -> Outcome:
        """Sums, integrals and limits are left to Math-Verify's own reader; anything else cannot be judged."""
        sides = [unread.text, other.text if isinstance(other, Unread) else other.canonical]
        if any(sign in side for side in sides for sign in ONLY_MATH_VERIFY_READS):
            return Outcome(self.scalars.algebra(sides[0], sides[1]), "math_verify")
        return Outcome(None, f"unread: {unread.reason}")


def _all(outcomes: Sequence[Outcome], rule: str) -> Outcome:
    """Equal if all are equal. Otherwise the first pair that is not decides, and the outcome names its rule."""
    # the first one that is not equal decides, also where it is undecided: nothing is guessed from later ones
    for outcome in outcomes:
        if outcome.equal is not True:
            return Outcome(outcome.equal, f"{rule}: {outcome.rule}")
    return Outcome(True, rule)


def _by_noun(items: Sequence[Form]) -> dict[frozenset[str], Form]:
    """How many of each thing (`18 chickens, 7 rabbits`); empty unless every item has a noun of its own."""
    found: dict[frozenset[str], Form] = {
        nouns(item.unit): item for item in items if isinstance(item, Value) and item.unit
    }
    return found if len(found) == len(items) and all(found) else {}


def _base_left_out(numeral: Numeral, value: Value) -> Outcome:
    """A numeral may be given without the base that the question states: its digits decide."""
    same = value.node.op == "num" and str(value.node.value) == numeral.digits and not value.unit and value.per == 1
    return Outcome(same, "base_left_out")


def _quotient(first: Value, second: Value) -> Value:
    return replace(first, node=Node("div", (first.node, second.node)))


def _has_number(node: Node) -> bool:
    return node.op == "num" or any(_has_number(argument) for argument in node.args)


def _distinct(items: Sequence[Form]) -> list[Form]:
    return list({item.canonical: item for item in items}.values())


def _real_set(form: RealSet | Items) -> RealSet | None:
    """An interval for `(a, b)` or `[a, b]`, which alone could be a point or a list."""
    match form:
        case RealSet():
            return form
        case Items(kind="tuple" | "bracket" as kind, items=(Value() as low, Value() as high)):
            closed = kind == "bracket"
            return RealSet((RealInterval(low.node, high.node, closed, closed),))
    return None
