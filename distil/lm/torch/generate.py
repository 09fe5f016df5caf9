"""Generate replies to many prompts at once in PyTorch: what `distil.lm.generate` does with MLX.

A reply depends on its own prompt, on what all prompts begin with and on `batch_size`, to the last bit. So each can be
kept as it ends, and a run that goes on after a kill writes what the whole run would have written. A product's last bits
depend on how many rows it has (docs/log.md), so every step of writing has `batch_size` rows, however few replies are
left, and every prompt is read in a pass of its own. The last bits of attention depend on nothing else once the length
is a multiple of `WHOLE`. What all prompts begin with is read once.

Rows that no text needs hold guesses of how texts that repeat themselves go on (prompt lookup decoding, over the reply
alone). A guess that the model's own choice confirms is a step saved. The last replies of a run are mostly such texts: a
model caught in a loop writes up to the cap. Greedy texts alone are guessed at.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import mlx.core as mx
import torch
import torch.nn.functional as F
from mlx_lm.tokenizer_utils import TokenizerWrapper
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from distil.lm.generate import GeneratedReply, Sampler
from distil.lm.state import ADAPTER, CONFIG
from distil.lm.torch.model import PROJECTIONS, Attend, Config, Weights, hidden_states, joined, linear, load, widths
from distil.pipeline.files import InputError

WHOLE = {torch.bfloat16: 64, torch.float32: 256}
"""Attention looks back over a multiple of this many tokens, masked: so its sums are taken in the same order."""
ROOM = 64
"""Tokens by which the cache's room for a reply grows at a time."""
REPEATED = 4
"""A text whose last tokens, this many, stand in it already is guessed to go on as it did there."""


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
        if (kind := config.get("fine_tune_type", "lora")) != "lora":
            raise InputError(
                f"answers.backend: torch reads LoRA alone, and {folder} was trained with fine_tune_type {kind}. Set "
                "answers.backend to mlx for it."
            )
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
        layer.weight = layer.weight.new_empty(0, 0)  # the packed copy is the only one; a tied embedding keeps its own


@dataclass
class _Text:
    """A reply being written: the prompt's number, the prompt's length in tokens, and what is written so far."""

    number: int
    prompt: int
    tokens: list[int] = field(default_factory=list)

    def guess(self) -> list[int]:
        """What followed where the last tokens were written before, as many tokens as agree there."""
        last = self.tokens[-REPEATED:]
        for end in range(len(self.tokens) - 1, REPEATED - 1, -1):
            if self.tokens[end - 1] == last[-1] and self.tokens[end - REPEATED : end] == last:
                period, agreed = len(self.tokens) - end, REPEATED
                while agreed < end and self.tokens[end - agreed - 1] == self.tokens[-agreed - 1]:
                    agreed += 1
                return [self.tokens[end + step % period] for step in range(agreed)]
        return []


class Cache:
    """Keys and values of every layer for a fixed number of slots, each (slots, heads, room, head size).

    `lengths` is how many tokens each slot holds. One that waits for a prompt holds the shared beginning.
    """

    def __init__(self, config: Config, slots: int, dtype: torch.dtype):
        self.group = config.heads // config.kv_heads
        self.whole = WHOLE[dtype]
        shape = (slots, config.kv_heads, 0, config.head_dim)
        self.keys = [torch.empty(shape, dtype=dtype) for _ in range(config.layers)]
        self.values = [torch.empty(shape, dtype=dtype) for _ in range(config.layers)]
        self.lengths = [0] * slots

    def make_room(self, length: int) -> None:
        """Let every slot hold `length` tokens."""
        if length > self.keys[0].shape[2]:
            missing = _rounded_up(length, max(ROOM, self.whole)) - self.keys[0].shape[2]
            for parts in (self.keys, self.values):
                for number, part in enumerate(parts):
                    parts[number] = F.pad(part, (0, 0, 0, missing))

    def share(self, length: int) -> None:
        """Give every slot the first `length` tokens of the first."""
        for part in (*self.keys, *self.values):
            part[1:, :, :length] = part[:1, :, :length]
        self.lengths = [length] * len(self.lengths)

    def reading(self, slot: int, length: int) -> Attend:
        """Attention of a prompt's next `length` tokens, after those that the slot holds."""
        start = self.lengths[slot]
        causal = torch.arange(start + length) <= torch.arange(start, start + length)[:, None]

        def attend(number: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
            kept_keys, kept_values = self.keys[number][slot], self.values[number][slot]
            kept_keys[:, start : start + length] = keys.transpose(0, 1)
            kept_values[:, start : start + length] = values.transpose(0, 1)
            return F.scaled_dot_product_attention(
                queries.transpose(0, 1)[None],
                kept_keys[None, :, : start + length],
                kept_values[None, :, : start + length],
                attn_mask=causal,
                enable_gqa=True,
            )[0].transpose(0, 1)

        return attend

    def writing(self, drafts: Mapping[int, Sequence[int]]) -> Attend:
        """Attention of the rows of a step: for each slot in `drafts` its next tokens, one row a token.

        Rows after those find zeros.
        """
        at = [(slot, self.lengths[slot] + step) for slot, draft in drafts.items() for step in range(len(draft))]
        slots, places = torch.tensor(at).T
        runs = []
        for run in self.runs(drafts):
            seen = torch.arange(run.length) <= places[run.rows, None]
            mask = torch.zeros(seen.shape, dtype=self.keys[0].dtype).masked_fill_(~seen, float("-inf"))
            runs.append((run, mask[:, None, None]))

        def attend(number: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
            kept_keys, kept_values = self.keys[number], self.values[number]
            kept_keys[slots, :, places], kept_values[slots, :, places] = keys[: len(slots)], values[: len(slots)]
            found = torch.zeros_like(queries)
            asked = queries.view(*keys.shape[:2], self.group, -1)
            for run, mask in runs:
                found[run.rows] = F.scaled_dot_product_attention(
                    asked[run.rows],
                    kept_keys[run.slots, :, : run.length].expand(len(mask), -1, -1, -1),
                    kept_values[run.slots, :, : run.length].expand(len(mask), -1, -1, -1),
                    attn_mask=mask,
                ).reshape(found[run.rows].shape)
            return found

        return attend

    def runs(self, drafts: Mapping[int, Sequence[int]]) -> list["_Run"]:
        """Cut the rows of a step into those that attend in one product."""
        found: list[_Run] = []
        row = 0
        for slot, draft in drafts.items():
            reaches = [_rounded_up(self.lengths[slot] + step + 1, self.whole) for step in range(len(draft))]
            for length, same in groupby(reaches):
                run = _Run(slice(slot, slot + 1), slice(row, row := row + len(list(same))), length)
                if found and (both := found[-1].joined(run)):
                    found[-1] = both
                else:
                    found.append(run)
        return found


class _Run(NamedTuple):
    """Rows of a step that look back equally far, `length` tokens: several of one slot, or one of each of neighbours."""

    slots: slice
    rows: slice
    length: int

    def joined(self, other: "_Run") -> "_Run | None":
        """One run of both where they are neighbours and each slot has one row, or None."""
        slots, rows = slice(self.slots.start, other.slots.stop), slice(self.rows.start, other.rows.stop)
        single = slots.stop - slots.start == rows.stop - rows.start
        together = single and self.slots.stop == other.slots.start and self.length == other.length
        return _Run(slots, rows, self.length) if together else None


def _rounded_up(length: int, unit: int) -> int:
    return length + -length % unit


def generate(
    weights: Weights,
    tokenizer: TokenizerWrapper,
    prompts: Sequence[list[int]],
    max_tokens: int,
    batch_size: int,
    samplers: Sequence[Sampler] | None = None,
    known: Collection[int] = (),
) -> Iterator[tuple[int, GeneratedReply]]:
    """Yield (number of the prompt, reply) as replies end; greedy unless each prompt has a sampler.

    Prompts are taken up in their order. `known` numbers those whose replies are not asked for any more: the others'
    are what they are without it.
    """
    rows = min(batch_size, len(prompts))
    waiting = [number for number in range(len(prompts)) if number not in known][::-1]
    slots = min(rows, len(waiting))
    cache = Cache(weights.config, slots, weights.embedding.dtype)
    shared = _shared_beginning(prompts)
    writing: dict[int, _Text] = {}
    with torch.inference_mode():
        if shared:
            _read(weights, cache, 0, prompts[0][:shared])
            cache.share(shared)
        while waiting or writing:
            drafts = _drafts(writing, 0 if waiting or samplers else rows - len(writing), max_tokens)
            logits = next_logits(weights, cache, drafts, rows)
            for slot in range(slots):
                if waiting and slot not in writing:
                    prompt = prompts[number := waiting.pop()]
                    writing[slot] = _Text(number, len(prompt))
                    logits[len(drafts)] = _read(weights, cache, slot, prompt[shared:])
                    drafts[slot] = prompt[-1:]
            in_use = [samplers[writing[slot].number] for slot in drafts] if samplers else None
            chosen = _choose(logits[: sum(map(len, drafts.values()))], in_use)
            for slot, draft in drafts.items():
                text = writing[slot]
                text.tokens += _confirmed(draft, chosen)
                del chosen[: len(draft)]
                cache.lengths[slot] = text.prompt + len(text.tokens) - 1
                stopped = text.tokens[-1] in tokenizer.eos_token_ids
                if stopped or len(text.tokens) == max_tokens:
                    words = tokenizer.decode(text.tokens[:-1] if stopped else text.tokens)
                    yield text.number, GeneratedReply(words, len(text.tokens), "stop" if stopped else "length")
                    cache.lengths[slot] = shared
                    del writing[slot]


def _drafts(writing: Mapping[int, _Text], free: int, max_tokens: int) -> dict[int, list[int]]:
    """The rows of a step, by slot: each text's last token, and as far as rows are `free`, what probably follows it.

    The surest guess comes first: the text that repeats itself longest.
    """
    texts = sorted(writing.items())
    guesses = {slot: text.guess()[: max_tokens - len(text.tokens) - 1] for slot, text in texts if free}
    for slot in sorted(guesses, key=lambda slot: -len(guesses[slot])):
        guesses[slot] = guesses[slot][:free]
        free -= len(guesses[slot])
    return {slot: [text.tokens[-1], *guesses.get(slot, [])] for slot, text in texts}


def _confirmed(draft: Sequence[int], chosen: Sequence[int]) -> Sequence[int]:
    """The tokens chosen after those of a draft, up to the first that the draft did not foresee."""
    right = 0
    while right + 1 < len(draft) and chosen[right] == draft[right + 1]:
        right += 1
    return chosen[: right + 1]


def _read(weights: Weights, cache: Cache, slot: int, tokens: list[int]) -> Tensor:
    """The logits (vocabulary,) after a slot's next tokens."""
    start = cache.lengths[slot]
    cache.make_room(start + len(tokens))
    positions = torch.arange(start, start + len(tokens))
    hidden = hidden_states(weights, torch.tensor(tokens), positions, cache.reading(slot, len(tokens)))
    return linear(hidden[-1:], weights.head)[0]


def next_logits(weights: Weights, cache: Cache, drafts: Mapping[int, Sequence[int]], rows: int) -> Tensor:
    """The logits (rows, vocabulary) after each token of each draft, in their order; rows after those mean nothing."""
    if not drafts:
        return weights.embedding.new_empty(rows, len(weights.embedding))
    tokens, positions = torch.zeros(rows, dtype=torch.long), torch.zeros(rows, dtype=torch.long)
    row = 0
    for slot, draft in drafts.items():
        part = slice(row, row := row + len(draft))
        tokens[part] = torch.tensor(draft)
        positions[part] = torch.arange(cache.lengths[slot], cache.lengths[slot] + len(draft))
    cache.make_room(int(positions.max()) + 1)
    return linear(hidden_states(weights, tokens, positions, cache.writing(drafts)), weights.head)


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
