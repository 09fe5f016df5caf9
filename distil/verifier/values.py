r"""One value from its text: what stands before `=`, after `≈` or `±`, the percent sign, the currency, the unit."""

import re
from dataclasses import replace
from fractions import Fraction

from distil.verifier.expression import Node, NotMathematics, number
from distil.verifier.forms import Form, Items, Relation, Value
from distil.verifier.grammar import read_expression
from distil.verifier.units import ONE_LETTER_UNITS, UNITS, read_unit, starts_unit
from distil.verifier.words import MAGNITUDES, number_word

_NAMES = (
    r"[^\W\d_]'?(?:_\{?\w+\}?)?",  # x, y', S_8
    r"[a-zA-Z]\([a-zA-Z\d, ]+\)",  # f(x), P(A)
    r"[A-Z]{2,4}",  # AB
    r"(?:m\s?)?(?:∠|\\angle)\s*[A-Z]{1,3}",
    r"[^\d=+*/^<>]*[a-z]{3,}[^=+*/^<>]*",  # Area, the value of x
)
_NAME = re.compile("|".join(_NAMES))
_REPEATING = re.compile(r"(\d*)\.(\d*)(?:\\(?:overline|bar|dot)\{?\s*(\d+)\s*\}?|\((\d+)\))")
_HEDGE = re.compile(
    r"^‹?\s*(?:≈|~|about|approximately|approx\.?|around|exactly|roughly|rounded(?:\s+to)?)\s*›?\s*(?=[-\d.\\√(¤])",
    re.IGNORECASE,
)
_CURRENCY = re.compile(r"(-?)\s*¤\s*(-?)\s*(.+)")
_PERCENT = re.compile(r"(.+?)\s*(?:%|[‹\s]\s*(?:percent|per cent|pct)\s*›?)(?:\s+of\s+\w+)?")
_COMPOUND = re.compile(r"(\d+)\s*‹?\s*([a-z]+)\s*›?,?\s*(?:and\s+)?(\d+)\s*‹?\s*([a-z]+)\s*›?")
_DECIMAL = re.compile(r"-?\d*\.(\d+)")
_NUMERIC = re.compile(r"[-\d./°\s{}]|\\frac")
_TAIL = re.compile(r"[\s‹]+(?=[^\W\d])|(?<=[\d)}°π])(?=[^\W\d_])|(?<=\d)(?=¢)")
_FUNCTION_OR_COMMAND = re.compile(r"\\[a-zA-Z]+|(?:arc)?(?:sin|cos|tan|cot|sec|csc)h?|log|ln|exp|sqrt|pi|cbrt|infinity")


def read_single(text: str) -> Form:
    """A value with its name and rounding, an equation, or the list that `±` makes. Raises NotMathematics."""
    exact, approximately, decimal = (part.strip() for part in text.partition("≈"))
    if approximately and exact and decimal:
        first, second = read_single(exact.removesuffix("=").strip()), read_single(decimal)
        if isinstance(first, Value) and isinstance(second, Value):
            return replace(first, rounded=second.rounded or second)
        return second
    sides = [side.strip() for side in text.split("=")]
    if len(sides) > 1 and all(sides):
        named = _NAME.fullmatch(sides[0])
        if not named and len(sides) == 2:
            return Relation(read_expression(sides[0]), read_expression(sides[1]))
        last = read_single(sides[-1])
        return replace(last, name=sides[0].replace(" ", "")) if isinstance(last, Value) and named else last
    if "±" in text:
        head, tail = text.split("±", 1)
        return Items("list", tuple(read_value(f"{head}{sign}{tail}".strip()) for sign in "+-"))
    return read_value(text)


def read_compound(text: str) -> Value | None:
    """`5 feet 6 inches` and `2 hours and 30 minutes` in the larger unit; None for anything else."""
    match = _COMPOUND.fullmatch(text.lower())
    if not match or match[2] not in UNITS or match[4] not in UNITS:
        return None
    (dimension, large), (other, small) = UNITS[match[2]], UNITS[match[4]]
    if dimension != other or large <= small:
        return None
    return Value(number(int(match[1]) + int(match[3]) * small / large), read_unit(match[2]))


def read_value(text: str) -> Value:
    """One number or expression with its percent sign, currency or unit. Raises NotMathematics."""
    text = _REPEATING.sub(_as_fraction, _HEDGE.sub("", text).strip())
    text = re.sub(r"^USD\s*(?=[\d.])", "¤", text)
    if (written := number_word(text)) is not None:
        return Value(number(written))
    if match := _CURRENCY.fullmatch(text):
        value = read_value(f"{match[1]}{match[2]}{match[3]}")
        return replace(value, unit=value.unit or read_unit("¤"))
    if match := _PERCENT.fullmatch(text):
        return replace(read_value(match[1]), percent=True)
    if not _has_words(text):
        unit = read_unit("°") if text.endswith("°") else None
        return Value(read_expression(text), unit, places=_places(text.rstrip("°")))
    for match in _TAIL.finditer(text):
        head, tail = text[: match.start()].strip(), text[match.start() :].strip()
        if head and _is_unit(head, match[0], tail):
            return _with_tail(read_value(head), tail)
    raise NotMathematics(f"no expression: {text[:40]!r}")


def _has_words(text: str) -> bool:
    """Whether runs of letters are words rather than products: in a wrapper, of four letters, a unit, or all there is.

    `mp/(m + pr)` is a product; `north`, `on`, `36 apples` and `2.5 m/s` are not.
    """
    runs = re.findall(r"[^\W\d_]+", _FUNCTION_OR_COMMAND.sub(" ", text))
    if "‹" in text or "¢" in text or any(len(run) > 1 and starts_unit(run) for run in runs):
        return True
    if match := re.search(r"^([^a-zA-Z]*\d)\s+([a-z]+)(?:/([a-z]+))?$", text):
        first_is_unit = match[2] in ONE_LETTER_UNITS or (len(match[2]) == 3 and not match[3])
        return first_is_unit and (match[3] is None or match[3] in UNITS)
    return bool(runs) and re.fullmatch(r"[^\W\d_]{2,}", text) is not None and runs == [text]


def _is_unit(head: str, gap: str, tail: str) -> bool:
    """Whether what follows a value is a unit or a noun; a short word only where a space parts it from a number."""
    word = re.split(r"[\s›/]", tail.lstrip("‹ "))[0]
    if re.fullmatch(r"[^\W\d_]{2,}|[^\W\d_]+(?:\s+[^\W\d_]+)+", head):
        return False  # the head is words, too
    apart = gap != "" and not _NUMERIC.sub("", head)
    return tail.startswith("‹") or starts_unit(word) or (apart and (word in ONE_LETTER_UNITS or len(word) == 3))


def _with_tail(value: Value, tail: str) -> Value:
    """A value with the magnitude (`3 million`), unit or noun that follows it."""
    first, _, rest = tail.strip("‹› ").partition(" ")
    if (magnitude := first.lower().removesuffix("s")) in MAGNITUDES:
        size = number(MAGNITUDES[magnitude])
        value, tail = replace(value, node=Node("mul", (value.node, size)), places=None), rest
    try:
        return replace(value, unit=read_unit(tail) or value.unit)
    except ValueError as error:
        raise NotMathematics(str(error)) from error


def _as_fraction(match: re.Match[str]) -> str:
    r"""A repeating decimal as the fraction it is: `0.58\overline{3}` is 7/12."""
    whole, fixed, repeated = match[1] or "0", match[2], match[3] or match[4]
    below = (10 ** len(repeated) - 1) * 10 ** len(fixed)
    value = Fraction(int(whole + fixed + repeated) - int(whole + fixed), below)
    return f"(({value.numerator})/({value.denominator}))"


def _places(text: str) -> int | None:
    match = _DECIMAL.fullmatch(text)
    return len(match[1]) if match else None
