"""Training rows as tokens, and batches of rows of similar length. Every row is used, and none is cut."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import mlx.core as mx
import numpy as np
from mlx_lm.tokenizer_utils import TokenizerWrapper

from distil.lm.template import row_tokens
from distil.pipeline.files import InputError, read_jsonl
from distil.pipeline.records import Example


@dataclass(frozen=True)
class Row:
    """A tokenised chat row; the loss counts the tokens from `prompt` on, the reply's."""

    problem_id: str
    tokens: list[int]
    prompt: int

    @property
    def reply(self) -> int:
        """How many tokens the loss counts."""
        return len(self.tokens) - self.prompt


class TrainingBatch(NamedTuple):
    """A batch of rows, and the positions of the tokens that the loss counts.

    `inputs` are (rows, length); `positions` index the flattened inputs whose next token counts, `targets` are those
    next tokens and `weights` one for each, zero for padding: all three (tokens,).
    """

    inputs: mx.array
    positions: mx.array
    targets: mx.array
    weights: mx.array


def read_rows(path: Path, tokenizer: TokenizerWrapper, max_seq_length: int) -> tuple[list[Row], list[str]]:
    """Read chat rows; returns those of at most `max_seq_length` tokens and the problem ids of the longer ones.

    A row is never cut: its end holds the answer. Raises InputError when the file is missing or malformed, when no row
    is left, or when a row has no tokens beyond its prompt.
    """
    rows, dropped = [], []
    for example in read_jsonl(path, Example):
        tokens, prompt = row_tokens(tokenizer, example.messages)
        if not 0 < prompt < len(tokens):
            raise InputError(
                f"{path}, problem {example.problem_id}: the row has {len(tokens)} tokens, {prompt} of them the prompt; "
                "the loss has nothing to learn from. Check the model's chat template."
            )
        if len(tokens) > max_seq_length:
            dropped.append(example.problem_id)
        else:
            rows.append(Row(example.problem_id, tokens, prompt))
    if not rows:
        raise InputError(
            f"{path} has no row of at most {max_seq_length} tokens ({len(dropped)} longer ones). "
            "Raise lora_seed.max_seq_length, or check what train_split accepted (metrics/train_split.json)."
        )
    return rows, dropped


def epoch(lengths: Sequence[int], batch_size: int, generator: np.random.Generator) -> list[list[int]]:
    """One pass over all rows as batches of row numbers: rows of like length together, batches in random order.

    The last, short batch falls anywhere along the lengths, so that it is not always the longest rows that form it.
    """
    # shuffle first and sort stably: rows of one length come in another order in each epoch
    shuffled = generator.permutation(len(lengths))
    by_length = shuffled[np.argsort(np.asarray(lengths)[shuffled], kind="stable")]
    whole, rest = divmod(len(lengths), batch_size)
    sizes = generator.permutation([batch_size] * whole + [rest] * (rest > 0))
    batches = np.split(by_length, np.cumsum(sizes)[:-1])
    return [batches[number].tolist() for number in generator.permutation(len(batches))]


def schedule(lengths: Sequence[int], batch_size: int, seed: int, start: int = 0) -> Iterator[list[int]]:
    """Yield batches without end, from batch number `start` on; `seed` decides their order."""
    # each epoch has a generator of its own, so that a resumed run need not draw the epochs before
    number, position = divmod(start, -(-len(lengths) // batch_size))
    while True:
        yield from epoch(lengths, batch_size, np.random.default_rng([seed, number]))[position:]
        number, position = number + 1, 0


def collate(rows: Sequence[Row], multiple: int = 1) -> TrainingBatch:
    """Pad rows to their longest; lengths and the number of reply tokens are rounded up to a `multiple`.

    Rounding keeps shapes few where each new one costs a compilation.
    """
    length = _rounded(max(len(row.tokens) for row in rows), multiple)
    tokens = np.zeros((len(rows), length), np.int32)
    for line, row in zip(tokens, rows, strict=True):
        line[: len(row.tokens)] = row.tokens
    place = np.arange(length)
    # True from a reply's first token to its last one, end token included
    replies = (place >= [[row.prompt] for row in rows]) & (place < [[len(row.tokens)] for row in rows])
    number, position = np.nonzero(replies)
    padding = (0, _rounded(max(len(number), 1), multiple) - len(number))
    return TrainingBatch(
        mx.array(tokens[:, :-1]),
        # the position before a token predicts it, hence - 1; padding repeats position 0 with weight 0
        mx.array(np.pad(number * (length - 1) + position - 1, padding).astype(np.int32)),
        mx.array(np.pad(tokens[number, position], padding)),
        mx.array(np.pad(np.ones(len(number), np.float32), padding)),
    )


def _rounded(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
