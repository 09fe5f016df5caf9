r"""One value from its text: the part before `=`, after `≈` or `±`, the percent sign, the currency, the unit."""

import re
from dataclasses import replace
from fractions import Fraction

from distil.verifier.expression import Node, NotMathematics, number
from distil.verifier.forms import Form, Items, Relation, Value
from distil.verifier.grammar import read_expression
from distil.verifier.units import SHORT_UNITS, UNITS, Unit, read_unit, starts_unit
from distil.verifier.words import MAGNITUDES, PARTS, SHORT_MAGNITUDES, is_product, number_word, unwrapped

_NAMES = (
    r"[^\W\d_]'?(?:_\{?\w+\}?)?",  # x, y', S_8
    r"[a-zA-Z]\((?:[a-zA-Z\d, ]+|-?[\d./]+|\\frac\{\d+\}\{\d+\}|[a-zA-Z]\([a-zA-Z\d,. -]+\))\)",  # f(x), P(A), t(g(16))
    r"[a-zA-Z]'*\^\{?-?\d\}?\([a-zA-Z\d, -]+\)|[a-zA-Z]'+\([a-zA-Z\d, -]+\)",  # f^{-1}(3), f'(2)
    r"\([a-zA-Z]\s*°\s*[a-zA-Z]\)\([a-zA-Z\d, -]+\)",  # the composite of f and g
    r"[PE]\([^()=]+\)|[EP]\[[^\[\]=]+\]",  # P(X > 3), E[X]
    r"[A-Z]{2,4}",  # AB
    r"(?:m\s?)?(?:∠|\\angle)\s*[A-Z]{1,3}",
    r"[^\d=+*/^<>]*[a-z]{3,}[^=+*/^<>]*",  # Area, the value of x
)
_NAME = re.compile("|".join(_NAMES))
_REPEATING = re.compile(r"(\d*)\.(\d*)(?:\\(?:overline|bar|dot)\{?\s*(\d+)\s*\}?|\((\d+)\))")
_HEDGE = re.compile(
    r"^‹?\s*(?:≈|~|the(?=\s+\d)|about|approximately|approx\.?|around|exactly|roughly|rounded(?:\s+to)?)\s*›?\s*(?=[-\d.\\√(¤])",
    re.IGNORECASE,
)
_DOLLARS = re.compile(r"^USD\s*(?=[\d.])")
_CURRENCY = re.compile(r"(-?)\s*([¤€£¥₹])\s*(-?)\s*(.+?)")
_SHORT_MAGNITUDE = re.compile(rf"(-?(?:\d+\.?\d*|\.\d+))\s*({'|'.join(SHORT_MAGNITUDES)})", re.IGNORECASE)
_TEMPERATURE = re.compile(r"(.+?)\s*°\s*[‹{]?\s*([FC])(?:ahrenheit|elsius)?\s*[›}]?")
_ORDINAL = re.compile(r"(\d+)\s*(?:\^\s*)?\{?\s*‹?\s*(?:st|nd|rd|th)\s*›?\s*\}?(?:\s+(\D+))?", re.IGNORECASE)
_REPEATING_DOTS = re.compile(r"(\d*\.\d*)\\dot\{?(\d)\}?(\d*)\\dot\{?(\d)\}?")
_AND_A_PART = re.compile(r"(\d+) and (an? )?(half|third|quarter|fourth|fifth)\b(.*)")
_PER_MILLE = re.compile(r"(.+?)\s*(?:‰|[‹\s]\s*(?:per mille|permille|per thousand)\s*›?)")
_PERCENT = re.compile(r"(.+?)\s*(?:%|[‹\s]\s*(?:percent(?:age)?|per cent|pct)\s*›?)(?:\s+of\s+\w+)?")
_CHINESE = re.compile("[一-鿿]")
_QUANTITY = re.compile(
    r"(\d+(?:\.\d+)?|[a-z]+(?:-[a-z]+)?(?=\s))\s*([a-z]+|[¢°¤]|''|['\"]|[一-鿿]+)\.?\s*(?:,\s*)?(?:\band\s+)?"
)
_PARTS_OF_A_DEGREE = {**dict.fromkeys(("'", "m", "min", "minute"), Fraction(1, 60)),
                      **dict.fromkeys(('"', "''", "s", "sec", "second"), Fraction(1, 3600))}  # fmt: skip
_DECIMAL = re.compile(r"-?\d*\.(\d+)")
_NUMERIC = re.compile(r"[-\d./°\s{}*^]|\\frac")
_RUN = re.compile(r"[^\W\d_]+")
_NO_MATHEMATICS = re.compile("[‹¢一-鿿]")
_SET_APART = re.compile(r"^([^a-zA-Z]*[\d)}])\s+([a-zA-Z]+|m\^\{?[23]\}?)(?:/([a-z]+)(?:\^\{?2\}?)?)?$")
_TAIL = re.compile(r"[\s‹]+(?=[^\W\d])|(?<=[\d)}°π])(?=[^\W\d_])|(?<=\d)(?=¢)")
_ARTICLE = re.compile(rf"^(?:of )?an? (?=(?:{'|'.join(MAGNITUDES)})\b)", re.IGNORECASE)
"""Before a magnitude: `half a million`, `three quarters of a million`."""
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
        last = _named(sides[-1]) if named and len(sides) == 2 else read_single(sides[-1])
        return replace(last, name=sides[0].replace(" ", "")) if isinstance(last, Value) and named else last
    if "±" in text:
        head, tail = text.split("±", 1)
        return Items("list", tuple(read_value(f"{head}{sign}{tail}".strip()) for sign in "+-"))
    return read_value(text)


def _named(text: str) -> Form:
    """The meaning of a name. Letters alone are a product (`y = kx`), unless they are a word that we know."""
    return Value(read_expression(text)) if is_product(text.lower()) else read_single(text)


def read_compound(text: str) -> Value | None:
    """`5 feet 6 inches`, `1h30m`, `7 dollars and 50 cents`, `22°30'` in the largest unit; None for anything else."""
    text = " ".join(unwrapped(text.lower()).split())
    if "¤" in text:
        text = re.sub(r"¤\s*(\d+)", r"\1 ¤", text)
    quantities, end = [], 0
    while match := _QUANTITY.match(text, end):
        quantities.append((match[1], match[2]))
        end = match.end()
    if len(quantities) < 2 or end < len(text):
        return None
    total, names = Fraction(0), [name for _, name in quantities]
    sizes = [_size(names[0], name) for name in names]
    for (figures, _), size in zip(quantities, sizes, strict=True):
        amount = Fraction(figures) if figures[0].isdigit() else number_word(figures)
        if amount is None or size is None:
            return None
        total += amount * size
    if sizes != sorted(set(sizes), reverse=True):  # type: ignore[type-var]
        return None
    return Value(number(total), read_unit({"'": "feet"}.get(names[0], names[0])))


def _size(first: str, name: str) -> Fraction | None:
    """A unit's size in the unit that a compound begins with; `m` is a minute after hours, `'` one after degrees."""
    if first == "'":
        return {"'": Fraction(1), '"': Fraction(1, 12), "''": Fraction(1, 12)}.get(name)
    if first not in UNITS:
        return None
    dimension, largest = UNITS[first]
    if dimension == "angle" and name.removesuffix("s") in _PARTS_OF_A_DEGREE:
        return _PARTS_OF_A_DEGREE[name.removesuffix("s")]
    if dimension == "time" and name == "m":
        name = "min"
    other, size = UNITS.get(name, ("", Fraction(0)))
    return size / largest if other == dimension else None


def read_value(text: str) -> Value:
    """One number or expression with its percent sign, currency or unit. Raises NotMathematics."""
    text = _HEDGE.sub("", text).strip()
    if "." in text:
        text = _REPEATING.sub(_as_fraction, _REPEATING_DOTS.sub(r"\1\\overline{\2\3\4}", text))
    text = _DOLLARS.sub("¤", text)
    if (written := number_word(text)) is not None:
        return Value(number(written))
    if match := _CURRENCY.fullmatch(text):
        return _money(match)
    if match := _PER_MILLE.fullmatch(text):
        return replace(read_value(match[1]), per=1000)
    if match := _PERCENT.fullmatch(text):
        return replace(read_value(match[1]), per=100)
    if match := _TEMPERATURE.fullmatch(text):
        return replace(read_value(match[1]), unit=read_unit(f"°{match[2]}"))
    if match := _ORDINAL.fullmatch(text):
        return Value(number(int(match[1])), Unit(None, Fraction(1), f"th {match[2] or ''}".strip()))
    if match := _AND_A_PART.fullmatch(text):
        return read_value(f"({match[1]}+{number_word(f'a {match[3]}')}){match[4]}")
    if not _has_words(text):
        unit = read_unit("°") if text.endswith("°") else None
        return Value(read_expression(text), unit, places=places(text.rstrip("°")))
    # `three quarters of an hour`: of the heads that are numbers in words, the longest
    for match in sorted(
        _TAIL.finditer(text), key=lambda match: -match.start() if number_word(text[: match.start()]) else 1
    ):
        head, tail = text[: match.start()].strip(), text[match.start() :].strip()
        if head and _is_unit(head, match[0], tail):
            return _with_tail(read_value(head), tail)
    raise NotMathematics(f"no expression: {text[:40]!r}")


def _money(match: re.Match[str]) -> Value:
    """`$5`, `-$5`, `$68 thousand`, `$68k`."""
    amount = f"{match[1]}{match[3]}{match[4]}"
    if short := _SHORT_MAGNITUDE.fullmatch(amount):
        return Value(number(Fraction(short[1]) * SHORT_MAGNITUDES[short[2].lower()]), read_unit(match[2]))
    value = read_value(amount)
    return value if value.unit and value.unit.dimension else replace(value, unit=read_unit(match[2]))


def _has_words(text: str) -> bool:
    """Whether runs of letters are words rather than products: in a wrapper, of four letters, a unit, or all there is.

    `mp/(m + pr)` is a product; `north`, `on`, `36 apples` and `2.5 m/s` are not.
    """
    runs = _RUN.findall(_FUNCTION_OR_COMMAND.sub(" ", text))
    if _NO_MATHEMATICS.search(text) or any(len(run) > 1 and starts_unit(run) for run in runs):
        return True
    if match := _SET_APART.search(text):
        first_is_unit = _set_apart(match[2].split("^")[0]) or (
            len(match[2]) == 3 and match[2].islower() and not match[3]
        )
        return first_is_unit and (match[3] is None or match[3] in UNITS)
    return runs == [text] and len(text) > 1


def _is_unit(head: str, gap: str, tail: str) -> bool:
    """Whether what follows a value is a unit or a noun; a short word only where a space parts it from a number."""
    word = re.split(r"[\s›/^]", re.sub(r"^(?:of )?(?:an? )?(?=\w)", "", tail.lstrip("‹ ")))[0]
    if re.fullmatch(r"[^\W\d_]{2,}|[^\W\d_]+(?:[\s-]+[^\W\d_]+)+", head):
        return number_word(head) is not None and (tail.startswith("‹") or starts_unit(word))  # the head is words, too
    apart = gap != "" and not _NUMERIC.sub("", head)
    return (
        tail.startswith("‹")
        or bool(_CHINESE.match(word))
        or starts_unit(word)
        or (apart and (_set_apart(word) or len(word) == 3))
    )


def _set_apart(word: str) -> bool:
    """Whether a word is a unit where a space sets it apart from its number: `5 m`, `5 L`, `5 kW`, but not `5 M`."""
    return word in SHORT_UNITS or (len(word) > 1 and word.lower() in SHORT_UNITS)


def _with_tail(value: Value, tail: str) -> Value:
    """A value with the magnitude (`3 million`), unit or noun that follows it."""
    first, _, rest = _ARTICLE.sub("", " ".join(unwrapped(tail).split())).partition(" ")
    first = first.lower()
    magnitude = first.removesuffix("s")
    if magnitude in MAGNITUDES:
        value, tail = replace(value, node=Node("mul", (value.node, number(MAGNITUDES[magnitude]))), places=None), rest
    elif magnitude in PARTS and (first.endswith("s") or value.node == number(1)):
        value, tail = replace(value, node=Node("div", (value.node, number(PARTS[magnitude]))), places=None), rest
    elif first in ("squared", "cubed"):
        power = number(2 if first == "squared" else 3)
        value, tail = replace(value, node=Node("pow", (value.node, power)), places=None), rest
    tail = re.sub(r"^(?:of an?|an?|of)\s+", "", tail)
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


def places(text: str) -> int | None:
    """How many decimals a number is printed with; None for anything but a decimal."""
    match = _DECIMAL.fullmatch(text)
    return len(match[1]) if match else None
