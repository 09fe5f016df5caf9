"""Near-duplicate questions: one problem printed twice, in another section or year, perhaps in other words."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

import networkx
import numpy
from rapidfuzz import fuzz, process

from distil.verifier.forms import Value
from distil.verifier.reading import read

ROWS_AT_ONCE = 512
"""A similarity matrix has no more than ROWS_AT_ONCE x (questions with one key) bytes."""
THOUSANDS = re.compile(r"(?<![\d,.(\[{])[1-9]\d{0,2}(?:(?:,(?:\\!)?|\{,\}|\\,)\d{3})+(?!,?\d)")
"""A number in groups of three digits: 1,200 or 1{,}200. What follows a bracket may be a point or a set."""
MANY_NUMBERS, HALF_ALIKE = 3, 0.55
"""Questions with equal keys that share MANY_NUMBERS, and at most one number not, need only this similarity."""


def normalised(question: str) -> str:
    """The question as lower-case words, numbers and signs, with one space between them; 1,200 is one number."""
    # one form of an accented letter; the compatibility forms would make 102 of 10²
    question = unicodedata.normalize("NFC", question)
    question = THOUSANDS.sub(lambda number: re.sub(r"\D", "", number[0]), question)
    return " ".join(re.findall(r"[^\W\d_]+|\d+|[^\w\s]|_", question.lower()))


def template(question: str) -> str:
    """The normalised question with every number masked. Questions that differ only in numbers have the same one."""
    return re.sub(r"\d+", "#", normalised(question))


def near_duplicates(questions: Sequence[str], keys: Sequence[str], threshold: float) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, of questions that are one problem.

    Equal texts are one problem. Otherwise the keys must be equal (in the verifier's canonical form, without a unit,
    which one of two keys may leave out), because contests reuse a wording with other numbers. Besides, one of these
    must hold:

    - They have exactly the same numbers, two or more, in any order and any words.
    - The numbers of one are among those of the other, and their words are alike: rapidfuzz's `token_sort_ratio` of the
      normalised texts is at least `threshold`, or at least HALF_ALIKE where they share MANY_NUMBERS or more and all
      but one.

    So the rule misses a pair with other words and one number or none. docs/metrics.md says how often.
    """
    texts = [normalised(question) for question in questions]
    numbers = [Counter(re.findall(r"\d+", text)) for text in texts]
    same_text, same_key = defaultdict(list), defaultdict(list)
    for place, (text, key) in enumerate(zip(texts, keys, strict=True)):
        same_text[text].append(place)
        same_key[_value(key)].append(place)
    pairs = {pair for group in same_text.values() for pair in _all_pairs(group)}
    for group in same_key.values():
        same_numbers = defaultdict(list)
        for place in group:
            # one shared number is no evidence, because many questions have a small number in common
            if numbers[place].total() > 1:
                same_numbers[frozenset(numbers[place].items())].append(place)
        pairs |= {pair for members in same_numbers.values() for pair in _all_pairs(members)}
        pairs |= _alike(group, texts, numbers, threshold)
    return sorted(pairs)


def _value(key: str) -> str:
    """The key's canonical form, so that 1/2 and 0.5 are one, without its unit or percent sign."""
    form = read(key)
    return (replace(form, unit=None, per=1) if isinstance(form, Value) else form).canonical.casefold()


def _all_pairs(group: Sequence[int]) -> set[tuple[int, int]]:
    return {(first, second) for place, first in enumerate(group) for second in group[place + 1 :]}


def _alike(
    group: Sequence[int], texts: Sequence[str], numbers: Sequence[Counter[str]], threshold: float
) -> set[tuple[int, int]]:
    """The pairs of a group of questions with one key whose numbers and words are alike."""
    pairs = set()
    # in blocks of rows, because the pairs of a frequent key do not all fit into memory
    for start in range(0, len(group), ROWS_AT_ONCE):
        similarity = process.cdist(
            [texts[place] for place in group[start : start + ROWS_AT_ONCE]],
            [texts[place] for place in group[start:]],
            scorer=fuzz.token_sort_ratio,
            score_cutoff=100 * min(threshold, HALF_ALIKE),
            dtype=numpy.float32,
            workers=1,
        )
        for row, column in zip(*numpy.nonzero(similarity), strict=True):
            first, second = group[start + int(row)], group[start + int(column)]
            # the rows of a block are among the columns, too, so `first < second` below takes each pair once
            fewer, more = sorted((numbers[first], numbers[second]), key=Counter.total)
            shared, others = fewer.total(), more.total() - fewer.total()
            enough = HALF_ALIKE if shared >= MANY_NUMBERS and others <= 1 else threshold
            if first < second and fewer <= more and similarity[row, column] >= 100 * enough:
                pairs.add((first, second))
    return pairs


def clusters(count: int, pairs: Sequence[tuple[int, int]]) -> list[int]:
    """The number of each of `count` items' cluster. Clusters are numbered from 0 in order of first appearance."""
    graph = networkx.Graph()
    graph.add_nodes_from(range(count))
    graph.add_edges_from(pairs)
    number = [0] * count
    for index, members in enumerate(sorted(networkx.connected_components(graph), key=min)):
        for member in members:
            number[member] = index
    return number
