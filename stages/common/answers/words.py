"""What words mean in an answer: numbers written out, and phrases that stand for one another."""

import re
from fractions import Fraction

_SMALL = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
NUMBERS = {word: value for value, word in enumerate(_SMALL)} | {word: 20 + 10 * n for n, word in enumerate(_TENS)}
NUMBERS |= {f"{ten}-{one}": NUMBERS[ten] + NUMBERS[one] for ten in _TENS for one in _SMALL[1:10]}
MAGNITUDES = {"dozen": 12, "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}

STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "the",
        "it",
        "its",
        "is",
        "are",
        "was",
        "were",
        "be",
        "of",
        "on",
        "in",
        "at",
        "to",
        "by",
        "for",
        "that",
        "this",
        "there",
        "will",
        "would",
        "you",
        "he",
        "she",
        "we",
        "they",
        "i",
        "so",
        "thus",
        "hence",
        "therefore",
        "answer",
        "only",
        "just",
        "function",
        "functions",
    ]
)
"""Words that add nothing to an answer that is a word."""
NEGATIONS = frozenset(
    ["not", "no", "non", "never", "neither", "nor", "none", "cannot", "cant", "isnt", "doesnt", "without", "un"]
)
RIVALS = [
    frozenset(group.split())
    for group in (
        "always never sometimes", "inside outside on", "even odd neither both", "yes no", "true false", "win lose tie draw",
        "increase decrease increasing decreasing constant", "north south east west northeast northwest southeast southwest",
        "left right", "up down", "above below", "greater less equal", "more fewer less", "positive negative zero",
        "clockwise counterclockwise", "acute right obtuse", "rational irrational", "real imaginary", "finite infinite",
        "ellipse circle parabola hyperbola line point", "monday tuesday wednesday thursday friday saturday sunday",
        "scalene isosceles equilateral", "converges diverges convergent divergent", "min max minimum maximum",
        "january february march april may june july august september october november december",
        "red blue green yellow black white brown orange purple", "heads tails", "am pm", "first second third fourth last",
    )
]  # fmt: skip
"""Words of one question's choices: an answer that names another of them is another answer."""
_NO_SOLUTION = "no solution"
PHRASES = {
    phrase: meaning
    for meaning, phrases in {
        _NO_SOLUTION: "no solution|no solutions|none|no real solution|no real solutions|no answer exists|empty set|∅|"
        "no such number|no such numbers|no such value|no values|null set|the empty set|no solution exists|no solutions exist",
        "does not exist": "does not exist|dne|do not exist|doesn't exist|not exist",
        "undefined": "undefined|not defined|is undefined",
        "infinitely many": "infinitely many|infinitely many solutions|infinite|infinite solutions|infinitely many answers|"
        "infinite number of solutions|an infinite number",
        "all real numbers": "all real numbers|all reals|ℝ|every real number|any real number|all real number|all real x",
        "not enough information": "not enough information|cannot be determined|can't be determined|insufficient information|"
        "can not be determined|not enough info",
    }.items()
    for phrase in phrases.split("|")
}
MONTHS = {
    name[:length]: place
    for place, name in enumerate(
        [
            "january",
            "february",
            "march",
            "april",
            "may",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december",
        ],
        1,
    )
    for length in (3, len(name))
} | {"sept": 9}

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

    Equal after `meaning`; or the key's words stand together in a slightly longer answer (`INSIDE`: inside the circle) that
    brings in neither a negation nor a rival of the key (`even`: neither even nor odd).
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
