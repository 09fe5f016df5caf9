"""Exponentials on x86-64 CPUs, and what is made of them: gates, attention, cross entropy.

MLX's CPU backend computes `exp` one number at a time, 25 ns each; in a small model that costs as much as all matrix
products. As a polynomial it is fifteen additions and multiplications of whole arrays, which MLX does with SIMD: seven
times faster, precise to float32's rounding, and the same bits whatever the C library. `use_in` puts these functions
into a model of mlx-lm.
"""

import math
import platform
import sys
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx_lm.models import base

POWER_OF_TWO = (1.3276469e-3, 9.6755413e-3, 5.5507133e-2, 2.4022120e-1, 6.9314697e-1, 1.0)
"""2^x on [-1/2, 1/2] to 1 part in 10 million, highest power first: a minimax fit with the constant set to 1."""
TO_WHOLE = 1.5 * 2**23
"""A small float32 number plus this one has its nearest whole number in the lowest bits of the mantissa."""
MANTISSA_BITS = mx.array(23, mx.int32)
LOWEST = -80.0
"""Smaller powers of two count as 0. Attention and gates need no smaller ones, and denormal products are slow."""


def exp(x: mx.array) -> mx.array:
    """e^x of float32 numbers up to 88; 0 below -55."""
    result: Any = _exp(x)
    return result


@mx.custom_function
def _exp(x: mx.array) -> mx.array:
    powers = mx.maximum(x * math.log2(math.e), LOWEST)
    # e^x is 2^(x log2 e): a whole power of two from the bits, and a polynomial for the rest
    shifted = powers + TO_WHOLE
    rest = powers - (shifted - TO_WHOLE)
    value: Any = POWER_OF_TWO[0]
    for coefficient in POWER_OF_TWO[1:]:
        value = value * rest + coefficient
    bits = value.view(mx.int32) + mx.left_shift(shifted.view(mx.int32), MANTISSA_BITS)  # adds to the exponent
    # so that what was raised to the smallest power becomes 0, as a masked score has to be
    return bits.view(mx.float32) - 2.0**LOWEST


@_exp.vjp
def _exp_vjp(x: mx.array, cotangent: mx.array, output: mx.array) -> mx.array:
    return cotangent * output


def sigmoid(x: mx.array) -> mx.array:
    """1 / (1 + e^-x)."""
    result: Any = _sigmoid(x)
    return result


@mx.custom_function
def _sigmoid(x: mx.array) -> mx.array:
    # beyond 80 the result is next to 0, and `exp` holds up to 88 only
    return 1 / (1 + exp(mx.minimum(-x, 80.0)))


@_sigmoid.vjp
def _sigmoid_vjp(x: mx.array, cotangent: mx.array, output: mx.array) -> mx.array:
    return cotangent * output * (1 - output)


def swiglu(gate: mx.array, x: mx.array) -> mx.array:
    """The gated activation of Qwen2 and Llama: gate * sigmoid(gate) * x."""
    return gate * sigmoid(gate) * x


def softmax(x: mx.array) -> mx.array:
    """Softmax over the last axis."""
    # the maximum changes nothing in the result, so its gradient is none
    shares = exp(x - mx.stop_gradient(x.max(-1, keepdims=True)))
    return shares / shares.sum(-1, keepdims=True)


def cross_entropy(logits: mx.array, targets: mx.array) -> mx.array:
    """Minus the log probability of each target: `logits` [..., vocabulary], `targets` [...]."""
    highest = mx.stop_gradient(logits.max(-1, keepdims=True))
    total = exp(logits - highest).sum(-1).log() + highest.squeeze(-1)
    return total - mx.take_along_axis(logits, targets[..., None], -1).squeeze(-1)


def attention(
    queries: mx.array, keys: mx.array, values: mx.array, scale: float, mask: mx.array | str | None = None
) -> mx.array:
    """Scaled dot product attention as `mx.fast.scaled_dot_product_attention` defines it, its masks included.

    `queries` are [batch, heads, length, width]; `keys` and `values` may have fewer heads, each then serving several.
    """
    batch, heads, length, width = queries.shape
    groups, seen = keys.shape[1], keys.shape[2]
    queries = (queries * scale).reshape(batch, groups, heads // groups * length, width)
    scores = (queries @ keys.swapaxes(-1, -2)).reshape(batch, heads, length, seen)
    if isinstance(mask, str):
        mask = mx.arange(seen - length, seen)[:, None] >= mx.arange(seen)
    if mask is not None:
        scores = mx.where(mask, scores, -1e9) if mask.dtype == mx.bool_ else scores + mask
    shares = softmax(scores).reshape(batch, groups, heads // groups * length, seen)
    return (shares @ values).reshape(batch, heads, length, values.shape[-1])


def use_in(model: nn.Module) -> None:
    """Let the functions of this model's module in mlx-lm compute with these, where MLX runs on an x86-64 CPU."""
    if mx.default_device() != mx.Device(mx.cpu) or platform.machine() != "x86_64":
        return
    module: Any = sys.modules[type(model).__module__]
    if hasattr(module, "swiglu"):
        module.swiglu = _swiglu
    if hasattr(module, "scaled_dot_product_attention"):
        module.scaled_dot_product_attention = _attention


def _swiglu(gate: mx.array, x: mx.array) -> mx.array:
    """`swiglu` for float32, mlx-lm's own for other types."""
    return swiglu(gate, x) if gate.dtype == mx.float32 else nn.silu(gate) * x


def _attention(
    queries: mx.array, keys: mx.array, values: mx.array, cache: Any, scale: float, mask: Any, sinks: Any = None
) -> mx.array:
    """`attention` with mlx-lm's signature. Cases that it does not cover go to mlx-lm's own function."""
    if sinks is not None or hasattr(cache, "bits") or queries.dtype != mx.float32:
        return base.scaled_dot_product_attention(queries, keys, values, cache, scale, mask, sinks)
    return attention(queries, keys, values, scale, mask)
