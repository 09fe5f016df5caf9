"""Let a model, with or without an adapter, continue prompts, on either backend."""

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Literal

from mlx_lm.tokenizer_utils import TokenizerWrapper

from distil.lm import state
from distil.lm.checkpoints import load, tokenizer_for, with_adapter
from distil.lm.generate import GeneratedReply, Sampler, generate
from distil.lm.progress import LmParams
from distil.lm.torch import require_torch

Writer = Callable[[list[list[int]], int, list[Sampler] | None, Collection[int]], Iterator[tuple[int, GeneratedReply]]]
"""Writes replies. Arguments: prompts, the most tokens of a reply, a sampler for each prompt (None for greedy), and the
numbers of prompts with known replies (MLX writes those again)."""


def computing(backend: Literal["mlx", "torch"], lm: LmParams) -> state.Inputs:
    """The libraries and settings that the last bits of a reply depend on."""
    if backend == "mlx":
        return state.computing()
    require_torch()
    from distil.lm.torch.train import computing as torch_computing  # PyTorch is optional, and slow to import

    return torch_computing(lm)


def writer(
    base: str, adapter: Path | None, backend: Literal["mlx", "torch"], lm: LmParams, batch_size: int
) -> tuple[Writer, TokenizerWrapper]:
    """A function that writes a model's replies, `batch_size` at once, and the model's tokenizer.

    Raises InputError when the model, the adapter or the backend is missing or does not fit.
    """
    if backend == "torch":
        require_torch()
        import torch  # optional, and slow to import

        from distil.lm.torch.generate import generate as generate_torch
        from distil.lm.torch.generate import load_to_answer

        torch.set_num_threads(lm.threads)
        weights, tokenizer = load_to_answer(base, adapter, getattr(torch, lm.compute)), tokenizer_for(base)
        return lambda prompts, most, samplers, known: generate_torch(
            weights, tokenizer, prompts, most, batch_size, samplers, known
        ), tokenizer
    model, tokenizer = load(base)
    model = with_adapter(model, adapter) if adapter else model
    return lambda prompts, most, samplers, _: generate(model, tokenizer, prompts, most, batch_size, samplers), tokenizer
