"""Equality of two expressions by Math-Verify on sympy. Slow to import and free to hang: only worker processes load it.

Expressions come as our own trees: Math-Verify's LaTeX reader needs up to a second for nested brackets and misreads some
(`2(3)` is 5, the product of `sin x` and `cos x` is sin(x cos x)). What our grammar does not cover (sums, integrals,
limits) comes as LaTeX and is read by it, between dollar signs. Decimals are exact fractions on both ways, so that
Math-Verify's rounding to six places never applies.
"""

import logging

import sympy
from math_verify import LatexExtractionConfig, parse
from math_verify import verify as math_verify
from sympy import Basic, Expr, MatrixBase, Rational

from distil.verifier.expression import Node

logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns that its own timeout is off: ours is on

DIGITS = 50
"""Decimal digits to which two expressions must agree where simplification proves nothing."""
CONSTANTS = {"π": sympy.pi, "e": sympy.E, "i": sympy.I, "∞": sympy.oo}
OPERATIONS = {
    "add": sympy.Add, "mul": sympy.Mul, "pow": sympy.Pow, "abs": sympy.Abs, "fact": sympy.factorial,
    "binom": sympy.binomial, "floor": sympy.floor, "ceil": sympy.ceiling,
    "neg": lambda a: -a, "div": lambda a, b: a / b, "log": lambda base, a: sympy.log(a, base),
    "root": lambda n, a: -sympy.root(-a, n) if a.is_negative and n.is_odd else sympy.root(a, n),
}  # fmt: skip


class Unreadable(ValueError):
    """Math-Verify finds no mathematics in a text."""


def equal(gold: Node | str, answer: Node | str) -> bool:
    """Whether two expressions (trees, or LaTeX) are equal for all real values of their unknowns. Raises Unreadable.

    Math-Verify's proof counts; where it finds none, agreement to DIGITS digits at points of both signs does (its
    simplification misses some nested radicals and trigonometric identities).
    """
    first, second = (to_sympy(side) if isinstance(side, Node) else _read(side) for side in (gold, answer))
    if math_verify(first, second, numeric_precision=DIGITS, timeout_seconds=None):
        return True
    return isinstance(first, Expr) and isinstance(second, Expr) and _agree(first, second)


def to_sympy(node: Node) -> Expr:
    """The sympy expression of a tree; unknowns are real."""
    match node.op:
        case "num":
            return Rational(str(node.value))
        case "sym":
            return sympy.Symbol(str(node.value), real=True)
        case "const":
            return CONSTANTS[str(node.value)]
    arguments = [to_sympy(argument) for argument in node.args]
    if node.op == "fun":
        name = str(node.value)
        return getattr(sympy, name.replace("arc", "a"))(*arguments)
    return OPERATIONS[node.op](*arguments)


def _read(latex: str) -> Basic | MatrixBase:
    config = LatexExtractionConfig(boxed_match_priority=-1)
    for parsed in parse(f"${latex}$", extraction_config=[config], parsing_timeout=None):
        if isinstance(parsed, (Basic, MatrixBase)):
            return parsed
    raise Unreadable(f"Math-Verify reads no expression in {latex[:60]!r}")


def _agree(first: Expr, second: Expr) -> bool:
    """Equal to DIGITS - 10 digits wherever both have a value, which must be at two points or more of four."""
    unknowns = sorted((first - second).free_symbols, key=str)
    met = 0
    for start in (Rational(7, 5), Rational(-11, 7), Rational(31, 3), Rational(-2, 9)):
        point = {unknown: start + Rational(place, 3) for place, unknown in enumerate(unknowns)}
        values = [side.subs(point).evalf(DIGITS, maxn=4 * DIGITS) for side in (first, second)]
        if not all(value.is_number and value.is_finite for value in values):
            continue
        if abs(values[0] - values[1]) > max(abs(values[0]), abs(values[1])) * Rational(1, 10 ** (DIGITS - 10)):
            return False
        met += 1
    return met > 1
