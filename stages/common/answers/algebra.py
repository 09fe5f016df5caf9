"""Equality of two expressions by Math-Verify on sympy. Slow to import and free to hang: only worker processes load it."""

import logging

from latex2sympy2_extended import NormalizationConfig
from math_verify import LatexExtractionConfig, parse
from math_verify import verify as math_verify
from sympy import Basic, Expr, MatrixBase, Rational, nan, zoo

logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns that its own timeout is off: ours is on

DIGITS = 50
"""Decimal digits to which two expressions must agree where simplification proves nothing."""
_NO_REWRITING = NormalizationConfig(
    basic_latex=True, units=False, malformed_operators=False, nits=False, boxed="none", equations=False
)
_READER = [LatexExtractionConfig(normalization_config=_NO_REWRITING, boxed_match_priority=-1)]


class Unreadable(ValueError):
    """Math-Verify finds no mathematics in a text."""


def equal(gold: str, answer: str) -> bool:
    """Whether two LaTeX expressions are equal for all real values of their unknowns.

    Math-Verify's proof counts; where it finds none, agreement to DIGITS digits at points of both signs does (its
    simplification misses some nested radicals and trigonometric identities). Raises Unreadable. Decimals arrive here as
    fractions, so Math-Verify's rounding to six places never applies.
    """
    first, second = _read(gold), _read(answer)
    if math_verify(first, second, numeric_precision=DIGITS, timeout_seconds=None, raise_on_error=False):
        return True
    return isinstance(first, Expr) and isinstance(second, Expr) and _agree(first, second)


def _read(latex: str) -> Basic | MatrixBase:
    for parsed in parse(f"${latex}$", extraction_config=_READER, parsing_timeout=None, raise_on_error=False):
        if isinstance(parsed, (Basic, MatrixBase)):
            return parsed
    raise Unreadable(f"Math-Verify reads no expression in {latex[:60]!r}")


def _agree(first: Expr, second: Expr) -> bool:
    difference = first - second
    unknowns = sorted(difference.free_symbols, key=str)
    met = 0
    for seed in (Rational(7, 5), Rational(-11, 7), Rational(31, 3), Rational(-2, 9)):
        point = {unknown: seed + Rational(place, 3) for place, unknown in enumerate(unknowns)}
        value = difference.subs(point).evalf(DIGITS, maxn=4 * DIGITS)
        if value in (nan, zoo) or not value.is_number:
            continue
        if abs(value) > Rational(1, 10 ** (DIGITS - 10)):
            return False
        met += 1
    return met > 1
