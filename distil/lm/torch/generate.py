"""Generate replies to many prompts at once in PyTorch: what `distil.lm.generate` does with MLX.

Every step is one pass over packed tokens: the last token of each reply being written, and the whole prompts of those
that take up a slot that has just ended. So no slot waits, and a prompt is read in a pass that the others need anyway.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import mlx.core as mx
import torch
import torch.nn.functional as F
from mlx_lm.tokenizer_utils import TokenizerWrapper
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from distil.lm.generate import Reply, Sampler
from distil.lm.state import ADAPTER, CONFIG
from distil.lm.torch.model import PROJECTIONS, Attend, Config, Weights, hidden_states, joined, linear, load, widths
from distil.pipeline.files import InputError

READ_TOGETHER = 512
"""About how many prompt tokens are read in one pass: beyond it a pass grows no more efficient and needs more memory."""
ROOM = 64
"""Tokens by which the cache's room for a reply grows at a time."""
SLOTS_TOGETHER = 16
"""How many slots attend in one product: each group looks back only as far as its longest text."""


def load_to_answer(path: str, adapter: Path | None, compute: torch.dtype) -> Weights:
    """Load a model, put an adapter on it when there is one, and pack its weights for oneDNN.

    The low-rank products are added into the weights in float32, as MLX does on a CPU; in bfloat16 the sums are rounded
    once, an error of the size that every product's own rounding has. Raises InputError when the model or the adapter is
    missing or does not fit.
    """
    weights = load(path, compute)
    if adapter:
        fuse(weights, adapter)
    pack(weights)
    return weights


def fuse(weights: Weights, folder: Path) -> None:
    """Add an adapter in mlx-lm's layout to a model's weights. Raises InputError when it is missing or does not fit."""
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        scale = float(config["lora_parameters"]["scale"])
        tensors = load_file(folder / ADAPTER)
        for number, layer in enumerate(weights.layers):
            for ours, names in PROJECTIONS.items():
                target = getattr(layer, ours)
                outputs, inputs = target.weight.shape
                pairs = []
                for name, width in zip(names, widths(weights.config, ours, outputs), strict=True):
                    a = tensors.pop(f"model.layers.{number}.{name}.lora_a", torch.zeros(inputs, 0))
                    b = tensors.pop(f"model.layers.{number}.{name}.lora_b", torch.zeros(0, width))
                    if a.shape != (inputs, b.shape[0]) or b.shape[1] != width:
                        raise ValueError(f"layer {number}'s {name} has other sizes")
                    pairs.append((a, b))
                a, b = joined(pairs)
                fused = target.weight.to(torch.float32) + (scale * b.T) @ a.T
                target.weight = fused.to(target.weight.dtype)
        if tensors:
            raise ValueError(f"the model has no layer for {sorted(tensors)[0]}")
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise InputError(
            f"{folder} holds no adapter for this model: {error}. Run the stage that trains it (see `dvc dag`)."
        ) from error


def pack(weights: Weights) -> None:
    """Keep every linear layer's weights in the order that oneDNN's kernels read, where PyTorch has them."""
    if not torch.backends.mkldnn.is_available():
        return
    layers = [getattr(layer, ours) for layer in weights.layers for ours in PROJECTIONS]
    gates = [layer.gate_up for layer in weights.layers]
    for layer in [*layers, weights.head]:
        parts = layer.weight.chunk(2) if any(layer is gate for gate in gates) else [layer.weight]
        layer.packed = tuple(torch.ops.mkldnn._reorder_linear_weight(part.contiguous(), None) for part in parts)
        layer.weight = layer.weight[:0]  # the packed copy is the only one; a tied embedding keeps its own


@dataclass
class _Text:
    """A reply being written: the prompt's number, what is written so far, and the last token."""

    number: int
    last: int
    tokens: list[int] = field(default_factory=list)


class _Cache:
    """Keys and values of every layer for a fixed number of slots, each (slots, heads, room, head size)."""

    def __init__(self, config: Config, slots: int, dtype: torch.dtype):
        self.group = config.heads // config.kv_heads
        shape = (slots, config.kv_heads, 0, config.head_dim)
        self.keys = [torch.empty(shape, dtype=dtype) for _ in range(config.layers)]
        self.values = [torch.empty(shape, dtype=dtype) for _ in range(config.layers)]
        self.lengths = [0] * slots

    def make_room(self, length: int) -> None:
        """Let every slot hold `length` tokens."""
        if (missing := length - self.keys[0].shape[2]) > 0:
            missing += -length % ROOM
            for parts in (self.keys, self.values):
                for number, part in enumerate(parts):
                    parts[number] = F.pad(part, (0, 0, 0, missing))

    def move(self, source: int, target: int) -> None:
        """Put one slot's content in the place of another's."""
        length = self.lengths[source]
        for part in (*self.keys, *self.values):
            part[target, :, :length] = part[source, :, :length]
        self.lengths[target] = length

    def copy_start(self, source: int, targets: Sequence[int], length: int) -> None:
        """Give slots the first `length` tokens of another slot."""
        for part in (*self.keys, *self.values):
            for target in targets:
                part[target, :, :length] = part[source, :, :length]

    def attend(self, written: int, read: Sequence[tuple[int, int, int]]) -> Attend:
        """Attention of packed tokens: one of each of the first `written` slots, then prompts as (slot, start, length).

        A slot's length counts what is in the cache before this pass.
        """
        ends = torch.tensor(self.lengths[:written])
        masks = []
        for first in range(0, written, SLOTS_TOGETHER):
            group = ends[first : min(first + SLOTS_TOGETHER, written)]
            seen = torch.arange(int(group.max()) + 1) <= group[:, None]
            mask = torch.zeros(seen.shape, dtype=self.keys[0].dtype).masked_fill_(~seen, float("-inf"))
            masks.append((first, mask[:, None, None]))
        places = torch.arange(written)
        causal = {
            (start, length): torch.arange(start + length) <= torch.arange(start, start + length)[:, None]
            for _, start, length in read
        }

        def attend(number: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
            kept_keys, kept_values = self.keys[number], self.values[number]
            found = torch.empty_like(queries)
            if written:
                kept_keys[places, :, ends] = keys[:written]
                kept_values[places, :, ends] = values[:written]
                asked = queries[:written].view(written, keys.shape[1], self.group, -1)
                for first, mask in masks:
                    slots = slice(first, first + len(mask))
                    length = mask.shape[-1]
                    found[slots] = F.scaled_dot_product_attention(
                        asked[slots], kept_keys[slots, :, :length], kept_values[slots, :, :length], attn_mask=mask
                    ).reshape(len(mask), *queries.shape[1:])
            at = written
            for slot, start, length in read:
                kept_keys[slot, :, start : start + length] = keys[at : at + length].transpose(0, 1)
                kept_values[slot, :, start : start + length] = values[at : at + length].transpose(0, 1)
                found[at : at + length] = F.scaled_dot_product_attention(
                    queries[at : at + length].transpose(0, 1)[None],
                    kept_keys[slot : slot + 1, :, : start + length],
                    kept_values[slot : slot + 1, :, : start + length],
                    attn_mask=causal[start, length],
                    enable_gqa=True,
                )[0].transpose(0, 1)
                at += length
            return found

        return attend


def generate(
    weights: Weights,
    tokenizer: TokenizerWrapper,
    prompts: Sequence[list[int]],
    max_tokens: int,
    batch_size: int,
    samplers: Sequence[Sampler] | None = None,
) -> Iterator[tuple[int, Reply]]:
    """Yield (number of the prompt, reply) as replies end; greedy unless each prompt has a sampler.

    Prompts are taken up from the shortest to the longest; what they all begin with is read once.
    """
    slots = min(batch_size, len(prompts))
    cache = _Cache(weights.config, slots, weights.embedding.dtype)
    waiting = sorted(range(len(prompts)), key=lambda number: len(prompts[number]), reverse=True)
    shared = _shared_beginning(prompts)
    writing: list[_Text] = []
    with torch.inference_mode():
        if shared:
            cache.make_room(shared)
            _pass(weights, cache, [], [(0, 0, prompts[0][:shared])])
            cache.copy_start(0, range(1, slots), shared)
        while waiting or writing:
            taken: list[int] = []
            while waiting and len(writing) + len(taken) < slots:
                if taken and sum(len(prompts[number]) - shared for number in taken) >= READ_TOGETHER:
                    break
                taken.append(waiting.pop())
            read = [(len(writing) + place, shared, prompts[number][shared:]) for place, number in enumerate(taken)]
            for slot, start, tokens in read:
                cache.lengths[slot] = start + len(tokens)
            cache.make_room(max(cache.lengths[: len(writing) + len(read)]) + 1)
            logits = _pass(weights, cache, [text.last for text in writing], read)
            for slot in range(len(writing)):
                cache.lengths[slot] += 1
            writing += [_Text(number, -1) for number in taken]
            chosen = _choose(logits, [samplers[text.number] for text in writing] if samplers else None)
            for text, token in zip(writing, chosen, strict=True):
                text.last = token
                text.tokens.append(token)
            for slot in reversed(range(len(writing))):
                text = writing[slot]
                stopped = text.last in tokenizer.eos_token_ids
                if not stopped and len(text.tokens) < max_tokens:
                    continue
                words = tokenizer.decode(text.tokens[:-1] if stopped else text.tokens)
                yield text.number, Reply(words, len(text.tokens), "stop" if stopped else "length")
                last = writing.pop()
                if slot < len(writing):
                    cache.move(len(writing), slot)
                    writing[slot] = last


def _pass(
    weights: Weights, cache: _Cache, written: Sequence[int], read: Sequence[tuple[int, int, list[int]]]
) -> Tensor:
    """The logits after the last token of every text, (texts, vocabulary): of those being written, then those read."""
    parts = [(slot, start, len(tokens)) for slot, start, tokens in read]
    positions = cache.lengths[: len(written)] + [
        place for _, start, length in parts for place in range(start, start + length)
    ]
    tokens = [*written, *(token for _, _, part in read for token in part)]
    hidden = hidden_states(weights, torch.tensor(tokens), torch.tensor(positions), cache.attend(len(written), parts))
    ends = list(range(len(written)))
    for _, _, length in parts:
        ends.append((ends[-1] if len(ends) > len(written) else len(written) - 1) + length)
    return linear(hidden[ends], weights.head)


def _choose(logits: Tensor, samplers: Sequence[Sampler] | None) -> list[int]:
    """The next token of each text: the likeliest, or what its sampler draws from the same numbers that MLX's gets."""
    if samplers is None:
        return _likeliest(logits)
    rows = mx.array(logits.to(torch.float32).numpy())
    drawn = mx.concatenate([sample(rows[row : row + 1]) for row, sample in enumerate(samplers)])
    tokens: list[int] = drawn.tolist()  # type: ignore[assignment]
    return tokens


def _likeliest(logits: Tensor) -> list[int]:
    """The place of each row's largest number, the first of equals.

    Positive floats are in the order of their bits read as integers, and negative ones below them all. NumPy finds the
    largest integer in a tenth of the time that PyTorch takes for 16-bit floats.
    """
    bits = logits.view(torch.int16 if logits.element_size() == 2 else torch.int32)
    found: list[int] = bits.numpy().argmax(-1).tolist()
    if (logits[torch.arange(len(found)), found] <= 0).any():
        found = logits.max(-1).indices.tolist()
    return found


def _shared_beginning(prompts: Sequence[list[int]]) -> int:
    """How many first tokens all prompts have in common; of one prompt none, and never a whole prompt."""
    if len(prompts) < 2:
        return 0
    least, most = min(prompts), max(prompts)
    limit = min(len(prompt) for prompt in prompts) - 1
    return next((place for place in range(limit) if least[place] != most[place]), limit)
