r"""Mathematics in our notation to a tree: the strict reader that decides what may reach sympy at all.

Math-Verify's own LaTeX reader recovers silently (`36√2` is 36, `2(3)` is 5, `north` is a product of letters), so
this one reads every character or refuses. A tree can be written back as LaTeX for a person to audit, valued exactly
when it is rational, and valued in floating point.

Conventions, each the one that contests use: `2\frac{3}{4}` and `2 3/4` are mixed numbers, `3/4b` is (3/4)b
and `a/bc` is a/(bc), `√15` takes the whole number and `\sqrt15` (TeX) one digit, `e` and `i` are the constants,
degrees count as numbers except under a trigonometric function, `sin^{-1}` is the inverse.
"""

import cmath
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

MAX_DEPTH = 60
"""Nested brackets that are still read."""
MAX_BITS = 13_000
"""Size of an exact number (3,900 digits): beyond, a power or factorial is not worked out."""
TRIGONOMETRIC = ("sin", "cos", "tan", "cot", "sec", "csc")
FUNCTIONS = (
    *(f"arc{name}" for name in TRIGONOMETRIC), "sinh", "cosh", "tanh", *TRIGONOMETRIC, "ln", "log", "exp",
)  # fmt: skip
CONSTANTS = {"π": math.pi, "e": math.e, "i": 1j}


class NotMathematics(ValueError):
    """The text is not an expression that this grammar covers; the message says where it stopped."""


class Undecidable(ArithmeticError):
    """The expression has no value that can be worked out: a division by zero, or a number too large to write."""


@dataclass(frozen=True)
class Node:
    """An operation on argument nodes, or a leaf: `num` with a Fraction, `sym` and `const` with a name."""

    op: str
    args: tuple["Node", ...] = ()
    value: Fraction | str | None = None

    @cached_property
    def letters(self) -> frozenset[str]:
        """Names of the unknowns in the expression."""
        if self.op == "sym":
            return frozenset([str(self.value)])
        return frozenset().union(*(argument.letters for argument in self.args))

    @cached_property
    def rational(self) -> Fraction | None:
        """The exact value, None when it is not rational (or not seen to be). Raises Undecidable."""
        if self.op == "num":
            assert isinstance(self.value, Fraction)
            return self.value
        parts = [argument.rational for argument in self.args]
        known = [part for part in parts if part is not None]
        if self.op in ("sym", "const") or len(known) < len(parts):
            return None
        return _exact(self.op, known)


def number(value: Fraction | int) -> Node:
    """A leaf holding an exact number."""
    return Node("num", (), value if isinstance(value, Fraction) else Fraction(value))


ZERO, ONE = number(0), number(1)


def negative(node: Node) -> Node:
    """The opposite, folded into a number so that `-3` has one form."""
    if node.op == "num" and isinstance(node.value, Fraction):
        return number(-node.value)
    return Node("neg", (node,))


def mentions(node: Node, name: str) -> bool:
    """Whether an unknown or a constant of this name occurs in the expression."""
    return node.value == name or any(mentions(argument, name) for argument in node.args)


def renamed(node: Node, old: str, new: str) -> Node:
    """The expression with one unknown called otherwise."""
    if node.op == "sym" and node.value == old:
        return Node("sym", (), new)
    return Node(node.op, tuple(renamed(argument, old, new) for argument in node.args), node.value)


def plus(a: Node, b: Node) -> Node:
    """The sum, folded where a term is zero or both are numbers."""
    if isinstance(a.value, Fraction) and isinstance(b.value, Fraction):
        return number(a.value + b.value)
    return a if b == ZERO else b if a == ZERO else Node("add", (a, b))


def times(a: Node, b: Node) -> Node:
    """The product, folded where a factor is zero or one or both are numbers."""
    if isinstance(a.value, Fraction) and isinstance(b.value, Fraction):
        return number(a.value * b.value)
    if ZERO in (a, b):
        return ZERO
    return a if b == ONE else b if a == ONE else Node("mul", (a, b))


def linear(node: Node, name: str) -> tuple[Node, Node] | None:
    """`(a, b)` where the expression is a + b times the unknown or constant `name`; None where it is not linear."""
    if not mentions(node, name):
        return node, ZERO
    if not node.args:
        return ZERO, ONE
    parts = [linear(argument, name) for argument in node.args]
    match node.op, parts:
        case "add", [(a, b), (c, d)]:
            return plus(a, c), plus(b, d)
        case "neg", [(a, b)]:
            return times(number(-1), a), times(number(-1), b)
        case "mul", [(factor, zero), (a, b)] if zero == ZERO:
            return times(factor, a), times(factor, b)
        case "mul", [(a, b), (factor, zero)] if zero == ZERO:
            return times(factor, a), times(factor, b)
        case "div", [(a, b), (below, zero)] if zero == ZERO:
            share = Node("div", (ONE, below))
            return times(share, a), times(share, b)
    return None


def _exact(op: str, parts: list[Fraction]) -> Fraction | None:
    match op, parts:
        case "add", [a, b]:
            return a + b
        case "mul", [a, b]:
            return a * b
        case "neg", [a]:
            return -a
        case "abs", [a]:
            return abs(a)
        case "floor", [a]:
            return Fraction(math.floor(a))
        case "ceil", [a]:
            return Fraction(math.ceil(a))
        case "div", [a, b]:
            if b == 0:
                raise Undecidable("division by zero")
            return a / b
        case "pow", [a, b]:
            return _power(a, b)
        case "root", [n, a] if n.denominator == 1 and 1 < n < 100 and a >= 0:
            top, bottom = (_integer_root(part, int(n)) for part in (a.numerator, a.denominator))
            return None if top is None or bottom is None else Fraction(top, bottom)
        case "fact", [a]:
            if a.denominator != 1 or a < 0:
                raise Undecidable("factorial of a number that is not a natural one")
            if a > 1000:
                raise Undecidable("a factorial too large to write")
            return Fraction(math.factorial(int(a)))
        case "binom", [n, k] if n.denominator == k.denominator == 1 and k >= 0 and n >= 0:
            if n > 1000:
                raise Undecidable("a binomial coefficient too large to write")
            return Fraction(math.comb(int(n), int(k)))
    return None


def _power(base: Fraction, exponent: Fraction) -> Fraction | None:
    if exponent.denominator != 1:
        if base < 0 or exponent.denominator > 100:
            return None
        root = _exact("root", [Fraction(exponent.denominator), base])
        return None if root is None else _power(root, Fraction(exponent.numerator))
    if base == 0 and exponent <= 0:
        raise Undecidable("a power of zero that has no value")
    size = max(abs(base.numerator), base.denominator).bit_length()
    if abs(base) != 1 and base != 0 and size * abs(exponent) > MAX_BITS:
        raise Undecidable("a power too large to write")
    return base ** (int(exponent) % 2 if abs(base) == 1 else int(exponent))


def _integer_root(value: int, degree: int) -> int | None:
    """The exact root of a natural number, None when there is none."""
    if degree == 2:
        root = math.isqrt(value)
    elif value.bit_length() > 1000:
        return None
    else:
        root = round(value ** (1 / degree))
    return root if root**degree == value else None


def approximate(node: Node, values: Mapping[str, float]) -> tuple[complex, float]:
    """Floating-point value with the unknowns replaced, and the largest magnitude met on the way (for a tolerance).

    Raises ArithmeticError or ValueError where floating point has no value.
    """
    if node.op == "num":
        value = complex(float(node.value))  # type: ignore[arg-type]
        return value, abs(value)
    if node.op == "sym":
        return complex(values[str(node.value)]), abs(values[str(node.value)])
    if node.op == "const":
        if node.value == "∞":
            raise ValueError("infinity is no number")
        return complex(CONSTANTS[str(node.value)]), 1.0
    pairs = [approximate(argument, values) for argument in node.args]
    value = _floating(node, [pair[0] for pair in pairs])
    if not cmath.isfinite(value):
        raise OverflowError("not finite")
    value = complex(value.real + 0.0, value.imag + 0.0)  # no negative zero: it would choose the side of a branch cut
    return value, max(abs(value), *(pair[1] for pair in pairs))


def _floating(node: Node, parts: list[complex]) -> complex:
    match node.op, parts:
        case "add", [a, b]:
            return a + b
        case "mul", [a, b]:
            return a * b
        case "div", [a, b]:
            return a / b
        case "neg", [a]:
            return -a
        case "pow", [a, b]:
            return a**b
        case "root", [n, a]:
            real = a.imag == 0 and a.real < 0 and n.real % 2 == 1
            return complex(-((-a.real) ** (1 / n.real))) if real else a ** (1 / n)
        case "abs", [a]:
            return complex(abs(a))
        case "log", [base, a]:
            return cmath.log(a) / cmath.log(base)
        case "fun", [a]:
            name = str(node.value)
            if name.startswith("arc"):
                inverse, flip = {"cot": ("tan", True), "sec": ("cos", True), "csc": ("sin", True)}.get(
                    name[3:], (name[3:], False)
                )
                return complex(getattr(cmath, f"a{inverse}")(1 / a if flip else a))
            reciprocal = {"cot": cmath.tan, "sec": cmath.cos, "csc": cmath.sin}.get(name)
            return 1 / reciprocal(a) if reciprocal else complex(getattr(cmath, name)(a))
    if node.rational is not None:
        return complex(float(node.rational))
    raise ValueError(f"no floating-point value for {node.op}")


def latex(node: Node) -> str:
    """Explicit LaTeX, the canonical spelling: every product written `\\cdot`, every argument braced."""
    parts = [latex(argument) for argument in node.args]
    match node.op:
        case "num":
            value = node.value
            assert isinstance(value, Fraction)
            top = str(abs(value.numerator))
            text = top if value.denominator == 1 else f"\\frac{{{top}}}{{{value.denominator}}}"
            return f"-{text}" if value < 0 else text
        case "sym":
            return str(node.value)
        case "const":
            return {"π": "\\pi", "∞": "\\infty"}.get(str(node.value), str(node.value))
        case "add":
            second = node.args[1]
            subtracted = second.op == "neg" or (isinstance(second.value, Fraction) and second.value < 0)
            return f"{parts[0]} - {parts[1][1:]}" if subtracted else f"{parts[0]} + {parts[1]}"
        case "neg":
            return f"-{_bracketed(node.args[0], parts[0])}"
        case "mul":
            return " \\cdot ".join(_bracketed(*pair) for pair in zip(node.args, parts, strict=True))
        case "div":
            return f"\\frac{{{parts[0]}}}{{{parts[1]}}}"
        case "pow":
            simple = node.args[0].op in ("sym", "const") or (parts[0].isdigit() and parts[0] != "0")
            return f"{parts[0]}^{{{parts[1]}}}" if simple else f"({parts[0]})^{{{parts[1]}}}"
        case "root":
            return f"\\sqrt{{{parts[1]}}}" if parts[0] == "2" else f"\\sqrt[{parts[0]}]{{{parts[1]}}}"
        case "fun":
            return f"\\{node.value}({parts[0]})"
        case "log":
            return f"\\log_{{{parts[0]}}}({parts[1]})"
        case "fact":
            return f"({parts[0]})!"
        case "abs":
            return f"|{parts[0]}|"
        case "floor" | "ceil":
            return f"\\l{node.op} {parts[0]}\\r{node.op}"
        case "binom":
            return f"\\binom{{{parts[0]}}}{{{parts[1]}}}"
    raise AssertionError(node.op)


def _bracketed(node: Node, text: str) -> str:
    return f"({text})" if node.op == "add" or text.startswith("-") else text
