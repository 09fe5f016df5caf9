"""Units and the nouns written after a number: `cm`, `square inches`, `miles per hour`, `nickels`."""

import re
from dataclasses import dataclass
from fractions import Fraction

from distil.verifier.words import VOCABULARY

UNITS: dict[str, tuple[str, Fraction]] = {
    name: (dimension, Fraction(str(size)))
    for dimension, units in VOCABULARY["units"].items()
    for names, size in units.items()
    for word in names.split()
    for name in (word, f"{word}s" if len(word) > 1 else word)
}
"""Unit names to (dimension, size in the dimension's base unit); two known units of other dimensions are never equal."""
ONE_LETTER_UNITS = frozenset(VOCABULARY["one_letter_units"].split())
_POWERS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
_POWER_AFTER = re.compile(r"\^\{?([23])\}?$|\b(squared|cubed)$")
_SAYS_NOTHING = re.compile(
    r"^(?:(?:square|cubic|sq|cu) )?units?(?:\^\{?[23]\}?)?$|^(?:total|each|approx|approximately|or so)$"
)
_WORDS = re.compile(r"[a-z¤¢°]+(?:[ '-][a-z¤¢°]+)*(?:\^\{?[23]\}?)?(?: ?/ ?[a-z]+(?:\^\{?[23]\}?)?)?$")


@dataclass(frozen=True)
class Unit:
    """`dimension` as (name, power) pairs, None for a counting noun; `size` in base units; `text` as written."""

    dimension: tuple[tuple[str, int], ...] | None
    size: Fraction
    text: str


def read_unit(text: str) -> Unit | None:
    """The unit that a text names; None when it says nothing (`square units`). Raises ValueError when it is no words."""
    text = " ".join(text.lower().replace("‹", " ").replace("›", " ").replace(".", " ").split()).replace(" ^", "^")
    if not text or _SAYS_NOTHING.match(text):
        return None
    if not _WORDS.fullmatch(text):
        raise ValueError(f"{text!r} is not a unit")
    top, _, bottom = re.sub(r" per | / |/| an? (?=hour|minute|second|day)", "/", text).partition("/")
    above, below = _one(top), _one(bottom) if bottom else ((), Fraction(1))
    if above is None or below is None:
        return Unit(None, Fraction(1), text)
    dimension = tuple(sorted((*above[0], *((name, -power) for name, power in below[0]))))
    return Unit(dimension, above[1] / below[1], text)


def _one(text: str) -> tuple[tuple[tuple[str, int], ...], Fraction] | None:
    """Dimension and size of one unit with its power (`sq ft`, `inches^2`, `meters squared`), None when unknown."""
    power = 1
    if match := _POWER_AFTER.search(text):
        power = int(match[1]) if match[1] else 2 if match[2] == "squared" else 3
        text = text[: match.start()].strip()
    first, _, rest = text.partition(" ")
    if first in _POWERS and rest:
        power, text = _POWERS[first], rest
    if text not in UNITS:
        return None
    dimension, size = UNITS[text]
    if dimension == "speed":
        return (("length", 1), ("time", -1)), size
    return ((dimension, power),), size**power


def starts_unit(word: str) -> bool:
    """Whether a word after a number can only be a unit or a noun, not a product of unknowns."""
    word = word.lower().strip(".^{}0123456789/")
    return word in UNITS or word in _POWERS or word in ("per", "units", "unit", "mph", "kph") or len(word) > 3


_AFTER_NUMBER = re.compile(
    r"(?:[\s~$]|\\[,;:! )\]])*"
    r"(\\?%|\^?\{?\\circ\}?|°|(?:\\(?:text|mathrm|rm)\s*\{\s*)?([a-zA-Z¢]+)(?:\^\{?[23]\}?|²|³)?)\}?"
)


def follows_number(text: str) -> str:
    """The unit or magnitude at a text's start, with a space before it; empty where other words follow a number."""
    match = _AFTER_NUMBER.match(text)
    if not match:
        return ""
    word = (match[2] or "").lower()
    known = word in UNITS and word != "in" and (len(word) > 1 or "{" in match[1])
    if not match[2] or known or word.removesuffix("s") in VOCABULARY["magnitudes"]:
        return f" {match[1]}{'}' * (match[1].count('{') - match[1].count('}'))}"
    return ""
