"""The qwen2 and llama architectures as functions on a dataclass of weights: one definition trains and answers.

Rows are packed: hidden states are (tokens, width), the rows one after the other without padding. The caller passes the
attention: in training each row attends to itself, in answering to a cache.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import safe_open
from torch import Tensor
from torch.utils.checkpoint import checkpoint as recompute

from distil.lm.torch import kernels
from distil.pipeline.files import InputError

ARCHITECTURES = ("llama", "qwen2")
PROJECTIONS = {
    "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "o": ("self_attn.o_proj",),
    "gate_up": ("mlp.gate_proj", "mlp.up_proj"),
    "down": ("mlp.down_proj",),
}
"""Our linear layers. Each computes the outputs of these layers of the checkpoint in one product, in this order."""

Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""Attention of a layer: its number, queries, keys and values, each (tokens, heads, head size), to the same shape."""


@dataclass(frozen=True)
class Config:
    """A model's shape, from `config.json`."""

    hidden_size: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    eps: float
    rope_theta: float


@dataclass
class LowRank:
    """A LoRA adapter of one linear layer: adds scale x @ a @ b. `a` (in, rank) and `b` (rank, out) are float32.

    Of a layer that computes several of the checkpoint's, `rank` counts all of theirs and `b` is zero outside each
    one's own block.
    """

    a: Tensor
    b: Tensor
    scale: float


@dataclass
class Linear:
    """One linear layer: `weight` (out, in), `bias` (out,) or None, and its adapter, if it has one.

    `packed` is the weight in the order in which oneDNN's kernels read it, with gate and up separate. It is only for
    answering.
    """

    weight: Tensor
    bias: Tensor | None = None
    adapter: LowRank | None = None
    packed: tuple[Tensor, ...] = ()


@dataclass
class Layer:
    """One transformer block: two norms' weights and four linear layers."""

    input_norm: Tensor
    qkv: Linear
    o: Linear
    post_norm: Tensor
    gate_up: Linear
    down: Linear


@dataclass
class Weights:
    """A whole model; `head` shares the embedding's memory where the checkpoint ties them."""

    config: Config
    embedding: Tensor
    layers: list[Layer]
    norm: Tensor
    head: Linear


def load(path: str | Path, dtype: torch.dtype) -> Weights:
    """Read a model from a folder in Hugging Face's layout (safetensors, not quantised).

    Raises InputError when the folder is incomplete or holds something that this file does not compute.
    """
    folder = Path(path)
    if not (folder / "config.json").is_file():
        raise InputError(f"lora_seed.model: {path} holds no model (no config.json).")
    raw = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config = read_config(raw, str(path))
    try:
        tensors: dict[str, Tensor] = {}
        for file in sorted(folder.glob("model*.safetensors")):
            with safe_open(file, framework="pt") as opened:
                tensors |= {name: opened.get_tensor(name).to(dtype) for name in opened.keys()}  # noqa: SIM118
        embedding = tensors["model.embed_tokens.weight"]
        layers = [_layer(tensors, f"model.layers.{number}") for number in range(config.layers)]
        head = embedding if raw.get("tie_word_embeddings", True) else tensors["lm_head.weight"]
        return Weights(config, embedding, layers, tensors["model.norm.weight"], Linear(head))
    except KeyError as error:
        raise InputError(f"lora_seed.model: {path} has no weights {error}.") from error
    except Exception as error:  # safetensors raises a class of its own for a file that is cut
        raise InputError(f"lora_seed.model: the model in {path} could not be loaded: {error}") from error


def read_config(raw: dict[str, Any], path: str) -> Config:
    """The shape that a `config.json` says; InputError names what the PyTorch backend does not compute."""
    unknown = [f"model_type {raw.get('model_type')}"] if raw.get("model_type") not in ARCHITECTURES else []
    unknown += ["quantised weights"] if raw.get("quantization") or raw.get("quantization_config") else []
    unknown += [f"rope_scaling {raw['rope_scaling']}"] if raw.get("rope_scaling") else []
    rope: dict[str, Any] = raw.get("rope_parameters") or raw
    unknown += [f"rope_type {kind}"] if (kind := rope.get("rope_type", "default")) != "default" else []
    unknown += [f"hidden_act {raw['hidden_act']}"] if raw.get("hidden_act", "silu") != "silu" else []
    if unknown:
        raise InputError(
            f"lm.backend: PyTorch's models here are {', '.join(ARCHITECTURES)} in 16 or 32 bits; the one in {path} has "
            f"{'; '.join(unknown)}. Set lm.backend to mlx for it."
        )
    heads = raw["num_attention_heads"]
    return Config(
        hidden_size=raw["hidden_size"],
        layers=raw["num_hidden_layers"],
        heads=heads,
        kv_heads=raw.get("num_key_value_heads") or heads,
        head_dim=raw.get("head_dim") or raw["hidden_size"] // heads,
        eps=raw["rms_norm_eps"],
        rope_theta=rope.get("rope_theta", 10000.0),
    )


def _layer(tensors: dict[str, Tensor], prefix: str) -> Layer:
    linear = {}
    for ours, theirs in PROJECTIONS.items():
        names = [f"{prefix}.{name}" for name in theirs]
        weight = torch.cat([tensors.pop(f"{name}.weight") for name in names])
        bias = torch.cat([tensors.pop(f"{name}.bias") for name in names]) if f"{names[0]}.bias" in tensors else None
        linear[ours] = Linear(weight, bias)
    norms = [tensors[f"{prefix}.{name}_layernorm.weight"] for name in ("input", "post_attention")]
    return Layer(norms[0], linear["qkv"], linear["o"], norms[1], linear["gate_up"], linear["down"])


def widths(config: Config, ours: str, outputs: int) -> list[int]:
    """How many of the `outputs` of one of our linear layers each of the checkpoint's gives, in their order."""
    if ours == "qkv":
        return [heads * config.head_dim for heads in (config.heads, config.kv_heads, config.kv_heads)]
    return [outputs // len(PROJECTIONS[ours])] * len(PROJECTIONS[ours])


def joined(adapters: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """One pair of low-rank weights that does what those of each of a linear layer's parts do, in their order."""
    return torch.cat([a for a, _ in adapters], 1), torch.block_diag(*[b for _, b in adapters])


def rotations(config: Config, positions: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosines and sines that turn a head by its position, each (tokens, 1, head size); the sines signed to be added."""
    steps = torch.arange(0, config.head_dim, 2, dtype=torch.float32) / config.head_dim
    angles = positions.to(torch.float32)[:, None] * config.rope_theta**-steps
    cosines, sines = angles.cos(), angles.sin()
    return torch.cat([cosines, cosines], 1)[:, None].to(dtype), torch.cat([-sines, sines], 1)[:, None].to(dtype)


def rotate(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Turn heads (tokens, heads, head size) by their positions."""
    return kernels.Rotate.apply(x, *turn)


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """Scale each token to a mean square of one, then by the weight; the mean is taken in float32."""
    return kernels.RmsNorm.apply(x, weight, eps)


def linear(x: Tensor, layer: Linear) -> Tensor:
    """Every product with a model's weights goes through here: x (tokens, in) to (tokens, out)."""
    if layer.packed:
        return torch.ops.mkldnn._linear_pointwise(x, layer.packed[0], layer.bias, "none", [], "")
    if layer.adapter is None:
        return F.linear(x, layer.weight, layer.bias)
    return kernels.Adapted.apply(x, layer.adapter.a, layer.adapter.b, layer.weight, layer.bias, layer.adapter.scale)


def swiglu(x: Tensor, layer: Linear) -> Tensor:
    """The gated inputs of the feed-forward layer's last product: silu(gate) x up."""
    if layer.packed:  # both in the products' own passes over their outputs
        to_gate, to_up = (None, None) if layer.bias is None else layer.bias.chunk(2)
        gate = torch.ops.mkldnn._linear_pointwise(x, layer.packed[0], to_gate, "swish", [], "")
        return torch.ops.mkldnn._linear_pointwise.binary(x, gate, layer.packed[1], to_up, "mul")
    return kernels.Gate.apply(linear(x, layer))


def block(number: int, layer: Layer, config: Config, x: Tensor, turn: tuple[Tensor, Tensor], attend: Attend) -> Tensor:
    """One transformer block on packed hidden states (tokens, width)."""
    sizes = [config.heads, config.kv_heads, config.kv_heads]
    projected = linear(rms_norm(x, layer.input_norm, config.eps), layer.qkv)
    queries, keys, values = projected.view(len(x), sum(sizes), config.head_dim).split(sizes, 1)
    mixed = attend(number, rotate(queries, turn), rotate(keys, turn), values)
    x = x + linear(mixed.reshape(len(x), -1), layer.o)
    return x + linear(swiglu(rms_norm(x, layer.post_norm, config.eps), layer.gate_up), layer.down)


def hidden_states(
    weights: Weights, tokens: Tensor, positions: Tensor, attend: Attend, checkpoint: bool = False
) -> Tensor:
    """The input of the head: (tokens, width) for packed `tokens` (tokens,) at `positions` (tokens,) of their rows.

    With `checkpoint` a layer keeps its input alone and computes the rest again for its gradient.
    """
    x = weights.embedding[tokens]
    turn = rotations(weights.config, positions, x.dtype)
    for number, layer in enumerate(weights.layers):
        if checkpoint and torch.is_grad_enabled() and layer.down.adapter:
            x = recompute(block, number, layer, weights.config, x, turn, attend, use_reentrant=False)
        else:
            x = block(number, layer, weights.config, x, turn, attend)
    return rms_norm(x, weights.norm, weights.config.eps)


def attend_in_rows(lengths: Sequence[int]) -> Attend:
    """Causal attention inside each of the packed rows of these lengths."""

    def attend(_: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        rows = zip(queries.split(list(lengths)), keys.split(list(lengths)), values.split(list(lengths)), strict=True)
        return torch.cat([kernels.CausalAttention.apply(*row) for row in rows])

    return attend
