"""Near-duplicate questions: the same problem printed twice, in another section or year, perhaps in other words."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import networkx
import numpy
from rapidfuzz import fuzz, process

from distil.verifier.reading import read

ROWS_AT_ONCE = 512
"""Bounds a similarity matrix at ROWS_AT_ONCE x (questions with one key) bytes."""
MANY_NUMBERS, HALF_ALIKE = 3, 0.55
"""With one key, this many numbers shared and at most one not shared, this similarity makes one problem already."""


def normalised(question: str) -> str:
    """Lower-case words, numbers and signs, one space between them."""
    return " ".join(re.findall(r"[^\W\d_]+|\d+|[^\w\s]|_", question.lower()))


def template(question: str) -> str:
    """The normalised question with every number masked: what two questions share that differ in numbers only."""
    return re.sub(r"\d+", "#", normalised(question))


def near_duplicates(questions: Sequence[str], keys: Sequence[str], threshold: float) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, of questions that are one problem.

    One text is one problem. Otherwise two questions are one problem only if their keys are equal (in the verifier's
    canonical form), for contests reuse a wording with other numbers, and if one of these holds:

    - They have exactly the same numbers, two or more, in whatever order and words.
    - The numbers of one are among those of the other, and their words are alike: rapidfuzz's `token_sort_ratio` of the
      normalised texts is at least `threshold`, or at least HALF_ALIKE where they share MANY_NUMBERS or more and all
      but one.

    So what differs in words and has one number or none is missed. docs/metrics.md says how often.
    """
    texts = [normalised(question) for question in questions]
    numbers = [Counter(re.findall(r"\d+", text)) for text in texts]
    same_text, same_key = defaultdict(list), defaultdict(list)
    for place, (text, key) in enumerate(zip(texts, keys, strict=True)):
        same_text[text].append(place)
        # the canonical form, so that keys spelled 1/2 and 0.5 fall into one group
        same_key[read(key).canonical.casefold()].append(place)
    pairs = {pair for group in same_text.values() for pair in _all_pairs(group)}
    for group in same_key.values():
        same_numbers = defaultdict(list)
        for place in group:
            # one shared number is no evidence: many questions have a small number in common
            if numbers[place].total() > 1:
                same_numbers[frozenset(numbers[place].items())].append(place)
        pairs |= {pair for members in same_numbers.values() for pair in _all_pairs(members)}
        pairs |= _alike(group, texts, numbers, threshold)
    return sorted(pairs)


def _all_pairs(group: Sequence[int]) -> set[tuple[int, int]]:
    return {(first, second) for place, first in enumerate(group) for second in group[place + 1 :]}


def _alike(
    group: Sequence[int], texts: Sequence[str], numbers: Sequence[Counter[str]], threshold: float
) -> set[tuple[int, int]]:
    """The pairs of a group of questions with one key whose numbers and words are alike."""
    pairs = set()
    # by blocks of rows, since all pairs of a frequent key would not fit into memory
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
            # the rows of a block meet themselves in the columns, too: `first < second` below takes each pair once
            fewer, more = sorted((numbers[first], numbers[second]), key=Counter.total)
            shared, others = fewer.total(), more.total() - fewer.total()
            enough = HALF_ALIKE if shared >= MANY_NUMBERS and others <= 1 else threshold
            if first < second and fewer <= more and similarity[row, column] >= 100 * enough:
                pairs.add((first, second))
    return pairs


def clusters(count: int, pairs: Sequence[tuple[int, int]]) -> list[int]:
    """Number of the cluster of each of `count` items, numbered from 0 in order of first appearance."""
    graph = networkx.Graph()
    graph.add_nodes_from(range(count))
    graph.add_edges_from(pairs)
    number = [0] * count
    for index, members in enumerate(sorted(networkx.connected_components(graph), key=min)):
        for member in members:
            number[member] = index
    return number
