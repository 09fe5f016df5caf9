"""Near-duplicate questions: the same problem printed twice, in another section or year, perhaps reworded a little."""

import re
from collections.abc import Sequence

import networkx
import numpy
from rapidfuzz import fuzz, process

ROWS_AT_ONCE = 512  # bounds the similarity matrix at ROWS_AT_ONCE x len(questions) bytes


def normalised(question: str) -> str:
    """Lower-case words, numbers and signs, one space between them."""
    return " ".join(re.findall(r"[^\W\d_]+|\d+|[^\w\s]|_", question.lower()))


def near_duplicates(questions: Sequence[str], threshold: float) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, of questions that are one problem.

    Two questions are one problem when their normalised texts' Indel similarity (rapidfuzz `ratio`, 0 to 1) is at least
    `threshold` and the numbers of one occur, in order, among the numbers of the other: contests reuse a wording with
    other numbers, and that is another problem.
    """
    texts = [normalised(question) for question in questions]
    numbers = [re.findall(r"\d+", text) for text in texts]
    pairs = []
    for start in range(0, len(texts), ROWS_AT_ONCE):
        similar = process.cdist(
            texts[start : start + ROWS_AT_ONCE],
            texts[start:],
            scorer=fuzz.ratio,
            score_cutoff=100 * threshold,
            dtype=numpy.uint8,
            workers=1,
        )
        for row, column in zip(*numpy.nonzero(similar), strict=True):
            first, second = start + int(row), start + int(column)
            if first < second and _one_contains_the_other(numbers[first], numbers[second]):
                pairs.append((first, second))
    return pairs


def _one_contains_the_other(a: list[str], b: list[str]) -> bool:
    longer, shorter = (iter(a), b) if len(a) >= len(b) else (iter(b), a)
    return all(number in longer for number in shorter)  # `in` consumes the iterator: a subsequence test


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
