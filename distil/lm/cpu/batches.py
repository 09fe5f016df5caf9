"""Leave out of mlx-lm's batched generation what costs a CPU most: unread log probabilities, copies of the cache."""

import mlx.core as mx
from mlx_lm.generate import GenerationBatch
from mlx_lm.models.cache import BatchKVCache

CACHE_STEP = 16
"""The room for a batch's keys and values grows by so many tokens. mlx-lm grows it by 256 and copies them all, used or
not, whenever rows leave the batch: on a CPU this takes most of the time of short answers.
"""


def use_in_mlx_lm() -> None:
    """Let every BatchGenerator of this process write its tokens this way. Calling it again changes nothing."""
    BatchKVCache.step = CACHE_STEP
    GenerationBatch._step = _step


def _step(batch: GenerationBatch) -> tuple[list[int], list[None]]:
    """Return each row's token and start on the next ones, without the log probabilities.

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
    # the next tokens are computed while this process decodes and stores the last ones
    mx.async_eval(batch._next_tokens)
    written: list[int] = tokens.tolist()
    for text, token in zip(batch.tokens, written, strict=True):
        text.append(token)
    return written, nothing
