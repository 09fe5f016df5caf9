"""Shared word n-grams between training questions and a benchmark: the usual check for contamination."""

from collections.abc import Iterable

from stages.train_split.clusters import normalised


def ngrams(question: str, n: int) -> set[tuple[str, ...]]:
    """Every run of `n` words, numbers or signs of a normalised question; empty when it is shorter."""
    words = normalised(question).split()
    return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}


def overlapping(benchmark: Iterable[str], training: Iterable[str], n: int) -> int:
    """How many benchmark questions share at least one n-gram with any training question."""
    seen: set[tuple[str, ...]] = set()
    for question in training:
        seen |= ngrams(question, n)
    return sum(not seen.isdisjoint(ngrams(question, n)) for question in benchmark)
