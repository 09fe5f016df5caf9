"""The forms that an answer can take. Every form has a `canonical` spelling for the audit of a verdict."""

from dataclasses import dataclass
from typing import Literal

from distil.verifier.expression import Node, Undecidable, latex, number
from distil.verifier.families import Progressions
from distil.verifier.real_sets import RealInterval
from distil.verifier.units import Unit
from distil.verifier.words import meaning


@dataclass(frozen=True)
class Value:
    """One expression. `per` is 100 behind a percent sign and 1000 behind ‰; `places` counts the decimals printed (None
    when it is no decimal), `name` is the text before `=`, `rounded` the decimal given after an exact value
    (`3π/4 ≈ 2.356`).
    """

    node: Node
    unit: Unit | None = None
    per: int = 1
    places: int | None = None
    name: str | None = None
    rounded: "Value | None" = None

    @property
    def canonical(self) -> str:
        """One spelling for the audit of a verdict."""
        try:
            exact = self.node.rational
        except Undecidable:
            exact = None
        written_out = exact is not None and max(abs(exact.numerator), exact.denominator) < 10**100
        value = str(exact) if written_out else latex(self.node)
        return f"{value}{ {1: '', 100: '%', 1000: '‰'}[self.per] }{f' {self.unit.text}' if self.unit else ''}"


@dataclass(frozen=True)
class Items:
    """Several forms: `tuple` and `vector` are ordered, `list` and `set` are not, `bracket` is `[…]`.

    `either` is a list written with "or": several solutions, or one answer in several spellings (`1/2 or 0.5`).
    """

    kind: Literal["tuple", "vector", "list", "either", "set", "bracket"]
    items: tuple["Form", ...]

    @property
    def canonical(self) -> str:
        """One spelling for the audit of a verdict."""
        left, right = {"set": "{}", "bracket": "[]", "list": ("", ""), "either": ("", "")}.get(self.kind, "()")
        return f"{left}{', '.join(item.canonical for item in self.items)}{right}"


@dataclass(frozen=True)
class RealSet:
    """A set of real numbers as intervals; `unknowns` are the letters of the inequality, if it was one."""

    intervals: tuple[RealInterval, ...]
    unknowns: frozenset[str] = frozenset()

    @property
    def canonical(self) -> str:
        """One spelling for the audit of a verdict."""
        return " ∪ ".join(map(str, self.intervals))


@dataclass(frozen=True)
class Matrix:
    """Rows of values."""

    rows: tuple[Items, ...]

    @property
    def canonical(self) -> str:
        """One spelling for the audit of a verdict."""
        return "; ".join(row.canonical for row in self.rows)


@dataclass(frozen=True)
class Ratio:
    """`2:5`, `15:13:12`, `2 to 5`."""

    terms: tuple[Value, ...]

    @property
    def canonical(self) -> str:
        """One spelling for the audit of a verdict."""
        return ":".join(term.canonical for term in self.terms)


@dataclass(frozen=True)
class Clock:
    """A time of day: `half` is am or pm, None where nothing says so, and then it may be a ratio as well."""

    hour: int
    minute: int
    half: str | None = None

    @property
    def canonical(self) -> str:
        """One spelling for the audit of a verdict."""
        return f"{self.hour}:{self.minute:02} {self.half or ''}".strip()

    @property
    def minutes(self) -> frozenset[int]:
        """The minutes of the day that it may be."""
        if (self.half is None and self.hour > 12) or self.hour == 0:
            return frozenset([60 * self.hour + self.minute])
        halves = {"am": (0,), "pm": (12,), None: (0, 12)}[self.half]
        return frozenset(60 * (self.hour % 12 + half) + self.minute for half in halves)

    @property
    def ratio(self) -> Ratio | None:
        """The two numbers, None where they can only be a time."""
        return None if self.half else Ratio((Value(number(self.hour)), Value(number(self.minute))))


@dataclass(frozen=True)
class Numeral:
    """Digits in a stated base."""

    digits: str
    base: int

    @property
    def canonical(self) -> str:
        """One spelling for the audit of a verdict."""
        return f"{self.digits}_{self.base}"


@dataclass(frozen=True)
class Relation:
    """An equation between expressions that is not of the form `name = value`; the sign is `=`."""

    left: Node
    right: Node

    @property
    def canonical(self) -> str:
        """One spelling for the audit of a verdict."""
        return f"{latex(self.left)} = {latex(self.right)}"


@dataclass(frozen=True)
class Letter:
    """A single letter: a multiple-choice option or an unknown. `content` is the text after the option's label."""

    letter: str
    content: "Form | None" = None

    @property
    def canonical(self) -> str:
        """One spelling for the audit of a verdict."""
        return self.letter


@dataclass(frozen=True)
class Alternatives:
    """A key that accepts any of several answers: `3.5 (accept 7/2)`."""

    forms: tuple["Form", ...]

    @property
    def canonical(self) -> str:
        """One spelling for the audit of a verdict."""
        return " or ".join(form.canonical for form in self.forms)


@dataclass(frozen=True)
class Words:
    """Anything in words, dates included."""

    text: str

    @property
    def canonical(self) -> str:
        """One spelling for the audit of a verdict."""
        return meaning(self.text)


@dataclass(frozen=True)
class Unread:
    """Neither words nor mathematics that our grammar covers; `reason` says where reading stopped."""

    text: str
    reason: str

    @property
    def canonical(self) -> str:
        """One spelling for the audit of a verdict."""
        return self.text


Form = (
    Clock
    | Progressions
    | Value
    | Items
    | Alternatives
    | RealSet
    | Matrix
    | Ratio
    | Numeral
    | Relation
    | Letter
    | Words
    | Unread
)
