"""What words mean in an answer: numbers written out, and phrases that stand for one another."""

import re
from fractions import Fraction
from pathlib import Path

import yaml

VOCABULARY = yaml.safe_load(Path(__file__).with_name("vocabulary.yaml").read_text(encoding="utf-8"))
_SMALL, _TENS = VOCABULARY["numbers"].split(), VOCABULARY["tens"].split()
NUMBERS = {word: value for value, word in enumerate(_SMALL)} | {word: 20 + 10 * n for n, word in enumerate(_TENS)}
NUMBERS |= {f"{ten}-{one}": NUMBERS[ten] + NUMBERS[one] for ten in _TENS for one in _SMALL[1:10]}
MAGNITUDES: dict[str, int] = VOCABULARY["magnitudes"]
MONTHS = {
    name[:length]: place for place, name in enumerate(VOCABULARY["months"].split(), 1) for length in (3, 4, len(name))
}
STOP_WORDS = frozenset(VOCABULARY["stop_words"].split())
NEGATIONS = frozenset(VOCABULARY["negations"].split())
RIVALS = [frozenset(group.split()) for group in VOCABULARY["rivals"]]
_SYNONYMS = [[phrase.strip() for phrase in line.split("|")] for line in VOCABULARY["phrases"]]
PHRASES = {phrase: phrases[0] for phrases in _SYNONYMS for phrase in phrases}

_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*|[∅ℝ]|\d+(?:\.\d+)?")


def words_of(text: str) -> tuple[str, ...]:
    """Lower-case words, hyphens and apostrophes kept inside them, punctuation dropped."""
    return tuple(_WORD.findall(text.lower().replace("‹", " ").replace("›", " ")))


def meaning(text: str) -> str:
    """One spelling for a phrase in words: synonyms from PHRASES, stop words left out (unless nothing would remain)."""
    words = words_of(text)
    for phrase in (" ".join(words), " ".join(word for word in words if word not in STOP_WORDS)):
        if phrase in PHRASES:
            return PHRASES[phrase]
    return " ".join(word for word in words if word not in STOP_WORDS) or " ".join(words)


def number_word(text: str) -> Fraction | None:
    """The value of `seven`, `twenty-one`, `two hundred`, `3 million`; None for anything else."""
    words = text.lower().replace("‹", " ").replace("›", " ").split()
    value: Fraction | None = None
    for word in words:
        if word in NUMBERS and value is None:
            value = Fraction(NUMBERS[word])
        elif word in MAGNITUDES and value is not None:
            value *= MAGNITUDES[word]
        else:
            return None
    return value


def same_words(gold: str, answer: str) -> bool:
    """Whether an answer in words says what the key says.

    Equal after `meaning`; or the words of the one stand together in a slightly longer other (`INSIDE`: inside the
    circle) that brings in neither a negation nor a rival (`even`: neither even nor odd).
    """
    a, b = meaning(gold), meaning(answer)
    if a == b or a.replace(" ", "").replace("-", "") == b.replace(" ", "").replace("-", ""):
        return True
    (key, _), (said, long) = sorted(((a.split(), gold), (b.split(), answer)), key=lambda pair: len(pair[0]))
    if len(key) == 1 and key[0] in ("yes", "no", "true", "false"):
        return bool(re.match(rf"\W*{key[0]}\s*[,.;:(-]", long.lower()))
    if len(said) > len(key) + 4 or any(word.isdigit() for word in said) != any(word.isdigit() for word in key):
        return False
    inside = any(said[start : start + len(key)] == key for start in range(len(said) - len(key) + 1))
    rest = set(said) - set(key)
    rivals = {word for group in RIVALS if group & set(key) for word in group}
    return inside and bool(key) and not rest & (NEGATIONS | rivals | {"or"})
