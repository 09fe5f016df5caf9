"""Units as quantities (`cm`, `square inches`, `miles per hour`), and the nouns written after a number (`nickels`)."""

import re
from dataclasses import dataclass
from fractions import Fraction

from distil.verifier.words import MAGNITUDES, PARTS, REFUSALS, RIVALS, VOCABULARY, unwrapped

Dimension = tuple[tuple[str, int], ...]


def _table(names: dict[str, str | int | float]) -> dict[str, Fraction]:
    """Every name with its plural, to its number."""
    return {
        name: Fraction(str(size))
        for words, size in names.items()
        for word in words.split()
        for name in (word, f"{word}s" if len(word) > 1 and word.isascii() else word)
    }


UNITS: dict[str, tuple[str, Fraction]] = {
    name: (dimension, size) for dimension, units in VOCABULARY["units"].items() for name, size in _table(units).items()
}
"""Unit names to (dimension, size in the dimension's base unit); units of other dimensions are never equal."""
SHORT_UNITS = frozenset(VOCABULARY["short_units"].split())
_DERIVED: dict[str, dict[str, int]] = VOCABULARY["derived"]
_ZEROS = _table(VOCABULARY["zeros"])
_POWERS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3, "squared": 2, "cubed": 3}
_SAYS_NOTHING = re.compile(
    r"(?:(?:square|cubic|sq|cu) )?units?(?:\^\{?[23]\}?| squared| cubed)?|total|each|approx|approximately|or so"
    r"|in total|in all|altogether"
)
_TOKEN = re.compile(r"([^\W\d_]+|[¤¢€£¥₹°][cf]?)(?:\^\{?(-?[1-4])\}?)?|(/)|[*-]")
_WORDS = re.compile(r"(?:[^\W\d_]|[¤¢€£¥₹°'^{}*/ -]|(?<=[\^{-])[1-4])+")
_DEGREES = re.compile(r"(?:\bdegrees?|\bdeg|°) ?([fc])(?:ahrenheit|elsius|entigrade)?\b")
_OTHER_NAMES = [
    (re.compile(r"\bfl(?:uid)? ?(?:oz|ounces?)\b"), "floz"),
    (re.compile(r"\bper | an? (?=hour|minute|second|day|week|year|month)"), "/"),
    (re.compile(r"\bkm ?/ ?h\b"), "kph"),
]


@dataclass(frozen=True)
class Unit:
    """`dimension` as (name, power) pairs, None for a counting noun; `size` in base units, `zero` where the scale begins
    (32 for °F); `text` as written.
    """

    dimension: Dimension | None
    size: Fraction
    text: str
    zero: Fraction = Fraction(0)


def read_unit(text: str) -> Unit | None:
    """The unit that a text names; None when it says nothing (`square units`).

    Raises ValueError when it is no words, or words that refuse the number before them (`is impossible`).
    """
    text = " ".join(unwrapped(text.lower()).replace(".", " ").split()).replace(" ^", "^")
    if not text or _SAYS_NOTHING.fullmatch(text):
        return None
    if (
        not _WORDS.fullmatch(text)
        or re.search(r"\bthan [a-z]$", text)
        or REFUSALS & set(re.findall(r"[a-z]+", text.replace("'", "")))
    ):
        raise ValueError(f"{text!r} is not a unit")
    plain = _DEGREES.sub(r"°\1", text)
    for pattern, name in _OTHER_NAMES:
        plain = pattern.sub(name, plain)
    powers, size, zero = _product(plain)
    if not powers:
        return Unit(None, Fraction(1), text)
    return Unit(tuple(sorted((name, power) for name, power in powers.items() if power)), size, text, zero)


def _product(text: str) -> tuple[dict[str, int], Fraction, Fraction]:
    """Powers by dimension, size and zero of the units that a text begins with: `sq ft`, `m/s^2`, `gallons of water`.

    No powers where it begins with another word.
    """
    powers: dict[str, int] = {}
    size, zero, sign, waiting = Fraction(1), Fraction(0), 1, 1
    last: str | None = None
    for token in _TOKEN.finditer(text):
        word = token[1]
        if token[3]:
            sign = -1
        elif word in _POWERS and word.endswith("ed"):
            if last is not None:
                size *= UNITS[last][1] ** (sign * (_POWERS[word] - 1))
                _raise(powers, last, sign * (_POWERS[word] - 1))
        elif word in _POWERS:
            waiting = _POWERS[word]
        elif word in UNITS and not (word == "in" and last):
            power = sign * waiting * int(token[2] or 1)
            size *= UNITS[word][1] ** power
            _raise(powers, word, power)
            zero, waiting, last = _ZEROS.get(word, Fraction(0)), 1, word
        elif word:
            break
    return powers, size, zero if len(powers) == 1 else Fraction(0)


def _raise(powers: dict[str, int], word: str, power: int) -> None:
    dimension = UNITS[word][0]
    for name, share in _DERIVED.get(dimension, {dimension: 1}).items():
        powers[name] = powers.get(name, 0) + share * power


def same_things(first: Unit, second: Unit) -> bool:
    """Whether two counting nouns may name the same things: `nickels` and `coins` may, `nickels` and `dimes` may not.

    A noun in one word is nothing that a unit measures: 20 points are not 20 degrees.
    """
    if first.dimension or second.dimension:
        noun = second.text if first.dimension else first.text
        return not (noun.isalpha() and noun.isascii() and len(noun) > 3)
    one, other = nouns(first), nouns(second)
    return not any((one & group) and (other & group) and not (one & other & group) for group in RIVALS)


def nouns(unit: Unit) -> frozenset[str]:
    """A counting noun's words in the singular."""
    irregular = {"men": "man", "women": "woman", "children": "child", "pennies": "penny", "cherries": "cherry"}
    words = re.findall(r"[^\W\d_]+", unit.text)
    return frozenset(irregular.get(word, word.removesuffix("s") or word) for word in words)


def starts_unit(word: str) -> bool:
    """Whether a word after a number can only be a unit or a noun, not a product of unknowns."""
    word = word.lower().strip(".^{}0123456789/")
    return (
        (word in UNITS and word not in SHORT_UNITS)
        or word in _POWERS
        or word in ("per", "units", "unit")
        or len(word) > 3
    )


_AFTER_NUMBER = re.compile(
    r"(?:[\s~$]|\\[,;:! )\]])*(?:(?P<sign>\\?%|\^?\{?\\circ\}?|°)|\\(?:text|mathrm|rm)\s*\{(?P<wrapped>[^{}]+)\}"
    r"|(?P<words>[a-zA-Z¢]+(?:[ /][a-zA-Z]+){0,4})(?P<power>\^\{?[23]\}?|²|³)?)"
)
_UNIT_WORDS = frozenset((*UNITS, *_POWERS, *MAGNITUDES, *(f"{word}s" for word in (*MAGNITUDES, *PARTS)), "per"))


def follows_number(text: str) -> str:
    """The unit or magnitude at a text's start, with a space before it; empty where other words follow a number."""
    match = _AFTER_NUMBER.match(text)
    if not match:
        return ""
    if match["sign"]:
        return f" {match['sign']}"
    if match["wrapped"]:
        word = re.split(r"[ /^]", match["wrapped"].strip().lower())[0]
        return f" \\text{{{match['wrapped']}}}" if word in _UNIT_WORDS else ""
    words = re.findall(r"[^ /]+|/", match["words"])
    known = 0
    while known < len(words) and (words[known].lower() in _UNIT_WORDS - SHORT_UNITS - {"in"} or words[known] == "/"):
        known += 1
    return f" {' '.join(words[:known])}{match['power'] or '' if known == len(words) else ''}" if known else ""
