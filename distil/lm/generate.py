"""Generate replies to many prompts at once with mlx-lm's continuous batching."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Literal

import mlx.core as mx
import mlx.nn as nn
from mlx_lm.generate import BatchGenerator
from mlx_lm.tokenizer_utils import TokenizerWrapper

from distil.lm.cpu import batches

STEPS_BETWEEN_CHANGES = 8
"""How many tokens are written before ended rows leave the batch and new ones enter: each change copies the batch."""

Sampler = Callable[[mx.array], mx.array]


@dataclass(frozen=True)
class GeneratedReply:
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
) -> Iterator[tuple[int, GeneratedReply]]:
    """Yield (number of the prompt, reply) as replies end; greedy unless each prompt has a sampler.

    Prompts are taken up from the shortest to the longest, so that those read together need little padding.
    """
    batches.use_in_mlx_lm()
    generator = BatchGenerator(
        model,
        max_tokens=max_tokens,
        # the loop below decides when a reply ends: a row that mlx-lm ends changes the batch at once, which costs a copy
        stop_tokens=[],
        completion_batch_size=batch_size,
        prefill_batch_size=(batch_size + 1) // 2,  # these are closer in length than the whole set, so less is padded
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
                    yield number_of[response.uid], GeneratedReply(text, len(tokens), "stop" if stopped else "length")
                    del written[response.uid]
            if not written:
                break
            if step % STEPS_BETWEEN_CHANGES == 0:
                generator.remove(ended)
                ended.clear()
    finally:
        generator.close()


def sampler(temperature: float, seed: int) -> Sampler:
    """A sampler with its own random generator, so that other prompts in the batch cannot change its text."""
    key = mx.random.key(seed)

    def sample(logprobs: mx.array) -> mx.array:
        nonlocal key
        key, now = mx.random.split(key)
        return mx.random.categorical(logprobs / temperature, key=now)

    return sample
