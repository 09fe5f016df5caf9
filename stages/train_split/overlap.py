"""Shared word n-grams between training questions and a benchmark: the usual check for contamination."""

from collections.abc import Iterable, Mapping, Sequence

from distil.pipeline.files import InputError
from distil.pipeline.records import Fold
from stages.train_split.clusters import normalised


def ngrams(question: str, n: int) -> set[tuple[str, ...]]:
    """Every run of `n` words, numbers or signs of a normalised question. Empty when the question is shorter."""
    words = normalised(question).split()
    return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}


def overlapping(questions: Iterable[str], others: Iterable[str], n: int) -> list[bool]:
    """For each question, whether it shares at least one n-gram with any of the others."""
    seen: set[tuple[str, ...]] = set()
    for other in others:
        seen |= ngrams(other, n)
    return [not seen.isdisjoint(ngrams(question, n)) for question in questions]


def without_overlap(fold: Fold, questions: Mapping[str, str], judged: Sequence[str], n: int) -> Fold:
    """The fold without the rows that share an n-gram with a question of `judged`. Their problems become unused.

    Raises InputError when no row to train on or to validate on is left.
    """
    names = [*fold.train, *fold.valid]
    shares = overlapping((questions[name] for name in names), (questions[name] for name in judged), n)
    removed = {name for name, shared in zip(names, shares, strict=True) if shared}
    train, valid = ([name for name in part if name not in removed] for part in (fold.train, fold.valid))
    if not train or not valid:
        raise InputError(
            f"train_split.remove_overlapping leaves {len(train)} of {len(fold.train)} rows to train on and "
            f"{len(valid)} of {len(fold.valid)} to validate on: the others share {n} words in a row with a question "
            "that is judged. Raise train_split.overlap_words."
        )
    return fold.model_copy(update={"train": train, "valid": valid, "unused": sorted([*fold.unused, *removed])})
