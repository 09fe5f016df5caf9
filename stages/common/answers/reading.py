r"""From an answer's text to its form, from the most to the least particular form: words, letters, ratios and base numerals
are recognised before anything is read as mathematics.
"""

import re
from dataclasses import replace
from fractions import Fraction
from typing import Literal

from stages.common.answers.expression import Node, NotMathematics, number
from stages.common.answers.forms import (
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
from stages.common.answers.notation import plain, without_thousands
from stages.common.answers.regions import read_region
from stages.common.answers.units import ONE_LETTER_UNITS, read_unit, starts_unit
from stages.common.answers.words import MAGNITUDES, MONTHS, NUMBERS, number_word

BASES = {word: value for word, value in NUMBERS.items() if 2 <= value <= 20 and "-" not in word}
_BASE = "|".join((*BASES, r"\d{1,2}"))
_NUMERAL = re.compile(
    rf"[(]?(?P<digits>[0-9A-F]+)[)]?\s*(?:_\s*\{{?\s*[‹(]*\s*(?:base\s*)?(?P<below>{_BASE})\s*[)›]*\s*\}}?"
    rf"|[‹(]*\s*(?:in\s+)?base[\s›-]*(?P<after>{_BASE})\s*[)›]*|(?P<word>{'|'.join(BASES)}))",
    re.IGNORECASE,
)
_CHOICE = re.compile(r"‹?\s*(?:(?:option|choice|answer)\s+)?[(\[]?([A-Za-z])[)\]]?\s*›?")
_LABELLED = re.compile(r"‹?\s*(?:\(([A-H])\)|([A-H])[).:])\s*›?\s*(\S.*)")
_CLOCK = re.compile(r"(\d{1,2})(?::(\d{2}))?\s*‹?\s*([ap])\.?\s?m\.?\s*›?", re.IGNORECASE)
_NOTE = re.compile(r"\s+[(\[‹]([^()\[\]‹›]*)[)\]›]$|\s+\(([^()]*\([^()]*\)[^()]*)\)$")
_RELATIONS = re.compile(r"<|>|!=|∪|∈|ℝ|^all real")
_NAME = re.compile(
    r"[^\W\d_]'?(?:_\{?\w+\}?)?|[a-zA-Z]\([a-z\d, ]+\)|[A-Z]{2,4}|(?:m\s?)?(?:∠|\\angle)\s*[A-Z]{1,3}|[^\d=+*/^<>]*[a-z]{3,}[^=+*/^<>]*"
)
_MATRIX = re.compile(r"[(\[|]?\s*\\begin\{[pbvB]?(?:matrix|array)\}(?:\{[lcr|]*\})?(.*)\\end\{[pbvB]?(?:matrix|array)\}\s*[)\]|]?")
_REPEATING = re.compile(r"(\d*)\.(\d*)(?:\\(?:overline|bar|dot)\{?\s*(\d+)\s*\}?|\((\d+)\))")
_WRAPPED = re.compile(r"^‹\s*([^‹›]*?)\s*›$")
_NAMED_STRUCTURE = re.compile(r"^(?:[^\W\d_]{1,2}|\([a-zθ](?:, ?[a-zθ])+\))\s*=\s*(?=[(\[⦃⟨|]|\\begin)")
_HEDGE = re.compile(r"^‹?\s*(?:≈|~|about|approximately|approx\.?|around|exactly|roughly)\s*›?\s*(?=[-\d.\\√(¤])", re.IGNORECASE)
_DECIMAL = re.compile(r"-?\d*\.(\d+)")
_TAIL = re.compile(r"[\s‹]+(?=[^\W\d])|(?<=[\d)}°π])(?=[^\W\d_])|(?<=\d)(?=¢)")


def read(text: str, grouped: bool = True) -> Form:
    """The form of an answer's text; never raises. `grouped` reads `100,200` as one number (False: as two)."""
    text = _WRAPPED.sub(r"\1", plain(text))
    try:
        return _structure(text, grouped)
    except (NotMathematics, RecursionError, OverflowError) as error:
        return Words(text) if _in_words(text) else Unread(text, str(error))


def _in_words(text: str) -> bool:
    """Whether letters that are no unknowns make up the text: at least one word, and no operator but in passing."""
    return bool(re.search(r"[^\W\d_]{2,}", text)) and not re.search(r"[\\^_=<>]", text)


def _structure(text: str, grouped: bool) -> Form:
    text = _without_notes(text)
    if match := _CHOICE.fullmatch(text):
        return Letter(match[1])
    if match := _LABELLED.fullmatch(text):
        return Letter(match[1] or match[2], read(match[3], grouped))
    if text in ("∅", "⦃⦄", "{}"):
        return Words("∅")
    if (value := number_word(text)) is not None:
        return Value(number(value))
    if (numeral := _numeral(text)) is not None:
        return numeral
    if clock := _CLOCK.fullmatch(text):
        return Words(f"time {int(clock[1])} {clock[2] or '00'} {clock[3].lower()}m")
    if date := _date(text):
        return Words(date)
    text = _NAMED_STRUCTURE.sub("", text)
    if match := _MATRIX.fullmatch(text):
        return _matrix([row.split("&") for row in match[1].split("\\\\") if row.strip()])
    if grouped and not any(bracket in text for bracket in "([⦃⟨"):
        text = without_thousands(text)
    if _RELATIONS.search(text) and (region := _region(text)):
        return region
    return _several(text, grouped)


def _without_notes(text: str) -> str:
    """Drop a remark in brackets at the end: `30 (degrees optional)`, `12 (units not required)`."""
    while match := _NOTE.search(text):
        remark = next(part for part in match.groups() if part is not None)
        words = re.findall(r"[a-z]{4,}", remark.lower())
        if (
            not text[: match.start()].strip()
            or not words
            or not re.search(
                r"option|require|need|accept|order|equiv|nearest|"
                r"round|exact|any|approx|units?|only|ignore|must|note|also",
                remark.lower(),
            )
        ):
            break
        text = text[: match.start()].strip()
    return text


def _numeral(text: str) -> Numeral | None:
    match = _NUMERAL.fullmatch(text)
    if not match:
        return None
    name = (match["below"] or match["after"] or match["word"]).lower()
    base = BASES.get(name) or int(name)
    digits = match["digits"].upper().lstrip("0") or "0"
    return Numeral(digits, base) if all(int(digit, 16) < base for digit in digits) else None


def _date(text: str) -> str | None:
    """`March 5, 2011` and `5th of March 2011` as one spelling; None for anything else."""
    words = re.findall(r"[a-z]+|\d+", re.sub(r"(?<=\d)(?:st|nd|rd|th)\b|\bof\b|\bthe\b", " ", text.lower()))
    months = [word for word in words if word in MONTHS]
    figures = [int(word) for word in words if word.isdigit()]
    if len(months) != 1 or not 1 <= len(figures) <= 2 or len(words) != 1 + len(figures):
        return None
    return " ".join(["date", str(MONTHS[months[0]]), *map(str, figures)])


def _matrix(cells: list[list[str]]) -> Form:
    rows = tuple(Items("tuple", tuple(_value(cell.strip()) for cell in row)) for row in cells)
    if len({len(row.items) for row in rows}) != 1:
        raise NotMathematics("rows of unequal length")
    if len(rows) == 1:
        return Items("vector", rows[0].items)
    if len(rows[0].items) == 1:
        return Items("vector", tuple(row.items[0] for row in rows))
    return Matrix(rows)


def _region(text: str) -> Region | None:
    try:
        intervals = read_region(text.replace("‹", " ").replace("›", " "))
    except NotMathematics:
        return None
    unknowns = frozenset(re.findall(r"(?<![a-zA-Z\\])[a-zA-Z](?![a-zA-Z])", text)) - {"e", "i"}
    return Region(intervals, unknowns)


def split_top(text: str, separators: str) -> list[str]:
    """Split at single-character separators that stand outside every bracket."""
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text):
        if character in "([{⦃⟨":
            depth += 1
        elif character in ")]}⦄⟩":
            depth -= 1
        elif character in separators and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]


def _several(text: str, grouped: bool) -> Form:
    """Lists, sets, tuples, intervals, vectors; else a ratio or a single value."""
    text = re.sub(r"[‹\s]+(and|or|to)[›\s]+", r" \1 ", text)
    text = re.sub(r"^(?:[^\W\d]\s*∈|(?:x|S)\s*=)\s*(?=⦃)", "", text)
    text = re.sub(r"^(?:both|either)\s+(?=.*\s(?:and|or)\s)", "", text)
    marked = re.sub(r",?\s(?:and|or|&)\s|;", ",", text)
    parts = [part.strip() for part in split_top(marked, ",")]
    if len(parts) > 1 and all(parts):
        items = _items(parts, grouped)
        return _named(items, "either" if re.search(r"\sor\s", text) else "list")
    enclosed = text[1:-1].strip() if len(text) > 1 else ""
    closing = {"(": ")", "[": "]", "⦃": "⦄", "⟨": "⟩", "<": ">", "{": "}"}.get(text[:1])
    if closing and text.endswith(closing) and _one_group(text):
        rows = split_top(enclosed, ";")
        if len(rows) > 1 and all("," in row for row in rows):
            return _matrix([split_top(row, ",") for row in rows])
        parts = [part.strip() for part in split_top(enclosed, ",;")]
        if text[0] == "⦃" or len(parts) > 1:
            return _enclosed(text[0], parts)
    elif closing or text[-1:] in ")]":
        if text[:1] in "([" and text[-1:] in ")]" and (region := _region(text)):
            return region
    if re.fullmatch(r"[^:]+(?::[^:]+)+", text) and "\\" not in text[:1]:
        return Ratio(tuple(_value(term.strip()) for term in text.split(":")))
    if match := re.fullmatch(r"([\d.]+) to ([\d.]+)(?: to ([\d.]+))?", text):
        return Ratio(tuple(_value(term) for term in match.groups() if term))
    found = _spread(_single(text))
    return found[0] if len(found) == 1 else Items("list", tuple(found))


def _one_group(text: str) -> bool:
    depth = 0
    for place, character in enumerate(text):
        depth += (character in "([{⦃⟨") - (character in ")]}⦄⟩")
        if depth == 0 and place < len(text) - 1 and text[0] != "<":
            return False
    return True


def _enclosed(opening: str, parts: list[str]) -> Form:
    items = tuple(_items([part for part in parts if part], grouped=False))
    if opening in "⦃{":
        return Items("set", items)
    if all(isinstance(item, Items) and item.kind in ("tuple", "bracket") for item in items):
        rows = tuple(Items("tuple", item.items) for item in items if isinstance(item, Items))
        return Matrix(rows) if opening == "[" and len({len(row.items) for row in rows}) == 1 else Items("tuple", items)
    kinds: dict[str, Literal["tuple", "bracket", "vector"]] = {"(": "tuple", "[": "bracket"}
    return Items(kinds.get(opening, "vector"), items)


def _items(parts: list[str], grouped: bool) -> list[Form]:
    """The forms of a list's parts: mathematics throughout, or words throughout (`Monday, Tuesday`); a mixture is prose."""
    try:
        return [item for part in parts for item in _spread(_structure(part, grouped))]
    except NotMathematics:
        if all(_in_words(part) and len(part.split()) <= 3 for part in parts):
            return [Words(part) for part in parts]
        raise


def _named(items: list[Form], kind: Literal["list", "either"]) -> Form:
    """A bare list; with names that differ (`x = 3, y = 2`) it is a point in the order of the names."""
    names = [item.name for item in items if isinstance(item, Value) and item.name]
    if len(names) == len(items) == len(set(names)) and len({name.split("_")[0] for name in names}) > 1:
        ordered = sorted(items, key=lambda item: str(getattr(item, "name", "")))
        return Items("tuple", tuple(replace(item, name=None) for item in ordered if isinstance(item, Value)))
    return Items(kind, tuple(items))


def _spread(form: Form) -> list[Form]:
    """A value written with ± as two values; a nested bare list as its items."""
    if isinstance(form, Items) and form.kind == "list":
        return list(form.items)
    return [form]


def _single(text: str) -> Form:
    """One value, with what stands before `=` and after `≈`; an equation; or a pair written with ±."""
    exact, approximately, decimal = text.partition("≈")
    if approximately and exact.strip() and decimal.strip():
        first, second = _single(exact.strip().removesuffix("=").strip()), _single(decimal.strip())
        if isinstance(first, Value) and isinstance(second, Value):
            return replace(first, rounded=second)
        return second
    sides = [side.strip() for side in text.split("=")]
    if len(sides) > 1 and all(sides):
        if _NAME.fullmatch(sides[0]) or len(sides) > 2:
            value = _single(sides[-1])
            name = sides[0] if _NAME.fullmatch(sides[0]) else None
            return replace(value, name=name.replace(" ", "")) if isinstance(value, Value) and name else value
        return Relation(read_expression(sides[0]), read_expression(sides[1]))
    if "±" in text:
        head, tail = text.split("±", 1)
        both = [_value(f"{head}{sign}{tail}" if head.strip() else f"{sign}{tail}") for sign in "+-"]
        return Items("list", tuple(both))
    return _value(text)


def _value(text: str) -> Value:
    """One number or expression with its percent sign, currency or unit. Raises NotMathematics."""
    text = _REPEATING.sub(_repeating, _HEDGE.sub("", text).strip())
    if match := re.fullmatch(r"(-?)\s*¤\s*(-?)\s*(.+)", text):
        inside = _value(f"{match[1]}{match[2]}{match[3]}")
        return replace(inside, unit=inside.unit or read_unit("¤"))
    if match := re.fullmatch(r"(.+?)\s*(?:%|[‹\s]\s*(?:percent|per cent|pct)\s*›?)", text):
        return replace(_value(match[1]), percent=True)
    try:
        node = read_expression(text)
        if not _looks_like_words(text):
            return Value(node, read_unit("°") if text.endswith("°") else None, places=_places(text.rstrip("°")))
    except NotMathematics:
        pass
    for match in _TAIL.finditer(text):
        head, tail = text[: match.start()].strip(), text[match.start() :].strip()
        word = re.split(r"[\s›]", tail.lstrip("‹ "))[0]
        numeric = re.fullmatch(r"[-\d./°{}\\frac]*", head.replace(" ", "")) is not None
        if head and (tail[0] == "‹" or starts_unit(word) or (word in ONE_LETTER_UNITS and numeric and match[0].strip(" ") != match[0])
                     or (numeric and len(word) == 3)):  # fmt: skip
            return _with_tail(head, tail)
    raise NotMathematics(f"no expression: {text[:40]!r}")


def _with_tail(head: str, tail: str) -> Value:
    """A value followed by a magnitude, a unit or a noun."""
    value = _value(head)
    first, _, rest = tail.strip("‹› ").partition(" ")
    if first.lower().removesuffix("s") in MAGNITUDES:
        size = MAGNITUDES[first.lower().removesuffix("s")]
        value, tail = replace(value, node=Node("mul", (value.node, number(size))), places=None), rest
    try:
        unit = read_unit(tail)
    except ValueError as error:
        raise NotMathematics(str(error)) from error
    return replace(value, unit=unit or value.unit)


def _repeating(match: re.Match[str]) -> str:
    """A repeating decimal as the fraction it is: `0.58\\overline{3}` is 7/12."""
    whole, fixed, repeated = match[1] or "0", match[2], match[3] or match[4]
    below = (10 ** len(repeated) - 1) * 10 ** len(fixed)
    value = Fraction(int(whole + fixed + repeated) - int(whole + fixed), below)
    return f"(({value.numerator})/({value.denominator}))"


def _places(text: str) -> int | None:
    match = _DECIMAL.fullmatch(text)
    return len(match[1]) if match else None


_FUNCTIONS_AND_GREEK = re.compile(r"\\[a-zA-Z]+|(?:arc)?(?:sin|cos|tan|cot|sec|csc)h?|log|ln|exp|sqrt|pi|cbrt|infinity")


def _looks_like_words(text: str) -> bool:
    """Whether runs of letters are words rather than products: four letters or more, or all letters and nothing else.

    `mp/(m + pr)` is a product; `north`, `on` and `36 apples` are not.
    """
    bare = _FUNCTIONS_AND_GREEK.sub(" ", text)
    runs = re.findall(r"[^\W\d_]+", bare)
    if any(len(run) > 3 or run.lower() in ("cm", "mm", "km", "ft", "kg", "mph", "in", "no", "on", "mi", "lb", "hr", "min",
                                           "sec", "yd", "oz", "deg") for run in runs):  # fmt: skip
        return True
    if re.search(r"\d\s+[a-z]+/[a-z]+$", text) or re.search(r"\d\s+[mgshl]$", text) and not re.search(r"[^\W\d_].*\d\s+[mgshl]$", text):
        return True
    return bool(runs) and re.fullmatch(r"[^\W\d_]{2,}", text) is not None
