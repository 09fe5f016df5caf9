"""Mathematics on one line of running text: `x^2`, `(a + b)/3`, `sqrt(a + b)`.

`parse` finds what can be drawn in two dimensions; `power`, `fraction` and `root` write it from its parts, with brackets
where the line needs them. Both agree: `write(parse(text)) == text` for any text, and what would not come back in the
same words (`(3)/4`, `x^(2)`, `1/2/3`, `f(x)/2`) is left as plain text.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

NUMBER = re.compile(r"\d+(?:\.\d+)?")
LETTER = re.compile(r"[A-Za-z](?![A-Za-z(])")
BEFORE_FRACTION = re.compile(r"[\w)^/.,]")
AFTER_FRACTION = re.compile(r"[\w(^/]")


@dataclass(frozen=True)
class Exponent:
    """An exponent; its base is the text before it."""

    exponent: "Nodes"


@dataclass(frozen=True)
class Fraction:
    """A numerator over a denominator."""

    numerator: "Nodes"
    denominator: "Nodes"


@dataclass(frozen=True)
class Root:
    """A square root."""

    radicand: "Nodes"


Node: TypeAlias = str | Exponent | Fraction | Root
Nodes: TypeAlias = tuple[Node, ...]
Reach: TypeAlias = Callable[[str, int], int]
"""A function that finds one kind of text at a position. It returns the end, or the position where there is none."""


def power(exponent: str) -> str:
    """The linear form of an exponent: `^2`, `^n`, `^(n + 1)`."""
    return f"^{exponent}" if _is_atom(exponent) else f"^({exponent})"


def fraction(numerator: str, denominator: str) -> str:
    """The linear form of a fraction: `3x/4`, `(a + b)/c^2`, `1/(2x)`."""
    return f"{_bracketed(numerator, _product)}/{_bracketed(denominator, _factor)}"


def root(radicand: str) -> str:
    """The linear form of a square root: `sqrt(a + b)`."""
    return f"sqrt({radicand})"


def write(nodes: Nodes) -> str:
    """The linear text of parsed nodes."""
    text = ""
    for node in nodes:
        match node:
            case str():
                text += node
            case Exponent(exponent):
                text += power(write(exponent))
            case Fraction(numerator, denominator):
                text += fraction(write(numerator), write(denominator))
            case Root(radicand):
                text += root(write(radicand))
    return text


def parse(text: str) -> Nodes:
    """Split linear text into plain strings and the powers, fractions and roots between them."""
    nodes: list[Node] = []
    plain = position = 0
    while position < len(text):
        if (found := _construct(text, position)) is None:
            position += 1
            continue
        if plain < position:
            nodes.append(text[plain:position])
        node, position = found
        nodes.append(node)
        plain = position
    if plain < len(text):
        nodes.append(text[plain:])
    return tuple(nodes)


def _construct(text: str, start: int) -> tuple[Node, int] | None:
    """The power, fraction or root that begins at `start`, with where it ends."""
    before = text[start - 1 : start]
    if text[start] == "^":
        end = _exponent(text, start)
        if end == start or not (before.isalnum() or before == ")"):
            return None
        return Exponent(parse(_content(text[start + 1 : end]))), end
    if not BEFORE_FRACTION.match(before):
        middle = _operand(text, start, _product)
        if text[middle : middle + 1] == "/":
            end = _operand(text, middle + 1, _factor)
            numerator, denominator = _content(text[start:middle]), _content(text[middle + 1 : end])
            if not AFTER_FRACTION.match(text[end:]) and fraction(numerator, denominator) == text[start:end]:
                return Fraction(parse(numerator), parse(denominator)), end
    if not before.isalpha() and (end := _root(text, start)) > start:
        return Root(parse(text[start + 5 : end - 1])), end
    return None


def _bracketed(operand: str, bare: "Reach") -> str:
    """A numerator or denominator as the line needs it: what is more than one operand gets brackets."""
    alone = _operand(operand, 0, bare) == len(operand) and _group(operand, 0) < len(operand)
    return operand if alone else f"({operand})"


def _content(operand: str) -> str:
    """An operand without the brackets that only the line needs."""
    return operand[1:-1] if _group(operand, 0) == len(operand) else operand


def _is_atom(text: str) -> bool:
    return bool(NUMBER.fullmatch(text) or LETTER.fullmatch(text))


# Each of the following is a Reach.


def _operand(text: str, start: int, bare: Reach) -> int:
    """A bracketed group, itself with or without an exponent, or what needs no brackets."""
    return _exponent(text, _group(text, start)) if text[start : start + 1] == "(" else bare(text, start)


def _product(text: str, start: int) -> int:
    """A number, a letter, a root, or them in a row, each with or without an exponent: `3x^2`, `2sqrt(3)`."""
    end = _exponent(text, _match(NUMBER, text, start))
    end = _exponent(text, _match(LETTER, text, end))
    return _exponent(text, _root(text, end))


def _factor(text: str, start: int) -> int:
    """One number, letter or root, with or without an exponent."""
    for end in (_match(NUMBER, text, start), _match(LETTER, text, start), _root(text, start)):
        if end > start:
            return _exponent(text, end)
    return start


def _exponent(text: str, start: int) -> int:
    """A caret with a number, a letter or a group that needs its brackets; nothing at the very beginning of a text."""
    if start == 0 or text[start : start + 1] != "^":
        return start
    end = max(_match(NUMBER, text, start + 1), _match(LETTER, text, start + 1))
    if end == start + 1:
        end = _group(text, start + 1)
        if end == start + 1 or _is_atom(text[start + 2 : end - 1]):
            return start
    return start if text[end : end + 1] == "^" else end


def _root(text: str, start: int) -> int:
    if not text.startswith("sqrt(", start):
        return start
    end = _group(text, start + 4)
    return start if end == start + 4 else end


def _group(text: str, start: int) -> int:
    """A pair of round brackets that has something in it, without spaces at its edges."""
    if text[start : start + 1] != "(":
        return start
    depth = 0
    for position in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth == 0:
            content = text[start + 1 : position]
            return position + 1 if content and content == content.strip() else start
    return start


def _match(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.match(text, start)
    return found.end() if found else start
