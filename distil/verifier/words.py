"""The meaning of words in an answer: numbers written out, and phrases that mean the same."""

import re
from fractions import Fraction
from pathlib import Path

import yaml

VOCABULARY = yaml.safe_load(Path(__file__).with_name("vocabulary.yaml").read_text(encoding="utf-8"))
_SMALL, _TENS = VOCABULARY["numbers"].split(), VOCABULARY["tens"].split()
NUMBERS = {word: value for value, word in enumerate(_SMALL)} | {word: 20 + 10 * n for n, word in enumerate(_TENS)}
NUMBERS |= {f"{ten}-{one}": NUMBERS[ten] + NUMBERS[one] for ten in _TENS for one in _SMALL[1:10]}
MAGNITUDES: dict[str, int] = VOCABULARY["magnitudes"]
SHORT_MAGNITUDES: dict[str, int] = VOCABULARY["short_magnitudes"]
PARTS: dict[str, int] = VOCABULARY["parts"]
ORDINALS = {word: place for place, word in enumerate(VOCABULARY["ordinals"].split())}
ORDINALS |= {f"{ten}-{one}": NUMBERS[ten] + ORDINALS[one] for ten in _TENS for one in list(ORDINALS)[1:10]}
WEEKDAYS = {name[:length]: name for name in VOCABULARY["weekdays"].split() for length in (3, len(name))}
MONTHS = {
    name[:length]: place for place, name in enumerate(VOCABULARY["months"].split(), 1) for length in (3, 4, len(name))
}
STOP_WORDS = frozenset(VOCABULARY["stop_words"].split())
NEGATIONS = frozenset(VOCABULARY["negations"].split())
REFUSALS = frozenset(VOCABULARY["refusals"].split())
RETRACTIONS = frozenset(VOCABULARY["retractions"].split())
RIVALS = [frozenset(group.split()) for group in VOCABULARY["rivals"]]
_SYNONYMS = [[phrase.strip() for phrase in line.split("|")] for line in VOCABULARY["phrases"]]
PHRASES = {phrase: phrases[0] for phrases in _SYNONYMS for phrase in phrases}
KNOWN_WORDS = frozenset(
    (
        *PHRASES,
        *NUMBERS,
        *ORDINALS,
        *WEEKDAYS,
        *MONTHS,
        *STOP_WORDS,
        *NEGATIONS,
        *(word for group in RIVALS for word in group),
    )
)

_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*|[∅ℝ]|\d+(?:\.\d+)?")
_PRODUCT = re.compile("[a-z]{2}|[b-df-hj-np-tv-z]{3}")
_FIRST_LETTERS = frozenset(word[0] for word in (*NUMBERS, *MAGNITUDES, "a", "half"))
_WITH_PART = re.compile(
    rf"(?:(.+?) and )?(?:(\S.*?)[ -])?({'|'.join(f'{part}s?' for part in (*PARTS, 'quarter'))})", re.IGNORECASE
)


def unwrapped(text: str) -> str:
    """The text with spaces in place of the marks of text wrappers."""
    return text.replace("‹", " ").replace("›", " ")


def words_of(text: str) -> tuple[str, ...]:
    """Lower-case words, hyphens and apostrophes kept inside them, punctuation dropped."""
    return tuple(_WORD.findall(unwrapped(text.lower())))


def meaning(text: str) -> str:
    """One spelling for a phrase in words: synonyms from PHRASES, stop words left out (unless nothing would remain)."""
    words = words_of(text)
    for phrase in (" ".join(words), " ".join(word for word in words if word not in STOP_WORDS)):
        if phrase in PHRASES:
            return PHRASES[phrase]
    return " ".join(word for word in words if word not in STOP_WORDS) or " ".join(words)


def number_word(text: str) -> Fraction | None:
    """The value of `seven`, `twenty-one`, `two hundred and five`, `two-thirds`, `five and a half`; None for others."""
    text = unwrapped(text.lower()).strip()
    if text[:1] not in _FIRST_LETTERS:
        return None
    if (match := _WITH_PART.fullmatch(text)) and (match[1] or match[2] or match[3] == "half"):
        whole = _whole(match[1]) if match[1] else Fraction(0)
        above = _whole(match[2]) if match[2] else Fraction(1)
        # `two thirds` and `one third`, but not `twenty third`, which is an ordinal
        agrees = (above == 1) == (match[3] == "half" or not match[3].endswith("s"))
        return None if whole is None or above is None or not agrees else whole + above / _part(match[3])
    return _whole(text) if text not in ("a", "an") else None


def _part(word: str) -> int:
    return 4 if word.startswith("quarter") else PARTS[word.removesuffix("s")]


def _whole(text: str) -> Fraction | None:
    value = part = Fraction(0)
    words = re.sub(r"(?<=hundred|housand|million) and (?=\w)", " ", text).split()
    for word in words:
        if word in NUMBERS or word in ("a", "an"):
            if part % 100 and not (part % 100 >= 20 and part % 10 == 0 and NUMBERS.get(word, 10) < 10):
                return None  # `three five` is no number
            part += NUMBERS.get(word, 1)
        elif word == "hundred":
            part = 100 * (part or Fraction(1))
        elif word in MAGNITUDES:
            value, part = value + (part or Fraction(1)) * MAGNITUDES[word], Fraction(0)
        else:
            return None
    return value + part if words else None


def is_product(text: str) -> bool:
    """Whether two or three small letters can only be a product of unknowns: `xy`, `ab`, but not `no` or `cat`."""
    return bool(_PRODUCT.fullmatch(text)) and text not in KNOWN_WORDS


def ordinal(text: str) -> int | None:
    """The place that `third` or `the twenty-first` names; None for anything else."""
    return ORDINALS.get(unwrapped(text.lower()).strip().removeprefix("the "))


def same_words(gold: str, answer: str) -> bool:
    """Whether an answer in words says what the key says.

    The two are equal after `meaning`. Or the words of one stand together in the other, which is slightly longer
    (`INSIDE`: inside the circle) and brings in neither a negation nor a rival (`even`: neither even nor odd).
    """
    a, b = meaning(gold), meaning(answer)
    if a == b or a.replace(" ", "").replace("-", "") == b.replace(" ", "").replace("-", ""):
        return True
    (key, _), (said, long) = sorted(((a.split(), gold), (b.split(), answer)), key=lambda pair: len(pair[0]))
    if len(key) == 1 and key[0] in ("yes", "no", "true", "false"):
        opposite = {"yes": "no", "no": "yes", "true": "false", "false": "true"}[key[0]]
        return bool(re.match(rf"\W*{key[0]}\s*[,.;:(-]", long.lower())) and opposite not in words_of(long)
    if len(said) > len(key) + 4 or any(word.isdigit() for word in said) != any(word.isdigit() for word in key):
        return False
    inside = any(said[start : start + len(key)] == key for start in range(len(said) - len(key) + 1))
    rest = set(said) - set(key)
    rivals = {word for group in RIVALS if group & set(key) for word in group}
    return inside and bool(key) and not rest & (NEGATIONS | rivals | {"or"})
