"""Generate replies to many prompts at once with mlx-lm's continuous batching."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Literal

import mlx.core as mx
import mlx.nn as nn
from mlx_lm.generate import BatchGenerator, GenerationBatch
from mlx_lm.models.cache import BatchKVCache
from mlx_lm.tokenizer_utils import TokenizerWrapper

BatchKVCache.step = 16
"""Tokens that a batch's keys and values make room for at a time. mlx-lm's 256 are copied, used or not, whenever rows
leave the batch: most of the time that short answers take on a CPU."""
STEPS_BETWEEN_CHANGES = 8
"""How many tokens are written before ended rows leave the batch and new ones enter: each change copies the batch."""


def _step(batch: GenerationBatch) -> tuple[list[int], list[None]]:
    """Return each row's token and start on the next ones, without the log probabilities that nobody reads here.

    mlx-lm's own step computes them over the whole vocabulary and cuts them into an array per row: a quarter of the
    time at 512 rows of the tiny student. Samplers get the logits, which differ from log probabilities by a constant.
    """
    tokens = batch._next_tokens
    logits = batch.model(tokens[:, None], cache=batch.prompt_cache)[:, -1, :]
    if len(set(batch.samplers)) > 1:
        drawn = [sample(logits[row : row + 1]) for row, sample in enumerate(batch.samplers)]
        batch._next_tokens = mx.concatenate(drawn)
    else:
        batch._next_tokens = batch.samplers[0](logits)
    batch._next_logprobs = nothing = [None] * len(batch.uids)
    mx.async_eval(batch._next_tokens)
    written: list[int] = tokens.tolist()
    for text, token in zip(batch.tokens, written, strict=True):
        text.append(token)
    return written, nothing


GenerationBatch._step = _step

Sampler = Callable[[mx.array], mx.array]


@dataclass(frozen=True)
class Reply:
    """A generated text; `tokens` counts the end-of-text token too, `finish_reason` is `length` at the token cap."""

    text: str
    tokens: int
    finish_reason: Literal["stop", "length"]


def generate(
    model: nn.Module,
    tokenizer: TokenizerWrapper,
    prompts: Sequence[list[int]],
    max_tokens: int,
    batch_size: int,
    samplers: Sequence[Sampler] | None = None,
) -> Iterator[tuple[int, Reply]]:
    """Yield (number of the prompt, reply) as replies end; greedy unless each prompt has a sampler.

    Prompts are taken up from the shortest to the longest, so that those read together need little padding.
    """
    generator = BatchGenerator(
        model,
        max_tokens=max_tokens,
        stop_tokens=[],
        completion_batch_size=batch_size,
        prefill_batch_size=(batch_size + 1) // 2,  # closer in length than all together, so that less is padded
    )
    ends = tokenizer.eos_token_ids
    order = sorted(range(len(prompts)), key=lambda number: len(prompts[number]))
    uids = generator.insert(
        [prompts[number] for number in order], samplers=[samplers[number] for number in order] if samplers else None
    )
    number_of, written = dict(zip(uids, order, strict=True)), {uid: list[int]() for uid in uids}
    ended: list[int] = []
    try:
        for step in count(1):
            for response in generator.next_generated():
                if (tokens := written.get(response.uid)) is None:  # it has ended, and leaves the batch with the next
                    continue
                tokens.append(response.token)
                if stopped := response.token in ends:
                    ended.append(response.uid)
                if stopped or response.finish_reason:
                    text = tokenizer.decode(tokens[:-1] if stopped else tokens)
                    yield number_of[response.uid], Reply(text, len(tokens), "stop" if stopped else "length")
                    del written[response.uid]
            if not written:
                break
            if step % STEPS_BETWEEN_CHANGES == 0:
                generator.remove(ended)
                ended.clear()
    finally:
        generator.close()


def sampler(temperature: float, seed: int) -> Sampler:
    """A sampler with a random generator of its own, so that what others in the batch draw does not change its text."""
    key = mx.random.key(seed)

    def sample(logprobs: mx.array) -> mx.array:
        nonlocal key
        key, now = mx.random.split(key)
        return mx.random.categorical(logprobs / temperature, key=now)

    return sample
