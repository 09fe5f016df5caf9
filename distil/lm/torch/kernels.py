"""The parts of a model with gradients of their own: exactly what training needs, and large arrays taken in pieces.

What PyTorch's automatic gradients would keep and copy costs as much time here as the matrix products. A piece of an
element-wise operation is so small that it stays in the processor's cache from one step of it to the next.
"""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

CACHE = 2**18
"""Numbers in a piece: half a megabyte in bfloat16."""
LOGITS = 256
"""The number of tokens whose logits exist at one time."""
QUERIES = 512
"""The number of queries whose attention weights exist at one time while the gradient is computed."""


def pieces(x: Tensor) -> Iterator[slice]:
    """Cut the rows of x into runs of about CACHE numbers."""
    rows = max(1, CACHE // max(1, x[:1].numel()))
    return (slice(start, start + rows) for start in range(0, len(x), rows))


class Adapted(torch.autograd.Function):
    """A frozen linear layer and its low-rank adapter, with the gradients of input and adapter and no other."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, a: Tensor, b: Tensor, weight: Tensor, bias: Tensor | None, scale: float) -> Tensor:
        # scaled in float32 before b is rounded: one rounding instead of two
        a, b = a.to(x.dtype), (scale * b).to(x.dtype)
        inner = x @ a
        ctx.save_for_backward(x, inner, a, b, weight)
        ctx.scale = scale
        return F.linear(x, weight, bias).addmm_(inner, b)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, inner, a, b, weight = ctx.saved_tensors
        narrow = gradient @ b.T
        grad_a = (x.T @ narrow).to(torch.float32)
        grad_b = (inner.T @ gradient).to(torch.float32) * ctx.scale
        # the lowest adapted layer's input needs none: nothing below it is trained
        grad_x = (gradient @ weight).addmm_(narrow, a.T) if ctx.needs_input_grad[0] else None
        return grad_x, grad_a, grad_b, None, None, None


class Gate(torch.autograd.Function):
    """silu(gate) * up, of gates and ups side by side in one array (tokens, 2 x width)."""

    @staticmethod
    def forward(ctx: Any, joined: Tensor) -> Tensor:
        ctx.save_for_backward(joined)
        gate, up = joined.chunk(2, -1)
        out = torch.empty_like(gate, memory_format=torch.contiguous_format)
        for part in pieces(gate):
            torch.mul(F.silu(gate[part]), up[part], out=out[part])
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (joined,) = ctx.saved_tensors
        gate, up = joined.chunk(2, -1)
        found = torch.empty_like(joined)
        to_gate, to_up = found.chunk(2, -1)
        for part in pieces(gate):
            torch.mul(F.silu(gate[part]), gradient[part], out=to_up[part])
            to_gate[part] = torch.ops.aten.silu_backward(gradient[part] * up[part], gate[part])
        return found


class RmsNorm(torch.autograd.Function):
    """Each token divided by the root of its mean square, times a frozen weight; sums in float32."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        out, scales = torch.empty_like(x), torch.empty(len(x), 1)
        for part in pieces(x):
            wide = x[part].to(torch.float32)
            scales[part] = torch.rsqrt(wide.square().mean(-1, keepdim=True).add_(eps))
            torch.mul((wide * scales[part]).to(x.dtype), weight, out=out[part])
        ctx.save_for_backward(x, weight, scales)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        x, weight, scales = ctx.saved_tensors
        found = torch.empty_like(x)
        for part in pieces(x):
            unit = x[part].to(torch.float32).mul_(scales[part])
            to_unit = (gradient[part] * weight).to(torch.float32)
            # a change along the unit vector itself is divided away again, so that part has no gradient
            along = (to_unit * unit).mean(-1, keepdim=True)
            found[part] = to_unit.addcmul_(unit, along, value=-1).mul_(scales[part])
        return found, None, None


class Rotate(torch.autograd.Function):
    """Turn heads (tokens, heads, head size) by cosines and signed sines; the gradient turns back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
        ctx.save_for_backward(cosines, sines)
        return _turned(x, cosines, sines)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        cosines, sines = ctx.saved_tensors
        return _turned(gradient, cosines, -sines), None, None


def _turned(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    return torch.cat([x[..., half:], x[..., :half]], -1).mul_(sines).addcmul_(x, cosines)


class CausalAttention(torch.autograd.Function):
    """Attention of one row to itself and what came before, each argument (tokens, heads, head size).

    Forward is PyTorch's, which keeps no weights. PyTorch's own gradient runs at a tenth of a matrix product's speed.
    """

    @staticmethod
    def forward(ctx: Any, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        q, k, v = (part.transpose(0, 1)[None] for part in (queries, keys, values))
        groups = q.shape[1] // k.shape[1]
        k, v = (part.repeat_interleave(groups, 1) for part in (k, v))
        out, logsums = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, True)
        out = out[0].transpose(0, 1)
        ctx.save_for_backward(queries, keys, values, out, logsums[0])
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        queries, keys, values, out, logsums = ctx.saved_tensors
        length, heads, size = queries.shape
        grouped = keys.shape[1]
        scale = size**-0.5
        # (key heads, queries of all heads that share them, size): one product for each key head
        q, o, g = (part.view(length, grouped, -1, size).permute(1, 2, 0, 3) for part in (queries, out, gradient))
        k, v = (part.transpose(0, 1) for part in (keys, values))
        # softmax's gradient takes away each query's mean slope, which is the product of its output with the gradient
        rest = (g.to(torch.float32) * o).sum(-1)
        logsums = logsums.view(grouped, -1, length)
        to_q = torch.empty_like(q, memory_format=torch.contiguous_format)
        to_k, to_v = (torch.zeros(grouped, length, size, dtype=queries.dtype) for _ in range(2))
        for start in range(0, length, QUERIES):
            end = min(start + QUERIES, length)
            part, seen = slice(start, end), slice(0, end)
            flat_q, flat_g = (each[:, :, part].reshape(grouped, -1, size) for each in (q, g))
            hidden = torch.ones(end - start, end, dtype=torch.bool).triu_(start + 1)
            for group in range(grouped):
                shape = (heads // grouped, end - start, end)
                weights = (flat_q[group] @ k[group, seen].T).view(shape).to(torch.float32).mul_(scale)
                # softmax again from the sums that the forward pass has kept: no new search for each maximum
                weights.sub_(logsums[group, :, part, None]).exp_().masked_fill_(hidden, 0)
                slopes = (flat_g[group] @ v[group, seen].T).view(shape).to(torch.float32)
                slopes.sub_(rest[group, :, part, None]).mul_(weights).mul_(scale)
                # products in the model's type are fast; the sums above need float32
                narrow, steep = (each.to(queries.dtype).view(-1, end) for each in (weights, slopes))
                to_v[group, seen] += narrow.T @ flat_g[group]
                to_k[group, seen] += steep.T @ flat_q[group]
                to_q[group, :, part] = (steep @ k[group, seen]).view(-1, end - start, size)
        return to_q.permute(2, 0, 1, 3).reshape(length, heads, size), to_k.transpose(0, 1), to_v.transpose(0, 1)


class CrossEntropy(torch.autograd.Function):
    """The loss of a linear head, a chunk of tokens at a time; the gradient is taken while the chunk's logits exist.

    All losses must have the same weight in what is then differentiated, as in a sum or a mean.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        losses, found = torch.empty(len(hidden)), []
        for start in range(0, len(hidden), LOGITS):
            chunk = slice(start, start + LOGITS)
            logits, target = hidden[chunk] @ weight.T, targets[chunk, None]
            for part in pieces(logits):
                wide = logits[part].to(torch.float32)
                highest = wide.amax(-1, keepdim=True)
                chosen = wide.gather(1, target[part]).sub_(highest)
                total = wide.sub_(highest).exp_().sum(-1, keepdim=True)
                losses[chunk][part] = (total.log() - chosen)[:, 0]
                if ctx.needs_input_grad[0]:
                    share = wide.div_(total)
                    # the loss's gradient by the logits: the shares, less 1 at the target
                    share.scatter_(1, target[part], share.gather(1, target[part]) - 1)
                    logits[part] = share
            if ctx.needs_input_grad[0]:
                found.append(logits @ weight)
        if found:
            ctx.save_for_backward(torch.cat(found))
        return losses

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (found,) = ctx.saved_tensors
        return found * gradient[:, None].to(found.dtype), None, None
